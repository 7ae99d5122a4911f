//! Views of a restored controller and what it has read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{Generation, PlanId, ServerId};

/// The shape `muster.recovery/1`: what a restored controller has read of its agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryView {
    /// How far the recovery is.
    pub state: RecoveryState,
    /// When the backup was made that was restored, where one was.
    pub made_at: Option<Timestamp>,
    /// When the recovery began, where there ever was one.
    pub began_at: Option<Timestamp>,
    /// Who confirmed it, and when.
    pub confirmed: Option<(String, Timestamp)>,
    /// The servers, by name: those enrolled in the database, and those that came and are not in it.
    pub servers: Vec<RecoveryServer>,
    /// Commands that make sense now, most useful first.
    pub next: Vec<String>,
}

/// How far a recovery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryState {
    /// This controller was never restored.
    None,
    /// Agents are read; nothing starts.
    Reading,
    /// An operator let work begin again.
    Confirmed,
}

/// One server, as a restored controller knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryServer {
    /// The server.
    pub server: ServerId,
    /// Whether its stream is open.
    pub connected: bool,
    /// When it was read; none where nothing is sent to it until it is.
    pub read_at: Option<Timestamp>,
    /// The number of the highest epoch that its agent obeyed.
    pub epoch: Option<u64>,
    /// The highest generation that its agent accepted.
    pub generation: Option<Generation>,
    /// The position of its journal.
    pub journal: Option<u64>,
    /// The newest plan of which it accepted a command.
    pub newest_plan: Option<PlanId>,
    /// What its agent knows and this controller does not, in sentences.
    pub findings: Vec<String>,
}
