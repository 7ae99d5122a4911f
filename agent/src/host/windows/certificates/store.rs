//! A store itself, one of LocalMachine's, and the certificates in it.
//!
//! Neighbours: the port reads and adds, `key` opens a certificate's key, `stand_in` makes a self-test's own and
//! removes it. Never removes or replaces another.

use std::io;
use std::ptr;

use jiff::Timestamp;
use muster_model::certificate::CertificateStore;
use windows_sys::Win32::Foundation::{CRYPT_E_NOT_FOUND, ERROR_FILE_NOT_FOUND, FILETIME};
use windows_sys::Win32::Security::Cryptography::{
    CERT_CONTEXT, CERT_INFO, CERT_KEY_CONTEXT_PROP_ID, CERT_KEY_PROV_INFO_PROP_ID,
    CERT_NAME_STR_REVERSE_FLAG, CERT_OPEN_STORE_FLAGS, CERT_SHA1_HASH_PROP_ID, CERT_STORE_ADD_NEW,
    CERT_STORE_CTRL_COMMIT, CERT_STORE_OPEN_EXISTING_FLAG, CERT_STORE_PROV_SYSTEM_W,
    CERT_STORE_READONLY_FLAG, CERT_SYSTEM_STORE_LOCAL_MACHINE, CERT_X500_NAME_STR, CRYPT_INTEGER_BLOB,
    CRYPT_KEY_PROV_INFO, CRYPT_MACHINE_KEYSET, CertAddCertificateContextToStore, CertCloseStore,
    CertControlStore, CertCreateCertificateContext, CertDeleteCertificateFromStore,
    CertDuplicateCertificateContext, CertEnumCertificatesInStore, CertFreeCertificateContext,
    CertGetCertificateContextProperty, CertNameToStrW, CertOpenStore, HCERTSTORE, PFXImportCertStore,
    PKCS12_NO_PERSIST_KEY, X509_ASN_ENCODING,
};

use zeroize::Zeroizing;

use super::super::text::{narrow, wide};
use crate::host::CertificateFacts;

/// From 1601 to 1970, in units of 100 ns.
const UNIX_EPOCH: i64 = 116_444_736_000_000_000;
const UNITS_OF_SECOND: i64 = 10_000_000;

/// For the error that has no code.
pub(super) const UNSAID: &str = "it does not open, and nothing says why; its password may be another";

/// Where the keys of a PFX file go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// Nowhere: they are gone with the store that is in memory.
    InMemory,
    /// Into the machine's key store, at once.
    OfMachine,
}

/// A store, open.
pub(super) struct Store(HCERTSTORE);

impl Store {
    /// Opens one for reading; none where nobody ever put a certificate into it.
    pub(super) fn open(store: CertificateStore) -> io::Result<Option<Self>> {
        match Self::system(store, CERT_STORE_OPEN_EXISTING_FLAG | CERT_STORE_READONLY_FLAG) {
            Err(error) if error.raw_os_error() == Some(ERROR_FILE_NOT_FOUND.cast_signed()) => Ok(None),
            told => told.map(Some),
        }
    }

    /// Opens one for writing.
    pub(super) fn open_to_add(store: CertificateStore) -> io::Result<Self> {
        Self::system(store, 0)
    }

    fn system(store: CertificateStore, flags: CERT_OPEN_STORE_FLAGS) -> io::Result<Self> {
        let name = wide(store.windows_name());
        let flags = flags | CERT_SYSTEM_STORE_LOCAL_MACHINE;
        // SAFETY: the name ends with a zero.
        Self::given(unsafe { CertOpenStore(CERT_STORE_PROV_SYSTEM_W, 0, 0, flags, name.as_ptr().cast()) })
    }

    /// What is in a PFX file, in memory, with its keys where is said, not to be taken out again. With another password than
    /// the file's Windows says [`ERROR_INVALID_PASSWORD`] and puts nothing there.
    ///
    /// [`ERROR_INVALID_PASSWORD`]: https://learn.microsoft.com/en-us/windows/win32/api/wincrypt/nf-wincrypt-pfximportcertstore
    pub(super) fn of_pfx(bytes: &mut [u8], password: Option<&str>, keys: Keys) -> io::Result<Self> {
        let flags = match keys {
            Keys::InMemory => CRYPT_MACHINE_KEYSET | PKCS12_NO_PERSIST_KEY,
            Keys::OfMachine => CRYPT_MACHINE_KEYSET,
        };
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let file = CRYPT_INTEGER_BLOB { cbData: length, pbData: bytes.as_mut_ptr() };
        let text = Zeroizing::new(wide(password.unwrap_or_default()));
        // SAFETY: the bytes are alive and as long as is said, and the password ends with a zero.
        let store = Self::opened(unsafe { PFXImportCertStore(&file, text.as_ptr(), flags) });
        if store.is_ok() || password.is_some() {
            return store;
        }
        // Some programs write "no password" as an empty one, and some as none.
        // SAFETY: as above, and null is no password.
        Self::opened(unsafe { PFXImportCertStore(&file, ptr::null(), flags) })
    }

