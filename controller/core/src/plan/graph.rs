//! Which nodes of a site become steps, and what comes before what.
//!
//! Neighbours: `report` let the rows in, `order` numbers what is chosen here. An edge is kept across nodes that have no
//! step in this plan; the order of the file is not an edge.

use std::collections::{BTreeMap, BTreeSet};

use muster_model::digest::Digest;
use muster_model::manifest::{Manifest, Node};
use muster_model::name::{NodeId, Role, ServerId};
use muster_model::node::{Effect, NodeClass, NodeKind};
use muster_model::plan::{AttributePath, New, Old, Reason, Row, Step};
use muster_model::report::ServerReport;

use super::Error;
use crate::fingerprint;

/// A node's place: its index among all nodes of the site, server by server in file order.
pub(super) type Place = usize;

/// The nodes of a site with their edges, and which of them become steps.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    nodes: Vec<Placed<'a>>,
    /// For each node, the nearest steps that it depends on.
    before: Vec<BTreeSet<Place>>,
}

#[derive(Debug)]
struct Placed<'a> {
    server: usize,
    id: &'a ServerId,
    node: &'a Node,
    rows: Vec<Row>,
    is_step: bool,
    /// Whether its server was compared.
    is_compared: bool,
}

impl Placed<'_> {
    /// Whether it is a step that is more than a look.
    fn is_work(&self) -> bool {
        self.is_step && self.node.id.kind.class() != NodeClass::Check
    }
}

impl<'a> Graph<'a> {
    /// Chooses the steps: resources and tasks with rows, gates that are due, checks behind any of these, and checks that a
    /// gate, a task or an installer of the plan needs itself.
    pub(super) fn of(
        manifests: &[&'a Manifest],
        reports: &BTreeMap<Role, &ServerReport>,
        confirmed: &BTreeSet<Digest>,
    ) -> Result<Self, Error> {
        let mut nodes = Vec::new();
        for (server, manifest) in manifests.iter().enumerate() {
            let report = reports.get(&manifest.server.role).copied();
            // Before anything else on its server, and before what is taken away there.
            let (first, rest): (Vec<&Node>, Vec<&Node>) =
                manifest.nodes.iter().partition(|node| is_preflight(node));
            for node in first.into_iter().chain(rest) {
                let rows = rows_of(node, &manifest.server, report, confirmed)?;
                let is_step = !rows.is_empty();
                let is_compared = report.is_some();
                nodes.push(Placed { server, id: &manifest.server, node, rows, is_step, is_compared });
            }
        }
        let needs = needs(&nodes)?;
        // What a person, a task or an installer relies on is looked at before it, even where nothing changed there (G1, G14, G22).
        let relied_on: BTreeSet<Place> = nodes
            .iter()
            .zip(&needs)
            .filter(|(placed, _)| placed.is_step)
            .filter(|(placed, _)| {
                let spec = placed.node.id.kind.spec();
                matches!(spec.class, NodeClass::Gate | NodeClass::Task) || spec.effect == Effect::OneShot
            })
            .flat_map(|(_, needs)| needs.iter().copied())
            .collect();
        for place in relied_on {
            nodes[place].is_step |=
                nodes[place].node.id.kind.class() == NodeClass::Check && nodes[place].is_compared;
        }
        let at_work: BTreeSet<usize> =
            nodes.iter().filter(|placed| placed.is_work()).map(|placed| placed.server).collect();
        for placed in nodes.iter_mut().filter(|placed| is_preflight(placed.node)) {
            placed.is_step = at_work.contains(&placed.server);
        }
        let mut graph = Self { before: vec![BTreeSet::new(); nodes.len()], nodes };
        for place in topological(&needs).map_err(|cycle| graph.cycle(&cycle))? {
            graph.settle(place, &needs);
        }
        Ok(graph)
    }

    /// Settles one node whose predecessors are settled.
    fn settle(&mut self, place: Place, needs: &[BTreeSet<Place>]) {
        let mut before = BTreeSet::new();
        for need in &needs[place] {
            if self.nodes[*need].is_step {
                before.insert(*need);
            } else {
                before.extend(self.before[*need].iter().copied());
            }
        }
        // A check looks at what changed before it; where nothing did, there is nothing to look at.
        if self.nodes[place].node.id.kind.class() == NodeClass::Check {
            self.nodes[place].is_step |= !before.is_empty();
        }
        self.before[place] = before;
    }

    /// The places of the steps, server by server in file order.
    pub(super) fn steps(&self) -> impl Iterator<Item = Place> {
        self.nodes.iter().enumerate().filter(|(_, placed)| placed.is_step).map(|(place, _)| place)
    }

    /// The steps that a step depends on, nearest only.
    pub(super) fn before(&self, place: Place) -> &BTreeSet<Place> {
        &self.before[place]
    }

    /// The index of a step's server.
    pub(super) fn server(&self, place: Place) -> usize {
        self.nodes[place].server
    }

    /// The role of a step's server.
    pub(super) fn role(&self, place: Place) -> &'a Role {
        &self.nodes[place].id.role
    }

    /// Whether the plan has a step on that server that is more than a look.
    pub(super) fn works_on(&self, role: &Role) -> bool {
        self.nodes.iter().any(|placed| placed.id.role == *role && placed.is_work())
    }

