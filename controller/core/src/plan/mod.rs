//! The plan: what the agents found, put in order and into bytes that an operator can approve.
//!
//! `report` checks what an agent says, `graph` chooses the steps and their edges, `order` numbers them, `segment` cuts
//! them into stretches, `lint` says what every plan satisfies. Neighbours: agents make the rows, `run` carries the plan
//! out. Nothing here compares wanted with observed: a row is the agent's word, checked against the manifest.

mod finding;
mod graph;
pub mod lint;
mod order;
mod report;
mod segment;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use muster_model::FORMAT;
use muster_model::digest::Digest;
use muster_model::manifest::Manifest;
use muster_model::name::{HostName, NodeId, PlanId, ProductId, Revision, Role, ServerId, Slug};
use muster_model::node::NodeKind;
use muster_model::plan::{PlanHeader, PlannedServer, ServerSteps, Step};
use muster_model::report::ServerReport;
use muster_model::secret::SecretRef;
use thiserror::Error;

pub use finding::PlanFinding;
pub(crate) use finding::obstacles;
pub use report::ReportError;

use crate::record::{self, Record};
use finding::Judged;
use graph::Graph;

/// All that a plan is made of.
#[derive(Debug, Clone)]
pub struct PlanInput {
    /// The new plan's number.
    pub plan: PlanId,
    /// The site.
    pub site: Slug,
    /// The product at the version that the site names.
    pub product: ProductId,
    /// The revision that the manifests were compiled from.
    pub revision: Revision,
    /// Nothing of the plan starts later than this.
    pub valid_until: Timestamp,
    /// The site's servers, in the order of its product.
    pub servers: Vec<ServerInput>,
    /// Fingerprints of gates that a person has confirmed, see [`crate::fingerprint`].
    pub confirmed: BTreeSet<Digest>,
}

/// One server of a plan.
#[derive(Debug, Clone)]
pub struct ServerInput {
    /// Its newest manifest.
    pub manifest: Record<Manifest>,
    /// Its agent; none where no stream is open.
    pub agent: Option<AgentFacts>,
    /// What the agent answered.
    pub comparison: Comparison,
    /// Whether an agent of it ever enrolled and was not revoked since.
    pub enrolled: bool,
    /// The secrets of the site that are sealed to this server's agent, at each of their versions.
    pub readable: BTreeSet<SecretRef>,
}

/// What a plan must know of a connected agent: parts of its hello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentFacts {
    /// The computer's name.
    pub host: HostName,
    /// The kinds of node that it knows.
    pub kinds: BTreeSet<NodeKind>,
}

/// What an agent answered when it was asked to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// The comparison.
    Report(ServerReport),
    /// It could not compare, for this reason.
    Problem(String),
    /// It was not asked, or did not answer in time.
    NoAnswer,
}

/// A plan, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembled {
    /// What an operator approves; the record's digest is the plan's.
    pub header: Record<PlanHeader>,
    /// Each server's steps; the header names their digests.
    pub steps: BTreeMap<Role, Record<ServerSteps>>,
    /// What forbids its approval.
    pub findings: Vec<PlanFinding>,
    /// What deserves a look and forbids nothing.
    pub warnings: Vec<String>,
    /// How many rows it has.
    pub rows: u32,
    /// How many steps it has.
    pub step_count: u32,
    /// Whether a server of it stands on a twin.
    pub simulated: bool,
}

impl Assembled {
    /// Whether every server was compared and nothing is left to do.
    pub fn is_in_sync(&self) -> bool {
        self.rows == 0 && self.findings.is_empty()
    }
}

