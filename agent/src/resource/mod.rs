//! The resources: how each kind is seen and how its approved rows are applied. One file per kind.
//!
//! Neighbours: `muster_agent_core` compares what is seen here and decides what may be applied; `host` is the machine. A
//! resource does what the rows say and nothing else; it never compares, and never retries.

mod certificate;
mod file;
mod folder;
pub mod http_probe;
mod iis_app_pool;
mod iis_binding;
mod iis_site;
pub mod package;
pub mod preflight;
mod private_key_access;
mod recovery;
mod registry_value;
pub mod restart;
mod rights;
mod service;
pub(crate) mod sql_database;
pub mod sql_query;
pub(crate) mod sql_scripts;
mod way;
mod windows_feature;

use muster_agent_core::agree::Agreed;
use muster_agent_core::observation::Observation;
use muster_model::manifest::Node;
use muster_model::name::NodeId;
use muster_model::node::NodeKind;
use muster_model::plan::{New, Row};
use muster_model::value::Value;
use thiserror::Error;

use crate::engine::patience::{Patience, Stopped};
use crate::host::{self, Host};
use crate::vault::{self, Secrets};

/// Why a resource is not as it should be after it was worked on.
#[derive(Debug, Error)]
pub enum Error {
    /// The machine did not do it.
    #[error(transparent)]
    Host(#[from] host::Error),
    /// It did, and what came of it is not what was wanted.
    #[error("{0}")]
    Unmet(String),
    /// A row asks for something that this kind cannot do.
    #[error("the row {attribute} -> {new} cannot be applied to a {kind}")]
    Row {
        /// The kind.
        kind: NodeKind,
        /// The row's attribute.
        attribute: String,
        /// The row's new value.
        new: String,
    },
    /// A secret that it needs does not open.
    #[error(transparent)]
    Secret(#[from] vault::Error),
    /// A file does not open with its password, or without one.
    #[error("{told}; nothing was imported; {advice}")]
    Locked {
        /// Which, and what the machine said.
        told: host::Error,
        /// What to do.
        advice: String,
    },
    /// The agent was asked to stop.
    #[error("stopped while it was under way")]
    Stopped(#[from] Stopped),
}

/// Looks at a resource.
pub fn observe(node: &Node, host: &dyn Host) -> Observation {
    let name = node.id.name.as_str();
    let seen = match node.id.kind {
        NodeKind::Package => package::observe(node, host),
        NodeKind::Service => service::observe(node, host),
        NodeKind::IisAppPool => iis_app_pool::observe(name, host),
        NodeKind::IisSite => iis_site::observe(node, host),
        NodeKind::Certificate => certificate::observe(name, host),
        NodeKind::IisBinding => iis_binding::observe(node, host),
        NodeKind::PrivateKeyAccess => private_key_access::observe(node, host),
        NodeKind::Folder => folder::observe(node, host),
        NodeKind::File => file::observe(node, host),
        NodeKind::RegistryValue => registry_value::observe(node, host),
        NodeKind::WindowsFeature => windows_feature::observe(name, host),
        NodeKind::SqlDatabase => sql_database::observe(node, host),
        NodeKind::HttpProbe
        | NodeKind::SqlQuery
        | NodeKind::Preflight
        | NodeKind::ManualStep
        | NodeKind::ServiceRestart
        | NodeKind::PoolRecycle
        | NodeKind::ApplicationStop
        | NodeKind::ApplicationStart
        | NodeKind::Reboot
        | NodeKind::SqlScripts
        | NodeKind::SqlBackup => {
            return Observation::Unreadable(format!("a {} is no resource", node.id.kind));
        }
    };
    seen.unwrap_or_else(|error| Observation::Unreadable(error.to_string()))
}

/// Looks at a task's marker, where the target keeps it; none where the journal does.
pub fn observe_marker(node: &Node, host: &dyn Host) -> Option<Observation> {
    (node.id.kind == NodeKind::SqlScripts).then(|| sql_scripts::observe(node, host))
}

/// Looks at a resource that only the ownership ledger names.
pub fn observe_orphan(id: &NodeId, host: &dyn Host) -> Observation {
    observe(&Node::bare(id.clone()), host)
}

/// Waits until a resource stands still, so that it can be compared: a service on its way up or down.
pub fn settle(node: &Node, host: &dyn Host, patience: &Patience<'_>) -> Result<(), Error> {
    if node.id.kind == NodeKind::Service { service::settle(node, host, patience) } else { Ok(()) }
}

/// Applies agreed rows, and nothing else. `before` is what was seen when they were agreed, `secrets` opens those that the
/// rows set.
pub fn apply(
    node: &Node,
    before: &Observation,
    agreed: &Agreed,
    host: &dyn Host,
    secrets: &dyn Secrets,
) -> Result<(), Error> {
    let name = node.id.name.as_str();
    let removes = |row: &Row| row.attribute.is_existence() && row.new == New::Absent;
    if agreed.rows().iter().any(removes) {
        let given: Vec<Row> = agreed.rows().iter().filter(|row| !removes(row)).cloned().collect();
        return remove(&node.id, &given, host);
    }
    match node.id.kind {
        NodeKind::Service => service::apply(node, before, agreed.rows(), host, secrets),
        NodeKind::IisAppPool => iis_app_pool::apply(name, before, agreed.rows(), host),
        NodeKind::IisSite => iis_site::apply(name, before, agreed.rows(), host),
        NodeKind::Certificate => certificate::apply(node, agreed.rows(), host, secrets),
        NodeKind::IisBinding => iis_binding::apply(node, before, agreed.rows(), host),
        NodeKind::PrivateKeyAccess => private_key_access::apply(name, agreed.rows(), host),
        NodeKind::Folder => folder::apply(name, agreed.rows(), host),
        NodeKind::File => file::apply(name, agreed.rows(), host),
        NodeKind::RegistryValue => registry_value::apply(name, agreed.rows(), host),
        NodeKind::WindowsFeature => windows_feature::apply(name, agreed.rows(), host),
        NodeKind::SqlDatabase => sql_database::apply(node, before, agreed.rows(), host),
        kind @ (NodeKind::Package
        | NodeKind::HttpProbe
        | NodeKind::SqlQuery
        | NodeKind::Preflight
        | NodeKind::SqlScripts
        | NodeKind::SqlBackup
        | NodeKind::ManualStep
        | NodeKind::ServiceRestart
        | NodeKind::PoolRecycle
        | NodeKind::ApplicationStop
        | NodeKind::ApplicationStart
        | NodeKind::Reboot) => Err(agreed
            .rows()
            .first()
            .map_or_else(|| Error::Unmet(format!("a {kind} has no rows")), |row| cannot(kind, row))),
    }
}

/// Takes a thing away that Muster made. A file goes with the rights on it; from a site Muster's own members go first, so that
/// what is left in it is not Muster's, and keeps it.
fn remove(id: &NodeId, given: &[Row], host: &dyn Host) -> Result<(), Error> {
    let name = id.name.as_str();
    match id.kind {
        NodeKind::Service => service::remove(name, host),
        NodeKind::IisAppPool => Ok(host.app_pools().remove_pool(name)?),
        NodeKind::IisSite => iis_site::remove(name, given, host),
        NodeKind::IisBinding => iis_binding::remove(name, host),
        NodeKind::Folder => Ok(host.folders().remove(name)?),
        NodeKind::File => Ok(host.files().remove(name)?),
        NodeKind::RegistryValue => registry_value::remove(name, host),
        NodeKind::Package
        | NodeKind::Certificate
        | NodeKind::PrivateKeyAccess
        | NodeKind::WindowsFeature
        | NodeKind::HttpProbe
        | NodeKind::ManualStep
        | NodeKind::ServiceRestart
        | NodeKind::PoolRecycle
        | NodeKind::ApplicationStop
        | NodeKind::ApplicationStart
        | NodeKind::Reboot
        | NodeKind::SqlDatabase
        | NodeKind::SqlScripts
        | NodeKind::SqlBackup
        | NodeKind::SqlQuery
        | NodeKind::Preflight => Err(Error::Unmet(format!("Muster never takes {id} away"))),
    }
}

/// Waits until what was applied has taken hold, and stays: a service that runs, and still runs a little later (G13).
pub fn confirm(node: &Node, host: &dyn Host, patience: &Patience<'_>) -> Result<(), Error> {
    if node.id.kind == NodeKind::Service { service::confirm(node, host, patience) } else { Ok(()) }
}

/// What a person must know of a resource that is as it should be, for the evidence.
pub fn remark(node: &Node, host: &dyn Host) -> Option<String> {
    let remark = match node.id.kind {
        NodeKind::WindowsFeature => windows_feature::remark(node.id.name.as_str(), host),
        NodeKind::Certificate | NodeKind::PrivateKeyAccess => {
            certificate::remark(node.id.name.as_str(), host)
        }
        NodeKind::IisBinding => iis_binding::remark(node, host),
        NodeKind::Package
        | NodeKind::Service
        | NodeKind::IisAppPool
        | NodeKind::IisSite
        | NodeKind::Folder
        | NodeKind::File
        | NodeKind::RegistryValue
        | NodeKind::SqlDatabase
        | NodeKind::SqlScripts
        | NodeKind::SqlBackup
        | NodeKind::SqlQuery
        | NodeKind::Preflight
        | NodeKind::HttpProbe
        | NodeKind::ManualStep
        | NodeKind::ServiceRestart
        | NodeKind::PoolRecycle
        | NodeKind::ApplicationStop
        | NodeKind::ApplicationStart
        | NodeKind::Reboot => Ok(None),
    };
    // What cannot be read a second time is no reason to call a finished step failed; it is said instead.
    remark.unwrap_or_else(|error| Some(error.to_string()))
}

fn cannot(kind: NodeKind, row: &Row) -> Error {
    Error::Row { kind, attribute: row.attribute.to_string(), new: row.new.to_string() }
}

/// The whole number of seconds in that attribute, in milliseconds.
pub(crate) fn seconds_ms(node: &Node, attribute: &str, default_seconds: u64) -> u64 {
    let given = node.attributes.get(attribute).and_then(Value::as_integer);
    given.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(default_seconds) * 1_000
}

/// The row's new value as text, where it is one.
fn new_text(row: &Row) -> Option<&str> {
    if let New::Exact(Value::Text(text)) = &row.new { Some(text) } else { None }
}
