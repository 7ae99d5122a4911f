//! The computer goes down in the middle: everything on it ends at once, and what is on the disk stays.

use muster_agent::host::twin::ledger::Deed;
use muster_agent::host::{Packages, ServiceState, Services};
use muster_agent::supervise::{Phase, Probe};
use muster_model::package::Package;

use crate::supervise::{agent, records};
use crate::{Stage, key, until};

fn states(stage: &Stage) -> Vec<ServiceState> {
    let twin = stage.twin();
    ["W3SVC", "Spooler"].iter().map(|name| Services::get(&twin, name).unwrap().unwrap().state).collect()
}

/// Runs an installation in which the computer goes down, to the moment when nothing of it runs any more.
fn go_down(stage: &Stage, key: &muster_model::outcome::StepKey) {
    let mut agent = agent(stage, key, "quick");
    assert!(!agent.wait().unwrap().success(), "the agent went down with its computer");
    let records = records(stage, key);
    let ticket = records.ticket().unwrap().unwrap();
    let installer = records.installer().unwrap().unwrap();
    until("everybody's end", || !ticket.supervisor.is_alive().unwrap() && !installer.is_alive().unwrap());
    stage.await_deed(|deed| matches!(deed, Deed::Rebooted { boots: 2 }));
}

#[test]
fn a_reboot_before_the_effect_leaves_a_lost_installation_that_did_nothing() {
    let (stage, key) = (Stage::new(), key());
    stage.fault("package.install", "quick", "reboot");
    go_down(&stage, &key);
    assert_eq!(stage.supervisor().probe(&key, Phase::Install).unwrap(), Probe::Lost);
    assert_eq!(stage.twin().installed(&Package::named("quick")).unwrap(), None);
    assert_eq!(
        states(&stage),
        [ServiceState::Running, ServiceState::Stopped],
        "only automatic ones start again"
    );
}

/// As on Windows, where it only comes later.
#[test]
fn a_service_whose_start_is_put_off_starts_with_the_computer() {
    let (stage, key) = (Stage::new(), key());
    stage.ok(&["twin", "set", "service", "Spooler", "start=automatic_delayed"]);
    stage.fault("package.install", "quick", "reboot");
    go_down(&stage, &key);
    assert_eq!(states(&stage), [ServiceState::Running; 2]);
}

#[test]
fn a_reboot_after_the_effect_leaves_a_lost_installation_that_an_observation_settles() {
    let (stage, key) = (Stage::new(), key());
    stage.ok(&["twin", "fault", "add", "package.install", "quick", "reboot", "--after"]);
    go_down(&stage, &key);
    assert_eq!(stage.supervisor().probe(&key, Phase::Install).unwrap(), Probe::Lost);
    assert!(stage.twin().installed(&Package::named("quick")).unwrap().is_some());
    assert_eq!(stage.starts().len(), 1);
    assert_eq!(
        stage.install("quick", "1.0"),
        Some(0),
        "the fault is spent: the next start is not struck again"
    );
}
