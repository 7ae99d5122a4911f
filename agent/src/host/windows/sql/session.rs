//! A session: batches with their marks, each pair in one transaction, and marks and questions by themselves.
//!
//! The batch is sent by itself, as many statements must come first in theirs. What must hold together is between
//! `BEGIN TRANSACTION` and `COMMIT TRANSACTION`, and the commit is sent only once the mark was set without an error. XACT_ABORT
//! stays as the script wants it: any error above severity 10 ends in a rollback, whether or not the server has made one.
//! Neighbours: `engine::sql` decides what is run, and what a lost connection means.

use muster_agent_core::tsql::{self, Left};

use super::connection::Connection;
use crate::host::{SqlBatch, SqlError, SqlMessage, SqlPassed, SqlSession};

/// A session in a database.
pub(super) struct Session {
    connection: Connection,
    /// The database of the marks, wherever a batch goes with `USE`.
    database: String,
}

impl Session {
    pub(super) fn new(connection: Connection, database: &str) -> Self {
        Self { connection, database: database.to_owned() }
    }

    /// The batch, and its mark in the same transaction where the batch lets it.
    fn marked(&mut self, text: &str, (name, value): (&str, &str)) -> Result<Vec<String>, SqlError> {
        self.connection.run(tsql::BEGIN, 0)?;
        let printed = self.connection.run(text, 0)?.printed;
        match self.left()? {
            Left::Open => {
                self.set_property(name, value)?;
                self.connection.run(tsql::COMMIT, 0)?;
            }
            Left::Ended => return Err(SqlError::Ended),
            Left::More => {
                return Err(SqlError::Server(SqlMessage::own(
                    "it leaves a transaction open that it began; one batch begins and ends it",
                )));
            }
            Left::SwitchedOff => {
                return Err(SqlError::Server(SqlMessage::own(
                    "it leaves NOEXEC or PARSEONLY on, after which nothing is carried out any more",
                )));
            }
        }
        Ok(printed)
    }

    /// The batch outside any transaction of Muster's.
    fn alone(&mut self, text: &str) -> Result<Vec<String>, SqlError> {
        let printed = self.connection.run(text, 0)?.printed;
        self.leaves_nothing_open().map(|()| printed)
    }

    /// The same, whatever of it fails.
    fn past_errors(&mut self, text: &str) -> Result<SqlPassed, SqlError> {
        let passed = self.connection.run_past_errors(text)?;
        if passed.errors.iter().all(SqlMessage::is_the_script_s_own) {
            self.leaves_nothing_open()?;
        }
        Ok(passed)
    }

    /// Whether the batch that ran alone leaves a session in which another can.
    fn leaves_nothing_open(&mut self) -> Result<(), SqlError> {
        match self.left()? {
            Left::Ended => Ok(()),
            Left::Open | Left::More => {
                Err(SqlError::Server(SqlMessage::own("it leaves a transaction open, which was rolled back")))
            }
            Left::SwitchedOff => Err(SqlError::Server(SqlMessage::own(
                "it leaves NOEXEC or PARSEONLY on, after which nothing is carried out any more",
            ))),
        }
    }

    /// Rolls back what a batch that failed has left open.
    fn settle<T>(&mut self, label: &str, ran: Result<T, SqlError>) -> Result<T, SqlError> {
        if let Err(SqlError::Server(message)) = &ran
            && let Err(error) = self.connection.run(tsql::ROLLBACK, 0)
        {
            // The server rolls back what a connection that ends has left open.
            tracing::info!(batch = label, %message, %error, "the session ended with the batch");
        }
        ran
    }

    fn left(&mut self) -> Result<Left, SqlError> {
        let open = self.connection.scalar(tsql::OPEN_TRANSACTIONS)?;
        Ok(tsql::left(open.as_deref()))
    }
}

impl SqlSession for Session {
    fn execute(&mut self, batch: &SqlBatch<'_>) -> Result<Vec<String>, SqlError> {
        tracing::debug!(batch = batch.label, "runs");
        let ran = match batch.mark {
            Some(mark) => self.marked(batch.text, mark),
            None => self.alone(batch.text),
        };
        self.settle(batch.label, ran)
    }

    fn pass(&mut self, text: &str, label: &str) -> Result<SqlPassed, SqlError> {
        tracing::debug!(batch = label, "runs, its errors ignored");
        let passed = self.past_errors(text);
        self.settle(label, passed)
    }

    fn property(&mut self, name: &str) -> Result<Option<String>, SqlError> {
        self.connection.scalar(&tsql::property(&self.database, name))
    }

    fn set_property(&mut self, name: &str, value: &str) -> Result<(), SqlError> {
        self.connection.run(&tsql::set_property(&self.database, name, value), 0).map(|_| ())
    }

    fn scalar(&mut self, query: &str) -> Result<Option<String>, SqlError> {
        self.connection.scalar(query)
    }
}
