//! Folders: there, and the rights account by account (G11).
//!
//! Neighbours: `host::Folders`, `rights`. What lies in a folder is never looked at; rights that no row names are never touched.

use std::collections::BTreeMap;

use muster_agent_core::observation::Observation;
use muster_model::manifest::Node;
use muster_model::node::NodeKind;
use muster_model::plan::{New, Row};

use super::{Error, cannot, new_text, rights};
use crate::host::{self, FolderFacts, Host};

pub(super) fn observe(node: &Node, host: &dyn Host) -> Result<Observation, host::Error> {
    let Some(FolderFacts { rights: seen }) = host.folders().get(node.id.name.as_str())? else {
        return Ok(Observation::Absent);
    };
    let seen = seen.into_iter().map(|(account, access)| (account, rights::word(access)));
    Ok(Observation::Present(BTreeMap::from([("rights".to_owned(), rights::members(node, host, seen))])))
}

pub(super) fn apply(path: &str, rows: &[Row], host: &dyn Host) -> Result<(), Error> {
    for row in rows {
        let attribute = (row.attribute.name.as_str(), row.attribute.member.as_deref());
        match (attribute, &row.new, new_text(row)) {
            _ if row.attribute.is_existence() && row.new != New::Absent => host.folders().create(path)?,
            (("rights", Some(account)), New::Exact(_), Some(word)) => {
                let access = rights::access(word).ok_or_else(|| cannot(NodeKind::Folder, row))?;
                host.folders().grant(path, account, access)?;
            }
            (("rights", Some(account)), New::Absent, _) => host.folders().revoke(path, account)?,
            _ => return Err(cannot(NodeKind::Folder, row)),
        }
    }
    Ok(())
}
