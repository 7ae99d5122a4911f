//! A session on a modelled server: each batch whole or not at all where it has a mark, statement by statement where not.
//!
//! Neighbours: `statement` says what a batch does. A fault after a batch is a reply that never came.

use std::time::Duration;

use muster_model::digest::Digest;

use super::answer;
use super::connection::{Connection, lost};
use super::state::{Happened, Right, SqlState};
use super::statement::{self, Ran};
use crate::host::twin::fault::{Moment, Operation};
use crate::host::twin::state::{find, find_mut};
use crate::host::{SqlBatch, SqlError, SqlMessage, SqlPassed, SqlSession};

/// A session.
pub(super) struct Session<'t> {
    pub(super) connection: Connection<'t>,
    pub(super) database: String,
    /// Whether the server has ended it, as it does with an error of severity 20 and above.
    pub(super) ended: bool,
}

impl Session<'_> {
    fn goes_on(&self) -> Result<(), SqlError> {
        if self.ended { Err(SqlError::Lost("the server ended the session".to_owned())) } else { Ok(()) }
    }

    /// Runs a batch. With a mark its first error takes it back; without one what it did stays.
    fn batch(&mut self, batch: &SqlBatch<'_>) -> Result<SqlPassed, SqlError> {
        self.goes_on()?;
        if let Err(error) = self.connection.strike(Operation::SqlExecute, batch.label, Moment::Before) {
            self.ended = matches!(&error, SqlError::Server(message) if message.severity >= 20);
            return Err(error);
        }
        let mut section = self.connection.lock()?;
        section.state().open(&self.database).map_err(SqlError::Server)?;
        if !section.state().allows(&self.connection.login, Right::Execute) {
            let text = format!("EXECUTE permission denied in database '{}'", self.database);
            return Err(SqlError::Server(SqlMessage {
                number: 229,
                severity: 14,
                state: 5,
                line: 1,
                procedure: None,
                text,
            }));
        }
        let mut state = section.state().clone();
        let Ran { printed, takes_ms, errors, ends_transaction } =
            statement::run(&mut state, &self.database, batch.text, batch.mark.is_some());
        std::thread::sleep(Duration::from_millis(takes_ms));
        let (database, label) = (self.database.clone(), batch.label.to_owned());
        let text = Digest::of(batch.text.as_bytes());
        if let Some(message) = errors.first() {
            // What ran outside a transaction stays done.
            if batch.mark.is_none() && state != *section.state() {
                let error = message.to_string();
                let broken = Happened::BatchBroken { database, label, text, error };
                let committed = section.commit(&self.connection.login, broken, |now| *now = state);
                committed.map_err(|error| lost(&error.into()))?;
            }
            drop(section);
            if batch.mark.is_none() {
                self.connection.strike(Operation::SqlExecute, batch.label, Moment::After)?;
            }
            return Ok(SqlPassed { printed, errors });
        }
        let is_ended = ends_transaction && batch.mark.is_some();
        let mark = batch.mark.filter(|_| !is_ended);
        if let Some((name, value)) = mark {
            set(&mut state, &self.database, name, value);
        }
        let mark = mark.map(|(_, value)| value.to_owned());
        let happened = Happened::BatchRun { database, label, text, mark };
        section
            .commit(&self.connection.login, happened, |now| *now = state)
            .map_err(|error| lost(&error.into()))?;
        drop(section);
        self.connection.strike(Operation::SqlExecute, batch.label, Moment::After)?;
        if is_ended { Err(SqlError::Ended) } else { Ok(SqlPassed { printed, errors }) }
    }
}

impl SqlSession for Session<'_> {
    fn execute(&mut self, batch: &SqlBatch<'_>) -> Result<Vec<String>, SqlError> {
        let SqlPassed { printed, errors } = self.batch(batch)?;
        errors.into_iter().next().map_or(Ok(printed), |message| Err(SqlError::Server(message)))
    }

    fn pass(&mut self, text: &str, label: &str) -> Result<SqlPassed, SqlError> {
        match self.batch(&SqlBatch { text, label, mark: None }) {
            Err(SqlError::Server(message)) => Ok(SqlPassed { errors: vec![message], ..SqlPassed::default() }),
            passed => passed,
        }
    }

    fn property(&mut self, name: &str) -> Result<Option<String>, SqlError> {
        self.goes_on()?;
        let section = self.connection.lock()?;
        section.state().open(&self.database).map_err(SqlError::Server)?;
        let database = find(&section.state().databases, &self.database);
        Ok(database.and_then(|database| database.properties.get(name).cloned()))
    }

    fn set_property(&mut self, name: &str, value: &str) -> Result<(), SqlError> {
        self.goes_on()?;
        let mut section = self.connection.lock()?;
        section.state().open(&self.database).map_err(SqlError::Server)?;
        let database = self.database.clone();
        let happened = Happened::PropertySet {
            database: database.clone(),
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let set =
            section.commit(&self.connection.login, happened, |state| set(state, &database, name, value));
        set.map_err(|error| lost(&error.into()))
    }

    fn scalar(&mut self, query: &str) -> Result<Option<String>, SqlError> {
        self.goes_on()?;
        self.connection.strike(Operation::SqlQuery, &self.database, Moment::Before)?;
        let section = self.connection.lock()?;
        section.state().open(&self.database).map_err(SqlError::Server)?;
        answer::scalar(section.state(), &self.connection.login, &self.database, query)
            .map_err(SqlError::Server)
    }
}

fn set(state: &mut SqlState, database: &str, name: &str, value: &str) {
    if let Some(database) = find_mut(&mut state.databases, database) {
        database.properties.insert(name.to_owned(), value.to_owned());
    }
}
