//! IIS's configuration as it is on this server: sections, elements, settings, methods, each in a type of its own.
//!
//! Neighbours: `ahadmin` has the interfaces, `commit` opens a manager for each look and each change, `pools` and `sites` know
//! which settings there are. Values are read as they take effect, defaults included, and written on the element itself.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr;

use windows_core::{BSTR, HRESULT, Interface as _};
use windows_sys::Win32::System::Com::{
    CLSCTX_INPROC_SERVER, COINIT_MULTITHREADED, CoCreateInstance, CoInitializeEx, CoUninitialize,
};
use windows_sys::core::GUID;

use super::ahadmin::{
    IAppHostElement, IAppHostElementCollection, IAppHostMethodCollection, IAppHostMethodInstance,
    IAppHostWritableAdminManager, Variant, WRITABLE_ADMIN_MANAGER, lend,
};
use super::fault::Fault;

/// The configuration of the whole server.
const APPHOST: &str = "MACHINE/WEBROOT/APPHOST";

/// This thread's part in COM's apartment of many threads, given back with this value.
struct Apartment(PhantomData<*const ()>);

impl Apartment {
    fn enter() -> Result<Self, Fault> {
        // SAFETY: nothing is reserved; each success is paired with one leave, on the same thread.
        let entered = unsafe { CoInitializeEx(ptr::null(), COINIT_MULTITHREADED.cast_unsigned()) };
        Fault::check("COM", HRESULT(entered))?;
        Ok(Self(PhantomData))
    }
}

impl Drop for Apartment {
    fn drop(&mut self) {
        // SAFETY: this thread has entered, and whatever it got there lives shorter than this value.
        unsafe { CoUninitialize() };
    }
}

/// IIS's configuration, opened once: what it shows is as old as its opening, and changes live in it until they are committed.
pub(super) struct Manager {
    // Before the apartment: fields are dropped in this order.
    inner: IAppHostWritableAdminManager,
    _apartment: Apartment,
}

impl Manager {
    pub(super) fn open() -> Result<Self, Fault> {
        let apartment = Apartment::enter()?;
        let (class, wanted) = (
            GUID::from_u128(WRITABLE_ADMIN_MANAGER),
            GUID::from_u128(IAppHostWritableAdminManager::IID.to_u128()),
        );
        let mut made: *mut c_void = ptr::null_mut();
        // SAFETY: the identifiers and the pointer are this function's own; there is no outer object.
        let created =
            unsafe { CoCreateInstance(&class, ptr::null_mut(), CLSCTX_INPROC_SERVER, &wanted, &mut made) };
        Fault::check("IIS", HRESULT(created))?;
        if made.is_null() {
            return Err(Fault::nothing("IIS"));
        }
        // SAFETY: it is the interface that was asked for, and this value alone releases it.
        let inner = unsafe { IAppHostWritableAdminManager::from_raw(made) };
        let path = BSTR::from(APPHOST);
        // SAFETY: the path outlives the call.
        Fault::check("the commit path", unsafe { inner.set_commit_path(lend(&path)) })?;
        Ok(Self { inner, _apartment: apartment })
    }

    /// A section, as in `system.applicationHost/sites`.
    pub(super) fn section(&self, name: &str) -> Result<Element<'_>, Fault> {
        let (section, path, mut found) = (BSTR::from(name), BSTR::from(APPHOST), None);
        // SAFETY: both texts outlive the call, and what is found is written to this function's own variable.
        let told = unsafe { self.inner.get_admin_section(lend(&section), lend(&path), &mut found) };
        Ok(Element(given(name, told, found)?, PhantomData))
    }

    /// Writes all that was changed, at once.
    pub(super) fn commit(&self) -> Result<(), Fault> {
        // SAFETY: the manager is alive.
        Fault::check("the commit", unsafe { self.inner.commit_changes() })
    }
}

/// What a call gave, where it did not fail.
fn given<T>(what: &str, told: HRESULT, found: Option<T>) -> Result<T, Fault> {
    Fault::check(what, told)?;
    found.ok_or_else(|| Fault::nothing(what))
}

/// An element; it lives no longer than its manager.
pub(super) struct Element<'manager>(IAppHostElement, PhantomData<&'manager Manager>);

impl<'manager> Element<'manager> {
    /// A setting as it takes effect.
    pub(super) fn text(&self, name: &str) -> Result<String, Fault> {
        let (setting, mut property, mut value) = (BSTR::from(name), None, BSTR::new());
        // SAFETY: the name outlives the call, and what is found is written to this function's own variable.
        let told = unsafe { self.0.property_by_name(lend(&setting), &mut property) };
        let property = given(name, told, property)?;
        // SAFETY: the text that is written is this function's own from then on.
        Fault::check(name, unsafe { property.string_value(&mut value) })?;
        Ok(value.to_string())
    }

