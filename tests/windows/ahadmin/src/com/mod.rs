//! The class itself: what COM calls, the objects, and what goes in and out of them.
//!
//! `interfaces` are written down from [MC-IISA], `objects` implement them. Neighbours: `store` and `config` do the work.

#![expect(unsafe_code, reason = "COM is called and calls by pointers")]
#![expect(non_snake_case, reason = "[MC-IISA]'s own names")]

mod interfaces;
mod objects;

use std::ffi::c_void;
use std::mem::ManuallyDrop;

use windows_core::{BSTR, GUID, HRESULT, IUnknown, Interface as _, implement};
use windows_sys::Win32::System::Com::SetErrorInfo;
use windows_sys::Win32::System::Ole::CreateErrorInfo;

use self::interfaces::{IAppHostWritableAdminManager, IClassFactory, IClassFactory_Impl, ICreateErrorInfo};
use self::objects::Manager;
use crate::config::Answer;

const OK: HRESULT = HRESULT(0);
const NOT_IMPLEMENTED: HRESULT = HRESULT(0x8000_4001_u32.cast_signed());
const NO_SUCH_CLASS: HRESULT = HRESULT(0x8004_0111_u32.cast_signed());
const APP_HOST_WRITABLE_ADMIN_MANAGER: GUID = GUID::from_u128(0x2b72133b_3f5b_4602_8952_803546ce3344);

/// An answer as COM passes it: the code, and the words where the caller finds them.
fn told<T>(done: Result<T, Answer>, give: impl FnOnce(T)) -> HRESULT {
    match done {
        Ok(value) => {
            give(value);
            OK
        }
        Err(answer) => {
            say(&answer.words);
            HRESULT(answer.code.cast_signed())
        }
    }
}

/// Leaves the words of an error for this thread.
fn say(words: &str) {
    let file = r"\\?\C:\windows\system32\inetsrv\config\applicationHost.config";
    let text: Vec<u16> =
        format!("Filename: {file}\r\nError: {words}\r\n").encode_utf16().chain([0]).collect();
    let mut made = std::ptr::null_mut();
    // SAFETY: what is made is written to this function's own variable.
    if unsafe { CreateErrorInfo(&mut made) } != 0 || made.is_null() {
        return;
    }
    // SAFETY: it is that interface, and this value alone releases it.
    let info = unsafe { ICreateErrorInfo::from_raw(made) };
    // SAFETY: the text ends with a zero and is copied.
    let described = unsafe { info.SetDescription(text.as_ptr()) };
    // IErrorInfo
    let iid = GUID::from_u128(0x1cf2b120_547d_101b_8e65_08002b2bd119);
    let mut other: *mut c_void = std::ptr::null_mut();
    // SAFETY: the identifier and the pointer are this function's own.
    if described.is_ok() && unsafe { info.query(&iid, &mut other) }.is_ok() {
        // SAFETY: this reference is given back at the end; the thread takes one of its own.
        let other = unsafe { IUnknown::from_raw(other) };
        // SAFETY: the object is alive.
        let kept = unsafe { SetErrorInfo(0, other.as_raw()) };
        debug_assert!(kept == 0, "an error's words were not kept");
    }
}

/// Gives an object out, with a reference of its own.
///
/// # Safety
/// `to` is writable.
unsafe fn give(object: impl windows_core::Interface, to: *mut *mut c_void) {
    // SAFETY: it is writable, as the caller says.
    unsafe { to.write(object.into_raw()) };
}

/// A text that a caller lends.
///
/// # Safety
/// `text` is null or a BSTR that is alive.
unsafe fn read(text: *const u16) -> String {
    // SAFETY: it is one, as the caller says, and is not freed here.
    ManuallyDrop::new(unsafe { BSTR::from_raw(text) }).to_string()
}

/// Makes managers.
#[implement(IClassFactory)]
struct Factory;

impl IClassFactory_Impl for Factory_Impl {
    unsafe fn CreateInstance(
        &self,
        _outer: *mut c_void,
        iid: *const GUID,
        made: *mut *mut c_void,
    ) -> HRESULT {
        match Manager::open() {
            Ok(manager) => {
                let manager: IAppHostWritableAdminManager = manager.into();
                // SAFETY: identifier and pointer are the caller's, as COM wants them.
                unsafe { manager.query(iid, made) }
            }
            Err(answer) => told::<()>(Err(answer), drop),
        }
    }

    unsafe fn LockServer(&self, _lock: i32) -> HRESULT {
        OK
    }
}

/// COM asks for the class.
///
/// # Safety
/// As COM calls it.
#[unsafe(no_mangle)]
unsafe extern "system" fn DllGetClassObject(
    class: *const GUID,
    iid: *const GUID,
    made: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: COM passes an identifier.
    if unsafe { *class } != APP_HOST_WRITABLE_ADMIN_MANAGER {
        return NO_SUCH_CLASS;
    }
    let factory: IClassFactory = Factory.into();
    // SAFETY: identifier and pointer are COM's.
    unsafe { factory.query(iid, made) }
}

/// The library stays as long as its process.
#[unsafe(no_mangle)]
extern "system" fn DllCanUnloadNow() -> HRESULT {
    HRESULT(1)
}
