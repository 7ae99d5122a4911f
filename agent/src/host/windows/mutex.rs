//! A mutex that every session of this server sees, and that the system and administrators alone may hold.
//!
//! Neighbours: `iis` takes turns by one, `props` has one self-test at a time by another, `msi_service` asks for that of Windows
//! Installer. With the list that Windows gives by itself
//! an administrator could not open the one that the agent's service has made.

use std::io;

use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_ACCESS_DENIED, ERROR_ALREADY_EXISTS, ERROR_FILE_NOT_FOUND, HANDLE,
};
use windows_sys::Win32::System::Threading::{
    CreateMutexW, MUTEX_MODIFY_STATE, OpenMutexW, SYNCHRONIZATION_SYNCHRONIZE,
};

use super::security::Descriptor;
use super::text::{error_text, wide};

/// Everything for the system and for administrators; nothing for others.
const GUARDED: &str = "D:P(A;;GA;;;SY)(A;;GA;;;BA)";

/// A mutex, open.
pub(super) struct Mutex(HANDLE);

impl Mutex {
    /// Makes the one of that name, or opens it; says whether it was there.
    pub(super) fn open(name: &str) -> io::Result<(Self, bool)> {
        let (descriptor, name) = (Descriptor::read(GUARDED)?, wide(name));
        // SAFETY: the name ends with a zero, and the descriptor outlives the call.
        let handle = unsafe { CreateMutexW(&descriptor.attributes(), 0, name.as_ptr()) };
        let error = io::Error::last_os_error();
        if handle.is_null() {
            return Err(error);
        }
        Ok((Self(handle), error.raw_os_error() == Some(ERROR_ALREADY_EXISTS.cast_signed())))
    }

    /// Opens the one of that name, whoever made it, to hold it and give it back; none where there is none.
    pub(super) fn of_others(name: &str) -> io::Result<Option<Self>> {
        let name = wide(name);
        // SAFETY: the name ends with a zero.
        let handle =
            unsafe { OpenMutexW(SYNCHRONIZATION_SYNCHRONIZE | MUTEX_MODIFY_STATE, 0, name.as_ptr()) };
        if !handle.is_null() {
            return Ok(Some(Self(handle)));
        }
        let error = io::Error::last_os_error();
        let is_absent = error.raw_os_error() == Some(ERROR_FILE_NOT_FOUND.cast_signed());
        if is_absent { Ok(None) } else { Err(error) }
    }

    /// For the functions that want one; it lives no longer than this value.
    pub(super) fn handle(&self) -> HANDLE {
        self.0
    }
}

impl Drop for Mutex {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and this value alone closes it.
        let closed = unsafe { CloseHandle(self.0) };
        debug_assert!(closed != 0, "a mutex was not closed");
    }
}

/// Why one of that name cannot be opened.
pub(super) fn words(name: &str, error: &io::Error) -> String {
    let told = error_text(error);
    if error.raw_os_error() != Some(ERROR_ACCESS_DENIED.cast_signed()) {
        return told;
    }
    format!(
        "{told}; another program has made {name} and keeps it from administrators, or this one runs without their rights: end that \
         program, or start this one as an administrator"
    )
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use windows_sys::Win32::Foundation::ERROR_SUCCESS;
    use windows_sys::Win32::Security::Authorization::{
        ConvertSecurityDescriptorToStringSecurityDescriptorW, GetSecurityInfo, SDDL_REVISION_1,
        SE_KERNEL_OBJECT,
    };
    use windows_sys::Win32::Security::DACL_SECURITY_INFORMATION;

    use super::super::memory::LocalMemory;
    use super::super::text::narrow_at;
    use super::*;

    /// The access list, as text.
    fn list(mutex: &Mutex) -> String {
        let (mut descriptor, mut text) = (ptr::null_mut(), ptr::null_mut());
        let (none, what) = (ptr::null_mut(), DACL_SECURITY_INFORMATION);
        // SAFETY: the mutex is open, and the descriptor is this function's own pointer.
        let told = unsafe {
            GetSecurityInfo(
                mutex.0,
                SE_KERNEL_OBJECT,
                what,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                &mut descriptor,
            )
        };
        assert_eq!(told, ERROR_SUCCESS);
        let descriptor = LocalMemory::own(descriptor);
        // SAFETY: the descriptor is whole, and the text is this function's own pointer.
        let made = unsafe {
            ConvertSecurityDescriptorToStringSecurityDescriptorW(
                descriptor.pointer(),
                SDDL_REVISION_1,
                what,
                &mut text,
                none,
            )
        };
        assert_ne!(made, 0);
        let text = LocalMemory::own(text.cast());
        // SAFETY: the text ends with a zero and is alive.
        unsafe { narrow_at(text.pointer().cast()) }
    }

    #[test]
    fn a_mutex_is_the_system_s_and_administrators_and_nobody_else_s() {
        const STORY: &str = r"Global\Muster-story-of-a-guarded-mutex";
        let (mutex, was_there) = Mutex::open(STORY).unwrap();
        assert!(!was_there && Mutex::open(STORY).unwrap().1);
        let list = list(&mutex);
        let holders: Vec<&str> =
            list.split(['(', ')']).filter_map(|entry| entry.rsplit_once(";;;")).map(|(_, it)| it).collect();
        assert_eq!(holders, ["SY", "BA"], "{list}");
    }

    #[test]
    fn one_that_another_program_keeps_to_itself_is_told_with_what_to_do() {
        let told = words(r"Global\Muster-IIS", &io::Error::from_raw_os_error(5));
        assert!(
            told.starts_with("error 5: ") && told.contains(r"another program has made Global\Muster-IIS"),
            "{told}"
        );
        assert!(!words("any", &io::Error::from_raw_os_error(6)).contains("another program"));
    }
}
