//! The agent's journal, as the rest of the agent uses it: records go in one by one, each stored before anyone acts on it.
//!
//! `store` is the port to the disk, `sqlite` the disk. Neighbours: `reception` and `engine` append and read; what a record
//! means is `muster_agent_core::journal`. After one failed write nothing more is written by this process: what the disk
//! holds then is only known again after a restart.

pub mod sqlite;
pub mod store;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use muster_agent_core::journal::{Broken, Chain, IllegalRecord, Next, Record, State};
use muster_agent_core::ledger::{Change, Ledger};
use thiserror::Error;

use self::store::Store;
use crate::crash;

/// Why a record is not in the journal. The agent stops; nothing is tried again.
#[derive(Debug, Error)]
pub enum Error {
    /// The disk did not take it, or cannot be read.
    #[error("the journal cannot be used")]
    Store(#[from] store::Error),
    /// The journal is not what was written.
    #[error("the journal was damaged or changed by hand; nothing is started from it")]
    Broken(#[from] Broken),
    /// A record contradicts those before it.
    #[error("the journal contradicts itself; nothing is started from it")]
    Illegal(#[from] IllegalRecord),
    /// An earlier write failed; why, for whoever hears of it second.
    #[error("the journal was given up after a failed write: {0}")]
    GivenUp(String),
}

/// The open journal. Shared by all threads of the agent.
pub struct Journal {
    inner: Mutex<Inner>,
    moved: Condvar,
}

struct Inner {
    chain: Chain,
    state: State,
    ledger: Ledger,
    store: Box<dyn Store>,
    /// Why it was given up, if it was.
    given_up: Option<String>,
}

impl Journal {
    /// Reads everything, and checks it.
    ///
    /// # Errors
    /// Where the store cannot be read, or holds anything but what was written.
    pub fn open(mut store: Box<dyn Store>) -> Result<Self, Error> {
        let (mut chain, mut state, mut ledger) = (Chain::default(), State::default(), Ledger::default());
        for sealed in store.records()? {
            let record = chain.follow(&sealed)?;
            state.apply(sealed.position, record)?;
        }
        store.ownership()?.into_iter().for_each(|change| ledger.apply(change));
        let inner = Inner { chain, state, ledger, store, given_up: None };
        Ok(Self { inner: Mutex::new(inner), moved: Condvar::new() })
    }

    /// Stores a record and gives its position. It is on the disk when this returns.
    ///
    /// # Errors
    /// Where it is not known to be on the disk: the agent must stop.
    pub fn append(&self, record: Record) -> Result<u64, Error> {
        self.append_owning(record, Vec::new())
    }

    /// Stores a record together with what it changes in the ownership ledger.
    ///
    /// # Errors
    /// Where they are not known to be on the disk: the agent must stop.
    pub fn append_owning(&self, record: Record, changes: Vec<Change>) -> Result<u64, Error> {
        let mut inner = self.inner.lock().map_err(|_| Error::GivenUp("its writer died".to_owned()))?;
        if let Some(why) = &inner.given_up {
            return Err(Error::GivenUp(why.clone()));
        }
        let (before, stored) = points(&record);
        let sealed = inner.chain.seal(record.clone())?;
        // The fold may say no: it is asked before anything is written.
        let mut state = inner.state.clone();
        state.apply(sealed.position, record)?;
        let mut chain = inner.chain;
        chain.follow(&sealed)?;
        crash::point(before);
        if let Err(error) = inner.store.append(&sealed, &changes) {
            inner.given_up = Some(with_causes(&error));
            self.moved.notify_all();
            return Err(error.into());
        }
        crash::point(stored);
        inner.chain = chain;
        inner.state = state;
        changes.into_iter().for_each(|change| inner.ledger.apply(change));
        self.moved.notify_all();
        Ok(sealed.position)
    }

    /// Looks at the state.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock().state)
    }

    /// Looks at the ownership ledger.
    pub fn read_ledger<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&self.lock().ledger)
    }

    /// Why nothing more is written, where that is so.
    pub fn given_up(&self) -> Option<Error> {
        self.lock().given_up.clone().map(Error::GivenUp)
    }

    /// The position of the last record; 0 for none.
    pub fn position(&self) -> u64 {
        self.lock().chain.position()
    }

    /// Waits for something to do; none once `stop` is set (and [`Journal::wake`] was called) or the journal was given up.
    pub fn wait(&self, stop: &AtomicBool) -> Option<Next> {
        let mut inner = self.lock();
        loop {
            if stop.load(Ordering::SeqCst) || inner.given_up.is_some() {
                return None;
            }
            let next = inner.state.next();
            if next != Next::Idle {
                return Some(next);
            }
            inner = self.moved.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until one of these is set (and [`Journal::wake`] was called).
    pub fn wait_for(&self, any: [&AtomicBool; 2]) {
        let mut inner = self.lock();
        while !any.iter().any(|flag| flag.load(Ordering::SeqCst)) {
            inner = self.moved.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Has [`Journal::wait`] and [`Journal::wait_for`] look at their flags again.
    pub fn wake(&self) {
        // Taking the lock orders this after a wait that has just looked.
        drop(self.lock());
        self.moved.notify_all();
    }

    /// Reading goes on after a thread died while it held the lock: state moves only whole. Appending does not.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error with its causes, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The crash points before and after the commit of a record.
fn points(record: &Record) -> (&'static str, &'static str) {
    match record {
        Record::Epoch { .. } => ("journal.epoch.before_commit", "journal.epoch.stored"),
        Record::Accepted { .. } => ("journal.accepted.before_commit", "journal.accepted.stored"),
        Record::Intent { .. } => ("journal.intent.before_commit", "journal.intent.stored"),
        Record::Outcome { .. } => ("journal.outcome.before_commit", "journal.outcome.stored"),
        Record::Acknowledged { .. } => ("journal.acknowledged.before_commit", "journal.acknowledged.stored"),
        Record::Cancelled { .. } => ("journal.cancelled.before_commit", "journal.cancelled.stored"),
        Record::Regressed { .. } => ("journal.regressed.before_commit", "journal.regressed.stored"),
        Record::Reobserved => ("journal.reobserved.before_commit", "journal.reobserved.stored"),
    }
}

#[cfg(test)]
mod tests;
