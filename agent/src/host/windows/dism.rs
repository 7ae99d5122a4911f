//! Windows' own servicing library, `dismapi.dll`: one session on the Windows that runs, and what is asked in it.
//!
//! The library is loaded from the system folder alone, once, and stays for the life of the process. Its interface is started
//! once per process at a time, so that one session excludes every other; each use ends with its shutdown. Structures are
//! without any space between their fields (`#pragma pack(push, 1)`, Microsoft's `dismapi.h`). Neighbours: `features` decides
//! what is asked, `dism_fault` says what an answer means. Never starts `dism.exe`, and never restarts Windows.

use std::ffi::c_void;
use std::io;
use std::mem::transmute;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use super::dism_fault::Fault;
use super::system_library::{Entry, SystemLibrary};
use super::text::{narrow_at, wide};

/// `DISM_ONLINE_IMAGE`: the Windows that runs.
const ONLINE: &str = "DISM_{53BFAE52-B167-4E2F-A258-0A37B57FF845}";
/// `DismLogErrors`: into Windows' own log of this, `Logs\DISM\dism.log`.
const LOG_ERRORS: i32 = 0;
/// `DismPackageNone`: a feature of Windows itself.
const NO_PACKAGE: i32 = 0;

type Answer = i32;
type Initialize = unsafe extern "system" fn(i32, *const u16, *const u16) -> Answer;
type Shutdown = unsafe extern "system" fn() -> Answer;
type OpenSession = unsafe extern "system" fn(*const u16, *const u16, *const u16, *mut u32) -> Answer;
type CloseSession = unsafe extern "system" fn(u32) -> Answer;
type GetInfo = unsafe extern "system" fn(u32, *const u16, *const u16, i32, *mut *mut Info) -> Answer;
type GetAll = unsafe extern "system" fn(u32, *const u16, i32, *mut *mut Listed, *mut u32) -> Answer;
type GetParents =
    unsafe extern "system" fn(u32, *const u16, *const u16, i32, *mut *mut Listed, *mut u32) -> Answer;
type Enable = unsafe extern "system" fn(
    u32,
    *const u16,
    *const u16,
    i32,
    i32,
    *const *const u16,
    u32,
    i32,
    *mut c_void,
    *const c_void,
    *mut c_void,
) -> Answer;
type Disable = unsafe extern "system" fn(
    u32,
    *const u16,
    *const u16,
    i32,
    *mut c_void,
    *const c_void,
    *mut c_void,
) -> Answer;
type LastMessage = unsafe extern "system" fn(*mut *mut Text) -> Answer;
type Delete = unsafe extern "system" fn(*mut c_void) -> Answer;

/// `DismString`.
#[repr(C, packed(1))]
struct Text {
    value: *const u16,
}

/// `DismFeature`.
#[repr(C, packed(1))]
struct Listed {
    name: *const u16,
    state: i32,
}

/// `DismFeatureInfo`.
#[repr(C, packed(1))]
struct Info {
    name: *const u16,
    state: i32,
    display_name: *const u16,
    description: *const u16,
    restart: i32,
    properties: *const c_void,
    property_count: u32,
}

/// The functions of the library, which stays loaded.
#[derive(Clone, Copy)]
struct Library {
    initialize: Initialize,
    shutdown: Shutdown,
    open_session: OpenSession,
    close_session: CloseSession,
    get_info: GetInfo,
    get_all: GetAll,
    get_parents: GetParents,
    enable: Enable,
    disable: Disable,
    last_message: LastMessage,
    delete: Delete,
}

/// Whose turn it is, and the library where somebody has loaded it.
static TURN: Mutex<Option<Library>> = Mutex::new(None);

