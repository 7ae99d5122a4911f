//! The computer's own certificates, LocalMachine's Personal, and the rights on their private keys (G16).
//!
//! `store` is what is in it, `key` a certificate's private key, of whichever kind, `descriptor` how Windows keeps a key's access
//! list. A certificate has its key where the store says which provider holds it, which is what Windows' own console goes by.
//! Neighbours: `resource::certificate` chooses. Never removes or replaces a certificate, but for
//! those of a self-test (`stand_in`, `imported`), and touches no file of a key.

mod descriptor;
pub(super) mod imported;
mod key;
pub(super) mod stand_in;
mod store;

use std::io;

use muster_proto::secret::SecretValue;
use windows_sys::Win32::Foundation::ERROR_INVALID_PASSWORD;

use self::key::Key;
use self::store::Store;
use super::WindowsHost;
use super::account;
use super::acl::{Acl, Share};
use super::rights::{absolute, refused};
use super::sid::Sid;
use super::text::error_text;
use crate::host::{CertificateFacts, Certificates, Error, KeyAccess};

/// What "Read" and "Full control" give in Windows' console for the rights on keys.
const READ_MASK: u32 = 0x8012_0089;
const FULL_MASK: u32 = 0xd01f_01ff;
/// The same without the generic bits, which some providers resolve when they keep them.
const READ_RESOLVED: u32 = 0x0012_0089;
const FULL_RESOLVED: u32 = 0x001f_01ff;
const GENERIC_READ: u32 = 0x8000_0000;
const GENERIC_ALL: u32 = 0x1000_0000;

const IMPORT: &str = "import certificate from";
const LOOK: &str = "look at the key of certificate";
const GRANT: &str = "give a right on the key of certificate";
const REVOKE: &str = "take a right on the key of certificate";

impl Certificates for WindowsHost {
    fn all(&self) -> Result<Vec<CertificateFacts>, Error> {
        let unreachable =
            |error| Error::Unreachable { what: "the certificate store", message: error_text(&error) };
        let mut all = Vec::new();
        if let Some(store) = Store::open().map_err(unreachable)? {
            let collect = |found: &store::Context| {
                all.extend(found.facts()?);
                Ok(None::<()>)
            };
            store.each(collect).map_err(unreachable)?;
        }
        Ok(all)
    }

    fn import(&self, pfx: &str, password: Option<&SecretValue>) -> Result<(), Error> {
        let file = absolute(IMPORT, pfx)?;
        let failed = |error: io::Error| refused(IMPORT, pfx, error_text(&error));
        let mut bytes = std::fs::read(file).map_err(failed)?;
        let new = Store::of_pfx(&mut bytes, password.map(SecretValue::expose)).map_err(|error| {
            if error.raw_os_error() == Some(ERROR_INVALID_PASSWORD.cast_signed()) {
                let (file, message) = (pfx.to_owned(), error_text(&error));
                Error::Locked { file, is_given: password.is_some(), message }
            } else {
                failed(error)
            }
        })?;
        let own = Store::open_to_add().map_err(failed)?;
        let mut added = 0;
        // Those of authorities, without a key, are no business of this store.
        let add = |found: &store::Context| {
            if found.facts()?.is_some_and(|facts| facts.has_key) {
                own.add(found)?;
                added += 1;
            }
            Ok(None::<()>)
        };
        new.each(add).map_err(failed)?;
        if added == 0 {
            return Err(refused(IMPORT, pfx, "there is no certificate with its key in it"));
        }
        Ok(())
    }

    fn key_rights(&self, thumbprint: &str) -> Result<Vec<(String, KeyAccess)>, Error> {
        let failed = |error: io::Error| refused(LOOK, thumbprint, error_text(&error));
        let list = open(LOOK, thumbprint)?.access().map_err(failed)?.list;
        let held = list.shares().into_iter().filter_map(|share| Some((access(&share)?, share.sid)));
        held.map(|(access, sid)| Ok((account::name(&sid).map_err(failed)?, access))).collect()
    }

    fn grant_key(&self, thumbprint: &str, account: &str, access: KeyAccess) -> Result<(), Error> {
        let mask = if access == KeyAccess::Full { FULL_MASK } else { READ_MASK };
        change(GRANT, thumbprint, account, |list, sid| list.grant(sid, mask, 0))
    }

    fn revoke_key(&self, thumbprint: &str, account: &str) -> Result<(), Error> {
        change(REVOKE, thumbprint, account, |list, sid| {
            list.revoke(sid);
            Some(())
        })
    }
}

fn change(
    operation: &'static str,
    thumbprint: &str,
    account: &str,
    work: impl FnOnce(&mut Acl, &Sid) -> Option<()>,
) -> Result<(), Error> {
    let failed = |error: io::Error| refused(operation, thumbprint, error_text(&error));
    let sid = account::find(account).map_err(failed)?.ok_or_else(|| {
        refused(
            operation,
            thumbprint,
            format!("this server knows no account {account}; look for a typing error"),
        )
    })?;
    let key = open(operation, thumbprint)?;
    let mut access = key.access().map_err(failed)?;
    work(&mut access.list, &sid)
        .ok_or_else(|| refused(operation, thumbprint, "the account's identifier is too long"))?;
    key.set_access(&access).map_err(failed)
}

