//! Text files: the content whole, the rights account by account.
//!
//! Neighbours: `host::Files`. Rights of accounts that no row names are never touched.

use std::collections::BTreeMap;

use muster_agent_core::observation::Observation;
use muster_model::digest::Digest;
use muster_model::manifest::Node;
use muster_model::node::NodeKind;
use muster_model::plan::{New, Row};
use muster_model::value::Value;

use super::{Error, cannot, new_text};
use crate::host::{self, Access, FileFacts, Host};

pub(super) fn observe(node: &Node, host: &dyn Host) -> Result<Observation, host::Error> {
    let Some(FileFacts { content, rights }) = host.files().get(node.id.name.as_str())? else {
        return Ok(Observation::Absent);
    };
    let content = String::from_utf8(content).unwrap_or_else(|error| binary(error.as_bytes()));
    let rights = rights
        .into_iter()
        .map(|(account, access)| (spelling(node, account), word(access).to_owned()))
        .collect();
    Ok(Observation::Present(BTreeMap::from([
        ("content".to_owned(), Value::Text(content)),
        ("rights".to_owned(), Value::Members(rights)),
    ])))
}

/// Account names have no case on Windows: one that the document names is shown as the document spells it.
fn spelling(node: &Node, account: String) -> String {
    let Some(Value::Members(wanted)) = node.attributes.get("rights") else { return account };
    let same = wanted.keys().find(|name| name.to_lowercase() == account.to_lowercase());
    same.cloned().unwrap_or(account)
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
                let access = access(word).ok_or_else(|| cannot(NodeKind::File, row))?;
                host.files().grant(path, account, access)?;
            }
            (("rights", Some(account)), New::Absent, _) => host.files().revoke(path, account)?,
            _ => return Err(cannot(NodeKind::File, row)),
        }
    }
    Ok(())
}

fn word(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Modify => "modify",
        Access::Full => "full",
    }
}

fn access(word: &str) -> Option<Access> {
    [Access::Read, Access::Modify, Access::Full].into_iter().find(|access| self::word(*access) == word)
}
