//! Windows services, through the service manager.
//!
//! Neighbours: `resource::service` says what is wanted and waits; nothing waits here. Changes are partial: what is not
//! asked for is passed as "no change". Never makes a service, never ends its process, and never stops one that was not
//! named.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use muster_proto::secret::SecretValue;
use windows_sys::Win32::Foundation::{
    ERROR_DEPENDENT_SERVICES_RUNNING, ERROR_INSUFFICIENT_BUFFER, ERROR_MORE_DATA,
    ERROR_SERVICE_ALREADY_RUNNING, ERROR_SERVICE_DOES_NOT_EXIST, ERROR_SERVICE_NEVER_STARTED,
    ERROR_SERVICE_NOT_ACTIVE, ERROR_SERVICE_SPECIFIC_ERROR, ERROR_SUCCESS,
};
use windows_sys::Win32::System::Services::{
    ChangeServiceConfigW, CloseServiceHandle, ControlService, ENUM_SERVICE_STATUSW, EnumDependentServicesW,
    OpenSCManagerW, OpenServiceW, QUERY_SERVICE_CONFIGW, QueryServiceConfigW, QueryServiceStatusEx,
    SC_HANDLE, SC_MANAGER_CONNECT, SC_STATUS_PROCESS_INFO, SERVICE_ACTIVE, SERVICE_AUTO_START,
    SERVICE_CHANGE_CONFIG, SERVICE_CONTINUE_PENDING, SERVICE_CONTROL_STOP, SERVICE_DEMAND_START,
    SERVICE_DISABLED, SERVICE_ENUMERATE_DEPENDENTS, SERVICE_NO_CHANGE, SERVICE_PAUSE_PENDING, SERVICE_PAUSED,
    SERVICE_QUERY_CONFIG, SERVICE_QUERY_STATUS, SERVICE_RUNNING, SERVICE_START, SERVICE_START_PENDING,
    SERVICE_STATUS, SERVICE_STATUS_PROCESS, SERVICE_STOP, SERVICE_STOP_PENDING, SERVICE_STOPPED,
    StartServiceW,
};
use zeroize::Zeroizing;

use super::process::size_of_u32;
use super::text::{error_text, wide};
use super::{WindowsHost, account, logon_right};
use crate::host::{Error, ServiceFacts, ServiceState, Services, StartMode};

const LOOK: &str = "look at service";
const START: &str = "start service";
const STOP: &str = "stop service";
const SET_LOGON: &str = "set the account of service";
const SET_START: &str = "set the start mode of service";

impl Services for WindowsHost {
    fn get(&self, name: &str) -> Result<Option<ServiceFacts>, Error> {
        let Some(service) = Service::open(LOOK, name, SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG)? else {
            return Ok(None);
        };
        let status = service.status()?;
        let state = service.state(&status)?;
        let failure = (state == ServiceState::Stopped).then(|| failure(&status)).flatten();
        let (start, account) = service.config()?;
        Ok(Some(ServiceFacts { state, start, failure, account }))
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
        match service.request_stop() {
            Ok(()) => Ok(()),
            // Stopped is what was asked for.
            Err(error) if is(&error, ERROR_SERVICE_NOT_ACTIVE) => Ok(()),
            Err(error) if is(&error, ERROR_DEPENDENT_SERVICES_RUNNING) => {
                let names = service.active_dependents()?.join(", ");
                Err(service.refused(format!("{}; stop these first: {names}", error_text(&error))))
            }
            Err(error) => Err(service.refused(error_text(&error))),
        }
    }

    fn set_start(&self, name: &str, start: StartMode) -> Result<(), Error> {
        let service = Service::named(SET_START, name, SERVICE_CHANGE_CONFIG)?;
        service.change_start(start).map_err(|error| service.refused(error_text(&error)))
    }

    fn set_logon(&self, name: &str, account: &str, password: Option<&SecretValue>) -> Result<(), Error> {
        let service = Service::named(SET_LOGON, name, SERVICE_CHANGE_CONFIG)?;
        // An account that nobody knows is the service manager's to refuse, in its own words.
        let known = account::find(account).map_err(|error| service.refused(error_text(&error)))?;
        let given = known.map(|sid| logon_right::give(&sid)).transpose();
        if given.map_err(|error| service.refused(no_right(account, &error)))? == Some(true) {
            tracing::info!(service = name, account, "given the right to log on as a service");
        }
        service.change_logon(account, password).map_err(|error| service.refused(error_text(&error)))
    }
}

/// A handle of the service manager.
#[derive(Debug)]
pub(super) struct Handle(pub(super) SC_HANDLE);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and this value alone closes it.
        let closed = unsafe { CloseServiceHandle(self.0) };
        debug_assert!(closed != 0, "not closed: {}", io::Error::last_os_error());
    }
}

// SAFETY: a handle of the service manager is a name for it, not memory, and any thread may use it.
unsafe impl Send for Handle {}
// SAFETY: as above; the service manager takes calls side by side.
unsafe impl Sync for Handle {}

