//! What Windows does when a service fails, as attributes of the service: each seen, set and kept alone.
//!
//! Neighbours: `service` calls it, `host::recovery` has the attributes' names and their words. The machine is asked where a
//! document speaks of it, and only there: not every machine can tell. Never sets a restart of the computer or a program, and
//! keeps those that are there where nothing else is wanted.

use std::collections::BTreeMap;

use muster_model::manifest::Node;
use muster_model::node::NodeKind;
use muster_model::plan::{New, Row};
use muster_model::value::Value;

use super::{Error, cannot};
use crate::host::{self, Host, recovery};

/// What of it the document speaks of, as it is.
pub(super) fn observe(node: &Node, host: &dyn Host) -> Result<BTreeMap<String, Value>, host::Error> {
    let wanted: Vec<&str> =
        recovery::ATTRIBUTES.into_iter().filter(|name| node.attributes.contains_key(*name)).collect();
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let seen = host.services().recovery(node.id.name.as_str())?;
    let value = |name: &str| Some((name.to_owned(), value(seen.word(name)?)));
    Ok(wanted.into_iter().filter_map(value).collect())
}

/// A word as documents hold it.
fn value(word: String) -> Value {
    match (word.parse::<bool>(), word.parse::<i64>()) {
        (Ok(truth), _) => Value::Boolean(truth),
        (_, Ok(number)) => Value::Integer(number),
        (Err(_), Err(_)) => Value::Text(word),
    }
}

/// Sets what the rows say, and leaves the rest of it as it is at this moment.
pub(super) fn apply(node: &Node, rows: &[Row], host: &dyn Host) -> Result<(), Error> {
    let rows: Vec<&Row> =
        rows.iter().filter(|row| recovery::ATTRIBUTES.contains(&row.attribute.name.as_str())).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let (services, name) = (host.services(), node.id.name.as_str());
    let before = services.recovery(name)?;
    let mut after = before.clone();
    for row in rows {
        let New::Exact(value) = &row.new else { return Err(cannot(NodeKind::Service, row)) };
        let word = value.to_string();
        let is_ours = !["reboot", "program"].contains(&word.as_str());
        let set = is_ours.then(|| after.set(&row.attribute.name, &word)).flatten();
        set.ok_or_else(|| cannot(NodeKind::Service, row))?;
    }
    if after.actions != before.actions {
        services.set_failure_actions(name, &after.actions)?;
    }
    if after.include_errors != before.include_errors {
        services.set_failures_include_errors(name, after.include_errors)?;
    }
    Ok(())
}
