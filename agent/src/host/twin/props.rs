//! What a self-test lays out on a twin.
//!
//! Neighbours: `selftest` asks, `state` holds it. A twin can show all that it models.

use super::Twin;
use super::fault::Operation;
use super::ledger::Deed;
use super::state::{Service, find_key};
use crate::host::{Capability, Error, Props};

impl Props for Twin {
    fn machine_words(&self) -> Result<String, Error> {
        Ok("a twin (SIMULATED)".to_owned())
    }

    fn lacks(&self, _capability: Capability) -> Result<Option<String>, Error> {
        Ok(None)
    }

    fn program_data(&self) -> Result<String, Error> {
        Ok(r"C:\ProgramData".to_owned())
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
    fn remove_key(&self, _key: &str, _is_32bit: bool) -> Result<(), Error> {
        Ok(())
    }
}
