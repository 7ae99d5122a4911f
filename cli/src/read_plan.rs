//! A plan as it was hashed: nothing is shown or approved that is not in bytes with the digest.
//!
//! Neighbours: `plan` shows it, `approve` sends its digest. Findings, warnings and the twin's label stand beside the plan
//! and are not covered by the digest: they only ever hold an operator back.

use muster_model::FORMAT;
use muster_model::digest::Digest;
use muster_model::name::{NodeId, PlanId, Role};
use muster_model::plan::{PlanHeader, ServerSteps, Step};
use muster_proto::v1;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::exit::Exit;
use crate::failure::Failure;

/// A plan of which every digest was checked on this machine.
#[derive(Debug)]
pub(crate) struct ReadPlan {
    /// What the digest covers.
    pub(crate) header: PlanHeader,
    /// The steps of each server, in the header's order.
    pub(crate) servers: Vec<ServerSteps>,
    /// SHA-256 of the header's bytes, computed here.
    pub(crate) digest: Digest,
    /// What forbids approval.
    pub(crate) findings: Vec<String>,
    /// What deserves a look.
    pub(crate) warnings: Vec<String>,
    /// Whether a server stands on a twin.
    pub(crate) simulated: bool,
    /// Who approved it.
    pub(crate) approved_by: Option<String>,
}

/// The shape `muster.plan/1`.
#[derive(Debug, Serialize)]
pub(crate) struct PlanRecord<'a> {
    plan: PlanId,
    digest: Digest,
    header: &'a PlanHeader,
    servers: &'a [ServerSteps],
    findings: &'a [String],
    warnings: &'a [String],
    simulated: bool,
    approved_by: Option<&'a str>,
}

impl ReadPlan {
    /// Hashes the bytes and reads what they say.
    ///
    /// # Errors
    /// Where a blob of steps does not have the digest that the header names, or a part cannot be read.
    pub(crate) fn verify(reply: &v1::PlanReply) -> Result<Self, Failure> {
        let digest = Digest::of(&reply.header_json);
        let header: PlanHeader = read(&reply.header_json, "header")?;
        if header.format != FORMAT {
            return Err(unreadable(format!(
                "the plan has format {}; this version reads {FORMAT}",
                header.format
            )));
        }
        if header.plan.0 != reply.plan || header.servers.len() != reply.steps_json.len() {
            return Err(altered(&header, "the controller's answer does not belong together"));
        }
        let mut servers = Vec::new();
        for ((role, planned), steps_json) in header.servers.iter().zip(&reply.steps_json) {
            if Digest::of(steps_json) != planned.steps {
                return Err(altered(
                    &header,
                    &format!("the steps of {role} do not have the digest that the plan names"),
                ));
            }
            let steps: ServerSteps = read(steps_json, "steps")?;
            if steps.role != *role {
                return Err(altered(&header, &format!("the steps of {role} are those of {}", steps.role)));
            }
            servers.push(steps);
        }
        Ok(Self {
            header,
            servers,
            digest,
            findings: reply.findings.clone(),
            warnings: reply.warnings.clone(),
            simulated: reply.simulated,
            approved_by: Some(reply.approved_by.clone()).filter(|by| !by.is_empty()),
        })
    }

    /// Every step with its server's role, by number.
    pub(crate) fn steps(&self) -> Vec<(&Role, &Step)> {
        let mut steps: Vec<(&Role, &Step)> = self
            .servers
            .iter()
            .flat_map(|server| server.steps.iter().map(|step| (&server.role, step)))
            .collect();
        steps.sort_by_key(|(_, step)| step.number);
        steps
    }

    /// The number of that node's step on that server.
    pub(crate) fn number(&self, role: &Role, node: &NodeId) -> Option<u32> {
        let server = self.servers.iter().find(|server| server.role == *role)?;
        server.steps.iter().find(|step| step.node == *node).map(|step| step.number)
    }

    /// The JSON that is printed.
    pub(crate) fn record(&self) -> PlanRecord<'_> {
        PlanRecord {
            plan: self.header.plan,
            digest: self.digest,
            header: &self.header,
            servers: &self.servers,
            findings: &self.findings,
            warnings: &self.warnings,
            simulated: self.simulated,
            approved_by: self.approved_by.as_deref(),
        }
    }
}

fn read<T: DeserializeOwned>(json: &[u8], part: &str) -> Result<T, Failure> {
    serde_json::from_slice(json)
        .map_err(|error| unreadable(format!("the plan's {part} cannot be read")).because(&error))
}

fn unreadable(message: String) -> Failure {
    Failure::new(Exit::Internal, message, "bring controller and CLI to one version: muster --version")
}

fn altered(header: &PlanHeader, what: &str) -> Failure {
    Failure::new(
        Exit::Internal,
        format!("{} cannot be trusted: {what}. Do not approve it", header.plan),
        format!(
            "plan again: muster plan {}; if it happens again, the controller's database was altered",
            header.site
        ),
    )
}