    /// Says a setting on the element itself, whatever it inherits.
    pub(super) fn set(&self, name: &str, value: &str) -> Result<(), Fault> {
        let (setting, mut property, value) = (BSTR::from(name), None, BSTR::from(value));
        // SAFETY: the name outlives the call, and what is found is written to this function's own variable.
        let told = unsafe { self.0.property_by_name(lend(&setting), &mut property) };
        let property = given(name, told, property)?;
        // SAFETY: the value outlives the call, and its text is not kept.
        Fault::check(name, unsafe { property.set_value(Variant::text(&value)) })
    }

    /// A part of it, as in `processModel`.
    pub(super) fn part(&self, name: &str) -> Result<Self, Fault> {
        let (part, mut found) = (BSTR::from(name), None);
        // SAFETY: the name outlives the call, and what is found is written to this function's own variable.
        let told = unsafe { self.0.element_by_name(lend(&part), &mut found) };
        Ok(Self(given(name, told, found)?, PhantomData))
    }

    /// The elements that it is a list of.
    pub(super) fn list(&self, what: &'static str) -> Result<List<'manager>, Fault> {
        let mut found = None;
        // SAFETY: what is found is written to this function's own variable.
        let told = unsafe { self.0.collection(&mut found) };
        Ok(List { inner: given(what, told, found)?, what, manager: PhantomData })
    }

    /// Carries out one of its methods, now: it waits for no commit.
    pub(super) fn call(&self, method: &str) -> Result<(), Fault> {
        let (name, mut methods) = (BSTR::from(method), None);
        // SAFETY: what is found is written to this function's own variable.
        let told = unsafe { self.0.methods(&mut methods) };
        let methods: IAppHostMethodCollection = given(method, told, methods)?;
        let mut found = None;
        // SAFETY: the name outlives the call, and what is found is written to this function's own variable.
        let told = unsafe { methods.item(Variant::text(&name), &mut found) };
        let (found, mut instance) = (given(method, told, found)?, None);
        // SAFETY: what is made is written to this function's own variable.
        let told = unsafe { found.create_instance(&mut instance) };
        let instance: IAppHostMethodInstance = given(method, told, instance)?;
        // SAFETY: the instance is alive, and these methods take nothing.
        Fault::check(method, unsafe { instance.execute() })
    }
}

/// A list of elements; it lives no longer than its manager.
pub(super) struct List<'manager> {
    inner: IAppHostElementCollection,
    what: &'static str,
    manager: PhantomData<&'manager Manager>,
}

impl<'manager> List<'manager> {
    /// All that is in it.
    pub(super) fn items(&self) -> Result<Vec<Element<'manager>>, Fault> {
        let mut count = 0;
        // SAFETY: the count is this function's own.
        Fault::check(self.what, unsafe { self.inner.count(&mut count) })?;
        (0..count).map(|index| self.item(index)).collect()
    }

    fn item(&self, index: u32) -> Result<Element<'manager>, Fault> {
        let mut found = None;
        // SAFETY: what is found is written to this function's own variable.
        let told = unsafe { self.inner.item(Variant::index(index), &mut found) };
        Ok(Element(given(self.what, told, found)?, PhantomData))
    }

    /// The one whose setting has that value, whatever its case.
    pub(super) fn find(&self, setting: &str, value: &str) -> Result<Option<Element<'manager>>, Fault> {
        for element in self.items()? {
            if element.text(setting)?.eq_ignore_ascii_case(value) {
                return Ok(Some(element));
            }
        }
        Ok(None)
    }

    /// A new element of that tag, which is in no list yet.
    pub(super) fn make(&self, tag: &str) -> Result<Element<'manager>, Fault> {
        let (name, mut made) = (BSTR::from(tag), None);
        // SAFETY: the name outlives the call, and what is made is written to this function's own variable.
        let told = unsafe { self.inner.create_new_element(lend(&name), &mut made) };
        Ok(Element(given(self.what, told, made)?, PhantomData))
    }

    /// Takes a new element in, at the end.
    pub(super) fn add(&self, element: &Element<'_>) -> Result<(), Fault> {
        // SAFETY: the element is alive; the list takes a reference of its own.
        Fault::check(self.what, unsafe { self.inner.add_element(element.0.as_raw(), -1) })
    }

    /// Takes those out for which that holds; says whether there were any.
    pub(super) fn remove(&self, is_it: impl Fn(&Element<'_>) -> Result<bool, Fault>) -> Result<bool, Fault> {
        let mut found = false;
        // From the end: each that goes moves those after it.
        for (index, element) in (0_u32..).zip(self.items()?).collect::<Vec<_>>().into_iter().rev() {
            if is_it(&element)? {
                // SAFETY: there is an element at that place.
                Fault::check(self.what, unsafe { self.inner.delete_element(Variant::index(index)) })?;
                found = true;
            }
        }
        Ok(found)
    }
}
