//! The certificate that a self-test has imported, taken away again, and with it its key where the store keeps keys.
//!
//! Neighbours: `props` asks, `store` has the certificate and says where its key lies. A certificate of another thumbprint, and
//! a key that is none of the machine's, are never removed.

use std::io;

use muster_model::certificate::CertificateStore;
use windows_sys::Win32::Security::Cryptography::{
    CRYPT_DELETEKEYSET, CRYPT_MACHINE_KEYSET, CRYPT_SILENT, CryptAcquireContextW, NCRYPT_MACHINE_KEY_FLAG,
    NCRYPT_SILENT_FLAG, NCryptDeleteKey, NCryptFreeObject, NCryptOpenKey, NCryptOpenStorageProvider,
};

use super::super::text::wide;
use super::store::{Context, KeyPlace, Store};

/// `NTE_BAD_KEYSET`: there is no such container, and no such key.
pub(super) const NO_KEY: i32 = 0x8009_0016_u32.cast_signed();

/// Takes the certificate of exactly that thumbprint out of a store. Its key goes first: where that does not, the certificate
/// still says where it lies.
pub(in super::super) fn remove(from: CertificateStore, thumbprint: &str) -> io::Result<()> {
    let its = |found: &Context| {
        let is_it = found.facts()?.is_some_and(|facts| facts.thumbprint == thumbprint);
        Ok(is_it.then(|| found.again()))
    };
    // Not even opened for writing where there is nothing to take out.
    if Store::open(from)?.map(|store| store.each(its)).transpose()?.flatten().is_none() {
        return Ok(());
    }
    let store = Store::open_to_add(from)?;
    while let Some(found) = store.each(its)? {
        if let Some(place) = found.key_place()?.filter(|_| from.keeps_keys()) {
            match delete(&place) {
                Err(error) if error.raw_os_error() == Some(NO_KEY) => {}
                told => told?,
            }
        }
        found.remove()?;
    }
    store.commit();
    drop(store);
    match Store::open(from)?.map(|store| store.each(its)).transpose()?.flatten() {
        None => Ok(()),
        Some(_) => Err(io::Error::other("it is still in the store")),
    }
}

pub(super) fn delete(place: &KeyPlace) -> io::Result<()> {
    let (container, provider) = (wide(&place.container), wide(&place.provider));
    if place.kind != 0 {
        let (mut none, flags) = (0, CRYPT_DELETEKEYSET | CRYPT_MACHINE_KEYSET | CRYPT_SILENT);
        // SAFETY: both names end with a zero; what is deleted gives no handle.
        let deleted = unsafe {
            CryptAcquireContextW(&mut none, container.as_ptr(), provider.as_ptr(), place.kind, flags)
        };
        return if deleted == 0 { Err(io::Error::last_os_error()) } else { Ok(()) };
    }
    let (mut opened, mut key) = (Handle(0), Handle(0));
    // SAFETY: the name ends with a zero, and the handle is this function's own.
    hresult(unsafe { NCryptOpenStorageProvider(&mut opened.0, provider.as_ptr(), 0) })?;
    let flags = NCRYPT_MACHINE_KEY_FLAG | NCRYPT_SILENT_FLAG;
    // SAFETY: the provider is open, the name ends with a zero, and the handle is this function's own.
    hresult(unsafe { NCryptOpenKey(opened.0, &mut key.0, container.as_ptr(), 0, flags) })?;
    // SAFETY: the key is open.
    let deleted = hresult(unsafe { NCryptDeleteKey(key.0, NCRYPT_SILENT_FLAG) });
    if deleted.is_ok() {
        // Its handle went with it.
        key.0 = 0;
    }
    deleted
}

/// A provider or a key of CNG, given back with this value.
pub(super) struct Handle(pub(super) usize);

impl Drop for Handle {
    fn drop(&mut self) {
        if self.0 == 0 {
            return;
        }
        // SAFETY: it is open, and this value alone gives it back.
        let freed = hresult(unsafe { NCryptFreeObject(self.0) });
        debug_assert!(freed.is_ok(), "it was not given back: {freed:?}");
    }
}

pub(super) fn hresult(told: i32) -> io::Result<()> {
    if told < 0 { Err(io::Error::from_raw_os_error(told)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use windows_sys::Win32::Security::Cryptography::{CRYPT_NEWKEYSET, MS_ENH_RSA_AES_PROV_W, PROV_RSA_AES};

    use super::super::super::text::narrow_at;
    use super::*;

    #[test]
    fn the_key_of_a_container_goes_and_one_that_is_gone_is_told_apart() {
        let (name, mut handle) = (wide("muster-story-imported"), 0);
        let flags = CRYPT_NEWKEYSET | CRYPT_MACHINE_KEYSET;
        // SAFETY: the name ends with a zero, and the handle is this test's own; it ends with the process.
        let made = unsafe {
            CryptAcquireContextW(&mut handle, name.as_ptr(), MS_ENH_RSA_AES_PROV_W, PROV_RSA_AES, flags)
        };
        assert_ne!(made, 0, "{}", io::Error::last_os_error());
        // SAFETY: it is a constant text of Windows' own.
        let provider = unsafe { narrow_at(MS_ENH_RSA_AES_PROV_W) };
        let container = "muster-story-imported".to_owned();
        let place = KeyPlace { container, provider, kind: PROV_RSA_AES };
        delete(&place).unwrap();
        assert_eq!(delete(&place).unwrap_err().raw_os_error(), Some(NO_KEY));
    }
}
