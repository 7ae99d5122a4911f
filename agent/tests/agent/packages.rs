//! Promise 4 for installers: started at most once, and what cannot be settled is unknown and parked.

use std::sync::Arc;

use muster_agent::engine::media::{Far, Fetching};
use muster_agent::host::twin::ledger::{Action, Deed};
use muster_agent::supervise::record::Records;
use muster_agent::supervise::{Phase, Probe, RunId};
use muster_model::command::Command;
use muster_model::digest::Digest;
use muster_model::outcome::{End, Outcome};

use crate::manifest::{manifest, node, product};
use crate::stage::{Agent, Plan, Stage, ends, plan};

fn hanging(agent: &Agent, stage: &Stage) -> Plan {
    agent.connect();
    stage.fault(&["package.install", "other", "hang", "--always"]);
    let attributes = [("version", "1.0".into()), ("time_limit_seconds", 1.into())];
    let manifest = manifest(1, vec![node("package/other", &attributes, None)]);
    Plan::new(1, &manifest, &agent.report(&manifest).unwrap())
}

/// Until the installer of that step has ended, and with that code.
fn let_it_end(stage: &Stage, command: &Command, phase: Phase, code: i32) {
    stage.clear_faults();
    let clock = muster_agent::host::clock::SystemClock;
    let probe = stage.supervisor().wait(&command.steps[0].key, phase, 20_000, &clock).unwrap();
    assert_eq!(probe, Probe::Exited { code });
}

/// The agent takes the command and is stopped, as by SIGTERM, once its installer is at work; that one goes on.
fn stopped_in(stage: &Stage, agent: Agent, command: &Command, action: Action) {
    agent.command(command).answer.unwrap();
    let engine = std::thread::scope(|scope| {
        let working = scope.spawn(|| agent.engine.catch_up());
        while stage.starts(action) == 0 {
            std::thread::yield_now();
        }
        agent.engine.stop.store(true, std::sync::atomic::Ordering::SeqCst);
        working.join().unwrap()
    });
    assert!(engine.is_err(), "stopped in the middle of the step");
}

#[test]
fn an_installer_over_its_time_is_unknown_goes_on_and_is_never_started_beside_itself() {
    let stage = Stage::new();
    let agent = stage.agent();
    let plan = hanging(&agent, &stage);
    let first = plan.command();
    let outcome = agent.run(&first).remove(&1).unwrap();
    assert_eq!(outcome.end, End::Unknown);
    assert!(outcome.evidence.contains("still runs"), "{}", outcome.evidence);

    let mut ordered = plan.command();
    ordered.restart = vec![1];
    let outcome = agent.run(&ordered).remove(&1).unwrap();
    assert_eq!(outcome.end, End::Unknown, "even where an operator orders it");
    assert_eq!(stage.starts(Action::Install), 1);

    let_it_end(&stage, &first, Phase::Install, 0);
    let outcome = agent.run(&plan.command()).remove(&1).unwrap();
    assert_eq!(outcome.end, End::Done, "{}", outcome.evidence);
    assert_eq!(stage.starts(Action::Install), 1);
}

#[test]
fn an_unknown_installation_is_started_anew_only_where_an_operator_orders_it() {
    let stage = Stage::new();
    let agent = stage.agent();
    let plan = hanging(&agent, &stage);
    let first = plan.command();
    assert_eq!(ends(&agent.run(&first)), [End::Unknown]);
    let_it_end(&stage, &first, Phase::Install, 0);
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
        let plan = hanging(&agent, &stage);
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
    let plan = hanging(&agent, &stage);
    let command = plan.command();
    stopped_in(&stage, agent, &command, Action::Install);
    let_it_end(&stage, &command, Phase::Install, 0);
    let agent = stage.agent();
    agent.engine.catch_up().unwrap();
    assert_eq!(ends(&agent.outcomes(&command)), [End::Done]);
    assert_eq!(stage.starts(Action::Install), 1);
}

