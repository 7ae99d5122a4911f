//! What runs under the service manager: its controls are answered at once, the work is done elsewhere.
//!
//! The service manager calls the handler on a thread of its own; there the wish to stop is noted and "stopping" reported, and
//! nothing else. While the work ends the checkpoint goes on, so that Windows sees that it does. Neighbours: `crate::service`
//! is the work.

use std::io;
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::watch;
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::{define_windows_service, service_dispatcher};

use super::io_error;
use crate::service::Lifeline;

type Work = Box<dyn FnOnce(Lifeline) -> anyhow::Result<()> + Send>;

/// What the service manager's call finds: it takes no argument of ours.
static WORK: Mutex<Option<(&'static str, Work)>> = Mutex::new(None);

/// What a service says of itself that ended with an error; the log has the reason.
const FAILED: u32 = 1;
/// How long a start or a stop may take until the next checkpoint.
const WAIT_HINT: Duration = Duration::from_secs(30);
const CHECKPOINT: Duration = Duration::from_secs(5);

define_windows_service!(service_entry, service_main);

/// Is the service until it has stopped.
///
/// # Errors
/// Where the service manager did not start this process.
pub fn run(
    name: &'static str,
    work: impl FnOnce(Lifeline) -> anyhow::Result<()> + Send + 'static,
) -> io::Result<()> {
    *WORK.lock().unwrap_or_else(PoisonError::into_inner) = Some((name, Box::new(work)));
    service_dispatcher::start(name, service_entry).map_err(io_error)
}

fn service_main(_arguments: Vec<std::ffi::OsString>) {
    let Some((name, work)) = WORK.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    if let Err(error) = serve(name, work) {
        tracing::error!(%error, "the service manager does not listen");
    }
}

fn serve(name: &str, work: Work) -> io::Result<()> {
    // The handler must report, and is needed to get what it reports with.
    static MANAGER: OnceLock<ServiceStatusHandle> = OnceLock::new();
    let (stop, stopped) = watch::channel(false);
    // Nothing is ever sent: the work has ended, one way or another, when the sender is gone.
    let (working, end) = mpsc::channel::<()>();
    let handler = move |control| {
        if control == ServiceControl::Interrogate {
            return ServiceControlHandlerResult::NoError;
        }
        let is_end =
            matches!(control, ServiceControl::Stop | ServiceControl::Preshutdown | ServiceControl::Shutdown);
        if is_end {
            if let Some(manager) = MANAGER.get()
                && let Err(error) = report(*manager, ServiceState::StopPending, 1, None)
            {
                tracing::warn!(%error, "the service manager was not told of the stop");
            }
            stop.send_replace(true);
            ServiceControlHandlerResult::NoError
        } else {
            ServiceControlHandlerResult::NotImplemented
        }
    };
    let manager = service_control_handler::register(name, handler).map_err(io_error)?;
    let manager = *MANAGER.get_or_init(|| manager);
    report(manager, ServiceState::StartPending, 1, None)?;
    let asked = stopped.clone();
    let up = Box::new(move || report(manager, ServiceState::Running, 0, None));
    let worker = std::thread::Builder::new().name("service".to_owned()).spawn(move || {
        let result = work(Lifeline { stop: stopped, up });
        drop(working);
        result
    })?;
    let mut checkpoint = 1;
    while end.recv_timeout(CHECKPOINT) == Err(mpsc::RecvTimeoutError::Timeout) {
        if *asked.borrow() {
            checkpoint += 1;
            report(manager, ServiceState::StopPending, checkpoint, None)?;
        }
    }
    let code = match worker.join() {
        Ok(Ok(())) => 0,
        Ok(Err(_)) | Err(_) => FAILED,
    };
    report(manager, ServiceState::Stopped, 0, Some(code))
}

fn report(
    manager: ServiceStatusHandle,
    state: ServiceState,
    checkpoint: u32,
    code: Option<u32>,
) -> io::Result<()> {
    let is_on_its_way = matches!(state, ServiceState::StartPending | ServiceState::StopPending);
    let accepted = if state == ServiceState::Running {
        ServiceControlAccept::STOP | ServiceControlAccept::PRESHUTDOWN
    } else {
        ServiceControlAccept::empty()
    };
    let status = ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted: accepted,
        exit_code: match code {
            None | Some(0) => ServiceExitCode::Win32(0),
            Some(code) => ServiceExitCode::ServiceSpecific(code),
        },
        checkpoint,
        wait_hint: if is_on_its_way { WAIT_HINT } else { Duration::ZERO },
        process_id: None,
    };
    manager.set_service_status(status).map_err(io_error)
}
