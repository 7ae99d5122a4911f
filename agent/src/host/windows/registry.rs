//! The registry: keys below `HKEY_LOCAL_MACHINE`, in one view or the other.
//!
//! Neighbours: `packages` reads what installers leave there, `registry_values` is the port, `props` takes a self-test's key away.
//! Never removes a key in which anything is.

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::{
    ERROR_FILE_NOT_FOUND, ERROR_MORE_DATA, ERROR_NO_MORE_ITEMS, ERROR_SUCCESS, ERROR_UNSUPPORTED_TYPE,
};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_LOCAL_MACHINE, KEY_QUERY_VALUE, KEY_READ, KEY_SET_VALUE, KEY_WOW64_32KEY, KEY_WOW64_64KEY,
    REG_OPTION_NON_VOLATILE, REG_ROUTINE_FLAGS, REG_SAM_FLAGS, REG_VALUE_TYPE, RRF_NOEXPAND, RRF_RT_ANY,
    RRF_RT_REG_DWORD, RRF_RT_REG_SZ, RegCloseKey, RegCreateKeyExW, RegDeleteKeyExW, RegDeleteValueW,
    RegEnumKeyExW, RegFlushKey, RegGetValueW, RegOpenKeyExW, RegQueryInfoKeyW, RegSetValueExW,
};

use super::text::{narrow, wide};

/// The longest name of a key, with its zero; Microsoft, "Registry element size limits".
const NAME_UNITS: usize = 256;

/// Whose part of the registry is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// That of 64-bit programs.
    Bits64,
    /// That of 32-bit programs.
    Bits32,
}

impl View {
    fn flag(self) -> REG_SAM_FLAGS {
        match self {
            Self::Bits64 => KEY_WOW64_64KEY,
            Self::Bits32 => KEY_WOW64_32KEY,
        }
    }
}

/// A value as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raw {
    /// Its type, `REG_...`.
    pub(super) kind: REG_VALUE_TYPE,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
}

impl Raw {
    /// Its bytes as the units of UTF-16.
    pub(super) fn units(&self) -> Vec<u16> {
        self.bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect()
    }
}

/// An open key.
#[derive(Debug)]
pub(super) struct Key(HKEY);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the key is open, and this value alone closes it.
        let closed = unsafe { RegCloseKey(self.0) };
        debug_assert!(closed == ERROR_SUCCESS, "a key of the registry was not closed");
    }
}

impl Key {
    /// Opens a key of the machine for reading; none where there is none.
    pub(super) fn open(path: &str, view: View) -> io::Result<Option<Self>> {
        let (path, mut key) = (wide(path), ptr::null_mut());
        // SAFETY: the path ends with a zero, and the key is written to this function's own variable.
        let opened =
            unsafe { RegOpenKeyExW(HKEY_LOCAL_MACHINE, path.as_ptr(), 0, KEY_READ | view.flag(), &mut key) };
        match opened {
            ERROR_SUCCESS => Ok(Some(Self(key))),
            ERROR_FILE_NOT_FOUND => Ok(None),
            code => Err(failed(code)),
        }
    }

    /// Opens a key of the machine for setting values; makes it, and those above it, where it is missing.
    pub(super) fn make(path: &str, view: View) -> io::Result<Self> {
        let (path, mut key) = (wide(path), ptr::null_mut());
        // SAFETY: the path ends with a zero, the key is written to this function's own variable, the rest is left out.
        let made = unsafe {
            RegCreateKeyExW(
                HKEY_LOCAL_MACHINE,
                path.as_ptr(),
                0,
                ptr::null(),
                REG_OPTION_NON_VOLATILE,
                KEY_QUERY_VALUE | KEY_SET_VALUE | view.flag(),
                ptr::null(),
                &mut key,
                ptr::null_mut(),
            )
        };
        if made == ERROR_SUCCESS { Ok(Self(key)) } else { Err(failed(made)) }
    }

