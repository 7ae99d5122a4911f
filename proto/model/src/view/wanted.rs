//! Views of what servers should be, and what documents would change of it.

use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;
use crate::name::{HostName, NodeId, ProductId, Revision, Role, Slug};
use crate::value::Value;

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
