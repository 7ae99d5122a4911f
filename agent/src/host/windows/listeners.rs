//! Who listens on TCP: the computer's own table of ports, with the process of each, and the service that it is.
//!
//! Neighbours: `inventory` is the port. Both families of addresses; a port that listens on both is one line of each.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_MORE_DATA, NO_ERROR};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GetExtendedTcpTable, MIB_TCP6ROW_OWNER_PID, MIB_TCPROW_OWNER_PID, TCP_TABLE_OWNER_PID_LISTENER,
};
use windows_sys::Win32::System::Services::{
    ENUM_SERVICE_STATUS_PROCESSW, EnumServicesStatusExW, OpenSCManagerW, SC_ENUM_PROCESS_INFO,
    SC_MANAGER_ENUMERATE_SERVICE, SERVICE_ACTIVE, SERVICE_WIN32,
};

use super::process::processes;
use super::services::{Handle, buffer_of, bytes_of, is};
use super::text::{narrow, narrow_at};
use crate::host::{Listener, Owner};

/// The kernel's own process, which listens for HTTP.SYS.
const SYSTEM: u32 = 4;
const AF_INET: u32 = 2;
const AF_INET6: u32 = 23;

/// Every port on which something listens.
pub(super) fn all() -> io::Result<Vec<Listener>> {
    let mut held: BTreeSet<(u16, u32)> = BTreeSet::new();
    for row in table::<MIB_TCPROW_OWNER_PID>(AF_INET)? {
        held.insert((port(row.dwLocalPort), row.dwOwningPid));
    }
    for row in table::<MIB_TCP6ROW_OWNER_PID>(AF_INET6)? {
        held.insert((port(row.dwLocalPort), row.dwOwningPid));
    }
    let mut services: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for (pid, name) in running()? {
        services.entry(pid).or_default().push(name);
    }
    let programs: BTreeMap<u32, String> =
        processes()?.iter().map(|entry| (entry.th32ProcessID, narrow(&entry.szExeFile))).collect();
    let owner = |pid: u32| match services.get(&pid).map(Vec::as_slice) {
        _ if pid == SYSTEM => Owner::HttpSys,
        Some([name]) => Owner::Service(name.clone()),
        Some(_) | None => programs.get(&pid).map_or(Owner::Unnamed, |name| Owner::Program(name.clone())),
    };
    let all: BTreeSet<Listener> =
        held.into_iter().map(|(port, pid)| Listener { port, by: owner(pid) }).collect();
    Ok(all.into_iter().collect())
}

/// The port as people write it: the low two bytes, in the network's order.
fn port(written: u32) -> u16 {
    let [first, second, ..] = written.to_le_bytes();
    u16::from_be_bytes([first, second])
}

/// The rows of one family's table: a count, and the rows behind it.
fn table<T: Copy>(family: u32) -> io::Result<Vec<T>> {
    let mut bytes = 0;
    let mut buffer: Vec<u32> = Vec::new();
    loop {
        let start = if buffer.is_empty() { ptr::null_mut() } else { buffer.as_mut_ptr().cast() };
        // SAFETY: the buffer has the size that is passed, or none is.
        let told =
            unsafe { GetExtendedTcpTable(start, &mut bytes, 0, family, TCP_TABLE_OWNER_PID_LISTENER, 0) };
        match told {
            NO_ERROR if buffer.is_empty() => return Ok(Vec::new()),
            NO_ERROR => break,
            // It may have grown since its size was told.
            ERROR_INSUFFICIENT_BUFFER => {
                bytes = bytes.saturating_add(1024);
                buffer = vec![0; (bytes as usize).div_ceil(size_of::<u32>())];
            }
            code => return Err(io::Error::from_raw_os_error(code.cast_signed())),
        }
    }
    let count = buffer.first().copied().unwrap_or_default() as usize;
    let room = (buffer.len() - 1) * size_of::<u32>() / size_of::<T>();
    // SAFETY: the rows begin behind the count; they are plain numbers, aligned as the buffer is.
    let rows = unsafe { std::slice::from_raw_parts(buffer[1..].as_ptr().cast::<T>(), count.min(room)) };
    Ok(rows.to_vec())
}

/// The services that run, each with its process. Several may share one.
fn running() -> io::Result<Vec<(u32, String)>> {
    // SAFETY: no memory is passed.
    let manager = unsafe { OpenSCManagerW(ptr::null(), ptr::null(), SC_MANAGER_ENUMERATE_SERVICE) };
    if manager.is_null() {
        return Err(io::Error::last_os_error());
    }
    let manager = Handle(manager);
    let (mut needed, mut count, mut resume) = (0, 0, 0);
    let mut entries = buffer_of::<ENUM_SERVICE_STATUS_PROCESSW>(0);
    loop {
        // SAFETY: the manager is open for this; the buffer has the size that is passed and is aligned for the entries.
        let told = unsafe {
            EnumServicesStatusExW(
                manager.0,
                SC_ENUM_PROCESS_INFO,
                SERVICE_WIN32,
                SERVICE_ACTIVE,
                entries.as_mut_ptr().cast(),
                bytes_of(&entries),
                &mut needed,
                &mut count,
                &mut resume,
                ptr::null(),
            )
        };
        if told != 0 {
            break;
        }
        let error = io::Error::last_os_error();
        if !is(&error, ERROR_MORE_DATA) {
            return Err(error);
        }
        // From the beginning, with room for all of them and a few that start meanwhile.
        (entries, resume) = (buffer_of(bytes_of(&entries).saturating_add(needed).saturating_add(4096)), 0);
    }
    let read = |entry: &MaybeUninit<ENUM_SERVICE_STATUS_PROCESSW>| {
        // SAFETY: the call above filled as many entries as it counted, and only these are looked at.
        let entry = unsafe { entry.assume_init_ref() };
        // SAFETY: the name lies in the same buffer and ends with a zero.
        let name = unsafe { narrow_at(entry.lpServiceName) };
        (entry.ServiceStatusProcess.dwProcessId, name)
    };
    Ok(entries.iter().take(count as usize).map(read).collect())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_is_read_in_the_networks_order() {
        assert_eq!(port(0x0104), 1025, "bytes 04 01");
    }

    /// G6. Wine lists the port and does not say whose it is; a Windows server does, see `deploy/windows/ACCEPTANCE.md`.
    #[test]
    fn g6_what_listens_is_listed_as_long_as_it_does() {
        let here = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = here.local_addr().unwrap().port();
        let mine = all().unwrap().into_iter().find(|listener| listener.port == port).unwrap();
        assert!(matches!(mine.by, Owner::Program(_) | Owner::Unnamed), "{mine:?}");
        drop(here);
        assert!(all().unwrap().iter().all(|listener| listener.port != port));
    }
}
