//! Views of secrets, without their values.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{ParameterName, SecretVersion, ServerId, Slug};

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
