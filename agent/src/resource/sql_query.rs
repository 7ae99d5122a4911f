//! Questions to a database: one value, read and compared (G21, G22). A check: it gives evidence and changes nothing.
//!
//! Neighbours: `host::SqlServer`. That a question changes nothing is its author's word: the product's reviewers see it.

use std::cmp::Ordering;

use muster_model::manifest::Node;
use muster_model::value::Value;

use super::{Error, sql_database};
use crate::host::Host;

/// Asks, and compares the answer with what counts as success; gives the evidence.
pub fn ask(node: &Node, host: &dyn Host) -> Result<String, Error> {
    let (endpoint, name) = sql_database::named(node)?;
    let query = node.attributes.get("query").and_then(Value::as_text).unwrap_or_default();
    let place = format!("{name} on {}", endpoint.address);
    let mut session = host.sql().connect(endpoint, name, true)?;
    let answer = session.scalar(query).map_err(|error| Error::Unmet(format!("{place}: {error}")))?;
    let shown = answer.as_ref().map_or_else(|| "no value".to_owned(), |answer| format!("`{answer}`"));
    let answer = answer.unwrap_or_default();
    let expected = match node.attributes.get("expect") {
        Some(Value::List(expected)) => Some(expected),
        Some(
            Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::Members(_) | Value::Secret(_),
        )
        | None => None,
    };
    if let Some(expected) = expected
        && !expected.iter().any(|value| value.as_text() == Some(answer.as_str()))
    {
        let expected = Value::List(expected.clone());
        return Err(Error::Unmet(format!("{place} answered {shown}, expected one of {expected}")));
    }
    if let Some(least) = node.attributes.get("at_least").and_then(Value::as_text)
        && !at_least(&answer, least)
    {
        return Err(Error::Unmet(format!("{place} answered {shown}, expected at least {least}")));
    }
    Ok(format!("{place} answered {shown}"))
}

/// Whether a version is that one or a later one.
pub(super) fn at_least(version: &str, least: &str) -> bool {
    compare(version, least) != Ordering::Less
}

/// Versions part by part: numbers as numbers, anything else as text.
fn compare(one: &str, other: &str) -> Ordering {
    let parts = |text: &str| {
        let parts = text.split(['.', '-', '+', '_', ' ']);
        parts.map(|part| (part.parse::<u64>().ok(), part.to_owned())).collect::<Vec<_>>()
    };
    parts(one).cmp(&parts(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_part_by_part() {
        assert_eq!(compare("15.0.4355.3", "14.0"), Ordering::Greater);
        assert_eq!(compare("9.0", "14.0"), Ordering::Less);
        assert_eq!(compare("14.0", "14.0"), Ordering::Equal);
        assert_eq!(compare("", "14.0"), Ordering::Less, "no answer is no version");
    }
}
