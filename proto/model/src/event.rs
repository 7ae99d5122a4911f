//! Events: the only way state moves. Status is a fold of them.
//!
//! Neighbours: the controller stores each in one sequence, `muster-core` folds them, `muster events` prints them. An event
//! says what happened, never what should.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::digest::Digest;
use crate::memory::{AgentMemory, OutcomeMemory};
use crate::name::{Generation, HostName, PlanId, Revision, Role, Sequence, ServerId, Slug};
use crate::outcome::{CommandId, Outcome, Refusal, StepKey, StepTicket};
use crate::secret::SecretRef;

/// Something that happened, in its place in the sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place; gap-free from 1.
    pub sequence: Sequence,
    /// When it was stored, by the controller's clock.
    pub at: Timestamp,
    /// The site that it concerns, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Slug>,
    /// What happened.
    pub body: EventBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum EventBody {
    /// A controller began to serve under a new epoch.
    ControllerStarted {
        /// The epoch's number.
        epoch: u64,
        /// The random identity of this start.
        instance: Uuid,
    },
    /// An operator pushed documents. No server was changed.
    RevisionPushed {
        /// The new revision.
        revision: Revision,
        /// The operator.
        by: String,
        /// The change ticket, if one was given.
        ticket: Option<String>,
        /// How many documents differ from the revision before.
        changed: u32,
        /// Why, in the operator's words, if they were given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A one-time token was made for a server.
    ServerInvited {
        /// The server.
        server: ServerId,
        /// The operator.
        by: String,
        /// The token's end.
        expires_at: Timestamp,
    },
    /// An agent used its token and got a certificate.
    ServerEnrolled {
        /// The server.
        server: ServerId,
        /// The computer's name, as the agent said it.
        host: HostName,
        /// The certificate's serial number, in hexadecimal.
        serial: String,
    },
    /// The controller's database is an older copy: from here on nothing starts until its agents were read and an operator
    /// confirmed.
    RecoveryBegan {
        /// When the backup was made that was restored; none where an older copy was put back by hand.
        made_at: Option<Timestamp>,
    },
    /// An agent said, after a restore, what it remembers.
    AgentRead {
        /// What it remembers.
        memory: Box<AgentMemory>,
    },
    /// An outcome that only its agent knew, of a command that this controller never issued. It moves no run.
    OutcomeFound {
        /// The server.
        server: ServerId,
        /// The outcome.
        found: Box<OutcomeMemory>,
    },
    /// An operator let work begin again after a restore. Every plan up to that number is void.
    RecoveryConfirmed {
        /// The operator.
        by: String,
        /// The epoch's number from here on.
        epoch: u64,
        /// New plans have higher numbers.
        plan: PlanId,
        /// New revisions have higher numbers.
        revision: Revision,
        /// Enrolled servers that were not read: nothing is sent to them until they are.
        unread: Vec<ServerId>,
    },
    /// An agent got a certificate for a new key. The old one is good until the new one was used.
    CertificateRenewed {
        /// The server.
        server: ServerId,
        /// The new certificate's serial number, in hexadecimal.
        serial: String,
    },
    /// An agent used its new certificate; the older ones are revoked.
    CertificateReplaced {
        /// The server.
        server: ServerId,
        /// The serial number of the one that was used.
        serial: String,
        /// The serial numbers of those that were revoked.
        revoked: Vec<String>,
    },
    /// A one-time token was made for an operator.
    OperatorInvited {
        /// Who may use it.
        operator: Slug,
        /// The operator who made it.
        by: String,
        /// The token's end.
        expires_at: Timestamp,
    },
    /// An operator used a token and got a certificate; older ones of that name are revoked.
    OperatorEnrolled {
        /// The operator.
        operator: Slug,
        /// The certificate's serial number, in hexadecimal.
        serial: String,
    },
    /// An operator's certificates were revoked; connections are cut.
    OperatorRevoked {
        /// Whose.
        operator: Slug,
        /// The operator who did it.
        by: String,
    },
    /// An operator got a new profile on the controller's own machine; older certificates of that name are revoked.
    OperatorReset {
        /// The operator.
        operator: Slug,
        /// The certificate's serial number, in hexadecimal.
        serial: String,
    },
    /// An operator revoked a server's certificates; its stream is cut.
    ServerRevoked {
        /// The server.
        server: ServerId,
        /// The operator.
        by: String,
        /// Why, in the operator's words, if they were given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// An agent's stream opened.
    ServerConnected {
        /// The server.
        server: ServerId,
        /// The agent's version.
        agent_version: String,
        /// Whether it stands on a twin.
        simulated: bool,
        /// The agent's clock less the controller's, in milliseconds.
        clock_offset_ms: i64,
        /// The highest journal position that the agent has.
        journal: u64,
    },
    /// An agent's stream ended.
    ServerDisconnected {
        /// The server.
        server: ServerId,
    },
    /// A plan was made. No server was changed.
    PlanCreated {
        /// The plan.
        plan: PlanId,
        /// The operator.
        by: String,
        /// The digest of its header.
        digest: Digest,
        /// The revision.
        revision: Revision,
        /// The manifests' generations.
        generations: Vec<(Role, Generation)>,
        /// How many rows it has; 0 is in sync.
        rows: u32,
        /// How many steps it has.
        steps: u32,
        /// How many findings forbid its approval.
        findings: u32,
    },
    /// An operator consented to a digest.
    PlanApproved {
        /// The plan.
        plan: PlanId,
        /// The digest that was approved.
        digest: Digest,
        /// The operator.
        by: String,
        /// The change ticket, if one was given.
        ticket: Option<String>,
        /// Why, in the operator's words, if they were given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A run of an approved plan began.
    RunStarted {
        /// The plan.
        plan: PlanId,
        /// The operator.
        by: String,
    },
    /// A command was stored, to be sent when its agent is there.
    CommandIssued {
        /// The plan.
        plan: PlanId,
        /// The command.
        command: CommandId,
        /// The segment that it carries out.
        segment: u32,
        /// The server's role.
        role: Role,
        /// Its steps, each with the key of this attempt.
        steps: Vec<StepTicket>,
        /// The latest moment at which it may start.
        start_by: Timestamp,
    },
    /// The agent has stored the command.
    CommandAccepted {
        /// The plan.
        plan: PlanId,
        /// The command.
        command: CommandId,
    },
    /// The agent does not take the command; nothing of it was done.
    CommandRefused {
        /// The plan.
        plan: PlanId,
        /// The command.
        command: CommandId,
        /// Why.
        refusal: Refusal,
    },
    /// The agent has stored its intent to carry out a step.
    StepStarted {
        /// The plan.
        plan: PlanId,
        /// The step's number.
        step: u32,
        /// The attempt.
        key: StepKey,
    },
    /// A step ended.
    StepEnded {
        /// The plan.
        plan: PlanId,
        /// The step's number.
        step: u32,
        /// The attempt; none for a step that was never sent.
        key: Option<StepKey>,
        /// How.
        outcome: Outcome,
    },
    /// A gate waits for a person.
    GateOpened {
        /// The plan.
        plan: PlanId,
        /// The step's number.
        step: u32,
    },
    /// A person said that a gate's work, or an unknown step, is done.
    StepConfirmed {
        /// The plan.
        plan: PlanId,
        /// The step's number.
        step: u32,
        /// The operator.
        by: String,
        /// What the person wrote.
        note: Option<String>,
        /// Until when it holds, where the gate asks for that (G23).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ends: Option<Date>,
    },
    /// An operator stored a sealed value of a secret.
    SecretSet {
        /// Which, at its new version.
        secret: SecretRef,
        /// The operator.
        by: String,
        /// To how many it is sealed.
        recipients: u32,
    },
    /// An operator sealed a stored value anew.
    SecretResealed {
        /// Which, at which version.
        secret: SecretRef,
        /// The operator.
        by: String,
        /// To how many it is sealed now.
        recipients: u32,
    },
    /// The secrets of a gate are shown, once, on its server alone (G17).
    SecretsShown {
        /// The plan.
        plan: PlanId,
        /// The gate's step.
        step: u32,
        /// The account on the server that looks, as the server names it.
        by: String,
        /// Which.
        secrets: Vec<SecretRef>,
    },
    /// An operator asked the run to stop at the next safe point.
    CancelRequested {
        /// The plan.
        plan: PlanId,
        /// The operator.
        by: String,
        /// Why, in the operator's words, if they were given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// An operator let a stopped run go on.
    RunResumed {
        /// The plan.
        plan: PlanId,
        /// The operator.
        by: String,
        /// Steps of unknown outcome that the operator orders to be started anew.
        restart: Vec<u32>,
        /// Why, in the operator's words, if they were given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Nothing of the run is left to do, or nothing can be done without a person.
    RunEnded {
        /// The plan.
        plan: PlanId,
        /// How.
        end: RunEnd,
    },
}

impl EventBody {
    /// Why somebody did it, in his own words.
    pub fn reason(&self) -> Option<&str> {
        if let Self::RevisionPushed { reason, .. }
        | Self::PlanApproved { reason, .. }
        | Self::RunResumed { reason, .. }
        | Self::CancelRequested { reason, .. }
        | Self::ServerRevoked { reason, .. } = self
        {
            reason.as_deref()
        } else {
            None
        }
    }

    /// The plan that it is about; none where it is about a site, a server or a controller.
    pub fn plan(&self) -> Option<PlanId> {
        match self {
            Self::PlanCreated { plan, .. }
            | Self::PlanApproved { plan, .. }
            | Self::RunStarted { plan, .. }
            | Self::CommandIssued { plan, .. }
            | Self::CommandAccepted { plan, .. }
            | Self::CommandRefused { plan, .. }
            | Self::StepStarted { plan, .. }
            | Self::StepEnded { plan, .. }
            | Self::GateOpened { plan, .. }
            | Self::StepConfirmed { plan, .. }
            | Self::SecretsShown { plan, .. }
            | Self::CancelRequested { plan, .. }
            | Self::RunResumed { plan, .. }
            | Self::RunEnded { plan, .. } => Some(*plan),
            Self::ControllerStarted { .. }
            | Self::RevisionPushed { .. }
            | Self::ServerInvited { .. }
            | Self::ServerEnrolled { .. }
            | Self::ServerRevoked { .. }
            | Self::ServerConnected { .. }
            | Self::ServerDisconnected { .. }
            | Self::CertificateRenewed { .. }
            | Self::CertificateReplaced { .. }
            | Self::OperatorInvited { .. }
            | Self::OperatorEnrolled { .. }
            | Self::OperatorRevoked { .. }
            | Self::OperatorReset { .. }
            | Self::RecoveryBegan { .. }
            | Self::AgentRead { .. }
            | Self::OutcomeFound { .. }
            | Self::RecoveryConfirmed { .. }
            | Self::SecretSet { .. }
            | Self::SecretResealed { .. } => None,
        }
    }
}

/// How a run ended. All but `done` can be resumed while the plan is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// Every step is done.
    Done,
    /// A step failed.
    Failed,
    /// A server no longer agreed with the approved rows.
    Blocked,
    /// The outcome of a step is unknown.
    Unknown,
    /// An agent refused a command.
    Refused,
    /// An operator cancelled it.
    Cancelled,
    /// The plan's validity ended before the work did.
    Expired,
}
