//! What runs under the service manager: its controls are answered at once, the work is done elsewhere.
//!
//! The service manager calls the handler on a thread of its own; there the wish to stop is noted and "stopping" reported, and
//! nothing else. While the work begins or ends the checkpoint goes on, so that Windows sees that it does. Neighbours:
//! `crate::service` is the work.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
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
    let teller = Arc::new(Teller { manager: OnceLock::new(), course: Mutex::new(Course::Starting(1)) });
    let (stop, stopped) = watch::channel(false);
    // Nothing is ever sent: the work has ended, one way or another, when the sender is gone.
    let (working, end) = mpsc::channel::<()>();
    let of_handler = Arc::clone(&teller);
    let handler = move |control| {
        if control == ServiceControl::Interrogate {
            return ServiceControlHandlerResult::NoError;
        }
        let is_end =
            matches!(control, ServiceControl::Stop | ServiceControl::Preshutdown | ServiceControl::Shutdown);
        if is_end {
            if let Err(error) = of_handler.tell(Course::asked_to_stop) {
                tracing::warn!(%error, "the service manager was not told of the stop");
            }
            stop.send_replace(true);
            ServiceControlHandlerResult::NoError
        } else {
            ServiceControlHandlerResult::NotImplemented
        }
    };
    // The handler reports with what its registration gives.
    let manager = service_control_handler::register(name, handler).map_err(io_error)?;
    let manager = *teller.manager.get_or_init(|| manager);
    report(manager, Course::Starting(1))?;
    let of_work = Arc::clone(&teller);
    let up = Box::new(move || of_work.tell(Course::came_up));
    let worker = std::thread::Builder::new().name("service".to_owned()).spawn(move || {
        let result = work(Lifeline { stop: stopped, up });
        drop(working);
        result
    })?;
    while end.recv_timeout(CHECKPOINT) == Err(mpsc::RecvTimeoutError::Timeout) {
        teller.tell(Course::went_on)?;
    }
    let code = match worker.join() {
        Ok(Ok(())) => 0,
        Ok(Err(_)) | Err(_) => FAILED,
    };
    teller.tell(|_| Some(Course::Ended(code)))
}

/// How far the service is. It only goes forward, whoever says so: the handler and the work are on threads of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// On its way up, at that checkpoint.
    Starting(u32),
    /// At work.
    Up,
    /// On its way down, at that checkpoint.
    Stopping(u32),
    /// Over, with that code.
    Ended(u32),
}

impl Course {
    fn came_up(self) -> Option<Self> {
        matches!(self, Self::Starting(_)).then_some(Self::Up)
    }

    fn asked_to_stop(self) -> Option<Self> {
        matches!(self, Self::Starting(_) | Self::Up).then_some(Self::Stopping(1))
    }

    /// Time passed, and the work with it.
    fn went_on(self) -> Option<Self> {
        match self {
            Self::Starting(checkpoint) => Some(Self::Starting(checkpoint + 1)),
            Self::Stopping(checkpoint) => Some(Self::Stopping(checkpoint + 1)),
            Self::Up | Self::Ended(_) => None,
        }
    }
}

/// Tells the service manager how far the service is, one after the other.
struct Teller {
    manager: OnceLock<ServiceStatusHandle>,
    course: Mutex<Course>,
}

impl Teller {
    /// Goes on from where it is, and says so; nothing where that is no way on.
    fn tell(&self, next: impl FnOnce(Course) -> Option<Course>) -> io::Result<()> {
        let mut course = self.course.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(next) = next(*course) else { return Ok(()) };
        *course = next;
        self.manager.get().map_or(Ok(()), |manager| report(*manager, next))
    }
}

fn report(manager: ServiceStatusHandle, course: Course) -> io::Result<()> {
    let (state, checkpoint, code) = match course {
        Course::Starting(checkpoint) => (ServiceState::StartPending, checkpoint, 0),
        Course::Up => (ServiceState::Running, 0, 0),
        Course::Stopping(checkpoint) => (ServiceState::StopPending, checkpoint, 0),
        Course::Ended(code) => (ServiceState::Stopped, 0, code),
    };
    let accepted = match course {
        Course::Up => ServiceControlAccept::STOP | ServiceControlAccept::PRESHUTDOWN,
        Course::Starting(_) | Course::Stopping(_) | Course::Ended(_) => ServiceControlAccept::empty(),
    };
    let status = ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted: accepted,
        exit_code: match code {
            0 => ServiceExitCode::Win32(0),
            code => ServiceExitCode::ServiceSpecific(code),
        },
        checkpoint,
        wait_hint: if checkpoint > 0 { WAIT_HINT } else { Duration::ZERO },
        process_id: None,
    };
    manager.set_service_status(status).map_err(io_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_on_its_way_says_more_and_more_and_one_that_is_up_or_over_says_nothing() {
        use Course::{Ended, Starting, Stopping, Up};
        assert_eq!(Starting(1).went_on(), Some(Starting(2)));
        assert_eq!(Stopping(7).went_on(), Some(Stopping(8)));
        assert_eq!([Up, Ended(0)].map(Course::went_on), [None, None]);
    }

    /// The work may end by itself at the moment at which a stop comes, and come up at that at which it was asked.
    #[test]
    fn a_service_never_goes_back() {
        use Course::{Ended, Starting, Stopping, Up};
        assert_eq!(Starting(3).came_up(), Some(Up));
        assert_eq!([Up, Stopping(1), Ended(1)].map(Course::came_up), [None; 3]);
        assert_eq!([Starting(2), Up].map(Course::asked_to_stop), [Some(Stopping(1)); 2]);
        assert_eq!([Stopping(4), Ended(0)].map(Course::asked_to_stop), [None; 2]);
    }
}
