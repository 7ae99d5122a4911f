//! The ports on a twin: each says what is, or does one thing.

use muster_agent::host::twin::ledger::Deed;
use muster_agent::host::{
    Access, AppPools, Clock, Error, Files, Host, Http, PoolSetting, ServiceState, Services, StartMode,
};

use crate::{Stage, until};

const SCPS: &str = "http://localhost/SCPS";
const SCAS: &str = "http://localhost/SCAS";

#[test]
fn a_service_is_on_its_way_before_it_runs() {
    let stage = Stage::new();
    let twin = stage.twin();
    stage.install("common-services", "6.0.0.1397");
    twin.start("SCPSServer").unwrap();
    until("the service", || {
        Services::get(&twin, "scpsserver").unwrap().unwrap().state == ServiceState::Running
    });
    twin.start("SCPSServer").unwrap();
    twin.stop("SCPSServer").unwrap();
    assert_eq!(Services::get(&twin, "SCPSServer").unwrap().unwrap().state, ServiceState::Stopped);
    let starts = stage.ledger().iter().filter(|entry| entry.by == "agent").count();
    assert_eq!(starts, 2, "starting what runs is no effect");
}

#[test]
fn a_disabled_service_does_not_start_and_a_missing_one_is_absent() {
    let stage = Stage::new();
    let twin = stage.twin();
    twin.stop("Spooler").unwrap();
    twin.set_start("Spooler", StartMode::Disabled).unwrap();
    let error = twin.start("Spooler").unwrap_err();
    assert_eq!(error.to_string(), "start service Spooler failed: error 1058: the service is disabled");
    assert_eq!(Services::get(&twin, "SCPSServer").unwrap(), None, "absent is a state");
    assert!(matches!(twin.start("SCPSServer"), Err(Error::Absent { .. })));
}

#[test]
fn a_service_starts_after_those_that_it_depends_on_and_they_do_not_stop_before_it() {
    let stage = Stage::new();
    let twin = stage.twin();
    let state = |name| Services::get(&twin, name).unwrap().unwrap().state;
    twin.start("top").unwrap();
    until("the service", || state("Top") == ServiceState::Running);
    assert_eq!((state("Base"), state("Middle")), (ServiceState::Running, ServiceState::Running));
    let started: Vec<String> =
        stage.ledger().into_iter().filter_map(|entry| service_started(entry.deed)).collect();
    assert_eq!(started, ["Base", "Middle", "Top"]);

    let error = twin.stop("BASE").unwrap_err().to_string();
    let words = "error 1051: services that run depend on it; stop these first: Top, Middle";
    assert_eq!(error, format!("stop service BASE failed: {words}"));
    assert!(twin.stop("spooler").unwrap_err().to_string().ends_with("stop these first: Top"));
    assert_eq!((state("Base"), state("Spooler")), (ServiceState::Running, ServiceState::Running));
    for name in ["Top", "Middle", "Base"] {
        twin.stop(name).unwrap();
        assert_eq!(state(name), ServiceState::Stopped);
    }
}

#[test]
fn a_service_whose_dependency_cannot_start_does_not_start_and_starts_nothing() {
    let stage = Stage::new();
    let twin = stage.twin();
    let refused = |name| twin.start(name).unwrap_err().to_string();
    assert!(refused("Lost").starts_with("start service Lost failed: error 1075: "));
    twin.set_start("Middle", StartMode::Disabled).unwrap();
    assert!(refused("Top").contains("error 1068: "));
    stage.ok(&["twin", "set", "service", "Middle", "start=manual", "depends_on=Top"]);
    assert!(refused("Top").contains("error 1059: "));
    let started = stage.ledger().into_iter().filter_map(|entry| service_started(entry.deed)).count();
    assert_eq!(started, 0);
}

fn service_started(deed: Deed) -> Option<String> {
    if let Deed::ServiceStarted { service } = deed { Some(service) } else { None }
}

#[test]
fn a_service_may_run_and_die_a_little_later() {
    // G13: it must still run a little later.
    let stage = Stage::new();
    let twin = stage.twin();
    twin.stop("Spooler").unwrap();
    stage.fault("service.start", "Spooler", "dies=0");
    twin.start("Spooler").unwrap();
    until("its death", || Services::get(&twin, "Spooler").unwrap().unwrap().state == ServiceState::Stopped);
}

#[test]
fn an_address_answers_while_its_services_run_and_right_after_the_installation() {
    // G3: the probe comes before any service of the package was started.
    let stage = Stage::new();
    let twin = stage.twin();
    let is_refused = |url| Http::get(&twin, url).unwrap_err().to_string().contains("10061");
    assert!(is_refused(SCPS), "nothing listens yet");
    stage.install("common-services", "6.0.0.1397");
    assert_eq!(Http::get(&twin, SCPS), Ok(401));
    assert!(is_refused(SCAS));
    twin.start("SCASServer").unwrap();
    assert_eq!(Http::get(&twin, SCAS), Ok(200));
    twin.stop("W3SVC").unwrap();
    assert!(is_refused(SCPS));
    stage.fault("http.get", SCAS, "answer=503");
    assert_eq!(Http::get(&twin, SCAS), Ok(503));
    assert_eq!(Http::get(&twin, SCAS), Ok(200));
}

