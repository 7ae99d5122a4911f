//! Where a site stands by its newest plan: what the plan's events come to, in one record.
//!
//! Neighbours: [`Run`] is the fold, the controller writes this record of it in the transaction of each event, and
//! `muster status` reads the record and no event. Left out is what moves without an event of the plan: the time, who is
//! connected, and what the documents say today; `view` joins them when it is asked.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_model::event::RunEnd;
use muster_model::manifest::Manifest;
use muster_model::name::{
    Generation, HostName, NodeId, ParameterName, PlanId, Revision, Role, SecretVersion, Slug,
};
use muster_model::outcome::End;
use muster_model::view::StepState;
use serde::{Deserialize, Serialize};

use crate::run::{Phase, Run, StepRun};
use crate::view::{end_phrase, end_word};

/// The format of [`SiteStatus`]. A record of another one is folded anew when the controller starts.
pub const FORMAT: u32 = 3;

/// Where a site stands by its newest plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteStatus {
    /// The site.
    pub site: Slug,
    /// The plan.
    pub plan: PlanId,
    /// The revision that it was compiled from.
    pub revision: Revision,
    /// The end of its validity.
    pub valid_until: Timestamp,
    /// How far it has come.
    pub phase: Phase,
    /// When it last moved.
    pub moved_at: Option<Timestamp>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// How many findings forbid its approval.
    pub findings: u32,
    /// How many rows it has.
    pub rows: u32,
    /// How many steps it has.
    pub steps: u32,
    /// How many of them are done.
    pub done: u32,
    /// How many did not end well by themselves: not those that were skipped for others.
    pub failed: u32,
    /// Its servers.
    pub servers: BTreeMap<Role, ServerStatus>,
    /// The step that moves now.
    pub moving: Option<(u32, NodeId)>,
    /// The gates that wait for a person.
    pub gates: Vec<OpenGate>,
    /// Steps of which nobody knows what became of them.
    pub parked: Vec<u32>,
    /// Those of them of which only a person can say it: their agents have nothing to look at.
    pub unseen: Vec<u32>,
    /// Whether an operator can let the run go on.
    pub may_resume: bool,
    /// Whether to resume leads nowhere.
    pub must_plan_again: bool,
    /// What a run that ended otherwise than done ended with, in a sentence.
    pub stopped: Option<String>,
}

/// A server of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerStatus {
    /// The computer's name in the manifest; none where that is not known.
    pub host: Option<HostName>,
    /// The manifest's generation.
    pub generation: Generation,
    /// The secrets that the manifest names, at their versions; 0 for one that was not set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<ParameterName, SecretVersion>,
    /// Whether the plan has steps for it.
    pub works: bool,
    /// Whether the run waits for its agent.
    pub outstanding: bool,
}

/// A gate that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenGate {
    /// The step's number.
    pub step: u32,
    /// The node.
    pub node: NodeId,
    /// Who does it, as the manifest says it.
    pub done_by: Option<String>,
    /// Whether it asks for an end date (G23).
    pub asks_end_date: bool,
}

impl SiteStatus {
    /// The record of a plan's fold, with the manifests that the plan names.
    pub fn of(run: &Run, manifests: &BTreeMap<Role, &Manifest>) -> Self {
        let header = run.header();
        let servers = header.servers.iter().map(|(role, planned)| {
            let manifest = manifests.get(role);
            // The manifest's own, as the header leaves out those that were never set.
            let secrets = manifest.into_iter().flat_map(|manifest| manifest.secrets());
            let secrets = secrets.map(|(_, secret)| (secret.secret.clone(), secret.version));
            let server = ServerStatus {
                host: manifest.map(|manifest| manifest.host.clone()),
                generation: planned.generation,
                secrets: secrets.collect(),
                works: run.steps().any(|step| step.role == *role),
                outstanding: !run.outstanding(role).is_empty(),
            };
            (role.clone(), server)
        });
        let moving = |state| run.steps().find(move |step| step.state == state);
        let moving = moving(StepState::Running).or_else(|| moving(StepState::Issued));
        let is_cause =
            |step: &StepRun| step.has_failed() && run.culprit(step.step.number) == step.step.number;
        let parked = |which: fn(&StepRun) -> bool| {
            let parked = run.steps().filter(|step| step.is_parked() && which(step));
            parked.map(|step| step.step.number).collect()
        };
        Self {
            site: header.site.clone(),
            plan: run.plan(),
            revision: header.revision,
            valid_until: header.valid_until,
            phase: run.phase(),
            moved_at: run.moved_at(),
            approved_by: run.approval().map(|approval| approval.by.clone()),
            findings: run.findings(),
            rows: run.rows(),
            steps: count(run, |_| true),
            done: count(run, StepRun::is_done),
            failed: count(run, is_cause),
            servers: servers.collect(),
            moving: moving.map(|step| (step.step.number, step.step.node.clone())),
            gates: gates(run, manifests),
            parked: parked(|_| true),
            unseen: parked(|step| !step.is_seen()),
            may_resume: run.may_resume(),
            must_plan_again: run.must_plan_again(),
            stopped: stopped(run),
        }
    }

    /// Whether the plan's validity is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.valid_until
    }

    /// Whether the run was started and has not ended.
    pub fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Stopping)
    }
}

fn count(run: &Run, which: impl Fn(&StepRun) -> bool) -> u32 {
    run.steps().filter(|step| which(step)).fold(0_u32, |count, _| count.saturating_add(1))
}

fn gates(run: &Run, manifests: &BTreeMap<Role, &Manifest>) -> Vec<OpenGate> {
    let open = run.steps().filter(|step| step.state == StepState::Waiting).map(|step| {
        let node = manifests.get(&step.role).and_then(|manifest| manifest.node(&step.step.node));
        let attribute = |name| node.and_then(|node| node.attributes.get(name)?.as_text());
        OpenGate {
            step: step.step.number,
            node: step.step.node.clone(),
            done_by: attribute("done_by").map(str::to_owned),
            asks_end_date: attribute("end_date_of").is_some(),
        }
    });
    open.collect()
}

/// The sentence of a run that ended otherwise than done: the first step to blame, with what was seen there.
fn stopped(run: &Run) -> Option<String> {
    let Phase::Ended(end) = run.phase() else { return None };
    let blamed = match end {
        RunEnd::Done => return None,
        RunEnd::Unknown => Some(End::Unknown),
        RunEnd::Failed => Some(End::Failed),
        RunEnd::Blocked => Some(End::Blocked),
        RunEnd::Refused | RunEnd::Cancelled | RunEnd::Expired => None,
    };
    let plan = run.plan();
    let first =
        |end: End| run.steps().find(|step| step.state == StepState::Ended(end)).map(|step| (step, end));
    if let Some((step, end)) = blamed.and_then(first) {
        let evidence =
            step.outcome.as_ref().map(|outcome| format!(": {}", outcome.evidence)).unwrap_or_default();
        let StepRun { step, .. } = step;
        return Some(format!("step {plan}/{} {} {}{evidence}", step.number, step.node, end_phrase(end)));
    }
    if let Some((role, refusal)) = run.refusals().next().filter(|_| end == RunEnd::Refused) {
        return Some(format!("{plan}: the agent of {role} did not take its command: {refusal}"));
    }
    let left = match count(run, |step| !step.is_done()) {
        1 => "1 step was".to_owned(),
        left => format!("{left} steps were"),
    };
    Some(format!("{plan} {}: {left} not done", end_word(end)))
}