/// The service manager of this machine, opened once and kept: two first calls side by side confuse Wine, and one
/// connection is enough anyway.
fn manager() -> Result<Arc<Handle>, Error> {
    static KEPT: Mutex<Option<Arc<Handle>>> = Mutex::new(None);
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(manager) = &*kept {
        return Ok(Arc::clone(manager));
    }
    // SAFETY: null means this machine and its active database.
    let manager = unsafe { OpenSCManagerW(ptr::null(), ptr::null(), SC_MANAGER_CONNECT) };
    if manager.is_null() {
        let message = error_text(&io::Error::last_os_error());
        return Err(Error::Unreachable { what: "the service manager", message });
    }
    Ok(Arc::clone(kept.insert(Arc::new(Handle(manager)))))
}

/// An open service, and what it was opened for.
#[derive(Debug)]
struct Service<'name> {
    handle: Handle,
    operation: &'static str,
    name: &'name str,
}

impl<'name> Service<'name> {
    /// Opens a service with these rights; none where there is none.
    fn open(operation: &'static str, name: &'name str, rights: u32) -> Result<Option<Self>, Error> {
        let (manager, wide_name) = (manager()?, wide(name));
        // SAFETY: the manager is open, and the name ends with a zero.
        let handle = unsafe { OpenServiceW(manager.0, wide_name.as_ptr(), rights) };
        if !handle.is_null() {
            return Ok(Some(Self { handle: Handle(handle), operation, name }));
        }
        let error = io::Error::last_os_error();
        if is(&error, ERROR_SERVICE_DOES_NOT_EXIST) {
            return Ok(None);
        }
        Err(Error::Refused { operation, name: name.to_owned(), message: error_text(&error) })
    }

    /// Opens a service that must be there.
    fn named(operation: &'static str, name: &'name str, rights: u32) -> Result<Self, Error> {
        Self::open(operation, name, rights)?
            .ok_or_else(|| Error::Absent { kind: "service", name: name.to_owned() })
    }

    fn refused(&self, message: impl Into<String>) -> Error {
        Error::Refused { operation: self.operation, name: self.name.to_owned(), message: message.into() }
    }

    fn status(&self) -> Result<SERVICE_STATUS_PROCESS, Error> {
        let mut status = SERVICE_STATUS_PROCESS::default();
        let mut needed = 0;
        // SAFETY: the service is open for this, and the buffer is the structure that is asked for, with its size.
        let told = unsafe {
            QueryServiceStatusEx(
                self.handle.0,
                SC_STATUS_PROCESS_INFO,
                ptr::from_mut(&mut status).cast(),
                size_of_u32::<SERVICE_STATUS_PROCESS>(),
                &mut needed,
            )
        };
        if told == 0 {
            return Err(self.refused(error_text(&io::Error::last_os_error())));
        }
        Ok(status)
    }

    fn state(&self, status: &SERVICE_STATUS_PROCESS) -> Result<ServiceState, Error> {
        match status.dwCurrentState {
            SERVICE_STOPPED => Ok(ServiceState::Stopped),
            SERVICE_START_PENDING => Ok(ServiceState::StartPending),
            SERVICE_RUNNING => Ok(ServiceState::Running),
            SERVICE_STOP_PENDING => Ok(ServiceState::StopPending),
            // No document can say "paused", and none of the four words would be true of it.
            SERVICE_PAUSED | SERVICE_PAUSE_PENDING | SERVICE_CONTINUE_PENDING => {
                Err(self.refused(format!("it is paused; first type: sc continue {}", self.name)))
            }
            other => Err(self.refused(format!("state {other} is not one that Windows documents"))),
        }
    }

    /// How it is started, and the account that it logs on as.
    fn config(&self) -> Result<(StartMode, String), Error> {
        let mut needed = 0;
        // SAFETY: the service is open for this; without a buffer only the size is told.
        unsafe { QueryServiceConfigW(self.handle.0, ptr::null_mut(), 0, &mut needed) };
        let error = io::Error::last_os_error();
        if !is(&error, ERROR_INSUFFICIENT_BUFFER) {
            return Err(self.refused(error_text(&error)));
        }
        let mut config = buffer_of::<QUERY_SERVICE_CONFIGW>(needed);
        // SAFETY: the service is open for this, and the buffer has the size that was told and is aligned for the structure.
        let told = unsafe {
            QueryServiceConfigW(self.handle.0, config.as_mut_ptr().cast(), bytes_of(&config), &mut needed)
        };
        if told == 0 {
            return Err(self.refused(error_text(&io::Error::last_os_error())));
        }
        // SAFETY: the call above filled the first element.
        let filled = unsafe { config[0].assume_init_ref() };
        let start = match filled.dwStartType {
            SERVICE_AUTO_START => StartMode::Automatic,
            SERVICE_DEMAND_START => StartMode::Manual,
            SERVICE_DISABLED => StartMode::Disabled,
            _ => return Err(self.refused("it is a driver that starts with the kernel, not a service")),
        };
        if filled.lpServiceStartName.is_null() {
            return Ok((start, String::new()));
        }
        // SAFETY: the name lies in the same buffer and ends with a zero.
        let account = unsafe { super::text::narrow_at(filled.lpServiceStartName) };
        Ok((start, account))
    }

