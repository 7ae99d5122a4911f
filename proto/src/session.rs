//! The messages of the stream between an agent and its controller, as checked values.
//!
//! Neighbours: `convert` makes them from wire messages and back; the agent's session and the controller's door speak in
//! them. Never decides anything: whether a command is accepted is `muster-agent-core`'s.

use std::collections::BTreeSet;

use jiff::Timestamp;
use muster_model::command::{Command, Epoch};
use muster_model::digest::Digest;
use muster_model::memory::AgentMemory;
use muster_model::name::HostName;
use muster_model::node::NodeKind;
use muster_model::outcome::{CommandId, Outcome, Refusal, StepKey};
use muster_model::report::ServerReport;
use muster_model::secret::SealedSecret;

/// What an agent says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromAgent {
    /// First, and only first.
    Hello(Hello),
    /// The answer to an [`Observe`].
    Observed(Observed),
    /// The answer to a [`Command`].
    Answer(CommandAnswer),
    /// The intent to carry out a step is stored. May be repeated.
    Started(StepStarted),
    /// A step ended. Repeated until [`ToAgent::Stored`] answers it.
    Ended(StepEnded),
    /// For people who watch; never stored.
    Progress(Progress),
    /// The answer to [`ToAgent::Recall`].
    Recalled(Box<AgentMemory>),
    /// How far a medium is; never stored.
    Staged(Staged),
}

/// What a controller says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToAgent {
    /// First, and only first.
    Welcome(Welcome),
    /// Asks for a comparison.
    Observe(Observe),
    /// Asks for a segment to be carried out.
    Command(Box<Command>),
    /// Asks to stop this command before its next step.
    Cancel(CommandId),
    /// The outcome of this attempt is stored on the controller's disk.
    Stored(StepKey),
    /// Asks what the agent remembers. Read-only.
    Recall,
    /// Asks to fetch media ahead of time.
    Stage(Vec<StageMedium>),
}

/// Who the agent is. Its identity is in its certificate; nothing here can change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The agent's version.
    pub agent_version: String,
    /// The kinds that it knows. Kinds that the reader does not know are left out: no manifest of the reader's can hold one.
    pub kinds: BTreeSet<NodeKind>,
    /// Whether it stands on a twin.
    pub simulated: bool,
    /// Its clock.
    pub now: Timestamp,
    /// The highest position of its journal; 0 is an empty journal.
    pub journal: u64,
    /// The number of the highest epoch that it obeyed; 0 is none.
    pub epoch: u64,
    /// The computer's name.
    pub host: HostName,
}

/// What the controller asks of every agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// The epoch under which everything of this stream is sent.
    pub epoch: Epoch,
    /// The controller's clock.
    pub now: Timestamp,
    /// Over how long agents spread their reconnections.
    pub reconnect_spread_ms: u32,
    /// The highest journal position of this agent that the controller has stored.
    pub journal: u64,
}

/// Asks to compare the server with a manifest. Read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observe {
    /// Chosen by the controller, returned in the answer.
    pub request: String,
    /// A [`muster_model::manifest::Manifest`], as it was stored.
    pub manifest_json: Vec<u8>,
    /// The secrets without which a part of the server cannot even be looked at, sealed.
    pub secrets: Vec<SealedSecret>,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The request that it answers.
    pub request: String,
    /// The report, or in words why the server could not be compared.
    pub result: Result<ServerReport, String>,
}

/// Whether the agent has stored a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandAnswer {
    /// The command.
    pub command: CommandId,
    /// Stored, or not taken and nothing of it done.
    pub answer: Result<(), Refusal>,
}

/// The intent to carry out a step is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepStarted {
    /// The command.
    pub command: CommandId,
    /// The step's number in the plan.
    pub step: u32,
    /// The attempt.
    pub key: StepKey,
}

/// A step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepEnded {
    /// The command.
    pub command: CommandId,
    /// The step's number in the plan.
    pub step: u32,
    /// The attempt.
    pub key: StepKey,
    /// How.
    pub outcome: Outcome,
    /// The outcome's position in the agent's journal.
    pub journal: u64,
}

/// A medium to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageMedium {
    /// Of the whole file.
    pub sha256: Digest,
    /// The whole file.
    pub size_bytes: u64,
}

/// How much of a medium the agent holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// Which.
    pub sha256: Digest,
    /// From its beginning.
    pub held_bytes: u64,
    /// Whether all of it is held and was compared.
    pub whole: bool,
    /// Why it is not fetched, in words.
    pub problem: Option<String>,
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The step's number in the plan.
    pub step: u32,
    /// The attempt.
    pub key: StepKey,
    /// In words.
    pub text: String,
}
