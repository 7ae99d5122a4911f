//! The promises of the ports, on a twin: each is seen to hold, and a twin that breaks one is found out.

use std::process::{Command, Output, Stdio};

use muster_agent::host::{Host as _, Props as _, Provable, RegistryData, ServiceState};
use muster_agent::selftest::{self, Seen, throwaway};
use muster_proto::secret::SecretValue;
use zeroize::Zeroizing;

use crate::ended::ended;
use crate::lying::{Lie, Lying};
use crate::{Stage, Started};

/// What a twin cannot show: its packages are in no registry.
const NOT_SHOWN: [&str; 2] = ["package.listed", "package.views"];

/// The promises that were not seen to hold, but for those that a twin cannot show.
fn failed(stage: &Stage) -> Vec<&'static str> {
    failed_on(&stage.twin())
}

fn failed_on(host: &dyn Provable) -> Vec<&'static str> {
    let proofs = selftest::run(host).unwrap();
    let not_held = proofs.iter().filter(|proof| proof.seen != Seen::Held).map(|proof| proof.promise.id);
    let (not_shown, failed): (Vec<_>, Vec<_>) = not_held.partition(|id| NOT_SHOWN.contains(id));
    assert_eq!(not_shown, NOT_SHOWN);
    failed
}

/// The verb, on the stage's twin.
fn verb(stage: &Stage) -> Command {
    let mut command = Command::new(crate::exe());
    command.args(["selftest", "--twin"]).arg(stage.dir());
    command
}

