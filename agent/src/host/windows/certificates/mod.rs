//! The computer's certificates, LocalMachine's stores, and the rights on their private keys (G16).
//!
//! `store` is one of them with what is in it, `file` what lies in a file of public certificates, `key` a certificate's
//! private key, of whichever kind, `descriptor` how Windows keeps a key's access list. A certificate has its key where the
//! store says which provider holds it, which is what Windows' own console goes by. Neighbours: `resource::certificate`
//! chooses. Never removes or replaces a certificate, but for those of a self-test (`stand_in`, `imported`), and touches no
//! file of a key.

mod descriptor;
mod file;
pub(super) mod imported;
mod key;
pub(super) mod stand_in;
mod store;

use std::io;

use muster_model::certificate::{CertificateName, CertificateStore};
use muster_proto::secret::SecretValue;
use windows_sys::Win32::Foundation::{CRYPT_E_EXISTS, ERROR_INVALID_PASSWORD};
use zeroize::Zeroizing;

use self::key::Key;
use self::store::{Context, Keys, Store};
use super::WindowsHost;
use super::account;
use super::acl::{Acl, Share};
use super::rights::{absolute, refused};
use super::sid::Sid;
use super::text::error_text;
use crate::host::{CertificateFacts, Certificates, Error, KeyAccess, KeyOf, meant};

/// What "Read" and "Full control" give in Windows' console for the rights on keys.
const READ_MASK: u32 = 0x8012_0089;
const FULL_MASK: u32 = 0xd01f_01ff;
/// The same without the generic bits, which some providers resolve when they keep them.
const READ_RESOLVED: u32 = 0x0012_0089;
const FULL_RESOLVED: u32 = 0x001f_01ff;
const GENERIC_READ: u32 = 0x8000_0000;
const GENERIC_ALL: u32 = 0x1000_0000;

const IMPORT: &str = "import certificate from";
const NO_KEY_IN_IT: &str = "there is no certificate with its key in it";
const LOOK_AT_ALL: &str = "the certificate store";
const LOOK: &str = "look at the key of certificate";
const GRANT: &str = "give a right on the key of certificate";
const REVOKE: &str = "take a right on the key of certificate";

impl Certificates for WindowsHost {
    fn all(&self, store: CertificateStore) -> Result<Vec<CertificateFacts>, Error> {
        let unreachable = |error| Error::Unreachable { what: LOOK_AT_ALL, message: error_text(&error) };
        match Store::open(store).map_err(unreachable)? {
            Some(store) => store.facts().map_err(unreachable),
            None => Ok(Vec::new()),
        }
    }

    fn import(&self, name: &CertificateName, pfx: &str, password: Option<&SecretValue>) -> Result<(), Error> {
        let path = absolute(IMPORT, pfx)?;
        let failed = |error: io::Error| refused(IMPORT, pfx, error_text(&error));
        let mut bytes = Zeroizing::new(std::fs::read(path).map_err(failed)?);
        let mut open = |keys| {
            Store::of_pfx(&mut bytes, password.map(SecretValue::expose), keys).map_err(|error| {
                if error.raw_os_error() == Some(ERROR_INVALID_PASSWORD.cast_signed()) {
                    let (file, message) = (pfx.to_owned(), error_text(&error));
                    Error::Locked { file, is_given: password.is_some(), message }
                } else {
                    failed(error)
                }
            })
        };
        // Looked at first, so that no key stays behind of a file that is not imported after all.
        let seen = open(Keys::InMemory)?.facts().map_err(failed)?;
        let thumbprint = importable(name, &seen).map_err(|message| refused(IMPORT, pfx, message))?;
        self.must_be_new(name.store, &thumbprint, pfx)?;
        let new = open(Keys::OfMachine)?;
        let own = Store::open_to_add(name.store).map_err(failed)?;
        // Those of authorities are no business of this store.
        let add = |found: &Context| match found.facts()? {
            Some(facts) if facts.has_key && facts.thumbprint == thumbprint => own.add(found).map(Some),
            _ => Ok(None),
        };
        new.each(add).map_err(failed)?.ok_or_else(|| refused(IMPORT, pfx, NO_KEY_IN_IT))
    }

