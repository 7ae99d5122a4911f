//! What an agent remembers of past work: what a restored controller reads before anything may start.
//!
//! Neighbours: the agent's journal says it, the controller stores it whole, `muster-core` compares it with the database.
//! It is evidence, never an order: nothing is done because of it.

use serde::{Deserialize, Serialize};

use crate::command::Epoch;
use crate::digest::Digest;
use crate::name::{Generation, PlanId, Revision, ServerId};
use crate::outcome::{CommandId, End, Outcome, StepKey};

/// The memory of one agent, read from its journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentMemory {
    /// [`crate::FORMAT`].
    pub format: u32,
    /// The server, as the agent's own certificate names it.
    pub server: ServerId,
    /// The position of its journal.
    pub journal: u64,
    /// The highest epoch that it obeyed.
    pub epoch: Option<Epoch>,
    /// The highest generation that it accepted.
    pub generation: Option<Generation>,
    /// The highest number of a plan of which it accepted a command.
    pub newest_plan: Option<PlanId>,
    /// The highest revision of which it accepted a command.
    pub newest_revision: Option<Revision>,
    /// The plans of which it accepted commands, by number; the newest ones where there are more than a message holds.
    pub plans: Vec<PlanMemory>,
    /// The command that it is carrying out.
    pub open: Option<CommandId>,
    /// Outcomes that no controller has acknowledged, oldest first.
    pub unacknowledged: Vec<OutcomeMemory>,
}

/// What an agent did of one plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanMemory {
    /// The plan.
    pub plan: PlanId,
    /// The digest that was approved; two plans of one number differ in it.
    pub digest: Digest,
    /// Its commands, in the order in which they were accepted.
    pub commands: Vec<CommandId>,
    /// How its steps ended last, by number.
    pub steps: Vec<(u32, End)>,
}

/// An outcome that is kept until a controller has stored it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeMemory {
    /// The command.
    pub command: CommandId,
    /// The step's number in its plan.
    pub step: u32,
    /// The attempt.
    pub key: StepKey,
    /// How it ended.
    pub outcome: Outcome,
}
