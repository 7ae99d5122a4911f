//! Promise 3: no durable intent, no start; and after a crash anywhere the run is finished with each installer started once.

use muster_agent::host::twin::ledger::Action;
use muster_model::command::Command;
use muster_model::outcome::End;

use crate::manifest::product;
use crate::stage::{Cut, Plan, Stage, ends};

/// A server with version 1.0 that is to get version 2.0, and the command for it.
fn upgrade(stage: &Stage) -> Command {
    let agent = crate::run::installed(stage);
    let manifest = product(2, "2.0");
    Plan::new(2, &manifest, &agent.report(&manifest).unwrap()).command()
}

/// Runs the upgrade with a disk that fails, then again as a fresh process; gives whether the disk had failed.
fn crash(cut: Cut) -> bool {
    let stage = Stage::new();
    let command = upgrade(&stage);
    let (failed, agent) = stage.finish_after(cut, &command);
    let outcomes = agent.outcomes(&command);
    assert_eq!(ends(&outcomes), [End::Done; 4], "{outcomes:#?}");
    assert_eq!((stage.starts(Action::Install), stage.starts(Action::Uninstall)), (2, 1));
    assert!(agent.in_sync(&product(2, "2.0")));
    failed
}

#[test]
fn a_crash_before_or_after_any_record_ends_in_sync_with_each_installer_started_once() {
    // Accepted, then an intent and an outcome for each of four steps: nine records.
    for number in 0..9 {
        assert!(crash(Cut::Before(number)), "before record {number}");
        assert!(crash(Cut::After(number + 1)), "after record {number}");
    }
    assert!(!crash(Cut::Before(9)), "there is no tenth record");
}

#[test]
fn without_a_stored_intent_nothing_is_started() {
    let stage = Stage::new();
    let command = upgrade(&stage);
    let deeds = stage.deeds().len();
    // The command is stored; the intent of its first step is not.
    let agent = stage.agent_until(Cut::Before(1));
    agent.connect();
    agent.command(&command).answer.unwrap();
    assert!(agent.engine.catch_up().is_err());
    assert_eq!(stage.deeds().len(), deeds);
}

#[test]
fn without_a_stored_acceptance_nothing_is_promised() {
    let stage = Stage::new();
    let command = upgrade(&stage);
    let agent = stage.agent_until(Cut::Before(0));
    agent.connect();
    let answer = agent.reception.handle(muster_proto::session::ToAgent::Command(Box::new(command)));
    assert!(answer.is_err(), "{answer:?}");
}
