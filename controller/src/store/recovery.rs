//! The recovery of a restored controller: how far it is, what agents remember, and the numbers that are given no more.
//!
//! Neighbours: `restore` begins one, the room `recovery` goes through it, plans and revisions take their numbers above what
//! is known here. A controller that was never restored has nothing here.

use jiff::Timestamp;
use muster_model::event::EventBody;
use muster_model::limits;
use muster_model::memory::AgentMemory;
use muster_model::name::{Generation, PlanId, Revision, ServerId};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use uuid::Uuid;

use super::row::{from_json, int, moment, nat, parse, to_json_text};
use super::{Epoch, Error, Snapshot, Tx};

/// A recovery, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// [`muster_model::FORMAT`].
    pub format: u32,
    /// When it began.
    pub began_at: Timestamp,
    /// When the backup was made that was restored.
    pub made_at: Option<Timestamp>,
    /// The number of the epoch with which the restored copy ends; 0 for none.
    pub epoch: u64,
    /// How it was confirmed, once it was.
    pub confirmed: Option<Confirmed>,
}

/// The end of a recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmed {
    /// The operator.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Every plan up to this number is void.
    pub plan: PlanId,
    /// Every revision up to this number was given before.
    pub revision: Revision,
}

/// A memory that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadMemory {
    /// When it was read.
    pub at: Timestamp,
    /// What it says.
    pub memory: AgentMemory,
}

/// The highest numbers that any agent remembers; 0 for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Highest {
    epoch: u64,
    plan: u64,
    revision: u64,
}

const META: &str = "recovery";

impl Snapshot {
    /// The newest recovery; none where this controller was never restored.
    pub async fn recovery(&mut self) -> Result<Option<Recovery>, Error> {
        let text = self.meta(META).await?;
        text.map(|text| from_json("recovery", text.as_bytes())).transpose()
    }

    /// The numbers up to which plans are void and revisions were given, since a restore; 0 without one.
    pub async fn floors(&mut self) -> Result<(PlanId, Revision), Error> {
        let confirmed = self.recovery().await?.and_then(|recovery| recovery.confirmed);
        Ok(confirmed.map_or((PlanId(0), Revision(0)), |confirmed| (confirmed.plan, confirmed.revision)))
    }

    /// What every server remembers that was read, by name.
    pub async fn memories(&mut self) -> Result<Vec<ReadMemory>, Error> {
        let rows = sqlx::query("SELECT read_ms, body FROM memories ORDER BY server")
            .fetch_all(self.connection().await?)
            .await?;
        rows.iter()
            .map(|row| {
                let body: Vec<u8> = row.try_get("body")?;
                Ok(ReadMemory { at: moment(row.try_get("read_ms")?)?, memory: from_json("memory", &body)? })
            })
            .collect()
    }

    /// What one server remembers.
    pub async fn memory(&mut self, server: &ServerId) -> Result<Option<AgentMemory>, Error> {
        let body: Option<Vec<u8>> = sqlx::query_scalar("SELECT body FROM memories WHERE server = $1")
            .bind(server.to_string())
            .fetch_optional(self.connection().await?)
            .await?;
        body.map(|body| from_json("memory", &body)).transpose()
    }

    /// The servers that were read.
    pub async fn read_servers(&mut self) -> Result<Vec<ServerId>, Error> {
        let servers: Vec<String> =
            sqlx::query_scalar("SELECT server FROM memories").fetch_all(self.connection().await?).await?;
        servers.iter().map(|server| parse("server", server)).collect()
    }

    /// The generation up to which a server's manifests are old since a restore; 0 for none.
    pub async fn old_generations(&mut self, server: &ServerId) -> Result<Generation, Error> {
        let generation: Option<i64> = sqlx::query_scalar("SELECT generation FROM memories WHERE server = $1")
            .bind(server.to_string())
            .fetch_optional(self.connection().await?)
            .await?;
        Ok(Generation(nat("generation", generation.unwrap_or(0))?))
    }

    async fn highest_remembered(&mut self) -> Result<Highest, Error> {
        let row = sqlx::query(
            "SELECT COALESCE(MAX(epoch), 0) AS epoch, COALESCE(MAX(plan), 0) AS plan,
                 COALESCE(MAX(revision), 0) AS revision FROM memories",
        )
        .fetch_one(self.connection().await?)
        .await?;
        Ok(Highest {
            epoch: nat("epoch", row.try_get("epoch")?)?,
            plan: nat("plan", row.try_get("plan")?)?,
            revision: nat("revision", row.try_get("revision")?)?,
        })
    }

    /// The highest plan that this controller or an agent that was read knows; 0 for none.
    pub async fn highest_plan(&mut self) -> Result<PlanId, Error> {
        let newest: Option<i64> =
            sqlx::query_scalar("SELECT MAX(plan) FROM plans").fetch_one(self.connection().await?).await?;
        let (floor, _) = self.floors().await?;
        let remembered = self.highest_remembered().await?.plan;
        Ok(PlanId(nat("plan", newest.unwrap_or(0))?.max(floor.0).max(remembered)))
    }