impl Library {
    fn load() -> io::Result<Self> {
        let library = SystemLibrary::load("dismapi.dll")?;
        let get_all = library.entry(c"DismGetFeatures")?;
        let get_parents = library.entry(c"DismGetFeatureParent")?;
        let get_info = library.entry(c"DismGetFeatureInfo")?;
        let enable = library.entry(c"DismEnableFeature")?;
        let disable = library.entry(c"DismDisableFeature")?;
        let open_session = library.entry(c"DismOpenSession")?;
        let close_session = library.entry(c"DismCloseSession")?;
        let initialize = library.entry(c"DismInitialize")?;
        let last_message = library.entry(c"DismGetLastErrorMessage")?;
        let delete = library.entry(c"DismDelete")?;
        let shutdown = library.entry(c"DismShutdown")?;
        Ok(Self {
            // SAFETY: Microsoft's header declares it so.
            initialize: unsafe { transmute::<Entry, Initialize>(initialize) },
            // SAFETY: as above.
            shutdown: unsafe { transmute::<Entry, Shutdown>(shutdown) },
            // SAFETY: as above.
            open_session: unsafe { transmute::<Entry, OpenSession>(open_session) },
            // SAFETY: as above.
            close_session: unsafe { transmute::<Entry, CloseSession>(close_session) },
            // SAFETY: as above.
            get_info: unsafe { transmute::<Entry, GetInfo>(get_info) },
            // SAFETY: as above.
            get_all: unsafe { transmute::<Entry, GetAll>(get_all) },
            // SAFETY: as above.
            get_parents: unsafe { transmute::<Entry, GetParents>(get_parents) },
            // SAFETY: as above.
            enable: unsafe { transmute::<Entry, Enable>(enable) },
            // SAFETY: as above.
            disable: unsafe { transmute::<Entry, Disable>(disable) },
            // SAFETY: as above.
            last_message: unsafe { transmute::<Entry, LastMessage>(last_message) },
            // SAFETY: as above.
            delete: unsafe { transmute::<Entry, Delete>(delete) },
        })
    }

    /// What a call answered: a success with its number, or a fault in the library's own words.
    fn told(self, call: &'static str, answer: Answer) -> Result<u32, Fault> {
        if answer >= 0 {
            return Ok(answer.cast_unsigned());
        }
        let mut text = ptr::null_mut();
        // SAFETY: the place is this function's own.
        let found = unsafe { (self.last_message)(&mut text) };
        let text = Given { library: self, start: text };
        let words = if found == 0 { text.read().map(|text| text.value) } else { None };
        let words = words.filter(|start| !start.is_null());
        // SAFETY: the library's text ends with a zero, and lives as long as `text`.
        let words = words.map(|start| unsafe { narrow_at(start) });
        Err(Fault::new(call, answer.cast_unsigned(), words.as_deref().unwrap_or_default()))
    }
}

/// A structure, or the first of several, that the library gave; given back with this value.
struct Given<T> {
    library: Library,
    start: *mut T,
}

impl<T> Given<T> {
    /// The first; none where the library gave nothing.
    fn read(&self) -> Option<T> {
        self.nth(0)
    }

    fn nth(&self, index: usize) -> Option<T> {
        if self.start.is_null() {
            return None;
        }
        // SAFETY: nobody asks beyond what the library said that it gave.
        let at = unsafe { self.start.add(index) };
        // SAFETY: as above; packed structures lie anywhere.
        Some(unsafe { at.read_unaligned() })
    }
}

impl<T> Drop for Given<T> {
    fn drop(&mut self) {
        if !self.start.is_null() {
            // SAFETY: the library gave it, and this value alone gives it back.
            let answer = unsafe { (self.library.delete)(self.start.cast()) };
            debug_assert!(answer >= 0, "memory of DISM was not taken back: {answer:#x}");
        }
    }
}

/// The interface while it is started.
struct Started(Library);

impl Started {
    fn start(library: Library) -> Result<Self, Fault> {
        // SAFETY: no path is named, so that Windows' own log and temporary folder are used.
        let answer = unsafe { (library.initialize)(LOG_ERRORS, ptr::null(), ptr::null()) };
        library.told("DismInitialize", answer)?;
        Ok(Self(library))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // SAFETY: it was started, and every session is closed.
        let answer = unsafe { (self.0.shutdown)() };
        if answer < 0 {
            tracing::warn!(code = format!("{answer:#010x}"), "Windows' servicing library was not shut down");
        }
    }
}

/// A session on the Windows that runs. Closed with this value, and then the interface is shut down.
pub(super) struct Session {
    number: u32,
    started: Started,
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: the session is open, and this value alone closes it.
        let answer = unsafe { (self.started.0.close_session)(self.number) };
        if answer < 0 {
            tracing::warn!(code = format!("{answer:#010x}"), "a session of Windows' servicing library stays");
        }
    }
}

