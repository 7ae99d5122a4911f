//! A certificate of a self-test: made with a key of its own in the computer's own store, and taken away with it.
//!
//! Neighbours: `props` asks, `store` has the store, `imported` takes keys of CNG away. The name is the self-test's and stands for
//! certificate, key container and key alike: one of another name is never removed. Nobody is made to trust it.

use std::io;
use std::ptr;

use muster_model::certificate::CertificateStore;
use windows_sys::Win32::Security::Cryptography::{
    AT_KEYEXCHANGE, BCRYPT_RSA_ALGORITHM, CERT_X500_NAME_STR, CRYPT_ALGORITHM_IDENTIFIER, CRYPT_DELETEKEYSET,
    CRYPT_INTEGER_BLOB, CRYPT_KEY_PROV_INFO, CRYPT_MACHINE_KEYSET, CRYPT_NEWKEYSET,
    CertCreateSelfSignCertificate, CertStrToNameW, CryptAcquireContextW, CryptDestroyKey, CryptGenKey,
    CryptReleaseContext, MS_ENH_RSA_AES_PROV_W, MS_KEY_STORAGE_PROVIDER, NCRYPT_LENGTH_PROPERTY,
    NCRYPT_MACHINE_KEY_FLAG, NCRYPT_SILENT_FLAG, NCryptCreatePersistedKey, NCryptFinalizeKey,
    NCryptOpenStorageProvider, NCryptSetProperty, PROV_RSA_AES, X509_ASN_ENCODING, szOID_RSA_SHA256RSA,
};

use windows_sys::core::PCWSTR;

use super::super::text::{narrow_at, wide};
use super::imported::{self, Handle, hresult};
use super::store::{Context, KeyPlace, Store};
use crate::host::KeyKind;

/// Of a key.
const BITS: u32 = 2048;

