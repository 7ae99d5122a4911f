//! SQL scripts: bytes to text, text to batches, as sqlcmd reads them. Pure, so that every host runs the same batches.
//!
//! `decode` knows the encodings that scripts come in, `lines` cuts a file that comes in pieces into lines, `split` the lines at
//! `GO`, `command` reads those that are sqlcmd's own, `include` knows which files a script may take in, `reader` goes through a
//! script and what it takes in, `mark` says how far a script is. Neighbours: the engine opens the files, runs the batches of a
//! task one by one and marks each. Nothing here understands SQL beyond quotes and comments.

mod command;
mod decode;
mod include;
mod lines;
mod mark;
mod reader;
mod split;

use muster_model::limits::SCRIPT_BATCH_BYTES;
use thiserror::Error;

pub use self::decode::{Encoding, Sniffer};
pub use self::mark::{Include, Mark, Script, progress, property, scripts};
pub use self::reader::{Reader, Step};

/// A line of one of the files of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which file: 0 is the script itself, 1 the first that it may take in.
    pub file: usize,
    /// The line, from 1.
    pub line: u32,
}

/// A batch: what is sent to the server as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Where its text is from: from which of its lines on, counted from 1 as a server does, it is which line of which file.
    /// Never empty; a new entry only where a file begins or goes on.
    pub origins: Vec<(u32, Place)>,
    /// Its text, variables put in.
    pub text: String,
    /// How often it runs: `GO 3`.
    pub times: u32,
    /// The `:on error ignore` that holds when it ends: its errors stop nothing. None is `:on error exit`.
    pub ignores_errors: Option<Place>,
}

impl Batch {
    /// Where that line of its text is from. A server counts lines from 1, and says 0 of what has no line.
    pub fn place(&self, line: u32) -> Place {
        let line = line.max(1);
        let origin = self.origins.iter().rev().find(|(from, _)| *from <= line).or(self.origins.first());
        let (from, place) = origin.copied().unwrap_or((1, Place { file: 0, line: 1 }));
        Place { line: place.line.saturating_add(line.saturating_sub(from)), ..place }
    }
}

/// A script that cannot be run as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {}: {problem}", place.line)]
pub struct ScriptError {
    /// Where.
    pub place: Place,
    /// What is wrong, and what to do.
    pub problem: String,
}

/// A batch or a line that is not read into memory any further.
fn too_large(what: &str, place: Place) -> ScriptError {
    let most_mib = SCRIPT_BATCH_BYTES >> 20;
    ScriptError {
        place,
        problem: format!("{what} has more than {most_mib} MiB here: put GO between its statements"),
    }
}

#[cfg(test)]
mod dialect;
#[cfg(test)]
mod tests;
