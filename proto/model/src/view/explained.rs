//! Views of why a parameter has its value.

use serde::{Deserialize, Serialize};

use crate::name::{ParameterName, ProductId, Revision, Role, Slug};
use crate::value::Value;

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
