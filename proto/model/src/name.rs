//! Names and identifiers: text that was checked once, at the door, and is trusted from then on.
//!
//! Neighbours: every other module of the model. Never trims, folds or repairs a name: a wrong one is refused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::node::NodeKind;

/// A name that does not follow its rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not a valid {what}: {rule}")]
pub struct InvalidName {
    /// What the text was meant to be, as in "site name".
    pub what: &'static str,
    /// The rule in words.
    pub rule: &'static str,
    /// The offending text.
    pub text: String,
}

/// Declares a text newtype whose only constructor checks the rule.
macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text, as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                let check: fn(&str) -> bool = $check;
                if check(&text) { Ok(Self(text)) } else { Err(InvalidName { what: $what, rule: $rule, text }) }
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// `{8-4-4-4-12}` hexadecimal digits.
fn is_installer_code(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else { return false };
    let groups: Vec<&str> = digits.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_slug(text: &str) -> bool {
    let first = text.bytes().next();
    text.len() <= 63
        && first.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_version(text: &str) -> bool {
    let first = text.bytes().next();
    text.len() <= 64
        && first.is_some_and(|b| b.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b))
}

fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
}

fn is_iis(text: &str) -> bool {
    let first = text.bytes().next();
    text.len() <= 64
        && first.is_some_and(|b| b.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// `endpoint/database`, the database as T-SQL needs no brackets for, with dots and hyphens.
fn is_sql_database(text: &str) -> bool {
    text.split_once('/').is_some_and(|(endpoint, name)| {
        is_slug(endpoint)
            && name.len() <= 100
            && name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    })
}

fn is_identifier(text: &str) -> bool {
    text.len() <= 63
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Bech32 with the word `age` (BIP 173): a mistyped letter is found.
fn is_recipient(text: &str) -> bool {
    const LETTERS: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let Some(data) = text.strip_prefix("age1").filter(|data| data.len() == 58) else { return false };
    let values = data.bytes().map(|byte| LETTERS.iter().position(|letter| *letter == byte));
    let Some(values) = values.collect::<Option<Vec<_>>>() else { return false };
    let word = b"age".iter().map(|byte| usize::from(byte >> 5));
    let word = word.chain([0]).chain(b"age".iter().map(|byte| usize::from(byte & 31)));
    let step =
        |sum: usize, value: usize| {
            let top = sum >> 25;
            let generators = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
            let next = ((sum & 0x01ff_ffff) << 5) ^ value;
            generators.iter().enumerate().fold(next, |next, (bit, generator)| {
                if top >> bit & 1 == 1 { next ^ generator } else { next }
            })
        };
    word.chain(values).fold(1, step) == 1
}

fn is_node_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 260 && !text.chars().any(|c| c.is_control() || c == '\u{feff}')
}

name_type!(
    /// The name of a product, client, ring or site; also the identity of the document.
    Slug, "name", "lower-case letters, digits and hyphens, at most 63, a letter or digit first", is_slug
);
name_type!(
    /// The role that a server plays in a site, such as `web`.
    Role, "role", "lower-case letters, digits and hyphens, at most 63, a letter or digit first", is_slug
);
name_type!(
    /// A version, kept as the text that was written: `6.0` and `6.0.0` differ.
    Version, "version", "letters, digits and . _ + -, at most 64, a letter or digit first", is_version
);
name_type!(
    /// The computer name of a server.
    HostName, "host name", "labels of letters, digits and hyphens, joined by dots", is_host
);
name_type!(
    /// The name of an IIS site or pool (G5): no space, no accent, no special character.
    IisName, "IIS name", "letters, digits and . _ -, at most 64, a letter or digit first (G5)", is_iis
);
name_type!(
    /// A database of an endpoint, written `endpoint/database`.
    SqlDatabaseName, "database", "endpoint/database, as in main/SXA: letters, digits and . _ - without accents", is_sql_database
);
name_type!(
    /// A product code or upgrade code of Windows Installer.
    InstallerCode, "code of Windows Installer", "hexadecimal digits in braces, as in '{1B2C3D4E-0000-4000-8000-000000000001}'", is_installer_code
);
name_type!(
    /// The name of a parameter, as expressions use it.
    ParameterName, "parameter name", "lower-case letters, digits and _, at most 63, a letter first", is_identifier
);
name_type!(
    /// The public half of an age key (X25519): what a value is sealed to.
    Recipient, "age recipient", "the line that begins with age1 and is the public half of an age key", is_recipient
);
name_type!(
    /// The name of a node among those of its kind: a pool's name, a path, a package's name.
    NodeName, "node name", "1 to 260 characters, none of them a control character", is_node_name
);

impl SqlDatabaseName {
    /// The endpoint's name and the database's.
    pub fn parts(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or(("", &self.0))
    }
}

/// A step by its plan and number, written `P-204/18`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepName {
    /// The plan.
    pub plan: PlanId,
    /// The step's number in it, from 1.
    pub step: u32,
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.plan, self.step)
    }
}

