//! Packages: what is installed. Installing is a one-shot effect and lives in `engine::package`.
//!
//! Neighbours: `host::Packages`. Never starts anything.

use std::collections::BTreeMap;

use muster_agent_core::observation::Observation;
use muster_model::value::Value;

use crate::host::{Error, Host};

pub(super) fn observe(name: &str, host: &dyn Host) -> Result<Observation, Error> {
    let installed = host.packages().installed(name)?;
    Ok(installed.map_or(Observation::Absent, |version| {
        Observation::Present(BTreeMap::from([("version".to_owned(), Value::from(version.as_str()))]))
    }))
}
