//! The service manager's own calls: a handle that closes itself, and what is read and changed through it.
//!
//! Neighbours: the port above says when. Changes are partial: what is not given is passed as "no change".

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use muster_proto::secret::SecretValue;
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_INSUFFICIENT_BUFFER, ERROR_MORE_DATA, ERROR_SERVICE_DOES_NOT_EXIST,
};
use windows_sys::Win32::System::Services::{
    ChangeServiceConfigW, CloseServiceHandle, ControlService, CreateServiceW, DeleteService,
    ENUM_SERVICE_STATUSW, EnumDependentServicesW, OpenSCManagerW, OpenServiceW, QUERY_SERVICE_CONFIGW,
    QueryServiceConfigW, QueryServiceStatusEx, SC_HANDLE, SC_MANAGER_CONNECT, SC_MANAGER_CREATE_SERVICE,
    SC_STATUS_PROCESS_INFO, SERVICE_ACTIVE, SERVICE_AUTO_START, SERVICE_CONTINUE_PENDING,
    SERVICE_CONTROL_STOP, SERVICE_DEMAND_START, SERVICE_DISABLED, SERVICE_ERROR_NORMAL, SERVICE_NO_CHANGE,
    SERVICE_PAUSE_PENDING, SERVICE_PAUSED, SERVICE_QUERY_STATUS, SERVICE_RUNNING, SERVICE_START_PENDING,
    SERVICE_STATUS, SERVICE_STATUS_PROCESS, SERVICE_STOP_PENDING, SERVICE_STOPPED, SERVICE_WIN32_OWN_PROCESS,
    StartServiceW,
};
use zeroize::Zeroizing;

use super::super::process::size_of_u32;
use super::super::text::{error_text, narrow_at, wide};
use crate::host::{Error, ServiceState, StartMode};

/// A handle of the service manager.
#[derive(Debug)]
pub(in super::super) struct Handle(pub(in super::super) SC_HANDLE);

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
/// connection is enough anyway. Whoever may not make services can still look at them.
fn manager() -> Result<Arc<Handle>, Error> {
    static KEPT: Mutex<Option<Arc<Handle>>> = Mutex::new(None);
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(manager) = &*kept {
        return Ok(Arc::clone(manager));
    }
    let opened = match open_manager(SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE) {
        Err(error) if is(&error, ERROR_ACCESS_DENIED) => open_manager(SC_MANAGER_CONNECT),
        opened => opened,
    };
    let unreachable = |error| Error::Unreachable { what: "the service manager", message: error_text(&error) };
    Ok(Arc::clone(kept.insert(Arc::new(opened.map_err(unreachable)?))))
}

fn open_manager(rights: u32) -> io::Result<Handle> {
    // SAFETY: null means this machine and its active database.
    let manager = unsafe { OpenSCManagerW(ptr::null(), ptr::null(), rights) };
    if manager.is_null() { Err(io::Error::last_os_error()) } else { Ok(Handle(manager)) }
}

/// What is to be another in a service's configuration.
pub(super) struct Change {
    start: u32,
    command_line: Option<Zeroizing<Vec<u16>>>,
    account: Option<Zeroizing<Vec<u16>>>,
    password: Option<Zeroizing<Vec<u16>>>,
}

impl Change {
    const NONE: Self = Self { start: SERVICE_NO_CHANGE, command_line: None, account: None, password: None };

    /// How it is started; whether that is put off is none of this configuration.
    pub(super) fn start(start: StartMode) -> Self {
        let start = match start {
            StartMode::Automatic | StartMode::AutomaticDelayed => SERVICE_AUTO_START,
            StartMode::Manual => SERVICE_DEMAND_START,
            StartMode::Disabled => SERVICE_DISABLED,
        };
        Self { start, ..Self::NONE }
    }

    /// What it starts.
    pub(super) fn command_line(line: &str) -> Self {
        Self { command_line: Some(Zeroizing::new(wide(line))), ..Self::NONE }
    }

    /// Account and password in one call: Windows checks neither against the other before the service starts. An account
    /// without a password, such as LocalSystem, has an empty one; none at all would leave the old one. For an account whose
    /// password Windows keeps itself there must be none at all:
    /// <https://learn.microsoft.com/en-us/windows/win32/api/winsvc/nf-winsvc-changeserviceconfigw>.
    pub(super) fn logon(account: &str, password: Option<&SecretValue>) -> Self {
        let text = |text: &str| Some(Zeroizing::new(wide(text)));
        let password = match password {
            Some(password) => text(password.expose()),
            None if is_managed(account) => None,
            None => text(""),
        };
        Self { account: text(account), password, ..Self::NONE }
    }

    #[cfg(test)]
    pub(super) fn has_password(&self) -> bool {
        self.password.is_some()
    }
}

