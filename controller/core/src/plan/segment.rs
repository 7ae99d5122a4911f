//! Segments: the stretches in which steps are sent.
//!
//! Neighbours: `order` numbered the steps, `run` sends one segment after the other. Segments of one server are a chain; what a
//! person does is a segment of its own, and so a barrier on its server; an edge between servers cuts on both of its ends.

use std::collections::{BTreeMap, BTreeSet};

use muster_model::plan::Segment;

use super::graph::{Graph, Place};

/// Cuts the numbered steps.
pub(super) fn cut(graph: &Graph<'_>, order: &[Place]) -> Vec<Segment> {
    let leaving: BTreeSet<Place> = order
        .iter()
        .flat_map(|place| graph.before(*place).iter().filter(|before| crosses(graph, **before, *place)))
        .copied()
        .collect();
    let mut segments: Vec<Segment> = Vec::new();
    let mut segment_of: BTreeMap<Place, u32> = BTreeMap::new();
    // Per server, its last segment and whether that may still grow.
    let mut last: BTreeMap<usize, (usize, bool)> = BTreeMap::new();
    for (number, place) in (1..).zip(order) {
        let server = graph.server(*place);
        let entering = graph.before(*place).iter().any(|before| crosses(graph, *before, *place));
        let grows = matches!(last.get(&server), Some((_, true))) && !entering && !graph.is_by_person(*place);
        let index = match last.get(&server) {
            Some((index, _)) if grows => *index,
            previous => {
                let after =
                    predecessors(graph, *place, previous.map(|(index, _)| &segments[*index]), &segment_of);
                let number = segments.last().map_or(1, |segment| segment.number + 1);
                segments.push(Segment { number, role: graph.role(*place).clone(), steps: Vec::new(), after });
                segments.len() - 1
            }
        };
        segments[index].steps.push(number);
        segment_of.insert(*place, segments[index].number);
        last.insert(server, (index, !graph.is_by_person(*place) && !leaving.contains(place)));
    }
    segments
}

fn crosses(graph: &Graph<'_>, before: Place, after: Place) -> bool {
    graph.server(before) != graph.server(after)
}

/// The segments that come before one that begins with this step.
fn predecessors(
    graph: &Graph<'_>,
    first: Place,
    previous: Option<&Segment>,
    segment_of: &BTreeMap<Place, u32>,
) -> Vec<u32> {
    let across = graph.before(first).iter().filter(|before| crosses(graph, **before, first));
    let across = across.filter_map(|before| segment_of.get(before)).copied();
    let all: BTreeSet<u32> = across.chain(previous.map(|segment| segment.number)).collect();
    all.into_iter().collect()
}
