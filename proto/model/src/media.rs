//! Media: what packages install from, known by their SHA-256, on a controller's shelf and in the agents' caches.
//!
//! Neighbours: the controller's `media` keeps the shelf, `cli` adds to it and lists it, agents fetch from it. What is said of
//! a medium beside its digest is for people: only the digest decides what is used.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::manifest::Manifest;
use crate::name::{InvalidName, Slug};
use crate::node::NodeKind;
use crate::package::Package;

/// The name of a medium's file, for people: no path, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediumName(String);

impl MediumName {
    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MediumName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for MediumName {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let wrong = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':');
        if text.is_empty()
            || text.chars().count() > 255
            || text.chars().any(wrong)
            || matches!(text, "." | "..")
        {
            let rule = "1 to 255 characters without / \\ : and control characters";
            return Err(InvalidName { what: "name of a medium", rule, text: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for MediumName {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<MediumName> for String {
    fn from(name: MediumName) -> Self {
        name.0
    }
}

/// What the packages of a manifest install from: the digest of each medium, and the path by which the first that names it
/// does.
pub fn named_by(manifest: &Manifest) -> BTreeMap<Digest, String> {
    let mut named = BTreeMap::new();
    for node in manifest.nodes.iter().filter(|node| node.id.kind == NodeKind::Package) {
        if let Ok(Package { medium: Some(medium), .. }) = Package::of(node) {
            named.entry(medium.sha256).or_insert(medium.path);
        }
    }
    named
}

/// A medium as an operator announces it: what its file is, and who brings it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Medium {
    /// Of the whole file.
    pub sha256: Digest,
    /// The file's name where it came from.
    pub name: MediumName,
    /// The whole file.
    pub size_bytes: u64,
    /// The operator.
    pub added_by: Slug,
    /// When it was announced first.
    pub added_at: Timestamp,
}

/// A medium on the shelf, or on its way there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediumView {
    /// What was announced.
    #[serde(flatten)]
    pub medium: Medium,
    /// How much of it is there.
    pub held_bytes: u64,
    /// Whether all of it is there and was compared with its digest: only then agents can fetch it.
    pub whole: bool,
}

/// `muster.media/1`: the shelf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaView {
    /// By name.
    pub media: Vec<MediumView>,
    /// What the disk can take beside what is announced and not there yet.
    pub free_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_path() {
        for good in ["XCS 6.0.0.msi", "Trésorerie.exe", "..a"] {
            assert_eq!(good.parse::<MediumName>().unwrap().as_str(), good);
        }
        for wrong in ["", ".", "..", "a/b", r"a\b", "c:a", "a\n", &"x".repeat(256)] {
            assert!(wrong.parse::<MediumName>().is_err(), "{wrong:?}");
        }
    }
}
