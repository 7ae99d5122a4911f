//! The way of a restored controller back to work: read every agent, let an operator look, then go on above every number.
//!
//! `begin` marks a data directory, `show` says what was read. Neighbours: the agents' door asks [`Recovery::must_read`] at
//! every stream and hands in what an agent remembers, the operators' door asks [`Recovery::settled`] before anything that
//! changes. Until an operator confirmed, nothing is sent to anybody; afterwards nothing is sent to a server that was not
//! read (promise 5). A controller that was never restored only answers that it was not.

mod begin;
mod show;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use muster_model::command;
use muster_model::event::EventBody;
use muster_model::memory::{AgentMemory, OutcomeMemory};
use muster_model::name::{PlanId, ServerId};
use muster_model::view::RecoveryState;
use muster_proto::session::StepEnded;
use thiserror::Error;
use uuid::Uuid;

pub use begin::begin;

use crate::dispatch;
use crate::session;
use crate::store::{self, Epoch, Snapshot, Store};

/// Why the recovery does not go on.
#[derive(Debug, Error)]
pub enum Error {
    /// Nothing may begin yet.
    #[error(
        "this controller was restored and nothing may begin yet; see what its agents know: `muster recover status`, then `muster recover confirm`"
    )]
    Recovering,
    /// There is nothing to confirm.
    #[error("this controller was not restored: there is nothing to confirm")]
    NotRestored,
    /// It was confirmed before.
    #[error("the recovery was confirmed by {by} at {at}; see `muster recover status`")]
    Confirmed {
        /// The operator.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// Servers were not read.
    #[error(
        "{} were not read since the restore: {}; start their agents and look again: `muster recover status`, or leave them out until they come: `muster recover confirm --leave-unread`",
        servers(.0.len()), list(.0)
    )]
    Unread(Vec<ServerId>),
    /// The store does not answer.
    #[error("the recovery could not be stored")]
    Store(#[from] store::Error),
    /// A run of before the restore cannot be ended.
    #[error("a run of before the restore cannot be ended")]
    Dispatch(#[from] dispatch::Error),
    /// The task died, or the controller stops.
    #[error("the confirmation was cut off; look at what holds: `muster recover status`")]
    Interrupted,
}

/// How many of them a message names.
const NAMED: usize = 5;

fn servers(count: usize) -> String {
    if count == 1 { "1 server".to_owned() } else { format!("{count} servers") }
}

fn list(servers: &[ServerId]) -> String {
    let mut names: Vec<String> = servers.iter().take(NAMED).map(ToString::to_string).collect();
    if servers.len() > NAMED {
        names.push(format!("{} more", servers.len() - NAMED));
    }
    names.join(", ")
}

/// The room. Cheap to clone.
#[derive(Clone)]
pub struct Recovery {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    sessions: session::Handle,
    state: Mutex<State>,
}

/// What is asked at every stream and every call: never ahead of the disk.
struct State {
    phase: RecoveryState,
    read: BTreeSet<ServerId>,
}

/// A recovery that was confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The epoch's number from here on.
    pub epoch: u64,
    /// Every plan up to this one is void.
    pub plan: PlanId,
    /// Enrolled servers that were not read.
    pub unread: Vec<ServerId>,
}

