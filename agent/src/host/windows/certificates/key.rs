//! The private key of a certificate, in the machine's key store: of CNG, or of the older CAPI.
//!
//! Neighbours: `store` has the certificate, `descriptor` is what the key's provider gives. Never uses the key, and asks nobody.

use std::io;
use std::ptr;

use windows_sys::Win32::Security::Cryptography::{
    CERT_NCRYPT_KEY_SPEC, CRYPT_ACQUIRE_ALLOW_NCRYPT_KEY_FLAG, CRYPT_ACQUIRE_SILENT_FLAG,
    CryptAcquireCertificatePrivateKey, CryptGetProvParam, CryptReleaseContext, CryptSetProvParam,
    NCRYPT_SECURITY_DESCR_PROPERTY, NCRYPT_SILENT_FLAG, NCryptFreeObject, NCryptGetProperty,
    NCryptSetProperty, PP_KEYSET_SEC_DESCR,
};
use windows_sys::Win32::Security::DACL_SECURITY_INFORMATION;

use super::descriptor::KeyProtection;
use super::store::Context;

/// A key, open.
#[derive(Debug)]
pub(super) struct Key {
    handle: usize,
    kind: Kind,
    /// Whether it is this value's to give back.
    is_own: bool,
}

/// Whose functions it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cng,
    Capi,
}

impl Key {
    /// Opens the key of a certificate.
    pub(super) fn of(certificate: &Context) -> io::Result<Self> {
        let flags = CRYPT_ACQUIRE_SILENT_FLAG | CRYPT_ACQUIRE_ALLOW_NCRYPT_KEY_FLAG;
        let (mut handle, mut spec, mut is_own) = (0, 0, 0);
        // SAFETY: the certificate is alive, and the rest is this function's own.
        let opened = unsafe {
            CryptAcquireCertificatePrivateKey(
                certificate.pointer(),
                flags,
                ptr::null(),
                &mut handle,
                &mut spec,
                &mut is_own,
            )
        };
        if opened == 0 {
            return Err(io::Error::last_os_error());
        }
        let kind = if spec == CERT_NCRYPT_KEY_SPEC { Kind::Cng } else { Kind::Capi };
        Ok(Self { handle, kind, is_own: is_own != 0 })
    }

    /// Who may do what with it.
    pub(super) fn access(&self) -> io::Result<KeyProtection> {
        let mut length = 0;
        self.read(&mut [], &mut length)?;
        let mut bytes = vec![0_u8; length as usize];
        self.read(&mut bytes, &mut length)?;
        KeyProtection::parse(&bytes).ok_or_else(|| io::Error::other("the key's access list cannot be read"))
    }

    /// Reads the descriptor, or only its length where there is no room.
    fn read(&self, room: &mut [u8], length: &mut u32) -> io::Result<()> {
        *length = u32::try_from(room.len()).unwrap_or(u32::MAX);
        let at = if room.is_empty() { ptr::null_mut() } else { room.as_mut_ptr() };
        match self.kind {
            Kind::Cng => {
                let size = *length;
                let what = DACL_SECURITY_INFORMATION | NCRYPT_SILENT_FLAG;
                // SAFETY: the key is open, and the room is as long as is said.
                hresult(unsafe {
                    NCryptGetProperty(self.handle, NCRYPT_SECURITY_DESCR_PROPERTY, at, size, length, what)
                })
            }
            Kind::Capi => {
                // SAFETY: as above.
                truth(unsafe {
                    CryptGetProvParam(self.handle, PP_KEYSET_SEC_DESCR, at, length, DACL_SECURITY_INFORMATION)
                })
            }
        }
    }

