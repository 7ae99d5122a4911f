//! The one place that moves a run: what happened and what follows from it are one transaction.
//!
//! Neighbours: `super::agent` and `planning` say what happened. Inside the transaction the event is applied to a copy of
//! the run with the transaction's own moment, so that a later fold of what was stored comes to the same run; the copy takes
//! the run's place only after the commit.

use std::sync::Arc;

use jiff::Timestamp;
use muster_core::run::{Decision, Outstanding, Run};
use muster_model::event::EventBody;
use muster_model::name::{PlanId, Role, Slug};
use muster_model::outcome::CommandId;
use muster_proto::session::ToAgent;
use uuid::Uuid;

use super::load::{self, Loaded, Parts};
use super::{Error, Handle, Place, lock};
use crate::crash;
use crate::store::{self, Tx, Work};

/// A run after a change, and what is to be sent for it.
struct Moved {
    run: Run,
    issued: Vec<CommandId>,
    cancels: Vec<CommandId>,
}

impl Handle {
    /// Moves a run: `happened` reads what it must inside the transaction and gives the events, which are applied and stored
    /// with everything that is due after them. Comes back with the run after it is on disk.
    ///
    /// # Errors
    /// What `happened` refuses, a move that the run does not make, or a store that does not answer; nothing changed then.
    pub(crate) async fn change<E, F>(&self, plan: PlanId, happened: F) -> Result<Run, E>
    where
        E: From<Error> + From<store::Error> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx, &'t Loaded) -> Work<'t, Vec<EventBody>, E> + Send + 'static,
    {
        // In a task of its own: the write goes on where the caller goes away, and memory must follow it.
        let this = self.clone();
        let whole = tokio::spawn(async move { this.change_whole(plan, happened).await });
        whole.await.map_err(|_| E::from(Error::Interrupted(plan)))?
    }

    async fn change_whole<E, F>(&self, plan: PlanId, happened: F) -> Result<Run, E>
    where
        E: From<Error> + From<store::Error> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx, &'t Loaded) -> Work<'t, Vec<EventBody>, E> + Send + 'static,
    {
        let place = self.place(plan);
        let mut held = place.lock().await;
        let loaded = self.fill(&mut held, plan).await.map_err(E::from)?.clone();
        let parts = Arc::clone(&loaded.parts);
        let work = self.inner.store.transaction(move |tx| {
            Box::pin(async move {
                let bodies = happened(tx, &loaded).await?;
                let Loaded { mut run, parts } = loaded;
                for body in bodies {
                    record(tx, &mut run, &parts.site, body).await.map_err(E::from)?;
                }
                let moved = follow(tx, run, &parts.site).await.map_err(E::from)?;
                tx.set_site_status(&parts.status(&moved.run)).map_err(E::from)?;
                Ok::<_, E>(moved)
            })
        });
        let Moved { run, issued, cancels } = work.await?;
        crash::point("dispatch.after_commit");
        self.note(&run, &parts);
        for outstanding in parts.servers.keys().flat_map(|role| run.outstanding(role)) {
            if issued.contains(&outstanding.command) {
                if let Err(error) = self.send(&run, &parts, outstanding).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(%plan, error, "a command is not sent before its agent connects again");
                }
            } else if cancels.contains(&outstanding.command) {
                self.send_cancel(&parts, &outstanding);
            }
        }
        *held = run.is_active().then(|| Loaded { run: run.clone(), parts });
        Ok(run)
    }

    /// Stores and sends what has become due of itself, and gives up what revoked servers had not ended.
    pub(super) async fn wake(&self, plan: PlanId) -> Result<(), Error> {
        let woken = self.change(plan, |tx: &mut Tx, loaded: &Loaded| Box::pin(given_up(tx, loaded)));
        woken.await.map(|_: Run| ())
    }

    /// Ends a run whose agents went on without this controller: what was sent is unknown, what was not is cancelled.
    pub(super) async fn abandon(&self, plan: PlanId, by: String) -> Result<(), Error> {
        let changed = self.change(plan, move |tx: &mut Tx, loaded: &Loaded| {
            Box::pin(async move {
                let at = tx.at();
                let asked = EventBody::CancelRequested { plan, by, reason: None };
                let asks = loaded.run.clone().apply(at, &asked).is_ok();
                let lost = |role: &Role| {
                    let why = format!("the controller was restored; what the agent of {role} did since is in its memory: `muster recover status`");
                    loaded.run.give_up(role, &why, at)
                };
                let ends = loaded.parts.servers.keys().flat_map(lost);
                Ok(asks.then_some(asked).into_iter().chain(ends).collect())
            })
        });
        changed.await.map(|_: Run| ())
    }

    pub(super) fn place(&self, plan: PlanId) -> Arc<Place> {
        Arc::clone(lock(&self.inner.plans).entry(plan).or_default())
    }

    /// The plan that this place is for, loaded where it is not held.
    pub(super) async fn fill<'p>(
        &self,
        held: &'p mut Option<Loaded>,
        plan: PlanId,
    ) -> Result<&'p Loaded, Error> {
        match held {
            Some(loaded) => Ok(loaded),
            None => {
                let mut snapshot = self.inner.store.snapshot().await?;
                Ok(held.insert(load::load(&mut snapshot, plan).await?))
            }
        }
    }

    /// Remembers which run of the site is active.
    fn note(&self, run: &Run, parts: &Parts) {
        let (plan, valid_until) = (run.plan(), run.header().valid_until);
        let mut active = lock(&self.inner.active);
        if !run.is_active() {
            active.remove(&parts.site, plan);
        } else if active.insert(&parts.site, plan, valid_until) {
            self.inner.changed.notify_one();
        }
    }

    fn send_cancel(&self, parts: &Parts, outstanding: &Outstanding) {
        let server = parts.server(&outstanding.role);
        if !self.inner.sessions.send(&server, ToAgent::Cancel(outstanding.command)) {
            tracing::info!(%server, command = %outstanding.command, "the request to stop waits for the agent");
        }
    }
}

