//! What can go wrong between a caller and the database.
//!
//! Neighbours: every function of the store. Refusals of a caller's own (a stale push, a wrong digest) are the caller's own
//! types; they only pass through [`super::Store::transaction`].

use std::fmt;

use muster_model::name::{Generation, PlanId, ServerId, Slug};
use muster_model::outcome::StepKey;
use thiserror::Error;

/// Why a read or a write did not happen.
#[derive(Debug, Error)]
pub enum Error {
    /// The database refused or could not be reached.
    #[error("the database does not answer as it should")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought to this version's.
    #[error("the database cannot be brought to this version's format")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A stored value is not what this version writes.
    #[error("a stored {what} cannot be read")]
    Damaged {
        /// What it was meant to be.
        what: &'static str,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file's structure is damaged.
    #[error("the database is damaged: {0}; restore a backup")]
    Corrupt(String),
    /// A record could not be written as JSON.
    #[error("a record cannot be written")]
    Encode(#[from] serde_json::Error),
    /// A number is larger than the database holds.
    #[error("the number {0} is larger than the database holds")]
    TooLarge(u64),
    /// The rows of a batch of writes could not be written: none of the batch took place, whoever's row was to blame.
    #[error("nothing of this was stored: {0}")]
    Undone(Fatal),
    /// The writer has stopped: nothing can be stored until the controller is started again.
    #[error("the controller stores nothing any more: {0}")]
    Stopped(Fatal),
    /// An outcome for a step key that no command carried.
    #[error("no command carried the step key {0}")]
    NeverIssued(StepKey),
    /// A second outcome for one step key; ask [`super::Snapshot::step_key`] first.
    #[error("the step with key {0} has already ended")]
    AlreadyEnded(StepKey),
    /// The plan is not stored, or not in a state that allows the event.
    #[error("the event does not fit plan {0} as it stands")]
    IllegalForPlan(PlanId),
    /// Another run of the site is under way.
    #[error("another run of site {0} is under way")]
    RunActive(Slug),
    /// The manifest's generation is not the next one.
    #[error("generation {generation} is not the next one of {server}")]
    Generation {
        /// The server.
        server: ServerId,
        /// What was given.
        generation: Generation,
    },
}

impl Error {
    pub(crate) fn damaged(
        what: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Damaged { what, source: source.into() }
    }
}

/// Why the writer stopped for good, or undid a batch. Where it stopped, what was being written may or may not be on disk:
/// only a new start can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fatal(pub(crate) String);

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fatal {}
