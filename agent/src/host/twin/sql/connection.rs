//! A connection to a modelled server: its lock, and the faults of the twin that stands at the other end of it.
//!
//! Neighbours: `session` and `backup` work through it. A fault before an operation is the server's error, one after it a reply
//! that never came.

use super::store::{SqlSection, SqlStore};
use crate::host::twin::Twin;
use crate::host::twin::fault::{Moment, Operation};
use crate::host::{SqlError, SqlMessage};

/// A connection of somebody who was let in.
pub(super) struct Connection<'t> {
    pub(super) twin: &'t Twin,
    pub(super) store: SqlStore,
    pub(super) login: String,
}

impl Connection<'_> {
    pub(super) fn lock(&self) -> Result<SqlSection<'_>, SqlError> {
        self.store.lock().map_err(|error| lost(&error.into()))
    }

    pub(super) fn strike(&self, operation: Operation, target: &str, moment: Moment) -> Result<(), SqlError> {
        let struck = self.twin.sql_strike(operation, target, moment).map_err(|error| lost(&error))?;
        match (struck, moment) {
            (None, _) => Ok(()),
            (Some(message), Moment::Before) => Err(SqlError::Server(said(&message))),
            (Some(message), Moment::After) => Err(SqlError::Lost(message)),
        }
    }
}

pub(super) fn lost(error: &crate::host::Error) -> SqlError {
    SqlError::Lost(error.to_string())
}

/// A fault's words as a message of the server: `Msg 9002, Level 17, State 2, Line 3: words`, `Procedure name` before the line where it is
/// one's, or the words alone.
fn said(words: &str) -> SqlMessage {
    let parse = || {
        let (head, text) = words.split_once(": ")?;
        let of_procedure = |part: &&str| part.starts_with("Procedure ");
        let procedure = head.split(", ").find(of_procedure).and_then(|part| part.strip_prefix("Procedure "));
        let parts = head.split(", ").filter(|part| !of_procedure(part));
        let mut numbers = parts.map(|part| part.rsplit(' ').next());
        let mut number = || numbers.next()??.parse::<u32>().ok();
        let (number, severity, state, line) = (number()?, number()?, number()?, number()?);
        Some(SqlMessage {
            number: i32::try_from(number).ok()?,
            severity: u8::try_from(severity).ok()?,
            state: u8::try_from(state).ok()?,
            line,
            procedure: procedure.map(str::to_owned),
            text: text.to_owned(),
        })
    };
    parse().unwrap_or_else(|| SqlMessage::own(words))
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
        let raised = "Msg 547, Level 16, State 0, Procedure dbo.Post, Line 40: it conflicted";
        assert_eq!(said(raised).to_string(), raised);
    }
}
