//! Memory that Windows allocates and its caller frees.
//!
//! Neighbours: `disk` and `security` get descriptors in it. Never looks into it.

use std::ffi::c_void;

use windows_sys::Win32::Foundation::LocalFree;

/// A block from Windows' local heap, freed with this value.
#[derive(Debug)]
pub(super) struct LocalMemory(*mut c_void);

impl LocalMemory {
    /// Takes over a block that a function of Windows gave, or nothing where it gave null.
    pub(super) fn own(pointer: *mut c_void) -> Self {
        Self(pointer)
    }

    /// Where it begins.
    pub(super) fn pointer(&self) -> *mut c_void {
        self.0
    }
}

impl Drop for LocalMemory {
    fn drop(&mut self) {
        // SAFETY: the block came from the local heap, and this value alone frees it; null is no error.
        let left = unsafe { LocalFree(self.0) };
        debug_assert!(left.is_null(), "memory of Windows was not freed");
    }
}
