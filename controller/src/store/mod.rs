//! Everything that the controller remembers, in one SQLite file.
//!
//! [`Store::transaction`] is the only way to write: callers hand in a closure over a [`Tx`], the one writer task runs many
//! of them in one database transaction, each in a savepoint of its own, and answers after the commit. [`Store::snapshot`]
//! reads, always a state between two commits. Every change of state appends its event in the same transaction
//! ([`Tx::append`]), and the rows that events imply (a server's, a plan's, a step key's) are written there too.
//! Neighbours: all rooms of the controller. The only SQL of the house is in this folder, written so that PostgreSQL can be
//! a second engine. It never decides: what is allowed is the caller's question, asked inside the transaction.

mod behind;
mod certificate;
mod confirmation;
mod copy;
mod error;
mod event;
mod invitation;
mod manifest;
mod meta;
mod operator;
mod plan;
mod recovery;
mod revision;
mod row;
mod secret;
mod server;
mod staging;
mod status;
mod step_key;
mod writer;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use jiff::Timestamp;
use muster_model::name::Sequence;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};
use tokio::sync::{mpsc, watch};

pub use certificate::Certificate;
pub use confirmation::Confirmation;
pub use copy::{Contents, contents, copy, newest_schema};
pub use error::{Error, Fatal};
pub use event::{EventFilter, StoredEvent};
pub use invitation::Invitation;
pub use manifest::StoredManifest;
pub use meta::Epoch;
pub use operator::OperatorInvitation;
pub use plan::{Installed, NewPlan, Plan, PlanSteps};
pub use recovery::{Confirmed, ReadMemory, Recovery};
pub use revision::{Document, NewRevision, Pushed, RevisionRecord};
pub use secret::StoredSecret;
pub use server::Server;
pub use step_key::StepKeyRecord;

use crate::clock::Clock;

/// How many reads may go on at once. Each has a thread, and the allocator keeps memory for each: with eight an idle agent took
/// 8 KiB more. Whoever holds a snapshot takes no second one, so that two are enough however many ask.
const READERS: u32 = 2;
/// How long a connection waits for a lock before it gives up. Only a checkpoint ever holds one that long.
const BUSY: Duration = Duration::from_secs(10);
/// How many writes may wait for the writer before callers wait to hand theirs in.
const QUEUE: usize = 4_096;

/// Every change of the tables, oldest first.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// What a closure of [`Store::transaction`] returns.
pub type Work<'t, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>;

/// The open database. Cheap to clone; all clones share the writer.
#[derive(Clone)]
pub struct Store {
    readers: SqlitePool,
    jobs: mpsc::Sender<writer::Message>,
    committed: watch::Receiver<Sequence>,
    stopped: watch::Receiver<Option<Fatal>>,
    clock: Clock,
}

/// A state of the database between two commits, to be read from. Holds a reader's connection: keep it briefly.
pub struct Snapshot {
    transaction: Transaction<'static, Sqlite>,
    /// Of a write under way, what its tables do not have yet; empty in a state that is read.
    behind: behind::Behind,
}

/// A write under way: everything of [`Snapshot`] reads what was written so far, and the methods of `Tx` write.
pub struct Tx {
    snapshot: Snapshot,
    at: Timestamp,
    sequence: u64,
}

impl Store {
    /// Opens the file, brings its tables to this version and starts the writer. Makes the file where there is none.
    ///
    /// # Errors
    /// Where the file cannot be opened, is damaged, or was written by a newer version.
    pub async fn open(path: &Path, clock: Clock) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let writers = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone())
            .await?;
        MIGRATIONS.run(&writers).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            // A file does not go away as a server does.
            .test_before_acquire(false)
            .connect_with(options.pragma("query_only", "ON"))
            .await?;
        let mut first = Snapshot::new(readers.begin().await?);
        let newest = first.newest_sequence().await?;
        drop(first);
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (committed_in, committed) = watch::channel(newest);
        let (stopped_in, stopped) = watch::channel(None);
        writer::spawn(writers, queue, committed_in, stopped_in, clock.clone());
        Ok(Self { readers, jobs, committed, stopped, clock })
    }

    /// A state to read from.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot::new(self.readers.begin().await?))
    }

    /// Runs the closure inside a transaction and returns its value once that is on disk. An `Err` undoes what this closure
    /// wrote and nothing else. Dropping the future does not stop the write.
    ///
    /// ```ignore
    /// store.transaction(move |tx| Box::pin(async move { tx.append(Some(&site), body).await })).await
    /// ```
    ///
    /// # Errors
    /// The closure's own, or [`Error::Stopped`] where nothing can be stored any more.
    pub async fn transaction<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> Work<'t, T, E> + Send + 'static,
    {
        let (job, answer) = writer::job(work);
        if self.jobs.send(writer::Message::Job(job)).await.is_err() {
            return Err(E::from(Error::Stopped(self.stopped().await)));
        }
        match answer.await {
            Ok(result) => result,
            Err(_) => Err(E::from(Error::Stopped(self.stopped().await))),
        }
    }

    /// The highest sequence number that is on disk, and a signal whenever it rises. Read from it, then wait: no event is
    /// missed.
    pub fn committed(&self) -> watch::Receiver<Sequence> {
        self.committed.clone()
    }

    /// Waits until the writer has stopped for good. The process must end then, so that a new start can settle what holds.
    pub async fn stopped(&self) -> Fatal {
        let mut stopped = self.stopped.clone();
        match stopped.wait_for(Option::is_some).await {
            Ok(fatal) => fatal.clone().unwrap_or_else(unnamed),
            Err(_) => unnamed(),
        }
    }

    /// The clock that stamps its events.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Lets the writes that were handed in finish, then closes the file.
    ///
    /// # Errors
    /// Where the writer had stopped before.
    pub async fn close(&self) -> Result<(), Error> {
        let (done, finished) = tokio::sync::oneshot::channel();
        let handed = self.jobs.send(writer::Message::Close(done)).await.is_ok();
        let closed = handed && finished.await.is_ok();
        self.readers.close().await;
        if closed { Ok(()) } else { Err(Error::Stopped(self.reason())) }
    }

    fn reason(&self) -> Fatal {
        self.stopped.borrow().clone().unwrap_or_else(unnamed)
    }
}

fn unnamed() -> Fatal {
    Fatal("the store was closed".to_owned())
}

impl Snapshot {
    fn new(transaction: Transaction<'static, Sqlite>) -> Self {
        Self { transaction, behind: behind::Behind::default() }
    }

    /// Reads the whole file's structure.
    ///
    /// # Errors
    /// Where it is damaged.
    pub async fn check_integrity(&mut self) -> Result<(), Error> {
        let answer: String =
            sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(self.connection().await?).await?;
        if answer == "ok" { Ok(()) } else { Err(Error::Corrupt(answer)) }
    }
}

impl Tx {
    /// The moment of this write: that of its events.
    pub fn at(&self) -> Timestamp {
        self.at
    }
}

impl std::ops::Deref for Tx {
    type Target = Snapshot;
    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

impl std::ops::DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Snapshot {
        &mut self.snapshot
    }
}

#[cfg(test)]
mod tests;
