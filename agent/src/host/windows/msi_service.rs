//! Whether Windows Installer carries something out. It holds a mutex of a known name as long as it does.
//!
//! Source: Microsoft, "_MSIExecute Mutex", <https://learn.microsoft.com/en-us/windows/win32/msi/-msiexecute-mutex>.
//! Neighbours: the supervisor asks after a setup program, whose work Windows' own service may still do. Never holds the
//! mutex while another wants it.

use std::io;

use windows_sys::Win32::Foundation::{WAIT_ABANDONED, WAIT_OBJECT_0, WAIT_TIMEOUT};
use windows_sys::Win32::System::Threading::{ReleaseMutex, WaitForSingleObject};

use super::mutex::Mutex;

const NAME: &str = r"Global\_MSIExecute";

/// Whether it does, for whomever.
///
/// # Errors
/// Where Windows does not say.
pub fn windows_installer_works() -> io::Result<bool> {
    is_held(NAME)
}

fn is_held(name: &str) -> io::Result<bool> {
    let Some(mutex) = Mutex::of_others(name)? else { return Ok(false) };
    // SAFETY: the handle is open.
    match unsafe { WaitForSingleObject(mutex.handle(), 0) } {
        WAIT_TIMEOUT => Ok(true),
        WAIT_OBJECT_0 | WAIT_ABANDONED => {
            // SAFETY: this thread has just taken it.
            let released = unsafe { ReleaseMutex(mutex.handle()) };
            if released == 0 { Err(io::Error::last_os_error()) } else { Ok(false) }
        }
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Another thread takes it, as Windows Installer's does, gives it back when it is told to, and then ends while it holds
    /// it once more.
    #[test]
    fn it_works_as_long_as_somebody_holds_its_mutex() {
        const STORY: &str = r"Global\Muster-story-of-a-mutex";
        assert!(!is_held(STORY).unwrap(), "there is none");
        let (told, tell) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel();
        let holder = std::thread::spawn(move || {
            let (mutex, _) = Mutex::open(STORY).unwrap();
            // SAFETY: the handle is open.
            let taken = || unsafe { WaitForSingleObject(mutex.handle(), 0) };
            assert_eq!(taken(), WAIT_OBJECT_0);
            told.send(()).unwrap();
            goes_on.recv().unwrap();
            // SAFETY: this thread holds it.
            assert_ne!(unsafe { ReleaseMutex(mutex.handle()) }, 0);
            told.send(()).unwrap();
            goes_on.recv().unwrap();
            assert_eq!(taken(), WAIT_OBJECT_0);
            // It stays open, and so the mutex is there and abandoned.
            std::mem::forget(mutex);
        });
        tell.recv().unwrap();
        assert!(is_held(STORY).unwrap());
        go_on.send(()).unwrap();
        tell.recv().unwrap();
        assert!(!is_held(STORY).unwrap(), "it was given back");
        assert!(!is_held(STORY).unwrap(), "asking keeps nothing");
        go_on.send(()).unwrap();
        holder.join().unwrap();
        assert!(!is_held(STORY).unwrap(), "whoever held it has ended");
    }
}
