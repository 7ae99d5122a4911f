//! Events: one sequence without a gap, from any number on, for whoever watches.

use muster_model::event::EventBody;
use muster_tests::cli::code;
use muster_tests::field::Field;
use muster_tests::watch::Watch;

/// A watch that was opened before a run sees every event of it; one opened later, from its number on, the same ones.
#[test]
fn a_watch_has_no_gap_whenever_it_was_opened() {
    let field = Field::sxa();
    let mut early = field.watch();
    field.bring_in_sync();
    let all = field.events();
    // `Watch` itself fails on a gap; what it read is compared with the whole list.
    for wanted in &all {
        assert_eq!(early.next_event(), *wanted);
    }
    let middle = all.len() / 2;
    let mut late = Watch::open(&field.cli, all[middle].sequence.0).unwrap();
    for wanted in &all[middle..] {
        assert_eq!(late.next_event(), *wanted);
    }
}

/// What happened before a restart of the controller is there after it, and the sequence goes on.
#[test]
fn the_sequence_goes_on_over_a_restart() {
    let mut field = Field::sxa();
    let before = field.events();
    field.controller.kill().unwrap();
    field.controller.serve().unwrap();
    let after = field.events();
    assert_eq!(after[..before.len()], before[..]);
    assert!(matches!(
        after[before.len()].body,
        EventBody::ServerDisconnected { .. } | EventBody::ControllerStarted { .. }
    ));
    for (index, event) in after.iter().enumerate() {
        assert_eq!(event.sequence.0, index as u64 + 1);
    }
}

/// Who did it is not enough at three in the morning: why is on record beside it.
#[test]
fn the_reason_that_an_operator_gives_is_on_record() {
    let field = Field::sxa();
    field.edit("CN=sxa.dupont.example", "CN=sxa.dupont.test");
    let documents = field.documents();
    let push =
        ["push".as_ref(), "-f".as_ref(), documents.as_os_str(), "--reason".as_ref(), "a new name".as_ref()];
    field.cli.run(push).expect(code::OK);
    let plan = field.plan().to_string();
    field.cli.run(["approve", &plan, "--ticket", "CHG7", "--reason", "the client's wish"]).expect(code::OK);
    field.cli.ok(&format!("run {plan}"));
    field.cli.run(["cancel", &plan, "--reason", "the window ends"]).expect(code::OK);
    field.watch().until("the run has ended", |body| matches!(body, EventBody::RunEnded { .. }));
    field.cli.run(["resume", &plan, "--reason", "the next window"]).expect(code::OK);
    field.cli.run(["server", "revoke", "dupont-prod/web", "--reason", "stolen"]).expect(code::OK);
    let events = field.cli.ok("events");
    for what in [
        "pushed by anne: 1 changed, because: a new name",
        "because: the client's wish",
        "asked to stop by anne, because: the window ends",
        "resumed by anne, because: the next window",
        "dupont-prod/web revoked by anne, because: stolen",
    ] {
        events.says(&[what]);
    }
}
