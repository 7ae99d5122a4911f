//! The computer's own certificates on a twin, and the rights on their keys (G16).
//!
//! Neighbours: `catalogue` has the PFX files that were declared; another is a file that says what is in it, as [`Pfx`]. As
//! on Windows, an import makes a new key, on which nobody has a right yet.

use muster_proto::secret::SecretValue;

use super::fault::Operation;
use super::ledger::Deed;
use super::state::{Certificate, Pfx, find, find_mut, pfx_digest};
use super::{Twin, refused};
use crate::host::{CertificateFacts, Certificates, Error, KeyAccess};

fn absent(thumbprint: &str) -> Error {
    Error::Absent { kind: "certificate", name: thumbprint.to_owned() }
}

impl Certificates for Twin {
    fn all(&self) -> Result<Vec<CertificateFacts>, Error> {
        self.operate(Operation::CertificateGet, "*", |section, _| {
            let all = section.state().certificates.iter().map(|(thumbprint, found)| CertificateFacts {
                thumbprint: thumbprint.clone(),
                subject: found.subject.clone(),
                not_after: found.not_after,
                has_key: found.has_key,
            });
            Ok(all.collect())
        })
    }

    fn import(&self, path: &str, password: Option<&SecretValue>) -> Result<(), Error> {
        let catalogue = self.store.catalogue()?;
        self.operate(Operation::CertificateImport, path, |section, _| {
            let refused = |message: &str| refused(Operation::CertificateImport, path, message);
            let pfx = match (find(&catalogue.pfx, path), find(&section.state().files, path)) {
                (Some(pfx), _) => pfx.clone(),
                // One that was laid there since: a text that says what is in it.
                (None, Some(file)) => serde_json::from_slice::<Pfx>(file.content.bytes())
                    .map_err(|_| refused("error 0x80092002: it is no PFX file"))?,
                (None, None) => return Err(refused("error 2: there is no such file")),
            };
            let given = password.map(|password| pfx_digest(&pfx.thumbprint, password.expose()));
            if given != pfx.password {
                let message = "error 86: the password is not correct".to_owned();
                return Err(Error::Locked { file: path.to_owned(), is_given: given.is_some(), message });
            }
            section.commit(Deed::altered("certificate", &pfx.thumbprint, "imported", path), |state| {
                let found = Certificate {
                    subject: pfx.subject.clone(),
                    not_after: pfx.not_after,
                    has_key: true,
                    rights: std::collections::BTreeMap::new(),
                    made_by: None,
                };
                state.certificates.insert(pfx.thumbprint.clone(), found);
            })?;
            Ok(())
        })
    }

    fn key_rights(&self, thumbprint: &str) -> Result<Vec<(String, KeyAccess)>, Error> {
        self.operate(Operation::CertificateGet, thumbprint, |section, _| {
            let found = find(&section.state().certificates, thumbprint).ok_or_else(|| absent(thumbprint))?;
            Ok(found.rights.iter().map(|(account, access)| (account.clone(), *access)).collect())
        })
    }

    fn grant_key(&self, thumbprint: &str, account: &str, access: KeyAccess) -> Result<(), Error> {
        self.operate(Operation::KeyGrant, thumbprint, |section, _| {
            find(&section.state().certificates, thumbprint).ok_or_else(|| absent(thumbprint))?;
            let word = if access == KeyAccess::Full { "full" } else { "read" };
            section.commit(Deed::altered("key", thumbprint, account, word), |state| {
                if let Some(found) = find_mut(&mut state.certificates, thumbprint) {
                    match find_mut(&mut found.rights, account) {
                        Some(present) => *present = access,
                        None => drop(found.rights.insert(account.to_owned(), access)),
                    }
                }
            })?;
            Ok(())
        })
    }

    fn revoke_key(&self, thumbprint: &str, account: &str) -> Result<(), Error> {
        self.operate(Operation::KeyRevoke, thumbprint, |section, _| {
            find(&section.state().certificates, thumbprint).ok_or_else(|| absent(thumbprint))?;
            section.commit(Deed::altered("key", thumbprint, account, "absent"), |state| {
                if let Some(found) = find_mut(&mut state.certificates, thumbprint) {
                    found.rights.retain(|present, _| !present.eq_ignore_ascii_case(account));
                }
            })?;
            Ok(())
        })
    }
}
