//! The registry of a twin, in both views.
//!
//! Neighbours: `state` keeps values by their whole name. Keys are not modelled: every one is there.

use muster_model::registry::RegistryName;

use super::Twin;
use super::fault::Operation;
use super::ledger::Deed;
use super::state::{RegistryValue, find, find_mut};
use crate::host::{Error, Registry, RegistryData};

impl Registry for Twin {
    fn get(&self, name: &RegistryName) -> Result<Option<RegistryData>, Error> {
        let name = name.to_string();
        self.operate(Operation::RegistryGet, &name, |section, _| {
            Ok(find(&section.state().registry, &name).map(|value| value.data.clone()))
        })
    }

    fn set(&self, name: &RegistryName, data: &RegistryData) -> Result<(), Error> {
        let name = name.to_string();
        self.operate(Operation::RegistrySet, &name, |section, _| {
            let shown = serde_json::to_string(data).unwrap_or_default();
            section.commit(Deed::altered("registry", &name, "data", &shown), |state| {
                let data = data.clone();
                match find_mut(&mut state.registry, &name) {
                    Some(value) => value.data = data,
                    None => drop(state.registry.insert(name.clone(), RegistryValue { data, made_by: None })),
                }
            })?;
            Ok(())
        })
    }

    fn remove(&self, name: &RegistryName) -> Result<(), Error> {
        let name = name.to_string();
        self.operate(Operation::RegistryRemove, &name, |section, _| {
            section.commit(Deed::altered("registry", &name, "exists", "absent"), |state| {
                state.registry.retain(|own, _| !own.eq_ignore_ascii_case(&name));
            })?;
            Ok(())
        })
    }
}
