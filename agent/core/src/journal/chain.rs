//! The chain of records: each holds the digest of the one before, so that a changed, lost or moved one is found.
//!
//! Neighbours: the agent's store keeps the sealed bytes with their digest. A tail that was cut off whole cannot be seen
//! from here; the controller's stored position shows it (`Record::Regressed`).

use muster_model::digest::Digest;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Record;

/// The end of the chain: what the next record builds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    position: u64,
    head: Digest,
}

/// A record, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its position; rises.
    pub position: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
}

/// A journal that is not what was written.
#[derive(Debug, Error)]
pub enum Broken {
    /// A record's bytes do not have their digest.
    #[error("record {position} was changed after it was written")]
    Changed {
        /// Its position.
        position: u64,
    },
    /// A record does not build on the one before.
    #[error("record {position} does not follow record {before}: one is missing or moved")]
    Loose {
        /// Its position.
        position: u64,
        /// The position before it.
        before: u64,
    },
    /// A record is not of a shape that this version knows.
    #[error("record {position} cannot be read; was it written by a newer version?")]
    Shape {
        /// Its position.
        position: u64,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A record cannot be written as JSON.
    #[error("record {position} cannot be put in bytes")]
    Unwritable {
        /// Its position.
        position: u64,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
}

/// The stored form. Its bytes are hashed as they are.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    format: u32,
    position: u64,
    previous: Digest,
    body: Record,
}

impl Default for Chain {
    fn default() -> Self {
        Self { position: 0, head: Digest::of(b"muster agent journal") }
    }
}

impl Chain {
    /// The position of the last record; 0 for none.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Puts a record into the bytes to store. The chain goes on only with [`Chain::follow`], once they are stored.
    ///
    /// # Errors
    /// Where it cannot be serialised.
    pub fn seal(&self, body: Record) -> Result<Sealed, Broken> {
        let position = next(self.position, &body);
        let link = Link { format: muster_model::FORMAT, position, previous: self.head, body };
        let bytes = serde_json::to_vec(&link).map_err(|source| Broken::Unwritable { position, source })?;
        let digest = Digest::of(&bytes);
        Ok(Sealed { position, bytes, digest })
    }

    /// Goes on with a record that is stored, and reads it.
    ///
    /// # Errors
    /// Where it is not the record that was written there.
    pub fn follow(&mut self, sealed: &Sealed) -> Result<Record, Broken> {
        let position = sealed.position;
        if Digest::of(&sealed.bytes) != sealed.digest {
            return Err(Broken::Changed { position });
        }
        let link: Link =
            serde_json::from_slice(&sealed.bytes).map_err(|source| Broken::Shape { position, source })?;
        let expected = next(self.position, &link.body);
        if link.previous != self.head || link.position != position || position != expected {
            return Err(Broken::Loose { position, before: self.position });
        }
        *self = Self { position, head: sealed.digest };
        Ok(link.body)
    }
}

/// Positions have no gap, save that a journal which went back jumps above all that the controller knows of it.
fn next(position: u64, record: &Record) -> u64 {
    let floor = if let Record::Regressed { known, .. } = record { position.max(*known) } else { position };
    floor + 1
}
