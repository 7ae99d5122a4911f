//! A site's preflight: what every server's agent found, joined with what keeps an agent from looking (G1).
//!
//! Neighbours: `plan` judges agents and their reports; the same findings forbid a plan's approval. Nothing is left out and
//! nothing stops at the first: whoever reads it mends everything at once.

use jiff::Timestamp;
use muster_model::name::{ProductId, Revision, Slug};
use muster_model::preflight::{AGENT, COMPARISON, PreflightItem, PreflightView, ServerPreflight, Verdict};

use crate::plan::{self, PlanFinding, ServerInput};

/// What a preflight is made of.
#[derive(Debug, Clone)]
pub struct Input {
    /// The site.
    pub site: Slug,
    /// The product at the version that the site names.
    pub product: ProductId,
    /// The revision that the manifests were compiled from.
    pub revision: Revision,
    /// The present time.
    pub now: Timestamp,
    /// The site's servers, in the order of its product.
    pub servers: Vec<ServerInput>,
}

/// Joins the answers of all servers.
///
/// # Errors
/// Where an agent's report does not fit the manifest that it was sent.
pub fn view(input: &Input) -> Result<PreflightView, plan::Error> {
    let mut servers = Vec::new();
    let mut simulated = false;
    for server in &input.servers {
        let report = plan::checked_report(server)?;
        simulated |= report.is_some_and(|report| report.simulated);
        let obstacles = plan::obstacles(server).into_iter().map(item);
        let looked = report.into_iter().flat_map(|report| report.preflight.iter().cloned());
        let manifest = server.manifest.value();
        servers.push(ServerPreflight {
            server: manifest.server.clone(),
            host: manifest.host.clone(),
            items: obstacles.chain(looked).collect(),
        });
    }
    let items = servers.iter().flat_map(|server| &server.items);
    Ok(PreflightView {
        site: input.site.clone(),
        product: input.product.clone(),
        revision: input.revision,
        at: input.now,
        simulated,
        passed: items.into_iter().all(|item| item.verdict == Verdict::Passed),
        servers,
    })
}

/// A finding of the comparison, as an item among the others.
fn item(finding: PlanFinding) -> PreflightItem {
    let PlanFinding { server: _, node, finding } = finding;
    let check = if node.is_some() { COMPARISON } else { AGENT };
    PreflightItem {
        node,
        check: check.to_owned(),
        verdict: Verdict::Missing,
        found: finding.problem,
        wanted: String::new(),
        advice: finding.advice,
        guide: None,
    }
}
