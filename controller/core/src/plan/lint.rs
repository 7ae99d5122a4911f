//! What every plan satisfies, whoever made it.
//!
//! Neighbours: `super` checks each plan before it is stored, `run` checks the structure of each plan that it is given,
//! tests check everything. The lint repairs nothing and knows nothing of how a plan is made.

use std::collections::{BTreeMap, BTreeSet};

use muster_model::manifest::{Manifest, Node};
use muster_model::name::{NodeId, Role};
use muster_model::node::{NodeClass, NodeKind};
use muster_model::plan::{New, Old, PlanHeader, Segment, ServerSteps, Step};
use thiserror::Error;

/// A rule that a plan breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Violation {
    /// The header and the steps are of different servers.
    #[error("the header and the steps are of different servers")]
    Servers,
    /// Numbers are not 1, 2, 3 and so on, or do not rise on a server.
    #[error("step {0} is out of number")]
    Number(u32),
    /// An edge names a step that there is not, or goes backwards.
    #[error("the edge from step {0} to step {1} does not go forward")]
    Edge(u32, u32),
    /// A step is in no segment, or in two, or in one of another server.
    #[error("step {0} is not in exactly one segment of its server")]
    Segmented(u32),
    /// A segment's number, steps or predecessors do not rise, or it has no steps.
    #[error("segment {0} is empty or out of order")]
    Segment(u32),
    /// What a person does shares its segment.
    #[error("the step of a person in segment {0} is not alone")]
    Gate(u32),
    /// Two segments of one server might be sent at the same time.
    #[error("segment {0} does not come after the one before it on its server")]
    Chain(u32),
    /// A segment may be sent before a step that one of its steps depends on has ended.
    #[error("the edge from step {0} to step {1} is not kept by their segments")]
    Unkept(u32, u32),
    /// A step's class, effect and rows do not fit its node.
    #[error("step {0} does not fit the kind of its node")]
    Misfit(u32),
    /// A row is of another node, or of one that the manifest does not have.
    #[error("step {0} has a row of {1}, which is not its node or not in the manifest")]
    Row(u32, NodeId),
    /// A step may be done on a server although a preflight there fails.
    #[error("step {1} does not depend on step {0}, the preflight of its server")]
    Unguarded(u32, u32),
    /// A value is known after a node that is no earlier step of the same server.
    #[error("step {0} has a value that is known after {1}, which is no earlier step of its server")]
    KnownAfter(u32, NodeId),
}

/// Every rule that a plan breaks, against the manifests that it was made from.
pub fn plan<'a>(
    header: &PlanHeader,
    steps: impl IntoIterator<Item = &'a ServerSteps>,
    manifests: impl IntoIterator<Item = &'a Manifest>,
) -> Vec<Violation> {
    let steps: Vec<&ServerSteps> = steps.into_iter().collect();
    let manifests: BTreeMap<&Role, &Manifest> =
        manifests.into_iter().map(|manifest| (&manifest.server.role, manifest)).collect();
    let mut found = structure(header, &steps);
    for server in &steps {
        for step in &server.steps {
            let node = manifests.get(&server.role).and_then(|manifest| manifest.node(&step.node));
            let foreign = step.rows.iter().find(|row| node.is_none() || row.node != step.node);
            found.extend(foreign.map(|row| Violation::Row(step.number, row.node.clone())));
            found.extend(misfit(step, node));
            found.extend(known_after(step, server));
        }
        found.extend(unguarded(header, server));
    }
    found
}

/// Nothing is done on a server before its preflights, and nothing where one of them fails.
fn unguarded<'a>(header: &'a PlanHeader, server: &'a ServerSteps) -> impl Iterator<Item = Violation> + 'a {
    let is_preflight = |step: &&Step| step.node.kind == NodeKind::Preflight;
    let (first, rest): (Vec<&Step>, Vec<&Step>) = server.steps.iter().partition(is_preflight);
    let pairs = first
        .into_iter()
        .flat_map(move |first| rest.clone().into_iter().map(move |step| (first.number, step.number)));
    let open = pairs.filter(|pair| !header.edges.contains(pair));
    open.map(|(first, step)| Violation::Unguarded(first, step))
}

