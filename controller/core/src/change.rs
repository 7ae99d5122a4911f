//! What documents would change of what servers should be: node by node, attribute by attribute. No server is asked.
//!
//! Neighbours: `compile` makes manifests of the same [`Wanted`]; `muster diff` shows what comes out. What a server really
//! has to change is a plan's, and only its agent can say.

use std::collections::BTreeSet;

use muster_model::manifest::Node;
use muster_model::name::NodeId;
use muster_model::view::{NodeChange, ServerDiff};

use crate::compile::Wanted;

/// The difference of one server; none where both say the same. `before` is none for a server that was not there.
pub fn server(before: Option<&Wanted>, after: &Wanted) -> Option<ServerDiff> {
    let none = Vec::new();
    let old = before.map_or(&none, |before| &before.nodes);
    let diff = ServerDiff {
        role: after.server.role.clone(),
        host: changed(before.map(|before| &before.host), &after.host),
        product: changed(before.map(|before| &before.product), &after.product),
        changes: nodes(old, &after.nodes),
        reordered: reordered(old, &after.nodes),
    };
    let same = before.is_some()
        && diff.host.is_none()
        && diff.product.is_none()
        && diff.changes.is_empty()
        && !diff.reordered;
    (!same).then_some(diff)
}

fn changed<T: Clone + PartialEq>(before: Option<&T>, after: &T) -> Option<(T, T)> {
    before.filter(|before| *before != after).map(|before| (before.clone(), after.clone()))
}

fn nodes(old: &[Node], new: &[Node]) -> Vec<NodeChange> {
    let find = |nodes: &[Node], id: &NodeId| nodes.iter().find(|node| node.id == *id).cloned();
    let mut changes = Vec::new();
    for node in new {
        match find(old, &node.id) {
            None => changes.push(NodeChange::Appears(node.id.clone())),
            Some(before) => changes.extend(node_changes(&before, node)),
        }
    }
    let gone = old.iter().filter(|node| find(new, &node.id).is_none());
    changes.extend(gone.map(|node| NodeChange::Leaves(node.id.clone())));
    changes
}

fn node_changes(before: &Node, after: &Node) -> Vec<NodeChange> {
    let names: BTreeSet<&String> = before.attributes.keys().chain(after.attributes.keys()).collect();
    let mut changes: Vec<NodeChange> = names
        .into_iter()
        .filter(|name| before.attributes.get(*name) != after.attributes.get(*name))
        .map(|name| NodeChange::Attribute {
            node: after.id.clone(),
            attribute: name.clone(),
            old: before.attributes.get(name).cloned(),
            new: after.attributes.get(name).cloned(),
        })
        .collect();
    let unchanged = Node { attributes: after.attributes.clone(), ..before.clone() };
    if unchanged != *after {
        changes.push(NodeChange::Links(after.id.clone()));
    }
    changes
}

/// Whether nodes that both have stand in another order.
fn reordered(old: &[Node], new: &[Node]) -> bool {
    let ids = |nodes: &[Node]| nodes.iter().map(|node| node.id.clone()).collect::<Vec<_>>();
    let (old, new) = (ids(old), ids(new));
    let common = |all: &[NodeId], other: &[NodeId]| {
        all.iter().filter(|id| other.contains(id)).cloned().collect::<Vec<_>>()
    };
    common(&old, &new) != common(&new, &old)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::wanted;

    const POOL: &str = r#"{"id": "iis_app_pool/sxa", "attributes": {"load_user_profile": true}}"#;
    const GATE: &str = r#"{"id": "manual_step/code", "attributes": {"instructions": "Set it."}}"#;

    #[test]
    fn the_same_documents_differ_in_nothing() {
        let one = wanted(&format!("[{POOL}, {GATE}]"));
        assert_eq!(server(Some(&one), &one), None);
    }

    #[test]
    fn a_server_that_was_not_there_appears_whole() {
        let diff = server(None, &wanted(&format!("[{POOL}, {GATE}]"))).unwrap();
        assert_eq!(diff.changes.len(), 2);
        assert!(diff.changes.iter().all(|change| matches!(change, NodeChange::Appears(_))));
        assert!(server(None, &wanted("[]")).is_some());
    }

    #[test]
    fn each_kind_of_difference_is_told_apart() {
        let before = wanted(&format!("[{POOL}, {GATE}]"));
        let diff = |nodes: &str| server(Some(&before), &wanted(nodes)).unwrap();
        let attribute = diff(&format!("[{}, {GATE}]", POOL.replace("true", "false")));
        let NodeChange::Attribute { attribute, old, new, .. } = &attribute.changes[0] else { panic!() };
        assert_eq!(
            (attribute.as_str(), old.clone(), new.clone()),
            ("load_user_profile", Some(true.into()), Some(false.into()))
        );
        assert!(matches!(diff(&format!("[{POOL}]")).changes.as_slice(), [NodeChange::Leaves(_)]));
        let links = POOL.replace("\"attributes\"", "\"guide\": \"G12\", \"attributes\"");
        assert!(matches!(diff(&format!("[{links}, {GATE}]")).changes.as_slice(), [NodeChange::Links(_)]));
        let turned = diff(&format!("[{GATE}, {POOL}]"));
        assert!(turned.reordered && turned.changes.is_empty());
        let mut moved = before.clone();
        moved.host = "DUP-WEB02".parse().unwrap();
        assert!(server(Some(&before), &moved).unwrap().host.is_some());
    }
}
