//! The journal: what the agent has promised and done, record by record.
//!
//! `record` is what can be written, `chain` ties each record to the one before, `state` folds them into what to do next,
//! `past` into what was done of each plan.
//! Neighbours: the agent stores sealed records, one fsynced transaction each, before it acts on them or speaks of them.
//! Nothing here forgets: what is not in the journal did not happen.

mod chain;
mod past;
mod record;
mod state;

pub use chain::{Broken, Chain, Sealed};
pub use record::Record;
pub use state::{Ended, Gap, IllegalRecord, Next, Open, OpenStep, State, Unacknowledged};

#[cfg(test)]
mod tests;