/// The agent is stopped while its installer works, which then ends together with its supervisor, and the version is listed.
fn lost_with_its_version_listed(unfinished: &str) -> Outcome {
    let stage = Stage::new();
    let agent = stage.agent();
    let plan = hanging(&agent, &stage);
    let command = plan.command();
    stopped_in(&stage, agent, &command, Action::Install);
    let run = RunId { key: command.steps[0].key, phase: Phase::Install };
    let records = Records::new(&stage.supervisor().dir, run);
    let (ticket, installer) = (records.ticket().unwrap().unwrap(), records.installer().unwrap().unwrap());
    for process in [ticket.supervisor, installer] {
        process.kill().unwrap();
        while process.is_alive().unwrap() {
            std::thread::yield_now();
        }
    }
    stage.set(&["package", "other", "version=1.0"]);
    stage.set(&["computer", "facts", &format!("unfinished_installation={unfinished}")]);
    let agent = stage.agent();
    agent.engine.catch_up().unwrap();
    assert_eq!(stage.starts(Action::Install), 1);
    agent.outcomes(&command).remove(&1).unwrap()
}

/// G18: Windows Installer lists a version before its last actions have run, and takes it back where it was cut off.
#[test]
fn a_version_that_is_listed_settles_a_lost_installation_once_windows_installer_rests() {
    let outcome = lost_with_its_version_listed("none");
    assert_eq!(outcome.end, End::Done, "{}", outcome.evidence);
    assert!(
        outcome.evidence.contains("was not recorded, but version 1.0 is installed"),
        "{}",
        outcome.evidence
    );
    for (unfinished, why) in [("works", "Windows Installer still works"), ("cut_off", "cut off in the midst")]
    {
        let outcome = lost_with_its_version_listed(unfinished);
        assert_eq!(outcome.end, End::Unknown, "{}", outcome.evidence);
        assert!(outcome.evidence.contains(why), "{}", outcome.evidence);
    }
}

/// The twin goes down in an installation by hand, and starts again.
fn start_the_computer_again(stage: &Stage) {
    stage.fault(&["package.install", "other", "reboot"]);
    stage.goes_down_in("install", &["other", "1.0"]);
}

#[test]
fn while_a_restart_that_an_installer_began_has_not_come_nothing_more_is_started() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    stage.fault(&["package.install", "advanced", "exit-code=1641"]);
    let limited = |id| node(id, &[("version", "1.0".into()), ("time_limit_seconds", 1.into())], None);
    let manifest = manifest(1, vec![limited("package/advanced"), limited("package/other")]);
    let outcomes = agent.run(&plan(&agent, 1, &manifest).command());
    assert_eq!(ends(&outcomes), [End::Failed, End::Skipped], "{outcomes:#?}");
    for words in ["version 1.0 is installed", "Windows still runs after 1 s"] {
        assert!(outcomes[&1].evidence.contains(words), "{}", outcomes[&1].evidence);
    }
    assert_eq!(stage.starts(Action::Install), 1);
}

#[test]
fn a_package_goes_on_after_the_restart_that_its_uninstaller_began() {
    let stage = Stage::new();
    let agent = stage.agent();
    let plan = replacement(&agent, &stage);
    stage.fault(&["package.uninstall", "advanced", "exit-code=1641"]);
    let command = plan.command();
    agent.command(&command).answer.unwrap();
    std::thread::scope(|scope| {
        let working = scope.spawn(|| agent.engine.catch_up());
        let ended = Probe::Exited { code: 1641 };
        while stage.supervisor().probe(&command.steps[0].key, Phase::Uninstall).unwrap() != ended {
            std::thread::yield_now();
        }
        agent.engine.stop.store(true, std::sync::atomic::Ordering::SeqCst);
        working.join().unwrap().unwrap_err();
    });
    drop(agent);
    start_the_computer_again(&stage);
    let agent = stage.agent();
    agent.connect();
    agent.engine.catch_up().unwrap();
    let outcome = agent.outcomes(&command).remove(&1).unwrap();
    assert_eq!(outcome.end, End::Done, "{}", outcome.evidence);
    let words = "1641, it began a restart of Windows; no version is installed; the computer started again: start 1 before";
    assert!(outcome.evidence.contains(words), "{}", outcome.evidence);
    assert!(agent.in_sync(&plan.manifest));
}

/// A plan that replaces the version that is there.
fn replacement(agent: &Agent, stage: &Stage) -> Plan {
    agent.connect();
    stage.by_hand("install", &["advanced", "1.0"]);
    let manifest = manifest(1, vec![node("package/advanced", &[("version", "2.0".into())], None)]);
    Plan::new(1, &manifest, &agent.report(&manifest).unwrap())
}

