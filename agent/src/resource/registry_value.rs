//! Registry values: the type and what it holds, in one of the two views.
//!
//! Neighbours: `host::Registry`, `muster_model::registry`. A value of another type than the wanted one is shown as what the
//! wanted one is now, so that it is one row and one approval.

use std::collections::BTreeMap;

use muster_agent_core::observation::Observation;
use muster_model::manifest::Node;
use muster_model::node::NodeKind;
use muster_model::plan::{New, Row};
use muster_model::registry::RegistryName;
use muster_model::value::Value;

use super::{Error, cannot};
use crate::host::{self, Host, RegistryData};

pub(super) fn observe(node: &Node, host: &dyn Host) -> Result<Observation, host::Error> {
    let Some(data) = host.registry().get(&place(node.id.name.as_str())?)? else {
        return Ok(Observation::Absent);
    };
    let wanted = node.attributes.keys().next();
    let (ty, value) = seen(&data);
    let seen = match wanted {
        Some(wanted) if wanted != ty => (wanted.clone(), Value::Text(format!("{value} as {ty}"))),
        Some(_) | None => (ty.to_owned(), value),
    };
    Ok(Observation::Present(BTreeMap::from([seen])))
}

pub(super) fn apply(name: &str, rows: &[Row], host: &dyn Host) -> Result<(), Error> {
    for row in rows {
        let data = data(row).ok_or_else(|| cannot(NodeKind::RegistryValue, row))?;
        host.registry().set(&place(name)?, &data)?;
    }
    Ok(())
}

pub(super) fn remove(name: &str, host: &dyn Host) -> Result<(), Error> {
    Ok(host.registry().remove(&place(name)?)?)
}

fn place(name: &str) -> Result<RegistryName, host::Error> {
    name.parse().map_err(|error: muster_model::name::InvalidName| host::Error::Refused {
        operation: "open registry value",
        name: name.to_owned(),
        message: error.to_string(),
    })
}

/// The attribute that stands for the type, and what the value holds.
fn seen(data: &RegistryData) -> (&'static str, Value) {
    match data {
        RegistryData::String(text) => ("string", Value::Text(text.clone())),
        RegistryData::ExpandString(text) => ("expand_string", Value::Text(text.clone())),
        RegistryData::MultiString(texts) => {
            ("multi_string", Value::List(texts.iter().cloned().map(Value::Text).collect()))
        }
        RegistryData::Dword(number) => ("dword", Value::Integer(i64::from(*number))),
        RegistryData::Qword(number) => match i64::try_from(*number) {
            Ok(number) => ("qword", Value::Integer(number)),
            // A document's numbers end at half of a QWORD's; one beyond is shown and never taken for another.
            Err(_) => ("qword", Value::Text(number.to_string())),
        },
        RegistryData::Other(words) => ("another type", Value::Text(words.clone())),
    }
}

fn data(row: &Row) -> Option<RegistryData> {
    let New::Exact(value) = &row.new else { return None };
    match (row.attribute.name.as_str(), value) {
        ("string", Value::Text(text)) => Some(RegistryData::String(text.clone())),
        ("expand_string", Value::Text(text)) => Some(RegistryData::ExpandString(text.clone())),
        ("multi_string", Value::List(items)) => {
            let texts = items.iter().map(|item| item.as_text().map(str::to_owned));
            texts.collect::<Option<_>>().map(RegistryData::MultiString)
        }
        ("dword", Value::Integer(number)) => u32::try_from(*number).ok().map(RegistryData::Dword),
        ("qword", Value::Integer(number)) => u64::try_from(*number).ok().map(RegistryData::Qword),
        _ => None,
    }
}