/// Every rule of numbers, edges and segments that a plan breaks.
pub fn structure(header: &PlanHeader, steps: &[&ServerSteps]) -> Vec<Violation> {
    let mut found = Vec::new();
    let roles: Vec<&Role> = steps.iter().map(|server| &server.role).collect();
    if roles != header.servers.keys().collect::<Vec<_>>() {
        found.push(Violation::Servers);
    }
    let mut known: BTreeMap<u32, (&Role, &Step)> = BTreeMap::new();
    for server in steps {
        let mut last = 0;
        for step in &server.steps {
            if step.number <= last || known.insert(step.number, (&server.role, step)).is_some() {
                found.push(Violation::Number(step.number));
            }
            last = step.number;
        }
    }
    let gaps = known.keys().zip(1_u32..).filter(|(number, expected)| *number != expected);
    found.extend(gaps.map(|(number, _)| Violation::Number(*number)));
    let forward = |(from, to): &&(u32, u32)| from < to && known.contains_key(from) && known.contains_key(to);
    found.extend(
        header.edges.iter().filter(|edge| !forward(edge)).map(|edge| Violation::Edge(edge.0, edge.1)),
    );
    segments(header, &known, &mut found);
    found
}

fn segments(header: &PlanHeader, steps: &BTreeMap<u32, (&Role, &Step)>, found: &mut Vec<Violation>) {
    let mut segment_of: BTreeMap<u32, u32> = BTreeMap::new();
    let mut last: BTreeMap<&Role, u32> = BTreeMap::new();
    // Per segment, all segments that have ended before it is sent.
    let mut ended: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for (segment, expected) in header.segments.iter().zip(1_u32..) {
        if !is_in_order(segment, expected) {
            found.push(Violation::Segment(segment.number));
        }
        for number in &segment.steps {
            let fits = steps.get(number).is_some_and(|(role, _)| **role == segment.role);
            if segment_of.insert(*number, segment.number).is_some() || !fits {
                found.push(Violation::Segmented(*number));
            }
        }
        let by_person = |number: &u32| steps.get(number).is_some_and(|(_, step)| step.is_by_person());
        if segment.steps.len() > 1 && segment.steps.iter().any(by_person) {
            found.push(Violation::Gate(segment.number));
        }
        let mut before: BTreeSet<u32> = segment.after.iter().copied().collect();
        before.extend(segment.after.iter().filter_map(|after| ended.get(after)).flatten());
        if last.insert(&segment.role, segment.number).is_some_and(|previous| !before.contains(&previous)) {
            found.push(Violation::Chain(segment.number));
        }
        ended.insert(segment.number, before);
    }
    let missing = steps.keys().filter(|number| !segment_of.contains_key(number));
    found.extend(missing.map(|number| Violation::Segmented(*number)));
    let kept = |(from, to): &&(u32, u32)| match (segment_of.get(from), segment_of.get(to)) {
        (Some(from), Some(to)) => from == to || ended.get(to).is_some_and(|before| before.contains(from)),
        (None, _) | (_, None) => true,
    };
    found
        .extend(header.edges.iter().filter(|edge| !kept(edge)).map(|edge| Violation::Unkept(edge.0, edge.1)));
}

/// Whether a segment has its number, rising steps, and rising predecessors before itself: so there is no cycle.
fn is_in_order(segment: &Segment, expected: u32) -> bool {
    segment.number == expected
        && !segment.steps.is_empty()
        && segment.steps.is_sorted_by(|one, other| one < other)
        && segment.after.is_sorted_by(|one, other| one < other)
        && segment.after.last().is_none_or(|after| *after < segment.number)
}

/// A step's class is its kind's, its effect its node's; checks have no rows, gates one confirmation, resources at least one
/// row, tasks rows that run it.
fn misfit(step: &Step, node: Option<&Node>) -> Option<Violation> {
    let spec = step.node.kind.spec();
    let runs = step.rows.iter().filter(|row| matches!(row.new, New::Ran(_))).count();
    let confirmations = step.rows.iter().filter(|row| row.new == New::Confirmed).count();
    let rows_fit = match step.class {
        NodeClass::Check => step.rows.is_empty(),
        NodeClass::Gate => step.rows.len() == 1 && confirmations == 1,
        NodeClass::Resource => !step.rows.is_empty() && confirmations == 0 && runs == 0,
        NodeClass::Task => !step.rows.is_empty() && runs == step.rows.len(),
    };
    let effect = node.map_or(spec.effect, Node::effect);
    let fits = rows_fit && step.class == spec.class && step.effect == effect;
    (!fits).then_some(Violation::Misfit(step.number))
}

fn known_after(step: &Step, server: &ServerSteps) -> Option<Violation> {
    let earlier =
        |node: &NodeId| server.steps.iter().any(|other| other.number < step.number && other.node == *node);
    step.rows.iter().find_map(|row| match &row.old {
        Old::KnownAfter(node) if !earlier(node) => Some(Violation::KnownAfter(step.number, node.clone())),
        Old::KnownAfter(_) | Old::Exact(_) | Old::Absent => None,
    })
}
