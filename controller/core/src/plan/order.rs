//! Numbers: one order over all steps of a site.
//!
//! Neighbours: `graph` says what depends on what, `segment` cuts the order. On one server the order is the file's; it goes
//! to another server only when the next step waits for that one, so that segments are as long as they can be.

use std::collections::{BTreeSet, VecDeque};

use super::Error;
use super::graph::{Graph, Place};

/// The steps in the order of their numbers.
pub(super) fn number(graph: &Graph<'_>) -> Result<Vec<Place>, Error> {
    let mut queues: Vec<VecDeque<Place>> = Vec::new();
    for place in graph.steps() {
        let server = graph.server(place);
        if queues.len() <= server {
            queues.resize(server + 1, VecDeque::new());
        }
        queues[server].push_back(place);
    }
    let (mut order, mut placed, mut current) = (Vec::new(), BTreeSet::new(), 0);
    while queues.iter().any(|queue| !queue.is_empty()) {
        let (server, index) = choose(graph, &queues, &placed, current).ok_or_else(|| {
            let stuck: Vec<Place> = queues.iter().flatten().copied().collect();
            graph.cycle(&stuck)
        })?;
        order.extend(queues[server].remove(index).inspect(|place| {
            placed.insert(*place);
        }));
        current = server;
    }
    Ok(order)
}

/// The next step, as (server, index in its queue): the first of the current server's queue, else the first of another's.
/// Where no first one is free, a written edge goes against the order of a file; then any free step before the next gate.
fn choose(
    graph: &Graph<'_>,
    queues: &[VecDeque<Place>],
    placed: &BTreeSet<Place>,
    current: usize,
) -> Option<(usize, usize)> {
    let free = |place: &Place| graph.before(*place).is_subset(placed);
    let servers = || std::iter::once(current).chain(0..queues.len()).filter(|server| *server < queues.len());
    let first = servers().find(|server| queues[*server].front().is_some_and(free));
    first.map(|server| (server, 0)).or_else(|| {
        servers().find_map(|server| {
            let before_gate = queues[server].iter().take_while(|place| !graph.is_by_person(**place));
            before_gate.enumerate().find(|(_, place)| free(place)).map(|(index, _)| (server, index))
        })
    })
}
