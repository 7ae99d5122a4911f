//! The door for agents' reports: a row enters a plan only if the manifest asks for exactly it.
//!
//! Neighbours: `super` plans from what passes. An agent says what *is*; what *will be* comes from the manifest alone, so
//! that a broken or hostile agent cannot bring a change into a plan that the documents do not name.

use std::collections::BTreeSet;

use muster_model::FORMAT;
use muster_model::digest::Digest;
use muster_model::manifest::{Manifest, Moment, Node};
use muster_model::name::NodeId;
use muster_model::node::{AttributeRole, NodeClass};
use muster_model::plan::{AttributePath, New, Old, Reason, Row};
use muster_model::report::{NodeReport, ServerReport};
use muster_model::value::Value;
use thiserror::Error;

/// What is wrong with a report.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReportError {
    /// It was made by a newer agent.
    #[error("it has format {0}; this version reads {FORMAT}")]
    Format(u32),
    /// It is of another server, generation or manifest.
    #[error("it is not about this server and this manifest")]
    Foreign,
    /// It names a node that the manifest does not have, or names it twice.
    #[error("it names {0} twice, or the manifest does not have it")]
    Node(NodeId),
    /// The node is a check or a gate: an agent finds no rows there.
    #[error("{0} is not a resource or task and has no rows of an agent")]
    Class(NodeId),
    /// A node is listed with neither a row nor a finding.
    #[error("{0} has neither a row nor a finding")]
    Nothing(NodeId),
    /// A row stands under another node.
    #[error("a row of {} stands under another node", .0.node)]
    Misplaced(Box<Row>),
    /// The kind has no such attribute that is observed, or the row is there twice.
    #[error("{} has no attribute {} to observe, or it is there twice", .0.node, .0.attribute)]
    Attribute(Box<Row>),
    /// The whole computer is to trust something, and the row that says so is left out.
    #[error("{0} would be trusted without a row that says so")]
    Trust(NodeId),
    /// The new value is not the one that the manifest wants.
    #[error("{} {}: the manifest does not want {}", .0.node, .0.attribute, .0.new)]
    New(Box<Row>),
    /// The row changes nothing.
    #[error("{} {}: old and new are the same", .0.node, .0.attribute)]
    Same(Box<Row>),
    /// The old value is said to be known after something that does not provide the node, or is not changed itself.
    #[error("{} {} is {}, which does not provide it in this plan", .0.node, .0.attribute, .0.old)]
    KnownAfter(Box<Row>),
    /// A task is said to run for something that does not make it run.
    #[error("{} {}: nothing in the manifest or in this report makes it run", .0.node, .0.attribute)]
    Trigger(Box<Row>),
    /// What a preflight looked at is of no node of the manifest.
    #[error("a preflight of {} is not in the manifest", .0.as_ref().map_or_else(|| "no node".to_owned(), ToString::to_string))]
    Preflight(Option<NodeId>),
    /// An agent has no say in confirmations.
    #[error("{0} has a row with the reason of a gate")]
    Confirm(NodeId),
}

/// Checks a report against the manifest that it was asked to compare with.
pub(super) fn check(report: &ServerReport, manifest: &Manifest, digest: Digest) -> Result<(), ReportError> {
    if report.format != FORMAT {
        return Err(ReportError::Format(report.format));
    }
    if report.server != manifest.server
        || report.generation != manifest.generation
        || report.manifest != digest
    {
        return Err(ReportError::Foreign);
    }
    let mut seen = BTreeSet::new();
    for entry in &report.nodes {
        let node = manifest.node(&entry.node).filter(|_| seen.insert(&entry.node));
        let node = node.ok_or_else(|| ReportError::Node(entry.node.clone()))?;
        check_node(entry, node, manifest, report)?;
    }
    let stray =
        report.preflight.iter().find(|item| item.node.as_ref().and_then(|id| manifest.node(id)).is_none());
    stray.map_or(Ok(()), |item| Err(ReportError::Preflight(item.node.clone())))
}

fn check_node(
    entry: &NodeReport,
    node: &Node,
    manifest: &Manifest,
    report: &ServerReport,
) -> Result<(), ReportError> {
    if entry.rows.is_empty() && entry.finding.is_none() {
        return Err(ReportError::Nothing(node.id.clone()));
    }
    match node.id.kind.class() {
        NodeClass::Task => return check_task(entry, node, report),
        NodeClass::Resource => {}
        // A check may have a finding, such as a kind of request that the agent cannot make; never a row.
        NodeClass::Check | NodeClass::Gate if entry.rows.is_empty() => {}
        NodeClass::Check | NodeClass::Gate => return Err(ReportError::Class(node.id.clone())),
    }
    let mut seen = BTreeSet::new();
    for row in &entry.rows {
        if row.node != node.id {
            return Err(ReportError::Misplaced(Box::new(row.clone())));
        }
        if !is_observed(node, &row.attribute) || !seen.insert(&row.attribute) {
            return Err(ReportError::Attribute(Box::new(row.clone())));
        }
        check_row(row, node, manifest, report)?;
    }
    let comes = |row: &Row| row.attribute.is_existence() && row.new != New::Absent;
    match node.trust() {
        Some((told, _)) if entry.rows.iter().any(comes) && !seen.contains(&told) => {
            Err(ReportError::Trust(node.id.clone()))
        }
        Some(_) | None => Ok(()),
    }
}

