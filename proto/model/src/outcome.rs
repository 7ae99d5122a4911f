//! How things end: the outcome of a step, the refusal of a command. Every end has a name.
//!
//! Neighbours: the agent makes both, the journal and the events hold them, `muster-core` folds them into a run.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::plan::Row;

/// The identity of one attempt at one step: made and stored by the controller before it is sent, started at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepKey(pub Uuid);

/// The identity of one command: a segment, or what is left of it, sent to one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandId(pub Uuid);

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A step of a command: its number in the plan and the key of this attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepTicket {
    /// Its number in the plan.
    pub number: u32,
    /// The key of this attempt.
    pub key: StepKey,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It is as the plan says, seen on the server.
    Done,
    /// It was tried and is not as the plan says.
    Failed,
    /// The server no longer agrees with the approved rows; nothing was done.
    Blocked,
    /// It may or may not have taken place; a person decides.
    Unknown,
    /// A step that it depends on did not end well; nothing was done.
    Skipped,
    /// A newer generation took its place before it started.
    Superseded,
    /// An operator cancelled it before it started.
    Cancelled,
    /// Muster has looked, and it is a person's turn; Muster did nothing. The step goes on when the person says so.
    Waiting,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
            Self::Superseded => "superseded",
            Self::Cancelled => "cancelled",
            Self::Waiting => "waiting for a person",
        })
    }
}

/// What the agent answers for a step, or the controller for one that was never sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// What was seen, in one or more sentences for a person: the version found, the server's message, the log's place.
    pub evidence: String,
    /// Done: the rows that were applied. Blocked: the rows that the server shows now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// Skipped: the number of the step that did not end well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<u32>,
    /// When it ended, by the clock of whoever says so.
    pub ended_at: Timestamp,
}

/// Why an agent does not accept a command. A refusal has no effect and counts under no failure limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// The command names another server or another computer.
    #[error("the command is for {wanted}, this is {mine}")]
    NotMine {
        /// What the command names.
        wanted: String,
        /// What the agent is.
        mine: String,
    },
    /// The manifest is older than one that was accepted.
    #[error("generation {got} is older than {have}, which was accepted before")]
    StaleGeneration {
        /// What the command has.
        got: u64,
        /// What the agent has.
        have: u64,
    },
    /// The controller that sent it was started before one that the agent has obeyed.
    #[error(
        "epoch {got} is older than {have}, which was obeyed before: another controller has taken over, or this one serves an older copy of its database; serve the newest copy"
    )]
    OldEpoch {
        /// What the controller said.
        got: u64,
        /// The highest that the agent obeyed.
        have: u64,
    },
    /// Two controllers claim one epoch: a copied database.
    #[error(
        "epoch {epoch} is claimed by two controllers: the database was copied; stop the one that is not to serve and start the other again"
    )]
    TwinEpoch {
        /// The number that both claim.
        epoch: u64,
    },
    /// It may no longer start.
    #[error("the command expired at {start_by}")]
    Expired {
        /// The latest moment at which it could have started.
        start_by: Timestamp,
    },
    /// Its bytes are not those that were approved.
    #[error("the {part} does not have the digest that was approved")]
    Altered {
        /// Which part.
        part: String,
    },
    /// A part cannot be read by this agent.
    #[error("the {part} cannot be read: {problem}")]
    Unreadable {
        /// Which part.
        part: String,
        /// Why not.
        problem: String,
    },
    /// The clocks differ too much to trust an expiry.
    #[error("the clock is off by {offset_ms} ms, more than {limit_ms} ms allowed")]
    ClockOff {
        /// The agent's clock less the controller's.
        offset_ms: i64,
        /// What is allowed.
        limit_ms: i64,
    },
    /// The journal is older than what the controller has stored of it.
    #[error("the journal went back from {known} to {have}: the disk was restored; plan again")]
    Regressed {
        /// The position that the controller has stored.
        known: u64,
        /// The position that the agent has.
        have: u64,
    },
    /// Another command is being carried out on this server.
    #[error("command {running} is still being carried out")]
    Busy {
        /// The one that runs.
        running: CommandId,
    },
}
