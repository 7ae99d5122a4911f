//! The access list of a file: read, and put back changed; and that of what is about to be made.
//!
//! Neighbours: `files` changes lists, `acl` is what they are made of, `disk` and `mutex` make what is guarded from its first moment.
//! Touches neither owner nor auditing.

use std::io;
use std::path::Path;
use std::ptr;
use std::slice;

use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, GetNamedSecurityInfoW, SDDL_REVISION_1,
    SE_FILE_OBJECT, SetNamedSecurityInfoW,
};
use windows_sys::Win32::Security::{
    ACL, DACL_SECURITY_INFORMATION, GetSecurityDescriptorControl, OWNER_SECURITY_INFORMATION,
    PROTECTED_DACL_SECURITY_INFORMATION, SE_DACL_PROTECTED, SECURITY_ATTRIBUTES,
    UNPROTECTED_DACL_SECURITY_INFORMATION,
};

use super::acl::Acl;
use super::memory::LocalMemory;
use super::process::size_of_u32;
use super::sid::Sid;
use super::text::wide;

/// The protection of what is about to be made.
pub(super) struct Descriptor(LocalMemory);

impl Descriptor {
    /// Reads one as text (SDDL).
    pub(super) fn read(sddl: &str) -> io::Result<Self> {
        let (sddl, mut descriptor) = (wide(sddl), ptr::null_mut());
        // SAFETY: the text ends with a zero; the descriptor is written to this function's own pointer.
        let read = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                sddl.as_ptr(),
                SDDL_REVISION_1,
                &mut descriptor,
                ptr::null_mut(),
            )
        };
        if read == 0 { Err(io::Error::last_os_error()) } else { Ok(Self(LocalMemory::own(descriptor))) }
    }

    /// As the functions that make something want it; not to outlive this value.
    pub(super) fn attributes(&self) -> SECURITY_ATTRIBUTES {
        SECURITY_ATTRIBUTES {
            nLength: size_of_u32::<SECURITY_ATTRIBUTES>(),
            lpSecurityDescriptor: self.0.pointer(),
            bInheritHandle: 0,
        }
    }
}

/// Who may do what with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Protection {
    /// The list; none where everybody may do everything.
    pub(super) list: Option<Acl>,
    /// Whether nothing is taken from the folder.
    pub(super) apart: bool,
}

/// Reads it.
pub(super) fn protection(path: &Path) -> io::Result<Protection> {
    let name = wide(path);
    let (mut list, mut descriptor): (*mut ACL, _) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the name ends with a zero, and list and descriptor are this function's own pointers.
    let told = unsafe {
        GetNamedSecurityInfoW(
            name.as_ptr(),
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION,
            ptr::null_mut(),
            ptr::null_mut(),
            &mut list,
            ptr::null_mut(),
            &mut descriptor,
        )
    };
    if told != ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(told.cast_signed()));
    }
    let descriptor = LocalMemory::own(descriptor);
    let (mut control, mut revision) = (0, 0);
    // SAFETY: the descriptor is the one that was just given, and the numbers are this function's own.
    if unsafe { GetSecurityDescriptorControl(descriptor.pointer(), &mut control, &mut revision) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the list is null or lies in the descriptor, which is alive.
    let list = match unsafe { list.as_ref() } {
        None => None,
        Some(head) => {
            // SAFETY: the list is as long as its head says, and lies in the descriptor, which is alive.
            let bytes = unsafe { slice::from_raw_parts(list.cast::<u8>(), usize::from(head.AclSize)) };
            Some(Acl::parse(bytes).ok_or(io::ErrorKind::InvalidData)?)
        }
    };
    Ok(Protection { list, apart: control & SE_DACL_PROTECTED != 0 })
}

/// Whose it is.
pub(super) fn owner(path: &Path) -> io::Result<Sid> {
    let name = wide(path);
    let (mut owner, mut descriptor) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the name ends with a zero, and owner and descriptor are this function's own pointers.
    let told = unsafe {
        GetNamedSecurityInfoW(
            name.as_ptr(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &mut owner,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            &mut descriptor,
        )
    };
    if told != ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(told.cast_signed()));
    }
    let _descriptor = LocalMemory::own(descriptor);
    if owner.is_null() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // SAFETY: the owner lies in the descriptor, which is alive.
    unsafe { Sid::read_at(owner.cast()) }.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Puts it on a file; what is inherited is taken anew from the folder unless the file is apart.
pub(super) fn protect(path: &Path, protection: &Protection) -> io::Result<()> {
    let name = wide(path);
    let words = match &protection.list {
        None => None,
        Some(list) => Some(list.words().ok_or_else(|| io::Error::other("the access list is too long"))?),
    };
    let list = words.as_ref().map_or(ptr::null(), |words| words.as_ptr().cast::<ACL>());
    let inherit = if protection.apart {
        PROTECTED_DACL_SECURITY_INFORMATION
    } else {
        UNPROTECTED_DACL_SECURITY_INFORMATION
    };
    // SAFETY: the name ends with a zero; the list is null or whole, aligned, and outlives the call.
    let set = unsafe {
        SetNamedSecurityInfoW(
            name.as_ptr(),
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION | inherit,
            ptr::null_mut(),
            ptr::null_mut(),
            list,
            ptr::null(),
        )
    };
    if set == ERROR_SUCCESS { Ok(()) } else { Err(io::Error::from_raw_os_error(set.cast_signed())) }
}
