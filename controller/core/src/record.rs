//! Records and their bytes: the one place in which the controller serialises what is hashed, stored and sent.
//!
//! Neighbours: `compile` and `plan` make records here, the store keeps their bytes, sessions send those. A record that was
//! read keeps the bytes that it was read from: nothing is serialised twice.

use muster_model::FORMAT;
use muster_model::digest::Digest;
use muster_model::manifest::Manifest;
use muster_model::plan::{PlanHeader, ServerSteps};
use muster_model::report::ServerReport;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// A kind of record, with what a message calls it.
pub trait Shape {
    /// Its name in messages.
    const NAME: &'static str;
    /// The format number that it carries, or [`FORMAT`] where another record carries it.
    fn format(&self) -> u32;
}

impl Shape for Manifest {
    const NAME: &'static str = "manifest";
    fn format(&self) -> u32 {
        self.format
    }
}

impl Shape for PlanHeader {
    const NAME: &'static str = "plan header";
    fn format(&self) -> u32 {
        self.format
    }
}

impl Shape for ServerReport {
    const NAME: &'static str = "report";
    fn format(&self) -> u32 {
        self.format
    }
}

impl Shape for ServerSteps {
    const NAME: &'static str = "server steps";
    fn format(&self) -> u32 {
        FORMAT
    }
}

/// Bytes that are not the record that they should be, or a record that has no bytes.
#[derive(Debug, Error)]
pub enum Error {
    /// It cannot be written as JSON.
    #[error("the {0} cannot be written")]
    Write(&'static str, #[source] serde_json::Error),
    /// It is not JSON in the record's shape.
    #[error("the {0} cannot be read")]
    Read(&'static str, #[source] serde_json::Error),
    /// It was written by a newer version.
    #[error("the {0} has format {1}; this version reads {FORMAT}")]
    Format(&'static str, u32),
}

/// A value together with the bytes that stand for it, and their digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<T> {
    value: T,
    bytes: Vec<u8>,
    digest: Digest,
}

impl<T: Shape + Serialize> Record<T> {
    /// Writes a new record.
    ///
    /// # Errors
    /// Where the value has no JSON form.
    pub fn new(value: T) -> Result<Self, Error> {
        let bytes = to_bytes(T::NAME, &value)?;
        Ok(Self { digest: Digest::of(&bytes), value, bytes })
    }
}

impl<T: Shape + DeserializeOwned> Record<T> {
    /// Reads a record and keeps its bytes.
    ///
    /// # Errors
    /// Where the bytes are not in the record's shape, or in a newer format.
    pub fn read(bytes: Vec<u8>) -> Result<Self, Error> {
        let value: T = serde_json::from_slice(&bytes).map_err(|error| Error::Read(T::NAME, error))?;
        if value.format() != FORMAT {
            return Err(Error::Format(T::NAME, value.format()));
        }
        Ok(Self { digest: Digest::of(&bytes), value, bytes })
    }
}

impl<T> Record<T> {
    /// What the bytes say.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The bytes that are hashed, stored and sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest of the bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The value and its bytes, for those who keep both.
    pub fn into_parts(self) -> (T, Vec<u8>) {
        (self.value, self.bytes)
    }
}

pub(crate) fn to_bytes<T: Serialize>(name: &'static str, value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::Write(name, error))
}
