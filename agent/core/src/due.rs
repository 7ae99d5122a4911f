//! Which tasks are due, and why: the rows of the nodes that are run and not set.
//!
//! A task with triggers is due for each change of this plan that fires it, and for each earlier one that it was not run for
//! since. One without is due until its marker holds its key; where that marker is in the target (a database), it was
//! observed, elsewhere it is the journal's. Neighbours: `diff` says what changes, `journal` what fired and what ran, `agree`
//! compares again before the effect.

use std::collections::BTreeSet;

use muster_model::manifest::{Manifest, Moment, Node};
use muster_model::name::NodeId;
use muster_model::node::NodeClass;
use muster_model::plan::{AttributePath, New, Old, Reason, Row, ServerSteps};
use muster_model::report::NodeReport;
use muster_model::value::Value;

use crate::diff;
use crate::journal::State;
use crate::observation::{Observation, Observations};

/// The attribute of a task's rows, and of an observed marker.
pub const RUN: &str = "run";

/// What an observed marker says of a task that ran to its end: its key. Anything else is in words, for a person.
pub fn marker(node: &Node) -> Observation {
    marked(&node.task_key().to_string())
}

/// A marker that is there and says this.
pub fn marked(text: &str) -> Observation {
    Observation::Present([(RUN.to_owned(), Value::from(text))].into())
}

/// Adds the tasks that are due to the reports of the resources, in the manifest's order.
pub fn add(
    manifest: &Manifest,
    resources: Vec<NodeReport>,
    observations: &Observations,
    state: &State,
) -> Vec<NodeReport> {
    let mut changing: BTreeSet<NodeId> =
        resources.iter().filter(|report| !report.rows.is_empty()).map(|report| report.node.clone()).collect();
    let tasks: Vec<&Node> =
        manifest.nodes.iter().filter(|node| node.id.kind.class() == NodeClass::Task).collect();
    // A task may fire another one, before it in the documents or after it: until none is due that was not.
    loop {
        let known = changing.len();
        for node in &tasks {
            if !planned(node, observations.get(&node.id), &changing, state).rows.is_empty() {
                changing.insert(node.id.clone());
            }
        }
        if changing.len() == known {
            break;
        }
    }
    let mut reports = resources;
    let planned = tasks.iter().map(|node| planned(node, observations.get(&node.id), &changing, state));
    reports.extend(planned.filter(|report| !report.rows.is_empty() || report.finding.is_some()));
    let place = |report: &NodeReport| manifest.nodes.iter().position(|node| node.id == report.node);
    reports.sort_by_key(place);
    reports
}

/// One task at planning: what in this plan fires it, what did before, or its marker.
fn planned(
    node: &Node,
    marker: Option<&Observation>,
    changing: &BTreeSet<NodeId>,
    state: &State,
) -> NodeReport {
    let Some(triggers) = &node.triggers else {
        return match once(node, marker, state) {
            Ok(row) => NodeReport { node: node.id.clone(), rows: row.into_iter().collect(), finding: None },
            Err(problem) => NodeReport {
                node: node.id.clone(),
                rows: Vec::new(),
                finding: Some(diff::unreadable(node, &problem)),
            },
        };
    };
    let rows = triggers.iter().filter_map(|trigger| {
        let reason = if changing.contains(&trigger.cause) {
            Reason::Triggered
        } else if trigger.moment == Moment::After && state.owes(&node.id, &trigger.cause) {
            Reason::Owed
        } else {
            return None;
        };
        Some(fired(node, &trigger.cause, reason))
    });
    // A change on both sides is one row: stopped before it and started after it are two tasks.
    let mut rows: Vec<Row> = rows.collect();
    rows.dedup_by(|one, other| one.attribute == other.attribute);
    NodeReport { node: node.id.clone(), rows, finding: None }
}

/// One task as it is due now, in the middle of its plan. `marker` is what was observed, where its marker is in the target.
///
/// # Errors
/// Where the marker cannot be read.
pub fn now(
    node: &Node,
    marker: Option<&Observation>,
    steps: &ServerSteps,
    state: &State,
) -> Result<Vec<Row>, String> {
    let Some(triggers) = &node.triggers else {
        return once(node, marker, state).map(|row| row.into_iter().collect());
    };
    let is_due = |moment: Moment, cause: &NodeId| match moment {
        Moment::Before => steps.steps.iter().any(|step| step.node == *cause),
        Moment::After => state.owes(&node.id, cause),
    };
    let due = triggers.iter().filter(|trigger| is_due(trigger.moment, &trigger.cause));
    let mut rows: Vec<Row> = due.map(|trigger| fired(node, &trigger.cause, Reason::Owed)).collect();
    rows.dedup_by(|one, other| one.attribute == other.attribute);
    Ok(rows)
}

/// The row of a task that runs once for its key; none where it ran.
fn once(node: &Node, marker: Option<&Observation>, state: &State) -> Result<Option<Row>, String> {
    let key = node.task_key();
    let path = AttributePath { name: RUN.to_owned(), member: None };
    let seen = match marker {
        Some(Observation::Unreadable(problem)) => return Err(problem.clone()),
        Some(observed) => observed.value(&path),
        None => state.ran(&node.id).map(|ran| Value::from(ran.to_string().as_str())),
    };
    let whole = Value::from(key.to_string().as_str());
    let (old, reason) = match seen {
        Some(seen) if seen == whole => return Ok(None),
        Some(seen) => {
            let reason = if is_key(&seen) { Reason::Changed } else { Reason::Due };
            (Old::Exact(short(seen)), reason)
        }
        None => (Old::Absent, Reason::Due),
    };
    Ok(Some(Row { node: node.id.clone(), attribute: path, old, new: New::Ran(key), reason }))
}

fn fired(node: &Node, cause: &NodeId, reason: Reason) -> Row {
    let attribute = AttributePath { name: RUN.to_owned(), member: Some(cause.to_string()) };
    Row { node: node.id.clone(), attribute, old: Old::Absent, new: New::Ran(node.task_key()), reason }
}

fn is_key(value: &Value) -> bool {
    value.as_text().is_some_and(|text| text.parse::<muster_model::digest::Digest>().is_ok())
}

/// A key of another time as a row shows it: enough to tell two apart.
fn short(value: Value) -> Value {
    match value.as_text() {
        Some(text) if is_key(&value) => Value::from(format!("run as {}", &text[..8]).as_str()),
        Some(_) | None => value,
    }
}

#[cfg(test)]
mod tests;
