//! Processes of services that were asked to stop: a service says that it has stopped before its process is gone, and until
//! then its files are in use.
//!
//! Neighbours: the port above asks. Known to this process alone: after a restart of the agent a service is what it says it is.

use std::collections::BTreeMap;
use std::io;
use std::os::windows::io::OwnedHandle;
use std::sync::{Mutex, PoisonError};

use windows_sys::Win32::System::Services::{
    SERVICE_QUERY_STATUS, SERVICE_STATUS_PROCESS, SERVICE_WIN32_OWN_PROCESS,
};
use windows_sys::Win32::System::Threading::PROCESS_SYNCHRONIZE;

use super::super::process;
use super::super::text::error_text;
use super::LOOK;
use super::manager::Service;
use crate::host::{Error, Process};

static STOPPING: Mutex<BTreeMap<String, OwnedHandle>> = Mutex::new(BTreeMap::new());

/// The process of a service that is alone in it; none where it shares one, which goes on for the others.
pub(super) fn process_of(status: &SERVICE_STATUS_PROCESS) -> io::Result<Option<OwnedHandle>> {
    if status.dwProcessId == 0 || status.dwServiceType & SERVICE_WIN32_OWN_PROCESS == 0 {
        return Ok(None);
    }
    process::open(status.dwProcessId, PROCESS_SYNCHRONIZE).map(Some)
}

/// The process of a service that runs, for a self-test that watches it.
pub(in super::super) fn watched(service: &str) -> Result<Option<Process>, Error> {
    let name = service.to_owned();
    let refused = move |error: io::Error| Error::Refused {
        operation: LOOK,
        name: name.clone(),
        message: error_text(&error),
    };
    let Some(open) = Service::open(LOOK, service, SERVICE_QUERY_STATUS)? else { return Ok(None) };
    let Some(process) = process_of(&open.status()?).map_err(&refused)? else { return Ok(None) };
    Ok(Some(Box::new(move || Ok(!process::has_ended(&process).map_err(&refused)?))))
}

/// Keeps in mind that this process of that service is to go.
pub(super) fn remember(service: &str, process: OwnedHandle) {
    let mut stopping = STOPPING.lock().unwrap_or_else(PoisonError::into_inner);
    stopping.insert(service.to_lowercase(), process);
}

/// Whether the process of a service that says it has stopped is still there.
pub(super) fn lingers(service: &str) -> io::Result<bool> {
    let mut stopping = STOPPING.lock().unwrap_or_else(PoisonError::into_inner);
    let service = service.to_lowercase();
    let Some(process) = stopping.get(&service) else { return Ok(false) };
    let ended = process::has_ended(process)?;
    if ended {
        stopping.remove(&service);
    }
    Ok(!ended)
}
