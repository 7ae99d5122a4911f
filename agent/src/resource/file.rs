//! Text files: the content whole, the rights account by account.
//!
//! Neighbours: `host::Files`, `rights`. Rights of accounts that no row names are never touched.

use std::collections::BTreeMap;

use muster_agent_core::observation::Observation;
use muster_model::digest::Digest;
use muster_model::manifest::Node;
use muster_model::node::NodeKind;
use muster_model::plan::{New, Row};
use muster_model::value::Value;

use super::{Error, cannot, new_text, rights};
use crate::host::{self, FileFacts, Host};

pub(super) fn observe(node: &Node, host: &dyn Host) -> Result<Observation, host::Error> {
    let Some(FileFacts { content, rights }) = host.files().get(node.id.name.as_str())? else {
        return Ok(Observation::Absent);
    };
    let content = String::from_utf8(content).unwrap_or_else(|error| binary(error.as_bytes()));
    let rights = rights.into_iter().map(|(account, access)| (account, rights::word(access)));
    Ok(Observation::Present(BTreeMap::from([
        ("content".to_owned(), Value::Text(content)),
        ("rights".to_owned(), rights::members(node, host, rights)),
    ])))
}

/// Stands for bytes that are no text, so that a row can show them; no document's text is equal to it by accident.
fn binary(bytes: &[u8]) -> String {
    format!("({} bytes that are not text, SHA-256 {})", bytes.len(), Digest::of(bytes))
}

pub(super) fn apply(path: &str, rows: &[Row], host: &dyn Host) -> Result<(), Error> {
    for row in rows {
        let attribute = (row.attribute.name.as_str(), row.attribute.member.as_deref());
        match (attribute, &row.new, new_text(row)) {
            (("content", None), New::Exact(_), Some(text)) => host.files().write(path, text.as_bytes())?,
            (("rights", Some(account)), New::Exact(_), Some(word)) => {
                let access = rights::access(word).ok_or_else(|| cannot(NodeKind::File, row))?;
                host.files().grant(path, account, access)?;
            }
            (("rights", Some(account)), New::Absent, _) => host.files().revoke(path, account)?,
            _ => return Err(cannot(NodeKind::File, row)),
        }
    }
    Ok(())
}
