//! Views of a plan, its run and its steps.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::event::RunEnd;
use crate::name::{Guide, NodeId, ParameterName, PlanId, SecretVersion, ServerId, Slug};
use crate::node::NodeClass;
use crate::outcome::End;
use crate::plan::Row;

/// The shape `muster.steps/1`: a plan and, once it was started, its run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepsView {
    /// The plan.
    pub plan: PlanId,
    /// The site.
    pub site: Slug,
    /// The digest of the plan's header.
    pub digest: Digest,
    /// Who approved it, and when.
    pub approved: Option<(String, Timestamp)>,
    /// Whether a server of the plan stands on a twin: nothing real was touched there.
    #[serde(default)]
    pub simulated: bool,
    /// How the run stands; none before it was started.
    pub run: Option<RunView>,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
    /// Commands that make sense now, most useful first.
    pub next: Vec<String>,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunView {
    /// Under way.
    Running,
    /// Waiting for a person.
    Waiting,
    /// Waiting for a server that is not connected.
    Offline,
    /// Ended.
    Ended(RunEnd),
}

/// How a step stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// Its number in the plan.
    pub number: u32,
    /// The server.
    pub server: ServerId,
    /// The node.
    pub node: NodeId,
    /// Its class.
    pub class: NodeClass,
    /// Where it stands.
    pub state: StepState,
    /// When it came there.
    pub since: Option<Timestamp>,
    /// The approved rows.
    pub rows: Vec<Row>,
    /// What was seen when it ended.
    pub evidence: Option<String>,
    /// Blocked: the rows that the server shows now.
    pub actual_rows: Vec<Row>,
    /// Skipped: the step that did not end well.
    pub because: Option<u32>,
    /// A gate's instructions.
    pub instructions: Option<String>,
    /// What a gate asks the end date of (G23).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_date_of: Option<String>,
    /// A gate's values to type, as (parameter, value).
    pub type_these: Vec<(String, String)>,
    /// A gate's secrets to type, as (parameter, version): seen on the server alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<(ParameterName, SecretVersion)>,
    /// Which local account saw them, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<(String, Timestamp)>,
    /// The guide's demand that it answers.
    pub guide: Option<Guide>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not sent yet.
    Pending,
    /// Sent, or stored to be sent when its server is there.
    Issued,
    /// The agent has stored its intent.
    Running,
    /// A person is asked.
    Waiting,
    /// It ended.
    Ended(End),
}
