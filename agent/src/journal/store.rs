//! The port to the disk on which the journal lies.
//!
//! Neighbours: `sqlite` is the real one; tests keep records in memory and make writes fail. A store keeps bytes: what they
//! mean is not its business.

use muster_agent_core::journal::Sealed;
use muster_agent_core::ledger::Change;
use muster_model::name::ServerId;
use thiserror::Error;

/// Where records and the ownership ledger are kept. Blocking.
pub trait Store: Send {
    /// Every record, by rising position.
    fn records(&mut self) -> Result<Vec<Sealed>, Error>;
    /// The whole ownership ledger, as the changes that make it.
    fn ownership(&mut self) -> Result<Vec<Change>, Error>;
    /// Stores a record and changes to the ledger, all or nothing; they are on the disk when this returns.
    fn append(&mut self, sealed: &Sealed, changes: &[Change]) -> Result<(), Error>;
}

/// Why the disk did not take or give what it should.
#[derive(Debug, Error)]
pub enum Error {
    /// The database.
    #[error("the database {path} failed")]
    Database {
        /// The file.
        path: String,
        /// What failed.
        #[source]
        source: sqlx::Error,
    },
    /// Its tables could not be brought to this version.
    #[error("the database {path} does not fit this version")]
    Migration {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// It is the memory of another server's agent.
    #[error(
        "{path} is the journal of {have}, and this agent is enrolled as {want}; give each agent its own folder"
    )]
    Foreign {
        /// The file.
        path: String,
        /// Whose it is.
        have: String,
        /// Who asks.
        want: ServerId,
    },
    /// A row is not what was written there.
    #[error("{table} in {path} holds a row that cannot be read: {problem}")]
    Row {
        /// The file.
        path: String,
        /// The table.
        table: &'static str,
        /// What is wrong.
        problem: String,
    },
}
