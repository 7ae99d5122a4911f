//! A step fails: what depends on it is skipped, and `resume` goes on where the run stopped.

use muster_agent::host::ServiceState;
use muster_agent::host::twin::ledger::{Action, Deed};
use muster_model::event::RunEnd;
use muster_model::outcome::End;
use muster_model::view::{SiteState, StepState};
use muster_tests::cli::code;
use muster_tests::field::Field;

/// A service that does not start once: failed, shown with the server's words, and done by `resume`.
#[test]
fn a_failed_step_is_tried_again_by_resume_and_nothing_done_is_repeated() {
    let field = Field::sxa();
    field.agent.twin.fault(&["service.start", "SCASServer", "fail"]);
    let plan = field.approved_plan();
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]);
    field.confirm_gates(plan, ran).expect(code::NOT_DONE);

    let failed = field.step(plan, "service/SCASServer");
    assert_eq!(failed.state, StepState::Ended(End::Failed));
    assert_eq!(field.status().state, SiteState::Stopped(RunEnd::Failed));
    let why = field.cli.ok("why dupont-prod");
    why.says(&["SCASServer", "error 1053", &format!("muster resume {plan}")]);
    // G13: the next service in the guide's order needs this one.
    let skipped = field.step(plan, "service/SCDTSServer");
    assert_eq!(skipped.state, StepState::Ended(End::Skipped));
    assert_eq!(skipped.because, Some(failed.number));

    let starts = field.agent.twin.installer_starts();
    let ran = field.cli.run(["resume", &plan.to_string(), "--watch"]);
    field.confirm_gates(plan, ran).expect(code::OK);
    let again = field.agent.twin.installer_starts();
    assert_eq!(again[..starts.len()], starts[..]);
    assert_eq!(again.len(), 4, "each package once: {again:?}");
    field.assert_in_sync();
}

/// A service that another one needs is not stopped, that one is named and goes on, and `resume` stops it once it has stopped.
/// Started again, a service brings along what it depends on.
#[test]
fn a_service_with_a_running_dependent_is_not_stopped_and_the_dependent_is_named() {
    let field = Field::kinds();
    field.bring_in_sync();
    let twin = &field.agent.twin;
    let state = |name: &str| twin.state().services[name].state;
    twin.set(&["service", "Other", "state=running", "depends_on=Kinds.Extra"]);
    field.edit("state: running, settle_seconds: 0", "state: stopped, settle_seconds: 0");
    field.push().expect(code::OK);
    let plan = field.approved_plan();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    let failed = field.step(plan, "service/Kinds.Extra");
    assert_eq!(failed.state, StepState::Ended(End::Failed));
    let evidence = failed.evidence.unwrap();
    assert!(evidence.contains("error 1051") && evidence.contains("stop these first: Other"), "{evidence}");
    assert_eq!([state("Kinds.Extra"), state("Other")], [ServiceState::Running; 2]);
    twin.set(&["service", "Other", "state=stopped"]);
    field.cli.run(["resume", &plan.to_string(), "--watch"]).expect(code::OK);
    assert_eq!([state("Kinds.Extra"), state("Other")], [ServiceState::Stopped; 2]);

    twin.set(&["service", "Kinds.Extra", "depends_on=Other"]);
    twin.set(&["service", "Other", "depends_on="]);
    field.edit("state: stopped, settle_seconds: 0", "state: running, settle_seconds: 0");
    field.push().expect(code::OK);
    let (plan, known) = (field.approved_plan(), twin.ledger().len());
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let started = ["Other", "Kinds.Extra"].map(|name| Deed::ServiceStarted { service: name.to_owned() });
    assert_eq!(twin.effects_after(known), started);
    field.assert_in_sync();
}

/// An installer that ends with an error has failed; it is started anew by `resume` only, under a new key.
#[test]
fn a_failed_installer_is_not_started_again_by_itself() {
    let field = Field::sxa();
    field.agent.twin.fault(&["package.install", "common-services", "exit-code=1603"]);
    let plan = field.approved_plan();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    let failed = field.step(plan, "package/common-services");
    assert_eq!(failed.state, StepState::Ended(End::Failed));
    assert!(failed.evidence.is_some_and(|text| text.contains("1603")));
    let count = |name: &str| field.agent.twin.installer_starts().iter().filter(|(n, _)| n == name).count();
    assert_eq!(count("common-services"), 1);

    let ran = field.cli.run(["resume", &plan.to_string(), "--watch"]);
    field.confirm_gates(plan, ran).expect(code::OK);
    assert_eq!(count("common-services"), 2);
    field.assert_in_sync();
}

/// G18: the old version is off and the new one failed to come on. The step says both, and `resume` installs, on the same
/// approval, without uninstalling again.
#[test]
fn a_replacement_that_failed_half_way_is_finished_by_resume() {
    let field = Field::sxa();
    field.bring_in_sync();
    field.edit("advanced_version: 2022-r2", "advanced_version: 2022-r2-hf1");
    field.push().expect(code::OK);
    field.agent.twin.fault(&["package.install", "advanced", "exit-code=1603"]);
    let known = field.agent.twin.installer_starts().len();
    let plan = field.approved_plan();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    let failed = field.step(plan, "package/advanced");
    assert_eq!(failed.state, StepState::Ended(End::Failed));
    let evidence = failed.evidence.unwrap();
    assert!(evidence.contains("uninstall ended with 0") && evidence.contains("1603"), "{evidence}");

    let ran = field.cli.run(["resume", &plan.to_string(), "--watch"]);
    field.confirm_gates(plan, ran).expect(code::OK);
    let starts: Vec<Action> =
        field.agent.twin.installer_starts()[known..].iter().map(|(_, action)| *action).collect();
    assert_eq!(starts, [Action::Uninstall, Action::Install, Action::Install]);
    field.assert_in_sync();
}
