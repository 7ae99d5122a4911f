//! The ownership ledger: what Muster last set, attribute by attribute. The middle of the three-way diff.
//!
//! Neighbours: `diff` reads it, the agent stores changes to it in the transaction of the outcome that caused them. It says
//! nothing of what a server has now.

use std::collections::BTreeMap;

use muster_model::manifest::Manifest;
use muster_model::name::{Generation, NodeId};
use muster_model::node::AttributeType;
use muster_model::plan::{AttributePath, New, Old, Row};
use muster_model::value::Value;

/// What Muster set, by node and by attribute or member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    nodes: BTreeMap<NodeId, BTreeMap<AttributePath, Owned>>,
}

/// The last value that Muster set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// The value.
    pub value: Value,
    /// The manifest's generation under which it was set.
    pub generation: Generation,
}

/// One change to the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The node.
    pub node: NodeId,
    /// The attribute, or one member of it.
    pub attribute: AttributePath,
    /// What it was set to; none where Muster took it away.
    pub owned: Option<Owned>,
}

impl Ledger {
    /// What Muster last set there.
    pub fn last(&self, node: &NodeId, attribute: &AttributePath) -> Option<&Owned> {
        self.nodes.get(node)?.get(attribute)
    }

    /// The members of that attribute which Muster set.
    pub fn members<'a>(&'a self, node: &NodeId, name: &'a str) -> impl Iterator<Item = &'a str> {
        let attributes = self.nodes.get(node).into_iter().flatten();
        attributes.filter(move |(path, _)| path.name == name).filter_map(|(path, _)| path.member.as_deref())
    }

    /// Everything that Muster set of that node.
    pub fn paths(&self, node: &NodeId) -> impl Iterator<Item = &AttributePath> {
        self.nodes.get(node).into_iter().flatten().map(|(path, _)| path)
    }

    /// Every node of which Muster set something.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeId> {
        self.nodes.keys()
    }

    /// Takes a change in.
    pub fn apply(&mut self, change: Change) {
        let Change { node, attribute, owned } = change;
        if let Some(owned) = owned {
            self.nodes.entry(node).or_default().insert(attribute, owned);
        } else if let Some(attributes) = self.nodes.get_mut(&node) {
            attributes.remove(&attribute);
            if attributes.is_empty() {
                self.nodes.remove(&node);
            }
        }
    }
}

/// Whether a step made the thing: what is taken away later is never more than that. The rows that were applied say so, or,
/// where a crash cut the step off, those that were approved: a value that was absent is one of a thing that was. A secret
/// says nothing: it cannot be read, and counts as absent on a thing that is there.
pub fn makes(applied: &[Row], approved: &[Row], interrupted: bool) -> bool {
    let absent = |row: &Row| {
        row.attribute.member.is_none()
            && row.old == Old::Absent
            && matches!(&row.new, New::Exact(value) if value.as_secret().is_none())
    };
    applied.iter().any(absent) || (interrupted && approved.iter().any(absent))
}

/// That a thing is there because Muster made it.
pub fn made(node: &NodeId, generation: Generation) -> Change {
    let owned = Some(Owned { value: Value::Boolean(true), generation });
    Change { node: node.clone(), attribute: AttributePath::exists(), owned }
}

/// What is forgotten of a thing that was taken away: all of it.
pub fn forgotten(held: &[Row], ledger: &Ledger) -> Vec<Change> {
    let gone = held.iter().filter(|row| row.attribute.is_existence() && row.new == New::Absent);
    gone.flat_map(|row| {
        ledger.paths(&row.node).map(|path| Change {
            node: row.node.clone(),
            attribute: path.clone(),
            owned: None,
        })
    })
    .collect()
}

/// What the installation of a package changes: secrets of what it provides are unknown from then on, whatever was set before.
pub fn unknown_after(manifest: &Manifest, package: &NodeId, ledger: &Ledger) -> Vec<Change> {
    let secrets = manifest.provided_by(package).flat_map(|node| {
        let attributes = node.id.kind.spec().attributes.iter();
        let secret = attributes.filter(|spec| matches!(spec.ty, AttributeType::Secret(_)));
        secret.map(|spec| (&node.id, AttributePath { name: spec.name.to_owned(), member: None }))
    });
    let known = secrets.filter(|(node, attribute)| ledger.last(node, attribute).is_some());
    known.map(|(node, attribute)| Change { node: node.clone(), attribute, owned: None }).collect()
}

/// What these rows, once seen to hold, change in the ledger.
pub fn changes(rows: &[Row], generation: Generation) -> Vec<Change> {
    let change = |row: &Row| {
        let owned = match &row.new {
            New::Exact(value) => Some(Owned { value: value.clone(), generation }),
            New::Absent => None,
            New::Confirmed | New::Ran(_) => return None,
        };
        Some(Change { node: row.node.clone(), attribute: row.attribute.clone(), owned })
    };
    rows.iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use std::slice;

    use muster_model::name::SecretVersion;
    use muster_model::plan::Reason;
    use muster_model::secret::SecretRef;

    use super::*;
    use crate::sample::row;

    /// A service of somebody else's that was only given a password must not be taken away as Muster's own.
    #[test]
    fn a_secret_that_was_set_is_no_sign_that_the_thing_was_made() {
        let came = |attribute, value| {
            row("service/batch", attribute, Old::Absent, New::Exact(value), Reason::Missing)
        };
        assert!(makes(&[came("start", "automatic".into())], &[], false));
        let version = SecretVersion(1);
        let secret = SecretRef { site: "s".parse().unwrap(), secret: "p".parse().unwrap(), version };
        let set = came("password", Value::Secret(secret));
        assert!(!makes(slice::from_ref(&set), slice::from_ref(&set), true));
    }
}
