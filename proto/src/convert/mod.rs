//! Wire messages to checked values and back: the only place where the two meet.
//!
//! One file per message family. Every field is taken apart by name, so that a new one does not compile until it is
//! handled. Never repairs: a message that is wrong in one place is refused whole.

mod from_agent;
mod secret;
mod to_agent;

use jiff::Timestamp;
use muster_model::digest::Digest;
use muster_model::name::InvalidName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use uuid::Uuid;

/// One way for a message to be wrong.
#[derive(Debug, Error)]
pub enum Invalid {
    /// An envelope without anything in it, or with a message that this version does not know.
    #[error("{0} holds no message that this version knows")]
    Empty(&'static str),
    /// A field that must be set is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field is not a UUID.
    #[error("{field} {text:?} is not a UUID")]
    Uuid {
        /// The field, as `Message.field`.
        field: &'static str,
        /// What it holds.
        text: String,
        /// Why not.
        #[source]
        source: uuid::Error,
    },
    /// A field breaks the rule of its kind of name.
    #[error("{field} is wrong")]
    Name {
        /// The field, as `Message.field`.
        field: &'static str,
        /// The rule.
        #[source]
        source: InvalidName,
    },
    /// A moment is outside of the calendar.
    #[error("{field} {value} ms is not a moment")]
    Time {
        /// The field, as `Message.field`.
        field: &'static str,
        /// What it holds, in milliseconds since 1970 UTC.
        value: i64,
        /// Why not.
        #[source]
        source: jiff::Error,
    },
    /// A record is not JSON of its shape.
    #[error("{field} is not a record of its shape")]
    Record {
        /// The field, as `Message.field`.
        field: &'static str,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A record was written by a version with another format.
    #[error("{field} has format {format}; this version reads {}", muster_model::FORMAT)]
    Format {
        /// The field, as `Message.field`.
        field: &'static str,
        /// What it says.
        format: u32,
    },
    /// A record of ours cannot be written as JSON.
    #[error("{field} cannot be written")]
    Unwritable {
        /// The field, as `Message.field`.
        field: &'static str,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
}

fn uuid(field: &'static str, text: String) -> Result<Uuid, Invalid> {
    Uuid::parse_str(&text).map_err(|source| Invalid::Uuid { field, text, source })
}

fn digest(field: &'static str, text: &str) -> Result<Digest, Invalid> {
    text.parse().map_err(|source| Invalid::Name { field, source })
}

fn moment(field: &'static str, value: i64) -> Result<Timestamp, Invalid> {
    Timestamp::from_millisecond(value).map_err(|source| Invalid::Time { field, value, source })
}

fn read<T: DeserializeOwned>(field: &'static str, json: &[u8]) -> Result<T, Invalid> {
    serde_json::from_slice(json).map_err(|source| Invalid::Record { field, source })
}

fn write<T: Serialize>(field: &'static str, record: &T) -> Result<Vec<u8>, Invalid> {
    serde_json::to_vec(record).map_err(|source| Invalid::Unwritable { field, source })
}

#[cfg(test)]
mod tests;
