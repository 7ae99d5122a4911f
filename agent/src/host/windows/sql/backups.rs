//! Backups: one statement that may take hours, watched from a second connection, and the history that outlives both.
//!
//! Neighbours: `connection` runs a statement and asks in between; `muster_agent_core::tsql` has the statements. The client hands
//! over what a statement says only once that has ended, so that how far it is is asked of the server. A login that is not
//! shown that sees no percents, and nothing else is different.

use muster_agent_core::tsql;
use muster_model::manifest::Endpoint;

use super::MASTER;
use super::connection::Connection;
use crate::host::{BackupFacts, Error, NewBackup, SqlBackups, SqlError, SqlMessage, SqlProgress, Watch};
use crate::vault::Secrets;

/// A session for backups.
pub(super) struct Backups<'h> {
    server: &'h Endpoint,
    secrets: &'h dyn Secrets,
    connection: Connection,
}

impl<'h> Backups<'h> {
    /// Logs on.
    pub(super) fn open(server: &'h Endpoint, secrets: &'h dyn Secrets) -> Result<Self, Error> {
        let connection = Connection::open(server, MASTER, secrets)?;
        Ok(Self { server, secrets, connection })
    }

    /// Runs a statement of which `watch` hears again and again.
    fn watched(&mut self, text: &str, watch: &mut Watch<'_>) -> Result<(), SqlError> {
        let session = self.connection.scalar(tsql::SESSION)?.unwrap_or_default();
        let question =
            tsql::percent(&session).map_err(|error| SqlError::Server(SqlMessage::own(error.to_string())))?;
        // Who cannot connect a second time waits without percents.
        let mut beside = Connection::open(self.server, MASTER, self.secrets).ok();
        let printed = self.connection.run_watched(text, &mut |waited_ms| {
            let percent = beside.as_mut().and_then(|beside| beside.scalar(&question).ok().flatten());
            let percent = percent.and_then(|text| text.parse::<u8>().ok()).filter(|percent| *percent > 0);
            watch(SqlProgress { percent, waited_ms })
        })?;
        for line in printed {
            tracing::info!(server = self.server.address.as_str(), %line, "printed");
        }
        Ok(())
    }
}

impl SqlBackups for Backups<'_> {
    fn recorded(&mut self, database: &str, name: &str) -> Result<Option<BackupFacts>, SqlError> {
        let rows = self.connection.ask(&tsql::backup_set(database, name))?;
        tsql::recorded(&rows).map_err(|error| SqlError::Server(SqlMessage::own(error.to_string())))
    }

    fn back_up(&mut self, backup: &NewBackup, watch: &mut Watch<'_>) -> Result<(), SqlError> {
        let NewBackup { database, file, name, description } = backup;
        self.watched(&tsql::back_up(database, file, name, description), watch)
    }

    fn verify(&mut self, file: &str, position: u32, watch: &mut Watch<'_>) -> Result<(), SqlError> {
        self.watched(&tsql::verify(file, position), watch)
    }
}
