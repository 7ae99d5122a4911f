//! The version that a program's file carries.
//!
//! Source: Microsoft, `GetFileVersionInfoW` and `VS_FIXEDFILEINFO`. Neighbours: `packages` asks. Never runs the file.

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND};
use windows_sys::Win32::Storage::FileSystem::{
    GetFileVersionInfoSizeW, GetFileVersionInfoW, VS_FIXEDFILEINFO, VerQueryValueW,
};

use crate::host::windows::process::size_of_u32;
use crate::host::windows::text::wide;

/// Its version as four numbers, as in `6.0.0.1397`; none where there is no such file.
///
/// # Errors
/// Where it cannot be read, or carries no version.
pub(super) fn of(path: &str) -> io::Result<Option<String>> {
    let path = wide(path);
    // SAFETY: the path ends with a zero; the handle is historical and left out.
    let bytes = unsafe { GetFileVersionInfoSizeW(path.as_ptr(), ptr::null_mut()) };
    if bytes == 0 {
        let error = io::Error::last_os_error();
        let gone = [ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND].map(u32::cast_signed);
        return if error.raw_os_error().is_some_and(|code| gone.contains(&code)) {
            Ok(None)
        } else {
            Err(error)
        };
    }
    // Of eight bytes each, so that what lies in it is aligned.
    let mut block = vec![0_u64; bytes.div_ceil(8) as usize];
    // SAFETY: the path ends with a zero, and the block has at least the size that is passed.
    let read = unsafe { GetFileVersionInfoW(path.as_ptr(), 0, bytes, block.as_mut_ptr().cast()) };
    if read == 0 {
        return Err(io::Error::last_os_error());
    }
    let (root, mut info, mut length) = (wide(r"\"), ptr::null_mut(), 0);
    // SAFETY: the block was filled by Windows, the name ends with a zero, and both answers are this function's own.
    let found = unsafe { VerQueryValueW(block.as_ptr().cast(), root.as_ptr(), &mut info, &mut length) };
    if found == 0 || info.is_null() || length < size_of_u32::<VS_FIXEDFILEINFO>() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file carries no version"));
    }
    // SAFETY: `info` points into the block, to a structure of this type and length.
    let info = unsafe { info.cast::<VS_FIXEDFILEINFO>().read_unaligned() };
    let (high, low) = (info.dwFileVersionMS, info.dwFileVersionLS);
    Ok(Some(format!("{}.{}.{}.{}", high >> 16, high & 0xffff, low >> 16, low & 0xffff)))
}
