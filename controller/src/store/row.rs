//! Between the model's types and the database's.
//!
//! Neighbours: every noun of the store. A stored value that does not parse is [`Error::Damaged`], never a default.

use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Error;

/// A number as the database holds it.
pub(super) fn int(number: u64) -> Result<i64, Error> {
    i64::try_from(number).map_err(|_| Error::TooLarge(number))
}

/// A stored number that is never negative.
pub(super) fn nat(what: &'static str, number: i64) -> Result<u64, Error> {
    u64::try_from(number).map_err(|error| Error::damaged(what, error))
}

/// A stored number of 32 bits.
pub(super) fn nat32(what: &'static str, number: i64) -> Result<u32, Error> {
    u32::try_from(number).map_err(|error| Error::damaged(what, error))
}

/// A stored moment.
pub(super) fn moment(ms: i64) -> Result<Timestamp, Error> {
    Timestamp::from_millisecond(ms).map_err(|error| Error::damaged("moment", error))
}

/// A stored moment that may be missing.
pub(super) fn moment_if(ms: Option<i64>) -> Result<Option<Timestamp>, Error> {
    ms.map(moment).transpose()
}

/// A stored name, number or digest.
pub(super) fn parse<T>(what: &'static str, text: &str) -> Result<T, Error>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(|error: T::Err| Error::damaged(what, error))
}

/// A stored JSON record.
pub(super) fn from_json<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::damaged(what, error))
}

/// A JSON record to be stored as text.
pub(super) fn to_json_text<T: Serialize>(value: &T) -> Result<String, Error> {
    Ok(serde_json::to_string(value)?)
}
