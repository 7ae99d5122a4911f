//! What the service manager keeps of a service beside its configuration, each at a level of its own.
//!
//! Source: Microsoft, `ChangeServiceConfig2W` and `QueryServiceConfig2W`. Neighbours: `recovery` and `delay` know what their levels
//! hold, `manager` has the service. What is read is handed over as bytes and never followed.

use std::ffi::c_void;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use windows_sys::Win32::Foundation::{
    ERROR_CALL_NOT_IMPLEMENTED, ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_LEVEL,
};
use windows_sys::Win32::System::Services::{ChangeServiceConfig2W, QueryServiceConfig2W, SERVICE_CONFIG};

use super::super::text::error_text;
use super::manager::{Service, buffer_of, bytes_of, is};
use crate::host::Error;

/// Windows documents 8 KiB as the most that it says:
/// <https://learn.microsoft.com/en-us/windows/win32/api/winsvc/nf-winsvc-queryserviceconfig2w>.
const MOST_BYTES: u32 = 64 * 1024;

impl Service<'_> {
    /// `info` is the structure of that level, with all that it points to.
    pub(super) fn change_2(&self, level: SERVICE_CONFIG, info: *const c_void) -> io::Result<()> {
        // SAFETY: the service is open for this, and the structure is that of the level and lives until the call is done.
        let changed = unsafe { ChangeServiceConfig2W(self.handle().0, level, info) };
        if changed == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// What the service manager says at that level, which holds that; [`Error::CannotTell`] where it keeps no such thing.
    pub(super) fn told(&self, level: SERVICE_CONFIG, what: &'static str) -> Result<Told, Error> {
        let mut needed = 0;
        // SAFETY: the service is open for this; without a buffer only the size is told.
        unsafe { QueryServiceConfig2W(self.handle().0, level, ptr::null_mut(), 0, &mut needed) };
        let error = io::Error::last_os_error();
        if is_unknown_level(&error) {
            let message = format!("its service manager keeps no such thing ({})", error_text(&error));
            return Err(Error::CannotTell { what, message });
        }
        if !is(&error, ERROR_INSUFFICIENT_BUFFER) || needed > MOST_BYTES {
            return Err(self.refused(error_text(&error)));
        }
        // Aligned for every structure, and zero where nothing is written.
        let mut buffer: Vec<MaybeUninit<u64>> = buffer_of(needed);
        let size = bytes_of(&buffer);
        // SAFETY: the service is open for this, and the buffer has the size that is passed.
        let told = unsafe {
            QueryServiceConfig2W(self.handle().0, level, buffer.as_mut_ptr().cast(), size, &mut needed)
        };
        if told == 0 {
            return Err(self.refused(error_text(&io::Error::last_os_error())));
        }
        let bytes = buffer.iter().flat_map(|unit| {
            // SAFETY: each unit was made as zeros, and Windows wrote into some of them.
            unsafe { unit.assume_init() }.to_ne_bytes()
        });
        Ok(Told { bytes: bytes.collect(), address: buffer.as_ptr().addr() })
    }
}

/// What was told, and at which address, as what points into it was written there.
pub(super) struct Told {
    pub(super) bytes: Vec<u8>,
    pub(super) address: usize,
}

/// Whether it says that this service manager keeps nothing at that level.
pub(super) fn is_unknown_level(error: &io::Error) -> bool {
    [ERROR_INVALID_LEVEL, ERROR_CALL_NOT_IMPLEMENTED].iter().any(|code| is(error, *code))
}

/// The number at that place, where the bytes reach so far.
pub(super) fn number(bytes: &[u8], at: usize) -> Option<u32> {
    word(bytes, at).map(u32::from_ne_bytes)
}

/// As many bytes as are wanted, where there are so many.
pub(super) fn word<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