/// G18: on its way out Windows may answer with an error, and no installer can make a service of that name before.
#[test]
fn a_service_of_the_old_version_that_cannot_be_read_is_waited_for() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    stage.by_hand("install", &["advanced", "1.0"]);
    let plan = plan(&agent, 1, &product(1, "2.0"));
    assert_eq!(plan.steps[0].node.to_string(), "package/advanced");
    stage.fault(&["service.get", "Batch", "fail", "--times", "3"]);
    assert_eq!(ends(&agent.run(&plan.command_for(&[1]))), [End::Done]);
    let deeds = stage.deeds();
    let is_installed =
        |deed: &Deed| matches!(deed, Deed::InstallerStarted { version, .. } if version.as_str() == "2.0");
    let before = deeds.iter().take_while(|deed| !is_installed(deed));
    let unread = before.filter(|deed| matches!(deed, Deed::FaultStruck { .. })).count();
    assert_eq!(unread, 3, "{deeds:?}");
}

/// Someone takes it off by other means while its uninstaller makes up its mind.
#[test]
fn an_uninstaller_that_finds_its_product_gone_has_reached_what_it_is_for() {
    let stage = Stage::new();
    let agent = stage.agent();
    let plan = replacement(&agent, &stage);
    stage.fault(&["package.uninstall", "advanced", "hang", "--always"]);
    let command = plan.command();
    stopped_in(&stage, agent, &command, Action::Uninstall);
    stage.set(&["package", "advanced", "absent"]);
    let_it_end(&stage, &command, Phase::Uninstall, 1605);

    // The installation that follows fails: resumed, it goes on from there.
    stage.fault(&["package.install", "advanced", "exit-code=1602"]);
    let agent = stage.agent();
    agent.connect();
    agent.engine.catch_up().unwrap();
    let outcome = agent.outcomes(&command).remove(&1).unwrap();
    assert!(outcome.evidence.contains("the install ended with 1602"), "{}", outcome.evidence);
    assert!(outcome.evidence.contains("1605, there was nothing left to take off"), "{}", outcome.evidence);
    let outcome = agent.run(&plan.command()).remove(&1).unwrap();
    assert_eq!(outcome.end, End::Done, "{}", outcome.evidence);
    assert!(agent.in_sync(&plan.manifest));
}

#[test]
fn an_uninstaller_that_does_not_know_a_package_that_is_there_has_failed() {
    let stage = Stage::new();
    let agent = stage.agent();
    let plan = replacement(&agent, &stage);
    stage.fault(&["package.uninstall", "advanced", "exit-code=1605"]);
    let outcome = agent.run(&plan.command()).remove(&1).unwrap();
    assert_eq!(outcome.end, End::Failed, "{}", outcome.evidence);
    for words in ["exit code 1605: the product is not installed", "version 1.0 is installed"] {
        assert!(outcome.evidence.contains(words), "{}", outcome.evidence);
    }
    assert_eq!(stage.starts(Action::Install), 1, "by hand, before");
}

/// A controller that is out of reach.
struct NoLink;

impl Fetching for NoLink {
    fn want(&self, _: Digest) {}

    fn how_far(&self, _: Digest) -> Option<Far> {
        let lost = Some("the controller was not reached".to_owned());
        Some(Far::Comes { held_bytes: 0, size_bytes: None, lost })
    }
}

#[test]
fn a_medium_that_does_not_come_within_the_step_s_time_leaves_the_old_version_where_it_is() {
    let stage = Stage::new();
    let mut agent = stage.agent();
    agent.connect();
    agent.engine.fetching = Arc::new(NoLink);
    stage.by_hand("install", &["advanced", "1.0"]);
    let before = stage.installers();
    let sha256 = Digest::of(b"foo").to_string();
    let attributes = [
        ("version", "2.0".into()),
        ("time_limit_seconds", 1.into()),
        ("medium", r"C:\Media\advanced.msi".into()),
        ("medium_sha256", sha256.as_str().into()),
        ("display_name", "Advanced".into()),
    ];
    let manifest = manifest(1, vec![node("package/advanced", &attributes, None)]);
    let plan = |id| Plan::new(id, &manifest, &agent.report(&manifest).unwrap());
    let outcome = agent.run(&plan(1).command()).remove(&1).unwrap();
    assert_eq!(outcome.end, End::Failed);
    for words in ["the old version is still there", "time limit of 1 s: the controller was not reached"] {
        assert!(outcome.evidence.contains(words), "{}", outcome.evidence);
    }
    assert_eq!(stage.installers(), before, "nothing ran");

    // Carried there by hand, it needs no controller.
    stage.set(&["file", r"C:\Media\advanced.msi", "content=foo"]);
    assert_eq!(ends(&agent.run(&plan(2).command())), [End::Done]);
}
