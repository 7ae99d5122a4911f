//! What this computer is.
//!
//! Neighbours: `WindowsHost` and `account` ask. Never writes.

use std::io;

use windows_sys::Win32::System::SystemInformation::{
    COMPUTER_NAME_FORMAT, ComputerNamePhysicalDnsFullyQualified, ComputerNamePhysicalDnsHostname,
    ComputerNamePhysicalNetBIOS, GetComputerNameExW,
};

use super::text::narrow;

/// The computer's own name, without a domain: on a cluster's node that of the node.
pub(super) fn computer_name() -> io::Result<String> {
    name(ComputerNamePhysicalDnsHostname)
}

/// As its accounts have it before their names, 15 characters at most.
pub(super) fn short_computer_name() -> io::Result<String> {
    name(ComputerNamePhysicalNetBIOS)
}

/// The same with its domain, where it has one.
pub(super) fn full_computer_name() -> io::Result<String> {
    name(ComputerNamePhysicalDnsFullyQualified)
}

fn name(format: COMPUTER_NAME_FORMAT) -> io::Result<String> {
    let mut name = [0_u16; 256];
    let mut units = u32::try_from(name.len()).unwrap_or(u32::MAX);
    // SAFETY: the buffer has the size that is passed.
    let told = unsafe { GetComputerNameExW(format, name.as_mut_ptr(), &mut units) };
    if told == 0 { Err(io::Error::last_os_error()) } else { Ok(narrow(&name)) }
}
