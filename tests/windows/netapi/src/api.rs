//! What `netapi32.dll` exports, as far as it is called by the agent, and by the library of log-ons that Wine may load beside it.
//!
//! Accounts are not played: there is none, and none can be made. Neighbours: `groups` keeps the groups, `memory` is what is given.

#![expect(unsafe_code, reason = "programs call with pointers")]

use std::ffi::c_void;

use windows_core::PCWSTR;
use windows_sys::Win32::Foundation::{
    ERROR_INVALID_LEVEL, ERROR_INVALID_PARAMETER, ERROR_MORE_DATA, ERROR_NOT_SUPPORTED,
};
use windows_sys::Win32::NetworkManagement::NetManagement::{
    LG_INCLUDE_INDIRECT, MAX_PREFERRED_LENGTH, NERR_WkstaNotStarted,
};
use windows_sys::Win32::System::SystemInformation::{
    COMPUTER_NAME_FORMAT, ComputerNamePhysicalDnsHostname, ComputerNamePhysicalNetBIOS, GetComputerNameExW,
};

use crate::groups::{Groups, USER_NOT_FOUND};
use crate::memory::{give, take};

const FOLDER: &str = r"C:\windows\system32\netapi-story";

fn groups() -> Groups {
    let names = [ComputerNamePhysicalNetBIOS, ComputerNamePhysicalDnsHostname].map(computer_name);
    Groups::new(FOLDER, names.to_vec())
}

/// # Safety
/// As Windows' own.
#[unsafe(no_mangle)]
unsafe extern "system" fn NetUserGetLocalGroups(
    server: *const u16,
    user: *const u16,
    level: u32,
    flags: u32,
    list: *mut *mut u8,
    longest: u32,
    read: *mut u32,
    all: *mut u32,
) -> u32 {
    if level != 0 {
        return ERROR_INVALID_LEVEL;
    }
    if flags & !LG_INCLUDE_INDIRECT != 0 {
        return ERROR_INVALID_PARAMETER;
    }
    if !server.is_null() {
        return ERROR_NOT_SUPPORTED;
    }
    if longest != MAX_PREFERRED_LENGTH {
        return ERROR_MORE_DATA;
    }
    // SAFETY: the caller's text ends with a zero.
    let user = unsafe { narrow(user) };
    let found = match groups().of(&user, flags & LG_INCLUDE_INDIRECT != 0) {
        Ok(found) => found,
        Err(code) => return code,
    };
    let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
    // SAFETY: the caller gives a place for it.
    unsafe { list.write(give(&found)) };
    // SAFETY: as above.
    unsafe { read.write(count) };
    // SAFETY: as above.
    unsafe { all.write(count) };
    0
}

#[unsafe(no_mangle)]
extern "system" fn NetApiBufferFree(buffer: *const c_void) -> u32 {
    if buffer.is_null() || take(buffer) { 0 } else { ERROR_INVALID_PARAMETER }
}

#[unsafe(no_mangle)]
extern "system" fn NetUserGetInfo(
    _server: *const u16,
    _user: *const u16,
    _level: u32,
    _buffer: *mut *mut u8,
) -> u32 {
    USER_NOT_FOUND
}

#[unsafe(no_mangle)]
extern "system" fn NetUserAdd(_server: *const u16, _level: u32, _buffer: *const u8, _wrong: *mut u32) -> u32 {
    ERROR_NOT_SUPPORTED
}

#[unsafe(no_mangle)]
extern "system" fn NetUserDel(_server: *const u16, _user: *const u16) -> u32 {
    USER_NOT_FOUND
}

/// Asked by Wine's `msv1_0.dll` for a log-on with the account of this process. As where the workstation service is stopped.
#[unsafe(no_mangle)]
extern "system" fn NetWkstaUserGetInfo(_reserved: *const u16, _level: u32, _buffer: *mut *mut u8) -> u32 {
    NERR_WkstaNotStarted
}

fn computer_name(format: COMPUTER_NAME_FORMAT) -> String {
    let mut name = [0_u16; 256];
    let mut units = 256;
    // SAFETY: the buffer has the size that is passed.
    let told = unsafe { GetComputerNameExW(format, name.as_mut_ptr(), &mut units) };
    if told == 0 { String::new() } else { String::from_utf16_lossy(&name[..units as usize]) }
}

/// # Safety
/// `text` is null or ends with a zero.
unsafe fn narrow(text: *const u16) -> String {
    let text = PCWSTR(text);
    // SAFETY: it is not null, so that it ends with a zero.
    if text.is_null() { String::new() } else { String::from_utf16_lossy(unsafe { text.as_wide() }) }
}
