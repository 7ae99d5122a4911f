//! Who is logged on, and what each has open.
//!
//! Neighbours: `inventory` is the port. Session 0 is the services' and nobody's; one that is disconnected is still a
//! session, and its programs run.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::io;
use std::ptr;

use windows_sys::Win32::System::RemoteDesktop::{
    ProcessIdToSessionId, WTS_CURRENT_SERVER_HANDLE, WTS_INFO_CLASS, WTS_SESSION_INFOW, WTSDomainName,
    WTSEnumerateSessionsW, WTSFreeMemory, WTSQuerySessionInformationW, WTSUserName,
};

use super::process::processes;
use super::text::{narrow, narrow_at};
use crate::host::LogOn;

/// Every session of a person.
pub(super) fn all() -> io::Result<Vec<LogOn>> {
    let mut people: BTreeMap<u32, LogOn> = BTreeMap::new();
    for id in ids()? {
        let user = told(id, WTSUserName)?;
        if id != 0 && !user.is_empty() {
            let domain = told(id, WTSDomainName)?;
            let account = if domain.is_empty() { user } else { format!("{domain}\\{user}") };
            people.insert(id, LogOn { account, programs: Vec::new() });
        }
    }
    for entry in processes()? {
        let mut session = 0;
        // SAFETY: the number is written to this function's own variable. One that ended in between is left out.
        let known = unsafe { ProcessIdToSessionId(entry.th32ProcessID, &mut session) };
        if known != 0
            && let Some(person) = people.get_mut(&session)
        {
            person.programs.push(narrow(&entry.szExeFile));
        }
    }
    Ok(people.into_values().collect())
}

/// Memory that the session's manager allocates, freed with this value.
struct Given(*mut c_void);

impl Drop for Given {
    fn drop(&mut self) {
        // SAFETY: the memory came from the session's manager, and this value alone frees it.
        unsafe { WTSFreeMemory(self.0) };
    }
}

fn ids() -> io::Result<Vec<u32>> {
    let (mut list, mut count): (*mut WTS_SESSION_INFOW, u32) = (ptr::null_mut(), 0);
    // SAFETY: list and count are written to this function's own variables.
    if unsafe { WTSEnumerateSessionsW(WTS_CURRENT_SERVER_HANDLE, 0, 1, &mut list, &mut count) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let given = Given(list.cast());
    if list.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the list has as many entries as were counted, and lives as long as `given`.
    let entries = unsafe { std::slice::from_raw_parts(list, count as usize) };
    let ids = entries.iter().map(|entry| entry.SessionId).collect();
    drop(given);
    Ok(ids)
}

/// What is told of a session; empty for one that is nobody's.
fn told(session: u32, what: WTS_INFO_CLASS) -> io::Result<String> {
    let (mut text, mut bytes) = (ptr::null_mut(), 0);
    // SAFETY: text and size are written to this function's own variables.
    let told = unsafe {
        WTSQuerySessionInformationW(WTS_CURRENT_SERVER_HANDLE, session, what, &mut text, &mut bytes)
    };
    if told == 0 {
        return Err(io::Error::last_os_error());
    }
    let given = Given(text.cast());
    if text.is_null() {
        return Ok(String::new());
    }
    // SAFETY: the text ends with a zero, and lives as long as `given`.
    let read = unsafe { narrow_at(text) };
    drop(given);
    Ok(read)
}
