//! Libraries of Windows that are loaded when they are first needed, and from its system folder alone.
//!
//! What every process would load with its start is linked; these are not: they bring windows, a desktop and memory along for
//! what most processes never ask. Neighbours: `dism`, and `packages` for Windows Installer. Never unloads one.

use std::ffi::CStr;
use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::HMODULE;
use windows_sys::Win32::System::LibraryLoader::{
    GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
};

use super::text::wide;

/// A function of which nothing is known but where it is.
pub(super) type Entry = unsafe extern "system" fn() -> isize;

/// A library, which stays loaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemLibrary(HMODULE);

impl SystemLibrary {
    /// Loads it, or finds it loaded.
    pub(super) fn load(name: &str) -> io::Result<Self> {
        let name = wide(name);
        // SAFETY: the name ends with a zero; the second argument is reserved; only the system folder is searched.
        let module = unsafe { LoadLibraryExW(name.as_ptr(), ptr::null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32) };
        if module.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(module)) }
    }

    /// One of its functions.
    pub(super) fn entry(self, name: &CStr) -> io::Result<Entry> {
        // SAFETY: the library stays loaded, and the name ends with a zero.
        let found = unsafe { GetProcAddress(self.0, name.as_ptr().cast()) };
        found.ok_or_else(io::Error::last_os_error)
    }
}
