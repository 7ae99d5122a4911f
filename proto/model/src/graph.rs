//! Order and circles in a small directed graph.
//!
//! Neighbours: parameters are settled in this order, `check` shows its circles, `muster-core` orders steps by it. Nodes are
//! indices; what they stand for is the caller's business.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A circle: node after node along the edges, the first one repeated at the end.
pub type Cycle = Vec<usize>;

/// The nodes `0..count`, each after all that have an edge to it; among those that are free, the smallest first, so that
/// an order which already agrees with the edges stays as it is. An edge `(a, b)` says that `a` comes before `b`.
///
/// # Errors
/// The circles, where there are any; no two share a node.
pub fn order(count: usize, edges: &[(usize, usize)]) -> Result<Vec<usize>, Vec<Cycle>> {
    let after = successors(count, edges);
    let mut waits = vec![0_usize; count];
    after.iter().flatten().for_each(|to| waits[*to] += 1);
    let mut free: BTreeSet<usize> = (0..count).filter(|node| waits[*node] == 0).collect();
    let mut ordered = Vec::with_capacity(count);
    while let Some(node) = free.pop_first() {
        ordered.push(node);
        for to in &after[node] {
            waits[*to] -= 1;
            if waits[*to] == 0 {
                free.insert(*to);
            }
        }
    }
    if ordered.len() == count { Ok(ordered) } else { Err(cycles(&after)) }
}

/// Every node from which `start` can be reached along edges, `start` itself not counted.
pub fn ancestors(count: usize, edges: &[(usize, usize)], start: usize) -> BTreeSet<usize> {
    let backward: Vec<(usize, usize)> = edges.iter().map(|(from, to)| (*to, *from)).collect();
    let before = successors(count, &backward);
    let mut found = BTreeSet::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for next in before.get(node).into_iter().flatten() {
            if *next != start && found.insert(*next) {
                queue.push_back(*next);
            }
        }
    }
    found
}

/// The distinct nodes after each node.
fn successors(count: usize, edges: &[(usize, usize)]) -> Vec<BTreeSet<usize>> {
    let mut after = vec![BTreeSet::new(); count];
    for (from, to) in edges {
        if *from < count && *to < count {
            after[*from].insert(*to);
        }
    }
    after
}

/// Disjoint circles: find one, take its nodes out, and look again.
fn cycles(after: &[BTreeSet<usize>]) -> Vec<Cycle> {
    let mut left = Left::new(after);
    let mut found = Vec::new();
    left.trim((0..after.len()).collect());
    while let Some(start) = left.nodes.first().copied() {
        // Every node that is left has an edge to another one that is left, so a walk must come round.
        let mut path = vec![start];
        let mut place = BTreeMap::from([(start, 0)]);
        let mut node = start;
        while let Some(next) = after[node].iter().copied().find(|next| left.nodes.contains(next)) {
            if let Some(first) = place.get(&next) {
                path.drain(..*first);
                break;
            }
            place.insert(next, path.len());
            path.push(next);
            node = next;
        }
        path.iter().for_each(|node| left.remove(*node));
        left.trim(left.nodes.iter().copied().collect());
        found.push(close(path));
    }
    found
}

/// The nodes that are not yet known to be on no circle, or on one that was found.
struct Left<'a> {
    after: &'a [BTreeSet<usize>],
    before: Vec<Vec<usize>>,
    nodes: BTreeSet<usize>,
    edges_out: Vec<usize>,
}

impl<'a> Left<'a> {
    fn new(after: &'a [BTreeSet<usize>]) -> Self {
        let mut before = vec![Vec::new(); after.len()];
        for (from, to) in after.iter().enumerate().flat_map(|(from, to)| to.iter().map(move |to| (from, *to)))
        {
            before[to].push(from);
        }
        let edges_out = after.iter().map(BTreeSet::len).collect();
        Self { after, before, nodes: (0..after.len()).collect(), edges_out }
    }

    fn remove(&mut self, node: usize) {
        if self.nodes.remove(&node) {
            self.before[node].iter().for_each(|from| self.edges_out[*from] -= 1);
        }
    }

    /// Takes out what has no edge to anything that is left, and what that frees.
    fn trim(&mut self, mut candidates: Vec<usize>) {
        while let Some(node) = candidates.pop() {
            if self.edges_out[node] == 0 && self.nodes.contains(&node) {
                self.remove(node);
                candidates.extend(&self.before[node]);
            }
        }
        debug_assert!(self.nodes.iter().all(|node| !self.after[*node].is_disjoint(&self.nodes)));
    }
}

/// Begins at the smallest node, so that the same circle always reads the same, and ends where it began.
fn close(mut cycle: Cycle) -> Cycle {
    let smallest = (0..cycle.len()).min_by_key(|index| cycle[*index]).unwrap_or(0);
    cycle.rotate_left(smallest);
    cycle.extend(cycle.first().copied());
    cycle
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_order_that_agrees_stays_as_it_is() {
        assert_eq!(order(4, &[(0, 2), (1, 3)]), Ok(vec![0, 1, 2, 3]));
    }

    #[test]
    fn what_is_needed_comes_first() {
        assert_eq!(order(3, &[(2, 0), (0, 1)]), Ok(vec![2, 0, 1]));
    }

    #[test]
    fn circles_are_shown_from_end_to_end() {
        assert_eq!(
            order(6, &[(0, 1), (2, 1), (1, 2), (4, 5), (5, 4)]),
            Err(vec![vec![1, 2, 1], vec![4, 5, 4]])
        );
        assert_eq!(order(1, &[(0, 0)]), Err(vec![vec![0, 0]]));
    }

    #[test]
    fn ancestors_are_transitive() {
        assert_eq!(ancestors(4, &[(0, 1), (1, 2), (3, 0)], 2), BTreeSet::from([0, 1, 3]));
    }

    proptest! {
        #[test]
        fn an_order_holds_every_edge_and_a_circle_is_made_of_edges(
            edges in proptest::collection::vec((0_usize..12, 0_usize..12), 0..30)
        ) {
            match order(12, &edges) {
                Ok(ordered) => {
                    let at = |node| ordered.iter().position(|other| *other == node);
                    prop_assert_eq!(ordered.len(), 12);
                    prop_assert!(edges.iter().all(|(from, to)| at(*from) < at(*to)));
                }
                Err(cycles) => {
                    prop_assert!(!cycles.is_empty());
                    for cycle in cycles {
                        prop_assert!(cycle.len() > 1);
                        prop_assert!(cycle.windows(2).all(|pair| edges.contains(&(pair[0], pair[1]))));
                        prop_assert_eq!(cycle.first(), cycle.last());
                    }
                }
            }
        }
    }
}