    /// Wine 8 says nothing of why a file does not open.
    fn opened(store: HCERTSTORE) -> io::Result<Self> {
        Self::given(store).map_err(|error| match error.raw_os_error() {
            Some(0) => io::Error::other(UNSAID),
            _ => error,
        })
    }

    fn given(store: HCERTSTORE) -> io::Result<Self> {
        if store.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(store)) }
    }

    /// Adds a certificate, which must not be there yet, with all that is kept beside it.
    pub(super) fn add(&self, certificate: &Context) -> io::Result<()> {
        // SAFETY: store and certificate are alive; nothing is asked back.
        let added = unsafe {
            CertAddCertificateContextToStore(self.0, certificate.0, CERT_STORE_ADD_NEW, ptr::null_mut())
        };
        if added == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Has changes kept before the store is closed, where it keeps them later. Whether it did is seen when it is opened anew.
    pub(super) fn commit(&self) {
        // SAFETY: the store is open; nothing else is asked for.
        let kept = unsafe { CertControlStore(self.0, 0, CERT_STORE_CTRL_COMMIT, ptr::null()) };
        tracing::trace!(kept = kept != 0, "the certificate store was told to keep its changes");
    }

    /// All that is in it.
    pub(super) fn facts(&self) -> io::Result<Vec<CertificateFacts>> {
        let mut all = Vec::new();
        self.each(|found| {
            all.extend(found.facts()?);
            Ok(None::<()>)
        })?;
        Ok(all)
    }

    /// Looks at each certificate until there is an answer.
    pub(super) fn each<T>(
        &self,
        mut look: impl FnMut(&Context) -> io::Result<Option<T>>,
    ) -> io::Result<Option<T>> {
        let mut at = Context(ptr::null_mut());
        loop {
            // SAFETY: the store is open; the context before is given back by this call, and by nobody else.
            let next = unsafe { CertEnumCertificatesInStore(self.0, at.release()) };
            at = Context(next);
            if next.is_null() {
                return Ok(None);
            }
            if let Some(answer) = look(&at)? {
                return Ok(Some(answer));
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: the store is open, and this value alone closes it.
        let closed = unsafe { CertCloseStore(self.0, 0) };
        debug_assert!(closed != 0, "a certificate store was not closed");
    }
}

/// A certificate of a store, given back with this value.
pub(super) struct Context(*mut CERT_CONTEXT);

impl Context {
    /// What a call made.
    pub(super) fn given(made: *mut CERT_CONTEXT) -> io::Result<Self> {
        if made.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(made)) }
    }

    /// A certificate as it is encoded, of no store.
    pub(super) fn of(encoded: &[u8]) -> io::Result<Self> {
        let length = u32::try_from(encoded.len()).map_err(io::Error::other)?;
        // SAFETY: the bytes are alive and as many as is said; they are copied.
        Self::given(unsafe { CertCreateCertificateContext(X509_ASN_ENCODING, encoded.as_ptr(), length) })
    }

    /// The same certificate, held once more.
    pub(super) fn again(&self) -> Self {
        // SAFETY: the context is alive; it is counted once more, and given back as often.
        Self(unsafe { CertDuplicateCertificateContext(self.0) })
    }

    /// Takes it out of its store.
    pub(super) fn remove(mut self) -> io::Result<()> {
        // SAFETY: the context is alive, and is given back by this call, whatever it answers.
        let removed = unsafe { CertDeleteCertificateFromStore(self.release()) };
        if removed == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Leaves it to a call that gives it back.
    fn release(&mut self) -> *mut CERT_CONTEXT {
        std::mem::replace(&mut self.0, ptr::null_mut())
    }

    /// For the functions that want one; it lives no longer than this value.
    pub(super) fn pointer(&self) -> *const CERT_CONTEXT {
        self.0
    }

    /// Where its key lies in the machine's key store; none where the store knows of none there.
    pub(super) fn key_place(&self) -> io::Result<Option<KeyPlace>> {
        let Some(bytes) = self.property(CERT_KEY_PROV_INFO_PROP_ID)? else { return Ok(None) };
        if bytes.len() < size_of::<CRYPT_KEY_PROV_INFO>() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        // SAFETY: it is what the property begins with, and the bytes are as many.
        let info = unsafe { bytes.as_ptr().cast::<CRYPT_KEY_PROV_INFO>().read_unaligned() };
        // Its texts lie behind it, in the same bytes.
        let text = |start: *const u16| {
            let at = start.addr().checked_sub(bytes.as_ptr().addr())?;
            let units = bytes.get(at..)?.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
            Some(narrow(&units.collect::<Vec<_>>())).filter(|text| !text.is_empty())
        };
        if info.dwFlags & CRYPT_MACHINE_KEYSET == 0 {
            return Ok(None);
        }
        let named = text(info.pwszContainerName).zip(text(info.pwszProvName));
        Ok(named.map(|(container, provider)| KeyPlace { container, provider, kind: info.dwProvType }))
    }

    /// None where its beginning or its end is no time, or nothing tells it from others.
    pub(super) fn facts(&self) -> io::Result<Option<CertificateFacts>> {
        // SAFETY: the context is alive, and so is what it points to.
        let context = unsafe { &*self.0 };
        // SAFETY: every context has its information.
        let info: &CERT_INFO = unsafe { &*context.pCertInfo };
        let (Some(not_before), Some(not_after)) = (time(info.NotBefore), time(info.NotAfter)) else {
            return Ok(None);
        };
        let Some(hash) = self.property(CERT_SHA1_HASH_PROP_ID)? else { return Ok(None) };
        Ok(Some(CertificateFacts {
            thumbprint: hash.iter().map(|byte| format!("{byte:02X}")).collect(),
            subject: subject(info),
            not_before,
            not_after,
            has_key: self.has_key()?,
        }))
    }

    /// Whether the key store holds its key, or memory does (`PKCS12_NO_PERSIST_KEY`).
    fn has_key(&self) -> io::Result<bool> {
        let kept = self.property(CERT_KEY_PROV_INFO_PROP_ID)?.is_some();
        Ok(kept || self.property(CERT_KEY_CONTEXT_PROP_ID)?.is_some())
    }

    /// What the store keeps beside the certificate; none where it keeps no such thing.
    fn property(&self, id: u32) -> io::Result<Option<Vec<u8>>> {
        let mut length = 0;
        // SAFETY: the context is alive; without a buffer only the length is told.
        let told = unsafe { CertGetCertificateContextProperty(self.0, id, ptr::null_mut(), &mut length) };
        if told == 0 {
            let error = io::Error::last_os_error();
            return if error.raw_os_error() == Some(CRYPT_E_NOT_FOUND) { Ok(None) } else { Err(error) };
        }
        let mut bytes = vec![0_u8; length as usize];
        // SAFETY: the context is alive, and the buffer as long as was told.
        let told =
            unsafe { CertGetCertificateContextProperty(self.0, id, bytes.as_mut_ptr().cast(), &mut length) };
        if told == 0 { Err(io::Error::last_os_error()) } else { Ok(Some(bytes)) }
    }
}

/// A key of the machine's key store.
pub(super) struct KeyPlace {
    pub(super) container: String,
    pub(super) provider: String,
    /// The kind of a provider of CAPI; 0 is one of CNG.
    pub(super) kind: u32,
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: this value alone gives it back; null is nothing.
        let freed = unsafe { CertFreeCertificateContext(self.0) };
        debug_assert!(freed != 0, "a certificate was not given back");
    }
}

fn time(windows: FILETIME) -> Option<Timestamp> {
    let units = i64::from(windows.dwHighDateTime) << 32 | i64::from(windows.dwLowDateTime);
    Timestamp::from_second((units - UNIX_EPOCH).div_euclid(UNITS_OF_SECOND)).ok()
}

/// The subject as Windows shows it, the common name first.
fn subject(info: &CERT_INFO) -> String {
    let kind = CERT_X500_NAME_STR | CERT_NAME_STR_REVERSE_FLAG;
    // SAFETY: the name lies in the certificate, which is alive; without a buffer only the length is told.
    let units = unsafe { CertNameToStrW(X509_ASN_ENCODING, &info.Subject, kind, ptr::null_mut(), 0) };
    let mut text = vec![0_u16; units as usize];
    // SAFETY: as above, and the buffer is as long as is passed.
    unsafe { CertNameToStrW(X509_ASN_ENCODING, &info.Subject, kind, text.as_mut_ptr(), units) };
    narrow(&text)
}
