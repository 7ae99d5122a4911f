//! What was seen of a resource: the one shape in which every kind is compared.
//!
//! Neighbours: the agent's `resource` rooms make them, `diff` and `agree` read them. Never says what is wanted.

use std::collections::BTreeMap;

use muster_model::name::NodeId;
use muster_model::plan::{AttributePath, New, Row};
use muster_model::value::Value;

/// One resource, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// There is no such thing. A state, not an error.
    Absent,
    /// It is there, with these attributes.
    Present(BTreeMap<String, Value>),
    /// It could not be looked at, for this reason.
    Unreadable(String),
}

/// What was seen of a server, by node.
pub type Observations = BTreeMap<NodeId, Observation>;

impl Observation {
    /// The value at that path, where the resource is there and has one.
    pub fn value(&self, path: &AttributePath) -> Option<Value> {
        let Self::Present(attributes) = self else { return None };
        if path.is_existence() {
            return Some(Value::Boolean(true));
        }
        let value = attributes.get(&path.name)?;
        match (&path.member, value) {
            (None, value) => Some(value.clone()),
            (Some(member), Value::Members(members)) => {
                members.get(member).map(|access| Value::Text(access.clone()))
            }
            (
                Some(_),
                Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::List(_) | Value::Secret(_),
            ) => None,
        }
    }

    /// Whether what was seen is not the row's new value. A secret that was set is not seen, and contradicts nothing.
    pub fn contradicts(&self, row: &Row) -> bool {
        match (&row.new, self) {
            (New::Exact(Value::Secret(_)), Self::Present(_)) => false,
            (New::Exact(_) | New::Absent | New::Confirmed | New::Ran(_), _) => !self.shows(row),
        }
    }

    /// The members of a set that were seen.
    pub fn members(&self, name: &str) -> impl Iterator<Item = &str> {
        let attributes = if let Self::Present(attributes) = self { Some(attributes) } else { None };
        let members = match attributes.and_then(|attributes| attributes.get(name)) {
            Some(Value::Members(members)) => Some(members),
            Some(
                Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::List(_) | Value::Secret(_),
            )
            | None => None,
        };
        members.into_iter().flat_map(|members| members.keys()).map(String::as_str)
    }

    /// Whether the row's new value is what was seen.
    pub fn shows(&self, row: &Row) -> bool {
        match (&row.new, self) {
            (_, Self::Unreadable(_)) => false,
            (New::Exact(value), Self::Present(_)) => self.value(&row.attribute).as_ref() == Some(value),
            (New::Exact(_), Self::Absent) => false,
            (New::Absent, Self::Present(_) | Self::Absent) => self.value(&row.attribute).is_none(),
            (New::Confirmed | New::Ran(_), Self::Present(_) | Self::Absent) => false,
        }
    }
}
