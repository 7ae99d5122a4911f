//! The driver of runs: keeps every active run in memory, stores what happens to it together with what follows from that,
//! and sends what is due.
//!
//! `load` reads a plan, `active` knows which runs are under way, `change` is the one place that moves a run, `agent` takes
//! what agents say, `status` makes rows of sites anew. Neighbours: `muster_core::run` decides, `session` knows who is
//! connected, `planning` begins runs. A command is stored before it is sent, an outcome before it is acknowledged; nothing
//! in memory is ahead of the disk.

mod active;
mod agent;
pub(crate) mod change;
pub(crate) mod load;
pub mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use muster_core::run::{IllegalMove, Outstanding, Run};
use muster_model::command::Command;
use muster_model::manifest::{Manifest, Node};
use muster_model::name::{PlanId, ServerId, Slug};
use muster_model::secret::{SealedSecret, SecretRef};
use muster_proto::session::ToAgent;
use thiserror::Error;
use tokio::sync::{Notify, watch};

use active::Active;
pub use agent::Reception;
use load::{Loaded, Parts};

use crate::crash;
use crate::secrets;
use crate::session;
use crate::store::{self, Store};

/// How often the clock is looked at where no plan expires sooner: wall clocks are set, timers do not follow.
const LOOK: Duration = Duration::from_secs(60);

