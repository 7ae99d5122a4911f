//! Processes die in the middle: nothing is lost, nothing is done twice.

use muster_agent::host::twin::ledger::Deed;
use muster_model::event::{EventBody, RunEnd};
use muster_model::name::PlanId;
use muster_tests::cli::code;
use muster_tests::daemon::await_until;
use muster_tests::field::Field;

/// A run that stands inside an installer: started, and held there until the fault is cleared.
pub(super) fn held_in_an_installer(field: &Field) -> PlanId {
    let plan = field.approved_plan();
    field.agent.twin.fault(&["package.install", "common-services", "hang"]);
    field.cli.ok(&format!("run {plan}"));
    let hangs = || {
        let is_struck = |deed: &Deed| matches!(deed, Deed::InstallerStarted { package, .. } if package == "common-services");
        Ok(field.agent.twin.ledger().iter().any(|entry| is_struck(&entry.deed)))
    };
    await_until("the installer runs", hangs).unwrap();
    plan
}

pub(super) fn starts_of(field: &Field, name: &str) -> usize {
    field.agent.twin.installer_starts().iter().filter(|(package, _)| package == name).count()
}

/// The rest of the run: to the gate, through it, to the end.
pub(super) fn finish(field: &Field, plan: PlanId) {
    let gate = field.step(plan, "manual_step/data-encryption").number;
    let mut watch = field.watch();
    watch.until(
        "the gate is open",
        |body| matches!(body, EventBody::GateOpened { step, .. } if *step == gate),
    );
    let ran = field.cli.run(["done", &format!("{plan}/{gate}"), "--watch"]);
    field.confirm_gates(plan, ran).expect(code::OK);
    let end = field.watch().until("the run has ended", |body| matches!(body, EventBody::RunEnded { .. }));
    assert_eq!(end.body, EventBody::RunEnded { plan, end: RunEnd::Done });
    field.assert_in_sync();
}

/// The agent is killed while an installer works: the next one adopts the installer and starts no second.
#[test]
fn an_agent_that_comes_back_adopts_the_installer_that_it_had_started() {
    let mut field = Field::sxa();
    let plan = held_in_an_installer(&field);
    field.kill_agent().unwrap();
    field.start_agent().unwrap();
    field.agent.twin.clear_faults();
    finish(&field, plan);
    assert_eq!(starts_of(&field, "common-services"), 1);
}

/// An installer ends while no agent is there: its exit code was kept, and the next agent reports it.
#[test]
fn an_installer_that_ended_without_an_agent_is_reported_by_the_next() {
    let mut field = Field::sxa();
    let plan = held_in_an_installer(&field);
    field.kill_agent().unwrap();
    field.agent.twin.clear_faults();
    let ended = || {
        let is_end = |deed: &Deed| matches!(deed, Deed::InstallerEnded { package, .. } if package == "common-services");
        Ok(field.agent.twin.ledger().iter().any(|entry| is_end(&entry.deed)))
    };
    await_until("the installer has ended", ended).unwrap();
    field.start_agent().unwrap();
    finish(&field, plan);
    assert_eq!(starts_of(&field, "common-services"), 1);
}

/// The controller is killed in the middle of a run: the agent goes on, and the outcome is stored when it is back.
#[test]
fn a_run_survives_its_controller() {
    let mut field = Field::sxa();
    let plan = held_in_an_installer(&field);
    field.controller.kill().unwrap();
    field.agent.twin.clear_faults();
    let ended = || {
        let is_end = |deed: &Deed| matches!(deed, Deed::InstallerEnded { package, .. } if package == "common-services");
        Ok(field.agent.twin.ledger().iter().any(|entry| is_end(&entry.deed)))
    };
    await_until("the installer has ended", ended).unwrap();
    field.controller.serve().unwrap();
    finish(&field, plan);
    for package in ["bank-format-library", "common-services", "treasury", "advanced"] {
        assert_eq!(starts_of(&field, package), 1, "{package}");
    }
}

/// SIGTERM ends the controller in good order: status 0, streams closed, and the next start has a higher epoch.
#[test]
fn a_terminated_controller_drains_and_comes_back_under_a_higher_epoch() {
    let mut field = Field::sxa();
    assert!(field.controller.terminate().unwrap().success());
    field.controller.serve().unwrap();
    let mut epochs = Vec::new();
    for event in field.events() {
        if let EventBody::ControllerStarted { epoch, .. } = event.body {
            epochs.push(epoch);
        }
    }
    assert_eq!(epochs.len(), 2);
    assert!(epochs[0] < epochs[1], "{epochs:?}");
    field.watch().until("the agent has come back", {
        let mut connections = 0;
        move |body| {
            connections += u32::from(matches!(body, EventBody::ServerConnected { .. }));
            connections == 2
        }
    });
    field.bring_in_sync();
}

/// SIGTERM stops an agent between steps: status 0, and what it was doing is settled by the next.
#[test]
fn a_terminated_agent_stops_between_steps() {
    let mut field = Field::sxa();
    let plan = held_in_an_installer(&field);
    field.agent.twin.clear_faults();
    assert!(field.agent.terminate().unwrap().success());
    field.start_agent().unwrap();
    finish(&field, plan);
    for package in ["bank-format-library", "common-services", "treasury", "advanced"] {
        assert_eq!(starts_of(&field, package), 1, "{package}");
    }
}
