//! Views: what the controller shows of its state, each with a versioned shape for scripts.
//!
//! Neighbours: `muster-core` makes them from folds, `muster --output json` prints them as they are, its tables render
//! them. Fields may be added within a shape's version; a change of meaning raises it.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::event::RunEnd;
use crate::manifest::Manifest;
use crate::name::{
    Generation, Guide, HostName, NodeId, ParameterName, PlanId, ProductId, Revision, Role, SecretVersion,
    ServerId, Slug,
};
use crate::node::NodeClass;
use crate::outcome::End;
use crate::plan::Row;
use crate::value::Value;

/// The shape `muster.status/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusView {
    /// The newest revision, once there is one.
    pub revision: Option<Revision>,
    /// The sites that were asked for, by name.
    pub sites: Vec<SiteView>,
}

/// A layer that a parameter's value can come from, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerName {
    /// The product's default.
    Default,
    /// The site's ring.
    Ring,
    /// The site's client.
    Client,
    /// The site.
    Site,
    /// One server of the site.
    Server,
    /// A value that the product forces under a condition.
    Force,
}

/// One site, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteView {
    /// Its name.
    pub site: Slug,
    /// The product that its document names.
    pub product: ProductId,
    /// Where it stands.
    pub state: SiteState,
    /// The same in a sentence, with what it waits for.
    pub detail: String,
    /// The newest plan.
    pub plan: Option<PlanId>,
    /// Steps of that plan that are done, and all of them.
    pub progress: Option<(u32, u32)>,
    /// When the state last moved.
    pub since: Option<Timestamp>,
    /// Its servers, by role.
    pub servers: Vec<ServerView>,
    /// What ends some day, as a person said when confirming a gate (G23); the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<EndDate>,
    /// Commands that make sense now, most useful first.
    pub next: Vec<String>,
}

/// Something that ends some day, as licences do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EndDate {
    /// Its last day.
    pub ends: Date,
    /// What it is, in the product's words.
    pub what: String,
    /// The server's role.
    pub role: Role,
    /// Days until then; below 0 where it has passed.
    pub days: i64,
}

/// Where a site stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteState {
    /// It was pushed and never planned.
    New,
    /// Its newest plan has rows and waits for approval.
    Planned,
    /// Its newest plan is approved and was not started.
    Approved,
    /// A run is under way.
    Running,
    /// A run waits for a person.
    Waiting,
    /// A run waits for a server that is not connected.
    Offline,
    /// The newest comparison found no row.
    InSync,
    /// The newest run ended otherwise.
    Stopped(RunEnd),
}

/// One server, as it stands. The list of these is the shape `muster.servers/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerView {
    /// The server.
    pub server: ServerId,
    /// The computer's name in the site's document.
    pub host: HostName,
    /// Whether and how it is there.
    pub state: ServerState,
    /// Whether its agent stands on a twin; unknown before it first connected.
    pub simulated: Option<bool>,
    /// The agent's version.
    pub agent_version: Option<String>,
    /// The agent's clock less the controller's, in milliseconds.
    pub clock_offset_ms: Option<i64>,
    /// The generation of its newest manifest.
    pub generation: Option<Generation>,
    /// When its stream last opened or ended.
    pub since: Option<Timestamp>,
    /// The serial number of its certificate.
    pub serial: Option<String>,
}

/// Whether and how a server is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerState {
    /// Its document names it; no token was made.
    Unknown,
    /// A token was made and not yet used.
    Invited,
    /// Its agent's stream is open.
    Connected,
    /// It is enrolled and its agent's stream is not open.
    Offline,
    /// Its certificates were revoked.
    Revoked,
}

/// The shape `muster.servers/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServersView {
    /// Every server of every site, by name.
    pub servers: Vec<ServerView>,
}

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

/// The shape `muster.secrets/1`: the secrets of a site, without their values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretsView {
    /// The site.
    pub site: Slug,
    /// Every secret that its product names or that is stored for it, by name.
    pub secrets: Vec<SecretView>,
}

/// One secret of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretView {
    /// Its name.
    pub secret: ParameterName,
    /// Whether the site's product names it.
    pub wanted: bool,
    /// Whether it may be set once only.
    pub fixed: bool,
    /// Its versions, oldest first; none where it was never set.
    pub versions: Vec<SecretVersionView>,
}

/// One version of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretVersionView {
    /// The version.
    pub version: SecretVersion,
    /// Who set it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Whose keys open it: recovery keys, the client, servers.
    pub readable_by: Vec<String>,
    /// Servers of the site that it is not sealed to.
    pub not_yet_readable_by: Vec<ServerId>,
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

