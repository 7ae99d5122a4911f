//! What an operator says of a plan: approve, start, resume, cancel, confirm.
//!
//! Neighbours: the run itself refuses most of what is wrong; here is asked what a single plan cannot know: newer plans of
//! the site, newer manifests, and that a confirmation is kept for the next plan. Everything is asked inside the
//! transaction that stores the event.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use muster_core::fingerprint;
use muster_core::run::{IllegalMove, Run};
use muster_model::event::EventBody;
use muster_model::name::{PlanId, ServerId};
use muster_model::node::NodeClass;
use muster_model::value::Value;
use muster_model::view::StepState;

use super::{Consent, Error, Planning};
use crate::dispatch;
use crate::dispatch::change::given_up;
use crate::dispatch::load::Loaded;
use crate::store::{Confirmation, Tx};

impl Planning {
    /// Consents to a plan's digest. The same operator may say it again.
    ///
    /// # Errors
    /// Where the digest is another, findings forbid it, there is nothing to do, its time is over, somebody else approved
    /// it, or a newer plan or manifest took its place.
    pub async fn approve(&self, plan: PlanId, consent: Consent) -> Result<Run, Error> {
        let work = self.dispatch.change(plan, move |tx: &mut Tx, loaded: &Loaded| {
            Box::pin(async move {
                let Consent { by, digest, ticket, reason } = consent;
                let before = loaded.run.approval();
                if digest == loaded.run.digest() && before.is_some_and(|approval| approval.by == by) {
                    return Ok(Vec::new());
                }
                // What is wrong with the plan itself is told first: it is nearer to what the operator sees.
                let body = EventBody::PlanApproved { plan, digest, by, ticket, reason };
                loaded.run.clone().apply(tx.at(), &body).map_err(dispatch::Error::from)?;
                refuse_void(tx, loaded).await?;
                Ok(vec![body])
            })
        });
        work.await
    }

    /// Begins the run of an approved plan.
    ///
    /// # Errors
    /// Where it is not approved, its time is over, it was started before, another run of the site is under way, or a newer
    /// plan or manifest took its place.
    pub async fn start(&self, plan: PlanId, by: &str) -> Result<Run, Error> {
        let body = EventBody::RunStarted { plan, by: by.to_owned() };
        self.begin(plan, body).await
    }

    /// Lets a stopped run go on; the named steps of unknown outcome are started anew.
    ///
    /// # Errors
    /// Where nothing is to be resumed, a step's outcome is not unknown, its time is over, another run of the site is under
    /// way, or a newer plan or manifest took its place.
    pub async fn resume(
        &self,
        plan: PlanId,
        by: &str,
        restart: Vec<u32>,
        reason: Option<String>,
    ) -> Result<Run, Error> {
        let body = EventBody::RunResumed { plan, by: by.to_owned(), restart, reason };
        self.begin(plan, body).await
    }

    /// Asks a run to stop before its next step. Asking again changes nothing.
    ///
    /// # Errors
    /// Where the run is not under way.
    pub async fn cancel(&self, plan: PlanId, by: &str, reason: Option<String>) -> Result<Run, Error> {
        let body = EventBody::CancelRequested { plan, by: by.to_owned(), reason };
        let work = self.dispatch.change(plan, move |tx: &mut Tx, loaded: &Loaded| {
            Box::pin(async move {
                // What a revoked server was sent since would be waited for in vain.
                let mut events = given_up::<Error>(tx, loaded).await?;
                match loaded.run.clone().apply(tx.at(), &body) {
                    Err(IllegalMove::Stopping(_)) => {}
                    Ok(()) | Err(_) => events.insert(0, body),
                }
                Ok(events)
            })
        });
        work.await
    }

