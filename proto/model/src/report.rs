//! What an agent found when it compared a server with a manifest: the raw material of a plan.
//!
//! Neighbours: `muster-agent-core` makes the rows, `muster-core` orders them into a plan. Never an instruction.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::name::{Generation, NodeId, ServerId};
use crate::plan::Row;
use crate::preflight::PreflightItem;

/// One server compared with one manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerReport {
    /// [`crate::FORMAT`].
    pub format: u32,
    /// The server.
    pub server: ServerId,
    /// The manifest's generation.
    pub generation: Generation,
    /// The manifest's digest.
    pub manifest: Digest,
    /// When the comparison ended, by the agent's clock.
    pub observed_at: Timestamp,
    /// Whether the host is a twin: nothing real was looked at.
    pub simulated: bool,
    /// Every resource and task of the manifest that differs or could not be compared, in the manifest's order.
    pub nodes: Vec<NodeReport>,
    /// What Muster made and the manifest no longer names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orphans: Vec<NodeId>,
    /// What must be so before anything runs, whether it is or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preflight: Vec<PreflightItem>,
}

/// What was found for one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeReport {
    /// The node.
    pub node: NodeId,
    /// What would change; empty only where there is a finding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// Why the node cannot be brought to its state as things are; a plan with a finding cannot be approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
}

/// A problem that a person must solve first, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// What is wrong, as in "the service SCPSServer is absent and no package of this plan makes it".
    pub problem: String,
    /// What to do about it.
    pub advice: String,
}
