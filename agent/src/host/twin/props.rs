//! What a self-test lays out on a twin.
//!
//! Neighbours: `selftest` asks, `state` holds it. A twin can show all that it models and was declared with.

use std::collections::BTreeMap;
use std::fs::{OpenOptions, TryLockError};

use muster_model::certificate::CertificateStore;
use muster_model::digest::Digest;
use muster_proto::secret::SecretValue;
use zeroize::Zeroizing;

use super::Twin;
use super::fault::Operation;
use super::ledger::Deed;
use super::state::{Answer, Certificate, Pfx, Service, SslEntry, find, find_key, find_mut, pfx_digest};
use crate::host::clock::SystemClock;
use crate::host::{
    Answering, Capability, Clock as _, Error, Hold, KeyKind, Process, Props, SELFTEST_APP_ID, ServiceState,
    Services,
};
use crate::selftest::throwaway;

/// Held by a self-test, in the twin's folder; empty.
const LOCK: &str = "selftest.lock";

/// Of the one certificate that a self-test has.
const THUMBPRINT: &str = "5E1F7E570000000000000000000000000000CE27";
/// Where a twin's stand-in answers.
const URL: &str = "http://127.0.0.1:47802/";
const PORT: u16 = 47802;

fn local_account(name: &str) -> String {
    format!(r".\{name}")
}

/// A file with the certificate of a self-test, which opens with that password.
fn file(password: Option<Digest>) -> Result<Vec<u8>, Error> {
    let cannot = |message: String| Error::CannotTell { what: "a file with a certificate", message };
    let end = throwaway::NOT_AFTER.parse().map_err(|error: jiff::Error| cannot(error.to_string()))?;
    let pfx = Pfx {
        thumbprint: throwaway::THUMBPRINT.to_owned(),
        subject: format!("CN={}", throwaway::NAME),
        not_before: None,
        not_after: end,
        password,
    };
    serde_json::to_vec_pretty(&pfx).map_err(|error| cannot(error.to_string()))
}

/// Takes the answer away with itself.
struct Answered(Twin);

impl Drop for Answered {
    fn drop(&mut self) {
        if let Err(error) = self.0.take_answer() {
            tracing::warn!(%error, "a stand-in of a self-test still answers");
        }
    }
}

impl Twin {
    fn take_answer(&self) -> Result<(), Error> {
        let mut section = self.store.lock()?;
        if !section.state().http.contains_key(URL) {
            return Ok(());
        }
        section.commit(Deed::altered("http", URL, "exists", "absent"), |state| {
            state.http.remove(URL);
            state.computer.listeners.remove(&PORT);
        })?;
        Ok(())
    }
}

impl Props for Twin {
    fn machine_words(&self) -> Result<String, Error> {
        Ok("a twin (SIMULATED)".to_owned())
    }

    fn lacks(&self, capability: Capability) -> Result<Option<String>, Error> {
        Ok(match capability {
            Capability::Features => {
                let without = self.store.lock()?.state().features.is_empty();
                without.then(|| "no features of Windows are declared on this twin".to_owned())
            }
            Capability::ProgramList => Some("a twin's packages are in no registry".to_owned()),
            Capability::Rights
            | Capability::View32
            | Capability::Iis
            | Capability::KeyRights
            | Capability::LogOnRight
            | Capability::Recovery
            | Capability::LockedPfx
            | Capability::Groups
            | Capability::DelayedStart
            | Capability::Dependents => None,
        })
    }

    fn hold(&self) -> Result<Option<Hold>, Error> {
        let path = self.store.dir().join(LOCK);
        let cannot =
            |error: std::io::Error| Error::Unreachable { what: "the twin", message: error.to_string() };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {
                // What answers on a real machine ends with its process; here it would stay.
                self.take_answer()?;
                Ok(Some(Box::new(file)))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(cannot(error)),
        }
    }

    fn guarded_folder(&self) -> Result<String, Error> {
        Ok(r"C:\Program Files".to_owned())
    }

    fn answer(&self, status: u16) -> Result<Answering, Error> {
        let mut section = self.store.lock()?;
        section.commit(Deed::altered("http", URL, "status", &status.to_string()), |state| {
            state.http.insert(URL.to_owned(), Answer { status, while_running: Vec::new(), made_by: None });
            state.computer.listeners.insert(PORT, "muster-agent.exe".to_owned());
        })?;
        drop(section);
        Ok(Answering { url: URL.to_owned(), port: PORT, end: Box::new(Answered(self.clone())) })
    }

    fn make_service(&self, name: &str) -> Result<(), Error> {
        let mut section = self.store.lock()?;
        if find_key(&section.state().services, name).is_some() {
            let message = "error 1073: a service of that name is there already";
            return Err(super::refused(Operation::ServiceGet, name, message));
        }
        section.commit(Deed::altered("service", name, "exists", "true"), |state| {
            let command_line = r"C:\Windows\System32\stand-in.exe".to_owned();
            state.services.insert(name.to_owned(), Service { command_line, ..Service::bare() });
        })?;
        Ok(())
    }

    fn make_dependent(&self, name: &str, on: &str) -> Result<(), Error> {
        self.make_service(name)?;
        let mut section = self.store.lock()?;
        section.commit(Deed::altered("service", name, "depends_on", on), |state| {
            if let Some(service) = find_mut(&mut state.services, name) {
                service.depends_on = vec![on.to_owned()];
            }
        })?;
        Ok(())
    }