/// Makes a certificate of that common name with a key of that kind, valid from now for a year, and gives its thumbprint.
pub(in super::super) fn make(name: &str, key: KeyKind) -> io::Result<String> {
    let certificate = match key {
        KeyKind::Capi => {
            let container = Container::make(name)?;
            container.generate()?;
            sign(name, container.0, (MS_ENH_RSA_AES_PROV_W, PROV_RSA_AES, AT_KEYEXCHANGE))?
        }
        KeyKind::Cng => sign(name, generate(name)?.0, (MS_KEY_STORAGE_PROVIDER, 0, 0))?,
    };
    Store::open_to_add(CertificateStore::My)?.add(&certificate)?;
    certificate.facts()?.map(|facts| facts.thumbprint).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Takes a key of CNG of exactly that name away. None is as good.
pub(in super::super) fn remove_cng(name: &str) -> io::Result<()> {
    // SAFETY: it is a constant text of Windows' own.
    let provider = unsafe { narrow_at(MS_KEY_STORAGE_PROVIDER) };
    match imported::delete(&KeyPlace { container: name.to_owned(), provider, kind: 0 }) {
        Err(error) if error.raw_os_error() == Some(imported::NO_KEY) => Ok(()),
        told => told,
    }
}

/// Takes certificates of exactly that common name, and nothing else in it, out of the store, and their key container away.
pub(in super::super) fn remove(name: &str) -> io::Result<()> {
    let (my, subject) = (CertificateStore::My, subject(name));
    if Store::open(my)?.is_some() {
        let store = Store::open_to_add(my)?;
        let its = |found: &Context| {
            let is_it = found.facts()?.is_some_and(|facts| facts.subject == subject);
            Ok(is_it.then(|| found.again()))
        };
        while let Some(found) = store.each(its)? {
            found.remove()?;
        }
        store.commit();
        drop(store);
        if Store::open(my)?.map(|store| store.each(its)).transpose()?.flatten().is_some() {
            return Err(io::Error::other("it is still in the store"));
        }
    }
    match acquire(name, CRYPT_DELETEKEYSET) {
        // What is deleted gives no handle.
        Ok(_) => Ok(()),
        Err(error) if error.raw_os_error() == Some(imported::NO_KEY) => Ok(()),
        Err(error) => Err(error),
    }
}

fn subject(name: &str) -> String {
    format!("CN={name}")
}

fn acquire(name: &str, flags: u32) -> io::Result<usize> {
    let (container, mut handle) = (wide(name), 0);
    let flags = flags | CRYPT_MACHINE_KEYSET;
    // SAFETY: both names end with a zero, and the handle is this function's own.
    truth(unsafe {
        CryptAcquireContextW(&mut handle, container.as_ptr(), MS_ENH_RSA_AES_PROV_W, PROV_RSA_AES, flags)
    })?;
    Ok(handle)
}

/// A key container of the machine, given back with this value.
struct Container(usize);

impl Container {
    fn make(name: &str) -> io::Result<Self> {
        acquire(name, CRYPT_NEWKEYSET).map(Self)
    }

    fn generate(&self) -> io::Result<()> {
        let mut key = 0;
        // SAFETY: the container is open, and the handle is this function's own; the bits are the upper half of the flags.
        truth(unsafe { CryptGenKey(self.0, AT_KEYEXCHANGE, BITS << 16, &mut key) })?;
        // SAFETY: the handle is open and is not used again; the key stays in its container.
        truth(unsafe { CryptDestroyKey(key) })
    }
}

/// A key of CNG of the machine.
fn generate(name: &str) -> io::Result<Handle> {
    let (name, mut provider, mut key) = (wide(name), Handle(0), Handle(0));
    // SAFETY: the provider's name is a constant, and the handle is this function's own.
    hresult(unsafe { NCryptOpenStorageProvider(&mut provider.0, MS_KEY_STORAGE_PROVIDER, 0) })?;
    // SAFETY: the provider is open, both names end with a zero, and the handle is this function's own.
    hresult(unsafe {
        NCryptCreatePersistedKey(
            provider.0,
            &mut key.0,
            BCRYPT_RSA_ALGORITHM,
            name.as_ptr(),
            0,
            NCRYPT_MACHINE_KEY_FLAG,
        )
    })?;
    let bits = BITS.to_le_bytes();
    // SAFETY: the key is open and not made yet; its length is a number of four bytes.
    hresult(unsafe {
        NCryptSetProperty(key.0, NCRYPT_LENGTH_PROPERTY, bits.as_ptr(), 4, NCRYPT_SILENT_FLAG)
    })?;
    // SAFETY: the key is open and not made yet.
    hresult(unsafe { NCryptFinalizeKey(key.0, NCRYPT_SILENT_FLAG) })?;
    Ok(key)
}

/// Signs a certificate with the key that is open, which that provider, of that kind and use, keeps under the name.
fn sign(name: &str, key: usize, (provider, kind, usage): (PCWSTR, u32, u32)) -> io::Result<Context> {
    let (mut container, mut encoded) = (wide(name), encode(&subject(name))?);
    let length = u32::try_from(encoded.len()).map_err(io::Error::other)?;
    let subject = CRYPT_INTEGER_BLOB { cbData: length, pbData: encoded.as_mut_ptr() };
    let place = CRYPT_KEY_PROV_INFO {
        pwszContainerName: container.as_mut_ptr(),
        pwszProvName: provider.cast_mut(),
        dwProvType: kind,
        dwFlags: CRYPT_MACHINE_KEYSET,
        cProvParam: 0,
        rgProvParam: ptr::null_mut(),
        dwKeySpec: usage,
    };
    let method = CRYPT_ALGORITHM_IDENTIFIER {
        pszObjId: szOID_RSA_SHA256RSA.cast_mut(),
        Parameters: CRYPT_INTEGER_BLOB::default(),
    };
    let (from, until) = (ptr::null(), ptr::null());
    // SAFETY: the key is open, all texts end with a zero and live until the call is done, the rest is left out.
    let made =
        unsafe { CertCreateSelfSignCertificate(key, &subject, 0, &place, &method, from, until, ptr::null()) };
    Context::given(made)
}

impl Drop for Container {
    fn drop(&mut self) {
        // SAFETY: the container is open, and this value alone gives it back.
        let released = unsafe { CryptReleaseContext(self.0, 0) };
        debug_assert!(released != 0, "a key container was not given back");
    }
}

/// A subject as certificates hold it.
fn encode(subject: &str) -> io::Result<Vec<u8>> {
    let (text, mut length) = (wide(subject), 0);
    let to = |bytes: *mut u8, length: &mut u32| {
        let (kind, none) = (CERT_X500_NAME_STR, ptr::null_mut());
        // SAFETY: the text ends with a zero; the buffer is as long as is passed, or null, and then only the length is told.
        truth(unsafe {
            CertStrToNameW(X509_ASN_ENCODING, text.as_ptr(), kind, ptr::null(), bytes, length, none)
        })
    };
    to(ptr::null_mut(), &mut length)?;
    let mut bytes = vec![0_u8; length as usize];
    to(bytes.as_mut_ptr(), &mut length)?;
    Ok(bytes)
}

fn truth(told: i32) -> io::Result<()> {
    if told == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
