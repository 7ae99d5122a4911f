//! Guided packages (G4, G18): a person installs, the agent looks before and after and does nothing itself.

use muster_model::manifest::Manifest;
use muster_model::outcome::{End, Outcome};

use crate::manifest::{manifest, node};
use crate::stage::{Agent, Plan, Stage, ends};

/// A package that a person installs, with the pool and the service that it makes.
fn guided(generation: u64, version: &str) -> Manifest {
    let attributes = [("version", version.into()), ("install", "guided".into())];
    let pool = node("iis_app_pool/Sage", &[("enable_32bit", false.into())], Some("package/advanced"));
    let service = node("service/Batch", &[("start", "automatic".into())], Some("package/advanced"));
    manifest(generation, vec![node("package/advanced", &attributes, None), pool, service])
}

fn plan(agent: &Agent, manifest: &Manifest, number: u64) -> Plan {
    Plan::new(number, manifest, &agent.report(manifest).unwrap())
}

/// One look at the package, as the controller orders it before a person is asked and whenever one says done.
fn look(agent: &Agent, plan: &Plan) -> Outcome {
    agent.run(&plan.command_for(&[1])).remove(&1).unwrap()
}

#[track_caller]
fn assert_ends(outcome: &Outcome, end: End, words: &[&str]) {
    assert_eq!(outcome.end, end, "{}", outcome.evidence);
    for word in words {
        assert!(outcome.evidence.contains(word), "{word:?} is not in: {}", outcome.evidence);
    }
}

#[test]
fn a_person_is_asked_and_the_package_is_done_once_it_is_there_and_not_before() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let plan = plan(&agent, &guided(1, "1.0"), 1);
    assert_ends(&look(&agent, &plan), End::Waiting, &["no version is installed", "install 1.0 by hand"]);
    assert_ends(&look(&agent, &plan), End::Waiting, &["still, no version is installed"]);
    stage.by_hand("install", &["advanced", "1.0"]);
    assert_ends(&look(&agent, &plan), End::Done, &["version 1.0 is installed"]);
    // What it provides is known after it, and brought to its state.
    assert_eq!(ends(&agent.run(&plan.command_for(&[2, 3]))), [End::Done, End::Done]);
    assert!(agent.in_sync(&plan.manifest));
    assert_eq!(stage.installers(), ["installer by hand"], "the agent started none");
}

#[test]
fn what_somebody_installed_before_anybody_was_asked_is_found() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let plan = plan(&agent, &guided(1, "1.0"), 1);
    stage.by_hand("install", &["advanced", "1.0"]);
    assert_ends(&look(&agent, &plan), End::Done, &["version 1.0 is installed"]);
}

#[test]
fn a_wrong_version_is_told_and_asked_for_again() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let plan = plan(&agent, &guided(1, "2.0"), 1);
    assert_ends(&look(&agent, &plan), End::Waiting, &["install 2.0"]);
    stage.by_hand("install", &["advanced", "1.0"]);
    let words = ["version 1.0 is installed", "uninstall that by hand, install 2.0"];
    assert_ends(&look(&agent, &plan), End::Waiting, &words);
    stage.by_hand("uninstall", &["advanced"]);
    stage.by_hand("install", &["advanced", "2.0"]);
    assert_ends(&look(&agent, &plan), End::Done, &["version 2.0 is installed"]);
}

/// What was typed otherwise than shown: the right version, and another pool than the documents name.
#[test]
fn what_the_package_should_have_made_and_did_not_is_told() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let plan = plan(&agent, &guided(1, "1.0"), 1);
    look(&agent, &plan);
    stage.by_hand("install", &["advanced", "1.0"]);
    stage.set(&["app_pool", "Sage", "absent"]);
    let words =
        ["version 1.0 is installed, but", "iis_app_pool/Sage", "were the values typed as they are shown"];
    assert_ends(&look(&agent, &plan), End::Waiting, &words);
    stage.set(&["app_pool", "Sage", "enable_32bit=true"]);
    assert_ends(&look(&agent, &plan), End::Done, &[]);
}

/// G18: uninstalling and installing are both the person's; in between no version is there, and that is his to go on from.
#[test]
fn a_replacement_is_a_persons_from_the_uninstallation_on() {
    let stage = Stage::new();
    stage.by_hand("install", &["advanced", "1.0"]);
    let agent = stage.agent();
    agent.connect();
    let plan = plan(&agent, &guided(1, "2.0"), 1);
    let words = ["version 1.0 is installed", "uninstall that by hand, install 2.0"];
    assert_ends(&look(&agent, &plan), End::Waiting, &words);
    stage.by_hand("uninstall", &["advanced"]);
    drop(agent);
    // The agent starts again in between and remembers that a person was asked.
    let agent = stage.agent();
    agent.connect();
    assert_ends(&look(&agent, &plan), End::Waiting, &["no version is installed", "install 2.0"]);
    stage.by_hand("install", &["advanced", "2.0"]);
    assert_ends(&look(&agent, &plan), End::Done, &["version 2.0 is installed"]);
}

/// Before anybody is asked the server must be as it was approved: another old version is a surprise to look at.
#[test]
fn nobody_is_asked_where_the_server_is_not_as_approved() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let plan = plan(&agent, &guided(1, "2.0"), 1);
    stage.by_hand("install", &["advanced", "1.0"]);
    let outcome = look(&agent, &plan);
    assert_ends(&outcome, End::Blocked, &["not approved as it is now", "nobody was asked"]);
    assert_eq!(outcome.rows.len(), 1);
}

/// Another plan asks anew: what a person was asked in an earlier one excuses nothing in this.
#[test]
fn a_newer_plan_does_not_remember_that_a_person_was_asked_in_an_older_one() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let manifest = guided(1, "2.0");
    let (first, second) = (plan(&agent, &manifest, 1), plan(&agent, &manifest, 2));
    assert_ends(&look(&agent, &first), End::Waiting, &[]);
    stage.by_hand("install", &["advanced", "1.0"]);
    assert_ends(&look(&agent, &second), End::Blocked, &["not approved"]);
}
