//! What comes before what, over all servers of a site.
//!
//! Neighbours: `nodes` settled the nodes, `graph` finds circles. The order of the file is the order of the work; an edge
//! that contradicts it is refused and never obeyed by moving nodes about.

use std::collections::{BTreeMap, BTreeSet};

use super::endpoint;
use super::found::Found;
use super::implied::{self, Implied};
use super::nodes::Settled;
use crate::document::{Document, Place, Placed};
use crate::graph;
use crate::manifest::{Moment, Need, Node, Trigger};
use crate::name::{NodeId, Role};
use crate::near::did_you_mean;
use crate::node::NodeKind;

/// An edge between indices, and where it is written.
struct Edge {
    before: usize,
    after: usize,
    place: Place,
}

/// The nodes that are there, each with its edges, in their order.
/// Of `left_out`, optional roles that the site does not have, nothing is there, and no reference to it is a mistake.
pub(super) fn settle(
    document: &Document,
    nodes: &[Settled<'_>],
    left_out: &BTreeSet<Role>,
    found: &mut Found,
) -> Vec<(Role, Node)> {
    let mut by_name: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, settled) in nodes.iter().enumerate() {
        by_name.entry((&settled.template.role, folded(&settled.node.id))).or_default().push(index);
    }
    let triggers = vec![BTreeSet::new(); nodes.len()];
    let mut linker = Linker { document, nodes, left_out, by_name, edges: Vec::new(), triggers, found };
    for (index, settled) in nodes.iter().enumerate().filter(|(_, settled)| settled.is_there) {
        linker.provider(index, settled);
        settled.needs.iter().for_each(|need| linker.need(index, settled, need));
        settled.triggers.iter().for_each(|(moment, cause)| linker.trigger(index, settled, *moment, cause));
        linker.implied(index, settled);
        linker.database(index, settled);
    }
    linker.starts();
    linker.no_cycles();
    linker.written()
}

struct Linker<'l, 's> {
    document: &'l Document,
    nodes: &'l [Settled<'s>],
    left_out: &'l BTreeSet<Role>,
    by_name: BTreeMap<(&'l Role, String), Vec<usize>>,
    edges: Vec<Edge>,
    /// What fires each node.
    triggers: Vec<BTreeSet<Trigger>>,
    found: &'l mut Found,
}

impl Linker<'_, '_> {
    fn edge(&mut self, before: usize, after: usize, place: Place) {
        self.edges.push(Edge { before, after, place });
    }

    /// `provided_by` names a package of the same server.
    fn provider(&mut self, index: usize, settled: &Settled<'_>) {
        let Some(package) = &settled.provided_by else {
            return;
        };
        let role = &settled.template.role;
        let id = &settled.node.id;
        let (problem, advice) = match self.find(role, Some(NodeKind::Package), &package.value).as_slice() {
            [] => {
                let known = self.names(role, Some(NodeKind::Package));
                (
                    format!("{id} is provided by `{}`, which is no package of its server", package.value),
                    did_you_mean(&package.value, &known),
                )
            }
            candidates => match candidates.iter().find(|candidate| self.nodes[**candidate].is_there) {
                Some(provider) if self.nodes[*provider].node.is_taken_off() => (
                    format!(
                        "{id} is there, and package `{}`, which provides it, is to be absent",
                        package.value
                    ),
                    format!("give {id} a `when` that is false where the package is absent, or take it out"),
                ),
                Some(provider) => return self.edge(*provider, index, package.place),
                None => (
                    format!(
                        "{id} is there, and `{}`, which provides it, is left out by its `when`",
                        package.value
                    ),
                    format!("give {id} the same `when`"),
                ),
            },
        };
        self.found.push(self.document, package.place, "unknown-provider", problem, advice);
    }

    fn need(&mut self, index: usize, settled: &Settled<'_>, need: &Placed<String>) {
        if let Some(before) = self.referred(settled, need) {
            self.edge(before, index, need.place);
        }
    }

