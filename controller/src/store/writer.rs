//! The one task that writes: many callers' closures share one transaction and one fsync.
//!
//! Neighbours: `Store::transaction` hands in. Each closure has a savepoint, so that its failure undoes its own writes only;
//! answers go out after the commit. A commit that fails leaves nobody knowing what is on disk: the writer then stops for
//! good and says why, and `serve` ends the process.

use muster_model::causes::with_causes;
use muster_model::limits;
use muster_model::name::Sequence;
use sqlx::sqlite::SqlitePool;
use tokio::sync::{mpsc, oneshot, watch};

use super::{Error, Fatal, Snapshot, Tx, Work};
use crate::clock::Clock;
use crate::crash;

/// How many writes share a transaction at most.
#[expect(clippy::cast_possible_truncation, reason = "the limit is a thousand")]
const BATCH: usize = limits::WRITER_BATCH as usize;

/// What reaches the writer.
pub(super) enum Message {
    /// A write.
    Job(Box<dyn Job>),
    /// Close the file; everything before this message was written.
    Close(oneshot::Sender<()>),
}

type Run<'t> = std::pin::Pin<Box<dyn Future<Output = bool> + Send + 't>>;

/// A write with its answer, whatever its types.
pub(super) trait Job: Send {
    /// Runs it and keeps the result; true where its writes are to be kept.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> Run<'t>;
    /// Sends the result, once what it says holds.
    fn answer(self: Box<Self>);
    /// Sends that nothing of it took place.
    fn refuse(self: Box<Self>, why: &Fatal);
}

struct Write<T, E, F> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    caller: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Write<T, E, F>
where
    T: Send,
    E: From<Error> + Send,
    F: for<'t> FnOnce(&'t mut Tx) -> Work<'t, T, E> + Send,
{
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> Run<'t> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return false };
            let result = work(tx).await;
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn answer(self: Box<Self>) {
        let Self { result, caller, .. } = *self;
        if let Some(result) = result
            && caller.send(result).is_err()
        {
            // The write holds all the same: whoever asks next reads it.
            tracing::debug!("a caller did not wait for its write");
        }
    }

    fn refuse(self: Box<Self>, why: &Fatal) {
        // An error of its own is nearer to what its caller asked for.
        let own = self.result.and_then(Result::err);
        if self.caller.send(Err(own.unwrap_or_else(|| E::from(Error::Undone(why.clone()))))).is_err() {
            tracing::debug!("a caller did not wait to hear that its write was undone");
        }
    }
}

/// A job and where its answer arrives.
pub(super) fn job<T, E, F>(work: F) -> (Box<dyn Job>, oneshot::Receiver<Result<T, E>>)
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> Work<'t, T, E> + Send + 'static,
{
    let (caller, answer) = oneshot::channel();
    (Box::new(Write { work: Some(work), result: None, caller }), answer)
}

/// Starts the writer. It ends when all handles are gone, when it is told to close, or when a commit fails.
pub(super) fn spawn(
    pool: SqlitePool,
    mut queue: mpsc::Receiver<Message>,
    committed: watch::Sender<Sequence>,
    stopped: watch::Sender<Option<Fatal>>,
    clock: Clock,
) {
    let work = tokio::spawn(async move {
        let mut closing = None;
        let mut batch = Vec::new();
        while closing.is_none() && queue.recv_many(&mut batch, BATCH).await > 0 {
            let mut jobs = Vec::with_capacity(batch.len());
            for message in batch.drain(..) {
                match message {
                    Message::Job(job) => jobs.push(job),
                    Message::Close(done) => closing = Some(done),
                }
            }
            if !jobs.is_empty() {
                write_batch(&pool, jobs, &committed, &clock).await?;
            }
        }
        pool.close().await;
        if let Some(done) = closing
            && done.send(()).is_err()
        {
            tracing::debug!("nobody waited for the store to close");
        }
        Ok::<(), Error>(())
    });
    tokio::spawn(async move {
        let fatal = match work.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => Fatal(with_causes(&error)),
            Err(panic) => Fatal(format!("a write ended in a defect: {panic}")),
        };
        tracing::error!(%fatal, "the writer stopped");
        stopped.send_replace(Some(fatal));
    });
}

/// Runs the jobs in one transaction. On an error none is answered: their callers learn that the writer stopped.
async fn write_batch(
    pool: &SqlitePool,
    mut jobs: Vec<Box<dyn Job>>,
    committed: &watch::Sender<Sequence>,
    clock: &Clock,
) -> Result<(), Error> {
    let transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let mut tx = Tx { snapshot: Snapshot::new(transaction), at: clock.now(), sequence: 0 };
    tx.sequence = tx.newest_sequence().await?.0;
    for job in &mut jobs {
        let before = tx.sequence;
        tx.at = clock.now();
        tx.snapshot.begin_job();
        let keep = job.run(&mut tx).await;
        if !keep {
            tx.sequence = before;
        }
        tx.snapshot.end_job(keep).await?;
    }
    let sequence = Sequence(tx.sequence);
    if let Err(error) = tx.snapshot.write_behind().await {
        // Where the database undoes it, nothing of the batch is there, and all of its callers can be told.
        tx.snapshot.transaction.rollback().await?;
        let why = Fatal(with_causes(&error));
        tracing::error!(%why, jobs = jobs.len(), "a batch of writes was undone");
        jobs.into_iter().for_each(|job| job.refuse(&why));
        return Ok(());
    }
    crash::point("store.before_commit");
    tx.snapshot.transaction.commit().await?;
    crash::point("store.after_commit");
    committed.send_if_modified(|newest| std::mem::replace(newest, sequence) != sequence);
    for job in jobs {
        job.answer();
    }
    Ok(())
}
