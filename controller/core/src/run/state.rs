//! What a run remembers: each step, each command, each attempt.
//!
//! Neighbours: `fold` writes these, `decide` and the views read them. Nothing else changes them.

use jiff::Timestamp;
use muster_model::event::RunEnd;
use muster_model::name::Role;
use muster_model::node::{Effect, NodeKind};
use muster_model::outcome::{CommandId, End, Outcome, Refusal, StepKey, StepTicket};
use muster_model::plan::Step;
use muster_model::view::StepState;
use serde::{Deserialize, Serialize};

/// How far a plan has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It was made.
    Planned,
    /// An operator consented to its digest.
    Approved,
    /// Its run is under way.
    Running,
    /// An operator asked the run to stop; what was begun ends.
    Stopping,
    /// The run ended.
    Ended(RunEnd),
}

/// An operator's consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The operator.
    pub by: String,
    /// When, by the controller's clock.
    pub at: Timestamp,
    /// The change ticket, if one was given.
    pub ticket: Option<String>,
}

/// One step, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRun {
    /// The server's role.
    pub role: Role,
    /// Its segment.
    pub segment: u32,
    /// The step, as the plan has it.
    pub step: Step,
    /// Where it stands.
    pub state: StepState,
    /// When it came there, by the controller's clock.
    pub since: Option<Timestamp>,
    /// The newest attempt, once it was sent.
    pub key: Option<StepKey>,
    /// How it ended; of a step that was let go again, nothing.
    pub outcome: Option<Outcome>,
    /// Whether an operator ordered this step of unknown outcome to be started anew, and it has not ended since.
    pub restart: bool,
    /// Which local account saw the secrets that a person types at this step, and when.
    pub shown: Option<(String, Timestamp)>,
    /// A guided step: that a person says it is done, in words; its agent has not looked since.
    pub(super) said: Option<String>,
}

impl StepRun {
    pub(super) fn new(role: Role, segment: u32, step: Step) -> Self {
        let state = StepState::Pending;
        Self {
            role,
            segment,
            step,
            state,
            since: None,
            key: None,
            outcome: None,
            restart: false,
            shown: None,
            said: None,
        }
    }

    /// Whether it ended, well or not.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, StepState::Ended(_))
    }

    /// Whether it ended well.
    pub fn is_done(&self) -> bool {
        self.state == StepState::Ended(End::Done)
    }

    /// Whether it ended, and not well.
    pub fn has_failed(&self) -> bool {
        self.has_ended() && !self.is_done()
    }

    /// Whether only a person can say what became of it: nobody knows, and to start it again might do it twice.
    pub fn is_parked(&self) -> bool {
        self.state == StepState::Ended(End::Unknown) && self.step.effect == Effect::OneShot
    }

    /// Whether its agent can look what became of it: at what is installed, at a script's mark, at the history of backups. It does
    /// so before it starts anything anew, so that nobody's word is needed, and none is believed.
    pub fn is_seen(&self) -> bool {
        matches!(self.step.node.kind, NodeKind::Package | NodeKind::SqlScripts | NodeKind::SqlBackup)
    }

    /// Whether a person does it and its agent looks at it.
    pub fn is_guided(&self) -> bool {
        self.step.effect == Effect::Guided
    }

    /// The agent has looked, and it is a person's turn: to be done, or to be done again, so that its secrets are shown anew.
    pub(super) fn ask(&mut self, outcome: Outcome, at: Timestamp) {
        self.enter(StepState::Waiting, at);
        self.outcome = Some(outcome);
        (self.restart, self.shown, self.said) = (false, None, None);
    }

    pub(super) fn enter(&mut self, state: StepState, at: Timestamp) {
        self.state = state;
        self.since = Some(at);
    }

    pub(super) fn finish(&mut self, mut outcome: Outcome, at: Timestamp) {
        self.enter(StepState::Ended(outcome.end), at);
        if let Some(said) = self.said.take() {
            outcome.evidence = format!("{said}; {}", outcome.evidence);
        }
        self.outcome = Some(outcome);
        self.restart = false;
    }
}

/// A command that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandState {
    /// Its identity.
    pub command: CommandId,
    /// The segment that it carries out.
    pub segment: u32,
    /// The server's role.
    pub role: Role,
    /// Its steps, each with its key.
    pub steps: Vec<StepTicket>,
    /// Steps of unknown outcome that an operator ordered to be started anew.
    pub restart: Vec<u32>,
    /// The latest moment at which it may start.
    pub start_by: Timestamp,
    /// Whether the agent has stored it.
    pub accepted: bool,
    /// Why the agent did not take it.
    pub refusal: Option<Refusal>,
    /// Whether the run was resumed since, so that a refusal is history.
    pub(super) settled: bool,
}

impl CommandState {
    pub(super) fn stands_refused(&self) -> bool {
        self.refusal.is_some() && !self.settled
    }
}

/// One attempt at a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) step: u32,
    pub(super) command: CommandId,
    pub(super) state: AttemptState,
}

impl Attempt {
    /// Whether the agent has not said how it ended.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, AttemptState::Open | AttemptState::Started)
    }
}

/// What the agent said of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptState {
    /// Nothing yet.
    Open,
    /// It stored its intent.
    Started,
    /// How it ended.
    Ended,
    /// It refused the command.
    Refused,
}
