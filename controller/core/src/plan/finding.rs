//! Findings and warnings: what stands in a plan's way, each with what to do.
//!
//! Neighbours: agents find what is wrong with a node, here is found what is wrong with an agent. A plan with a finding
//! cannot be approved; it is still made, so that everything that is missing is seen at once (G1).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use muster_model::manifest::{Manifest, Node};
use muster_model::name::{NodeId, Role, ServerId};
use muster_model::node::{AttributeRole, NodeClass, NodeKind};
use muster_model::preflight::Verdict;
use muster_model::report::{Finding, ServerReport};
use muster_model::value::Value;

use super::{AgentFacts, Comparison, ServerInput};

/// A problem that a person must solve before the plan can be approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFinding {
    /// The server.
    pub server: ServerId,
    /// The node, where it is about one.
    pub node: Option<NodeId>,
    /// What is wrong, and what to do.
    pub finding: Finding,
}

impl fmt::Display for PlanFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.server)?;
        if let Some(node) = &self.node {
            write!(f, " {node}")?;
        }
        write!(f, ": {} -> {}", self.finding.problem, self.finding.advice)
    }
}

/// What a plan's servers show against it.
pub(super) struct Judged {
    /// What forbids its approval.
    pub(super) findings: Vec<PlanFinding>,
    /// What deserves a look.
    pub(super) warnings: Vec<String>,
}

/// Everything, in the order of the servers and of their nodes. What a preflight misses forbids the approval where the plan
/// works on that server, unless it holds for an hour only: who plans for Saturday has a console open on Thursday. The look
/// right before the first effect forgives nothing.
pub(super) fn judge(
    servers: &[ServerInput],
    reports: &BTreeMap<Role, &ServerReport>,
    works_on: impl Fn(&Role) -> bool,
) -> Judged {
    let mut judged = Judged { findings: Vec::new(), warnings: Vec::new() };
    for server in servers {
        let id = &server.manifest.value().server;
        judged.findings.extend(obstacles(server));
        for item in usable_report(server).into_iter().flat_map(|report| &report.preflight) {
            if item.verdict == Verdict::Passed {
                continue;
            }
            let found = PlanFinding {
                server: id.clone(),
                node: item.node.clone(),
                finding: Finding { problem: item.to_string(), advice: item.advice.clone() },
            };
            if works_on(&id.role) && !item.is_momentary() {
                judged.findings.push(found);
            } else {
                judged.warnings.push(found.to_string());
            }
        }
    }
    judged.warnings.extend(warnings(servers, reports));
    judged
}

/// What keeps a server, or a node of it, from being brought to its state, whatever its preflight says.
pub(crate) fn obstacles(server: &ServerInput) -> Vec<PlanFinding> {
    let id = &server.manifest.value().server;
    let own = obstacle(server).map(|finding| PlanFinding { server: id.clone(), node: None, finding });
    let nodes = usable_report(server).into_iter().flat_map(|report| &report.nodes);
    let of_nodes = nodes.filter_map(|node| {
        let finding = node.finding.clone()?;
        Some(PlanFinding { server: id.clone(), node: Some(node.node.clone()), finding })
    });
    own.into_iter().chain(secrets(server)).chain(of_nodes).collect()
}

/// Secrets that a node needs and that its server cannot have: each once per node.
fn secrets(server: &ServerInput) -> Vec<PlanFinding> {
    let manifest = server.manifest.value();
    let site = &manifest.server.site;
    let lacking = manifest.secrets().filter_map(|(node, secret)| {
        let name = &secret.secret;
        let finding = if !secret.is_set() {
            Finding {
                problem: format!("the secret {name} is not set"),
                advice: format!("set it: muster secret set {site} {name}"),
            }
        } else if !server.readable.contains(secret) {
            Finding {
                problem: format!("the secret {name} {} is not yet readable by {}", secret.version, manifest.host),
                advice: format!(
                    "enrol the server, then seal anew: muster secret reseal {site} --recovery-key FILE; or set it again"
                ),
            }
        } else {
            return None;
        };
        Some(PlanFinding { server: manifest.server.clone(), node: Some(node.clone()), finding })
    });
    lacking.collect()
}

/// The report, unless something about its agent keeps it out.
pub(super) fn usable_report(server: &ServerInput) -> Option<&ServerReport> {
    match (&server.comparison, obstacle(server)) {
        (Comparison::Report(report), None) => Some(report),
        (Comparison::Report(_) | Comparison::Problem(_) | Comparison::NoAnswer, _) => None,
    }
}

