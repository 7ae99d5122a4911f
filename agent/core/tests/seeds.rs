//! The seeds of the fuzzer, each put to the proof like what it makes of them, so that they cannot rot unseen.

#![expect(clippy::disallowed_methods, reason = "a test reads its own seeds")]

mod promises;

use std::path::Path;

#[test]
fn every_seed_of_the_fuzzer_keeps_the_promises_of_the_reader() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/seeds");
    let mut seeds: Vec<_> = std::fs::read_dir(folder).unwrap().map(|seed| seed.unwrap().path()).collect();
    seeds.sort();
    assert!(seeds.len() >= 20, "the seeds are gone");
    for seed in seeds {
        let bytes = std::fs::read(&seed).unwrap();
        let held = std::panic::catch_unwind(|| promises::hold(&bytes));
        assert!(held.is_ok(), "{}: the promise stands above", seed.display());
    }
}