    fn request_start(&self) -> io::Result<()> {
        // SAFETY: the service is open for this; no arguments are passed.
        let taken = unsafe { StartServiceW(self.handle.0, 0, ptr::null()) };
        if taken == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    fn request_stop(&self) -> io::Result<()> {
        let mut status = SERVICE_STATUS::default();
        // SAFETY: the service is open for this, and the status is this function's own.
        let taken = unsafe { ControlService(self.handle.0, SERVICE_CONTROL_STOP, &mut status) };
        if taken == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    fn change_start(&self, start: StartMode) -> io::Result<()> {
        let start = match start {
            StartMode::Automatic => SERVICE_AUTO_START,
            StartMode::Manual => SERVICE_DEMAND_START,
            StartMode::Disabled => SERVICE_DISABLED,
        };
        let same = ptr::null();
        // SAFETY: the service is open for this; null and NO_CHANGE leave a setting as it is, and no tag is asked for.
        let changed = unsafe {
            ChangeServiceConfigW(
                self.handle.0,
                SERVICE_NO_CHANGE,
                start,
                SERVICE_NO_CHANGE,
                same,
                same,
                ptr::null_mut(),
                same,
                same,
                same,
                same,
            )
        };
        if changed == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Account and password in one call: Windows checks neither against the other before the service starts. An account
    /// without a password, such as LocalSystem, has an empty one; none at all would leave the old one.
    fn change_logon(&self, account: &str, password: Option<&SecretValue>) -> io::Result<()> {
        let account = wide(account);
        let password = Zeroizing::new(wide(password.map_or("", SecretValue::expose)));
        let same = ptr::null();
        // SAFETY: the service is open for this, both texts end with a zero and live until the call is done; null and
        // NO_CHANGE leave a setting as it is, and no tag is asked for.
        let changed = unsafe {
            ChangeServiceConfigW(
                self.handle.0,
                SERVICE_NO_CHANGE,
                SERVICE_NO_CHANGE,
                SERVICE_NO_CHANGE,
                same,
                same,
                ptr::null_mut(),
                same,
                account.as_ptr(),
                password.as_ptr(),
                same,
            )
        };
        if changed == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// The names of the services that depend on this one and are not stopped.
    fn active_dependents(&self) -> Result<Vec<String>, Error> {
        let (mut needed, mut count) = (0, 0);
        // SAFETY: the service is open for this; without a buffer only the size is told.
        let none = unsafe {
            EnumDependentServicesW(self.handle.0, SERVICE_ACTIVE, ptr::null_mut(), 0, &mut needed, &mut count)
        };
        if none != 0 {
            return Ok(Vec::new());
        }
        let error = io::Error::last_os_error();
        if !is(&error, ERROR_MORE_DATA) {
            return Err(self.refused(error_text(&error)));
        }
        let mut entries = buffer_of::<ENUM_SERVICE_STATUSW>(needed);
        // SAFETY: the service is open for this, and the buffer has the size that was told and is aligned for the entries.
        let told = unsafe {
            EnumDependentServicesW(
                self.handle.0,
                SERVICE_ACTIVE,
                entries.as_mut_ptr().cast(),
                bytes_of(&entries),
                &mut needed,
                &mut count,
            )
        };
        if told == 0 {
            return Err(self.refused(error_text(&io::Error::last_os_error())));
        }
        let name = |entry: &MaybeUninit<ENUM_SERVICE_STATUSW>| {
            // SAFETY: the call above filled as many entries as it counted, and only these are looked at.
            let name = unsafe { entry.assume_init_ref() }.lpServiceName;
            // SAFETY: the name lies in the same buffer and ends with a zero.
            unsafe { super::text::narrow_at(name) }
        };
        Ok(entries.iter().take(count as usize).map(name).collect())
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

/// Whether it is that error of Windows.
pub(super) fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code.cast_signed())
}

/// Room for at least this many bytes, aligned for what Windows writes at its beginning.
pub(super) fn buffer_of<T>(bytes: u32) -> Vec<MaybeUninit<T>> {
    let count = (bytes as usize).div_ceil(size_of::<T>()).max(1);
    std::iter::repeat_with(MaybeUninit::zeroed).take(count).collect()
}

/// The size of a buffer, as Windows is told it.
pub(super) fn bytes_of<T>(buffer: &[T]) -> u32 {
    u32::try_from(size_of_val(buffer)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;

    /// Made by `tests/windows/run` from `tests/windows/service.c`.
    const SERVICE: &str = "muster-story";
    const PAUSED: &str = "muster-story-paused";
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

    /// Wine does not notice that a service's process has died, so that no story can show it.
    #[test]
    fn the_manager_s_reason_is_shown_with_its_code_and_a_service_that_never_ran_has_none() {
        let stopped = |code| SERVICE_STATUS_PROCESS { dwWin32ExitCode: code, ..Default::default() };
        assert!(failure(&stopped(1067)).unwrap().starts_with("error 1067: "));
        assert_eq!(failure(&stopped(ERROR_SERVICE_NEVER_STARTED)), None);
        assert_eq!(failure(&stopped(ERROR_SUCCESS)), None);
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
}
