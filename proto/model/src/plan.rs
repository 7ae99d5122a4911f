//! The plan: a site's ordered rows, and the header whose bytes an operator approves.
//!
//! Neighbours: the agent makes rows, `muster-core` orders them into steps and segments, the CLI renders from the bytes
//! that it hashed. Never compared with what a server is now: only the agent does that, by [`Old`].

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::name::{
    Generation, Guide, NodeId, ParameterName, PlanId, ProductId, Revision, Role, SecretVersion, Slug,
};
use crate::node::{Effect, NodeClass};
use crate::secret::SecretRef;
use crate::value::Value;

/// What the digest covers. Its bytes are JSON in this shape, stored once and never serialised anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanHeader {
    /// [`crate::FORMAT`].
    pub format: u32,
    /// The plan's number.
    pub plan: PlanId,
    /// The site.
    pub site: Slug,
    /// The product at the version that the site names.
    pub product: ProductId,
    /// The revision that the manifests were compiled from.
    pub revision: Revision,
    /// What the plan says of each server.
    pub servers: BTreeMap<Role, PlannedServer>,
    /// The stretches in which the steps are sent, in order.
    pub segments: Vec<Segment>,
    /// Edges between steps: the first is done before the second.
    pub edges: Vec<(u32, u32)>,
    /// Nothing of this plan starts later than this.
    pub valid_until: Timestamp,
}

/// One server's part of the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedServer {
    /// The manifest's generation.
    pub generation: Generation,
    /// The digest of the manifest's bytes.
    pub manifest: Digest,
    /// The digest of the bytes of this server's [`ServerSteps`].
    pub steps: Digest,
    /// The secrets that its manifest uses, each at the version that is approved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<ParameterName, SecretVersion>,
}

/// The steps of one server, in order: the row blob that the header names by digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSteps {
    /// The server's role.
    pub role: Role,
    /// Its steps, by rising number.
    pub steps: Vec<Step>,
}

/// One node's part of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its number in the plan, from 1, over all servers.
    pub number: u32,
    /// The node.
    pub node: NodeId,
    /// Resource, task, check or gate.
    pub class: NodeClass,
    /// Whether its effect may be repeated.
    pub effect: Effect,
    /// What it will change; empty for a check.
    pub rows: Vec<Row>,
    /// The guide's demand that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide: Option<Guide>,
}

impl Step {
    /// Whether a person does it: a gate, or a guided resource. It stands alone in its segment.
    pub fn is_by_person(&self) -> bool {
        self.class == NodeClass::Gate || self.effect == Effect::Guided
    }
}

/// A longest stretch of steps on one server without a gate or a cross-server edge inside. A gate is a segment of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Its number, from 1.
    pub number: u32,
    /// The server's role.
    pub role: Role,
    /// The numbers of its steps, rising.
    pub steps: Vec<u32>,
    /// Segments that must have ended, whole, before this one is sent.
    pub after: Vec<u32>,
}

/// One change: `node attribute  old -> new  reason`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The node.
    pub node: NodeId,
    /// The attribute, or one member of it.
    pub attribute: AttributePath,
    /// What the attribute is, or when it will be known.
    pub old: Old,
    /// What it will be.
    pub new: New,
    /// Why.
    pub reason: Reason,
}

/// An attribute, or one member of a set: `rights[BUILTIN\Users]`. A task's row is `run`, or `run[NODE]` for each change that
/// makes it run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributePath {
    /// The attribute's name in the kind's table.
    pub name: String,
    /// The member's key, where the attribute is a set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
}

impl AttributePath {
    /// The name that stands for the whole thing being there; no kind has an attribute of that name.
    pub const EXISTS: &'static str = "exists";

    /// Whether the thing is there at all: `true`, or absent.
    pub fn exists() -> Self {
        Self { name: Self::EXISTS.to_owned(), member: None }
    }

    /// Whether this is [`Self::exists`].
    pub fn is_existence(&self) -> bool {
        self.name == Self::EXISTS && self.member.is_none()
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.member {
            Some(member) => write!(f, "{}[{member}]", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// What an approved row says of the value before the step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Old {
    /// Exactly this.
    Exact(Value),
    /// There is none.
    Absent,
    /// Whatever that node leaves behind: it creates or resets the attribute in this run.
    KnownAfter(NodeId),
}

/// What a row leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum New {
    /// Exactly this.
    Exact(Value),
    /// None.
    Absent,
    /// A person's confirmation.
    Confirmed,
    /// A task that ran, under the key of [`crate::manifest::Node::task_key`].
    Ran(Digest),
}

impl New {
    /// The secret, where one is set.
    pub fn secret(&self) -> Option<&SecretRef> {
        match self {
            Self::Exact(value) => value.as_secret(),
            Self::Absent | Self::Confirmed | Self::Ran(_) => None,
        }
    }
}

/// Why a row is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is not on the server yet.
    Missing,
    /// The documents changed since Muster last set it.
    Changed,
    /// The server changed since Muster last set it.
    Drift,
    /// It is there, Muster never set it, and it differs.
    Differs,
    /// Its provider is replaced in this plan and resets it.
    Reset,
    /// The documents no longer name this member, which Muster made.
    Removed,
    /// Nobody wants this member, whoever made it: the documents are exact.
    Foreign,
    /// A secret that the installer reads from a file of its own, see [`crate::package`].
    Handed,
    /// A secret that the installer is told on its command line, where other programs of the computer may see it.
    CommandLine,
    /// A secret that opens the file which the thing comes from.
    Opens,
    /// A person confirms it.
    Confirm,
    /// A task that was not run to its end yet.
    Due,
    /// A task that runs because something changes in this plan.
    Triggered,
    /// A task that an earlier change made necessary, and that was not run since.
    Owed,
}

impl Reason {
    /// Whether the row tells of a secret that is used in the step: of that moment alone, and nothing that holds afterwards.
    pub fn is_of_the_moment(self) -> bool {
        match self {
            Self::Handed | Self::CommandLine | Self::Opens => true,
            Self::Missing
            | Self::Changed
            | Self::Drift
            | Self::Differs
            | Self::Reset
            | Self::Removed
            | Self::Foreign
            | Self::Confirm
            | Self::Due
            | Self::Triggered
            | Self::Owed => false,
        }
    }
}

impl fmt::Display for Old {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(value) => write!(f, "{value}"),
            Self::Absent => f.write_str("(absent)"),
            Self::KnownAfter(node) => write!(f, "(known after {node})"),
        }
    }
}

impl fmt::Display for New {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(value) => write!(f, "{value}"),
            Self::Absent => f.write_str("(absent)"),
            Self::Confirmed => f.write_str("confirmed by a person"),
            Self::Ran(_) => f.write_str("run"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Changed => "documents changed",
            Self::Drift => "drift",
            Self::Differs => "differs",
            Self::Reset => "reset by its package",
            Self::Removed => "no longer wanted",
            Self::Foreign => "not in the documents",
            Self::Handed => "handed to the installer",
            Self::CommandLine => "secret on the command line",
            Self::Opens => "opens its file",
            Self::Confirm => "a person confirms",
            Self::Due => "not run yet",
            Self::Triggered => "runs with that change",
            Self::Owed => "owed since an earlier change",
        })
    }
}
