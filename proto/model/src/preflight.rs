//! Preflight: what was found of each thing that must be there before anything runs, all at once (G1).
//!
//! Neighbours: agents make the items from nodes of the kind `preflight` and from what nodes would take, `muster-core` joins
//! them to a site's view and to a plan's findings, the CLI prints them. Never an instruction.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{Guide, HostName, NodeId, ProductId, Revision, ServerId, Slug};

/// Attributes that hold for an hour and not for a week. A plan warns of them; the look right before the first effect counts.
pub const MOMENTARY: [&str; 3] = ["closed_programs", "no_pending_reboot", "no_sessions"];

/// Attributes that only an installer needs. They are looked at where a package or a feature of Windows is installed or
/// replaced: a switch that is set back on a running site needs no free disk and disturbs no session.
pub const FOR_INSTALLERS: [&str; 4] =
    ["closed_programs", "free_disk_gib", "no_pending_reboot", "no_sessions"];

/// The check of an item that says who holds what a node would take.
pub const CLAIM: &str = "claim";

/// The check of an item that says why a node cannot be brought to its state.
pub const COMPARISON: &str = "comparison";

/// The check of an item that says why nothing could be looked at.
pub const AGENT: &str = "agent";

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreflightItem {
    /// The node that asks for it; none where the server as a whole could not be looked at.
    pub node: Option<NodeId>,
    /// What was looked at: an attribute of the kind `preflight`, [`CLAIM`], [`COMPARISON`] or [`AGENT`].
    pub check: String,
    /// What came of it.
    pub verdict: Verdict,
    /// What was found, in words.
    pub found: String,
    /// What is wanted, in words; empty where `found` says all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub wanted: String,
    /// What to do; empty where it passed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advice: String,
    /// The guide's demand that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide: Option<Guide>,
}

/// What came of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is as it must be.
    Passed,
    /// It is not.
    Missing,
    /// Nobody can tell on this server; it never counts as passed.
    Unknown,
}

impl PreflightItem {
    /// Whether it may be different within the hour.
    pub fn is_momentary(&self) -> bool {
        MOMENTARY.contains(&self.check.as_str())
    }
}

/// What was found, what is wanted, and the guide's demand: all but what to do.
impl fmt::Display for PreflightItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.found)?;
        if !self.wanted.is_empty() {
            write!(f, "; wanted: {}", self.wanted)?;
        }
        match &self.guide {
            Some(guide) => write!(f, " ({guide})"),
            None => Ok(()),
        }
    }
}

/// The shape `muster.preflight/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightView {
    /// The site.
    pub site: Slug,
    /// The product at the version that the site names.
    pub product: ProductId,
    /// The revision whose documents were looked at.
    pub revision: Revision,
    /// When, by the controller's clock.
    pub at: Timestamp,
    /// Whether a server of it stands on a twin.
    pub simulated: bool,
    /// Whether every item of every server passed.
    pub passed: bool,
    /// Its servers, in the order of the product's roles.
    pub servers: Vec<ServerPreflight>,
}

/// One server of a preflight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerPreflight {
    /// The server.
    pub server: ServerId,
    /// Its computer name.
    pub host: HostName,
    /// Everything that was looked at, in the order of the documents.
    pub items: Vec<PreflightItem>,
}

impl PreflightView {
    /// Every item with its server.
    pub fn items(&self) -> impl Iterator<Item = (&ServerPreflight, &PreflightItem)> {
        self.servers.iter().flat_map(|server| server.items.iter().map(move |item| (server, item)))
    }

    /// How many items came to that.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.items().filter(|(_, item)| item.verdict == verdict).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::NodeKind;

    #[test]
    fn what_is_said_of_attributes_is_said_of_attributes_that_there_are() {
        let spec = NodeKind::Preflight.spec();
        for name in MOMENTARY.iter().chain(&FOR_INSTALLERS) {
            assert!(spec.attribute(name).is_some(), "{name}");
        }
        for word in [CLAIM, COMPARISON, AGENT] {
            assert!(spec.attribute(word).is_none(), "{word} would be taken for an attribute");
        }
    }
}
