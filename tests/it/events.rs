//! Events: one sequence without a gap, from any number on, for whoever watches.

use muster_model::event::EventBody;
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
