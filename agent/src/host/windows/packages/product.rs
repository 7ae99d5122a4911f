//! Products of Windows Installer, asked of itself: by upgrade code and by product code.
//!
//! Source: Microsoft, `MsiEnumRelatedProductsW` and `MsiGetProductInfoW`. Neighbours: `packages` chooses among what is found.
//! Installs and removes nothing: `msiexec` does, under a supervisor.

use std::io;
use std::mem::transmute;

use windows_sys::Win32::Foundation::{
    ERROR_MORE_DATA, ERROR_NO_MORE_ITEMS, ERROR_SUCCESS, ERROR_UNKNOWN_PRODUCT, ERROR_UNKNOWN_PROPERTY,
};

use crate::host::windows::system_library::{Entry, SystemLibrary};
use crate::host::windows::text::{narrow, wide};

type EnumRelatedProducts = unsafe extern "system" fn(*const u16, u32, u32, *mut u16) -> u32;
type GetProductInfo = unsafe extern "system" fn(*const u16, *const u16, *mut u16, *mut u32) -> u32;

const LIBRARY: &str = "msi.dll";

/// A code in braces, with its zero.
const CODE_UNITS: usize = 39;

/// The product codes that are installed and share that upgrade code.
pub(super) fn related(upgrade_code: &str) -> io::Result<Vec<String>> {
    let entry = SystemLibrary::load(LIBRARY)?.entry(c"MsiEnumRelatedProductsW")?;
    // SAFETY: Microsoft's header declares it so.
    let enumerate = unsafe { transmute::<Entry, EnumRelatedProducts>(entry) };
    let upgrade_code = wide(upgrade_code);
    let mut found = Vec::new();
    for index in 0.. {
        let mut code = [0_u16; CODE_UNITS];
        // SAFETY: the upgrade code ends with a zero, and the buffer has the 39 units that the function wants.
        match unsafe { enumerate(upgrade_code.as_ptr(), 0, index, code.as_mut_ptr()) } {
            ERROR_SUCCESS => found.push(narrow(&code)),
            ERROR_NO_MORE_ITEMS => break,
            error => return Err(failed(error)),
        }
    }
    Ok(found)
}

/// The version of a product code; none where it is not installed.
pub(super) fn version(product_code: &str) -> io::Result<Option<String>> {
    let entry = SystemLibrary::load(LIBRARY)?.entry(c"MsiGetProductInfoW")?;
    // SAFETY: Microsoft's header declares it so.
    let get_info = unsafe { transmute::<Entry, GetProductInfo>(entry) };
    let (product_code, property) = (wide(product_code), wide("VersionString"));
    let mut buffer = vec![0_u16; 64];
    loop {
        let mut units = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
        // SAFETY: both texts end with a zero, and the buffer has the size that is passed.
        let told =
            unsafe { get_info(product_code.as_ptr(), property.as_ptr(), buffer.as_mut_ptr(), &mut units) };
        match told {
            ERROR_SUCCESS => return Ok(Some(narrow(&buffer))),
            ERROR_MORE_DATA => buffer.resize(units as usize + 1, 0),
            // The second: it is known and not installed, so that nobody has its version.
            ERROR_UNKNOWN_PRODUCT | ERROR_UNKNOWN_PROPERTY => return Ok(None),
            error => return Err(failed(error)),
        }
    }
}

fn failed(code: u32) -> io::Error {
    io::Error::from_raw_os_error(code.cast_signed())
}