/// Asks in a session, alone in this process.
pub(super) fn ask<T>(asks: impl FnOnce(&Session) -> Result<T, Fault>) -> Result<T, Fault> {
    let mut turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let library =
        if let Some(library) = *turn { library } else { Library::load().map_err(Fault::missing)? };
    *turn = Some(library);
    asks(&Session::open(library)?)
}

impl Session {
    fn open(library: Library) -> Result<Self, Fault> {
        let started = Started::start(library)?;
        let (online, mut number) = (wide(ONLINE), 0);
        // SAFETY: the name ends with a zero, the other texts are left out, and the number is this function's own.
        let answer =
            unsafe { (library.open_session)(online.as_ptr(), ptr::null(), ptr::null(), &mut number) };
        library.told("DismOpenSession", answer)?;
        Ok(Self { number, started })
    }

    fn library(&self) -> Library {
        self.started.0
    }

    /// The number of the feature's state, `DismPackageFeatureState`.
    pub(super) fn state(&self, name: &str) -> Result<i32, Fault> {
        let (library, wide_name, mut info) = (self.library(), wide(name), ptr::null_mut());
        // SAFETY: the session is open, the name ends with a zero, and the place is this function's own.
        let answer = unsafe {
            (library.get_info)(self.number, wide_name.as_ptr(), ptr::null(), NO_PACKAGE, &mut info)
        };
        let info = Given { library, start: info };
        library.told("DismGetFeatureInfo", answer)?;
        info.read().map(|info| info.state).ok_or_else(|| Fault::nothing("DismGetFeatureInfo"))
    }

    /// Every feature with the number of its state.
    pub(super) fn all(&self) -> Result<Vec<(String, i32)>, Fault> {
        let (library, mut list, mut count) = (self.library(), ptr::null_mut(), 0);
        // SAFETY: the session is open, and both places are this function's own.
        let answer =
            unsafe { (library.get_all)(self.number, ptr::null(), NO_PACKAGE, &mut list, &mut count) };
        let list = Given { library, start: list };
        library.told("DismGetFeatures", answer)?;
        Ok(listed(&list, count))
    }

    /// What it stands on, with the number of its state.
    pub(super) fn parents(&self, name: &str) -> Result<Vec<(String, i32)>, Fault> {
        let (library, wide_name) = (self.library(), wide(name));
        let (mut list, mut count) = (ptr::null_mut(), 0);
        // SAFETY: the session is open, the name ends with a zero, and both places are this function's own.
        let answer = unsafe {
            let name = wide_name.as_ptr();
            (library.get_parents)(self.number, name, ptr::null(), NO_PACKAGE, &mut list, &mut count)
        };
        let list = Given { library, start: list };
        library.told("DismGetFeatureParent", answer)?;
        Ok(listed(&list, count))
    }

    /// Installs it without what it stands on, from where Windows finds its files; gives the success's number.
    pub(super) fn enable(&self, name: &str) -> Result<u32, Fault> {
        let (library, wide_name) = (self.library(), wide(name));
        let (none, all_parents) = (ptr::null_mut(), 0);
        // SAFETY: the session is open, the name ends with a zero, and the rest is left out.
        let answer = unsafe {
            let name = wide_name.as_ptr();
            let enable = library.enable;
            enable(
                self.number,
                name,
                none,
                NO_PACKAGE,
                0,
                ptr::null(),
                0,
                all_parents,
                none.cast(),
                none.cast(),
                none.cast(),
            )
        };
        library.told("DismEnableFeature", answer)
    }

    /// Takes it off; its files stay on the server, so that it can come back without a medium. Gives the success's number.
    pub(super) fn disable(&self, name: &str) -> Result<u32, Fault> {
        let (library, wide_name, none) = (self.library(), wide(name), ptr::null_mut());
        // SAFETY: the session is open, the name ends with a zero, and the rest is left out.
        let answer =
            unsafe { (library.disable)(self.number, wide_name.as_ptr(), ptr::null(), 0, none, none, none) };
        library.told("DismDisableFeature", answer)
    }
}

fn listed(list: &Given<Listed>, count: u32) -> Vec<(String, i32)> {
    let features = (0..count as usize).filter_map(|index| list.nth(index));
    let named = features.filter(|feature| !feature.name.is_null());
    // SAFETY: the library's texts end with a zero, and live as long as the list.
    named.map(|feature| (unsafe { narrow_at(feature.name) }, feature.state)).collect()
}