    fn remove_service(&self, name: &str) -> Result<(), Error> {
        let mut section = self.store.lock()?;
        let Some(key) = find_key(&section.state().services, name) else { return Ok(()) };
        section.commit(Deed::altered("service", name, "exists", "absent"), |state| {
            state.services.remove(&key);
        })?;
        Ok(())
    }

    /// A twin has no processes: a service that has stopped has none.
    fn process_of(&self, service: &str) -> Result<Option<Process>, Error> {
        let (twin, service) = (self.clone(), service.to_owned());
        let runs = move || {
            let facts = Services::get(&twin, &service)?;
            Ok(facts.is_some_and(|facts| facts.state != ServiceState::Stopped))
        };
        Ok(if runs()? { Some(Box::new(runs)) } else { None })
    }

    fn pool_runs(&self, name: &str) -> Result<bool, Error> {
        let absent = || Error::Absent { kind: "application pool", name: name.to_owned() };
        Ok(!find(&self.store.lock()?.state().app_pools, name).ok_or_else(absent)?.stopped)
    }

    fn make_foreign_record(&self, endpoint: &str, thumbprint: &str) -> Result<(), Error> {
        self.store.lock()?.commit(
            Deed::altered("http_sys", endpoint, "app_id", SELFTEST_APP_ID),
            |state| {
                let record = SslEntry {
                    app_id: SELFTEST_APP_ID.to_owned(),
                    ..SslEntry::new(thumbprint, CertificateStore::My)
                };
                state.http_sys.insert(endpoint.to_owned(), record);
            },
        )?;
        Ok(())
    }

    fn remove_foreign_record(&self, endpoint: &str) -> Result<(), Error> {
        let mut section = self.store.lock()?;
        let is_it = |record: &SslEntry| record.app_id == SELFTEST_APP_ID;
        if find(&section.state().http_sys, endpoint).is_some_and(is_it) {
            section.commit(Deed::altered("http_sys", endpoint, "exists", "absent"), |state| {
                state.http_sys.remove(endpoint);
            })?;
        }
        Ok(())
    }

    /// A twin knows every account there may be: one is there without being made.
    fn make_account(&self, name: &str) -> Result<(String, SecretValue), Error> {
        let password = SecretValue::new(Zeroizing::new(uuid::Uuid::new_v4().to_string()));
        Ok((local_account(name), password))
    }

    fn may_log_on_as_service(&self, account: &str) -> Result<bool, Error> {
        let section = self.store.lock()?;
        Ok(section.state().service_logons.iter().any(|given| given.eq_ignore_ascii_case(account)))
    }

    fn remove_account(&self, name: &str) -> Result<(), Error> {
        let account = local_account(name);
        let mut section = self.store.lock()?;
        if section.state().service_logons.contains(&account) {
            section.commit(Deed::altered("account", name, "exists", "absent"), |state| {
                state.service_logons.remove(&account);
            })?;
        }
        Ok(())
    }

    fn first_administrator(&self) -> Result<Option<String>, Error> {
        Ok(self.store.lock()?.state().computer.administrators.first().cloned())
    }

    /// A twin's keys are all of one kind.
    fn make_certificate(&self, name: &str, _key: KeyKind) -> Result<String, Error> {
        let mut section = self.store.lock()?;
        let not_after = SystemClock.now() + jiff::SignedDuration::from_hours(24 * 365);
        section.commit(Deed::altered("certificate", THUMBPRINT, "subject", name), |state| {
            let made = Certificate {
                subject: format!("CN={name}"),
                not_before: None,
                not_after,
                has_key: true,
                rights: BTreeMap::new(),
                made_by: None,
            };
            state.certificates.insert(THUMBPRINT.to_owned(), made);
        })?;
        Ok(THUMBPRINT.to_owned())
    }

    fn remove_certificates(&self, name: &str) -> Result<(), Error> {
        let mut section = self.store.lock()?;
        let is_it = |found: &Certificate| found.subject == format!("CN={name}");
        if section.state().certificates.values().any(is_it) {
            section.commit(Deed::altered("certificate", name, "exists", "absent"), |state| {
                state.certificates.retain(|_, found| !is_it(found));
            })?;
        }
        Ok(())
    }

    fn pfx(&self) -> Result<Vec<u8>, Error> {
        file(Some(pfx_digest(throwaway::THUMBPRINT, throwaway::PASSWORD)))
    }

    fn cer(&self) -> Result<Vec<u8>, Error> {
        file(None)
    }

    fn remove_imported(&self) -> Result<(), Error> {
        let mut section = self.store.lock()?;
        for store in [CertificateStore::My, CertificateStore::Ca] {
            let key = store.name_of(throwaway::THUMBPRINT);
            if section.state().certificates.contains_key(&key) {
                section.commit(Deed::altered("certificate", &key, "exists", "absent"), |state| {
                    state.certificates.remove(&key);
                })?;
            }
        }
        Ok(())
    }

    /// A twin models no keys: one is there as long as a value is.
    fn remove_key(&self, key: &str, is_32bit: bool) -> Result<(), Error> {
        let key = format!(r"{}\{key}\", if is_32bit { "HKLM32" } else { "HKLM" }).to_lowercase();
        let section = self.store.lock()?;
        match section.state().registry.keys().find(|name| name.to_lowercase().starts_with(&key)) {
            None => Ok(()),
            Some(left) => {
                Err(super::refused(Operation::RegistryRemove, &key, format!("{left} is still in it")))
            }
        }
    }
}