#[test]
fn a_pool_is_made_with_the_defaults_and_changed_only_where_asked() {
    let stage = Stage::new();
    let twin = stage.twin();
    twin.app_pools().create("Own", &[]).unwrap();
    let before = AppPools::get(&twin, "Own").unwrap().unwrap();
    assert!(!before.enable_32bit && before.load_user_profile && before.idle_timeout_minutes == 20);
    twin.set("own", &[PoolSetting::IdleTimeoutMinutes(0)]).unwrap();
    let after = AppPools::get(&twin, "Own").unwrap().unwrap();
    assert_eq!(after, muster_agent::host::PoolFacts { idle_timeout_minutes: 0, ..before });
    stage.ok(&["twin", "set", "defaults", "app_pools", "idle_timeout_minutes=5", "load_user_profile=false"]);
    let inherits = AppPools::get(&twin, "Own").unwrap().unwrap();
    assert_eq!((inherits.idle_timeout_minutes, inherits.load_user_profile), (0, false), "its own stays");
    assert!(
        matches!(twin.app_pools().create("OWN", &[]), Err(Error::Refused { .. })),
        "Windows' names have no case"
    );
    assert!(matches!(twin.set("Other", &[]), Err(Error::Absent { .. })));
}

#[test]
fn a_file_is_written_whole_and_keeps_the_rights_that_it_has() {
    let stage = Stage::new();
    let (twin, path) = (stage.twin(), r"C:\Sage\a.ini");
    twin.write(path, b"one").unwrap();
    twin.grant(path, r"BUILTIN\Users", Access::Read).unwrap();
    twin.grant(path, "Guests", Access::Full).unwrap();
    twin.grant(path, r"builtin\users", Access::Modify).unwrap();
    twin.write(r"c:\sage\A.INI", &[0xff, 0x00]).unwrap();
    twin.revoke(path, "guests").unwrap();
    let file = Files::get(&twin, path).unwrap().unwrap();
    assert_eq!(file.content, [0xff, 0x00]);
    assert_eq!(file.rights, [(r"BUILTIN\Users".to_owned(), Access::Modify)]);
    assert!(matches!(twin.write("relative.ini", b""), Err(Error::Refused { .. })));
    assert!(matches!(twin.grant(r"C:\nothing", "Guests", Access::Read), Err(Error::Absent { .. })));
}

#[test]
fn a_full_disk_refuses_the_write_and_leaves_the_old_file() {
    let stage = Stage::new();
    let (twin, path) = (stage.twin(), r"C:\Sage\a.ini");
    twin.write(path, b"one").unwrap();
    stage.fault("file.write", path, "disk-full");
    let error = twin.write(path, b"two").unwrap_err();
    assert!(error.to_string().contains("error 112"), "{error}");
    assert_eq!(Files::get(&twin, path).unwrap().unwrap().content, b"one");
}

#[test]
fn a_failure_after_the_effect_has_had_the_effect() {
    let stage = Stage::new();
    let (twin, path) = (stage.twin(), r"C:\Sage\a.ini");
    stage.ok(&["twin", "fault", "add", "file.write", "*", "fail=the connection broke", "--after"]);
    let told = twin.write(path, b"one").unwrap_err().to_string();
    assert!(told.contains("the connection broke"), "{told}");
    assert!(Files::get(&twin, path).unwrap().is_some());
}

#[test]
fn drift_by_hand_is_seen_at_once_and_told_apart_from_the_agent_s_work() {
    let stage = Stage::new();
    let twin = stage.twin();
    stage.install("advanced", "2022-r2");
    stage.ok(&[
        "twin",
        "set",
        "app_pool",
        "sage.xrt.advanced",
        "load_user_profile=true",
        "idle_timeout_minutes=5",
    ]);
    let pool = AppPools::get(&twin, "Sage.XRT.Advanced").unwrap().unwrap();
    assert!(pool.load_user_profile && pool.idle_timeout_minutes == 5);
    assert_eq!(stage.ledger().last().unwrap().by, "hand");
    let state = stage.dir().join("state.json");
    let edited = std::fs::read_to_string(&state).unwrap().replace("DUP-WEB01", "OTHER");
    std::fs::write(&state, edited).unwrap();
    assert_eq!(twin.host_name().unwrap().as_str(), "OTHER", "an editor's change counts as well");
}

#[test]
fn a_broken_state_is_shown_with_its_place_to_the_agent_and_to_the_person() {
    let stage = Stage::new();
    let twin = stage.twin();
    std::fs::write(stage.dir().join("state.json"), "{\n  \"host_name\": DUP\n}").unwrap();
    let error = twin.host_name().unwrap_err().to_string();
    assert!(error.contains("state.json:2:16"), "{error}");
    let output = stage.run(&["twin", "show"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("state.json:2:16"));
}

#[test]
fn the_twin_s_clock_can_be_wrong() {
    let stage = Stage::new();
    let twin = stage.twin();
    stage.ok(&["twin", "set", "clock", "offset", "ms=180000"]);
    let ahead = twin.now().duration_since(jiff::Timestamp::now()).as_secs();
    assert!((170..=180).contains(&ahead), "{ahead}");
}

#[test]
fn what_a_twin_shows_is_labelled_simulated() {
    let stage = Stage::new();
    assert!(stage.twin().simulated());
    stage.install("common-services", "6.0.0.1397");
    let shown = stage.ok(&["twin", "show"]);
    assert!(shown.starts_with("SIMULATED  DUP-WEB01"), "{shown}");
    assert!(shown.contains("refused: SCASServer does not run"), "{shown}");
}

#[test]
fn a_wrong_change_or_fault_is_refused_with_what_to_type() {
    let stage = Stage::new();
    for args in [
        vec!["twin", "set", "app_pool", "P", "colour=red"],
        vec!["twin", "set", "service", "S", "state=jumping"],
        vec!["twin", "set", "service", "S", "state"],
        vec!["twin", "fault", "add", "service.start", "S", "explode"],
        vec!["twin", "fault", "add", "service.start", "S", "exit-code=3"],
        vec!["twin", "fault", "add", "service.jump", "S", "fail"],
    ] {
        let output = stage.run(&args);
        assert!(!output.status.success(), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
    assert_eq!(stage.ledger().len(), 1, "nothing was changed");
}
