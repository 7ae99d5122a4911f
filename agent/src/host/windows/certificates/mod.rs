//! The computer's own certificates: what is in LocalMachine, Personal.
//!
//! Neighbours: `resource::certificate` chooses. A certificate has its key where the store says which provider holds it, which is
//! what Windows' own console goes by. Importing, and rights on keys, Muster cannot do here yet. Never changes the store.

use std::io;
use std::ptr;

use jiff::Timestamp;
use windows_sys::Win32::Foundation::{CRYPT_E_NOT_FOUND, ERROR_FILE_NOT_FOUND};
use windows_sys::Win32::Security::Cryptography::{
    CERT_CONTEXT, CERT_INFO, CERT_KEY_PROV_INFO_PROP_ID, CERT_NAME_STR_REVERSE_FLAG, CERT_SHA1_HASH_PROP_ID,
    CERT_STORE_OPEN_EXISTING_FLAG, CERT_STORE_PROV_SYSTEM_W, CERT_STORE_READONLY_FLAG,
    CERT_SYSTEM_STORE_LOCAL_MACHINE, CERT_X500_NAME_STR, CertCloseStore, CertEnumCertificatesInStore,
    CertFreeCertificateContext, CertGetCertificateContextProperty, CertNameToStrW, CertOpenStore, HCERTSTORE,
    X509_ASN_ENCODING,
};

use super::WindowsHost;
use super::missing::missing;
use super::text::{error_text, narrow, wide};
use crate::host::{CertificateFacts, Certificates, Error, KeyAccess};

/// Personal.
const STORE: &str = "MY";
/// From 1601 to 1970, in units of 100 ns.
const UNIX_EPOCH: i64 = 116_444_736_000_000_000;
const UNITS_OF_SECOND: i64 = 10_000_000;

impl Certificates for WindowsHost {
    fn all(&self) -> Result<Vec<CertificateFacts>, Error> {
        let unreachable = |message| Error::Unreachable { what: "the certificate store", message };
        let Some(store) = Store::open().map_err(|error| unreachable(error_text(&error)))? else {
            return Ok(Vec::new());
        };
        store.all().map_err(|error| unreachable(error_text(&error)))
    }

    fn import(&self, _pfx: &str) -> Result<(), Error> {
        missing("the certificate store")
    }

    fn key_rights(&self, _thumbprint: &str) -> Result<Vec<(String, KeyAccess)>, Error> {
        missing("the certificate store")
    }

    fn grant_key(&self, _thumbprint: &str, _account: &str, _access: KeyAccess) -> Result<(), Error> {
        missing("the certificate store")
    }

    fn revoke_key(&self, _thumbprint: &str, _account: &str) -> Result<(), Error> {
        missing("the certificate store")
    }
}

/// The store, open for reading.
struct Store(HCERTSTORE);

impl Store {
    /// None where nobody ever put a certificate into it.
    fn open() -> io::Result<Option<Self>> {
        let name = wide(STORE);
        let flags =
            CERT_SYSTEM_STORE_LOCAL_MACHINE | CERT_STORE_OPEN_EXISTING_FLAG | CERT_STORE_READONLY_FLAG;
        // SAFETY: the name ends with a zero.
        let store = unsafe { CertOpenStore(CERT_STORE_PROV_SYSTEM_W, 0, 0, flags, name.as_ptr().cast()) };
        if !store.is_null() {
            return Ok(Some(Self(store)));
        }
        let error = io::Error::last_os_error();
        let is_absent = error.raw_os_error() == Some(ERROR_FILE_NOT_FOUND.cast_signed());
        if is_absent { Ok(None) } else { Err(error) }
    }

    fn all(&self) -> io::Result<Vec<CertificateFacts>> {
        let (mut all, mut at) = (Vec::new(), Context(ptr::null_mut()));
        loop {
            // SAFETY: the store is open; the context before is given back by this call, and by nobody else.
            let next = unsafe { CertEnumCertificatesInStore(self.0, at.release()) };
            at = Context(next);
            if next.is_null() {
                return Ok(all);
            }
            all.extend(at.facts()?);
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

/// A certificate of the store, given back with this value.
struct Context(*mut CERT_CONTEXT);

impl Context {
    /// Leaves it to a call that gives it back.
    fn release(&mut self) -> *mut CERT_CONTEXT {
        std::mem::replace(&mut self.0, ptr::null_mut())
    }

    /// None where its end is no time.
    fn facts(&self) -> io::Result<Option<CertificateFacts>> {
        // SAFETY: the context is alive, and so is what it points to.
        let context = unsafe { &*self.0 };
        // SAFETY: every context has its information.
        let info: &CERT_INFO = unsafe { &*context.pCertInfo };
        let end = info.NotAfter;
        let end = i64::from(end.dwHighDateTime) << 32 | i64::from(end.dwLowDateTime);
        let Ok(not_after) = Timestamp::from_second((end - UNIX_EPOCH).div_euclid(UNITS_OF_SECOND)) else {
            return Ok(None);
        };
        let hash = self.property(CERT_SHA1_HASH_PROP_ID)?.unwrap_or_default();
        Ok(Some(CertificateFacts {
            thumbprint: hash.iter().map(|byte| format!("{byte:02X}")).collect(),
            subject: subject(info),
            not_after,
            has_key: self.property(CERT_KEY_PROV_INFO_PROP_ID)?.is_some(),
        }))
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

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: this value alone gives it back; null is nothing.
        let freed = unsafe { CertFreeCertificateContext(self.0) };
        debug_assert!(freed != 0, "a certificate was not given back");
    }
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Put into the store by `tests/windows/run iis`, from `tests/windows/certificates.reg`.
    #[test]
    #[ignore = "needs the certificates that tests/windows/run installs"]
    fn the_computer_s_own_certificates_are_seen_with_subject_end_and_key() {
        let all = WindowsHost::new(Path::new(r"C:\logs")).all().unwrap();
        let named = |subject: &str| all.iter().find(|found| found.subject == subject).unwrap();
        let found = named("CN=sxa.dupont.example, O=Dupont");
        assert_eq!(found.thumbprint.len(), 40);
        assert!(found.has_key && !named("CN=keyless.example").has_key);
        let year: i16 = found.not_after.strftime("%Y").to_string().parse().unwrap();
        assert!(year > 2120, "{}", found.not_after);
    }
}
