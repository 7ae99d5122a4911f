//! Agreement: whether what a step would do now is what was approved.
//!
//! Neighbours: `diff::compare` gives the actual rows, the engine applies only an [`Agreed`]. Nothing else in the house can
//! make one, so that nothing outside the approved rows is ever applied.

use muster_model::name::NodeId;
use muster_model::plan::{Old, Row, Step};

use crate::diff::Comparison;

/// Rows that were approved and are there now. Only [`agree`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    rows: Vec<Row>,
}

impl Agreed {
    /// The rows to apply: each has its exact old value and its approved new one.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

/// What the comparison says of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreement {
    /// Nothing is left to change.
    InState,
    /// Every change that is left was approved.
    Agreed(Agreed),
    /// The server no longer agrees: nothing may be done.
    Blocked {
        /// The rows that the server shows now.
        rows: Vec<Row>,
        /// What does not agree, in words.
        problem: String,
    },
}

/// What is known of the run beside the step itself.
pub trait Run {
    /// Whether that node's Done outcome is journalled on this agent in this plan.
    fn is_done(&self, node: &NodeId) -> bool;
}

impl<F: Fn(&NodeId) -> bool> Run for F {
    fn is_done(&self, node: &NodeId) -> bool {
        self(node)
    }
}

/// What this plan itself did to the step's resource before: the server may differ from the approved rows by that much and
/// by no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// A stored intent of this very attempt was cut off by a crash. It may have made the resource without setting all of
    /// it: what was approved as absent may be there.
    CutOff,
    /// An earlier attempt took the old version off and failed to put the new one on (G18): what was approved with an old
    /// value may be absent.
    TakenOff,
}

/// Whether the step's effect may begin, or go on where this plan began it `before`.
pub fn agree(step: &Step, actual: &Comparison, run: &impl Run, before: Before) -> Agreement {
    if let Some(finding) = &actual.finding {
        let problem = format!("{}; {}", finding.problem, finding.advice);
        return Agreement::Blocked { rows: actual.rows.clone(), problem };
    }
    if actual.rows.is_empty() {
        return Agreement::InState;
    }
    let strays: Vec<String> = actual
        .rows
        .iter()
        .filter(|row| !step.rows.iter().any(|approved| covers(approved, row, run, before)))
        .map(|row| format!("{} {} -> {}", row.attribute, row.old, row.new))
        .collect();
    if strays.is_empty() {
        return Agreement::Agreed(Agreed { rows: actual.rows.clone() });
    }
    Agreement::Blocked {
        rows: actual.rows.clone(),
        problem: format!("not approved as it is now: {}", strays.join(", ")),
    }
}

/// Whether a task may run, or go on. `due` are its rows as they are now; `began` says whether this plan began it before.
///
/// A task is never "already in state": one that is no longer due without this plan's doing was run by somebody else, or its
/// change never came, and a person looks.
pub fn agree_task(step: &Step, due: &[Row], began: bool) -> Agreement {
    // What this plan wrote into the target's marker itself was absent, or less, when it was approved.
    let covers = |approved: &Row, row: &Row| {
        approved.attribute == row.attribute && approved.new == row.new && (began || approved.old == row.old)
    };
    let covered = |row: &Row| step.rows.iter().any(|approved| covers(approved, row));
    let problem = if let Some(stray) = due.iter().find(|row| !covered(row)) {
        format!("not approved as it is now: {} {} -> {}", stray.attribute, stray.old, stray.new)
    } else if due.len() == step.rows.len() {
        return Agreement::Agreed(Agreed { rows: due.to_vec() });
    } else if began && due.is_empty() {
        return Agreement::InState;
    } else {
        let is_missing = |row: &&Row| !due.iter().any(|now| now.attribute == row.attribute);
        let missing: Vec<String> =
            step.rows.iter().filter(is_missing).map(|row| row.attribute.to_string()).collect();
        format!(
            "no longer due: {}; it was run since the plan was made, or what it was for did not come",
            missing.join(", ")
        )
    };
    Agreement::Blocked { rows: due.to_vec(), problem }
}

/// Whether an approved row covers an actual one: the same node, attribute and new value, and an old value that satisfies it.
fn covers(approved: &Row, actual: &Row, run: &impl Run, before: Before) -> bool {
    let same =
        approved.node == actual.node && approved.attribute == actual.attribute && approved.new == actual.new;
    let old = match (&approved.old, &actual.old) {
        (Old::Exact(approved), Old::Exact(actual)) => approved == actual,
        (Old::Absent, Old::Absent) => true,
        (Old::Absent, Old::Exact(_)) => before == Before::CutOff,
        (Old::Exact(_), Old::Absent) => before == Before::TakenOff,
        (Old::KnownAfter(provider), Old::Exact(_) | Old::Absent) => run.is_done(provider),
        (_, Old::KnownAfter(_)) => false,
    };
    same && old
}

#[cfg(test)]
mod tests;
