//! What the library gives to a program and takes back with `NetApiBufferFree`: a list of names.
//!
//! Neighbours: `api` gives it. Memory that was not given by it is refused, where Windows would be broken by it.

#![expect(unsafe_code, reason = "programs get pointers")]

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard, PoisonError};

use windows_sys::Win32::NetworkManagement::NetManagement::LOCALGROUP_USERS_INFO_0;

/// Lists by where they begin: the entries, and the names that they point to.
static GIVEN: Mutex<BTreeMap<usize, List>> = Mutex::new(BTreeMap::new());

struct List {
    _entries: Vec<LOCALGROUP_USERS_INFO_0>,
    _names: Vec<Vec<u16>>,
}

// SAFETY: the entries point to the names, which stay where they are as long as the list is there.
unsafe impl Send for List {}

fn given() -> MutexGuard<'static, BTreeMap<usize, List>> {
    GIVEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives a list of names.
pub(crate) fn give(names: &[String]) -> *mut u8 {
    let mut names: Vec<Vec<u16>> =
        names.iter().map(|name| name.encode_utf16().chain([0]).collect()).collect();
    let entry = |name: &mut Vec<u16>| LOCALGROUP_USERS_INFO_0 { lgrui0_name: name.as_mut_ptr() };
    // One entry more, so that an empty list has a place as well.
    let end = LOCALGROUP_USERS_INFO_0 { lgrui0_name: std::ptr::null_mut() };
    let mut entries: Vec<LOCALGROUP_USERS_INFO_0> = names.iter_mut().map(entry).chain([end]).collect();
    let start: *mut u8 = entries.as_mut_ptr().cast();
    given().insert(start.addr(), List { _entries: entries, _names: names });
    start
}

/// Takes a list back; whether it was one.
pub(crate) fn take(start: *const c_void) -> bool {
    given().remove(&start.addr()).is_some()
}
