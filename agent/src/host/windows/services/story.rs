//! The service manager of this machine, with services that `tests/windows/run` has made for it.

use std::path::Path;
use std::time::Duration;

use windows_sys::Win32::Foundation::ERROR_SERVICE_NEVER_STARTED;
use zeroize::Zeroizing;

use super::super::shell;
use super::*;
use crate::host::recovery::{FailureAction, OnFailure};

/// Made by `tests/windows/run` from `tests/windows/service.c`.
const SERVICE: &str = "muster-story";
const PAUSED: &str = "muster-story-paused";
const LINGERING: &str = "muster-story-lingering";
const HINTING: &str = "muster-story-hinting";
const COMPLAINING: &str = "muster-story-complaining";

fn host() -> WindowsHost {
    WindowsHost::new(Path::new(r"C:\logs"))
}

fn facts(name: &str) -> ServiceFacts {
    host().get(name).unwrap().unwrap()
}

/// Waits for a state; every state on the way is one of those that were named.
fn until(name: &str, state: ServiceState, on_the_way: &[ServiceState]) {
    for _ in 0..2_000 {
        let Ok(Some(facts)) = host().get(name) else { continue };
        let now = facts.state;
        if now == state {
            return;
        }
        assert!(on_the_way.contains(&now), "{now:?} on the way to {state:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{state:?} did not come");
}

#[test]
fn a_service_that_is_not_there_is_none_and_nothing_can_be_asked_of_it() {
    let host = host();
    let name = "muster-no-such-service";
    assert_eq!(host.get(name).unwrap(), None);
    for result in [host.start(name), host.stop(name), host.set_start(name, StartMode::Manual)] {
        assert_eq!(result, Err(Error::Absent { kind: "service", name: name.to_owned() }));
    }
}

#[test]
#[ignore = "needs the service that tests/windows/run makes"]
fn a_service_starts_and_stops_when_it_is_asked_and_once_is_enough() {
    use ServiceState::{Running, StartPending, StopPending, Stopped};
    let host = host();
    assert_eq!(facts(SERVICE).state, Stopped);
    host.start(SERVICE).unwrap();
    host.start(SERVICE).unwrap();
    until(SERVICE, Running, &[Stopped, StartPending]);
    host.start(SERVICE).unwrap();
    host.stop(SERVICE).unwrap();
    until(SERVICE, Stopped, &[Running, StopPending]);
    host.stop(SERVICE).unwrap();
    assert_eq!(facts(SERVICE).failure, None);
}

#[test]
#[ignore = "needs the service that tests/windows/run makes"]
fn a_service_that_did_not_end_well_says_why() {
    host().start(COMPLAINING).unwrap();
    until(COMPLAINING, ServiceState::Stopped, &[ServiceState::StartPending, ServiceState::Running]);
    assert_eq!(facts(COMPLAINING).failure.as_deref(), Some("its own error 42"));
}

#[test]
#[ignore = "needs the service that tests/windows/run makes"]
fn a_service_on_its_way_says_how_far_it_is_and_how_long_it_asks_for() {
    let (host, said) = (host(), Some(Pending { checkpoint: 3, wait_hint_ms: 2_500 }));
    let says = |ended: ServiceState| {
        let all = std::iter::repeat_with(|| facts(HINTING));
        let mut way = all.inspect(|facts| assert_ne!(facts.state, ended, "it said nothing on its way"));
        assert!(way.any(|facts| facts.pending == said));
    };
    host.start(HINTING).unwrap();
    says(ServiceState::Running);
    until(HINTING, ServiceState::Running, &[ServiceState::StartPending]);
    assert_eq!(facts(HINTING).pending, None);
    host.stop(HINTING).unwrap();
    // Asked once more: it is on its way.
    host.stop(HINTING).unwrap();
    says(ServiceState::Stopped);
    until(HINTING, ServiceState::Stopped, &[ServiceState::StopPending]);
    assert_eq!(facts(HINTING).pending, None);

    // As a person steers the agent's own.
    shell::start(HINTING).unwrap();
    host.stop(HINTING).unwrap();
    shell::stop(HINTING).unwrap();
    shell::start(HINTING).unwrap();
    host.stop(HINTING).unwrap();
    shell::start(HINTING).unwrap();
    assert_eq!(facts(HINTING).state, ServiceState::Running);
    shell::stop(HINTING).unwrap();
}

/// Whoever replaces its files next finds them free.
#[test]
#[ignore = "needs the service that tests/windows/run makes"]
fn a_service_has_stopped_only_when_its_process_is_gone() {
    let held = r"C:\windows\temp\muster-story-held.txt";
    host().start(LINGERING).unwrap();
    until(LINGERING, ServiceState::Running, &[ServiceState::Stopped, ServiceState::StartPending]);
    std::fs::remove_file(held).unwrap_err();
    host().stop(LINGERING).unwrap();
    until(LINGERING, ServiceState::Stopped, &[ServiceState::Running, ServiceState::StopPending]);
    std::fs::remove_file(held).unwrap();

    // As a person stops the agent's own, to put another program in its place.
    shell::start(LINGERING).unwrap();
    shell::stop(LINGERING).unwrap();
    std::fs::remove_file(held).unwrap();
}

/// Wine does not notice that a service's process has died, so that no story can show it.
#[test]
fn the_manager_s_reason_is_shown_with_its_code_and_a_service_that_never_ran_has_none() {
    let stopped = |code| SERVICE_STATUS_PROCESS { dwWin32ExitCode: code, ..Default::default() };
    assert!(failure(&stopped(1067)).unwrap().starts_with("error 1067: "));
    assert_eq!(failure(&stopped(ERROR_SERVICE_NEVER_STARTED)), None);
    assert_eq!(failure(&stopped(ERROR_SUCCESS)), None);
}

/// Wine takes any account; Windows refuses one of these with an empty password.
#[test]
fn g4_an_account_whose_password_windows_keeps_is_set_without_one() {
    for account in [r"DUPONT\batch$", r"NT SERVICE\Batch"] {
        assert!(!Change::logon(account, None).has_password(), "{account}");
    }
    for account in ["LocalSystem", r"NT AUTHORITY\NetworkService", r"DUPONT\batch"] {
        assert!(Change::logon(account, None).has_password(), "{account}");
    }
}

/// Wine's service manager takes the actions and forgets them, and knows nothing of the rest.
#[test]
fn where_nothing_is_kept_of_what_is_done_at_a_failure_that_is_said_and_only_where_it_is_asked() {
    let (host, name) = (host(), "RpcSs");
    let told = host.recovery(name).unwrap_err().to_string();
    let words = "what Windows does when a service fails cannot be told on this server: ";
    assert!(told.starts_with(words) && told.contains("error 124: "), "{told}");
    assert!(host.get(name).unwrap().is_some());
    let told = host.set_failures_include_errors(name, true).unwrap_err().to_string();
    assert!(told.starts_with("set the recovery of service RpcSs failed: error 124: "), "{told}");
    let list = [FailureAction::Restart, FailureAction::Reboot];
    let list = list.map(|action| OnFailure { action, delay_ms: 5_000 }).to_vec();
    let actions = FailureActions { list, reset_seconds: None };
    host.set_failure_actions(name, &actions).unwrap();

    let none = "muster-no-such-service";
    let absent = Error::Absent { kind: "service", name: none.to_owned() };
    assert_eq!(host.recovery(none), Err(absent.clone()));
    assert_eq!(host.set_failure_actions(none, &actions), Err(absent));
}

#[test]
#[ignore = "needs the service that tests/windows/run makes"]
fn the_account_alone_is_changed_and_seen_again() {
    let host = host();
    let (before, network) = (facts(SERVICE), r"NT AUTHORITY\NetworkService");
    assert_eq!(before.account, "LocalSystem");
    host.set_logon(SERVICE, network, None).unwrap();
    assert_eq!(facts(SERVICE), ServiceFacts { account: network.to_owned(), ..before.clone() });
    let password = SecretValue::new(Zeroizing::new("a password".to_owned()));
    host.set_logon(SERVICE, "LocalSystem", Some(&password)).unwrap();
    assert_eq!(facts(SERVICE), before);
    host.set_logon(SERVICE, network, None).unwrap();
    host.set_logon(SERVICE, r"NT AUTHORITY\SYSTEM", None).unwrap();
    assert_eq!(facts(SERVICE), before, "the service manager's own word for it");
    // Wine knows no other language; an identifier is no name either.
    for spelling in [r"NT AUTHORITY\NETWORK SERVICE", "network service", "S-1-5-20"] {
        host.set_logon(SERVICE, spelling, None).unwrap();
        assert_eq!(facts(SERVICE).account, network, "the service manager's own word for {spelling}");
    }
    host.set_logon(SERVICE, "LocalSystem", None).unwrap();
}

#[test]
#[ignore = "needs the service that tests/windows/run makes"]
fn the_start_mode_alone_is_changed_and_a_disabled_service_does_not_start() {
    let host = host();
    for start in [StartMode::Automatic, StartMode::Disabled] {
        host.set_start(PAUSED, start).unwrap();
        let facts = facts(PAUSED);
        assert_eq!((facts.state, facts.start), (ServiceState::Stopped, start));
    }
    // Wine puts no start off: what cannot be set is said, and the rest of it can.
    let error = host.set_start(PAUSED, StartMode::AutomaticDelayed).unwrap_err().to_string();
    let words = format!("set the start mode of service {PAUSED} failed: error 124: ");
    assert!(error.starts_with(&words), "{error}");
    assert_eq!(facts(PAUSED).start, StartMode::Automatic);
    host.set_start(PAUSED, StartMode::Disabled).unwrap();
    let error = host.start(PAUSED).unwrap_err().to_string();
    assert!(error.starts_with(&format!("start service {PAUSED} failed: error 1058: ")), "{error}");
    host.set_start(PAUSED, StartMode::Manual).unwrap();
    // What is not passed stays: it still starts its own program, with its own argument.
    host.start(PAUSED).unwrap();
    let paused = loop {
        match host.get(PAUSED) {
            Ok(Some(facts)) if facts.state == ServiceState::Running => panic!("it lost its argument"),
            Ok(_) => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => break error.to_string(),
        }
    };
    assert!(paused.contains("it is paused; first type: sc continue"), "{paused}");
    host.stop(PAUSED).unwrap();
    until(PAUSED, ServiceState::Stopped, &[ServiceState::StopPending]);
}

#[test]
#[ignore = "needs the program of the services that tests/windows/run makes"]
fn a_service_is_made_as_it_is_told_and_goes_when_it_has_stopped() {
    let (host, name) = (host(), "muster-story-made");
    // A story before may have been cut off.
    if host.get(name).unwrap().is_some() {
        take_away(name);
    }
    let line = r#""C:\windows\system32\muster-story.exe" "#;
    host.create(name, line).unwrap();
    let made = facts(name);
    let bare = ServiceFacts {
        state: ServiceState::Stopped,
        pending: None,
        start: StartMode::Manual,
        failure: None,
        account: "LocalSystem".to_owned(),
        command_line: line.to_owned(),
    };
    assert_eq!(made, bare);
    assert!(host.create(name, line).unwrap_err().to_string().contains("error 1073: "));
    host.set_command_line(name, r"C:\elsewhere.exe").unwrap();
    assert_eq!(facts(name), ServiceFacts { command_line: r"C:\elsewhere.exe".to_owned(), ..bare });
    host.set_command_line(name, line).unwrap();
    host.start(name).unwrap();
    until(name, ServiceState::Running, &[ServiceState::Stopped, ServiceState::StartPending]);

    take_away(name);
    host.remove(name).unwrap();
}

/// Stops a service and has it forgotten; it is gone once it has stopped.
fn take_away(name: &str) {
    let host = host();
    host.stop(name).unwrap();
    host.remove(name).unwrap();
    for _ in 0..2_000 {
        if host.get(name).unwrap().is_none() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{name} is still there");
}