/// The ends of what revoked servers had not ended. A server that enrolled again is no longer revoked: its agent may know.
pub(crate) async fn given_up<E: From<store::Error>>(
    tx: &mut Tx,
    loaded: &Loaded,
) -> Result<Vec<EventBody>, E> {
    let servers = tx.servers_of(&loaded.parts.site).await?;
    let revoked = servers.iter().filter(|server| server.revoked_at.is_some());
    let lost = |role: &Role| {
        let why = format!("{role} was revoked before its agent said how this step ended");
        loaded.run.give_up(role, &why, tx.at())
    };
    Ok(revoked.flat_map(|server| lost(&server.server.role)).collect())
}

/// Applies one event to the run and stores it.
async fn record(tx: &mut Tx, run: &mut Run, site: &Slug, body: EventBody) -> Result<(), Error> {
    run.apply(tx.at(), &body)?;
    tx.append(Some(site), body).await?;
    Ok(())
}

/// Stores what is due, one decision after the other, until nothing is.
async fn follow(tx: &mut Tx, mut run: Run, site: &Slug) -> Result<Moved, Error> {
    let mut issued = Vec::new();
    while let Some(body) = next(&run, tx.at()) {
        if let EventBody::CommandIssued { command, .. } = &body {
            issued.push(*command);
        }
        record(tx, &mut run, site, body).await?;
    }
    let cancels = run.decide(tx.at()).into_iter().filter_map(|decision| match decision {
        Decision::SendCancel { command } => Some(command),
        Decision::Skip { .. }
        | Decision::OpenGate { .. }
        | Decision::Issue { .. }
        | Decision::CancelStep { .. }
        | Decision::End(_) => None,
    });
    Ok(Moved { cancels: cancels.collect(), issued, run })
}

/// The event of the first decision that has one.
fn next(run: &Run, now: Timestamp) -> Option<EventBody> {
    run.decide(now).iter().find_map(|decision| run.event(decision, now, &mut Uuid::new_v4))
}
