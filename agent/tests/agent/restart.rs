//! A restart that an installer asks for and does not make (3010): a planned one, or a refusal, and never one in passing.

use muster_agent::host::twin::ledger::{Action, Deed};
use muster_model::manifest::{Manifest, Need, Node};
use muster_model::outcome::End;

use crate::manifest::{FILE, manifest, node};
use crate::stage::{Agent, Plan, Stage, ends, plan};

const ADVANCED: &str = "package/advanced";

fn service() -> Node {
    let attributes = [("state", "running".into()), ("settle_seconds", 0.into())];
    node("service/Batch", &attributes, Some(ADVANCED))
}

fn needing(node: Node, needs: &str) -> Node {
    let need = Need { role: "web".parse().unwrap(), node: needs.parse().unwrap() };
    Node { needs: vec![need], ..node }
}

/// A package, the service that it brings, a file behind that, and another that has nothing to do with them.
fn wanted(version: &str, restart: Option<&str>) -> Manifest {
    let mut package = node(ADVANCED, &[("version", version.into())], None);
    package.attributes.extend(restart.map(|restart| ("restart".to_owned(), restart.into())));
    let file = |path: &str| node(&format!("file/{path}"), &[("content", "a=1\n".into())], None);
    manifest(1, vec![package, service(), needing(file(FILE), "service/Batch"), file(r"C:\Sage\other.ini")])
}

/// The plan with its own edges.
fn planned(agent: &Agent, id: u64, manifest: &Manifest) -> Plan {
    Plan::new(id, manifest, &agent.report(manifest).unwrap())
}

fn wants_a_restart(stage: &Stage, point: &str) {
    stage.fault(&[point, "advanced", "exit-code=3010"]);
}

/// A person starts the computer again.
fn start_the_computer_again(stage: &Stage) {
    stage.fault(&["package.install", "other", "reboot"]);
    stage.goes_down_in("install", &["other", "1.0"]);
}

fn runs_batch(stage: &Stage) -> bool {
    stage.deeds().iter().any(|deed| matches!(deed, Deed::ServiceStarted { service } if service == "Batch"))
}

fn restarts(stage: &Stage) -> usize {
    stage.deeds().iter().filter(|deed| matches!(deed, Deed::Rebooted { .. })).count()
}

#[test]
fn what_depends_on_a_package_that_wants_a_restart_is_refused_until_windows_has_started_again() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    wants_a_restart(&stage, "package.install");
    let first = planned(&agent, 1, &wanted("1.0", None));
    let outcomes = agent.run(&first.command());
    assert_eq!(ends(&outcomes), [End::Done, End::Blocked, End::Skipped, End::Done], "{outcomes:#?}");
    assert!(outcomes[&1].evidence.contains("3010, Windows wants a restart"), "{outcomes:#?}");
    for words in [
        "package/advanced ended with 3010, and Windows has not started again since",
        "on_change_of: [package/advanced]",
        "nothing was done",
    ] {
        assert!(outcomes[&2].evidence.contains(words), "{outcomes:#?}");
    }

    // Another plan, another process: the package is in state and its restart has still not come.
    drop(agent);
    let agent = stage.agent();
    agent.connect();
    let second = planned(&agent, 2, &first.manifest);
    assert_eq!(ends(&agent.run(&second.command())), [End::Blocked, End::Skipped]);
    assert!(!runs_batch(&stage));
    drop(agent);

    start_the_computer_again(&stage);
    let agent = stage.agent();
    agent.connect();
    let outcomes = agent.run(&second.command());
    assert_eq!(ends(&outcomes), [End::Done; 2], "{outcomes:#?}");
    assert!(agent.in_sync(&first.manifest));
    assert_eq!(restarts(&stage), 1, "by a person");
}

#[test]
fn a_package_that_needs_no_restart_holds_nobody_up() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    wants_a_restart(&stage, "package.install");
    let manifest = wanted("1.0", Some("ignored"));
    let outcomes = agent.run(&planned(&agent, 1, &manifest).command());
    assert_eq!(ends(&outcomes), [End::Done; 4], "{outcomes:#?}");
    assert!(agent.in_sync(&manifest));
}

/// G18: where the vendor's 3010 means nothing, it means nothing between the two versions either.
#[test]
fn a_new_version_of_a_package_that_needs_no_restart_follows_the_old_one_at_once() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    stage.by_hand("install", &["advanced", "1.0"]);
    let manifest = wanted("2.0", Some("ignored"));
    let replaced = planned(&agent, 1, &manifest);
    wants_a_restart(&stage, "package.uninstall");
    let outcomes = agent.run(&replaced.command());
    assert_eq!(ends(&outcomes), [End::Done; 4], "{outcomes:#?}");
    assert!(agent.in_sync(&manifest));
    assert_eq!(restarts(&stage), 0);
}

/// G18: what the old version's uninstaller left is deleted at the next start, and the new version's files with it.
#[test]
fn a_new_version_is_put_on_only_after_the_restart_that_the_old_one_s_uninstaller_wants() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    stage.by_hand("install", &["advanced", "1.0"]);
    let manifest = manifest(1, vec![node(ADVANCED, &[("version", "2.0".into())], None)]);
    let replaced = planned(&agent, 1, &manifest);
    wants_a_restart(&stage, "package.uninstall");
    let outcome = agent.run(&replaced.command()).remove(&1).unwrap();
    assert_eq!(outcome.end, End::Failed, "{}", outcome.evidence);
    for words in ["uninstall ended with 3010", "the new version was not put on"] {
        assert!(outcome.evidence.contains(words), "{}", outcome.evidence);
    }
    let outcome = agent.run(&replaced.command()).remove(&1).unwrap();
    assert_eq!(outcome.end, End::Blocked, "resumed before the restart: {}", outcome.evidence);
    assert_eq!(stage.starts(Action::Install), 1, "by hand, before");
    drop(agent);

    start_the_computer_again(&stage);
    let agent = stage.agent();
    agent.connect();
    let outcome = agent.run(&replaced.command()).remove(&1).unwrap();
    assert_eq!(outcome.end, End::Done, "{}", outcome.evidence);
    assert!(agent.in_sync(&manifest));
}

#[test]
fn a_step_in_state_needs_no_restart_and_a_second_change_of_the_package_does() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    wants_a_restart(&stage, "package.install");
    let manifest = |version: &str| manifest(1, vec![node(ADVANCED, &[("version", version.into())], None)]);
    let first = plan(&agent, 1, &manifest("1.0"));
    assert_eq!(ends(&agent.run(&first.command())), [End::Done]);
    assert_eq!(ends(&agent.run(&first.command())), [End::Done], "already in state");
    let second = plan(&agent, 2, &manifest("2.0"));
    assert_eq!(ends(&agent.run(&second.command())), [End::Blocked]);
    assert_eq!((stage.starts(Action::Uninstall), stage.starts(Action::Install)), (0, 1));
}
