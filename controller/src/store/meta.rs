//! What there is once: the epoch, the recovery keys.
//!
//! Neighbours: `serve` begins an epoch before it listens, `init` stores the recovery keys' public halves.

use muster_model::event::EventBody;
use muster_model::name::Sequence;
use uuid::Uuid;

use super::row::{int, nat, parse};
use super::{Error, Snapshot, Tx};

/// One start of a controller; see the contract's `Epoch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    /// Rises with every start.
    pub number: u64,
    /// Random, so that two controllers on one copied database are told apart.
    pub instance: Uuid,
}

impl Snapshot {
    pub(super) async fn meta(&mut self, name: &str) -> Result<Option<String>, Error> {
        Ok(sqlx::query_scalar("SELECT value FROM meta WHERE name = $1")
            .bind(name)
            .fetch_optional(self.connection().await?)
            .await?)
    }

    /// The newest epoch; none before the first start.
    pub async fn epoch(&mut self) -> Result<Option<Epoch>, Error> {
        let Some(number) = self.meta("epoch").await? else { return Ok(None) };
        let instance = self.meta("instance").await?.unwrap_or_default();
        Ok(Some(Epoch { number: parse("epoch", &number)?, instance: parse("instance", &instance)? }))
    }

    /// Where agents and operators dial, `host:port`, as `init` was told.
    pub async fn listen(&mut self) -> Result<String, Error> {
        self.meta("listen").await?.ok_or_else(|| Error::damaged("address", "there is none"))
    }

    /// The public halves of the recovery keys.
    pub async fn recovery_keys(&mut self) -> Result<Vec<String>, Error> {
        Ok(sqlx::query_scalar("SELECT recipient FROM recovery_keys ORDER BY recipient")
            .fetch_all(self.connection().await?)
            .await?)
    }

    /// The highest sequence number so far; 0 before the first event.
    pub async fn newest_sequence(&mut self) -> Result<Sequence, Error> {
        let newest: Option<i64> =
            sqlx::query_scalar("SELECT MAX(sequence) FROM events").fetch_one(self.settled().await?).await?;
        Ok(Sequence(nat("sequence", newest.unwrap_or(0))?))
    }
}

impl Tx {
    pub(super) async fn set_meta(&mut self, name: &str, value: &str) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Stores where agents and operators dial.
    pub async fn set_listen(&mut self, listen: &str) -> Result<(), Error> {
        self.set_meta("listen", listen).await
    }

    /// Begins the next epoch: stores it and appends `ControllerStarted`.
    pub async fn begin_epoch(&mut self, instance: Uuid) -> Result<Epoch, Error> {
        let number = self.epoch().await?.map_or(0, |epoch| epoch.number) + 1;
        self.store_epoch(Epoch { number, instance }).await
    }

    /// Stores an epoch and appends `ControllerStarted`.
    pub(super) async fn store_epoch(&mut self, epoch: Epoch) -> Result<Epoch, Error> {
        let Epoch { number, instance } = epoch;
        int(number)?;
        self.set_meta("epoch", &number.to_string()).await?;
        self.set_meta("instance", &instance.to_string()).await?;
        self.append(None, EventBody::ControllerStarted { epoch: number, instance }).await?;
        Ok(epoch)
    }

    /// Stores a recovery key's public half.
    pub async fn add_recovery_key(&mut self, recipient: &str) -> Result<(), Error> {
        let created = self.at().as_millisecond();
        sqlx::query("INSERT INTO recovery_keys (recipient, created_ms) VALUES ($1, $2)")
            .bind(recipient)
            .bind(created)
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }
}
