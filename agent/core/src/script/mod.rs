//! SQL scripts: bytes to text, text to batches, as sqlcmd reads them. Pure, so that every host runs the same batches.
//!
//! `decode` knows the encodings that scripts come in, `reader` takes a file piece by piece, `split` cuts at `GO`, `command` reads the
//! lines that are sqlcmd's own, `mark` says how far a file is. Neighbours: the engine runs the batches of a task one by one and
//! marks each. Nothing here understands SQL beyond quotes and comments.

mod command;
mod decode;
mod mark;
mod reader;
mod split;

use thiserror::Error;

pub use self::decode::{Encoding, Sniffer};
pub use self::mark::{Mark, Script, progress, property, scripts};
pub use self::reader::Reader;

/// A batch: what is sent to the server as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The line of its file on which its text begins, from 1. A server counts lines from there.
    pub line: u32,
    /// Its text, variables put in.
    pub text: String,
    /// How often it runs: `GO 3`.
    pub times: u32,
}

/// A script that cannot be run as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct ScriptError {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong, and what to do.
    pub problem: String,
}

#[cfg(test)]
mod dialect;
#[cfg(test)]
mod tests;
