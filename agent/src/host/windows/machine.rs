//! The computer's starts: which one this is, and asking for the next.
//!
//! A start is told apart by when its service manager was created: that process begins with Windows, is critical to it and
//! ends with nothing else, and unlike the uptime its creation time does not move when the clock is set. Neighbours:
//! `engine::task` compares two marks. Never ends a process itself.

use std::io;
use std::os::windows::io::AsRawHandle as _;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_NOT_ALL_ASSIGNED, ERROR_SHUTDOWN_IN_PROGRESS, LUID};
use windows_sys::Win32::Security::{
    AdjustTokenPrivileges, LUID_AND_ATTRIBUTES, LookupPrivilegeValueW, SE_PRIVILEGE_ENABLED,
    SE_SHUTDOWN_NAME, TOKEN_ADJUST_PRIVILEGES, TOKEN_PRIVILEGES, TOKEN_QUERY,
};
use windows_sys::Win32::System::Shutdown::{
    InitiateSystemShutdownExW, SHTDN_REASON_FLAG_PLANNED, SHTDN_REASON_MAJOR_APPLICATION,
    SHTDN_REASON_MINOR_MAINTENANCE,
};

use super::WindowsHost;
use super::guard::own_token;
use super::process::{processes, start_mark};
use super::services::is;
use super::text::{error_text, narrow, wide};
use crate::host::{Error, Machine};

/// The service manager's program.
const SERVICE_MANAGER: &str = "services.exe";
/// What the System log says beside the message: planned, for the maintenance of an application.
const REASON: u32 =
    SHTDN_REASON_MAJOR_APPLICATION | SHTDN_REASON_MINOR_MAINTENANCE | SHTDN_REASON_FLAG_PLANNED;

impl Machine for WindowsHost {
    fn boot(&self) -> Result<String, Error> {
        let untold = |message| Error::CannotTell { what: "the start of the computer", message };
        let mark = service_manager_mark().map_err(|error| untold(error_text(&error)))?;
        mark.ok_or_else(|| untold(format!("there is no process {SERVICE_MANAGER}")))
    }

    /// At once, without asking the programs of who is logged on: that the computer goes down was approved.
    fn reboot(&self, why: &str) -> Result<(), Error> {
        let refused = |error: io::Error| Error::Refused {
            operation: "restart",
            name: "the computer".to_owned(),
            message: error_text(&error),
        };
        allow_shutdown().map_err(refused)?;
        let why = wide(why);
        // SAFETY: null is this computer, and the message ends with a zero.
        let taken = unsafe { InitiateSystemShutdownExW(ptr::null(), why.as_ptr(), 0, 1, 1, REASON) };
        let error = io::Error::last_os_error();
        // Whoever asked before: it goes down, and the next start settles the step.
        if taken != 0 || is(&error, ERROR_SHUTDOWN_IN_PROGRESS) { Ok(()) } else { Err(refused(error)) }
    }
}

/// When the service manager was created, in 100 ns since 1601. Of several programs of that name the oldest is it.
fn service_manager_mark() -> io::Result<Option<String>> {
    let mut marks = Vec::new();
    for entry in processes()? {
        if narrow(&entry.szExeFile).eq_ignore_ascii_case(SERVICE_MANAGER) {
            marks.push(start_mark(entry.th32ProcessID)?);
        }
    }
    Ok(marks.into_iter().min_by_key(|mark| (mark.len(), mark.clone())))
}

/// Switches on the right to restart that the agent's account has.
pub(super) fn allow_shutdown() -> io::Result<()> {
    let mut luid = LUID::default();
    // SAFETY: null is this computer, the name ends with a zero, and the number is this function's own.
    if unsafe { LookupPrivilegeValueW(ptr::null(), SE_SHUTDOWN_NAME, &mut luid) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let token = own_token(TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY)?;
    let wanted = TOKEN_PRIVILEGES {
        PrivilegeCount: 1,
        Privileges: [LUID_AND_ATTRIBUTES { Luid: luid, Attributes: SE_PRIVILEGE_ENABLED }],
    };
    // SAFETY: the token is open for this, and nothing is asked of what was before.
    let set = unsafe {
        AdjustTokenPrivileges(token.as_raw_handle(), 0, &wanted, 0, ptr::null_mut(), ptr::null_mut())
    };
    // It succeeds as well where the account does not have the right; the error then says so.
    let error = io::Error::last_os_error();
    let has_all = !is(&error, ERROR_NOT_ALL_ASSIGNED);
    if set != 0 && has_all { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn one_start_of_the_computer_has_one_mark() {
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        let mark = host.boot().unwrap();
        assert!(mark.parse::<u64>().unwrap() > 0);
        assert_eq!(host.boot().unwrap(), mark);
        assert_ne!(mark, start_mark(std::process::id()).unwrap(), "it is not this process's");
    }

    #[test]
    fn the_right_to_restart_can_be_switched_on() {
        allow_shutdown().unwrap();
        allow_shutdown().unwrap();
    }
}
