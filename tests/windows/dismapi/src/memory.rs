//! What the library gives to a program and takes back with `DismDelete`.
//!
//! Structures are as Microsoft's `dismapi.h` has them: without any space between their fields. Neighbours: `api` gives them.

#![expect(unsafe_code, reason = "programs get pointers")]

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// `DismString`.
#[repr(C, packed(1))]
pub(crate) struct Text {
    pub(crate) value: *const u16,
}

/// `DismFeature`.
#[repr(C, packed(1))]
pub(crate) struct Listed {
    pub(crate) name: *const u16,
    pub(crate) state: u32,
}

/// `DismFeatureInfo`.
#[repr(C, packed(1))]
pub(crate) struct Info {
    pub(crate) name: *const u16,
    pub(crate) state: u32,
    pub(crate) display_name: *const u16,
    pub(crate) description: *const u16,
    pub(crate) restart: u32,
    pub(crate) properties: *const c_void,
    pub(crate) property_count: u32,
}

/// Blocks by where they begin: each is a structure and the texts that it points to.
static GIVEN: Mutex<BTreeMap<usize, Block>> = Mutex::new(BTreeMap::new());

struct Block {
    bytes: Vec<u8>,
    _texts: Vec<Vec<u16>>,
}

fn given() -> MutexGuard<'static, BTreeMap<usize, Block>> {
    GIVEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Texts that a block will point to.
#[derive(Default)]
pub(crate) struct Texts(Vec<Vec<u16>>);

impl Texts {
    pub(crate) fn add(&mut self, text: &str) -> *const u16 {
        // The units stay where they are when the list of lists grows.
        let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
        let start = units.as_ptr();
        self.0.push(units);
        start
    }
}

/// Gives structures, one after the other, with the texts that they point to.
pub(crate) fn give<T>(structures: &[T], texts: Texts) -> *mut T {
    // One byte more, so that an empty list has a place as well.
    let mut bytes = vec![0_u8; size_of_val(structures) + 1];
    let start = bytes.as_mut_ptr();
    // SAFETY: the block is as long as the structures, which nothing else can point into.
    unsafe { start.copy_from_nonoverlapping(structures.as_ptr().cast(), size_of_val(structures)) };
    given().insert(start.addr(), Block { bytes, _texts: texts.0 });
    start.cast()
}

/// Takes a block back; whether it was one.
pub(crate) fn take(start: *mut c_void) -> bool {
    given().remove(&start.addr()).is_some_and(|block| !block.bytes.is_empty())
}

/// How many blocks were not given back.
pub(crate) fn outstanding() -> usize {
    given().len()
}
