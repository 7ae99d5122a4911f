//! Windows services, through the service manager.
//!
//! Neighbours: `resource::service` says what is wanted and waits; nothing waits here. `manager` has Windows' own calls,
//! `lingering` the processes that are on their way out; of what Windows keeps beside it (`levels`), `recovery` is what it does
//! when a service fails, `delay` whether a start is put off. Never ends a service's process, and never stops or takes away one
//! that was not named.

mod delay;
mod levels;
pub(super) mod lingering;
mod manager;
mod recovery;
#[cfg(test)]
mod story;

use std::io;

use muster_proto::secret::SecretValue;
use windows_sys::Win32::Foundation::{
    ERROR_DEPENDENT_SERVICES_RUNNING, ERROR_SERVICE_ALREADY_RUNNING, ERROR_SERVICE_CANNOT_ACCEPT_CTRL,
    ERROR_SERVICE_MARKED_FOR_DELETE, ERROR_SERVICE_NEVER_STARTED, ERROR_SERVICE_NOT_ACTIVE,
    ERROR_SERVICE_SPECIFIC_ERROR, ERROR_SUCCESS,
};
use windows_sys::Win32::Storage::FileSystem::DELETE;
use windows_sys::Win32::System::Services::{
    SERVICE_CHANGE_CONFIG, SERVICE_ENUMERATE_DEPENDENTS, SERVICE_QUERY_CONFIG, SERVICE_QUERY_STATUS,
    SERVICE_START, SERVICE_STATUS_PROCESS, SERVICE_STOP,
};

use self::manager::{Change, Service};
pub(super) use self::manager::{Handle, buffer_of, bytes_of, create_dependent, is};
use super::machine::allow_shutdown;
use super::text::error_text;
use super::{WindowsHost, account, logon_right};
use crate::host::recovery::{FailureActions, Recovery};
use crate::host::{Error, Pending, ServiceFacts, ServiceState, Services, StartMode};

const CREATE: &str = "make service";
const LOOK: &str = "look at service";
const REMOVE: &str = "take away service";
const START: &str = "start service";
const STOP: &str = "stop service";
const SET_COMMAND_LINE: &str = "set the command line of service";
const SET_LOGON: &str = "set the account of service";
const LOOK_AT_RECOVERY: &str = "look at the recovery of service";
const SET_RECOVERY: &str = "set the recovery of service";
const SET_START: &str = "set the start mode of service";

impl Services for WindowsHost {
    fn get(&self, name: &str) -> Result<Option<ServiceFacts>, Error> {
        let Some(service) = Service::open(LOOK, name, SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG)? else {
            return Ok(None);
        };
        let status = service.status()?;
        let told = service.state(&status)?;
        let lingers = told == ServiceState::Stopped && service.lingers()?;
        let state = if lingers { ServiceState::StopPending } else { told };
        let failure = (state == ServiceState::Stopped).then(|| failure(&status)).flatten();
        let (mode, account, command_line) = service.config()?;
        let is_delayed = mode == StartMode::Automatic && service.is_delayed()?;
        let start = if is_delayed { StartMode::AutomaticDelayed } else { mode };
        Ok(Some(ServiceFacts {
            state,
            pending: pending(told, &status),
            start,
            failure,
            account,
            command_line,
        }))
    }

