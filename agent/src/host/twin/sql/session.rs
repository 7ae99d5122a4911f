//! A session on a modelled server: each batch whole or not at all where it has a mark, statement by statement where not.
//!
//! Neighbours: `statement` says what a batch does. A fault after a batch is a reply that never came.

use std::time::Duration;

use muster_model::digest::Digest;

use super::answer;
use super::state::{Happened, Right, SqlState};
use super::statement::{self, Ran};
use super::store::{SqlSection, SqlStore};
use crate::host::twin::Twin;
use crate::host::twin::fault::{Moment, Operation};
use crate::host::twin::state::{find, find_mut};
use crate::host::{SqlBatch, SqlError, SqlMessage, SqlSession};

/// A session.
pub(super) struct Session<'t> {
    pub(super) twin: &'t Twin,
    pub(super) store: SqlStore,
    pub(super) login: String,
    pub(super) database: String,
}

impl Session<'_> {
    fn lock(&self) -> Result<SqlSection<'_>, SqlError> {
        self.store.lock().map_err(|error| lost(&error.into()))
    }

    fn strike(&self, operation: Operation, target: &str, moment: Moment) -> Result<(), SqlError> {
        let struck = self.twin.sql_strike(operation, target, moment).map_err(|error| lost(&error))?;
        match (struck, moment) {
            (None, _) => Ok(()),
            (Some(message), Moment::Before) => Err(SqlError::Server(said(&message))),
            (Some(message), Moment::After) => Err(SqlError::Lost(message)),
        }
    }
}

impl SqlSession for Session<'_> {
    fn execute(&mut self, batch: &SqlBatch<'_>) -> Result<Vec<String>, SqlError> {
        self.strike(Operation::SqlExecute, batch.label, Moment::Before)?;
        let mut section = self.lock()?;
        section.state().open(&self.database).map_err(SqlError::Server)?;
        if !section.state().allows(&self.login, Right::Execute) {
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
                let committed = section.commit(&self.login, broken, |now| *now = state);
                committed.map_err(|error| lost(&error.into()))?;
            }
            return Err(SqlError::Server(message));
        }
        if let Some((name, value)) = batch.mark {
            set(&mut state, &self.database, name, value);
        }
        let mark = batch.mark.map(|(_, value)| value.to_owned());
        let happened = Happened::BatchRun { database, label, text, mark };
        section.commit(&self.login, happened, |now| *now = state).map_err(|error| lost(&error.into()))?;
        drop(section);
        self.strike(Operation::SqlExecute, batch.label, Moment::After)?;
        Ok(printed)
    }

    fn property(&mut self, name: &str) -> Result<Option<String>, SqlError> {
        let section = self.lock()?;
        section.state().open(&self.database).map_err(SqlError::Server)?;
        let database = find(&section.state().databases, &self.database);
        Ok(database.and_then(|database| database.properties.get(name).cloned()))
    }

    fn set_property(&mut self, name: &str, value: &str) -> Result<(), SqlError> {
        let mut section = self.lock()?;
        section.state().open(&self.database).map_err(SqlError::Server)?;
        let database = self.database.clone();
        let happened = Happened::PropertySet {
            database: database.clone(),
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let set = section.commit(&self.login, happened, |state| set(state, &database, name, value));
        set.map_err(|error| lost(&error.into()))
    }

    fn scalar(&mut self, query: &str) -> Result<Option<String>, SqlError> {
        self.strike(Operation::SqlQuery, &self.database, Moment::Before)?;
        let section = self.lock()?;
        section.state().open(&self.database).map_err(SqlError::Server)?;
        answer::scalar(section.state(), &self.login, &self.database, query).map_err(SqlError::Server)
    }
}

fn set(state: &mut SqlState, database: &str, name: &str, value: &str) {
    if let Some(database) = find_mut(&mut state.databases, database) {
        database.properties.insert(name.to_owned(), value.to_owned());
    }
}

pub(super) fn lost(error: &crate::host::Error) -> SqlError {
    SqlError::Lost(error.to_string())
}

/// A fault's words as a message of the server: `Msg 9002, Level 17, State 2, Line 3: words`, or the words alone.
pub(super) fn said(words: &str) -> SqlMessage {
    let plain = || SqlMessage { number: 50_000, severity: 16, state: 1, line: 1, text: words.to_owned() };
    let parse = || {
        let (head, text) = words.split_once(": ")?;
        let mut numbers = head.split(", ").map(|part| part.rsplit(' ').next());
        let mut number = || numbers.next()??.parse::<u32>().ok();
        let (number, severity, state, line) = (number()?, number()?, number()?, number()?);
        Some(SqlMessage {
            number: i32::try_from(number).ok()?,
            severity: u8::try_from(severity).ok()?,
            state: u8::try_from(state).ok()?,
            line,
            text: text.to_owned(),
        })
    };
    parse().unwrap_or_else(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_s_words_become_the_server_s_message() {
        let message = said("Msg 9002, Level 17, State 2, Line 3: the log is full");
        assert_eq!((message.number, message.severity, message.line), (9002, 17, 3));
        assert_eq!(message.to_string(), "Msg 9002, Level 17, State 2: the log is full");
        assert_eq!(said("no such luck").number, 50_000);
    }
}
