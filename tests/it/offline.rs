//! A server that is not there: its work waits, and nothing fails.

use muster_model::event::{EventBody, RunEnd};
use muster_model::view::{RunView, SiteState};
use muster_tests::field::Field;

/// A run whose server is down is offline, not failed; the work is done when the server comes back.
#[test]
fn the_work_of_an_offline_server_waits_and_is_done_when_it_comes_back() {
    let mut field = Field::sxa();
    field.bring_in_sync();
    field.agent.twin.set(&["app_pool", "Sage.XRT.Advanced", "enable_32bit=true"]);
    let plan = field.approved_plan();
    field.kill_agent().unwrap();
    let known = field.agent.twin.ledger().len();

    let mut watch = field.watch_from_now();
    field.cli.ok(&format!("run {plan}"));
    watch.until("the command is stored", |body| matches!(body, EventBody::CommandIssued { .. }));
    assert_eq!(field.status().state, SiteState::Offline);
    assert_eq!(field.steps(plan).run, Some(RunView::Offline));
    assert_eq!(field.agent.twin.effects_after(known), []);

    field.start_agent().unwrap();
    let end = watch.until("the run has ended", |body| matches!(body, EventBody::RunEnded { .. }));
    assert_eq!(end.body, EventBody::RunEnded { plan, end: RunEnd::Done });
    assert_eq!(field.agent.twin.effects_after(known).len(), 1);
    field.assert_in_sync();
}

/// A site whose server is not there cannot be compared: the plan says so and cannot be approved.
#[test]
fn a_plan_without_its_server_is_a_finding_and_cannot_be_approved() {
    let mut field = Field::sxa();
    field.kill_agent().unwrap();
    let plan = field.cli.run(["plan", "dupont-prod"]);
    plan.says(&["not connected"]);
    let why = field.why();
    assert!(!why.findings.is_empty());
    let approve = field.cli.run(["approve", "P-1"]).expect(muster_tests::cli::code::REFUSED);
    approve.says(&["muster plan show P-1"]);
    field.cli.ok("plan show P-1").says(&["not connected"]);
}