fn state(stage: &Stage) -> String {
    std::fs::read_to_string(stage.dir().join("state.json")).unwrap().to_lowercase()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_twin_keeps_every_promise_and_nothing_stays_on_it() {
    let stage = Stage::new();
    assert_eq!(failed(&stage), [""; 0]);
    assert!(!state(&stage).contains("selftest"), "{}", state(&stage));
}

/// A twin that was declared without features cannot show one: the row is marked, and never passed.
#[test]
fn what_a_host_cannot_show_is_marked_with_its_reason_and_breaks_nothing() {
    let stage = Stage::new();
    let (declaration, bare) = (stage.dir().join("bare.yaml"), stage.dir().join("bare"));
    std::fs::write(&declaration, "kind: Twin\nhost_name: BARE\npackages: {}\n").unwrap();
    let run = |words: &[&str], from: &[&std::ffi::OsStr]| {
        ended(Command::new(crate::exe()).args(words).arg(&bare).args(from)).unwrap()
    };
    run(&["twin", "init", "--dir"], &["--from".as_ref(), declaration.as_ref()]);
    let ran = run(&["selftest", "--twin"], &[]);
    assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
    let row =
        said(&ran).lines().skip_while(|line| !line.starts_with("feature.look")).nth(1).map(str::to_owned);
    assert!(row.unwrap().trim().starts_with("not shown here: no features"), "{}", said(&ran));
    assert!(said(&ran).contains(" 0 failed, 3 cannot be shown here."), "{}", said(&ran));
}

#[test]
fn a_promise_that_a_twin_breaks_fails_and_takes_its_things_away() {
    let stage = Stage::new();
    stage.fault("app_pool.set", "*", "fail");
    assert_eq!(failed(&stage), ["pool.partial"]);
    assert!(!state(&stage).contains("selftest"), "{}", state(&stage));
}

/// Each lies in one thing alone, and in nothing that an error would tell.
#[test]
fn a_port_that_does_another_thing_than_it_says_is_found_out_by_the_promise_about_it() {
    for (lie, promise) in [
        (Lie::StopsNoPool, "pool.state"),
        (Lie::RecyclesWhatIsStopped, "pool.state"),
        (Lie::StopsEveryPool, "pool.state"),
        (Lie::RemovesMorePools, "pool.removed"),
        (Lie::RemovesMoreSites, "site.removed"),
        (Lie::RemovesForeignRecords, "record.foreign"),
        (Lie::KeepsProcesses, "service.gone"),
    ] {
        let stage = Stage::new();
        assert_eq!(failed_on(&Lying(stage.twin(), lie)), [promise], "{lie:?}");
        assert!(!state(&stage).contains("selftest"), "{lie:?}: {}", state(&stage));
    }
}

#[test]
fn a_port_that_never_does_its_work_fails_every_promise_of_it_and_no_other() {
    for (operation, broken) in [
        ("service.set_logon", &["service.account", "service.logon_right"][..]),
        ("certificate.import", &["certificate.imported", "certificate.locked", "certificate.public"]),
        ("key.grant", &["key.rights", "key.pool"]),
    ] {
        let stage = Stage::new();
        stage.ok(&["twin", "fault", "add", operation, "*", "fail", "--always"]);
        assert_eq!(failed(&stage), broken, "{operation}");
        assert!(!state(&stage).contains("selftest"), "{operation}: {}", state(&stage));
    }
}

#[test]
fn the_verb_says_each_promise_reports_it_and_ends_with_1_where_one_fails() {
    let stage = Stage::new();
    let report = stage.dir().join("report.json");
    let run = || ended(verb(&stage).arg("--report").arg(&report)).unwrap();
    let read = || -> serde_json::Value { serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap() };
    let good = run();
    assert_eq!(good.status.code(), Some(0), "{}", said(&good));
    let all = read();
    assert_eq!((&all["shape"], &all["simulated"]), (&"muster.selftest/1".into(), &true.into()));
    let held = |line: &serde_json::Value| {
        line["id"].as_str().is_some_and(|id| NOT_SHOWN.contains(&id))
            || line["seen"] == "held" && line.get("why").is_none()
    };
    assert!(all["promises"].as_array().unwrap().iter().all(held), "{all}");

    stage.fault("registry.set", "*", "fail");
    let bad = run();
    assert_eq!(bad.status.code(), Some(1));
    let text = said(&bad);
    assert!(
        text.contains("registry.types") && text.contains("FAIL, ") && text.contains("1 failed"),
        "{text}"
    );
    let all = read();
    let broken = all["promises"].as_array().unwrap().iter().find(|line| line["seen"] == "failed").unwrap();
    assert_eq!(broken["id"], "registry.types");
    assert!(broken["why"].as_str().unwrap().contains("set registry value"), "{broken}");
}

/// Killed while a service of its own is asked to stop, with a second one beside it that must touch nothing.
#[test]
fn two_at_once_leave_each_other_alone_and_what_a_killed_one_left_goes_first() {
    let stage = Stage::new();
    stage.fault("service.stop", "muster-selftest-service", "hang");
    let begun = verb(&stage).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut first = Started(begun.unwrap());
    let running = || stage.twin().services().get("muster-selftest-service").unwrap();
    crate::until("the service runs", || running().is_some_and(|facts| facts.state == ServiceState::Running));
    let second = ended(&mut verb(&stage)).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(said(&second).contains("another self-test is under way"), "{}", said(&second));
    first.kill();
    stage.ok(&["twin", "fault", "clear"]);
    assert!(running().is_some(), "it left something");
    assert_eq!(failed(&stage), [""; 0]);
    assert!(!state(&stage).contains("selftest"), "{}", state(&stage));
}

/// As one leaves it that is killed right after the import: the file, and the certificate with its key.
#[test]
fn a_certificate_that_a_killed_one_has_imported_goes_first() {
    let stage = Stage::new();
    let (twin, path) = (stage.twin(), r"C:\Program Files\MusterSelftest\import.pfx");
    twin.files().write(path, &twin.pfx().unwrap()).unwrap();
    let password = SecretValue::new(Zeroizing::new(throwaway::PASSWORD.to_owned()));
    let Ok(name) = throwaway::THUMBPRINT.parse();
    twin.certificates().import(&name, path, Some(&password)).unwrap();
    assert!(state(&stage).contains(throwaway::NAME), "nothing was laid");
    assert_eq!(failed(&stage), [""; 0]);
    assert!(!state(&stage).contains("selftest"), "{}", state(&stage));
}

#[test]
fn what_is_not_its_own_stays_and_is_said_where_it_is_in_the_way() {
    let stage = Stage::new();
    let twin = stage.twin();
    let (value, file) =
        (r"HKLM\SOFTWARE\MusterSelftest2\Value", r"C:\Program Files\MusterSelftest\foreign.txt");
    twin.make_service("muster-selftest-other").unwrap();
    twin.registry().set(&value.parse().unwrap(), &RegistryData::Dword(1)).unwrap();
    assert_eq!(failed(&stage), [""; 0]);

    // In its own folder: nothing is put to the proof there, and nothing is taken away.
    twin.folders().create(r"C:\Program Files\MusterSelftest").unwrap();
    twin.files().write(file, b"of somebody else").unwrap();
    let proofs = selftest::run(&twin).unwrap();
    let in_the_way = |seen: &Seen| matches!(seen, Seen::Failed(how) if how.contains("left does not go"));
    assert!(proofs.iter().all(|proof| NOT_SHOWN.contains(&proof.promise.id) || in_the_way(&proof.seen)));
    assert_eq!(twin.files().get(file).unwrap().unwrap().content, b"of somebody else");
    assert!(twin.services().get("muster-selftest-other").unwrap().is_some());
    assert!(twin.registry().get(&value.parse().unwrap()).unwrap().is_some());
}
