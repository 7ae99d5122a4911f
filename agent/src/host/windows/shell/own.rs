//! The agent's own service, as the service manager knows it.
//!
//! Neighbours: `crate::service` calls. It runs as LocalSystem, in a process of its own, starts with Windows once the rest has
//! started, and is started again 5, 30 and 60 seconds after it ended badly.

use std::ffi::{OsStr, OsString};
use std::io;
use std::time::{Duration, Instant};

use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl, ServiceExitCode,
    ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceState,
    ServiceStatus, ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_sys::Win32::Foundation::{
    ERROR_INVALID_LEVEL, ERROR_SERVICE_ALREADY_RUNNING, ERROR_SERVICE_DOES_NOT_EXIST, ERROR_SERVICE_EXISTS,
    ERROR_SERVICE_NEVER_STARTED, ERROR_SERVICE_NOT_ACTIVE,
};
use windows_sys::Win32::System::Threading::PROCESS_SYNCHRONIZE;

use super::super::process;
use super::super::text::error_text;
use super::{event_log, io_error};
use crate::service::Standing;

const DESCRIPTION: &str =
    "Makes this server what its controller's documents say, and reports. See muster-agent --help.";
/// After how long without a failure the first wait holds again.
const FORGET: Duration = Duration::from_hours(24);
const RESTARTS_S: [u64; 3] = [5, 30, 60];
/// What Windows gives the service before it shuts down: the step that is under way ends first.
const PRESHUTDOWN: Duration = Duration::from_mins(3);
/// How long a start or stop is waited for.
const PATIENCE: Duration = Duration::from_mins(3);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Makes the service, or gives the one that is there this program and these arguments.
///
/// # Errors
/// Where the service manager refuses.
pub fn install(name: &str, arguments: &[OsString]) -> io::Result<()> {
    let info = ServiceInfo {
        name: name.into(),
        display_name: "Muster agent".into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: std::env::current_exe()?,
        launch_arguments: arguments.to_vec(),
        dependencies: Vec::new(),
        account_name: None,
        account_password: None,
    };
    // Restarting is an action of the service's own, so that setting it takes the right to start.
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::QUERY_CONFIG | ServiceAccess::START;
    let manager = manager(ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE)?;
    let service = match manager.create_service(&info, access).map_err(io_error) {
        Err(error) if is(&error, ERROR_SERVICE_EXISTS) => {
            let service = manager.open_service(name, access).map_err(io_error)?;
            service.change_config(&info).map_err(io_error)?;
            service
        }
        made => made?,
    };
    service.set_description(DESCRIPTION).map_err(io_error)?;
    event_log::make_source(name)?;
    recover(&service)
}

fn recover(service: &Service) -> io::Result<()> {
    let restart = |seconds| ServiceAction {
        action_type: ServiceActionType::Restart,
        delay: Duration::from_secs(seconds),
    };
    let actions = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(FORGET),
        reboot_msg: None,
        command: None,
        actions: Some(RESTARTS_S.map(restart).to_vec()),
    };
    service.update_failure_actions(actions).map_err(io_error)?;
    optional("failure actions after an error", service.set_failure_actions_on_non_crash_failures(true))?;
    optional("a delayed start", service.set_delayed_auto_start(true))?;
    optional("time before a shutdown", service.set_preshutdown_timeout(PRESHUTDOWN))
}

/// Wine has no such settings; Windows has them all.
fn optional(what: &str, set: windows_service::Result<()>) -> io::Result<()> {
    match set.map_err(io_error) {
        Err(error) if is(&error, ERROR_INVALID_LEVEL) => {
            tracing::warn!(what, "the service manager does not know this setting");
            Ok(())
        }
        set => set,
    }
}

/// Takes the service away; it must be stopped.
///
/// # Errors
/// Where the service manager refuses.
pub fn remove(name: &str) -> io::Result<()> {
    open(name, ServiceAccess::DELETE)?.delete().map_err(io_error)
}