/// What keeps a whole server out of the plan.
fn obstacle(server: &ServerInput) -> Option<Finding> {
    let manifest = server.manifest.value();
    let id = &manifest.server;
    let Some(AgentFacts { host, kinds }) = &server.agent else {
        return Some(if server.enrolled {
            Finding {
                problem: format!("{} is not connected", manifest.host),
                advice: format!("start its agent, see `muster server show {id}`, then plan again"),
            }
        } else {
            Finding {
                problem: format!("{} is not connected: no agent of it is enrolled", manifest.host),
                advice: format!(
                    "invite it: `muster server invite {id} --out FILE`, then install the agent there"
                ),
            }
        });
    };
    if !host.as_str().eq_ignore_ascii_case(manifest.host.as_str()) {
        return Some(Finding {
            problem: format!("its agent stands on {host}, the site's document says {}", manifest.host),
            advice: "correct the name in the site's document, or invite the right computer".to_owned(),
        });
    }
    let lacking = manifest.nodes.iter().map(|node| node.id.kind).filter(|kind| !kinds.contains(kind));
    let lacking: BTreeSet<&str> = lacking.map(NodeKind::as_str).collect();
    if !lacking.is_empty() {
        return Some(Finding {
            problem: format!(
                "its agent does not know {}",
                lacking.into_iter().collect::<Vec<_>>().join(", ")
            ),
            advice: "install the newest agent there, then plan again".to_owned(),
        });
    }
    match &server.comparison {
        Comparison::Report(report) if report.manifest != server.manifest.digest() => Some(Finding {
            problem: "its agent compared with an older manifest".to_owned(),
            advice: "plan again".to_owned(),
        }),
        Comparison::Report(_) => None,
        Comparison::Problem(problem) => Some(Finding {
            problem: format!("it could not be compared: {problem}"),
            advice: "solve this on the server, then plan again".to_owned(),
        }),
        Comparison::NoAnswer => Some(Finding {
            problem: "its agent did not answer in time".to_owned(),
            advice: format!("look at the agent's log on {}, then plan again", manifest.host),
        }),
    }
}

/// A warning for each thing that Muster made and the documents no longer name: it stays, removal is a person's choice. And
/// one for each server with attributes that nobody can read back, so that an empty plan is not taken for more than it is.
fn warnings(servers: &[ServerInput], reports: &BTreeMap<Role, &ServerReport>) -> Vec<String> {
    let orphans = reports.values().flat_map(|report| {
        report.orphans.iter().map(|node| {
            format!(
                "{} {node}: Muster made it and the documents no longer name it; it stays as it is. To have it taken \
                 away, name it once more with a `when` that is false",
                report.server
            )
        })
    });
    let ignoring = servers.iter().flat_map(|server| {
        let manifest = server.manifest.value();
        let report = reports.values().find(|report| report.server == manifest.server);
        report.into_iter().flat_map(|report| past_errors(manifest, report))
    });
    orphans.chain(servers.iter().filter_map(unseen)).chain(ignoring).collect()
}

/// A task of this plan whose scripts may order that their errors are ignored: its end says less than another's.
fn past_errors<'s>(manifest: &'s Manifest, report: &'s ServerReport) -> impl Iterator<Item = String> {
    let may = |node: &&Node| node.attributes.get("may_ignore_errors") == Some(&Value::Boolean(true));
    let is_due = |node: &&Node| report.nodes.iter().any(|due| due.node == node.id && !due.rows.is_empty());
    manifest.nodes.iter().filter(may).filter(is_due).map(|node| {
        format!(
            "{} {}: its scripts may go on after errors (`:on error ignore`); its end counts those that were ignored",
            manifest.server, node.id
        )
    })
}

/// Drift of a password cannot be seen.
fn unseen(server: &ServerInput) -> Option<String> {
    let manifest = server.manifest.value();
    // What a person types into an installer's dialogs, and what opens a file, is nothing that Muster sets.
    let is_set = |node: &&Node| {
        let compared = node.id.kind.spec().attributes.iter().filter(|spec| spec.role == AttributeRole::State);
        compared.filter_map(|spec| node.attributes.get(spec.name)).any(|value| value.as_secret().is_some())
    };
    let resources = manifest.nodes.iter().filter(|node| node.id.kind.class() == NodeClass::Resource);
    let mut nodes = resources.filter(is_set);
    let first = nodes.next()?;
    let more = nodes.count();
    let more = if more == 0 { String::new() } else { format!(" and of {more} more") };
    Some(format!(
        "{} {}: a password cannot be read back; if somebody changed that of it{more} on the server, no plan shows it",
        manifest.server, first.id
    ))
}
