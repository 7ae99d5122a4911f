//! The conformance page, `deploy/windows/CONFORMANCE.md`: every promise of the ports with what a twin and a Wine showed of it.
//!
//! The twin's part is compared in every check, here; the whole is compared, or with `MUSTER_WRITE` written, where there is a
//! Wine, by `wine_selftest`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use muster_tests::cli::{Ran, code};
use muster_tests::programs::{Programs, root};
use serde_json::Value;

const ANEW: &str = "write it anew: MUSTER_WRITE=1 ./tests/windows/run selftest";

const HEAD: &str = "\
# What was seen of the host ports

Made from two runs of `muster-agent selftest`; after a change of it, `MUSTER_WRITE=1 ./tests/windows/run selftest` writes this
page anew, and every check compares it. A port is what the agent may ask of a machine; a promise is what everything above rests on. The same
stories run on each host: on the twin by a debug build of the agent for Linux, under Wine by the agent that is sent to servers. **No real Windows server is among them**: run it on one and send the report back, as
[ACCEPTANCE.md](ACCEPTANCE.md) says.

*ok*: seen to hold there. *not shown*: that host cannot show it, and why; it is never taken for held.
";

fn page() -> PathBuf {
    root().join("deploy/windows/CONFORMANCE.md")
}

/// The report of a self-test on a twin.
pub(crate) fn on_a_twin() -> Value {
    let folder = tempfile::tempdir().unwrap();
    let (twin, report) = (folder.path().join("twin"), folder.path().join("report.json"));
    let run = |words: &[&str], more: &[&std::ffi::OsStr]| {
        Ran::of(Command::new(Programs::built().agent()).args(words).args(more)).unwrap().expect(code::OK)
    };
    let declared = root().join("tests/scenes/selftest/twin.yaml");
    run(&["twin", "init", "--dir"], &[twin.as_ref(), "--from".as_ref(), declared.as_ref()]);
    run(&["selftest", "--twin"], &[twin.as_ref(), "--report".as_ref(), report.as_ref()]);
    serde_json::from_slice(&fs::read(report).unwrap()).unwrap()
}

/// The page of two reports is the one that is there.
pub(crate) fn check_page(twin: &Value, wine: &Value) {
    let wanted = written(twin, wine);
    if std::env::var_os("MUSTER_WRITE").is_some() {
        fs::write(page(), &wanted).unwrap();
    }
    assert!(fs::read_to_string(page()).unwrap() == wanted, "{ANEW}");
}

fn lines(report: &Value) -> &Vec<Value> {
    report["promises"].as_array().unwrap()
}

fn written(twin: &Value, wine: &Value) -> String {
    let mut text = HEAD.to_owned();
    write!(text, "\n| promise | | on {} | on {} |\n|---|---|---|---|\n", machine(twin), machine(wine))
        .unwrap();
    for (here, there) in lines(twin).iter().zip(lines(wine)) {
        assert_eq!(here["id"], there["id"]);
        writeln!(text, "{} {} |", begins(here), seen(there)).unwrap();
    }
    text
}

fn machine(report: &Value) -> &str {
    report["machine"].as_str().unwrap()
}

/// A row up to what a twin showed.
fn begins(line: &Value) -> String {
    let text = |field: &str| line[field].as_str().unwrap();
    format!("| `{}` | {} | {} |", text("id"), text("promise"), seen(line))
}

fn seen(line: &Value) -> String {
    let why = || line["why"].as_str().unwrap().replace('|', r"\|");
    match line["seen"].as_str().unwrap() {
        "held" => "ok".to_owned(),
        "not_shown" => format!("not shown: {}", why()),
        _ => format!("**fails**: {}", why()),
    }
}

#[test]
fn the_page_of_conformance_has_every_promise_as_a_twin_shows_it() {
    let text = fs::read_to_string(page()).unwrap();
    assert!(text.starts_with(HEAD), "{ANEW}");
    let report = on_a_twin();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows.len(), lines(&report).len(), "{ANEW}");
    for (row, line) in rows.iter().zip(lines(&report)) {
        assert!(row.starts_with(&begins(line)), "{row}\nis not\n{}\n{ANEW}", begins(line));
        assert!(!row.contains("**fails**"), "{row}");
    }
}
