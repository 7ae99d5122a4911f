//! Packages: what is installed. Installing is a one-shot effect and lives in `engine::package`.
//!
//! Neighbours: `host::Packages`. Never starts anything.

use std::collections::BTreeMap;

use muster_agent_core::observation::Observation;
use muster_model::manifest::Node;
use muster_model::package::Package;
use muster_model::value::Value;

use crate::host::{Error, Host};

pub(super) fn observe(node: &Node, host: &dyn Host) -> Result<Observation, Error> {
    let installed = host.packages().installed(&read(node)?)?;
    Ok(installed.map_or(Observation::Absent, |version| {
        Observation::Present(BTreeMap::from([("version".to_owned(), Value::from(version.as_str()))]))
    }))
}

/// What its node says of a package. Intake refuses what does not go together; a controller that is not one's own may not.
pub(crate) fn read(node: &Node) -> Result<Package, Error> {
    Package::of(node).map_err(|(problem, advice)| Error::Refused {
        operation: "read package",
        name: node.id.name.as_str().to_owned(),
        message: format!("{problem}; {advice}"),
    })
}
