//! Promises 1 and 2: the preview is the work, and exactly what was approved.

use std::collections::BTreeMap;

use muster_agent::host::twin::ledger::{Action, Deed};
use muster_model::outcome::End;
use muster_model::plan::{Old, Reason};
use muster_proto::session::ToAgent;

use crate::manifest::{FILE, manifest, members, node, product};
use crate::stage::{Agent, Plan, Stage, ends};

/// A server with the product on it, and the agent that put it there.
pub(crate) fn installed(stage: &Stage) -> Agent {
    let agent = stage.agent();
    agent.connect();
    let manifest = product(1, "1.0");
    let plan = Plan::new(1, &manifest, &agent.report(&manifest).unwrap());
    let outcomes = agent.run(&plan.command());
    assert!(ends(&outcomes).iter().all(|end| *end == End::Done), "{outcomes:#?}");
    agent
}

#[test]
fn a_first_installation_runs_through_on_one_approval_and_the_next_plan_is_empty() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let manifest = product(1, "1.0");
    let report = agent.report(&manifest).unwrap();
    let pool = report.nodes.iter().find(|report| report.node.to_string() == "iis_app_pool/Sage").unwrap();
    assert_eq!(pool.rows[0].old, Old::KnownAfter("package/advanced".parse().unwrap()));
    let plan = Plan::new(1, &manifest, &report);
    let outcomes = agent.run(&plan.command());
    assert_eq!(ends(&outcomes), [End::Done; 5], "{outcomes:#?}");
    assert!(outcomes[&5].evidence.contains("answered 401"));
    assert!(agent.in_sync(&manifest));
    assert_eq!((stage.starts(Action::Install), stage.starts(Action::Uninstall)), (1, 0));
}

#[test]
fn g12_one_switch_changed_by_hand_is_one_row_and_mending_it_touches_nothing_else() {
    let stage = Stage::new();
    let agent = installed(&stage);
    let manifest = product(1, "1.0");
    let before = stage.deeds_of_the_agent().len();
    stage.set(&["app_pool", "Sage", "enable_32bit=true"]);
    let report = agent.report(&manifest).unwrap();
    let rows: Vec<_> = report.nodes.iter().flat_map(|node| &node.rows).collect();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].attribute.to_string().as_str(), rows[0].reason), ("enable_32bit", Reason::Drift));
    let plan = Plan::new(2, &manifest, &report);
    assert_eq!(ends(&agent.run(&plan.command_for(&[1]))), [End::Done]);
    let settings = BTreeMap::from([("enable_32bit".to_owned(), "false".to_owned())]);
    let deeds = stage.deeds_of_the_agent().split_off(before);
    assert_eq!(deeds, [Deed::PoolSet { pool: "Sage".to_owned(), settings }]);
    assert!(agent.in_sync(&manifest));
}

/// What an agent made is on its disk: an agent that was started again still tells drift from what was always otherwise, and an
/// orphan of its own from what others made.
#[test]
fn what_an_agent_made_it_knows_after_it_was_started_again() {
    let stage = Stage::new();
    drop(installed(&stage));
    stage.set(&["app_pool", "Sage", "enable_32bit=true"]);
    let agent = stage.agent();
    agent.connect();
    let mut manifest = product(1, "1.0");
    let report = agent.report(&manifest).unwrap();
    let reasons: Vec<Reason> =
        report.nodes.iter().flat_map(|node| &node.rows).map(|row| row.reason).collect();
    assert_eq!(reasons, [Reason::Drift]);
    let gone = manifest.nodes.remove(3).id;
    assert_eq!(agent.report(&manifest).unwrap().orphans, [gone]);
}

#[test]
fn g18_a_replaced_package_is_taken_off_first_and_what_it_resets_is_set_again() {
    let stage = Stage::new();
    let agent = installed(&stage);
    let manifest = product(2, "2.0");
    let plan = Plan::new(2, &manifest, &agent.report(&manifest).unwrap());
    assert_eq!(plan.steps.len(), 4, "package, service, pool, probe; the file is in state");
    let outcomes = agent.run(&plan.command());
    assert_eq!(ends(&outcomes), [End::Done; 4], "{outcomes:#?}");
    assert_eq!((stage.starts(Action::Install), stage.starts(Action::Uninstall)), (2, 1));
    assert!(agent.in_sync(&manifest));
}

#[test]
fn a_change_between_approval_and_run_blocks_the_step_and_has_no_effect() {
    let stage = Stage::new();
    let agent = installed(&stage);
    let manifest = product(1, "1.0");
    stage.set(&["app_pool", "Sage", "enable_32bit=true"]);
    let plan = Plan::new(2, &manifest, &agent.report(&manifest).unwrap());
    stage.set(&["app_pool", "Sage", "load_user_profile=false"]);
    let before = stage.deeds_of_the_agent().len();
    let outcomes = agent.run(&plan.command_for(&[1]));
    assert_eq!(outcomes[&1].end, End::Blocked);
    let shown: Vec<String> = outcomes[&1].rows.iter().map(|row| row.attribute.to_string()).collect();
    assert_eq!(shown, ["enable_32bit", "load_user_profile"], "what the server shows now");
    assert_eq!(stage.deeds_of_the_agent().len(), before);
}