/// The shape `muster.why/1`: why a site stands where it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyView {
    /// The site, as status shows it.
    pub site: SiteView,
    /// The steps that explain it: failed, blocked, unknown, waiting, and those skipped because of them.
    pub steps: Vec<StepView>,
    /// Why the agents refused commands, in words.
    pub refusals: Vec<String>,
    /// Findings that forbid the newest plan's approval, in words, each with what to do.
    pub findings: Vec<String>,
}

/// The shape `muster.render/1`: what each server of a site should be, at the newest revision. Nothing was compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderView {
    /// The site.
    pub site: Slug,
    /// The revision that was compiled.
    pub revision: Revision,
    /// One manifest per server, by role.
    pub manifests: Vec<Manifest>,
}

/// The shape `muster.diff/1`: what documents would change of what servers should be. No server was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffView {
    /// The revision that the documents were laid over.
    pub revision: Revision,
    /// How many sites there are with them.
    pub all_sites: u32,
    /// Those whose plans would change, by name.
    pub sites: Vec<SiteDiff>,
}

/// What would change of one site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteDiff {
    /// The site.
    pub site: Slug,
    /// Servers that differ, or that were not there before.
    pub servers: Vec<ServerDiff>,
    /// Roles that the site had and would have no more.
    pub gone: Vec<Role>,
}

/// What would change of one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerDiff {
    /// Its role.
    pub role: Role,
    /// Its computer, old and new, where it is another one.
    pub host: Option<(HostName, HostName)>,
    /// The product, old and new, where it is another one or another version.
    pub product: Option<(ProductId, ProductId)>,
    /// Its nodes.
    pub changes: Vec<NodeChange>,
    /// Whether nodes that were there stand in another order.
    pub reordered: bool,
}

/// What would change of one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeChange {
    /// It was not there.
    Appears(NodeId),
    /// It is there no more. What Muster made of it becomes an orphan.
    Leaves(NodeId),
    /// One attribute; none is one that the documents do not say.
    Attribute {
        /// The node.
        node: NodeId,
        /// The attribute.
        attribute: String,
        /// Its value before.
        old: Option<Value>,
        /// Its value with the documents.
        new: Option<Value>,
    },
    /// What it needs, what provides it, what makes it run, or its guide number.
    Links(NodeId),
}

/// The shape `muster.explain/1`: why a parameter of a site has its value, at the newest revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainView {
    /// The site.
    pub site: Slug,
    /// The revision.
    pub revision: Revision,
    /// The site's product, which declares the parameter.
    pub product: ProductId,
    /// The parameter.
    pub parameter: ParameterName,
    /// Its type in words.
    #[serde(rename = "type")]
    pub ty: String,
    /// Whether it may be set once only.
    pub fixed: bool,
    /// Its values: one, or several where servers differ.
    pub values: Vec<ExplainedValue>,
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedValue {
    /// The roles of the servers that have it, in the product's order.
    pub servers: Vec<Role>,
    /// The value.
    pub value: Value,
    /// What won.
    pub from: LayerValue,
    /// Why the product forces it, where it does.
    pub reason: Option<String>,
    /// The parameters that it was worked out from.
    pub computed_from: Vec<NamedValue>,
    /// What it shadows, highest layer first.
    pub shadows: Vec<LayerValue>,
}

/// What a layer says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerValue {
    /// The layer.
    pub layer: LayerName,
    /// The document, as in `Site dupont-prod`.
    pub document: String,
    /// Its file, as the operator who pushed it named it.
    pub path: String,
    /// The line in that file, from 1.
    pub line: u32,
    /// What is written there.
    pub written: String,
}

/// A parameter and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedValue {
    /// The parameter.
    pub parameter: ParameterName,
    /// Its value.
    pub value: Value,
}

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

/// The shape `muster.operators/1`: who may speak to the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorsView {
    /// The operators, by name.
    pub operators: Vec<OperatorView>,
}

/// One operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorView {
    /// The name.
    pub operator: Slug,
    /// Whether he may speak.
    pub state: OperatorState,
    /// The end of his certificate, or of the token that is out.
    pub until: Option<Timestamp>,
    /// The serial number of his newest certificate.
    pub serial: Option<String>,
}

/// Whether an operator may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorState {
    /// A token was made and not yet used.
    Invited,
    /// He has a certificate.
    Active,
    /// His certificate ended.
    Expired,
    /// His certificates were revoked.
    Revoked,
}
