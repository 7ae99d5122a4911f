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
use crate::host::{SqlBatch, SqlError, SqlMessage, SqlSession};

/// A session.
pub(super) struct Session<'t> {
    pub(super) connection: Connection<'t>,
    pub(super) database: String,
}

impl SqlSession for Session<'_> {
    fn execute(&mut self, batch: &SqlBatch<'_>) -> Result<Vec<String>, SqlError> {
        self.connection.strike(Operation::SqlExecute, batch.label, Moment::Before)?;
        let mut section = self.connection.lock()?;
        section.state().open(&self.database).map_err(SqlError::Server)?;
        if !section.state().allows(&self.connection.login, Right::Execute) {
            let text = format!("EXECUTE permission denied in database '{}'", self.database);
            return Err(SqlError::Server(SqlMessage { number: 229, severity: 14, state: 5, line: 1, text }));
        }
        let mut state = section.state().clone();
        let Ran { printed, takes_ms, error } =
            statement::run(&mut state, &self.database, batch.text, batch.mark.is_some());
        std::thread::sleep(Duration::from_millis(takes_ms));
        let (database, label) = (self.database.clone(), batch.label.to_owned());
        let text = Digest::of(batch.text.as_bytes());
        if let Some(message) = error {
            // What ran outside a transaction stays done.
            if batch.mark.is_none() && state != *section.state() {
                let error = message.to_string();
                let broken = Happened::BatchBroken { database, label, text, error };
                let committed = section.commit(&self.connection.login, broken, |now| *now = state);
                committed.map_err(|error| lost(&error.into()))?;
            }
            return Err(SqlError::Server(message));
        }
        if let Some((name, value)) = batch.mark {
            set(&mut state, &self.database, name, value);
        }
        let mark = batch.mark.map(|(_, value)| value.to_owned());
        let happened = Happened::BatchRun { database, label, text, mark };
        section
            .commit(&self.connection.login, happened, |now| *now = state)
            .map_err(|error| lost(&error.into()))?;
        drop(section);
        self.connection.strike(Operation::SqlExecute, batch.label, Moment::After)?;
        Ok(printed)
    }

    fn property(&mut self, name: &str) -> Result<Option<String>, SqlError> {
        let section = self.connection.lock()?;
        section.state().open(&self.database).map_err(SqlError::Server)?;
        let database = find(&section.state().databases, &self.database);
        Ok(database.and_then(|database| database.properties.get(name).cloned()))
    }

    fn set_property(&mut self, name: &str, value: &str) -> Result<(), SqlError> {
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