/// The key of the certificate with that thumbprint.
fn open(operation: &'static str, thumbprint: &str) -> Result<Key, Error> {
    let failed = |error: io::Error| refused(operation, thumbprint, error_text(&error));
    let absent = || Error::Absent { kind: "certificate", name: thumbprint.to_owned() };
    let store = Store::open().map_err(failed)?.ok_or_else(absent)?;
    let its_key = |found: &store::Context| {
        let is_it = found.facts()?.is_some_and(|facts| facts.thumbprint.eq_ignore_ascii_case(thumbprint));
        if is_it { Key::of(found).map(Some) } else { Ok(None) }
    };
    store.each(its_key).map_err(failed)?.ok_or_else(absent)
}

/// What a share comes to; none where it is not even enough to use the key.
fn access(share: &Share) -> Option<KeyAccess> {
    let resolved = |mask: u32| {
        let read = if mask & GENERIC_READ == 0 { 0 } else { READ_RESOLVED };
        let all = if mask & GENERIC_ALL == 0 { 0 } else { FULL_RESOLVED };
        mask | read | all
    };
    let held = resolved(share.allowed) & !resolved(share.denied);
    let covers = |mask: u32| held & mask == mask;
    match (covers(FULL_RESOLVED), covers(READ_RESOLVED)) {
        (true, _) => Some(KeyAccess::Full),
        (false, true) => Some(KeyAccess::Read),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn a_share_of_a_key_is_reading_all_or_not_enough() {
        let share =
            |allowed, denied| Share { sid: Sid::read("S-1-1-0").unwrap(), allowed, denied, spread: Some(0) };
        for (allowed, denied, wanted) in [
            (READ_MASK, 0, Some(KeyAccess::Read)),
            (READ_RESOLVED, 0, Some(KeyAccess::Read)),
            (GENERIC_READ, 0, Some(KeyAccess::Read)),
            (FULL_MASK, 0, Some(KeyAccess::Full)),
            (FULL_RESOLVED, 0, Some(KeyAccess::Full)),
            (GENERIC_ALL, 0, Some(KeyAccess::Full)),
            (FULL_MASK, 0x2, Some(KeyAccess::Read)),
            (FULL_MASK, GENERIC_READ, None),
            (0x1, 0, None),
        ] {
            assert_eq!(access(&share(allowed, denied)), wanted, "{allowed:#x} but {denied:#x}");
        }
    }

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

    /// What Wine keeps of a key in its store is not seen; that the certificate is there and others are left, is.
    #[test]
    #[ignore = "needs the certificates that tests/windows/run installs"]
    fn a_pfx_without_a_password_is_imported_once() {
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        let before = host.all().unwrap();
        host.import(r"C:\windows\temp\muster-story.pfx", None).unwrap();
        let mut after = host.all().unwrap();
        after.retain(|found| !before.contains(found));
        let [new] = &after[..] else { panic!("{after:?}") };
        assert!(new.has_key && new.subject == "CN=pfx.muster.example", "{new:?}");
        let told = host.import(r"C:\windows\temp\muster-story.pfx", None).unwrap_err().to_string();
        assert!(told.contains("failed: error 0x80092005: "), "once: {told}");
    }

    /// Windows' word for a password that does not open it is 86. Wine 8 asks GnuTLS, and says nothing of what that said.
    #[test]
    #[ignore = "needs the certificates that tests/windows/run installs"]
    fn a_pfx_with_a_password_is_imported_with_that_password_alone() {
        const FILE: &str = r"C:\windows\temp\muster-story-locked.pfx";
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        let password = |text: &str| SecretValue::new(Zeroizing::new(text.to_owned()));
        let before = host.all().unwrap();
        for wrong in [None, Some(password("")), Some(password("finkenschl@g 7"))] {
            let told = host.import(FILE, wrong.as_ref()).unwrap_err();
            let is_wine = told.to_string().ends_with(store::UNSAID);
            assert!(is_wine || matches!(told, Error::Locked { .. }), "{told}");
            assert_eq!(host.all().unwrap(), before);
        }
        host.import(FILE, Some(&password("Finkenschl@g 7"))).unwrap();
        let mut after = host.all().unwrap();
        after.retain(|found| !before.contains(found));
        let [new] = &after[..] else { panic!("{after:?}") };
        assert!(new.has_key && new.subject == "CN=locked.muster.example", "{new:?}");
    }

    /// But for a file that is there and is none: Wine 8 has no code for it.
    #[test]
    fn what_is_no_pfx_says_so_with_its_code() {
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        for (path, code) in
            [(r"C:\nothing.pfx", "error 2: "), (r"C:\windows\win.ini", "error "), ("a.pfx", "error 123: ")]
        {
            let told = host.import(path, None).unwrap_err().to_string();
            let is_wine = path.ends_with("win.ini") && told.ends_with(store::UNSAID);
            assert!(is_wine || told.contains(&format!("{path} failed: {code}")), "{told}");
        }
    }
}
