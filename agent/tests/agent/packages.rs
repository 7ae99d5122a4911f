//! Promise 4 for installers: started at most once, and what cannot be settled is unknown and parked.

use muster_agent::host::twin::ledger::Action;
use muster_agent::supervise::{Phase, Probe};
use muster_model::outcome::End;

use crate::manifest::{manifest, node};
use crate::stage::{Agent, Plan, Stage, ends};

fn plan(agent: &Agent, stage: &Stage) -> Plan {
    agent.connect();
    stage.fault(&["package.install", "other", "hang", "--always"]);
    let attributes = [("version", "1.0".into()), ("time_limit_seconds", 1.into())];
    let manifest = manifest(1, vec![node("package/other", &attributes, None)]);
    Plan::new(1, &manifest, &agent.report(&manifest).unwrap())
}

/// Until the installer of that step has ended.
fn let_it_end(stage: &Stage, command: &muster_model::command::Command) {
    stage.clear_faults();
    let clock = muster_agent::host::clock::SystemClock;
    let probe = stage.supervisor().wait(&command.steps[0].key, Phase::Install, 20_000, &clock).unwrap();
    assert_eq!(probe, Probe::Exited { code: 0 });
}

#[test]
fn an_installer_over_its_time_is_unknown_goes_on_and_is_never_started_beside_itself() {
    let stage = Stage::new();
    let agent = stage.agent();
    let plan = plan(&agent, &stage);
    let first = plan.command();
    let outcome = agent.run(&first).remove(&1).unwrap();
    assert_eq!(outcome.end, End::Unknown);
    assert!(outcome.evidence.contains("still runs"), "{}", outcome.evidence);

    let mut ordered = plan.command();
    ordered.restart = vec![1];
    let outcome = agent.run(&ordered).remove(&1).unwrap();
    assert_eq!(outcome.end, End::Unknown, "even where an operator orders it");
    assert_eq!(stage.starts(Action::Install), 1);

    let_it_end(&stage, &first);
    let outcome = agent.run(&plan.command()).remove(&1).unwrap();
    assert_eq!(outcome.end, End::Done, "{}", outcome.evidence);
    assert_eq!(stage.starts(Action::Install), 1);
}

#[test]
fn an_unknown_installation_is_started_anew_only_where_an_operator_orders_it() {
    let stage = Stage::new();
    let agent = stage.agent();
    let plan = plan(&agent, &stage);
    let first = plan.command();
    assert_eq!(ends(&agent.run(&first)), [End::Unknown]);
    let_it_end(&stage, &first);
    // A person took the package off again: its outcome stays unknown to the agent.
    stage.set(&["package", "other", "absent"]);
    let outcome = agent.run(&plan.command()).remove(&1).unwrap();
    assert_eq!(outcome.end, End::Unknown);
    assert!(outcome.evidence.contains("its restart was not ordered"), "{}", outcome.evidence);
    assert_eq!(stage.starts(Action::Install), 1);
    let mut ordered = plan.command();
    ordered.restart = vec![1];
    assert_eq!(ends(&agent.run(&ordered)), [End::Done]);
    assert_eq!(stage.starts(Action::Install), 2);
}

#[test]
fn an_installer_that_fails_is_failed_with_its_words_and_one_that_lies_too() {
    let check = |strike: &str, words: &str| {
        let stage = Stage::new();
        let agent = stage.agent();
        let plan = plan(&agent, &stage);
        stage.clear_faults();
        stage.fault(&["package.install", "other", strike]);
        let outcome = agent.run(&plan.command()).remove(&1).unwrap();
        assert_eq!(outcome.end, End::Failed, "{strike}: {}", outcome.evidence);
        assert!(outcome.evidence.contains(words), "{strike}: {}", outcome.evidence);
    };
    check("exit-code=1602", "1602");
    check("fail", "no version is installed");
}

#[test]
fn a_restarted_agent_adopts_the_installer_that_it_finds() {
    let stage = Stage::new();
    let agent = stage.agent();
    let plan = plan(&agent, &stage);
    let command = plan.command();
    agent.command(&command).answer.unwrap();
    let engine = std::thread::scope(|scope| {
        let working = scope.spawn(|| agent.engine.catch_up());
        while stage.starts(Action::Install) == 0 {
            std::thread::yield_now();
        }
        // What SIGTERM does: the wait ends, the installer does not.
        agent.engine.stop.store(true, std::sync::atomic::Ordering::SeqCst);
        working.join().unwrap()
    });
    assert!(engine.is_err(), "stopped in the middle of the step");
    drop(agent);
    let_it_end(&stage, &command);
    let agent = stage.agent();
    agent.engine.catch_up().unwrap();
    assert_eq!(ends(&agent.outcomes(&command)), [End::Done]);
    assert_eq!(stage.starts(Action::Install), 1);
}
