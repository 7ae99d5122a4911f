//! Fencing: a server whose memory went back does nothing on old approvals.

use muster_model::event::{EventBody, RunEnd};
use muster_model::view::SiteState;
use muster_tests::cli::code;
use muster_tests::field::Field;

/// An agent whose journal is gone is regressed: the approved plan is refused without an effect, and a new plan is the way.
#[test]
fn an_agent_that_lost_its_journal_does_nothing_on_an_old_plan() {
    let mut field = Field::sxa();
    field.bring_in_sync();
    field.agent.twin.set(&["app_pool", "Sage.XRT.Advanced", "enable_32bit=true"]);
    let plan = field.approved_plan();
    let known = field.agent.twin.ledger().len();
    let mut watch = field.watch_from_now();
    field.agent.forget(None).unwrap();
    watch.until("it is connected", |body| matches!(body, EventBody::ServerConnected { .. }));

    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    assert_eq!(field.agent.twin.effects_after(known), []);
    let refused =
        field.events().into_iter().any(|event| matches!(event.body, EventBody::CommandRefused { .. }));
    assert!(refused);
    assert_eq!(field.status().state, SiteState::Stopped(RunEnd::Refused));
    field.cli.ok("why dupont-prod").says(&["journal", "muster plan dupont-prod"]);

    // Observed and planned again, it may work.
    field.bring_in_sync();
    field.assert_in_sync();
}