    /// A task comes after the change that fires it, or before. The agent fires it by itself, so that both are on one server.
    fn trigger(&mut self, index: usize, settled: &Settled<'_>, moment: Moment, cause: &Placed<String>) {
        let Some(other) = self.referred(settled, cause) else { return };
        let node = &self.nodes[other];
        let (problem, advice) = if node.template.role != settled.template.role {
            (
                format!("{} is on another server than {}", node.node.id, settled.node.id),
                "name a node of the same server",
            )
        } else if !node.node.id.kind.is_cause() {
            (
                format!("a {} changes nothing and cannot make a task run", node.node.id.kind),
                "name a resource or a task",
            )
        } else {
            self.triggers[index].insert(Trigger { moment, cause: node.node.id.clone() });
            return match moment {
                Moment::Before => self.edge(index, other, cause.place),
                Moment::After => self.edge(other, index, cause.place),
            };
        };
        self.found.push(self.document, cause.place, "no-cause", problem, advice);
    }

    /// What was stopped before changes starts after them, and stays stopped where one of them failed: an application on half a new
    /// version, or half a new database, serves nobody. A change that stands below the start is none that it waits for.
    fn starts(&mut self) {
        let kind = |index: usize| self.nodes[index].node.id.kind;
        let fires = |moment, cause: usize, task: usize| {
            let cause = self.nodes[cause].node.id.clone();
            self.triggers[task].contains(&Trigger { moment, cause })
        };
        let is_start = |edge: &&Edge| {
            (kind(edge.before), kind(edge.after)) == (NodeKind::ApplicationStop, NodeKind::ApplicationStart)
                && fires(Moment::After, edge.before, edge.after)
        };
        let mut more = Vec::new();
        for start in self.edges.iter().filter(is_start) {
            let changes = self.edges.iter().filter(|edge| edge.before == start.before);
            let changes = changes.filter(|edge| fires(Moment::Before, edge.after, edge.before));
            let above = changes.map(|edge| edge.after).filter(|change| *change < start.after);
            more.extend(above.map(|before| Edge { before, after: start.after, place: start.place }));
        }
        self.edges.extend(more);
    }

    /// The node that is there under `kind/name`, a bare name, or either with a role and a colon before it. A name that is
    /// nobody's is a mistake; one that is left out by its `when` is none.
    fn referred(&mut self, settled: &Settled<'_>, need: &Placed<String>) -> Option<usize> {
        let (role, reference) = self.split_role(&need.value, &settled.template.role);
        if self.left_out.contains(&role) {
            return None;
        }
        let (kind, name) = split_kind(reference);
        let candidates = self.find(&role, kind, name);
        let ids: BTreeSet<&NodeId> =
            candidates.iter().map(|candidate| &self.nodes[*candidate].node.id).collect();
        let (rule, problem, advice) = match ids.len() {
            0 => self.unknown(&role, reference, kind, name),
            1 => {
                return candidates.into_iter().find(|candidate| self.nodes[*candidate].is_there);
            }
            _ => {
                let list: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
                (
                    "ambiguous-node",
                    format!("`{name}` may mean {}", list.join(" or ")),
                    "write which one".to_owned(),
                )
            }
        };
        self.found.push(self.document, need.place, rule, problem, advice);
        None
    }

    fn unknown(
        &self,
        role: &Role,
        reference: &str,
        kind: Option<NodeKind>,
        name: &str,
    ) -> (&'static str, String, String) {
        let problem = format!("the server `{role}` has no node `{reference}`");
        let roles: BTreeSet<&Role> = self.nodes.iter().map(|settled| &settled.template.role).collect();
        let elsewhere = roles.into_iter().find(|other| !self.find(other, kind, name).is_empty());
        let advice = match elsewhere {
            Some(other) => format!("it is on another server: write `{other}:{reference}`"),
            None if kind.is_some() => {
                let ids: Vec<String> = self.names(role, None);
                did_you_mean(reference, &ids)
            }
            None => did_you_mean(reference, self.bare_names(role)),
        };
        ("unknown-node", problem, advice)
    }

