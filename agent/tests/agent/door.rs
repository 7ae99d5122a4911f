//! Promises 4 and 5 at the agent's door: messages may come twice, late, or from a controller that is no more.

use muster_agent::host::twin::ledger::Action;
use muster_model::outcome::{End, Refusal};
use muster_proto::session::{FromAgent, ToAgent};

use crate::manifest::product;
use crate::run::installed;
use crate::stage::{Plan, Stage, ends, epoch, welcome};

#[test]
fn a_command_that_comes_twice_is_done_once_and_an_outcome_is_sent_until_it_is_stored() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let manifest = product(1, "1.0");
    let command = Plan::new(1, &manifest, &agent.report(&manifest).unwrap()).command();
    agent.run(&command);
    agent.command(&command).answer.unwrap();
    agent.engine.catch_up().unwrap();
    assert_eq!(stage.starts(Action::Install), 1);
    assert_eq!(agent.connect().len(), 5, "every outcome, again");
    for ticket in &command.steps[..4] {
        agent.reception.handle(ToAgent::Stored(ticket.key)).unwrap();
        agent.reception.handle(ToAgent::Stored(ticket.key)).unwrap();
    }
    drop(agent);
    let again = stage.agent().connect();
    assert_eq!(again.len(), 1);
    let FromAgent::Ended(ended) = &again[0] else { panic!("{again:?}") };
    assert_eq!((ended.key, ended.outcome.end), (command.steps[4].key, End::Done));
}

#[test]
fn a_controller_that_was_taken_over_gets_no_outcome_and_takes_none_away() {
    let stage = Stage::new();
    let agent = installed(&stage);
    agent.reception.handle(welcome(7, 0)).unwrap();
    let key = agent.journal.read(|state| state.outbox().next().map(|(_, waiting)| waiting.key)).unwrap();
    assert!(agent.reception.handle(welcome(6, 0)).unwrap().is_empty());
    agent.reception.handle(ToAgent::Stored(key)).unwrap();
    assert_eq!(agent.reception.handle(welcome(7, 0)).unwrap().len(), 5, "all are still there");
    let manifest = product(2, "2.0");
    let mut command = Plan::new(2, &manifest, &agent.report(&manifest).unwrap()).command();
    command.epoch = epoch(6);
    assert_eq!(agent.command(&command).answer, Err(Refusal::OldEpoch { got: 6, have: 7 }));
}

#[test]
fn the_epoch_is_on_the_disk_before_anything_of_it_is_done() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.reception.handle(welcome(7, 0)).unwrap();
    drop(agent);
    assert_eq!(stage.agent().reception.hello().epoch, 7);
}

#[test]
fn a_restored_journal_takes_nothing_until_the_server_was_compared_and_never_falls_back_again() {
    let stage = Stage::new();
    let agent = installed(&stage);
    let manifest = product(2, "2.0");
    let mut command = Plan::new(2, &manifest, &agent.report(&manifest).unwrap()).command();
    command.epoch = epoch(2);
    agent.reception.handle(welcome(2, 500)).unwrap();
    let refusal = agent.command(&command).answer.unwrap_err();
    assert!(matches!(refusal, Refusal::Regressed { known: 500, .. }), "{refusal}");
    drop(agent);
    let agent = stage.agent();
    assert!(agent.reception.hello().journal > 500);
    agent.reception.handle(welcome(2, 500)).unwrap();
    let refusal = agent.command(&command).answer.unwrap_err();
    assert!(matches!(refusal, Refusal::Regressed { .. }), "a restart does not make up for it: {refusal}");
    let plan = Plan::new(3, &manifest, &agent.report(&manifest).unwrap());
    let mut fresh = plan.command();
    fresh.epoch = epoch(2);
    assert_eq!(ends(&agent.run(&fresh)), [End::Done; 4]);
}

#[test]
fn a_manifest_of_another_server_or_computer_is_not_compared() {
    let agent = Stage::new();
    let agent = agent.agent();
    let mut manifest = product(1, "1.0");
    manifest.server = "martin-prod/web".parse().unwrap();
    assert!(agent.report(&manifest).unwrap_err().contains("martin-prod/web"));
    let mut manifest = product(1, "1.0");
    manifest.host = "DUP-WEB02".parse().unwrap();
    assert_eq!(
        agent.report(&manifest).unwrap_err(),
        "this computer is DUP-WEB01, the site's document says DUP-WEB02"
    );
}
