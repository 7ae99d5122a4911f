//! A controller's backup: a folder, and the record in it that says what it holds.
//!
//! The database is an ordinary SQLite file, every key is sealed with age to the controller's recovery keys, so that
//! `sha256sum`, `age` and `sqlite3` open a backup without Muster. Neighbours: `muster-controller backup` writes it,
//! `restore` and `muster secret drill` read it. A reader checks every part before it uses one, and leaves parts that it
//! does not know alone.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::Digest;
use crate::name::{ParameterName, Revision, SecretVersion, Sequence, ServerId, Slug};
use crate::secret::{Sealed, SecretRef};

/// The file of the [`Backup`] record, JSON. It is written last: a folder without it is no backup.
pub const RECORD_FILE: &str = "backup.json";
/// The part with the database: one SQLite file, complete in itself.
pub const DATABASE_PART: &str = "muster.db";
/// The part with the authority's certificate, PEM.
pub const AUTHORITY_PART: &str = "ca.pem";
/// The part with the authority's key, PEM, sealed.
pub const AUTHORITY_KEY_PART: &str = "ca.key.age";
/// The part with the controller's own key and certificates, PEM, sealed.
pub const CONTROLLER_PART: &str = "controller.pem.age";

/// The part with every sealed secret: a [`SecretLine`] a line, JSON. Secrets are in the database as well; here they are to be
/// found without it.
pub const SECRETS_PART: &str = "secrets.jsonl";

/// The parts without which nothing can be restored.
pub const NEEDED_PARTS: [&str; 4] = [DATABASE_PART, AUTHORITY_PART, AUTHORITY_KEY_PART, CONTROLLER_PART];

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// [`crate::FORMAT`].
    pub format: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// The version of the controller that made it.
    pub made_by: String,
    /// The number of the newest change of the database's tables; an older version cannot read it.
    pub schema: u64,
    /// The number of the controller's epoch; 0 before its first start.
    pub epoch: u64,
    /// The newest event in it; 0 for none.
    pub sequence: Sequence,
    /// The newest revision in it.
    pub revision: Option<Revision>,
    /// SHA-256 of the authority's certificate, DER, as in an enrolment token.
    pub ca_pin: Digest,
    /// The recovery keys' public halves; any one of the private ones opens every sealed part.
    pub recipients: Vec<String>,
    /// Every version of every secret that was set: what opens the servers' data, as they are and as older backups of them
    /// were (G25). Nobody restores a controller without one of them unawares.
    pub secrets: Vec<SecretRef>,
    /// Every other file, by name.
    pub parts: Vec<Part>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its name in the folder.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

/// One version of one secret in [`SECRETS_PART`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretLine {
    /// Which, at which version; version 0 where a server needs one that was never set.
    pub secret: SecretRef,
    /// The servers whose newest manifest uses it at this version.
    pub needed_by: Vec<ServerId>,
    /// The age file, in hexadecimal digits; none where there is none.
    pub sealed: Option<Sealed>,
}

/// A record that cannot be used.
#[derive(Debug, Error)]
pub enum Invalid {
    /// It is not of its shape.
    #[error("{RECORD_FILE} is damaged")]
    Shape(#[from] serde_json::Error),
    /// A newer version wrote it.
    #[error("it has format {0}, this version reads {format}; use the version that made it", format = crate::FORMAT)]
    Format(u32),
    /// A part's name could leave the folder.
    #[error("{0:?} is not the name of a file in the backup's folder")]
    Name(String),
    /// Two parts have one name.
    #[error("it names {0} twice")]
    Twice(String),
    /// A part is missing.
    #[error("it has no {0}")]
    Missing(&'static str),
}

/// What a drill on a backup with one recovery key came to: the shape `muster.drill/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// Whether every secret opened and every needed one was there.
    pub ok: bool,
    /// Each version of each secret.
    pub secrets: Vec<Tried>,
}

/// One version of one secret, tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Its site.
    pub site: Slug,
    /// Its name.
    pub secret: ParameterName,
    /// The version; 0 of one that was never set.
    pub version: SecretVersion,
    /// The servers whose newest manifest uses it.
    pub needed_by: Vec<ServerId>,
    /// Why it does not open; none where it does.
    pub problem: Option<String>,
}

impl Backup {
    /// Reads the record and checks that it names all that is needed, each once and inside the folder.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(json: &[u8]) -> Result<Self, Invalid> {
        /// What every format has.
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let Head { format } = serde_json::from_slice(json)?;
        if format != crate::FORMAT {
            return Err(Invalid::Format(format));
        }
        let backup: Self = serde_json::from_slice(json)?;
        for (index, part) in backup.parts.iter().enumerate() {
            if !is_file_name(&part.name) || part.name == RECORD_FILE {
                return Err(Invalid::Name(part.name.clone()));
            }
            if backup.parts.iter().take(index).any(|earlier| earlier.name == part.name) {
                return Err(Invalid::Twice(part.name.clone()));
            }
        }
        for needed in NEEDED_PARTS {
            backup.part(needed).ok_or(Invalid::Missing(needed))?;
        }
        Ok(backup)
    }

    /// The part of that name.
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }
}

/// Whether a name is one file's on every system: letters, digits, dots, hyphens and underlines, not beginning with a dot.
fn is_file_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup(names: &[&str]) -> Vec<u8> {
        let part = |name: &&str| Part { name: (*name).to_owned(), size_bytes: 1, sha256: Digest::of(b"x") };
        let backup = Backup {
            format: 1,
            made_at: Timestamp::UNIX_EPOCH,
            made_by: "0.1.0".to_owned(),
            schema: 1,
            epoch: 3,
            sequence: Sequence(20),
            revision: None,
            ca_pin: Digest::of(b"ca"),
            recipients: vec!["age1x".to_owned()],
            secrets: Vec::new(),
            parts: names.iter().map(part).collect(),
        };
        serde_json::to_vec(&backup).unwrap()
    }

    #[test]
    fn a_record_is_read_back_with_parts_that_this_version_does_not_know() {
        let mut names = NEEDED_PARTS.to_vec();
        names.push("secrets.jsonl");
        let read = Backup::read(&backup(&names)).unwrap();
        assert_eq!(read.part("secrets.jsonl").unwrap().size_bytes, 1);
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_refused() {
        for name in ["../ca.key", "/etc/passwd", "a\\b", "", ".hidden", "backup.json", "c:x"] {
            let mut names = NEEDED_PARTS.to_vec();
            names.push(name);
            assert!(matches!(Backup::read(&backup(&names)), Err(Invalid::Name(_))), "{name}");
        }
    }

    #[test]
    fn a_part_that_is_missing_or_named_twice_is_refused() {
        assert!(matches!(Backup::read(&backup(&NEEDED_PARTS[1..])), Err(Invalid::Missing(DATABASE_PART))));
        let twice = [NEEDED_PARTS.as_slice(), &[DATABASE_PART]].concat();
        assert!(matches!(Backup::read(&backup(&twice)), Err(Invalid::Twice(_))));
    }

    #[test]
    fn a_newer_format_is_named_even_where_its_fields_are_unknown() {
        assert!(matches!(Backup::read(br#"{"format": 2, "new": true}"#), Err(Invalid::Format(2))));
        assert!(matches!(Backup::read(b"{"), Err(Invalid::Shape(_))));
    }
}