#[test]
fn rights_are_set_account_by_account_and_foreign_ones_stay() {
    let stage = Stage::new();
    let agent = installed(&stage);
    let report = |rights: &[(&str, &str)], generation| {
        let mut changed = product(generation, "1.0");
        let id = format!("file/{FILE}");
        let content = ("content", "port=1025\r\n".into());
        changed.nodes[3] = node(&id, &[content, ("rights", members(rights))], None);
        changed
    };
    // Accounts have no case: the document's spelling is the one that counts.
    assert!(agent.in_sync(&report(&[("dup\\SVC", "modify")], 2)));
    let manifest = report(&[("DUP\\web", "read")], 3);
    let plan = Plan::new(2, &manifest, &agent.report(&manifest).unwrap());
    let reasons: Vec<Reason> = plan.steps[0].rows.iter().map(|row| row.reason).collect();
    assert_eq!(reasons, [Reason::Missing, Reason::Removed]);
    let before = stage.deeds_of_the_agent().len();
    assert_eq!(agent.run(&plan.command_for(&[1]))[&1].end, End::Done);
    let deeds = stage.deeds_of_the_agent().split_off(before);
    assert!(matches!(&deeds[0], Deed::RightGranted { account, .. } if account == "DUP\\web"));
    assert!(matches!(&deeds[1], Deed::RightRevoked { account, .. } if account == "DUP\\svc"));
    assert_eq!(deeds.len(), 2);
    assert!(agent.in_sync(&manifest));
}

#[test]
fn a_pool_that_no_package_makes_is_made_and_later_an_orphan_that_stays() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let pool = node("iis_app_pool/Own", &[("idle_timeout_minutes", 0.into())], None);
    let with = manifest(1, vec![pool]);
    let plan = Plan::new(1, &with, &agent.report(&with).unwrap());
    assert_eq!(agent.run(&plan.command())[&1].end, End::Done);
    assert!(agent.in_sync(&with));
    let report = agent.report(&manifest(2, Vec::new())).unwrap();
    assert_eq!(report.orphans, ["iis_app_pool/Own".parse().unwrap()]);
}

#[test]
fn g13_a_service_that_dies_right_after_its_start_is_failed_and_only_its_dependants_are_skipped() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    stage.fault(&["service.start", "Batch", "dies=1000"]);
    let mut manifest = product(1, "1.0");
    manifest.nodes[1].attributes.insert("settle_seconds".to_owned(), 2.into());
    let mut plan = Plan::new(1, &manifest, &agent.report(&manifest).unwrap());
    plan.edges.push((2, 5));
    let outcomes = agent.run(&plan.command());
    assert_eq!(ends(&outcomes), [End::Done, End::Failed, End::Done, End::Done, End::Skipped]);
    assert!(outcomes[&2].evidence.contains("(G13)"), "{}", outcomes[&2].evidence);
    assert_eq!(outcomes[&5].because, Some(2));
}

#[test]
fn g12_a_pool_that_its_package_did_not_make_blocks_and_is_not_made_by_hand() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let manifest = manifest(
        1,
        vec![
            node("package/other", &[("version", "1.0".into())], None),
            node("iis_app_pool/Sage", &[("enable_32bit", false.into())], Some("package/other")),
        ],
    );
    let plan = Plan::new(1, &manifest, &agent.report(&manifest).unwrap());
    let outcomes = agent.run(&plan.command());
    assert_eq!(ends(&outcomes), [End::Done, End::Blocked]);
    assert!(outcomes[&2].evidence.contains("its installation failed (G12)"));
    assert!(!stage.deeds().iter().any(|deed| matches!(deed, Deed::PoolCreated { .. })));
}

#[test]
fn a_probe_that_never_succeeds_fails_with_what_it_saw() {
    let stage = Stage::new();
    let agent = installed(&stage);
    let mut manifest = product(1, "1.0");
    stage.fault(&["http.get", "http://localhost/Batch", "answer=503", "--always"]);
    manifest.nodes[4].attributes.insert("time_limit_seconds".to_owned(), 1.into());
    let mut plan = Plan::new(2, &manifest, &agent.report(&manifest).unwrap());
    plan.id.0 = 3;
    let outcomes = agent.run(&plan.command());
    assert_eq!(outcomes[&1].end, End::Failed);
    assert!(outcomes[&1].evidence.contains("answered 503, expected [200, 401]"), "{}", outcomes[&1].evidence);
}

#[test]
fn a_cancelled_command_ends_before_its_next_step() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let manifest = product(1, "1.0");
    let command = Plan::new(1, &manifest, &agent.report(&manifest).unwrap()).command();
    agent.command(&command).answer.unwrap();
    assert!(agent.reception.handle(ToAgent::Cancel(command.id)).unwrap().is_empty());
    agent.engine.catch_up().unwrap();
    assert_eq!(ends(&agent.outcomes(&command)), [End::Cancelled; 5]);
    assert_eq!(stage.starts(Action::Install), 0);
}

#[test]
fn a_server_with_a_run_under_way_is_not_compared() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let manifest = product(1, "1.0");
    let command = Plan::new(1, &manifest, &agent.report(&manifest).unwrap()).command();
    agent.command(&command).answer.unwrap();
    assert!(agent.report(&manifest).unwrap_err().contains("a run is under way"));
}