    fn create(&self, name: &str, command_line: &str) -> Result<(), Error> {
        manager::create(CREATE, name, command_line)
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let Some(service) = Service::open(REMOVE, name, DELETE)? else { return Ok(()) };
        match service.mark_to_go() {
            // Marked is what was asked for.
            Err(error) if !is(&error, ERROR_SERVICE_MARKED_FOR_DELETE) => {
                Err(service.refused(error_text(&error)))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn set_command_line(&self, name: &str, command_line: &str) -> Result<(), Error> {
        let service = Service::named(SET_COMMAND_LINE, name, SERVICE_CHANGE_CONFIG)?;
        let changed = service.change(&Change::command_line(command_line));
        changed.map_err(|error| service.refused(error_text(&error)))
    }

    fn start(&self, name: &str) -> Result<(), Error> {
        let service = Service::named(START, name, SERVICE_START | SERVICE_QUERY_STATUS)?;
        match service.request_start() {
            Ok(()) => Ok(()),
            // Running is what was asked for; a service that is still on its way down gives the same code.
            Err(error) if is(&error, ERROR_SERVICE_ALREADY_RUNNING) => {
                match service.state(&service.status()?)? {
                    ServiceState::Running | ServiceState::StartPending => Ok(()),
                    ServiceState::Stopped | ServiceState::StopPending => {
                        Err(service.refused("it is still stopping; start it again when it has stopped"))
                    }
                }
            }
            Err(error) => Err(service.refused(error_text(&error))),
        }
    }

    fn stop(&self, name: &str) -> Result<(), Error> {
        let service =
            Service::named(STOP, name, SERVICE_STOP | SERVICE_QUERY_STATUS | SERVICE_ENUMERATE_DEPENDENTS)?;
        let process = lingering::process_of(&service.status()?).unwrap_or_else(|error| {
            tracing::warn!(service = name, %error, "its process cannot be watched");
            None
        });
        match service.request_stop() {
            Ok(()) => {
                if let Some(process) = process {
                    lingering::remember(name, process);
                }
                Ok(())
            }
            // Stopped is what was asked for.
            Err(error) if is(&error, ERROR_SERVICE_NOT_ACTIVE) => Ok(()),
            // It was asked already, by an agent that is gone or by a person; on its way up it takes no stop.
            Err(error) if is(&error, ERROR_SERVICE_CANNOT_ACCEPT_CTRL) => {
                if !matches!(
                    service.state(&service.status()?)?,
                    ServiceState::StopPending | ServiceState::Stopped
                ) {
                    return Err(service.refused(error_text(&error)));
                }
                if let Some(process) = process {
                    lingering::remember(name, process);
                }
                Ok(())
            }
            Err(error) if is(&error, ERROR_DEPENDENT_SERVICES_RUNNING) => {
                let names = service.active_dependents()?.join(", ");
                Err(service.refused(format!("{}; stop these first: {names}", error_text(&error))))
            }
            Err(error) => Err(service.refused(error_text(&error))),
        }
    }

    fn set_start(&self, name: &str, start: StartMode) -> Result<(), Error> {
        let service = Service::named(SET_START, name, SERVICE_CHANGE_CONFIG)?;
        service.change(&Change::start(start)).map_err(|error| service.refused(error_text(&error)))?;
        // In this order: only an automatic start can be put off.
        match start {
            StartMode::Automatic => service.set_delayed(false),
            StartMode::AutomaticDelayed => service.set_delayed(true),
            StartMode::Manual | StartMode::Disabled => Ok(()),
        }
    }

    fn set_logon(&self, name: &str, account: &str, password: Option<&SecretValue>) -> Result<(), Error> {
        let service = Service::named(SET_LOGON, name, SERVICE_CHANGE_CONFIG)?;
        // An account that nobody knows is the service manager's to refuse, in its own words.
        let known = account::find(account).map_err(|error| service.refused(error_text(&error)))?;
        let its_own = known.as_ref().and_then(account::name_for_services);
        let account = its_own.as_deref().unwrap_or(account);
        let given = known.map(|sid| logon_right::give(&sid)).transpose();
        if given.map_err(|error| service.refused(no_right(account, &error)))? == Some(true) {
            tracing::info!(service = name, account, "given the right to log on as a service");
        }
        let changed = service.change(&Change::logon(account, password));
        changed.map_err(|error| service.refused(error_text(&error)))
    }

    fn recovery(&self, name: &str) -> Result<Recovery, Error> {
        let service = Service::named(LOOK_AT_RECOVERY, name, SERVICE_QUERY_CONFIG)?;
        let (actions, include_errors) = (service.failure_actions()?, service.failures_include_errors()?);
        Ok(Recovery { actions, include_errors })
    }

    fn set_failure_actions(&self, name: &str, actions: &FailureActions) -> Result<(), Error> {
        let service = Service::named(SET_RECOVERY, name, recovery::rights(actions))?;
        let allowed = if recovery::reboots(actions) { allow_shutdown() } else { Ok(()) };
        let changed = allowed.and_then(|()| service.set_failure_actions(actions));
        changed.map_err(|error| service.refused(error_text(&error)))
    }

    fn set_failures_include_errors(&self, name: &str, include: bool) -> Result<(), Error> {
        let service = Service::named(SET_RECOVERY, name, SERVICE_CHANGE_CONFIG)?;
        let changed = service.set_failures_include_errors(include);
        changed.map_err(|error| service.refused(error_text(&error)))
    }
}

impl Service<'_> {
    fn lingers(&self) -> Result<bool, Error> {
        lingering::lingers(self.name()).map_err(|error| self.refused(error_text(&error)))
    }
}

/// What the service itself says of its way; nothing of one that says that it has stopped and lingers.
fn pending(told: ServiceState, status: &SERVICE_STATUS_PROCESS) -> Option<Pending> {
    match told {
        ServiceState::StartPending | ServiceState::StopPending => {
            Some(Pending { checkpoint: status.dwCheckPoint, wait_hint_ms: status.dwWaitHint })
        }
        ServiceState::Running | ServiceState::Stopped => None,
    }
}

/// Why a service that is stopped did not end well; none where it did, or never ran.
fn failure(status: &SERVICE_STATUS_PROCESS) -> Option<String> {
    match status.dwWin32ExitCode {
        ERROR_SUCCESS | ERROR_SERVICE_NEVER_STARTED => None,
        ERROR_SERVICE_SPECIFIC_ERROR => Some(format!("its own error {}", status.dwServiceSpecificExitCode)),
        code => Some(error_text(&io::Error::from_raw_os_error(code.cast_signed()))),
    }
}

fn no_right(account: &str, error: &io::Error) -> String {
    format!("{account} cannot be given the right to log on as a service: {}", error_text(error))
}