    /// Puts a list in the place of the key's.
    pub(super) fn set_access(&self, access: &KeyProtection) -> io::Result<()> {
        let words = access.words().ok_or_else(|| io::Error::other("the access list is too long"))?;
        let (at, size) = (words.as_ptr().cast::<u8>(), size_of_val(words.as_slice()));
        match self.kind {
            Kind::Cng => {
                let size = u32::try_from(size).map_err(io::Error::other)?;
                let what = DACL_SECURITY_INFORMATION | NCRYPT_SILENT_FLAG;
                // SAFETY: the key is open; the descriptor is whole, aligned, and outlives the call.
                hresult(unsafe {
                    NCryptSetProperty(self.handle, NCRYPT_SECURITY_DESCR_PROPERTY, at, size, what)
                })
            }
            Kind::Capi => {
                // SAFETY: as above.
                truth(unsafe {
                    CryptSetProvParam(self.handle, PP_KEYSET_SEC_DESCR, at, DACL_SECURITY_INFORMATION)
                })
            }
        }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        let closed = match (self.is_own, self.kind) {
            (false, _) => Ok(()),
            // SAFETY: the key is open, and this value alone gives it back.
            (true, Kind::Cng) => hresult(unsafe { NCryptFreeObject(self.handle) }),
            // SAFETY: as above.
            (true, Kind::Capi) => truth(unsafe { CryptReleaseContext(self.handle, 0) }),
        };
        debug_assert!(closed.is_ok(), "a key was not given back: {closed:?}");
    }
}

fn hresult(told: i32) -> io::Result<()> {
    if told < 0 { Err(io::Error::from_raw_os_error(told)) } else { Ok(()) }
}

fn truth(told: i32) -> io::Result<()> {
    if told == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use windows_sys::Win32::Security::Cryptography::{
        BCRYPT_RSA_ALGORITHM, CRYPT_DELETEKEYSET, CRYPT_MACHINE_KEYSET, CRYPT_NEWKEYSET,
        CryptAcquireContextW, MS_KEY_STORAGE_PROVIDER, NCryptCreatePersistedKey, NCryptFinalizeKey,
        NCryptOpenStorageProvider, PROV_RSA_FULL,
    };

    use super::super::super::acl::Acl;
    use super::super::super::sid::Sid;
    use super::super::super::text::wide;
    use super::*;

    /// A key container of the machine, as an old installer makes one.
    fn container(flags: u32) -> io::Result<usize> {
        let (name, mut handle) = (wide("muster-story"), 0);
        let flags = flags | CRYPT_MACHINE_KEYSET;
        // SAFETY: the name ends with a zero, and the handle is this function's own.
        truth(unsafe {
            CryptAcquireContextW(&mut handle, name.as_ptr(), ptr::null(), PROV_RSA_FULL, flags)
        })?;
        Ok(handle)
    }

    /// Wine gives the list of a machine's key, and looks for it in the user's when it is set: only reading can be shown.
    #[test]
    fn the_access_list_of_a_capi_key_is_read() {
        // One that a story before has left goes first.
        drop(container(CRYPT_DELETEKEYSET));
        let key = Key { handle: container(CRYPT_NEWKEYSET).unwrap(), kind: Kind::Capi, is_own: true };
        let administrators = Sid::read("S-1-5-32-544").unwrap();
        let shares = key.access().unwrap().list.shares();
        assert!(shares.iter().any(|share| share.sid == administrators && share.denied == 0), "{shares:?}");
        drop(key);
        drop(container(CRYPT_DELETEKEYSET));
    }

    /// A key of CNG that has no name, open.
    fn of_cng() -> Key {
        let (mut provider, mut handle) = (0, 0);
        // SAFETY: the name is a constant, and the handle is this function's own.
        hresult(unsafe { NCryptOpenStorageProvider(&mut provider, MS_KEY_STORAGE_PROVIDER, 0) }).unwrap();
        // SAFETY: the provider is open; a key without a name has none.
        hresult(unsafe {
            NCryptCreatePersistedKey(provider, &mut handle, BCRYPT_RSA_ALGORITHM, ptr::null(), 0, 0)
        })
        .unwrap();
        // SAFETY: the key is open and not made yet.
        hresult(unsafe { NCryptFinalizeKey(handle, 0) }).unwrap();
        // SAFETY: the provider is open and is not used again.
        hresult(unsafe { NCryptFreeObject(provider) }).unwrap();
        Key { handle, kind: Kind::Cng, is_own: true }
    }

    /// Wine's keys of CNG have no list before one is set, and then say what was set; Windows adds what it inherits.
    #[test]
    fn the_access_list_of_a_cng_key_is_set_and_read() {
        let key = of_cng();
        for (sid, apart) in [("S-1-5-32-544", true), ("S-1-5-18", false)] {
            let mut list = Acl::empty();
            list.grant(&Sid::read(sid).unwrap(), 0x0012_0089, 0).unwrap();
            let wanted = KeyProtection { list, apart };
            key.set_access(&wanted).unwrap();
            assert_eq!(key.access().unwrap(), wanted);
        }
    }
}
