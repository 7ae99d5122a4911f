//! The objects: a manager with its copy of the file, and what leads into it.
//!
//! Neighbours: `config` is the copy, `store` the file. What the agent never asks for answers that it is not implemented.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windows_core::{AsImpl as _, BSTR, HRESULT, Interface as _, implement};

use super::interfaces::{
    IAppHostAdminManager_Impl, IAppHostElement, IAppHostElement_Impl, IAppHostElementCollection,
    IAppHostElementCollection_Impl, IAppHostMethod, IAppHostMethod_Impl, IAppHostMethodCollection,
    IAppHostMethodCollection_Impl, IAppHostMethodInstance, IAppHostMethodInstance_Impl, IAppHostProperty,
    IAppHostProperty_Impl, IAppHostWritableAdminManager, IAppHostWritableAdminManager_Impl, Variant,
};
use super::{NOT_IMPLEMENTED, OK, give, read, told};
use crate::config::{Answer, Config, Handle, INVALID_INDEX, answer, is_state};
use crate::store::Store;

const INETSRV: &str = r"C:\windows\system32\inetsrv";
/// `VT_BSTR`.
const TEXT: u16 = 8;

/// The copy of the file that a manager and all that leads into it share.
#[derive(Clone)]
struct Shared {
    store: Store,
    copy: Arc<Mutex<(String, Config)>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (String, Config)> {
        self.copy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A text in a variant.
///
/// # Safety
/// The variant is one that is alive.
unsafe fn variant_text(variant: &Variant) -> Option<String> {
    let pointer = std::ptr::with_exposed_provenance(usize::try_from(variant.value).ok()?);
    // SAFETY: a variant of this kind holds a BSTR.
    (variant.vt == TEXT).then(|| unsafe { read(pointer) })
}

/// A place in a list: what a number says, whatever its width.
fn variant_index(variant: &Variant) -> usize {
    usize::try_from(variant.value & 0xffff_ffff).unwrap_or(usize::MAX)
}

#[implement(IAppHostWritableAdminManager)]
pub(super) struct Manager(Shared);

impl Manager {
    pub(super) fn open() -> Result<Self, Answer> {
        let store = Store::new(INETSRV);
        let copy = Arc::new(Mutex::new(store.open()?));
        Ok(Self(Shared { store, copy }))
    }
}

impl IAppHostAdminManager_Impl for Manager_Impl {
    unsafe fn GetAdminSection(
        &self,
        name: *const u16,
        _path: *const u16,
        found: *mut *mut c_void,
    ) -> HRESULT {
        // SAFETY: the caller lends a BSTR.
        let name = unsafe { read(name) };
        let section = self.0.lock().1.section(&name);
        let give_it = |handle| {
            let element: IAppHostElement = Element { shared: self.0.clone(), handle }.into();
            // SAFETY: the caller gives a place for it.
            unsafe { give(element, found) }
        };
        told(section, give_it)
    }

    unsafe fn GetMetadata(&self, _kind: *const u16, _value: *mut Variant) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn SetMetadata(&self, _kind: *const u16, _value: Variant) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn get_ConfigManager(&self, _found: *mut *mut c_void) -> HRESULT {
        NOT_IMPLEMENTED
    }
}

impl IAppHostWritableAdminManager_Impl for Manager_Impl {
    unsafe fn CommitChanges(&self) -> HRESULT {
        let mut copy = self.0.lock();
        let (before, config) = &mut *copy;
        let committed = self.0.store.commit(before, config);
        told(committed, |text| *before = text)
    }

    unsafe fn get_CommitPath(&self, _path: *mut BSTR) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn put_CommitPath(&self, path: *const u16) -> HRESULT {
        // SAFETY: the caller lends a BSTR.
        let path = unsafe { read(path) };
        let is_whole = path == "MACHINE/WEBROOT/APPHOST";
        told(if is_whole { Ok(()) } else { answer(INVALID_INDEX, format!("no path {path}")) }, drop)
    }
}

#[implement(IAppHostElement)]
struct Element {
    shared: Shared,
    handle: Handle,
}

impl IAppHostElement_Impl for Element_Impl {
    unsafe fn get_Name(&self, name: *mut BSTR) -> HRESULT {
        let tag = self.shared.lock().1.tag(&self.handle);
        // SAFETY: the caller gives a place for it.
        unsafe { name.write(BSTR::from(tag)) };
        OK
    }

    unsafe fn get_Collection(&self, found: *mut *mut c_void) -> HRESULT {
        let list: IAppHostElementCollection =
            Collection { shared: self.shared.clone(), handle: self.handle.clone() }.into();
        // SAFETY: the caller gives a place for it.
        unsafe { give(list, found) };
        OK
    }

    unsafe fn get_Properties(&self, _found: *mut *mut c_void) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn get_ChildElements(&self, _found: *mut *mut c_void) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn GetMetadata(&self, _kind: *const u16, _value: *mut Variant) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn SetMetadata(&self, _kind: *const u16, _value: Variant) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn get_Schema(&self, _found: *mut *mut c_void) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn GetElementByName(&self, name: *const u16, found: *mut *mut c_void) -> HRESULT {
        // SAFETY: the caller lends a BSTR.
        let name = unsafe { read(name) };
        let part = self.shared.lock().1.part(&self.handle, &name);
        let give_it = |handle| {
            let element: IAppHostElement = Element { shared: self.shared.clone(), handle }.into();
            // SAFETY: the caller gives a place for it.
            unsafe { give(element, found) }
        };
        told(part, give_it)
    }

    unsafe fn GetPropertyByName(&self, name: *const u16, found: *mut *mut c_void) -> HRESULT {
        // SAFETY: the caller lends a BSTR.
        let name = unsafe { read(name) };
        let known = self.shared.lock().1.value(&self.handle, &name).map(drop);
        let give_it = |()| {
            let property: IAppHostProperty =
                Property { shared: self.shared.clone(), handle: self.handle.clone(), name }.into();
            // SAFETY: the caller gives a place for it.
            unsafe { give(property, found) }
        };
        told(known, give_it)
    }

    unsafe fn Clear(&self) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn get_Methods(&self, found: *mut *mut c_void) -> HRESULT {
        let methods: IAppHostMethodCollection =
            Methods { shared: self.shared.clone(), handle: self.handle.clone() }.into();
        // SAFETY: the caller gives a place for it.
        unsafe { give(methods, found) };
        OK
    }
}

#[implement(IAppHostElementCollection)]
struct Collection {
    shared: Shared,
    handle: Handle,
}

impl IAppHostElementCollection_Impl for Collection_Impl {
    unsafe fn get_Count(&self, count: *mut u32) -> HRESULT {
        let items = self.shared.lock().1.items(&self.handle);
        // SAFETY: the caller gives a place for it.
        told(items, |items| unsafe { count.write(u32::try_from(items.len()).unwrap_or(u32::MAX)) })
    }

    unsafe fn get_Item(&self, index: Variant, found: *mut *mut c_void) -> HRESULT {
        let items = self.shared.lock().1.items(&self.handle);
        let item = items.and_then(|items| match items.into_iter().nth(variant_index(&index)) {
            Some(item) => Ok(item),
            None => answer(INVALID_INDEX, "the list is shorter"),
        });
        let give_it = |handle| {
            let element: IAppHostElement = Element { shared: self.shared.clone(), handle }.into();
            // SAFETY: the caller gives a place for it.
            unsafe { give(element, found) }
        };
        told(item, give_it)
    }

    unsafe fn AddElement(&self, element: *mut c_void, _position: i32) -> HRESULT {
        // SAFETY: the caller lends an element.
        let Some(element) = (unsafe { IAppHostElement::from_raw_borrowed(&element) }) else {
            return NOT_IMPLEMENTED;
        };
        // SAFETY: every element is one of this library's own.
        let element: &Element = unsafe { element.as_impl() };
        told(self.shared.lock().1.add(&self.handle, &element.handle), drop)
    }

    unsafe fn DeleteElement(&self, index: Variant) -> HRESULT {
        told(self.shared.lock().1.remove(&self.handle, variant_index(&index)), drop)
    }

    unsafe fn Clear(&self) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn CreateNewElement(&self, name: *const u16, made: *mut *mut c_void) -> HRESULT {
        // SAFETY: the caller lends a BSTR.
        let tag = unsafe { read(name) };
        let new = self.shared.lock().1.make(&self.handle, &tag);
        let give_it = |handle| {
            let element: IAppHostElement = Element { shared: self.shared.clone(), handle }.into();
            // SAFETY: the caller gives a place for it.
            unsafe { give(element, made) }
        };
        told(new, give_it)
    }

    unsafe fn get_Schema(&self, _found: *mut *mut c_void) -> HRESULT {
        NOT_IMPLEMENTED
    }
}

#[implement(IAppHostProperty)]
struct Property {
    shared: Shared,
    handle: Handle,
    name: String,
}

impl IAppHostProperty_Impl for Property_Impl {
    unsafe fn get_Name(&self, name: *mut BSTR) -> HRESULT {
        // SAFETY: the caller gives a place for it.
        unsafe { name.write(BSTR::from(self.name.as_str())) };
        OK
    }

    unsafe fn get_Value(&self, _value: *mut Variant) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn put_Value(&self, value: Variant) -> HRESULT {
        // SAFETY: the caller lends a variant that is alive.
        let Some(value) = (unsafe { variant_text(&value) }) else { return NOT_IMPLEMENTED };
        let locked = self.shared.store.fail(&format!("set:{}", self.handle.section));
        let set = |()| self.shared.lock().1.set(&self.handle, &self.name, &value);
        told(locked.and_then(set), drop)
    }

    unsafe fn Clear(&self) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn get_StringValue(&self, value: *mut BSTR) -> HRESULT {
        let mut copy = self.shared.lock();
        let text = if is_state(&self.handle, &self.name) {
            self.shared.store.run_state(&mut copy.1, &self.handle)
        } else {
            copy.1.value(&self.handle, &self.name)
        };
        // SAFETY: the caller gives a place for it.
        told(text, |text| unsafe { value.write(BSTR::from(text)) })
    }

    unsafe fn get_Exception(&self, _found: *mut *mut c_void) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn GetMetadata(&self, _kind: *const u16, _value: *mut Variant) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn SetMetadata(&self, _kind: *const u16, _value: Variant) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn get_Schema(&self, _found: *mut *mut c_void) -> HRESULT {
        NOT_IMPLEMENTED
    }
}

#[implement(IAppHostMethodCollection)]
struct Methods {
    shared: Shared,
    handle: Handle,
}

impl IAppHostMethodCollection_Impl for Methods_Impl {
    unsafe fn get_Count(&self, count: *mut u32) -> HRESULT {
        let number = u32::try_from(self.handle.schema.methods.len()).unwrap_or(u32::MAX);
        // SAFETY: the caller gives a place for it.
        unsafe { count.write(number) };
        OK
    }

    unsafe fn get_Item(&self, index: Variant, found: *mut *mut c_void) -> HRESULT {
        // SAFETY: the caller lends a variant that is alive.
        let name = unsafe { variant_text(&index) }.unwrap_or_default();
        let known = self.handle.schema.methods.iter().find(|own| **own == name);
        let known = known.map_or_else(|| answer(INVALID_INDEX, format!("there is no method {name}")), Ok);
        let give_it = |name: &&'static str| {
            let method: IAppHostMethod =
                Method { shared: self.shared.clone(), handle: self.handle.clone(), name }.into();
            // SAFETY: the caller gives a place for it.
            unsafe { give(method, found) }
        };
        told(known, give_it)
    }
}

#[implement(IAppHostMethod)]
struct Method {
    shared: Shared,
    handle: Handle,
    name: &'static str,
}

impl IAppHostMethod_Impl for Method_Impl {
    unsafe fn get_Name(&self, name: *mut BSTR) -> HRESULT {
        // SAFETY: the caller gives a place for it.
        unsafe { name.write(BSTR::from(self.name)) };
        OK
    }

    unsafe fn get_Schema(&self, _found: *mut *mut c_void) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn CreateInstance(&self, made: *mut *mut c_void) -> HRESULT {
        let instance: IAppHostMethodInstance =
            Instance { shared: self.shared.clone(), handle: self.handle.clone(), name: self.name }.into();
        // SAFETY: the caller gives a place for it.
        unsafe { give(instance, made) };
        OK
    }
}

#[implement(IAppHostMethodInstance)]
struct Instance {
    shared: Shared,
    handle: Handle,
    name: &'static str,
}

impl IAppHostMethodInstance_Impl for Instance_Impl {
    unsafe fn get_Input(&self, _found: *mut *mut c_void) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn get_Output(&self, _found: *mut *mut c_void) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn Execute(&self) -> HRESULT {
        told(self.shared.store.call(&mut self.shared.lock().1, &self.handle, self.name), drop)
    }

    unsafe fn GetMetadata(&self, _kind: *const u16, _value: *mut Variant) -> HRESULT {
        NOT_IMPLEMENTED
    }

    unsafe fn SetMetadata(&self, _kind: *const u16, _value: Variant) -> HRESULT {
        NOT_IMPLEMENTED
    }
}