    /// Whether a person carries the step out.
    pub(super) fn is_by_person(&self, place: Place) -> bool {
        let node = self.nodes[place].node;
        node.id.kind.class() == NodeClass::Gate || node.effect() == Effect::Guided
    }

    /// The step, under its number.
    pub(super) fn step(&self, place: Place, number: u32) -> Step {
        let placed = &self.nodes[place];
        placed.node.step(number, placed.rows.clone())
    }

    /// The edges between the numbered steps, rising.
    pub(super) fn edges(&self, order: &[Place]) -> Vec<(u32, u32)> {
        let numbers: BTreeMap<Place, u32> = order.iter().copied().zip(1..).collect();
        let edges = order.iter().flat_map(|place| {
            let befores = self.before[*place].iter().filter_map(|before| numbers.get(before));
            befores.zip(numbers.get(place).into_iter().cycle()).map(|(before, after)| (*before, *after))
        });
        let sorted: BTreeSet<(u32, u32)> = edges.collect();
        sorted.into_iter().collect()
    }

    /// The error that names these nodes.
    pub(super) fn cycle(&self, places: &[Place]) -> Error {
        let names = places.iter().map(|place| {
            let placed = &self.nodes[*place];
            format!("{} {}", placed.id.role, placed.node.id)
        });
        Error::Cycle(names.collect())
    }
}

fn is_preflight(node: &Node) -> bool {
    node.id.kind == NodeKind::Preflight
}

/// The rows of a node: its agent's, in the order of the kind's table, or a gate's own.
fn rows_of(
    node: &Node,
    server: &ServerId,
    report: Option<&ServerReport>,
    confirmed: &BTreeSet<Digest>,
) -> Result<Vec<Row>, Error> {
    // A server that was not compared has no steps at all, its gates included: nothing is known of it.
    let Some(report) = report else { return Ok(Vec::new()) };
    if node.id.kind.class() == NodeClass::Gate {
        let due = !confirmed.contains(&fingerprint::gate(server, node)?);
        return Ok(due.then(|| gate_row(&node.id)).into_iter().collect());
    }
    let reported = report.nodes.iter().filter(|entry| entry.node == node.id);
    let mut rows: Vec<Row> = reported.flat_map(|entry| entry.rows.iter().cloned()).collect();
    let attributes = node.id.kind.spec().attributes;
    rows.sort_by_key(|row| {
        let rank = attributes.iter().position(|spec| spec.name == row.attribute.name);
        (rank, row.attribute.member.clone())
    });
    Ok(rows)
}

fn gate_row(node: &NodeId) -> Row {
    Row {
        node: node.clone(),
        attribute: AttributePath { name: "confirmed".to_owned(), member: None },
        old: Old::Absent,
        new: New::Confirmed,
        reason: Reason::Confirm,
    }
}

/// For each node, the nodes that it needs: written, implied, and the package that provides it.
fn needs(nodes: &[Placed<'_>]) -> Result<Vec<BTreeSet<Place>>, Error> {
    let places: BTreeMap<(&Role, &NodeId), Place> =
        nodes.iter().enumerate().map(|(place, placed)| ((&placed.id.role, &placed.node.id), place)).collect();
    let find = |placed: &Placed<'_>, on: &Role, need: &NodeId| {
        places.get(&(on, need)).copied().ok_or_else(|| Error::UnknownNeed {
            role: placed.id.role.clone(),
            node: placed.node.id.clone(),
            need: need.clone(),
            on: on.clone(),
        })
    };
    // Nothing is done on a server whose preflight fails.
    let mut preflights: BTreeMap<usize, Vec<Place>> = BTreeMap::new();
    for (place, placed) in nodes.iter().enumerate().filter(|(_, placed)| is_preflight(placed.node)) {
        preflights.entry(placed.server).or_default().push(place);
    }
    let all = nodes.iter().map(|placed| {
        let written = placed.node.needs.iter().map(|need| (&need.role, &need.node));
        let provider = placed.node.provided_by.iter().map(|node| (&placed.id.role, node));
        let mut needed: BTreeSet<Place> =
            written.chain(provider).map(|(on, need)| find(placed, on, need)).collect::<Result<_, _>>()?;
        if !is_preflight(placed.node) {
            needed.extend(preflights.get(&placed.server).into_iter().flatten());
        }
        Ok(needed)
    });
    all.collect()
}

/// An order in which each node comes after what it needs, or the nodes of which none can come first.
fn topological(needs: &[BTreeSet<Place>]) -> Result<Vec<Place>, Vec<Place>> {
    let mut missing: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
    let mut followers = vec![Vec::new(); needs.len()];
    for (place, befores) in needs.iter().enumerate() {
        for before in befores {
            followers[*before].push(place);
        }
    }
    let mut order: Vec<Place> = (0..needs.len()).filter(|place| missing[*place] == 0).collect();
    let mut next = 0;
    while let Some(place) = order.get(next).copied() {
        next += 1;
        for follower in &followers[place] {
            missing[*follower] -= 1;
            if missing[*follower] == 0 {
                order.push(*follower);
            }
        }
    }
    let left: Vec<Place> = (0..needs.len()).filter(|place| missing[*place] > 0).collect();
    if left.is_empty() { Ok(order) } else { Err(left) }
}