    fn add(&self, name: &CertificateName, file: &str) -> Result<(), Error> {
        let path = absolute(IMPORT, file)?;
        let failed = |error: io::Error| refused(IMPORT, file, error_text(&error));
        let bytes = std::fs::read(path).map_err(failed)?;
        let mut all = Vec::new();
        for encoded in file::encoded(&bytes).map_err(|message| refused(IMPORT, file, message))? {
            let certificate = Context::of(&encoded).map_err(failed)?;
            if let Some(facts) = certificate.facts().map_err(failed)? {
                all.push((certificate, facts));
            }
        }
        let certificate = meant(name, all).map_err(|message| refused(IMPORT, file, message))?;
        if let Some(facts) = certificate.facts().map_err(failed)? {
            self.must_be_new(name.store, &facts.thumbprint, file)?;
        }
        Store::open_to_add(name.store).and_then(|store| store.add(&certificate)).map_err(failed)
    }

    fn key_rights(&self, key: KeyOf<'_>) -> Result<Vec<(String, KeyAccess)>, Error> {
        let failed = |error: io::Error| refused(LOOK, key.thumbprint, error_text(&error));
        let list = open(LOOK, key)?.access().map_err(failed)?.list;
        let held = list.shares().into_iter().filter_map(|share| Some((access(&share)?, share.sid)));
        held.map(|(access, sid)| Ok((account::name(&sid).map_err(failed)?, access))).collect()
    }

    fn grant_key(&self, key: KeyOf<'_>, account: &str, access: KeyAccess) -> Result<(), Error> {
        let mask = if access == KeyAccess::Full { FULL_MASK } else { READ_MASK };
        change(GRANT, key, account, |list, sid| list.grant(sid, mask, 0))
    }

    fn revoke_key(&self, key: KeyOf<'_>, account: &str) -> Result<(), Error> {
        change(REVOKE, key, account, |list, sid| {
            list.revoke(sid);
            Some(())
        })
    }
}

impl WindowsHost {
    /// Windows' own store may hold it without saying so when it is added: in the part that a policy of the domain fills.
    fn must_be_new(&self, store: CertificateStore, thumbprint: &str, file: &str) -> Result<(), Error> {
        let is_there = self.all(store)?.iter().any(|facts| facts.thumbprint == thumbprint);
        let there = || io::Error::from_raw_os_error(CRYPT_E_EXISTS);
        if is_there { Err(refused(IMPORT, file, error_text(&there()))) } else { Ok(()) }
    }
}

/// The thumbprint of the one certificate that is meant, where its key is the file's only one: Windows puts every key of a file into
/// the key store, whatever is made of its certificates.
fn importable(name: &CertificateName, seen: &[CertificateFacts]) -> Result<String, String> {
    let all = seen.iter().map(|facts| (&facts.thumbprint, facts.clone()));
    let thumbprint = meant(name, all)?;
    let with_key = seen.iter().filter(|facts| facts.has_key);
    let others: Vec<&str> =
        with_key.filter(|facts| facts.thumbprint != *thumbprint).map(|facts| &*facts.subject).collect();
    if others.is_empty() {
        return Ok(thumbprint.clone());
    }
    let others = others.join("; ");
    Err(format!(
        "it holds the keys of other certificates, too ({others}); export the one that is meant alone, with its key"
    ))
}

fn change(
    operation: &'static str,
    key: KeyOf<'_>,
    account: &str,
    work: impl FnOnce(&mut Acl, &Sid) -> Option<()>,
) -> Result<(), Error> {
    let thumbprint = key.thumbprint;
    let failed = |error: io::Error| refused(operation, thumbprint, error_text(&error));
    let sid = account::find(account).map_err(failed)?.ok_or_else(|| {
        refused(
            operation,
            thumbprint,
            format!("this server knows no account {account}; look for a typing error"),
        )
    })?;
    let key = open(operation, key)?;
    let mut access = key.access().map_err(failed)?;
    work(&mut access.list, &sid)
        .ok_or_else(|| refused(operation, thumbprint, "the account's identifier is too long"))?;
    key.set_access(&access).map_err(failed)
}

