//! What is not wanted any more: Muster takes away what it made, and what it gave to things that others made.
//!
//! A package goes where a document says so, whoever installed it. Neighbours: `diff` compares what is wanted. Settings of a
//! thing that Muster did not make stay as they are: nobody knows what they were before.

use muster_model::manifest::Node;
use muster_model::node::AttributeSpec;
use muster_model::plan::{AttributePath, New, Old, Reason, Row};

use super::{Comparison, state_attributes, unreadable};
use crate::ledger::Ledger;
use crate::observation::Observation;

/// Compares a package that the documents do not want, whoever installed it. Its row names the version, so that another one
/// that came meanwhile is not what was approved.
pub(super) fn package(node: &Node, observation: &Observation) -> Comparison {
    match observation {
        Observation::Absent => Comparison::default(),
        Observation::Unreadable(problem) => {
            Comparison { rows: Vec::new(), finding: Some(unreadable(node, problem)) }
        }
        Observation::Present(_) => {
            let attribute = AttributePath { name: "version".to_owned(), member: None };
            let row = observation.value(&attribute).map(|version| Row {
                node: node.id.clone(),
                attribute,
                old: Old::Exact(version),
                new: New::Absent,
                reason: Reason::Removed,
            });
            Comparison { rows: row.into_iter().collect(), finding: None }
        }
    }
}

/// Compares a thing that is not wanted, where the ledger knows it; any other is none of Muster's business.
pub(super) fn compare(node: &Node, observation: &Observation, ledger: &Ledger) -> Comparison {
    let known = ledger.paths(&node.id).next().is_some();
    match observation {
        Observation::Unreadable(problem) if known => {
            Comparison { rows: Vec::new(), finding: Some(unreadable(node, problem)) }
        }
        Observation::Unreadable(_) | Observation::Absent => Comparison::default(),
        Observation::Present(_) => {
            let made = ledger.last(&node.id, &AttributePath::exists()).map(|_| AttributePath::exists());
            let given = state_attributes(node.id.kind).filter(|spec| spec.ty.is_set()).flat_map(
                |spec: &AttributeSpec| {
                    ledger.members(&node.id, spec.name).map(|member| AttributePath {
                        name: spec.name.to_owned(),
                        member: Some(member.to_owned()),
                    })
                },
            );
            let rows = made.into_iter().chain(given).filter_map(|attribute| {
                let old = Old::Exact(observation.value(&attribute)?);
                let node = node.id.clone();
                Some(Row { node, attribute, old, new: New::Absent, reason: Reason::Removed })
            });
            Comparison { rows: rows.collect(), finding: None }
        }
    }
}
