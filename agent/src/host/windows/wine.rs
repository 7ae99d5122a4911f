//! Whether Wine plays this Windows, and which of its libraries are Wine's own.
//!
//! Only the self-test asks (`props`), so that it says what cannot be shown there. Never changes what the agent does.

use std::ffi::{CStr, c_char};
use std::mem::transmute;

use windows_sys::Win32::Foundation::HMODULE;
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};

use super::text::wide;

/// What Wine writes into each library that it brings along, after the header that every library begins with.
const MARK: &[u8] = b"Wine builtin DLL";
const MARK_AT: usize = 64;

/// The version of Wine, where this Windows is one that Wine plays: its own function says so, which no other Windows has.
pub(super) fn version() -> Option<String> {
    let module = loaded("ntdll.dll")?;
    // SAFETY: the module is loaded, and the name ends with a zero.
    let entry = unsafe { GetProcAddress(module, c"wine_get_version".as_ptr().cast()) }?;
    // SAFETY: Wine documents it as `const char *wine_get_version(void)`.
    let version = unsafe {
        transmute::<unsafe extern "system" fn() -> isize, unsafe extern "C" fn() -> *const c_char>(entry)
    };
    // SAFETY: it is that function.
    let text = unsafe { version() };
    // SAFETY: it gives a text of its own that ends with a zero and never goes.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// Whether a library that this program is linked to is the one that Wine brings along.
pub(super) fn brings(library: &str) -> bool {
    let Some(module) = loaded(library) else { return false };
    // SAFETY: a loaded library begins with its headers, which fill a page, and stays as long as the program.
    let head = unsafe { std::slice::from_raw_parts(module.cast::<u8>(), MARK_AT + MARK.len()) };
    head.ends_with(MARK)
}

/// A library of this process; none where it is not loaded.
fn loaded(library: &str) -> Option<HMODULE> {
    let name = wide(library);
    // SAFETY: the name ends with a zero.
    let module = unsafe { GetModuleHandleW(name.as_ptr()) };
    (!module.is_null()).then_some(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wine_brings_the_libraries_of_windows_and_nobody_this_program() {
        let is_wine = version().is_some();
        assert_eq!(brings("kernel32.dll"), is_wine);
        assert_eq!(brings("netapi32.dll"), is_wine);
        assert!(!brings("bcryptprimitives.dll"), "ours, beside Wine's");
        assert!(!brings("muster-nowhere.dll"));
    }
}
