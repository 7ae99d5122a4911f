//! Events as lines: number, time, site, what happened.
//!
//! Neighbours: `muster events` prints them. Every event has words here: the match has no wildcard.

use std::collections::BTreeSet;
use std::fmt::Display;

use jiff::Timestamp;
use muster_model::event::{Event, EventBody};
use muster_model::name::{PlanId, Revision, ServerId, Slug};
use muster_model::outcome::Outcome;
use muster_model::secret::SecretRef;
use muster_model::view::StatusView;

use super::{one_line, status, steps};
use crate::output::Output;

/// The sites of which a server stands on a twin.
#[derive(Debug, Default)]
pub(crate) struct Twins(BTreeSet<Slug>);

impl Twins {
    /// As the status shows them.
    pub(crate) fn of(status: &StatusView) -> Self {
        let sites = status.sites.iter().filter(|site| status::is_simulated(site));
        Self(sites.map(|site| site.site.clone()).collect())
    }

    /// The label of what was done on a twin; an agent that connects may be on one.
    fn label(&mut self, event: &Event) -> &'static str {
        if let EventBody::ServerConnected { server, simulated: true, .. } = &event.body {
            self.0.insert(server.site.clone());
        }
        let done = matches!(event.body, EventBody::StepStarted { .. } | EventBody::StepEnded { .. });
        let twin = event.site.as_ref().is_some_and(|site| self.0.contains(site));
        if done && twin { "SIMULATED  " } else { "" }
    }
}