/// Starts it and waits until it runs. One that is on its way down is started once it has stopped.
///
/// # Errors
/// Where it does not come up.
pub fn start(name: &str) -> io::Result<()> {
    let service = open(name, ServiceAccess::START | ServiceAccess::QUERY_STATUS)?;
    let begin = Instant::now();
    loop {
        match service.start::<&OsStr>(&[]).map_err(io_error) {
            // The same word for one that runs and for one that is on its way down.
            Err(error) if is(&error, ERROR_SERVICE_ALREADY_RUNNING) => {
                let state = service.query_status().map_err(io_error)?.current_state;
                let ends = matches!(state, ServiceState::StopPending | ServiceState::Stopped);
                if !ends || begin.elapsed() > PATIENCE {
                    break;
                }
            }
            Err(error) => return Err(error),
            Ok(()) => break,
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    await_state(&service, ServiceState::Running)
}

/// Stops it and waits until it has stopped and its process is gone, so that its files are free. One that is stopped stays so,
/// and one that is on its way down goes on.
///
/// # Errors
/// Where it does not stop.
pub fn stop(name: &str) -> io::Result<()> {
    let service = open(name, ServiceAccess::STOP | ServiceAccess::QUERY_STATUS)?;
    let begin = Instant::now();
    let status = service.query_status().map_err(io_error)?;
    let process = status.process_id.map(|pid| process::open(pid, PROCESS_SYNCHRONIZE)).transpose();
    let process = process.unwrap_or_else(|error| {
        tracing::warn!(service = name, %error, "its process cannot be watched");
        None
    });
    match service.stop().map_err(io_error) {
        Err(error) if is(&error, ERROR_SERVICE_NOT_ACTIVE) => {}
        // It was asked already.
        Err(_) if service.query_status().map_err(io_error)?.current_state == ServiceState::StopPending => {}
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    await_state(&service, ServiceState::Stopped)?;
    while let Some(process) = &process
        && !process::has_ended(process)?
    {
        if begin.elapsed() > PATIENCE {
            return Err(io::Error::other("it is stopped, and its process is still there"));
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}

/// How it stands; none where there is none.
///
/// # Errors
/// Where the service manager refuses.
pub fn standing(name: &str) -> io::Result<Option<Standing>> {
    let status = match open(name, ServiceAccess::QUERY_STATUS) {
        Err(error) if is(&error, ERROR_SERVICE_DOES_NOT_EXIST) => return Ok(None),
        service => service?.query_status().map_err(io_error)?,
    };
    let state = word(status.current_state);
    Ok(Some(Standing { state, pid: status.process_id, failure: failure(&status) }))
}

fn manager(access: ServiceManagerAccess) -> io::Result<ServiceManager> {
    ServiceManager::local_computer(None::<&OsStr>, access).map_err(io_error)
}

fn open(name: &str, access: ServiceAccess) -> io::Result<Service> {
    manager(ServiceManagerAccess::CONNECT)?.open_service(name, access).map_err(io_error)
}

fn await_state(service: &Service, wanted: ServiceState) -> io::Result<()> {
    let begin = Instant::now();
    loop {
        let status = service.query_status().map_err(io_error)?;
        let state = status.current_state;
        if state == wanted {
            return Ok(());
        }
        if state == ServiceState::Stopped || begin.elapsed() > PATIENCE {
            let why = failure(&status).map(|failure| format!(", because of {failure}")).unwrap_or_default();
            return Err(io::Error::other(format!("it is {}{why}", word(state))));
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

fn word(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Stopped => "stopped",
        ServiceState::StartPending => "starting",
        ServiceState::StopPending => "stopping",
        ServiceState::Running => "running",
        ServiceState::ContinuePending | ServiceState::PausePending | ServiceState::Paused => "paused",
    }
}

fn failure(status: &ServiceStatus) -> Option<String> {
    match status.exit_code {
        _ if status.current_state != ServiceState::Stopped => None,
        ServiceExitCode::Win32(0 | ERROR_SERVICE_NEVER_STARTED) => None,
        ServiceExitCode::Win32(code) => Some(error_text(&io::Error::from_raw_os_error(code.cast_signed()))),
        ServiceExitCode::ServiceSpecific(code) => Some(format!("its own error {code}, see its log")),
    }
}

fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code.cast_signed())
}