/// Why no plan can be made. Each is a mistake of a document, an agent or this program, never of a server.
#[derive(Debug, Error)]
pub enum Error {
    /// An agent's report does not fit its manifest.
    #[error("the report of {server} is not acceptable")]
    Report {
        /// The server.
        server: ServerId,
        /// What is wrong with it.
        #[source]
        source: Box<ReportError>,
    },
    /// A node needs something that no manifest of the site has.
    #[error("{node} on {role} needs {need} on {on}, which the site does not have")]
    UnknownNeed {
        /// The server of the node.
        role: Role,
        /// The node.
        node: NodeId,
        /// What it needs.
        need: NodeId,
        /// Where it should be.
        on: Role,
    },
    /// Nodes wait for each other, or a node before a gate needs one after it.
    #[error("these wait for each other: {}", .0.join(", "))]
    Cycle(Vec<String>),
    /// Two manifests are of one server, or one is of another site.
    #[error("the manifest of {0} does not belong in this plan")]
    Foreign(ServerId),
    /// The assembled plan breaks a rule that every plan satisfies.
    #[error("the plan breaks its own rules: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Lint(Vec<lint::Violation>),
    /// A record could not be written.
    #[error("a part of the plan has no bytes")]
    Record(#[from] record::Error),
}

/// Makes a plan.
///
/// # Errors
/// Where a report does not fit its manifest, or the nodes have no order.
pub fn assemble(input: &PlanInput) -> Result<Assembled, Error> {
    let manifests = manifests_of(input)?;
    let reports = checked_reports(&input.servers)?;
    let graph = Graph::of(&manifests, &reports, &input.confirmed)?;
    let Judged { findings, warnings } = finding::judge(&input.servers, &reports, |role| graph.works_on(role));
    let order = order::number(&graph)?;
    let segments = segment::cut(&graph, &order);
    let edges = graph.edges(&order);
    let steps = server_steps(&graph, &order, &manifests)?;
    let header = PlanHeader {
        format: FORMAT,
        plan: input.plan,
        site: input.site.clone(),
        product: input.product.clone(),
        revision: input.revision,
        servers: planned_servers(&input.servers, &steps),
        segments,
        edges,
        valid_until: input.valid_until,
    };
    let header = Record::new(header)?;
    let violations = lint::plan(header.value(), steps.values().map(Record::value), manifests.iter().copied());
    if !violations.is_empty() {
        return Err(Error::Lint(violations));
    }
    let all: Vec<&Step> = steps.values().flat_map(|record| &record.value().steps).collect();
    let (rows, step_count) = (count(all.iter().flat_map(|step| &step.rows)), count(&all));
    let simulated = reports.values().any(|report| report.simulated);
    Ok(Assembled { warnings, findings, rows, step_count, simulated, header, steps })
}

fn manifests_of(input: &PlanInput) -> Result<Vec<&Manifest>, Error> {
    let mut seen = BTreeSet::new();
    for server in &input.servers {
        let manifest = server.manifest.value();
        if manifest.server.site != input.site
            || manifest.product != input.product
            || !seen.insert(&manifest.server)
        {
            return Err(Error::Foreign(manifest.server.clone()));
        }
    }
    Ok(input.servers.iter().map(|server| server.manifest.value()).collect())
}

/// The reports that may be planned from: checked, and not of an agent that a finding keeps out altogether.
fn checked_reports(servers: &[ServerInput]) -> Result<BTreeMap<Role, &ServerReport>, Error> {
    let mut reports = BTreeMap::new();
    for server in servers {
        let role = server.manifest.value().server.role.clone();
        reports.extend(checked_report(server)?.map(|report| (role, report)));
    }
    Ok(reports)
}

/// The report of one server, checked; none where a finding keeps its agent out altogether.
pub(crate) fn checked_report(server: &ServerInput) -> Result<Option<&ServerReport>, Error> {
    let Some(report) = finding::usable_report(server) else { return Ok(None) };
    let manifest = server.manifest.value();
    report::check(report, manifest, server.manifest.digest())
        .map_err(|source| Error::Report { server: manifest.server.clone(), source: Box::new(source) })?;
    Ok(Some(report))
}

fn server_steps(
    graph: &Graph<'_>,
    order: &[graph::Place],
    manifests: &[&Manifest],
) -> Result<BTreeMap<Role, Record<ServerSteps>>, record::Error> {
    let mut steps: BTreeMap<&Role, Vec<Step>> =
        manifests.iter().map(|manifest| (&manifest.server.role, Vec::new())).collect();
    for (number, place) in (1..).zip(order) {
        steps.entry(graph.role(*place)).or_default().push(graph.step(*place, number));
    }
    let records = steps
        .into_iter()
        .map(|(role, steps)| Ok((role.clone(), Record::new(ServerSteps { role: role.clone(), steps })?)));
    records.collect()
}

fn planned_servers(
    servers: &[ServerInput],
    steps: &BTreeMap<Role, Record<ServerSteps>>,
) -> BTreeMap<Role, PlannedServer> {
    let planned = servers.iter().filter_map(|server| {
        let manifest = server.manifest.value();
        let role = manifest.server.role.clone();
        let steps = steps.get(&role)?.digest();
        Some((
            role,
            PlannedServer {
                generation: manifest.generation,
                manifest: server.manifest.digest(),
                steps,
                secrets: manifest
                    .secrets()
                    .filter(|(_, secret)| secret.is_set())
                    .map(|(_, secret)| (secret.secret.clone(), secret.version))
                    .collect(),
            },
        ))
    });
    planned.collect()
}

fn count<T>(items: impl IntoIterator<Item = T>) -> u32 {
    items.into_iter().fold(0_u32, |count, _| count.saturating_add(1))
}