impl FromStr for StepName {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let wrong = || InvalidName { what: "step", rule: "plan/step, as in P-204/18", text: text.to_owned() };
        let (plan, step) = text.split_once('/').ok_or_else(wrong)?;
        let step = step.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
        Ok(Self { plan: plan.parse().map_err(|_| wrong())?, step })
    }
}

/// A node's identity within one server's manifest, written `kind/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeId {
    /// What the node is.
    pub kind: NodeKind,
    /// Which one it is.
    pub name: NodeName,
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl FromStr for NodeId {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let wrong =
            || InvalidName { what: "node", rule: "kind/name, as in package/treasury", text: text.to_owned() };
        let (kind, name) = text.split_once('/').ok_or_else(wrong)?;
        Ok(Self { kind: kind.parse().map_err(|_| wrong())?, name: name.parse()? })
    }
}

impl TryFrom<String> for NodeId {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<NodeId> for String {
    fn from(id: NodeId) -> String {
        id.to_string()
    }
}

/// A server: one role of one site, written `site/role`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerId {
    /// The site that the server belongs to.
    pub site: Slug,
    /// The role that it plays there.
    pub role: Role,
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.site, self.role)
    }
}

impl FromStr for ServerId {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let wrong = || InvalidName {
            what: "server",
            rule: "site/role, as in dupont-prod/web",
            text: text.to_owned(),
        };
        let (site, role) = text.split_once('/').ok_or_else(wrong)?;
        Ok(Self { site: site.parse()?, role: role.parse()? })
    }
}

impl TryFrom<String> for ServerId {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<ServerId> for String {
    fn from(id: ServerId) -> String {
        id.to_string()
    }
}

/// A product at one version, written `name version`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProductId {
    /// The product's name.
    pub name: Slug,
    /// Its version.
    pub version: Version,
}

impl fmt::Display for ProductId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

impl FromStr for ProductId {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let wrong = || InvalidName {
            what: "product",
            rule: "name and version, as in \"sxa 2022-r2\"",
            text: text.to_owned(),
        };
        let (name, version) = text.split_once(' ').ok_or_else(wrong)?;
        Ok(Self { name: name.parse()?, version: version.parse()? })
    }
}

impl TryFrom<String> for ProductId {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<ProductId> for String {
    fn from(id: ProductId) -> String {
        id.to_string()
    }
}

/// A row of the guide's requirements, G1 to G25.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Guide(u8);

impl fmt::Display for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "G{}", self.0)
    }
}

impl FromStr for Guide {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let number =
            text.strip_prefix('G').filter(|digits| !digits.starts_with('0')).and_then(|d| d.parse().ok());
        match number {
            Some(number @ 1..=25) => Ok(Self(number)),
            _ => Err(InvalidName { what: "guide number", rule: "G1 to G25", text: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for Guide {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<Guide> for String {
    fn from(guide: Guide) -> String {
        guide.to_string()
    }
}

/// A number with a type, so that a revision is never taken for a generation.
macro_rules! number_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let digits = text.strip_prefix($prefix).unwrap_or(text);
                digits.parse().map(Self).map_err(|_| InvalidName {
                    what: $what,
                    rule: concat!("a number, written ", $prefix, "1"),
                    text: text.to_owned(),
                })
            }
        }
    };
}

number_type!(
    /// An immutable snapshot of the pushed documents.
    Revision, "revision", ""
);
number_type!(
    /// The age of a server's manifest; only rises, per server.
    Generation, "generation", ""
);
number_type!(
    /// A plan and, once approved and started, its run.
    PlanId, "plan", "P-"
);
number_type!(
    /// The age of a secret's value; only rises, per site and secret.
    SecretVersion, "version of a secret", "v"
);
number_type!(
    /// The place of an event in the one sequence of all events, from 1.
    Sequence, "number of an event", ""
);

#[cfg(test)]
mod tests {
    use super::*;

    /// The first is from age's own documentation.
    #[test]
    fn a_mistyped_recipient_is_found() {
        let right = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        assert!(right.parse::<Recipient>().is_ok());
        let mistyped = (4..right.len()).map(|index| {
            let other = if &right[index..=index] == "q" { "p" } else { "q" };
            format!("{}{other}{}", &right[..index], &right[index + 1..])
        });
        for wrong in mistyped.chain(["", "age1", "AGE1QL3Z7", "ssh-ed25519 AAAA"].map(str::to_owned)) {
            assert!(wrong.parse::<Recipient>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_step_is_read_back_as_it_was_written() {
        assert_eq!("P-204/18".parse::<StepName>().unwrap().to_string(), "P-204/18");
        for text in ["P-204", "P-204/", "P-204/0", "P-204/x", "/18", "P-204/18/1"] {
            assert!(text.parse::<StepName>().is_err(), "{text}");
        }
    }
}