/// The key of the certificate with that thumbprint.
fn open(operation: &'static str, key: KeyOf<'_>) -> Result<Key, Error> {
    let thumbprint = key.thumbprint;
    let failed = |error: io::Error| refused(operation, thumbprint, error_text(&error));
    let absent = || Error::Absent { kind: "certificate", name: thumbprint.to_owned() };
    let store = Store::open(key.store).map_err(failed)?.ok_or_else(absent)?;
    let its_key = |found: &Context| {
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

    use super::*;

    const MY: CertificateStore = CertificateStore::My;

    fn name(text: &str) -> CertificateName {
        let Ok(name) = text.parse();
        name
    }

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

    /// Wine gives the first key of a file and what belongs to it, and nothing of a second one.
    #[test]
    fn a_pfx_with_the_key_of_another_certificate_is_refused_before_any_key_is_kept() {
        let facts = |digit: &str, has_key| CertificateFacts {
            thumbprint: digit.repeat(40),
            subject: format!("CN={digit}.example"),
            not_before: jiff::Timestamp::MIN,
            not_after: jiff::Timestamp::MAX,
            has_key,
        };
        let one = name("a.example");
        let thumbprint = Ok("a".repeat(40));
        assert_eq!(importable(&one, &[facts("b", false), facts("a", true)]), thumbprint);
        // Where nothing is told of keys that are in memory alone.
        assert_eq!(importable(&one, &[facts("b", false), facts("a", false)]), thumbprint);
        for meant_has in [true, false] {
            let told = importable(&one, &[facts("a", meant_has), facts("b", true)]).unwrap_err();
            let wanted = "the keys of other certificates, too (CN=b.example); export the one that is meant";
            assert!(told.contains(wanted), "{told}");
        }
    }

    /// Put into the store by `tests/windows/run iis`, from `tests/windows/certificates.reg`.
    #[test]
    #[ignore = "needs the certificates that tests/windows/run installs"]
    fn the_computer_s_own_certificates_are_seen_with_subject_end_and_key() {
        let all = WindowsHost::new(Path::new(r"C:\logs")).all(MY).unwrap();
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
        let before = host.all(MY).unwrap();
        host.import(&name("pfx.muster.example"), r"C:\windows\temp\muster-story.pfx", None).unwrap();
        let mut after = host.all(MY).unwrap();
        after.retain(|found| !before.contains(found));
        let [new] = &after[..] else { panic!("{after:?}") };
        assert!(new.has_key && new.subject == "CN=pfx.muster.example", "{new:?}");
        let told = host
            .import(&name("pfx.muster.example"), r"C:\windows\temp\muster-story.pfx", None)
            .unwrap_err()
            .to_string();
        assert!(told.contains("failed: error 0x80092005: "), "once: {told}");
    }

    /// Wine does not tell which keys there are: that none is left in the key store either is Windows' to show.
    #[test]
    #[ignore = "needs the certificates that tests/windows/run installs"]
    fn a_pfx_with_another_certificate_than_was_meant_is_not_imported() {
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        let before = host.all(MY).unwrap();
        let told = host.import(&name("another"), r"C:\windows\temp\muster-story.pfx", None).unwrap_err();
        let wanted = "the certificate is not in it; it holds CN=pfx.muster.example";
        assert!(told.to_string().ends_with(wanted), "{told}");
        assert_eq!(host.all(MY).unwrap(), before);
    }

    /// Windows' word for a password that does not open it is 86. Wine 8 asks GnuTLS, and says nothing of what that said.
    #[test]
    #[ignore = "needs the certificates that tests/windows/run installs"]
    fn a_pfx_with_a_password_is_imported_with_that_password_alone() {
        const FILE: &str = r"C:\windows\temp\muster-story-locked.pfx";
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        let password = |text: &str| SecretValue::new(Zeroizing::new(text.to_owned()));
        let before = host.all(MY).unwrap();
        for wrong in [None, Some(password("")), Some(password("finkenschl@g 7"))] {
            let told = host.import(&name("locked.muster.example"), FILE, wrong.as_ref()).unwrap_err();
            let is_wine = told.to_string().ends_with(store::UNSAID);
            assert!(is_wine || matches!(told, Error::Locked { .. }), "{told}");
            assert_eq!(host.all(MY).unwrap(), before);
        }
        host.import(&name("locked.muster.example"), FILE, Some(&password("Finkenschl@g 7"))).unwrap();
        let mut after = host.all(MY).unwrap();
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
            let told = host.import(&name("any"), path, None).unwrap_err().to_string();
            let is_wine = path.ends_with("win.ini") && told.ends_with(store::UNSAID);
            assert!(is_wine || told.contains(&format!("{path} failed: {code}")), "{told}");
        }
    }
}
