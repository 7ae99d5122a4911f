//! Databases: what there is, made and changed only where the document says that Muster does (G14).
//!
//! Neighbours: `host::SqlServer`; `muster_agent_core` keeps what a DBA manages, and what is never changed, from coming here.

use std::collections::BTreeMap;

use muster_agent_core::observation::Observation;
use muster_model::manifest::{Endpoint, Node};
use muster_model::name::SqlDatabaseName;
use muster_model::node::NodeKind;
use muster_model::plan::{New, Row};
use muster_model::value::Value;

use super::{Error, cannot};
use crate::host::{self, DatabaseChange, DatabaseFacts, Host, NewDatabase};

pub(super) fn observe(node: &Node, host: &dyn Host) -> Result<Observation, host::Error> {
    let (endpoint, name) = place(node, node.id.name.as_str())?;
    let Some(facts) = host.sql().database(endpoint, name)? else { return Ok(Observation::Absent) };
    let DatabaseFacts { status, collation, recovery, data, log } = facts;
    let text = |attribute: &str, seen: String| {
        let wanted = node.attributes.get(attribute).and_then(Value::as_text);
        let same = wanted.filter(|wanted| plain(wanted) == plain(&seen));
        (attribute.to_owned(), Value::Text(same.map_or(seen, str::to_owned)))
    };
    // A file that has grown has the size that is wanted: a least size.
    let size = |attribute: &str, seen: i64| {
        let wanted = node.attributes.get(attribute).and_then(Value::as_integer);
        (attribute.to_owned(), Value::Integer(wanted.filter(|wanted| *wanted <= seen).unwrap_or(seen)))
    };
    Ok(Observation::Present(BTreeMap::from([
        text("status", status),
        text("collation", collation),
        text("recovery", recovery),
        text("data_folder", data.folder),
        size("data_size_mb", data.size_mb),
        text("log_folder", log.folder),
        size("log_size_mb", log.size_mb),
    ])))
}

/// Collations and paths have no case, and a folder may end in a backslash.
fn plain(text: &str) -> String {
    text.trim_end_matches('\\').to_lowercase()
}

pub(super) fn apply(node: &Node, before: &Observation, rows: &[Row], host: &dyn Host) -> Result<(), Error> {
    let (endpoint, name) = place(node, node.id.name.as_str())?;
    if *before == Observation::Absent {
        host.sql().create_database(endpoint, name, &new(node))?;
    }
    for row in rows {
        let change = change(row).ok_or_else(|| cannot(NodeKind::SqlDatabase, row))?;
        // What a new database was made with needs no change.
        let change = change
            .filter(|change| *before != Observation::Absent || matches!(change, DatabaseChange::Recovery(_)));
        if let Some(change) = change {
            host.sql().alter_database(endpoint, name, &change)?;
        }
    }
    Ok(())
}

fn new(node: &Node) -> NewDatabase {
    let text = |attribute: &str| node.attributes.get(attribute).and_then(Value::as_text).map(str::to_owned);
    let number = |attribute: &str| node.attributes.get(attribute).and_then(Value::as_integer);
    NewDatabase {
        collation: text("collation"),
        data_folder: text("data_folder"),
        data_size_mb: number("data_size_mb"),
        log_folder: text("log_folder"),
        log_size_mb: number("log_size_mb"),
    }
}

/// The change of a row; an inner none where only the creation settles it.
#[expect(
    clippy::option_option,
    reason = "the outer says whether the row is one of this kind's, the inner what to do"
)]
fn change(row: &Row) -> Option<Option<DatabaseChange>> {
    let New::Exact(value) = &row.new else { return None };
    match (row.attribute.name.as_str(), value) {
        ("status", Value::Text(_)) => Some(Some(DatabaseChange::Online)),
        ("recovery", Value::Text(model)) => Some(Some(DatabaseChange::Recovery(model.clone()))),
        ("data_size_mb", Value::Integer(size)) => Some(Some(DatabaseChange::DataSizeMb(*size))),
        ("log_size_mb", Value::Integer(size)) => Some(Some(DatabaseChange::LogSizeMb(*size))),
        ("collation" | "data_folder" | "log_folder", Value::Text(_)) => Some(None),
        _ => None,
    }
}

/// Where a database is: its endpoint, and its name there.
pub(crate) fn place<'n>(node: &'n Node, database: &'n str) -> Result<(&'n Endpoint, &'n str), host::Error> {
    let wrong = |message: &str| host::Error::Refused {
        operation: "find the SQL Server of",
        name: node.id.to_string(),
        message: message.to_owned(),
    };
    let endpoint = node.endpoint.as_ref().ok_or_else(|| wrong("its manifest names no endpoint"))?;
    if database.parse::<SqlDatabaseName>().is_err() {
        return Err(wrong("its database is not written endpoint/database"));
    }
    let (_, name) = database.split_once('/').unwrap_or(("", database));
    Ok((endpoint, name))
}

/// The database that an attribute names: its endpoint, and its name there.
pub(crate) fn named(node: &Node) -> Result<(&Endpoint, &str), host::Error> {
    place(node, node.attributes.get("database").and_then(Value::as_text).unwrap_or_default())
}
