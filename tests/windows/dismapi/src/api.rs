//! What `dismapi.dll` exports, as far as the agent calls it: one start, one session on this Windows, its features.
//!
//! As strict as Microsoft's pages are: a second start is refused, as is an end with an open session; memory that was not
//! given back is written down. Neighbours: `features` keeps them, `memory` is what is given.

#![expect(unsafe_code, reason = "programs call with pointers")]

use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard, PoisonError};

use windows_core::PCWSTR;

use crate::features::{Feature, Features};
use crate::memory::{Info, Listed, Text, Texts, give, outstanding, take};

const FOLDER: &str = r"C:\windows\system32\dism-story";
const ONLINE: &str = "DISM_{53BFAE52-B167-4E2F-A258-0A37B57FF845}";
/// The number of the one session that there is.
const SESSION: u32 = 7;

const INVALID_ARGUMENT: u32 = 0x8007_0057;
const ALREADY_INITIALIZED: u32 = 0xc004_0000;
const NOT_INITIALIZED: u32 = 0xc004_0001;
const OPEN_SESSIONS: u32 = 0xc004_0003;
const INVALID_SESSION: u32 = 0xc004_0004;

struct Life {
    initialized: bool,
    session: bool,
    last: u32,
}

static LIFE: Mutex<Life> = Mutex::new(Life { initialized: false, session: false, last: 0 });

fn life() -> MutexGuard<'static, Life> {
    LIFE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn features() -> Features {
    Features::new(FOLDER)
}

/// Notes a call, gives the answer that a story asked for, or else what the call itself says.
fn answer(call: &str, about: &str, work: impl FnOnce() -> Result<u32, u32>) -> u32 {
    let told = features().fault(call).map_or_else(work, Err);
    let code = told.unwrap_or_else(|code| code);
    features().note(&format!("{call} {about} {code:#x}"));
    life().last = code;
    code
}

fn in_session(session: u32) -> Result<(), u32> {
    let life = life();
    match (life.initialized, life.session && session == SESSION) {
        (false, _) => Err(NOT_INITIALIZED),
        (true, false) => Err(INVALID_SESSION),
        (true, true) => Ok(()),
    }
}

#[unsafe(no_mangle)]
extern "system" fn DismInitialize(_level: u32, _log: *const u16, _scratch: *const u16) -> u32 {
    if let Some(code) = features().fault("initialize") {
        return code;
    }
    let mut life = life();
    if life.initialized {
        ALREADY_INITIALIZED
    } else {
        life.initialized = true;
        0
    }
}

#[unsafe(no_mangle)]
extern "system" fn DismShutdown() -> u32 {
    if outstanding() > 0 {
        features().note(&format!("{} blocks were not given back", outstanding()));
    }
    let mut life = life();
    match (life.initialized, life.session) {
        (false, _) => NOT_INITIALIZED,
        (true, true) => OPEN_SESSIONS,
        (true, false) => {
            life.initialized = false;
            0
        }
    }
}

/// # Safety
/// As Windows' own.
#[unsafe(no_mangle)]
unsafe extern "system" fn DismOpenSession(
    image: *const u16,
    windows: *const u16,
    drive: *const u16,
    session: *mut u32,
) -> u32 {
    // SAFETY: the caller's text ends with a zero.
    let image = unsafe { narrow(image) };
    if image != ONLINE || !windows.is_null() || !drive.is_null() {
        return INVALID_ARGUMENT;
    }
    let mut life = life();
    if !life.initialized {
        return NOT_INITIALIZED;
    }
    life.session = true;
    // SAFETY: the caller gives a place for it.
    unsafe { session.write(SESSION) };
    0
}

#[unsafe(no_mangle)]
extern "system" fn DismCloseSession(session: u32) -> u32 {
    in_session(session).map_or_else(
        |code| code,
        |()| {
            life().session = false;
            0
        },
    )
}

/// # Safety
/// As Windows' own.
#[unsafe(no_mangle)]
unsafe extern "system" fn DismGetFeatureInfo(
    session: u32,
    name: *const u16,
    _identifier: *const u16,
    _package: u32,
    info: *mut *mut Info,
) -> u32 {
    // SAFETY: the caller's text ends with a zero.
    let name = unsafe { narrow(name) };
    answer("info", &name, || {
        in_session(session)?;
        let Feature { name, state, restarts, .. } = features().get(&name)?;
        let mut texts = Texts::default();
        let own = texts.add(&name);
        let told = Info {
            name: own,
            state,
            display_name: own,
            description: own,
            restart: if restarts { 2 } else { 0 },
            properties: std::ptr::null(),
            property_count: 0,
        };
        // SAFETY: the caller gives a place for it.
        unsafe { info.write(give(&[told], texts)) };
        Ok(0)
    })
}