impl Recovery {
    /// The recovery as the store has it.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn open(store: Store, sessions: session::Handle) -> Result<Self, store::Error> {
        let mut snapshot = store.snapshot().await?;
        let phase = match snapshot.recovery().await? {
            None => RecoveryState::None,
            Some(recovery) if recovery.confirmed.is_some() => RecoveryState::Confirmed,
            Some(_) => RecoveryState::Reading,
        };
        let read = snapshot.read_servers().await?.into_iter().collect();
        drop(snapshot);
        if phase == RecoveryState::Reading {
            tracing::warn!(
                "this controller was restored: nothing starts until an operator types `muster recover status` and `muster recover confirm`"
            );
        }
        let state = Mutex::new(State { phase, read });
        Ok(Self { inner: Arc::new(Inner { store, sessions, state }) })
    }

    /// Whether nothing may begin.
    pub fn is_reading(&self) -> bool {
        self.state().phase == RecoveryState::Reading
    }

    /// Refuses while nothing may begin.
    ///
    /// # Errors
    /// [`Error::Recovering`].
    pub fn settled(&self) -> Result<(), Error> {
        if self.is_reading() { Err(Error::Recovering) } else { Ok(()) }
    }

    /// Whether a server's agent must say what it remembers before anything is sent to it. Until the confirmation at every
    /// stream, because it may have gone on since it was read; afterwards once.
    pub fn must_read(&self, server: &ServerId) -> bool {
        let state = self.state();
        match state.phase {
            RecoveryState::None => false,
            RecoveryState::Reading => true,
            RecoveryState::Confirmed => !state.read.contains(server),
        }
    }

    /// Stores what a server's agent remembers, and says whether the server may be spoken to now. Where it obeyed a later
    /// epoch than this controller's, a still later one begins and all streams end: they come back under that one.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn read(&self, server: &ServerId, memory: AgentMemory) -> Result<bool, store::Error> {
        if memory.server != *server {
            tracing::warn!(%server, says = %memory.server, "the memory of another server is not taken");
            return Ok(false);
        }
        let write = self.inner.store.transaction(move |tx| {
            Box::pin(async move {
                let confirmed = tx.recovery().await?.is_some_and(|recovery| recovery.confirmed.is_some());
                let obeyed = memory.epoch.map_or(0, |epoch| epoch.number);
                let above = confirmed && tx.epoch().await?.is_some_and(|epoch| epoch.number <= obeyed);
                tx.add_memory(memory).await?;
                let epoch = if above { Some(tx.begin_epoch_above(Uuid::new_v4()).await?) } else { None };
                Ok::<_, store::Error>((confirmed, epoch))
            })
        });
        let (confirmed, epoch) = write.await?;
        self.state().read.insert(server.clone());
        tracing::info!(%server, "the agent was read");
        if let Some(epoch) = epoch {
            self.begin_epoch(epoch);
        }
        Ok(confirmed && epoch.is_none())
    }

    /// Stores an outcome of a command that was sent before the restore and is known to nobody but its agent; false for any
    /// other. It moves no run: those of before the restore are void.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn found(&self, server: &ServerId, ended: StepEnded) -> Result<bool, store::Error> {
        if self.state().phase != RecoveryState::Confirmed {
            return Ok(false);
        }
        let StepEnded { command, step, key, outcome, journal } = ended;
        let memory = self.inner.store.snapshot().await?.memory(server).await?;
        let remembered = memory.is_some_and(|memory| {
            memory.open == Some(command) || memory.plans.iter().any(|plan| plan.commands.contains(&command))
        });
        if !remembered {
            return Ok(false);
        }
        let server = server.clone();
        let write = self.inner.store.transaction(move |tx| {
            Box::pin(async move {
                tx.raise_journal(&server, journal)?;
                let site = server.site.clone();
                let found = Box::new(OutcomeMemory { command, step, key, outcome });
                tx.append(Some(&site), EventBody::OutcomeFound { server, found }).await?;
                Ok::<_, store::Error>(())
            })
        });
        write.await.map(|()| true)
    }

    /// Lets work begin again: the runs of before the restore end, numbers go on above all that is known, a new epoch begins
    /// and every agent comes back under it.
    ///
    /// # Errors
    /// Where there is nothing to confirm, or servers were not read and are not to be left out.
    pub async fn confirm(
        &self,
        by: String,
        leave_unread: bool,
        dispatch: &dispatch::Handle,
    ) -> Result<Ended, Error> {
        let mut snapshot = self.inner.store.snapshot().await?;
        match snapshot.recovery().await? {
            None => return Err(Error::NotRestored),
            Some(store::Recovery { confirmed: Some(store::Confirmed { by, at, .. }), .. }) => {
                return Err(Error::Confirmed { by, at });
            }
            Some(_) => {}
        }
        let unread = unread(&mut snapshot).await?;
        drop(snapshot);
        if !unread.is_empty() && !leave_unread {
            return Err(Error::Unread(unread));
        }
        dispatch.abandon_all(&by).await?;
        let left = unread.clone();
        let write = self.inner.store.transaction(move |tx| {
            Box::pin(async move {
                let epoch = tx.confirm_recovery(&by, Uuid::new_v4(), left).await?;
                Ok::<_, store::Error>((epoch, tx.floors().await?.0))
            })
        });
        let (epoch, plan) = write.await?;
        self.state().phase = RecoveryState::Confirmed;
        self.begin_epoch(epoch);
        tracing::info!(epoch = epoch.number, "the recovery is confirmed");
        Ok(Ended { epoch: epoch.number, plan, unread })
    }

    fn begin_epoch(&self, epoch: Epoch) {
        self.inner.sessions.begin_epoch(command::Epoch { number: epoch.number, instance: epoch.instance });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The enrolled servers that were not read.
async fn unread(snapshot: &mut Snapshot) -> Result<Vec<ServerId>, store::Error> {
    let read: BTreeSet<ServerId> = snapshot.read_servers().await?.into_iter().collect();
    let servers = snapshot.servers().await?.into_iter();
    let enrolled = servers.filter(|server| server.serial.is_some() && server.revoked_at.is_none());
    Ok(enrolled.map(|server| server.server).filter(|server| !read.contains(server)).collect())
}