/// A managed account of a domain, and the account of a service's own.
fn is_managed(account: &str) -> bool {
    account.ends_with('$') || account.to_lowercase().starts_with(r"nt service\")
}

/// Makes a service of its own process, and looks at nothing of it.
pub(super) fn create(operation: &'static str, name: &str, command_line: &str) -> Result<(), Error> {
    make(operation, name, command_line, "")
}

/// Makes one that depends on another.
pub(in super::super) fn create_dependent(
    operation: &'static str,
    name: &str,
    command_line: &str,
    on: &str,
) -> Result<(), Error> {
    make(operation, name, command_line, on)
}

fn make(operation: &'static str, name: &str, command_line: &str, depends_on: &str) -> Result<(), Error> {
    let (manager, wide_name, line) = (manager()?, wide(name), wide(command_line));
    let none = ptr::null();
    // Each name ends with a zero, and the list with one more; the list without a name is none.
    let dependencies = wide(format!("{depends_on}\0"));
    // SAFETY: the manager is open, the texts end with a zero, the list with two, and live until the call is done; null is no
    // group, no tag, and LocalSystem without a password.
    let made = unsafe {
        CreateServiceW(
            manager.0,
            wide_name.as_ptr(),
            wide_name.as_ptr(),
            SERVICE_QUERY_STATUS,
            SERVICE_WIN32_OWN_PROCESS,
            SERVICE_DEMAND_START,
            SERVICE_ERROR_NORMAL,
            line.as_ptr(),
            none,
            ptr::null_mut(),
            dependencies.as_ptr(),
            none,
            none,
        )
    };
    if made.is_null() {
        let message = error_text(&io::Error::last_os_error());
        return Err(Error::Refused { operation, name: name.to_owned(), message });
    }
    drop(Handle(made));
    Ok(())
}

/// An open service, and what it was opened for.
#[derive(Debug)]
pub(super) struct Service<'name> {
    handle: Handle,
    operation: &'static str,
    name: &'name str,
}

impl<'name> Service<'name> {
    /// Opens a service with these rights; none where there is none.
    pub(super) fn open(
        operation: &'static str,
        name: &'name str,
        rights: u32,
    ) -> Result<Option<Self>, Error> {
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
    pub(super) fn named(operation: &'static str, name: &'name str, rights: u32) -> Result<Self, Error> {
        Self::open(operation, name, rights)?
            .ok_or_else(|| Error::Absent { kind: "service", name: name.to_owned() })
    }

    pub(super) fn name(&self) -> &str {
        self.name
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn refused(&self, message: impl Into<String>) -> Error {
        Error::Refused { operation: self.operation, name: self.name.to_owned(), message: message.into() }
    }

    pub(super) fn status(&self) -> Result<SERVICE_STATUS_PROCESS, Error> {
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

    pub(super) fn state(&self, status: &SERVICE_STATUS_PROCESS) -> Result<ServiceState, Error> {
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

    /// How it is started, but for whether that is put off, the account that it logs on as, and what it starts.
    pub(super) fn config(&self) -> Result<(StartMode, String, String), Error> {
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
        let text = |start: *const u16| {
            if start.is_null() {
                return String::new();
            }
            // SAFETY: the text lies in the same buffer and ends with a zero.
            unsafe { narrow_at(start) }
        };
        Ok((start, text(filled.lpServiceStartName), text(filled.lpBinaryPathName)))
    }

    pub(super) fn request_start(&self) -> io::Result<()> {
        // SAFETY: the service is open for this; no arguments are passed.
        let taken = unsafe { StartServiceW(self.handle.0, 0, ptr::null()) };
        if taken == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    pub(super) fn request_stop(&self) -> io::Result<()> {
        let mut status = SERVICE_STATUS::default();
        // SAFETY: the service is open for this, and the status is this function's own.
        let taken = unsafe { ControlService(self.handle.0, SERVICE_CONTROL_STOP, &mut status) };
        if taken == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Changes what is given, and nothing else.
    pub(super) fn change(&self, change: &Change) -> io::Result<()> {
        let same = ptr::null();
        let text = |text: &Option<Zeroizing<Vec<u16>>>| text.as_ref().map_or(same, |text| text.as_ptr());
        // SAFETY: the service is open for this, each text ends with a zero and lives until the call is done; null and NO_CHANGE
        // leave a setting as it is, and no tag is asked for.
        let changed = unsafe {
            ChangeServiceConfigW(
                self.handle.0,
                SERVICE_NO_CHANGE,
                change.start,
                SERVICE_NO_CHANGE,
                text(&change.command_line),
                same,
                ptr::null_mut(),
                same,
                text(&change.account),
                text(&change.password),
                same,
            )
        };
        if changed == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    pub(super) fn mark_to_go(&self) -> io::Result<()> {
        // SAFETY: the service is open for this.
        let marked = unsafe { DeleteService(self.handle.0) };
        if marked == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// The names of the services that depend on this one and are not stopped.
    pub(super) fn active_dependents(&self) -> Result<Vec<String>, Error> {
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
            unsafe { narrow_at(name) }
        };
        Ok(entries.iter().take(count as usize).map(name).collect())
    }
}

/// Whether it is that error of Windows.
pub(in super::super) fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code.cast_signed())
}

/// Room for at least this many bytes, aligned for what Windows writes at its beginning.
pub(in super::super) fn buffer_of<T>(bytes: u32) -> Vec<MaybeUninit<T>> {
    let count = (bytes as usize).div_ceil(size_of::<T>()).max(1);
    std::iter::repeat_with(MaybeUninit::zeroed).take(count).collect()
}

/// The size of a buffer, as Windows is told it.
pub(in super::super) fn bytes_of<T>(buffer: &[T]) -> u32 {
    u32::try_from(size_of_val(buffer)).unwrap_or(u32::MAX)
}
