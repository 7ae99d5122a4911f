//! The one sequence of events: the only way state moves.
//!
//! Neighbours: everything that changes state appends here, inside the transaction of the change; watches read pages in
//! order. The sequence has no gaps, because its numbers are given by the one writer and undone with the write. The rows that
//! an event implies are written with it, in one exhaustive `match`.

use muster_model::event::{Event, EventBody};
use muster_model::name::{PlanId, Sequence, Slug};
use sqlx::Row as _;

use super::behind::EventRow;
use super::row::{from_json, int, nat, parse, to_json_text};
use super::{Error, Snapshot, Tx};

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place.
    pub sequence: Sequence,
    /// JSON, an [`Event`].
    pub bytes: Vec<u8>,
}

/// Which events are wanted; the default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only this site's.
    pub site: Option<Slug>,
    /// Only this plan's.
    pub plan: Option<PlanId>,
}

impl Snapshot {
    /// The first events from a sequence number on, in order, at most `limit` of them. Fewer than that: there are no more.
    pub async fn events(
        &mut self,
        from: Sequence,
        filter: &EventFilter,
        limit: u64,
    ) -> Result<Vec<StoredEvent>, Error> {
        let (from, limit) = (int(from.0)?, int(limit)?);
        // One statement per filter, so that each walks its own index.
        let query = match (&filter.site, filter.plan) {
            (None, None) => {
                sqlx::query("SELECT sequence, body FROM events WHERE sequence >= $1 ORDER BY sequence LIMIT $2")
                    .bind(from)
                    .bind(limit)
            }
            (Some(site), None) => sqlx::query(
                "SELECT sequence, body FROM events WHERE site = $1 AND sequence >= $2 ORDER BY sequence LIMIT $3",
            )
            .bind(site.as_str())
            .bind(from)
            .bind(limit),
            (None, Some(plan)) => sqlx::query(
                "SELECT sequence, body FROM events WHERE plan = $1 AND sequence >= $2 ORDER BY sequence LIMIT $3",
            )
            .bind(int(plan.0)?)
            .bind(from)
            .bind(limit),
            (Some(site), Some(plan)) => sqlx::query(
                "SELECT sequence, body FROM events WHERE plan = $1 AND site = $2 AND sequence >= $3
                 ORDER BY sequence LIMIT $4",
            )
            .bind(int(plan.0)?)
            .bind(site.as_str())
            .bind(from)
            .bind(limit),
        };
        query
            .fetch_all(self.settled().await?)
            .await?
            .iter()
            .map(|row| {
                let sequence = Sequence(nat("sequence", row.try_get("sequence")?)?);
                Ok(StoredEvent { sequence, bytes: row.try_get("body")? })
            })
            .collect()
    }

    /// The sites of which an event was stored after that one.
    pub async fn sites_moved_after(&mut self, after: Sequence) -> Result<Vec<Slug>, Error> {
        let sites: Vec<String> =
            sqlx::query_scalar("SELECT DISTINCT site FROM events WHERE sequence > $1 AND site IS NOT NULL")
                .bind(int(after.0)?)
                .fetch_all(self.settled().await?)
                .await?;
        sites.iter().map(|site| parse("site", site)).collect()
    }

    /// All events of a plan, in order: what its run is folded from.
    pub async fn plan_events(&mut self, plan: PlanId) -> Result<Vec<Event>, Error> {
        let bodies: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT body FROM events WHERE plan = $1 ORDER BY sequence")
                .bind(int(plan.0)?)
                .fetch_all(self.settled().await?)
                .await?;
        bodies.iter().map(|body| from_json("event", body)).collect()
    }
}

impl Tx {
    /// Appends an event and writes the rows that it implies: a server's, a plan's, step keys'.
    ///
    /// # Errors
    /// Where the event is not possible as things stand: a second end of one step key, a run beside another one of the site,
    /// an approval of another digest. Nothing was written then that the transaction does not undo.
    pub async fn append(&mut self, site: Option<&Slug>, body: EventBody) -> Result<Event, Error> {
        let event = Event { sequence: Sequence(self.sequence + 1), at: self.at(), site: site.cloned(), body };
        self.imply(&event).await?;
        let plan = event.body.plan().map(|plan| int(plan.0)).transpose()?;
        let (sequence, at_ms) = (int(event.sequence.0)?, event.at.as_millisecond());
        let row = EventRow(sequence, at_ms, site.cloned(), plan, to_json_text(&event)?);
        self.snapshot.behind.events.push(row);
        self.sequence = event.sequence.0;
        Ok(event)
    }

    async fn imply(&mut self, event: &Event) -> Result<(), Error> {
        match &event.body {
            EventBody::ControllerStarted { .. } => self.all_servers_disconnected().await,
            EventBody::ServerInvited { server, .. } => self.server_invited(server).await,
            EventBody::ServerEnrolled { server, host, serial } => {
                self.server_enrolled(server, host, serial).await
            }
            EventBody::ServerRevoked { server, .. } => self.server_revoked(server).await,
            EventBody::CertificateReplaced { server, serial, .. } => {
                self.certificate_replaced(server, serial).await
            }
            EventBody::ServerConnected { server, agent_version, simulated, clock_offset_ms, .. } => {
                self.server_connected(server, agent_version, *simulated, *clock_offset_ms).await
            }
            EventBody::ServerDisconnected { server } => self.server_disconnected(server).await,
            EventBody::PlanApproved { plan, digest, by, ticket, .. } => {
                self.plan_approved(*plan, *digest, by, ticket.as_deref()).await
            }
            EventBody::RunStarted { plan, .. } => self.run_began(*plan, false).await,
            EventBody::RunResumed { plan, .. } => self.run_began(*plan, true).await,
            EventBody::RunEnded { plan, end } => self.run_ended(*plan, *end).await,
            EventBody::CommandIssued { plan, command, role, steps, .. } => {
                self.keys_issued(event, *plan, *command, role, steps)
            }
            EventBody::StepEnded { key: Some(key), .. } => self.key_ended(event.sequence, *key).await,
            EventBody::StepEnded { key: None, .. }
            | EventBody::RevisionPushed { .. }
            | EventBody::PlanCreated { .. }
            | EventBody::CommandAccepted { .. }
            | EventBody::CommandRefused { .. }
            | EventBody::StepStarted { .. }
            | EventBody::GateOpened { .. }
            | EventBody::StepConfirmed { .. }
            | EventBody::CertificateRenewed { .. }
            | EventBody::OperatorInvited { .. }
            | EventBody::OperatorEnrolled { .. }
            | EventBody::OperatorRevoked { .. }
            | EventBody::OperatorReset { .. }
            | EventBody::RecoveryBegan { .. }
            | EventBody::AgentRead { .. }
            | EventBody::OutcomeFound { .. }
            | EventBody::RecoveryConfirmed { .. }
            | EventBody::SecretSet { .. }
            | EventBody::SecretResealed { .. }
            | EventBody::SecretsShown { .. }
            | EventBody::CancelRequested { .. } => Ok(()),
        }
    }
}
