//! A plan with its steps, and how its run stands.
//!
//! Neighbours: `super::site` tells the same of a whole site. Instructions and values to type come from the manifests that
//! the plan names, so that a person types what was approved.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_model::event::RunEnd;
use muster_model::manifest::{Manifest, Node};
use muster_model::name::{ParameterName, Role, SecretVersion, ServerId};
use muster_model::outcome::{End, Outcome};
use muster_model::to_type::{Typed, typed};
use muster_model::value::Value;
use muster_model::view::{RunView, StepState, StepView, StepsView};

use crate::run::{Phase, Run, StepRun};
use crate::status::{OpenGate, SiteStatus};

/// What a view must know of a plan's servers.
#[derive(Debug, Clone, Default)]
pub struct Servers<'a> {
    /// The manifests that the plan names.
    pub manifests: BTreeMap<Role, &'a Manifest>,
    /// The roles whose agents' streams are open.
    pub connected: Vec<Role>,
    /// Whether one of them stands on a twin.
    pub simulated: bool,
}

impl Servers<'_> {
    /// What to call the server of that role: its computer's name.
    pub(super) fn name(&self, role: &Role) -> String {
        self.manifests.get(role).map_or_else(|| role.to_string(), |manifest| manifest.host.to_string())
    }
}

/// The plan and, once it was started, its run.
pub fn steps(run: &Run, servers: &Servers<'_>, now: Timestamp) -> StepsView {
    let approved = run.approval().map(|approval| (approval.by.clone(), approval.at));
    let status = SiteStatus::of(run, &servers.manifests);
    StepsView {
        plan: run.plan(),
        site: run.header().site.clone(),
        digest: run.digest(),
        approved,
        simulated: servers.simulated,
        run: self::run(&status, &servers.connected),
        steps: run.steps().map(|step| self::step(run, step, servers)).collect(),
        next: next(&status, now),
    }
}

/// How a run stands; none before it was started.
pub(super) fn run(status: &SiteStatus, connected: &[Role]) -> Option<RunView> {
    match status.phase {
        Phase::Planned | Phase::Approved => None,
        Phase::Ended(end) => Some(RunView::Ended(end)),
        Phase::Running | Phase::Stopping => {
            let outstanding = || status.servers.iter().filter(|(_, server)| server.outstanding);
            let works = outstanding().any(|(role, _)| connected.contains(role));
            Some(match () {
                () if works => RunView::Running,
                // What a person can do now comes before what may come back by itself.
                () if !status.gates.is_empty() => RunView::Waiting,
                () if outstanding().next().is_some() => RunView::Offline,
                () => RunView::Running,
            })
        }
    }
}

/// A step, as it stands.
pub(super) fn step(run: &Run, step: &StepRun, servers: &Servers<'_>) -> StepView {
    // What an agent found keeps a guided step waiting, and is told; for what a gate was skipped once is past.
    let still = |outcome: &&Outcome| step.state == StepState::Waiting && outcome.end != End::Skipped;
    let ended = step.outcome.as_ref().filter(|outcome| step.has_ended() || still(outcome));
    let node = servers.manifests.get(&step.role).and_then(|manifest| manifest.node(&step.step.node));
    let by_person = step.step.is_by_person();
    let blocked = step.state == StepState::Ended(End::Blocked);
    StepView {
        number: step.step.number,
        server: ServerId { site: run.header().site.clone(), role: step.role.clone() },
        node: step.step.node.clone(),
        class: step.step.class,
        state: step.state,
        since: step.since,
        rows: step.step.rows.clone(),
        evidence: ended.map(|outcome| outcome.evidence.clone()),
        actual_rows: ended.filter(|_| blocked).map(|outcome| outcome.rows.clone()).unwrap_or_default(),
        because: Some(run.culprit(step.step.number)).filter(|culprit| *culprit != step.step.number),
        instructions: node.and_then(|node| node.attributes.get("instructions")).map(Value::to_string),
        end_date_of: node.and_then(|node| node.attributes.get("end_date_of")).map(Value::to_string),
        type_these: node.map(type_these).unwrap_or_default(),
        secrets: node.filter(|_| by_person).map(secrets).unwrap_or_default(),
        shown: step.shown.clone(),
        guide: step.step.guide,
    }
}

/// What a person types, in the order of the dialogs; of a secret its field and its version.
fn type_these(node: &Node) -> Vec<(String, String)> {
    let Some(Value::List(items)) = node.attributes.get("type_these") else { return Vec::new() };
    let pairs = items.iter().filter_map(|item| {
        Some(match typed(item)? {
            Typed::Value(place, value) => (place.to_owned(), value.to_owned()),
            Typed::Secret(secret, None) => (secret.secret.to_string(), format!("secret {secret}, see below")),
            Typed::Secret(secret, Some(field)) => {
                (format!("{field} ({})", secret.secret), format!("secret {secret}, see below"))
            }
        })
    });
    pairs.collect()
}

/// The secrets that a person types: which, and nothing of their values.
fn secrets(node: &Node) -> Vec<(ParameterName, SecretVersion)> {
    node.secrets().map(|secret| (secret.secret.clone(), secret.version)).collect()
}

/// Commands that make sense for a plan now, most useful first.
pub(super) fn next(status: &SiteStatus, now: Timestamp) -> Vec<String> {
    let (plan, site) = (status.plan, &status.site);
    let expired = status.is_expired(now);
    match status.phase {
        Phase::Planned | Phase::Approved if expired => vec![format!("muster plan {site}")],
        Phase::Planned if status.findings > 0 => {
            vec![format!("muster plan show {plan}"), format!("muster plan {site}")]
        }
        Phase::Planned if status.rows == 0 => Vec::new(),
        Phase::Planned => vec![format!("muster plan show {plan}"), format!("muster approve {plan}")],
        Phase::Approved => vec![format!("muster run {plan} --watch")],
        Phase::Running => {
            let done = |gate: &OpenGate| {
                let ends = if gate.asks_end_date { " --ends YYYY-MM-DD" } else { "" };
                format!("muster done {plan}/{}{ends}", gate.step)
            };
            let mut next: Vec<String> = status.gates.iter().map(done).collect();
            if status.may_resume && !expired {
                next.extend(resume(status));
            }
            next.push(format!("muster steps {plan}"));
            next.push(format!("muster cancel {plan}"));
            next
        }
        Phase::Stopping => vec![format!("muster steps {plan}")],
        Phase::Ended(_) if !status.may_resume => Vec::new(),
        Phase::Ended(_) if expired || status.must_plan_again => vec![format!("muster plan {site}")],
        // Rows that did not agree are read again by a new plan; to resume helps only where the server was put back.
        Phase::Ended(RunEnd::Blocked) => {
            vec![
                format!("muster steps {plan}"),
                format!("muster plan {site}"),
                format!("muster resume {plan}"),
            ]
        }
        Phase::Ended(_) => {
            let mut next = resume(status);
            next.push(format!("muster plan {site}"));
            next
        }
    }
}

/// What lets a run go on. A step of unknown outcome is read first: what became of it decides. Where its agent has nothing to look
/// at a person may say that it is done; all else takes the order to start it anew.
fn resume(status: &SiteStatus) -> Vec<String> {
    let SiteStatus { plan, parked, unseen, .. } = status;
    let mut next: Vec<String> = parked.iter().map(|step| format!("muster steps {plan}/{step}")).collect();
    next.extend(unseen.iter().map(|step| format!("muster done {plan}/{step}")));
    let restart: String = parked.iter().map(|step| format!(" --restart {step}")).collect();
    next.push(format!("muster resume {plan}{restart}"));
    next
}
