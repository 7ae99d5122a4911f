//! The interfaces of AppHostAdminLibrary, IIS's own configuration library, as far as Muster calls them.
//!
//! Identifiers and the order of the slots are [MC-IISA]'s, appendix A; what follows the last slot that is called is left out.
//! Neighbours: `config` wraps each in a type that is safe to use. Nothing here does anything by itself.

use std::ffi::c_void;
use std::ptr;

use windows_core::{BSTR, HRESULT, IUnknown, IUnknown_Vtbl, interface};

/// `AppHostWritableAdminManager`, which a server with IIS has and no other.
pub(super) const WRITABLE_ADMIN_MANAGER: u128 = 0x2b72133b_3f5b_4602_8952_803546ce3344;

/// A text that is lent for a call: its beginning, or null for an empty one.
pub(super) type Lent = *const u16;

/// Lends a text that outlives the call.
pub(super) fn lend(text: &BSTR) -> Lent {
    if text.is_empty() { ptr::null() } else { text.as_ptr() }
}

/// A `VARIANT` that is lent for a call: a text or a number, of which the callee keeps nothing.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Variant {
    kind: u16,
    reserved: [u16; 3],
    value: *const u16,
    second: *const c_void,
}

impl Variant {
    /// `VT_BSTR`.
    const TEXT: u16 = 8;
    /// `VT_UI4`.
    const NUMBER: u16 = 19;

    /// A text that outlives the call.
    pub(super) fn text(text: &BSTR) -> Self {
        Self { kind: Self::TEXT, reserved: [0; 3], value: lend(text), second: ptr::null() }
    }

    /// The place in a list.
    pub(super) fn index(index: u32) -> Self {
        let value = ptr::without_provenance(index as usize);
        Self { kind: Self::NUMBER, reserved: [0; 3], value, second: ptr::null() }
    }
}

#[interface("9be77978-73ed-4a9a-87fd-13f09fec1b13")]
pub(super) unsafe trait IAppHostAdminManager: IUnknown {
    pub(super) fn get_admin_section(
        &self,
        section: Lent,
        path: Lent,
        found: *mut Option<IAppHostElement>,
    ) -> HRESULT;
    fn get_metadata(&self, kind: Lent, value: *mut Variant) -> HRESULT;
    fn set_metadata(&self, kind: Lent, value: Variant) -> HRESULT;
    fn config_manager(&self, found: *mut *mut c_void) -> HRESULT;
}

#[interface("fa7660f6-7b3f-4237-a8bf-ed0ad0dcbbd9")]
pub(super) unsafe trait IAppHostWritableAdminManager: IAppHostAdminManager {
    pub(super) fn commit_changes(&self) -> HRESULT;
    fn commit_path(&self, path: *mut BSTR) -> HRESULT;
    pub(super) fn set_commit_path(&self, path: Lent) -> HRESULT;
}

#[interface("64ff8ccc-b287-4dae-b08a-a72cbf45f453")]
pub(super) unsafe trait IAppHostElement: IUnknown {
    fn name(&self, name: *mut BSTR) -> HRESULT;
    pub(super) fn collection(&self, found: *mut Option<IAppHostElementCollection>) -> HRESULT;
    fn properties(&self, found: *mut *mut c_void) -> HRESULT;
    fn child_elements(&self, found: *mut *mut c_void) -> HRESULT;
    fn get_metadata(&self, kind: Lent, value: *mut Variant) -> HRESULT;
    fn set_metadata(&self, kind: Lent, value: Variant) -> HRESULT;
    fn schema(&self, found: *mut *mut c_void) -> HRESULT;
    pub(super) fn element_by_name(&self, name: Lent, found: *mut Option<IAppHostElement>) -> HRESULT;
    pub(super) fn property_by_name(&self, name: Lent, found: *mut Option<IAppHostProperty>) -> HRESULT;
    fn clear(&self) -> HRESULT;
    pub(super) fn methods(&self, found: *mut Option<IAppHostMethodCollection>) -> HRESULT;
}

#[interface("c8550bff-5281-4b1e-ac34-99b6fa38464d")]
pub(super) unsafe trait IAppHostElementCollection: IUnknown {
    pub(super) fn count(&self, count: *mut u32) -> HRESULT;
    pub(super) fn item(&self, index: Variant, found: *mut Option<IAppHostElement>) -> HRESULT;
    pub(super) fn add_element(&self, element: *mut c_void, position: i32) -> HRESULT;
    pub(super) fn delete_element(&self, index: Variant) -> HRESULT;
    fn clear(&self) -> HRESULT;
    pub(super) fn create_new_element(&self, name: Lent, made: *mut Option<IAppHostElement>) -> HRESULT;
}

#[interface("ed35f7a1-5024-4e7b-a44d-07ddaf4b524d")]
pub(super) unsafe trait IAppHostProperty: IUnknown {
    fn name(&self, name: *mut BSTR) -> HRESULT;
    fn value(&self, value: *mut Variant) -> HRESULT;
    pub(super) fn set_value(&self, value: Variant) -> HRESULT;
    fn clear(&self) -> HRESULT;
    pub(super) fn string_value(&self, value: *mut BSTR) -> HRESULT;
}

#[interface("d6c7cd8f-bb8d-4f96-b591-d3a5f1320269")]
pub(super) unsafe trait IAppHostMethodCollection: IUnknown {
    pub(super) fn count(&self, count: *mut u32) -> HRESULT;
    pub(super) fn item(&self, index: Variant, found: *mut Option<IAppHostMethod>) -> HRESULT;
}

#[interface("7883ca1c-1112-4447-84c3-52fbeb38069d")]
pub(super) unsafe trait IAppHostMethod: IUnknown {
    fn name(&self, name: *mut BSTR) -> HRESULT;
    fn schema(&self, found: *mut *mut c_void) -> HRESULT;
    pub(super) fn create_instance(&self, made: *mut Option<IAppHostMethodInstance>) -> HRESULT;
}

#[interface("b80f3c42-60e0-4ae0-9007-f52852d3dbed")]
pub(super) unsafe trait IAppHostMethodInstance: IUnknown {
    fn input(&self, found: *mut Option<IAppHostElement>) -> HRESULT;
    fn output(&self, found: *mut Option<IAppHostElement>) -> HRESULT;
    pub(super) fn execute(&self) -> HRESULT;
}
