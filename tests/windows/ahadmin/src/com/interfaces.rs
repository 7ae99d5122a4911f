//! The interfaces of AppHostAdminLibrary, written down from [MC-IISA] a second time and not shared with the agent, so that a slot
//! in the wrong place shows.
//!
//! Neighbours: `objects` implements them.

use std::ffi::c_void;

use windows_core::{BSTR, GUID, HRESULT, IUnknown, IUnknown_Vtbl, interface};

/// A `VARIANT` as it lies in memory.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Variant {
    pub(crate) vt: u16,
    reserved: [u16; 3],
    pub(crate) value: u64,
    second: u64,
}

#[interface("00000001-0000-0000-c000-000000000046")]
pub(crate) unsafe trait IClassFactory: IUnknown {
    fn CreateInstance(&self, outer: *mut c_void, iid: *const GUID, made: *mut *mut c_void) -> HRESULT;
    fn LockServer(&self, lock: i32) -> HRESULT;
}

#[interface("22f03340-547d-101b-8e65-08002b2bd119")]
pub(crate) unsafe trait ICreateErrorInfo: IUnknown {
    fn SetGUID(&self, id: *const GUID) -> HRESULT;
    fn SetSource(&self, source: *const u16) -> HRESULT;
    pub(crate) fn SetDescription(&self, description: *const u16) -> HRESULT;
}

#[interface("9be77978-73ed-4a9a-87fd-13f09fec1b13")]
pub(crate) unsafe trait IAppHostAdminManager: IUnknown {
    fn GetAdminSection(&self, name: *const u16, path: *const u16, found: *mut *mut c_void) -> HRESULT;
    fn GetMetadata(&self, kind: *const u16, value: *mut Variant) -> HRESULT;
    fn SetMetadata(&self, kind: *const u16, value: Variant) -> HRESULT;
    fn get_ConfigManager(&self, found: *mut *mut c_void) -> HRESULT;
}

#[interface("fa7660f6-7b3f-4237-a8bf-ed0ad0dcbbd9")]
pub(crate) unsafe trait IAppHostWritableAdminManager: IAppHostAdminManager {
    fn CommitChanges(&self) -> HRESULT;
    fn get_CommitPath(&self, path: *mut BSTR) -> HRESULT;
    fn put_CommitPath(&self, path: *const u16) -> HRESULT;
}

#[interface("64ff8ccc-b287-4dae-b08a-a72cbf45f453")]
pub(crate) unsafe trait IAppHostElement: IUnknown {
    fn get_Name(&self, name: *mut BSTR) -> HRESULT;
    fn get_Collection(&self, found: *mut *mut c_void) -> HRESULT;
    fn get_Properties(&self, found: *mut *mut c_void) -> HRESULT;
    fn get_ChildElements(&self, found: *mut *mut c_void) -> HRESULT;
    fn GetMetadata(&self, kind: *const u16, value: *mut Variant) -> HRESULT;
    fn SetMetadata(&self, kind: *const u16, value: Variant) -> HRESULT;
    fn get_Schema(&self, found: *mut *mut c_void) -> HRESULT;
    fn GetElementByName(&self, name: *const u16, found: *mut *mut c_void) -> HRESULT;
    fn GetPropertyByName(&self, name: *const u16, found: *mut *mut c_void) -> HRESULT;
    fn Clear(&self) -> HRESULT;
    fn get_Methods(&self, found: *mut *mut c_void) -> HRESULT;
}

#[interface("c8550bff-5281-4b1e-ac34-99b6fa38464d")]
pub(crate) unsafe trait IAppHostElementCollection: IUnknown {
    fn get_Count(&self, count: *mut u32) -> HRESULT;
    fn get_Item(&self, index: Variant, found: *mut *mut c_void) -> HRESULT;
    fn AddElement(&self, element: *mut c_void, position: i32) -> HRESULT;
    fn DeleteElement(&self, index: Variant) -> HRESULT;
    fn Clear(&self) -> HRESULT;
    fn CreateNewElement(&self, name: *const u16, made: *mut *mut c_void) -> HRESULT;
    fn get_Schema(&self, found: *mut *mut c_void) -> HRESULT;
}

#[interface("ed35f7a1-5024-4e7b-a44d-07ddaf4b524d")]
pub(crate) unsafe trait IAppHostProperty: IUnknown {
    fn get_Name(&self, name: *mut BSTR) -> HRESULT;
    fn get_Value(&self, value: *mut Variant) -> HRESULT;
    fn put_Value(&self, value: Variant) -> HRESULT;
    fn Clear(&self) -> HRESULT;
    fn get_StringValue(&self, value: *mut BSTR) -> HRESULT;
    fn get_Exception(&self, found: *mut *mut c_void) -> HRESULT;
    fn GetMetadata(&self, kind: *const u16, value: *mut Variant) -> HRESULT;
    fn SetMetadata(&self, kind: *const u16, value: Variant) -> HRESULT;
    fn get_Schema(&self, found: *mut *mut c_void) -> HRESULT;
}

#[interface("d6c7cd8f-bb8d-4f96-b591-d3a5f1320269")]
pub(crate) unsafe trait IAppHostMethodCollection: IUnknown {
    fn get_Count(&self, count: *mut u32) -> HRESULT;
    fn get_Item(&self, index: Variant, found: *mut *mut c_void) -> HRESULT;
}

#[interface("7883ca1c-1112-4447-84c3-52fbeb38069d")]
pub(crate) unsafe trait IAppHostMethod: IUnknown {
    fn get_Name(&self, name: *mut BSTR) -> HRESULT;
    fn get_Schema(&self, found: *mut *mut c_void) -> HRESULT;
    fn CreateInstance(&self, made: *mut *mut c_void) -> HRESULT;
}

#[interface("b80f3c42-60e0-4ae0-9007-f52852d3dbed")]
pub(crate) unsafe trait IAppHostMethodInstance: IUnknown {
    fn get_Input(&self, found: *mut *mut c_void) -> HRESULT;
    fn get_Output(&self, found: *mut *mut c_void) -> HRESULT;
    fn Execute(&self) -> HRESULT;
    fn GetMetadata(&self, kind: *const u16, value: *mut Variant) -> HRESULT;
    fn SetMetadata(&self, kind: *const u16, value: Variant) -> HRESULT;
}
