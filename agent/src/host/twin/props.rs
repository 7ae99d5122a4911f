//! What a self-test lays out on a twin.
//!
//! Neighbours: `selftest` asks, `state` holds it. A twin can show all that it models.

use std::fs::{OpenOptions, TryLockError};

use super::Twin;
use super::fault::Operation;
use super::ledger::Deed;
use super::state::{Service, find_key};
use crate::host::{Capability, Error, Hold, Props};

/// Held by a self-test, in the twin's folder; empty.
const LOCK: &str = "selftest.lock";

impl Props for Twin {
    fn machine_words(&self) -> Result<String, Error> {
        Ok("a twin (SIMULATED)".to_owned())
    }

    fn lacks(&self, _capability: Capability) -> Result<Option<String>, Error> {
        Ok(None)
    }

    fn hold(&self) -> Result<Option<Hold>, Error> {
        let path = self.store.dir().join(LOCK);
        let cannot =
            |error: std::io::Error| Error::Unreachable { what: "the twin", message: error.to_string() };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(cannot(error)),
        }
    }

    fn guarded_folder(&self) -> Result<String, Error> {
        Ok(r"C:\Program Files".to_owned())
    }

    fn make_service(&self, name: &str) -> Result<(), Error> {
        let mut section = self.store.lock()?;
        if find_key(&section.state().services, name).is_some() {
            let message = "error 1073: a service of that name is there already";
            return Err(super::refused(Operation::ServiceGet, name, message));
        }
        section.commit(Deed::altered("service", name, "exists", "true"), |state| {
            state.services.insert(name.to_owned(), Service::bare());
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
