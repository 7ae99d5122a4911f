//! The manifest: what one server should be, with nothing left to choose.
//!
//! Neighbours: `muster-core` compiles it, the controller stores its bytes, the agent observes and diffs by it. Immutable:
//! a different manifest has a higher generation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::{Generation, Guide, HostName, NodeId, ProductId, Role, ServerId};
use crate::value::Value;

/// What one server should be. Its bytes are JSON in this shape; they are hashed, stored and sent as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`crate::FORMAT`].
    pub format: u32,
    /// The server.
    pub server: ServerId,
    /// Its computer name; an agent on another computer refuses the manifest.
    pub host: HostName,
    /// The product that the site names.
    pub product: ProductId,
    /// Rises with every change of this server's manifest.
    pub generation: Generation,
    /// The nodes, in the order of the product's file.
    pub nodes: Vec<Node>,
}

impl Manifest {
    /// The node of that identity.
    pub fn node(&self, id: &NodeId) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == *id)
    }
}

/// One element of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Its identity on this server.
    pub id: NodeId,
    /// What it should be and what steers it, by attribute; only names of the kind's table.
    pub attributes: BTreeMap<String, Value>,
    /// The package on the same server that creates or resets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provided_by: Option<NodeId>,
    /// What must be done before it: written edges and implied ones, on this server and on others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// The guide's demand that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide: Option<Guide>,
}

/// An edge: that node comes before this one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// The role of the server that has the node.
    pub role: Role,
    /// The node.
    pub node: NodeId,
}
