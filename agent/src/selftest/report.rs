//! What a self-test saw, for a person and as a file to send back.
//!
//! Neighbours: `cli` prints it and writes it. The file is JSON of the shape below; it names no computer, no account and no
//! customer, but what the machine said of a failure. A change of the shape is a new number.

use jiff::Timestamp;
use serde::Serialize;

use super::{Proof, Seen};
use crate::host::{Error, Provable};

/// The shape of the file.
pub const SHAPE: &str = "muster.selftest/1";

/// A self-test, in the order of its promises.
#[derive(Debug, Serialize)]
pub struct Report {
    shape: &'static str,
    /// Of this program.
    version: &'static str,
    /// When it began.
    began: Timestamp,
    /// What the machine is, in words.
    machine: String,
    /// Whether it was a twin.
    simulated: bool,
    promises: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    id: &'static str,
    promise: &'static str,
    /// `held`, `failed` or `not_shown`.
    seen: &'static str,
    /// Why it is not held.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl Report {
    /// Of these proofs.
    ///
    /// # Errors
    /// Where the machine does not say what it is.
    pub fn new(host: &dyn Provable, began: Timestamp, proofs: Vec<Proof>) -> Result<Self, Error> {
        let line = |Proof { promise, seen }| {
            let (seen, why) = match seen {
                Seen::Held => ("held", None),
                Seen::Failed(how) => ("failed", Some(how)),
                Seen::NotShown(reason) => ("not_shown", Some(reason)),
            };
            Line { id: promise.id, promise: promise.promise, seen, why }
        };
        Ok(Self {
            shape: SHAPE,
            version: env!("CARGO_PKG_VERSION"),
            began,
            machine: host.machine_words()?,
            simulated: host.simulated(),
            promises: proofs.into_iter().map(line).collect(),
        })
    }

    /// Whether a promise is broken. One that this machine cannot show is not.
    pub fn is_broken(&self) -> bool {
        self.promises.iter().any(|line| line.seen == "failed")
    }

    /// In lines.
    pub fn words(&self) -> String {
        let count = |seen| self.promises.iter().filter(|line| line.seen == seen).count();
        let mut text = format!("On {}:\n", self.machine);
        for Line { id, promise, seen, why } in &self.promises {
            let why = why.as_deref().unwrap_or_default();
            let words = match *seen {
                "held" => "ok".to_owned(),
                "failed" => format!("FAIL, {why}"),
                _ => format!("not shown here: {why}"),
            };
            text += &format!("{id:<20} {promise}\n{:<20} {words}\n", "");
        }
        text + &format!(
            "{} held, {} failed, {} cannot be shown here.\n",
            count("held"),
            count("failed"),
            count("not_shown")
        )
    }

    /// As the file.
    ///
    /// # Errors
    /// None that is known: every part of it can be written.
    pub fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
