//! The records of the journal.
//!
//! Neighbours: `chain` seals them, `state` folds them. Fields are never reused: an old journal is read by newer agents.

use jiff::Timestamp;
use muster_model::command::Epoch;
use muster_model::name::NodeId;
use muster_model::outcome::{CommandId, Outcome, StepKey};
use muster_model::plan::Row;
use serde::{Deserialize, Serialize};

use crate::work::StoredCommand;

/// Something that the agent has promised, begun or learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    /// A controller with a higher epoch is obeyed from here on.
    Epoch {
        /// The epoch.
        epoch: Epoch,
    },
    /// A command was accepted and will be carried out.
    Accepted {
        /// The whole command.
        command: Box<StoredCommand>,
    },
    /// A step is about to be looked at and, if the server agrees, carried out.
    Intent {
        /// The command.
        command: CommandId,
        /// The step's number in the plan.
        step: u32,
        /// The attempt.
        key: StepKey,
        /// The approved rows; nothing else may be changed.
        rows: Vec<Row>,
        /// When, by the agent's clock.
        at: Timestamp,
        /// A restart of the computer: in which start of it this was, so that the next one is told from it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        boot: Option<String>,
    },
    /// A step ended. It may end without an intent: skipped, cancelled.
    Outcome {
        /// The command.
        command: CommandId,
        /// The step's number in the plan.
        step: u32,
        /// The attempt.
        key: StepKey,
        /// How.
        outcome: Outcome,
        /// The tasks that the step's change makes necessary, stored with the change. Owed until each has run.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        fires: Vec<NodeId>,
        /// A package whose installer left work for the next start of the computer (3010): in which start it ran.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        restart: Option<String>,
    },
    /// The controller has stored the outcome of this attempt; it need not be sent again.
    Acknowledged {
        /// The attempt.
        key: StepKey,
    },
    /// The command stops before its next step.
    Cancelled {
        /// The command.
        command: CommandId,
    },
    /// The controller knows a later position than this journal has: the disk was restored. The record's own position is
    /// above both.
    Regressed {
        /// The position that the controller has stored.
        known: u64,
        /// The position that this journal had.
        have: u64,
    },
    /// The server was compared anew after it had regressed; commands are accepted again.
    Reobserved,
}
