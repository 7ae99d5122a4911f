//! Features of Windows: installed or absent; one that waits for a restart counts as what it will be (G1).
//!
//! Neighbours: `host::Features`. Never restarts Windows, and never brings along what no row names.

use std::collections::BTreeMap;

use muster_agent_core::observation::Observation;
use muster_model::node::NodeKind;
use muster_model::plan::Row;
use muster_model::value::Value;

use super::{Error, cannot, new_text};
use crate::host::{self, FeatureState, Host};

pub(super) fn observe(name: &str, host: &dyn Host) -> Result<Observation, host::Error> {
    Ok(host.features().get(name)?.map_or(Observation::Absent, |state| {
        let word = match state {
            FeatureState::Installed | FeatureState::InstallPending => "installed",
            FeatureState::Absent | FeatureState::RemovePending => "absent",
        };
        Observation::Present(BTreeMap::from([("state".to_owned(), Value::from(word))]))
    }))
}

pub(super) fn apply(name: &str, rows: &[Row], host: &dyn Host) -> Result<(), Error> {
    for row in rows {
        match (row.attribute.name.as_str(), new_text(row)) {
            ("state", Some("installed")) => host.features().set(name, true)?,
            ("state", Some("absent")) => host.features().set(name, false)?,
            _ => return Err(cannot(NodeKind::WindowsFeature, row)),
        }
    }
    Ok(())
}

/// What a person must know beside the state.
pub(super) fn remark(name: &str, host: &dyn Host) -> Result<Option<String>, host::Error> {
    Ok(match host.features().get(name)? {
        Some(FeatureState::InstallPending) => {
            Some("Windows wants a restart before it can be used".to_owned())
        }
        Some(FeatureState::RemovePending) => Some("Windows wants a restart before it is gone".to_owned()),
        Some(FeatureState::Installed | FeatureState::Absent) | None => None,
    })
}
