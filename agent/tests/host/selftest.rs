//! The promises of the ports, on a twin: each is seen to hold, and a twin that breaks one is found out.

use muster_agent::selftest::{self, Seen};

use crate::Stage;

/// The promises that were not seen to hold.
fn failed(stage: &Stage) -> Vec<&'static str> {
    let seen = selftest::run(&stage.twin());
    seen.iter().filter(|(_, seen)| *seen != Seen::Held).map(|(promise, _)| promise.id).collect()
}

#[test]
fn a_twin_keeps_every_promise_and_nothing_stays_on_it() {
    let stage = Stage::new();
    assert_eq!(failed(&stage), [""; 0]);
    let state = std::fs::read_to_string(stage.dir().join("state.json")).unwrap().to_lowercase();
    assert!(!state.contains("selftest"), "{state}");
}

#[test]
fn a_promise_that_a_twin_breaks_fails_and_takes_its_things_away() {
    let stage = Stage::new();
    stage.fault("app_pool.set", "*", "fail");
    assert_eq!(failed(&stage), ["pool.partial"]);
    let state = std::fs::read_to_string(stage.dir().join("state.json")).unwrap().to_lowercase();
    assert!(!state.contains("selftest"), "{state}");
}

#[test]
fn the_verb_says_each_promise_and_ends_with_1_where_one_fails() {
    let stage = Stage::new();
    let dir = stage.dir();
    let run = || {
        let mut command = std::process::Command::new(crate::exe());
        command.args(["selftest", "--twin"]).arg(&dir).output().unwrap()
    };
    let good = run();
    assert_eq!(good.status.code(), Some(0), "{}", String::from_utf8_lossy(&good.stderr));
    stage.fault("registry.set", "*", "fail");
    let bad = run();
    assert_eq!(bad.status.code(), Some(1));
    let text = String::from_utf8(bad.stdout).unwrap();
    assert!(text.contains("registry.types") && text.contains("FAIL, "), "{text}");
}