    /// The highest revision that this controller or an agent that was read knows; 0 for none.
    pub async fn highest_revision(&mut self) -> Result<Revision, Error> {
        let newest = self.newest_revision().await?.map_or(0, |newest| newest.revision.0);
        let (_, floor) = self.floors().await?;
        Ok(Revision(newest.max(floor.0).max(self.highest_remembered().await?.revision)))
    }
}

impl Tx {
    /// Begins a recovery: what agents remember must be read again, and tokens that are out are void, because this copy
    /// cannot know which of them were spent.
    pub async fn begin_recovery(&mut self, made_at: Option<Timestamp>) -> Result<(), Error> {
        let (format, began_at) = (muster_model::FORMAT, self.at());
        let epoch = self.epoch().await?.map_or(0, |epoch| epoch.number);
        let recovery = Recovery { format, began_at, made_at, epoch, confirmed: None };
        self.set_meta(META, &to_json_text(&recovery)?).await?;
        sqlx::query("DELETE FROM memories").execute(self.connection().await?).await?;
        let at = self.at().as_millisecond();
        sqlx::query("UPDATE invitations SET voided_ms = $1 WHERE used_ms IS NULL AND voided_ms IS NULL")
            .bind(at)
            .execute(self.connection().await?)
            .await?;
        self.void_all_operator_invitations().await?;
        self.append(None, EventBody::RecoveryBegan { made_at }).await?;
        Ok(())
    }

    /// Stores what a server remembers.
    pub async fn add_memory(&mut self, memory: AgentMemory) -> Result<(), Error> {
        let number = |number: Option<u64>| int(number.unwrap_or(0));
        let read = self.at().as_millisecond();
        let stored = self.newest_manifest(&memory.server).await?.map_or(0, |newest| newest.generation.0);
        // An agent that accepted anything may have accepted what this copy does not know: all of it is old from here on.
        let old = memory.generation.map(|generation| generation.0.max(stored));
        sqlx::query(
            "INSERT INTO memories (server, read_ms, epoch, generation, plan, revision, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (server) DO UPDATE SET read_ms = excluded.read_ms, epoch = excluded.epoch,
                 generation = excluded.generation, plan = excluded.plan, revision = excluded.revision,
                 body = excluded.body",
        )
        .bind(memory.server.to_string())
        .bind(read)
        .bind(number(memory.epoch.map(|epoch| epoch.number))?)
        .bind(number(old)?)
        .bind(number(memory.newest_plan.map(|plan| plan.0))?)
        .bind(number(memory.newest_revision.map(|revision| revision.0))?)
        .bind(serde_json::to_vec(&memory)?)
        .execute(self.connection().await?)
        .await?;
        self.raise_journal(&memory.server, memory.journal)?;
        let site = memory.server.site.clone();
        self.append(Some(&site), EventBody::AgentRead { memory: Box::new(memory) }).await?;
        Ok(())
    }

    /// Begins an epoch above everything that an agent remembers.
    pub async fn begin_epoch_above(&mut self, instance: Uuid) -> Result<Epoch, Error> {
        let own = self.epoch().await?.map_or(0, |epoch| epoch.number);
        let number = next_thousand(own.max(self.highest_remembered().await?.epoch))? + 1;
        self.store_epoch(Epoch { number, instance }).await
    }

    /// Ends a recovery: numbers go on above everything known, everything older is void.
    pub async fn confirm_recovery(
        &mut self,
        by: &str,
        instance: Uuid,
        unread: Vec<ServerId>,
    ) -> Result<Epoch, Error> {
        let recovery = self.recovery().await?.ok_or_else(|| Error::damaged("recovery", "there is none"))?;
        let plan = PlanId(next_thousand(self.highest_plan().await?.0)?);
        let revision = Revision(next_thousand(self.highest_revision().await?.0)?);
        let confirmed = Confirmed { by: by.to_owned(), at: self.at(), plan, revision };
        let recovery = Recovery { confirmed: Some(confirmed), ..recovery };
        self.set_meta(META, &to_json_text(&recovery)?).await?;
        let epoch = self.begin_epoch_above(instance).await?;
        let by = by.to_owned();
        let body = EventBody::RecoveryConfirmed { by, epoch: epoch.number, plan, revision, unread };
        self.append(None, body).await?;
        Ok(epoch)
    }
}

/// The first multiple of [`limits::RECOVERY_STEP`] that is not below; at least one of it.
fn next_thousand(number: u64) -> Result<u64, Error> {
    let next = number.max(1).checked_next_multiple_of(limits::RECOVERY_STEP);
    next.ok_or(Error::TooLarge(number))
}