    /// What obviously comes before it, where the server has it.
    fn implied(&mut self, index: usize, settled: &Settled<'_>) {
        for Implied { attribute, before } in implied::of(&settled.node) {
            let written = settled.template.attributes.get(attribute).map(|raw| raw.place);
            let place = written.unwrap_or(settled.template.place.place);
            let is_meant = |other: &usize| {
                let other = &self.nodes[*other];
                other.is_there
                    && other.template.role == settled.template.role
                    && other.node.id != settled.node.id
                    && before.is(&other.node)
                    && (before.is_firm() || other.position < settled.position)
            };
            let found: Vec<usize> = (0..self.nodes.len()).filter(is_meant).collect();
            found.into_iter().for_each(|before| self.edge(before, index, place));
        }
    }

    /// What is asked of a database or run there comes after the node that makes it, on whichever server that is.
    fn database(&mut self, index: usize, settled: &Settled<'_>) {
        let kind = settled.node.id.kind;
        let Some(name) = endpoint::database(&settled.node).filter(|_| kind != NodeKind::SqlDatabase) else {
            return;
        };
        let is_it = |other: &&usize| {
            let other = &self.nodes[**other];
            let id = &other.node.id;
            let same = id.kind == NodeKind::SqlDatabase && id.name.as_str().eq_ignore_ascii_case(name);
            // A question before the database is there (G22) stands above its node, and does not wait for it.
            same && other.is_there && other.position < settled.position
        };
        let all: Vec<usize> = (0..self.nodes.len()).collect();
        if let Some(database) = all.iter().find(is_it) {
            self.edge(*database, index, settled.template.place.place);
        }
    }

    /// Circles are shown; any other edge against the order of the file is refused with the node to move.
    fn no_cycles(&mut self) {
        let pairs: Vec<(usize, usize)> = self.edges.iter().map(|edge| (edge.before, edge.after)).collect();
        let cycles = graph::order(self.nodes.len(), &pairs).err().unwrap_or_default();
        for cycle in &cycles {
            let path: Vec<String> = cycle.iter().rev().map(|index| self.shown(*index)).collect();
            let place =
                cycle.first().map_or_else(Place::default, |index| self.nodes[*index].template.place.place);
            self.found.push(
                self.document,
                place,
                "node-cycle",
                format!("nodes need each other in a circle: {}", path.join(" -> ")),
                "take out one `needs` or `provided_by` of the circle",
            );
        }
        let circle_of: BTreeMap<usize, usize> = cycles
            .iter()
            .enumerate()
            .flat_map(|(circle, cycle)| cycle.iter().map(move |node| (*node, circle)))
            .collect();
        for edge in &self.edges {
            let (before, after) = (&self.nodes[edge.before], &self.nodes[edge.after]);
            let circle = circle_of.get(&edge.before);
            let in_cycle = circle.is_some() && circle == circle_of.get(&edge.after);
            if before.position > after.position && !in_cycle {
                self.found.push(
                    self.document,
                    edge.place,
                    "against-file-order",
                    format!(
                        "{} needs {}, which stands below it",
                        self.shown(edge.after),
                        self.shown(edge.before)
                    ),
                    format!(
                        "move {} above it; the order of the file is the order of the work",
                        before.node.id
                    ),
                );
            }
        }
    }

