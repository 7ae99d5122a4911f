//! Text as Windows wants it: UTF-16 with a zero at its end.
//!
//! Neighbours: every leaf of this folder.

use std::ffi::OsStr;
use std::os::windows::ffi::OsStrExt as _;

/// The text as Windows reads it.
pub(super) fn wide(text: impl AsRef<OsStr>) -> Vec<u16> {
    text.as_ref().encode_wide().chain([0]).collect()
}
