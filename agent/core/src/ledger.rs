//! The ownership ledger: what Muster last set, attribute by attribute. The middle of the three-way diff.
//!
//! Neighbours: `diff` reads it, the agent stores changes to it in the transaction of the outcome that caused them. It says
//! nothing of what a server has now.

use std::collections::BTreeMap;

use muster_model::name::{Generation, NodeId};
use muster_model::plan::{AttributePath, New, Row};
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
