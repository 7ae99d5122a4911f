//! Maps read by a table of keys: what is unknown, missing or of another shape is said once, here.
//!
//! Neighbours: each kind of document has its tables in `table`. A reader asks for a key and gets it in its shape or not at
//! all; it never reports a shape again.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::raw::{self, Raw, Wanted};
use super::tree::{Data, Entry, Yaml};
use super::{Place, Placed};
use crate::diagnostic::Report;
use crate::name::InvalidName;
use crate::near::did_you_mean;

/// One key of a map.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeySpec {
    /// The key.
    pub(crate) name: &'static str,
    /// What its value looks like.
    pub(crate) shape: Shape,
    /// Whether it must be there.
    pub(crate) required: bool,
    /// What it means, in one sentence.
    pub(crate) doc: &'static str,
}

/// What a key's value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Text, a version or a name.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A list.
    List,
    /// A map.
    Map,
    /// Something that its reader checks.
    Any,
}

/// A map whose keys follow their table.
pub(crate) struct Fields<'y> {
    /// Where the map begins.
    pub(crate) place: Place,
    fields: BTreeMap<&'static str, Field<'y>>,
}

struct Field<'y> {
    key: Place,
    yaml: &'y Yaml,
    scalar: Option<Placed<Raw>>,
}

/// The map's entries, or nothing where it is no map.
pub(crate) fn entries<'y>(yaml: &'y Yaml, what: &str, report: &mut Report<'_>) -> Option<&'y [Entry]> {
    match &yaml.data {
        Data::Map(entries) => Some(entries),
        data @ (Data::Scalar { .. } | Data::List(_) | Data::Broken) => {
            raw::wrong_type(yaml.place, what, "a map", data, "write `key: value`, one on each line", report);
            None
        }
    }
}

impl<'y> Fields<'y> {
    /// Reads a map by its table; `what` names it in messages.
    pub(crate) fn read(
        yaml: &'y Yaml,
        what: &str,
        table: &[KeySpec],
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let entries = entries(yaml, what, report)?;
        let mut fields = BTreeMap::new();
        for entry in entries {
            match table.iter().find(|spec| spec.name == entry.key) {
                Some(spec) => {
                    if let Some(scalar) = checked(&entry.value, spec, report) {
                        fields.insert(spec.name, Field { key: entry.place, yaml: &entry.value, scalar });
                    }
                }
                None => unknown_key(entry, what, table.iter().map(|spec| spec.name), report),
            }
        }
        for spec in table.iter().filter(|spec| spec.required) {
            if !entries.iter().any(|entry| entry.key == spec.name) {
                report.push(
                    yaml.place,
                    "missing-key",
                    format!("{what} has no `{}`", spec.name),
                    format!("add `{}: ...` ({})", spec.name, spec.doc),
                );
            }
        }
        Some(Self { place: yaml.place, fields })
    }

    /// The text of a key.
    pub(crate) fn text(&self, name: &str) -> Option<Placed<&str>> {
        match self.fields.get(name)?.scalar.as_ref()? {
            Placed { value: Raw::Text(text), place } => Some(Placed::new(text, *place)),
            Placed { .. } => None,
        }
    }

    /// The whole number of a key.
    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        match self.fields.get(name)?.scalar.as_ref()?.value {
            Raw::Integer(number) => Some(number),
            Raw::Boolean(_) | Raw::Text(_) | Raw::List(_) | Raw::Members(_) => None,
        }
    }

    /// The truth of a key.
    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        match self.fields.get(name)?.scalar.as_ref()?.value {
            Raw::Boolean(truth) => Some(truth),
            Raw::Integer(_) | Raw::Text(_) | Raw::List(_) | Raw::Members(_) => None,
        }
    }

    /// The text of a key as a checked name, or a report of why it is none.
    pub(crate) fn name<T>(&self, name: &str, report: &mut Report<'_>) -> Option<Placed<T>>
    where
        T: FromStr<Err = InvalidName>,
    {
        parse(self.text(name)?, report)
    }

    /// The value of a key, as it stands in the tree.
    pub(crate) fn yaml(&self, name: &str) -> Option<&'y Yaml> {
        self.fields.get(name).map(|field| field.yaml)
    }

    /// The items of a list.
    pub(crate) fn list(&self, name: &str) -> Option<&'y [Yaml]> {
        match &self.yaml(name)?.data {
            Data::List(items) => Some(items),
            Data::Scalar { .. } | Data::Map(_) | Data::Broken => None,
        }
    }

    /// The entries of a map.
    pub(crate) fn map(&self, name: &str) -> Option<&'y [Entry]> {
        match &self.yaml(name)?.data {
            Data::Map(entries) => Some(entries),
            Data::Scalar { .. } | Data::List(_) | Data::Broken => None,
        }
    }

    /// Where a key is written, or the map's own place.
    pub(crate) fn place_of(&self, name: &str) -> Place {
        self.fields.get(name).map_or(self.place, |field| field.key)
    }
}

/// A checked name, or a report of why it is none.
pub(crate) fn parse<T>(text: Placed<&str>, report: &mut Report<'_>) -> Option<Placed<T>>
where
    T: FromStr<Err = InvalidName>,
{
    match text.value.parse() {
        Ok(value) => Some(Placed::new(value, text.place)),
        Err(wrong) => {
            let InvalidName { what, rule, text: written } = &wrong;
            let g5 = written.chars().any(|c| !c.is_ascii_graphic()) && *what != "product";
            let advice = format!("wanted: {rule}{}", if g5 { "; no space, no accent (G5)" } else { "" });
            report.push(text.place, "invalid-name", format!("{written:?} is not a valid {what}"), advice);
            None
        }
    }
}

/// The scalar of a key where its shape is one; nothing at all where the shape is wrong.
#[expect(
    clippy::option_option,
    reason = "the outer says whether the shape is right, the inner whether it is a scalar"
)]
fn checked(yaml: &Yaml, spec: &KeySpec, report: &mut Report<'_>) -> Option<Option<Placed<Raw>>> {
    let what = format!("`{}`", spec.name);
    let mut scalar = |wanted| raw::scalar(yaml, wanted, &what, report).map(Some);
    match (spec.shape, &yaml.data) {
        (Shape::Text, _) => scalar(Wanted::Text),
        (Shape::Boolean, _) => scalar(Wanted::Boolean),
        (Shape::Integer, _) => scalar(Wanted::Integer),
        (Shape::Any, _) | (Shape::List, Data::List(_)) | (Shape::Map, Data::Map(_)) => Some(None),
        (Shape::List, data) => {
            raw::wrong_type(yaml.place, &what, "a list", data, "write one `- item` on each line", report);
            None
        }
        (Shape::Map, data) => {
            raw::wrong_type(yaml.place, &what, "a map", data, "write `key: value`, one on each line", report);
            None
        }
    }
}

pub(crate) fn unknown_key(
    entry: &Entry,
    what: &str,
    known: impl Iterator<Item = &'static str>,
    report: &mut Report<'_>,
) {
    let known: Vec<&str> = known.collect();
    report.push(
        entry.place,
        "unknown-key",
        format!("{what} has no key `{}`", entry.key),
        did_you_mean(&entry.key, &known),
    );
}
