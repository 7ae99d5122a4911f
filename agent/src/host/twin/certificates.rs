//! The computer's certificates on a twin, and the rights on their keys (G16).
//!
//! Neighbours: `catalogue` has the files that were declared; another is a file that says what is in it, as [`Pfx`]. As
//! on Windows, an import makes a new key, on which nobody has a right yet.

use jiff::Timestamp;
use muster_model::certificate::{CertificateName, CertificateStore};
use muster_proto::secret::SecretValue;

use super::fault::Operation;
use super::ledger::Deed;
use super::state::{Certificate, Pfx, State, find, find_mut, pfx_digest};
use super::{Twin, refused};
use crate::host::{CertificateFacts, Certificates, Error, KeyAccess, KeyOf, meant};

fn absent(key: KeyOf<'_>) -> Error {
    Error::Absent { kind: "certificate", name: key_name(key) }
}

fn key_name(key: KeyOf<'_>) -> String {
    key.store.name_of(key.thumbprint)
}

/// With its key; Windows opens no other.
fn with_key<'s>(state: &'s State, key: KeyOf<'_>) -> Result<&'s Certificate, Error> {
    let found = find(&state.certificates, &key_name(key));
    found.filter(|found| found.has_key).ok_or_else(|| absent(key))
}

/// What a declared file holds, or one that was laid there since: a text that says what is in it.
fn in_file(declared: Option<&Pfx>, state: &State, path: &str) -> Result<Pfx, &'static str> {
    match (declared, find(&state.files, path)) {
        (Some(pfx), _) => Ok(pfx.clone()),
        (None, Some(file)) => serde_json::from_slice(file.content.bytes())
            .map_err(|_| "error 0x80092002: it is no file of a certificate"),
        (None, None) => Err("error 2: there is no such file"),
    }
}

/// As it lies in the store once it was imported.
fn imported(pfx: &Pfx, has_key: bool) -> Certificate {
    Certificate {
        subject: pfx.subject.clone(),
        not_before: pfx.not_before,
        not_after: pfx.not_after,
        has_key,
        rights: std::collections::BTreeMap::new(),
        made_by: None,
    }
}

fn facts(thumbprint: &str, found: &Certificate) -> CertificateFacts {
    CertificateFacts {
        thumbprint: thumbprint.to_owned(),
        subject: found.subject.clone(),
        not_before: found.not_before.unwrap_or(Timestamp::MIN),
        not_after: found.not_after,
        has_key: found.has_key,
    }
}

/// Whether the file's certificate is the one that is meant, and is not there yet.
fn must_be(name: &CertificateName, pfx: &Pfx, state: &State) -> Result<(), String> {
    meant(name, [((), facts(&pfx.thumbprint, &imported(pfx, false)))])?;
    match find(&state.certificates, &name.store.name_of(&pfx.thumbprint)) {
        Some(_) => Err("error 0x80092005: it is there already".to_owned()),
        None => Ok(()),
    }
}

impl Certificates for Twin {
    fn all(&self, store: CertificateStore) -> Result<Vec<CertificateFacts>, Error> {
        self.operate(Operation::CertificateGet, "*", |section, _| {
            let of_store = section.state().certificates.iter().filter_map(|(key, found)| {
                let (own, thumbprint) = CertificateStore::split(key);
                (own == store).then(|| facts(thumbprint, found))
            });
            Ok(of_store.collect())
        })
    }

    fn import(
        &self,
        name: &CertificateName,
        path: &str,
        password: Option<&SecretValue>,
    ) -> Result<(), Error> {
        let catalogue = self.store.catalogue()?;
        self.operate(Operation::CertificateImport, path, |section, _| {
            let refused = |message: String| refused(Operation::CertificateImport, path, message);
            let pfx = in_file(find(&catalogue.pfx, path), section.state(), path)
                .map_err(|message| refused(message.to_owned()))?;
            let given = password.map(|password| pfx_digest(&pfx.thumbprint, password.expose()));
            if given != pfx.password {
                let message = "error 86: the password is not correct".to_owned();
                return Err(Error::Locked { file: path.to_owned(), is_given: given.is_some(), message });
            }
            must_be(name, &pfx, section.state()).map_err(refused)?;
            let key = name.store.name_of(&pfx.thumbprint);
            section.commit(Deed::altered("certificate", &key, "imported", path), |state| {
                state.certificates.insert(key.clone(), imported(&pfx, true));
            })?;
            Ok(())
        })
    }

    fn add(&self, name: &CertificateName, path: &str) -> Result<(), Error> {
        let catalogue = self.store.catalogue()?;
        self.operate(Operation::CertificateImport, path, |section, _| {
            let refused = |message: String| refused(Operation::CertificateImport, path, message);
            let cer = in_file(find(&catalogue.cer, path), section.state(), path)
                .map_err(|message| refused(message.to_owned()))?;
            must_be(name, &cer, section.state()).map_err(refused)?;
            let key = name.store.name_of(&cer.thumbprint);
            section.commit(Deed::altered("certificate", &key, "added", path), |state| {
                state.certificates.insert(key.clone(), imported(&cer, false));
            })?;
            Ok(())
        })
    }

    fn key_rights(&self, key: KeyOf<'_>) -> Result<Vec<(String, KeyAccess)>, Error> {
        self.operate(Operation::CertificateGet, key.thumbprint, |section, _| {
            let found = with_key(section.state(), key)?;
            Ok(found.rights.iter().map(|(account, access)| (account.clone(), *access)).collect())
        })
    }

    fn grant_key(&self, key: KeyOf<'_>, account: &str, access: KeyAccess) -> Result<(), Error> {
        self.operate(Operation::KeyGrant, key.thumbprint, |section, _| {
            with_key(section.state(), key)?;
            let word = if access == KeyAccess::Full { "full" } else { "read" };
            section.commit(Deed::altered("key", &key_name(key), account, word), |state| {
                if let Some(found) = find_mut(&mut state.certificates, &key_name(key)) {
                    match find_mut(&mut found.rights, account) {
                        Some(present) => *present = access,
                        None => drop(found.rights.insert(account.to_owned(), access)),
                    }
                }
            })?;
            Ok(())
        })
    }

    fn revoke_key(&self, key: KeyOf<'_>, account: &str) -> Result<(), Error> {
        self.operate(Operation::KeyRevoke, key.thumbprint, |section, _| {
            with_key(section.state(), key)?;
            section.commit(Deed::altered("key", &key_name(key), account, "absent"), |state| {
                if let Some(found) = find_mut(&mut state.certificates, &key_name(key)) {
                    found.rights.retain(|present, _| !present.eq_ignore_ascii_case(account));
                }
            })?;
            Ok(())
        })
    }
}
