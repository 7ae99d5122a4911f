//! What the agent decides, without touching anything: diff, agreement, acceptance of a command, and the journal's meaning.
//!
//! `diff` compares a manifest with observations, `due` says which tasks run, `script` cuts SQL scripts into batches, `tsql`
//! has what is said to a SQL Server, `agree` compares a step's approved rows with what is there now, `inbox` judges a
//! command, `journal` folds records into what to do next, `restart` says what waits for one. Neighbours: `muster-agent`
//! observes, stores and acts by what is decided here. This crate does no I/O, reads no clock and draws no random number;
//! Cargo and `clippy.toml` hold it to that.

pub mod agree;
mod database;
pub mod diff;
pub mod due;
pub mod inbox;
pub mod journal;
pub mod ledger;
pub mod observation;
pub mod restart;
pub mod script;
pub mod tsql;
pub mod work;

#[cfg(test)]
mod sample;
