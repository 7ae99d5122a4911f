//! What a twin holds of certificates: the computer's stores, the rights on the keys, and files that can be imported.
//!
//! Neighbours: `state` holds them all, `certificates` answers from them. No key and no certificate is real.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_model::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::host::KeyAccess;

/// A certificate; its name is its thumbprint, with `root/` and the like before it where it is not in the computer's own store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Its subject.
    pub subject: String,
    /// When it begins to be valid; always was where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// When it ends.
    pub not_after: Timestamp,
    /// Whether its private key is there.
    #[serde(default = "yes")]
    pub has_key: bool,
    /// Accounts with an explicit right on the key.
    #[serde(default)]
    pub rights: BTreeMap<String, KeyAccess>,
    /// The package that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

fn yes() -> bool {
    true
}

/// A PFX file, or one of a public certificate, on the server, by its path; in one that was written there, the same in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pfx {
    /// The thumbprint of the certificate in it.
    pub thumbprint: String,
    /// Its subject.
    pub subject: String,
    /// When it begins to be valid; always was where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// When it ends.
    pub not_after: Timestamp,
    /// The digest of its password, see [`pfx_digest`]; never the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Digest>,
}

/// What a twin keeps of a PFX file's password.
pub fn pfx_digest(thumbprint: &str, password: &str) -> Digest {
    Digest::of(format!("PFX file with the twin's certificate {thumbprint}\n{password}").as_bytes())
}