/// One event on one line.
pub(crate) fn line(event: &Event, twins: &mut Twins, output: &Output) -> String {
    let label = twins.label(event);
    let site = event.site.as_ref().map_or("-", |site| site.as_str());
    let at = event.at.to_zoned_datetime(output.zone().clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let why = event.body.reason().map(|reason| format!(", because: {reason}")).unwrap_or_default();
    let what = one_line(&(what(&event.body) + &why));
    format!("{:>6}  {at}  {site:<20}  {label}{what}", event.sequence.0)
}

fn what(body: &EventBody) -> String {
    match body {
        EventBody::ControllerStarted { epoch, instance } => {
            format!("the controller started, epoch {epoch} ({instance})")
        }
        EventBody::RevisionPushed { revision, by, ticket, changed, .. } => {
            format!("revision {revision} pushed by {by}{}: {changed} changed", with("ticket ", ticket))
        }
        EventBody::ServerInvited { server, by, .. } => format!("{server} invited by {by}"),
        EventBody::ServerEnrolled { server, host, serial } => {
            format!("{server} enrolled on {host}, certificate {serial}")
        }
        EventBody::ServerRevoked { server, by, .. } => format!("{server} revoked by {by}"),
        EventBody::ServerConnected { server, agent_version, simulated, clock_offset_ms, journal } => {
            connected(server, agent_version, *simulated, *clock_offset_ms, *journal)
        }
        EventBody::ServerDisconnected { server } => format!("{server} disconnected"),
        EventBody::CertificateRenewed { server, serial } => format!("{server} renewed, certificate {serial}"),
        EventBody::CertificateReplaced { server, serial, .. } => {
            format!("{server} uses certificate {serial}; older ones are revoked")
        }
        EventBody::OperatorInvited { operator, by, .. } => format!("operator {operator} invited by {by}"),
        EventBody::OperatorEnrolled { operator, serial } => {
            format!("operator {operator} enrolled, certificate {serial}")
        }
        EventBody::OperatorRevoked { operator, by } => format!("operator {operator} revoked by {by}"),
        EventBody::OperatorReset { operator, .. } => {
            format!("operator {operator} reset on the controller's machine")
        }
        EventBody::RecoveryBegan { made_at } => recovery_began(*made_at),
        EventBody::AgentRead { memory } => format!("{} read: journal {}", memory.server, memory.journal),
        EventBody::OutcomeFound { server, found } => {
            format!(
                "{server} had an outcome that was lost here, step {}: {}",
                found.step,
                ended(&found.outcome)
            )
        }
        EventBody::RecoveryConfirmed { by, epoch, plan, revision, unread } => {
            recovered(by, *epoch, *plan, *revision, unread.len())
        }
        EventBody::PlanCreated { .. } => planned(body),
        EventBody::PlanApproved { plan, digest, by, ticket, .. } => {
            format!("{plan} approved by {by}{}, digest {}", with("ticket ", ticket), digest.short())
        }
        EventBody::RunStarted { plan, by } => format!("{plan} started by {by}"),
        EventBody::RunResumed { plan, by, restart, .. } => format!("{plan} resumed by {by}{}", anew(restart)),
        EventBody::CancelRequested { plan, by, .. } => format!("{plan} asked to stop by {by}"),
        EventBody::RunEnded { plan, end } => format!("{plan} ended: {}", status::end(*end)),
        EventBody::CommandIssued { plan, segment, role, steps, .. } => {
            let steps = numbers(steps.iter().map(|ticket| ticket.number));
            format!("{plan} segment {segment} for {role}: steps {steps}")
        }
        EventBody::CommandAccepted { plan, command } => {
            format!("{plan} command {command} taken by its agent")
        }
        EventBody::CommandRefused { plan, command, refusal } => {
            format!("{plan} command {command} refused: {refusal}")
        }
        EventBody::StepStarted { plan, step, .. } => format!("{plan}/{step} started"),
        EventBody::StepEnded { plan, step, outcome, .. } => format!("{plan}/{step} {}", ended(outcome)),
        EventBody::SecretSet { secret, by, recipients } => sealed(secret, "set", by, *recipients),
        EventBody::SecretResealed { secret, by, recipients } => {
            sealed(secret, "sealed anew", by, *recipients)
        }
        EventBody::SecretsShown { plan, step, by, secrets } => shown(*plan, *step, by, secrets),
        EventBody::GateOpened { plan, step } => format!("{plan}/{step} waits for a person"),
        EventBody::StepConfirmed { plan, step, by, note, ends } => {
            format!("{plan}/{step} confirmed by {by}{}{}", with("ends ", ends), with("note: ", note))
        }
    }
}

fn planned(body: &EventBody) -> String {
    let EventBody::PlanCreated { plan, by, digest, revision, rows, findings, .. } = body else {
        return String::new();
    };
    let digest = digest.short();
    format!("{plan} planned by {by}: revision {revision}, rows {rows}, findings {findings}, digest {digest}")
}

fn anew(restart: &[u32]) -> String {
    if restart.is_empty() { String::new() } else { format!(", anew: {}", numbers(restart)) }
}

fn recovery_began(made_at: Option<Timestamp>) -> String {
    match made_at {
        Some(at) => format!("restored from the backup of {at}; nothing starts before its agents are read"),
        None => "an older copy serves; nothing starts before its agents are read".to_owned(),
    }
}

fn recovered(by: &str, epoch: u64, plan: PlanId, revision: Revision, unread: usize) -> String {
    let left = super::count(unread, "server");
    format!(
        "recovery confirmed by {by}: epoch {epoch}, plans above {plan}, revisions above {revision}, {left} not read"
    )
}

fn connected(server: &ServerId, version: &str, simulated: bool, clock_ms: i64, journal: u64) -> String {
    let twin = if simulated { ", SIMULATED" } else { "" };
    format!("{server} connected, agent {version}{twin}, clock {clock_ms:+} ms, journal {journal}")
}

fn sealed(secret: &SecretRef, how: &str, by: &str, recipients: u32) -> String {
    format!("{} {} {how} by {by}, sealed to {recipients} keys", secret.secret, secret.version)
}

fn shown(plan: PlanId, step: u32, by: &str, secrets: &[SecretRef]) -> String {
    let secrets: Vec<String> =
        secrets.iter().map(|secret| format!("{} {}", secret.secret, secret.version)).collect();
    format!("{plan}/{step} secrets shown on the server to {by}: {}", secrets.join(", "))
}

fn with(label: &str, text: &Option<impl Display>) -> String {
    text.as_ref().map(|text| format!(", {label}{text}")).unwrap_or_default()
}

fn numbers<N: Display>(numbers: impl IntoIterator<Item = N>) -> String {
    numbers.into_iter().map(|number| number.to_string()).collect::<Vec<_>>().join(", ")
}

fn ended(outcome: &Outcome) -> String {
    let because = outcome.because.map(|step| format!(" because of step {step}")).unwrap_or_default();
    format!("{}{because}: {}", outcome.end, steps::first_sentence(&outcome.evidence))
}
