//! The kinds of node, their classes, and the table that says which attributes each has.
//!
//! Neighbours: `schema` holds the table; `document` reads YAML by it, the agent diffs by it. A kind is in the table or it
//! does not exist: nothing else in the house lists attributes.

mod schema;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use schema::{AttributeRole, AttributeSpec, AttributeType, KindSpec, SCHEMA};

use crate::name::InvalidName;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// Something that an installer puts on the server and takes off again.
    Package,
    /// A Windows service: its state and start mode.
    Service,
    /// An IIS application pool.
    IisAppPool,
    /// A text file and the rights on it.
    File,
    /// A read-only HTTP request made on the server.
    HttpProbe,
    /// A person's confirmation.
    ManualStep,
}

impl NodeKind {
    /// Every kind, in the order of the table.
    pub const ALL: [Self; 6] =
        [Self::Package, Self::Service, Self::IisAppPool, Self::File, Self::HttpProbe, Self::ManualStep];

    /// The kind's row of the table.
    pub fn spec(self) -> &'static KindSpec {
        match self {
            Self::Package => &schema::PACKAGE,
            Self::Service => &schema::SERVICE,
            Self::IisAppPool => &schema::IIS_APP_POOL,
            Self::File => &schema::FILE,
            Self::HttpProbe => &schema::HTTP_PROBE,
            Self::ManualStep => &schema::MANUAL_STEP,
        }
    }

    /// The word for it in documents, tables and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Service => "service",
            Self::IisAppPool => "iis_app_pool",
            Self::File => "file",
            Self::HttpProbe => "http_probe",
            Self::ManualStep => "manual_step",
        }
    }

    /// Which of the four classes it belongs to.
    pub fn class(self) -> NodeClass {
        self.spec().class
    }
}

impl fmt::Display for NodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for NodeKind {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| InvalidName {
            what: "kind of node",
            rule: "one of package, service, iis_app_pool, file, http_probe, manual_step",
            text: text.to_owned(),
        })
    }
}

/// How a node is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeClass {
    /// Observed, diffed, changed, observed again.
    Resource,
    /// One-shot, with a completion marker of its own key.
    Task,
    /// Read-only: gives evidence, never a change.
    Check,
    /// A person's confirmation, held by the controller.
    Gate,
}

/// What may be done with an effect of which the outcome was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Observe, and repeat what is missing.
    Convergent,
    /// Started at most once: probed when its outcome was lost, parked as unknown when that does not settle it.
    OneShot,
}