/// A task's rows: that it runs, once for its key or once for each change that fires it. The key is the manifest's, and a
/// change that is said to fire it in this plan is a change of this plan.
fn check_task(entry: &NodeReport, node: &Node, report: &ServerReport) -> Result<(), ReportError> {
    let changes =
        |cause: &NodeId| report.nodes.iter().any(|other| other.node == *cause && !other.rows.is_empty());
    let mut seen = BTreeSet::new();
    for row in &entry.rows {
        let wrong = || Box::new(row.clone());
        if row.node != node.id {
            return Err(ReportError::Misplaced(wrong()));
        }
        if row.attribute.name != "run" || !seen.insert(&row.attribute) {
            return Err(ReportError::Attribute(wrong()));
        }
        if row.new != New::Ran(node.task_key()) {
            return Err(ReportError::New(wrong()));
        }
        let fires =
            |cause: &str| node.triggers.iter().flatten().find(|trigger| trigger.cause.to_string() == cause);
        let reasoned = match (&node.triggers, &row.attribute.member) {
            (None, None) => matches!(row.reason, Reason::Due | Reason::Changed),
            (Some(_), Some(member)) => fires(member).is_some_and(|trigger| match row.reason {
                Reason::Triggered => changes(&trigger.cause),
                Reason::Owed => trigger.moment == Moment::After,
                Reason::Missing
                | Reason::Changed
                | Reason::Drift
                | Reason::Differs
                | Reason::Reset
                | Reason::Removed
                | Reason::Foreign
                | Reason::Handed
                | Reason::CommandLine
                | Reason::Opens
                | Reason::Confirm
                | Reason::Due => false,
            }),
            (None, Some(_)) | (Some(_), None) => false,
        };
        if !reasoned || matches!(row.old, Old::KnownAfter(_)) {
            return Err(ReportError::Trigger(wrong()));
        }
    }
    Ok(())
}

fn is_observed(node: &Node, attribute: &AttributePath) -> bool {
    let resource = node.id.kind.class() == NodeClass::Resource;
    let attribute_of_kind = node.id.kind.spec().attribute(&attribute.name).is_some_and(|spec| {
        spec.role == AttributeRole::State && spec.ty.is_set() == attribute.member.is_some()
    });
    let handed = || node.handed().iter().any(|(handed, _)| handed == attribute);
    let trust = || node.trust().is_some_and(|(told, _)| told == *attribute);
    attribute_of_kind || (resource && (attribute.is_existence() || handed() || trust()))
}

fn check_row(row: &Row, node: &Node, manifest: &Manifest, report: &ServerReport) -> Result<(), ReportError> {
    if row.reason == Reason::Confirm {
        return Err(ReportError::Confirm(node.id.clone()));
    }
    let wanted = wanted(node, &row.attribute);
    let agrees = match (&row.new, &wanted) {
        (New::Exact(new), Some(wanted)) => new == wanted,
        // A member that Muster made and the documents no longer name, one that is not in exact documents, a whole thing that
        // is not wanted, or a package that is taken off; another single attribute is never taken away.
        (New::Absent, None) => match (row.attribute.member.is_some(), row.reason) {
            (true, Reason::Removed) => true,
            (true, Reason::Foreign) => node.exact,
            (_, _) => {
                let goes = if row.attribute.is_existence() { node.absent } else { node.is_taken_off() };
                goes && row.reason == Reason::Removed
            }
        },
        (New::Exact(_), None) | (New::Absent, Some(_)) | (New::Confirmed | New::Ran(_), _) => false,
    };
    if !agrees {
        return Err(ReportError::New(Box::new(row.clone())));
    }
    match (&row.old, &row.new) {
        (Old::KnownAfter(after), _) if !provides(after, node, manifest, report) => {
            Err(ReportError::KnownAfter(Box::new(row.clone())))
        }
        (Old::Exact(old), New::Exact(new)) if old == new => Err(ReportError::Same(Box::new(row.clone()))),
        (Old::Absent, New::Absent) => Err(ReportError::Same(Box::new(row.clone()))),
        (Old::Exact(_) | Old::Absent | Old::KnownAfter(_), _) => Ok(()),
    }
}

/// What the manifest wants of an attribute or of one member; none where it wants nothing.
fn wanted(node: &Node, attribute: &AttributePath) -> Option<Value> {
    if attribute.is_existence() {
        return (!node.absent).then_some(Value::Boolean(true));
    }
    if node.is_taken_off() {
        return None;
    }
    let handed = node.handed().into_iter().find(|(handed, _)| handed == attribute);
    if let Some((_, secret)) = handed {
        return Some(Value::Secret(secret));
    }
    if let Some((_, whom)) = node.trust().filter(|(told, _)| told == attribute) {
        return Some(whom);
    }
    match (node.attributes.get(&attribute.name)?, &attribute.member) {
        (Value::Members(members), Some(member)) => members.get(member).cloned().map(Value::Text),
        (
            value @ (Value::Boolean(_)
            | Value::Integer(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Secret(_)
            | Value::Members(_)),
            None,
        ) => Some(value.clone()),
        (
            Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::List(_) | Value::Secret(_),
            Some(_),
        ) => None,
    }
}

/// Whether that package provides this node, or the thing that it is a part of, and is itself installed or replaced by this
/// report's rows.
fn provides(provider: &NodeId, node: &Node, manifest: &Manifest, report: &ServerReport) -> bool {
    manifest.reset_by(node).any(|package| package == provider)
        && report.nodes.iter().any(|entry| {
            entry.node == *provider && entry.rows.iter().any(|row| row.attribute.name == "version")
        })
}
