//! Cancel and resume: a run stops between steps, and goes on where it stopped.

use muster_agent::host::twin::ledger::Action;
use muster_model::event::{EventBody, RunEnd};
use muster_model::outcome::End;
use muster_model::view::{SiteState, StepState};
use muster_tests::cli::code;
use muster_tests::field::Field;

/// Cancelled while an installer works: it is let finish, nothing later starts, and `resume` does the rest.
#[test]
fn a_cancelled_run_stops_between_steps_and_can_be_resumed() {
    let field = Field::sxa();
    let plan = field.approved_plan();
    field.agent.twin.fault(&["package.install", "common-services", "hang"]);
    let installer = field.step(plan, "package/common-services").number;
    let mut watch = field.watch();
    field.cli.ok(&format!("run {plan}"));
    watch.until(
        "the installer is started",
        |body| matches!(body, EventBody::StepStarted { step, .. } if *step == installer),
    );

    field.cli.ok(&format!("cancel {plan}"));
    watch.until("the cancel is known", |body| matches!(body, EventBody::CancelRequested { .. }));
    field.agent.twin.clear_faults();
    let end = watch.until("the run has ended", |body| matches!(body, EventBody::RunEnded { .. }));
    assert_eq!(end.body, EventBody::RunEnded { plan, end: RunEnd::Cancelled });
    assert_eq!(field.status().state, SiteState::Stopped(RunEnd::Cancelled));
    let installs = |names: &[&str]| -> Vec<_> {
        names.iter().map(|name| ((*name).to_owned(), Action::Install)).collect()
    };
    assert_eq!(field.agent.twin.installer_starts(), installs(&["bank-format-library", "common-services"]));
    assert_eq!(field.step(plan, "package/common-services").state, StepState::Ended(End::Done));
    assert_eq!(field.step(plan, "package/advanced").state, StepState::Ended(End::Cancelled));

    let ran = field.cli.run(["resume", &plan.to_string(), "--watch"]);
    field.confirm_gates(plan, ran).expect(code::OK);
    let all = ["bank-format-library", "common-services", "treasury", "advanced"];
    assert_eq!(field.agent.twin.installer_starts(), installs(&all), "what was done is not done again");
    field.assert_in_sync();
}