    /// Says that a gate's work, or a step of unknown outcome, is done. A gate is not asked again in a later plan.
    ///
    /// # Errors
    /// Where the step does not wait for a person, or its agent can look what became of it, or the gate asks for an end date that is not given, has passed, or is given
    /// though it does not ask.
    pub async fn confirm(
        &self,
        plan: PlanId,
        step: u32,
        by: &str,
        note: Option<String>,
        ends: Option<Date>,
    ) -> Result<Run, Error> {
        let body = EventBody::StepConfirmed { plan, step, by: by.to_owned(), note, ends };
        let work = self.dispatch.change(plan, move |tx: &mut Tx, loaded: &Loaded| {
            Box::pin(async move {
                loaded.run.clone().apply(tx.at(), &body).map_err(dispatch::Error::from)?;
                if let Some(run) = loaded.run.step(step).filter(|run| run.is_parked() && run.is_seen()) {
                    return Err(Error::Seen { plan, step, node: run.step.node.clone() });
                }
                if let Some(confirmation) = confirmation(tx, loaded, &body)? {
                    tx.add_confirmation(&confirmation).await?;
                }
                Ok::<_, Error>(vec![body])
            })
        });
        work.await
    }

    /// A server was revoked: what its agent had not ended is given up.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn revoked(&self, server: &ServerId) -> Result<(), Error> {
        Ok(self.dispatch.revoked(server).await?)
    }

    async fn begin(&self, plan: PlanId, body: EventBody) -> Result<Run, Error> {
        let work = self.dispatch.change(plan, move |tx: &mut Tx, loaded: &Loaded| {
            Box::pin(async move {
                let site = &loaded.parts.site;
                if let Some(running) = tx.running_plan(site).await?.filter(|running| running.plan != plan) {
                    return Err(Error::Active { site: site.clone(), running: running.plan });
                }
                loaded.run.clone().apply(tx.at(), &body).map_err(dispatch::Error::from)?;
                refuse_void(tx, loaded).await?;
                Ok(vec![body])
            })
        });
        work.await
    }
}

/// Refuses a plan whose place a newer consent or a newer manifest took.
async fn refuse_void(tx: &mut Tx, loaded: &Loaded) -> Result<(), Error> {
    let (plan, site) = (loaded.run.plan(), &loaded.parts.site);
    if plan <= tx.floors().await?.0 {
        return Err(Error::Restored { plan, site: site.clone() });
    }
    if let Some(newer) = tx.newer_approved_plan(site, plan).await? {
        let what = if newer.started_at.is_some() { "started" } else { "approved" };
        return Err(Error::Void { plan, newer: newer.plan, site: site.clone(), what });
    }
    for (role, planned) in &loaded.run.header().servers {
        let server = loaded.parts.server(role);
        let newest = tx.newest_manifest(&server).await?.map_or(0, |newest| newest.generation.0);
        if newest != planned.generation.0 {
            return Err(Error::Outdated { plan, server, planned: planned.generation.0, newest });
        }
    }
    Ok(())
}

/// What to keep of a confirmed gate; nothing of a step of unknown outcome.
fn confirmation(tx: &Tx, loaded: &Loaded, body: &EventBody) -> Result<Option<Confirmation>, Error> {
    let EventBody::StepConfirmed { plan, step, by, note, ends } = body else { return Ok(None) };
    let (plan, step) = (*plan, *step);
    let gate = loaded
        .run
        .step(step)
        .filter(|run| run.step.class == NodeClass::Gate && run.state == StepState::Waiting);
    let Some(gate) = gate else {
        return if ends.is_some() { Err(Error::NoEndDate { plan, step }) } else { Ok(None) };
    };
    let part = loaded.parts.servers.get(&gate.role);
    let node = part.and_then(|part| part.manifest.value().node(&gate.step.node));
    let node = node.ok_or(Error::NoGate { plan, step })?;
    let of = node.attributes.get("end_date_of").map(Value::to_string);
    let ends = match (*ends, of) {
        (Some(ends), Some(_)) if ends < TimeZone::UTC.to_datetime(tx.at()).date() => {
            return Err(Error::EndDatePassed { plan, step, ends });
        }
        (Some(ends), Some(of)) => Some((ends, of)),
        (None, None) => None,
        (None, Some(of)) => return Err(Error::EndDateMissing { plan, step, of }),
        (Some(_), None) => return Err(Error::NoEndDate { plan, step }),
    };
    Ok(Some(Confirmation {
        fingerprint: fingerprint::gate(&loaded.parts.server(&gate.role), node)?,
        site: loaded.parts.site.clone(),
        role: gate.role.clone(),
        node: node.id.clone(),
        plan,
        step,
        by: by.clone(),
        at: tx.at(),
        note: note.clone(),
        ends,
    }))
}
