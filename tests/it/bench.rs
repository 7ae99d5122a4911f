//! The bench itself: it runs, with a small fleet, and reports what it was asked for. No figure is judged here.

use std::process::Command;

use muster_tests::cli::{Ran, code};
use muster_tests::programs::Programs;

#[test]
fn a_small_run_measures_everything_that_a_large_one_does() {
    Programs::built();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bench.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.args(["--quick", "--agents", "5", "--out"]).arg(&out);
    Ran::of(&mut command).unwrap().expect(code::OK).says(&[
        "| 5 | Muster |",
        "bare server",
        "`muster status`",
    ]);
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!(report["shape"], "muster.bench/1");
    assert_eq!(report["fleets"][0]["agents"], 5);
    for measured in ["connect_s", "memory_kib", "fan_out_s"] {
        assert!(report["fleets"][0]["muster"][measured]["median"].as_f64().unwrap() > 0.0, "{measured}");
    }
    assert_eq!(report["history"]["events"], 5_000);
    assert!(report["single"]["connect_ms"]["median"].as_f64().unwrap() > 0.0);
}

#[test]
fn an_option_that_it_does_not_have_is_refused() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    Ran::of(command.arg("--fast")).unwrap().expect(2).says(&["there is no --fast", "usage: ./tests/bench"]);
}