    /// Sets a value of this key, and has the disk take it.
    pub(super) fn set(&self, value: &str, data: &Raw) -> io::Result<()> {
        let value = wide(value);
        let bytes = u32::try_from(data.bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: the key is open for this, the name ends with a zero, and the data has the size that is passed.
        let set = unsafe { RegSetValueExW(self.0, value.as_ptr(), 0, data.kind, data.bytes.as_ptr(), bytes) };
        if set != ERROR_SUCCESS {
            return Err(failed(set));
        }
        // SAFETY: the key is open.
        let flushed = unsafe { RegFlushKey(self.0) };
        if flushed == ERROR_SUCCESS { Ok(()) } else { Err(failed(flushed)) }
    }

    /// Takes a value of this key away, and has the disk take it.
    pub(super) fn remove(&self, value: &str) -> io::Result<()> {
        let value = wide(value);
        // SAFETY: the key is open for this, and the name ends with a zero.
        let removed = unsafe { RegDeleteValueW(self.0, value.as_ptr()) };
        if removed != ERROR_SUCCESS {
            return Err(failed(removed));
        }
        // SAFETY: the key is open.
        let flushed = unsafe { RegFlushKey(self.0) };
        if flushed == ERROR_SUCCESS { Ok(()) } else { Err(failed(flushed)) }
    }

    /// Removes a key in which nothing is; nothing where there is none.
    pub(super) fn remove_empty(path: &str, view: View) -> io::Result<()> {
        let Some(key) = Self::open(path, view)? else { return Ok(()) };
        if key.has_values()? || !key.children()?.is_empty() {
            return Err(io::Error::other("it is not empty"));
        }
        drop(key);
        let path = wide(path);
        // SAFETY: the path ends with a zero.
        let removed = unsafe { RegDeleteKeyExW(HKEY_LOCAL_MACHINE, path.as_ptr(), view.flag(), 0) };
        if removed == ERROR_SUCCESS { Ok(()) } else { Err(failed(removed)) }
    }

    fn has_values(&self) -> io::Result<bool> {
        let mut count = 0;
        // SAFETY: the key is open, and nothing but the number of its values is asked for.
        let told = unsafe {
            RegQueryInfoKeyW(
                self.0,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                &mut count,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        if told == ERROR_SUCCESS { Ok(count > 0) } else { Err(failed(told)) }
    }

    /// A value of this key as it is kept; none where there is none.
    pub(super) fn raw(&self, value: &str) -> io::Result<Option<Raw>> {
        let mut buffer = vec![0_u8; NAME_UNITS];
        loop {
            let (mut kind, mut bytes) = (0, u32::try_from(buffer.len()).unwrap_or(u32::MAX));
            let flags = RRF_RT_ANY | RRF_NOEXPAND;
            match self.value("", value, flags, &mut kind, buffer.as_mut_ptr().cast(), &mut bytes) {
                ERROR_SUCCESS => {
                    buffer.truncate(bytes as usize);
                    return Ok(Some(Raw { kind, bytes: buffer }));
                }
                ERROR_MORE_DATA => buffer.resize((bytes as usize).max(buffer.len() + 1), 0),
                ERROR_FILE_NOT_FOUND => return Ok(None),
                code => return Err(failed(code)),
            }
        }
    }

    /// The names of the keys right below.
    pub(super) fn children(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        let mut buffer = [0_u16; NAME_UNITS];
        for index in 0.. {
            let mut units = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
            // SAFETY: the key is open, the buffer has the size that is passed, and nothing else is asked for.
            let told = unsafe {
                RegEnumKeyExW(
                    self.0,
                    index,
                    buffer.as_mut_ptr(),
                    &mut units,
                    ptr::null(),
                    ptr::null_mut(),
                    ptr::null_mut(),
                    ptr::null_mut(),
                )
            };
            match told {
                ERROR_SUCCESS => names.push(narrow(&buffer)),
                ERROR_NO_MORE_ITEMS => break,
                code => return Err(failed(code)),
            }
        }
        Ok(names)
    }

    /// A text below this key; none where there is no such value or it is no text.
    pub(super) fn text(&self, child: &str, value: &str) -> io::Result<Option<String>> {
        let mut buffer = vec![0_u16; NAME_UNITS];
        loop {
            let mut bytes = u32::try_from(buffer.len() * 2).unwrap_or(u32::MAX);
            match self.value(child, value, RRF_RT_REG_SZ, &mut 0, buffer.as_mut_ptr().cast(), &mut bytes) {
                ERROR_SUCCESS => return Ok(Some(narrow(&buffer))),
                ERROR_MORE_DATA => buffer.resize((bytes as usize).div_ceil(2) + 1, 0),
                ERROR_FILE_NOT_FOUND | ERROR_UNSUPPORTED_TYPE => return Ok(None),
                code => return Err(failed(code)),
            }
        }
    }

    /// A number below this key; none where there is no such value or it is no number.
    pub(super) fn number(&self, child: &str, value: &str) -> io::Result<Option<u32>> {
        let (mut number, mut bytes) = (0_u32, 4);
        let place = ptr::from_mut(&mut number).cast();
        match self.value(child, value, RRF_RT_REG_DWORD, &mut 0, place, &mut bytes) {
            ERROR_SUCCESS => Ok(Some(number)),
            ERROR_FILE_NOT_FOUND | ERROR_UNSUPPORTED_TYPE => Ok(None),
            code => Err(failed(code)),
        }
    }

    /// Reads into a buffer of the caller's, which is `bytes` long.
    fn value(
        &self,
        child: &str,
        value: &str,
        wanted: REG_ROUTINE_FLAGS,
        kind: &mut REG_VALUE_TYPE,
        buffer: *mut std::ffi::c_void,
        bytes: &mut u32,
    ) -> u32 {
        let (child, value) = (wide(child), wide(value));
        // SAFETY: the key is open, both names end with a zero, and the callers above pass a buffer with its size.
        unsafe { RegGetValueW(self.0, child.as_ptr(), value.as_ptr(), wanted, kind, buffer, bytes) }
    }
}

fn failed(code: u32) -> io::Error {
    io::Error::from_raw_os_error(code.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOWS_NT: &str = r"SOFTWARE\Microsoft\Windows NT";

    #[test]
    fn keys_and_values_that_every_windows_has_are_read() {
        let key = Key::open(WINDOWS_NT, View::Bits64).unwrap().unwrap();
        assert!(key.children().unwrap().iter().any(|name| name == "CurrentVersion"));
        assert!(!key.text("CurrentVersion", "SystemRoot").unwrap().unwrap().is_empty());
    }

    #[test]
    fn what_is_not_there_is_none_and_a_text_is_no_number() {
        assert!(Key::open(r"SOFTWARE\Muster\Nowhere", View::Bits64).unwrap().is_none());
        let key = Key::open(WINDOWS_NT, View::Bits64).unwrap().unwrap();
        assert_eq!(key.text("CurrentVersion", "Nowhere").unwrap(), None);
        assert_eq!(key.number("CurrentVersion", "SystemRoot").unwrap(), None);
    }
}
