//! Agreement: what changed on the server after the approval is never overwritten unseen.

use muster_model::event::RunEnd;
use muster_model::outcome::End;
use muster_model::view::{SiteState, StepState};
use muster_tests::cli::code;
use muster_tests::field::{Field, row_text};

const POOL: &str = "Sage.XRT.Advanced";

/// A second change between approval and run blocks the step: no effect, and the CLI shows what the server has now.
#[test]
fn a_server_that_changed_after_approval_blocks_the_step() {
    let field = Field::sxa();
    field.bring_in_sync();
    field.agent.twin.set(&["app_pool", POOL, "enable_32bit=true"]);
    let plan = field.approved_plan();

    field.agent.twin.set(&["app_pool", POOL, "load_user_profile=false"]);
    let known = field.agent.twin.ledger().len();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);

    assert_eq!(field.agent.twin.effects_after(known), [], "a blocked step has no effect");
    let step = field.step(plan, "iis_app_pool/Sage.XRT.Advanced");
    assert_eq!(step.state, StepState::Ended(End::Blocked));
    let actual: Vec<_> = step.actual_rows.iter().map(row_text).collect();
    assert!(actual.iter().any(|row| row.contains("load_user_profile false -> true")), "{actual:?}");
    assert_eq!(field.status().state, SiteState::Stopped(RunEnd::Blocked));
    field.cli.ok("why dupont-prod").says(&["load_user_profile", "muster plan dupont-prod"]);

    // The way out that it names: a new plan, which shows both rows, and a new approval.
    let plan = field.approved_plan();
    assert_eq!(field.rows(plan).len(), 2);
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    field.assert_in_sync();
}
