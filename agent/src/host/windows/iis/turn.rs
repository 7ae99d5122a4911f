//! Whose turn it is to change IIS: one at a time of all that know the name.
//!
//! Neighbours: `commit` waits for its turn. Programs that do not know the name are told apart by conflicts.

use std::io;
use std::marker::PhantomData;
use std::ptr;

use windows_sys::Win32::Foundation::{CloseHandle, HANDLE, WAIT_ABANDONED, WAIT_OBJECT_0};
use windows_sys::Win32::System::Threading::{CreateMutexW, ReleaseMutex, WaitForSingleObject};

use super::super::text::{error_text, wide};
use crate::host::Error;

/// Seen by every session of this server.
const NAME: &str = r"Global\Muster-IIS";
/// A commit takes a second; whoever holds the turn for minutes hangs.
const LONGEST_MS: u32 = 120_000;

/// The turn, given back with this value; it belongs to the thread that took it.
pub(super) struct Turn(HANDLE, PhantomData<*const ()>);

impl Turn {
    pub(super) fn take() -> Result<Self, Error> {
        let unreachable = |message| Error::Unreachable { what: "IIS", message };
        let name = wide(NAME);
        // SAFETY: the name ends with a zero, and the rights are those that are usual.
        let handle = unsafe { CreateMutexW(ptr::null(), 0, name.as_ptr()) };
        if handle.is_null() {
            return Err(unreachable(error_text(&io::Error::last_os_error())));
        }
        // SAFETY: the handle is open.
        let told = unsafe { WaitForSingleObject(handle, LONGEST_MS) };
        match told {
            // One that was left by a thread that ended is as good: what it had changed was committed or is gone.
            WAIT_OBJECT_0 | WAIT_ABANDONED => Ok(Self(handle, PhantomData)),
            _ => {
                // SAFETY: the handle is open and is not used again.
                let closed = unsafe { CloseHandle(handle) };
                debug_assert!(closed != 0, "a mutex was not closed");
                let message = format!("another agent has held {NAME} for {LONGEST_MS} ms");
                Err(unreachable(message))
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // SAFETY: this thread holds it.
        let released = unsafe { ReleaseMutex(self.0) };
        debug_assert!(released != 0, "a mutex was not given back");
        // SAFETY: the handle is open, and this value alone closes it.
        let closed = unsafe { CloseHandle(self.0) };
        debug_assert!(closed != 0, "a mutex was not closed");
    }
}