    fn written(&self) -> Vec<(Role, Node)> {
        let mut needs = vec![BTreeSet::new(); self.nodes.len()];
        for edge in &self.edges {
            let before = &self.nodes[edge.before];
            needs[edge.after]
                .insert(Need { role: before.template.role.clone(), node: before.node.id.clone() });
        }
        let edges = needs.into_iter().zip(&self.triggers);
        let there = self.nodes.iter().zip(edges).filter(|(settled, _)| settled.is_there);
        let written = there.map(|(settled, (needs, fired))| {
            let role = settled.template.role.clone();
            let provided_by = settled.provided_by.as_ref().and_then(|package| {
                let found = self.find(&role, Some(NodeKind::Package), &package.value);
                found.first().map(|index| self.nodes[*index].node.id.clone())
            });
            // Causes that are all left out leave a task that never fires, not one that runs once.
            let triggers = (!settled.triggers.is_empty()).then(|| fired.iter().cloned().collect());
            (role, Node { provided_by, needs: needs.into_iter().collect(), triggers, ..settled.node.clone() })
        });
        self.unwanted().into_iter().chain(written).collect()
    }

    /// What a condition leaves out, for Muster to take away where it made it: last first, because what comes later stands on
    /// what comes earlier. One that another condition puts in is wanted.
    fn unwanted(&self) -> Vec<(Role, Node)> {
        let mut unwanted: Vec<(Role, Node)> = Vec::new();
        for settled in self.nodes.iter().rev() {
            let (role, id) = (&settled.template.role, &settled.node.id);
            let same = self.find(role, Some(id.kind), id.name.as_str());
            let wanted = same.iter().any(|index| self.nodes[*index].is_there);
            let listed = unwanted
                .iter()
                .any(|(of, node)| of == role && folded(&node.id) == folded(id) && node.id.kind == id.kind);
            if !wanted && !listed && id.kind.is_pruned() {
                unwanted.push((role.clone(), Node::gone(id.clone())));
            }
        }
        unwanted
    }

    /// The nodes of that server and name; Windows takes capital and small letters for the same name.
    fn find(&self, role: &Role, kind: Option<NodeKind>, name: &str) -> Vec<usize> {
        let named = self.by_name.get(&(role, name.to_lowercase())).into_iter().flatten();
        named
            .copied()
            .filter(|index| kind.is_none_or(|kind| self.nodes[*index].node.id.kind == kind))
            .collect()
    }

    /// Names of one kind, or whole identities.
    fn names(&self, role: &Role, kind: Option<NodeKind>) -> Vec<String> {
        let of_role = self.nodes.iter().filter(|settled| settled.template.role == *role);
        match kind {
            Some(kind) => of_role
                .filter(|settled| settled.node.id.kind == kind)
                .map(|settled| settled.node.id.name.to_string())
                .collect(),
            None => of_role.map(|settled| settled.node.id.to_string()).collect(),
        }
    }

    fn bare_names(&self, role: &Role) -> Vec<String> {
        let of_role = self.nodes.iter().filter(|settled| settled.template.role == *role);
        of_role.map(|settled| settled.node.id.name.to_string()).collect()
    }

    fn split_role<'t>(&self, text: &'t str, own: &Role) -> (Role, &'t str) {
        match text.split_once(':') {
            Some((role, rest)) => match role.parse::<Role>() {
                Ok(role) => (role, rest.trim_start()),
                // A colon further on belongs to a name, as in file/C:\x.
                Err(_) => (own.clone(), text),
            },
            None => (own.clone(), text),
        }
    }

    fn shown(&self, index: usize) -> String {
        let settled = &self.nodes[index];
        let first = self.nodes.first().map(|first| &first.template.role);
        let several = self.nodes.last().map(|last| &last.template.role) != first;
        if several {
            format!("{}:{}", settled.template.role, settled.node.id)
        } else {
            settled.node.id.to_string()
        }
    }
}

/// A name as Windows compares it.
fn folded(id: &NodeId) -> String {
    id.name.as_str().to_lowercase()
}

fn split_kind(reference: &str) -> (Option<NodeKind>, &str) {
    match reference.split_once('/') {
        Some((kind, name)) => match kind.parse() {
            Ok(kind) => (Some(kind), name),
            Err(_) => (None, reference),
        },
        None => (None, reference),
    }
}