/// Why a run was not moved.
#[derive(Debug, Error)]
pub enum Error {
    /// The store does not answer, or refuses.
    #[error("what happened to the run could not be stored")]
    Store(#[from] store::Error),
    /// The plan cannot be loaded.
    #[error(transparent)]
    Load(#[from] load::Error),
    /// The run does not make this move as it stands.
    #[error(transparent)]
    Illegal(#[from] IllegalMove),
    /// The task that moved it died, or the controller stops.
    #[error("the change of {0} was cut off; look at what holds: `muster steps {0}`")]
    Interrupted(PlanId),
}

/// The driver, as other rooms call it. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    sessions: session::Handle,
    /// A place per plan that was touched: its lock orders what happens to the plan; what it holds is let go when the run is
    /// not active.
    plans: Mutex<BTreeMap<PlanId, Arc<Place>>>,
    /// The run of each site that is under way.
    active: Mutex<Active>,
    changed: Notify,
}

type Place = tokio::sync::Mutex<Option<Loaded>>;

/// The task that wakes runs when time alone moves them.
pub struct Service {
    handle: Handle,
}

impl Service {
    /// Loads every active run and stores what has become due; none in a recovery, where nothing may start. To be called
    /// before an agent can connect.
    ///
    /// # Errors
    /// Where the store does not answer. A run that cannot be loaded is logged and left alone: other sites go on.
    pub async fn start(store: Store, sessions: session::Handle, recovering: bool) -> Result<Self, Error> {
        status::refold(&store).await?;
        let running = if recovering { Vec::new() } else { store.snapshot().await?.running_plans().await? };
        let handle = Handle {
            inner: Arc::new(Inner {
                store,
                sessions,
                plans: Mutex::default(),
                active: Mutex::default(),
                changed: Notify::new(),
            }),
        };
        for plan in running.into_iter().map(|running| running.plan) {
            match handle.wake(plan).await {
                Ok(()) => tracing::info!(%plan, "the run goes on"),
                Err(Error::Store(error)) => return Err(Error::Store(error)),
                Err(error) => {
                    tracing::error!(%plan, error = &error as &dyn std::error::Error, "the run cannot go on");
                }
            }
        }
        Ok(Self { handle })
    }

    /// How other rooms call the driver.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Wakes runs as their plans expire, until told to stop.
    pub async fn run(self, mut drain: watch::Receiver<bool>) {
        loop {
            let wait = self.handle.next_expiry().min(LOOK);
            tokio::select! {
                _ = drain.wait_for(|drain| *drain) => return,
                () = tokio::time::sleep(wait) => {}
                () = self.handle.inner.changed.notified() => {}
            }
            self.handle.expire().await;
        }
    }
}

impl Handle {
    /// The active run of a site.
    pub fn active(&self, site: &Slug) -> Option<PlanId> {
        lock(&self.inner.active).plan(site)
    }

    /// Sends a server everything that its agent has not ended. To be called at every connection.
    ///
    /// # Errors
    /// Where the run cannot be loaded.
    pub async fn connected(&self, server: &ServerId) -> Result<(), Error> {
        let Some(plan) = self.active(&server.site) else { return Ok(()) };
        let place = self.place(plan);
        let mut held = place.lock().await;
        let loaded = self.fill(&mut held, plan).await?;
        for outstanding in loaded.run.outstanding(&server.role) {
            self.send(&loaded.run, &loaded.parts, outstanding).await?;
        }
        Ok(())
    }

    /// Gives up what a revoked server had not ended, so that its site does not wait for it for ever.
    ///
    /// # Errors
    /// Where the run cannot be loaded or stored; the next start does it then.
    pub async fn revoked(&self, server: &ServerId) -> Result<(), Error> {
        match self.active(&server.site) {
            Some(plan) => self.wake(plan).await,
            None => Ok(()),
        }
    }

    /// Ends every active run of before a restore: what its agents did since the backup nobody here knows.
    ///
    /// # Errors
    /// Where the store does not answer, or a run cannot be loaded.
    pub async fn abandon_all(&self, by: &str) -> Result<(), Error> {
        for running in self.inner.store.snapshot().await?.running_plans().await? {
            self.abandon(running.plan, by.to_owned()).await?;
        }
        Ok(())
    }

    /// Asks every run whose plan has expired what to do. The service calls it; tests that set the clock do too.
    pub async fn expire(&self) {
        let now = self.inner.store.clock().now();
        let due = lock(&self.inner.active).take_expired(now);
        for plan in due {
            if let Err(error) = self.wake(plan).await {
                tracing::error!(%plan, error = &error as &dyn std::error::Error, "an expired run cannot be ended");
            }
        }
    }

    fn next_expiry(&self) -> Duration {
        let now = self.inner.store.clock().now();
        let next = lock(&self.inner.active).next_expiry();
        next.map_or(LOOK, |next| Duration::try_from(next.duration_since(now)).unwrap_or_default())
    }

    /// Sends one outstanding command where its agent is there, and the request to stop it where the run stops. Its secrets
    /// are read as they are sealed now: an agent that enrolled anew has another key.
    ///
    /// # Errors
    /// Where the store does not answer; the command is sent at the next connection then.
    async fn send(&self, run: &Run, parts: &Parts, outstanding: Outstanding) -> Result<(), store::Error> {
        let server = parts.server(&outstanding.role);
        let Some(part) = parts.servers.get(&outstanding.role) else {
            tracing::error!(%server, plan = %run.plan(), "a command names a server that the plan does not have");
            return Ok(());
        };
        let (id, cancelled) = (outstanding.command, outstanding.cancelled);
        let secrets = self.secrets(run, &outstanding, part.manifest.value()).await?;
        let command = Command {
            id,
            epoch: self.inner.sessions.epoch(),
            digest: run.digest(),
            header_json: parts.plan.header.clone(),
            steps_json: part.steps_json.clone(),
            manifest_json: part.manifest.bytes().to_vec(),
            steps: outstanding.steps,
            start_by: outstanding.start_by,
            restart: outstanding.restart,
            secrets,
        };
        crash::point("dispatch.before_send");
        let sent = self.inner.sessions.send(&server, ToAgent::Command(Box::new(command)));
        crash::point("dispatch.after_send");
        tracing::info!(%server, command = %id, sent, "command");
        if sent && cancelled && !self.inner.sessions.send(&server, ToAgent::Cancel(id)) {
            tracing::info!(%server, command = %id, "the request to stop waits for the agent");
        }
        Ok(())
    }

    /// The secrets that the approved rows of these steps set, and those that the server's nodes log on with, sealed.
    async fn secrets(
        &self,
        run: &Run,
        outstanding: &Outstanding,
        manifest: &Manifest,
    ) -> Result<Vec<SealedSecret>, store::Error> {
        let steps = outstanding.steps.iter().filter_map(|ticket| run.step(ticket.number));
        let rows = steps.flat_map(|step| &step.step.rows);
        // A step may look at what others made: a package at what it provides, a preflight at everything.
        let log_ons = manifest.nodes.iter().filter_map(Node::logs_on_with).filter(|secret| secret.is_set());
        let wanted: BTreeSet<&SecretRef> = rows.filter_map(|row| row.new.secret()).chain(log_ons).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        // One that is not stored is missed by the agent, which says so; a plan that needs it is not approved.
        let mut snapshot = self.inner.store.snapshot().await?;
        secrets::sealed(&mut snapshot, wanted).await
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