/// # Safety
/// As Windows' own.
#[unsafe(no_mangle)]
unsafe extern "system" fn DismGetFeatures(
    session: u32,
    _identifier: *const u16,
    _package: u32,
    list: *mut *mut Listed,
    count: *mut u32,
) -> u32 {
    answer("list", "all", || {
        in_session(session)?;
        // SAFETY: the caller gives places for both.
        unsafe { give_list(&features().all(), list, count) };
        Ok(0)
    })
}

/// # Safety
/// As Windows' own.
#[unsafe(no_mangle)]
unsafe extern "system" fn DismGetFeatureParent(
    session: u32,
    name: *const u16,
    _identifier: *const u16,
    _package: u32,
    list: *mut *mut Listed,
    count: *mut u32,
) -> u32 {
    // SAFETY: the caller's text ends with a zero.
    let name = unsafe { narrow(name) };
    answer("parents", &name, || {
        in_session(session)?;
        let needs = features().get(&name)?.needs;
        let parents: Vec<Feature> = needs.iter().filter_map(|need| features().get(need).ok()).collect();
        // SAFETY: the caller gives places for both.
        unsafe { give_list(&parents, list, count) };
        Ok(0)
    })
}

/// # Safety
/// Both places can be written to.
unsafe fn give_list(features: &[Feature], list: *mut *mut Listed, count: *mut u32) {
    let mut texts = Texts::default();
    let listed: Vec<Listed> =
        features.iter().map(|own| Listed { name: texts.add(&own.name), state: own.state }).collect();
    // SAFETY: as the caller says.
    unsafe { list.write(give(&listed, texts)) };
    // SAFETY: as the caller says.
    unsafe { count.write(u32::try_from(listed.len()).unwrap_or(0)) };
}

/// # Safety
/// As Windows' own.
#[unsafe(no_mangle)]
unsafe extern "system" fn DismEnableFeature(
    session: u32,
    name: *const u16,
    _identifier: *const u16,
    _package: u32,
    _limit_access: i32,
    _sources: *const *const u16,
    _source_count: u32,
    enable_all: i32,
    _cancel: *mut c_void,
    _progress: *const c_void,
    _data: *mut c_void,
) -> u32 {
    // SAFETY: the caller's text ends with a zero.
    let name = unsafe { narrow(name) };
    answer("enable", &name, || {
        in_session(session)?;
        features().set(&name, true, enable_all != 0)
    })
}

/// # Safety
/// As Windows' own.
#[unsafe(no_mangle)]
unsafe extern "system" fn DismDisableFeature(
    session: u32,
    name: *const u16,
    _package: *const u16,
    remove_payload: i32,
    _cancel: *mut c_void,
    _progress: *const c_void,
    _data: *mut c_void,
) -> u32 {
    // SAFETY: the caller's text ends with a zero.
    let name = unsafe { narrow(name) };
    answer("disable", &name, || {
        in_session(session)?;
        if remove_payload != 0 {
            return Err(INVALID_ARGUMENT);
        }
        features().set(&name, false, false)
    })
}

/// # Safety
/// As Windows' own.
#[unsafe(no_mangle)]
unsafe extern "system" fn DismGetLastErrorMessage(text: *mut *mut Text) -> u32 {
    let last = life().last;
    let mut texts = Texts::default();
    let value = texts.add(&format!("the played answer {last:#x}.\r\n"));
    // SAFETY: the caller gives a place for it.
    unsafe { text.write(give(&[Text { value }], texts)) };
    0
}

#[unsafe(no_mangle)]
extern "system" fn DismDelete(block: *mut c_void) -> u32 {
    if take(block) { 0 } else { INVALID_ARGUMENT }
}

/// # Safety
/// `text` is null or ends with a zero.
unsafe fn narrow(text: *const u16) -> String {
    let text = PCWSTR(text);
    // SAFETY: it is not null, so that it ends with a zero.
    if text.is_null() { String::new() } else { String::from_utf16_lossy(unsafe { text.as_wide() }) }
}
