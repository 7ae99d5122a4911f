//! Invitations: one-time tokens, of which only the secret's digest is known here.
//!
//! Neighbours: `authority` makes and spends them. A secret never reaches this room.

use std::collections::BTreeSet;

use jiff::Timestamp;
use muster_model::digest::Digest;
use muster_model::name::ServerId;
use sqlx::Row as _;

use super::row::{moment, moment_if, parse};
use super::{Error, Snapshot, Tx};

/// An invitation, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The server that may use it.
    pub server: ServerId,
    /// The operator who made it.
    pub invited_by: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was spent, if it was.
    pub used_at: Option<Timestamp>,
    /// When a newer one or a revocation took its place, if one did.
    pub voided_at: Option<Timestamp>,
    /// The digest of the key that spent it.
    pub key: Option<Digest>,
}

impl Invitation {
    /// Whether it can be spent at that moment.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.used_at.is_none() && self.voided_at.is_none() && at < self.expires_at
    }
}

impl Snapshot {
    /// The invitation whose secret has that digest.
    pub async fn invitation(&mut self, secret: Digest) -> Result<Option<Invitation>, Error> {
        let row = sqlx::query("SELECT * FROM invitations WHERE secret_digest = $1")
            .bind(secret.to_string())
            .fetch_optional(self.connection().await?)
            .await?;
        row.map(|row| {
            let key: Option<String> = row.try_get("key_digest")?;
            Ok(Invitation {
                server: parse("server", row.try_get("server")?)?,
                invited_by: row.try_get("invited_by")?,
                expires_at: moment(row.try_get("expires_ms")?)?,
                used_at: moment_if(row.try_get("used_ms")?)?,
                voided_at: moment_if(row.try_get("voided_ms")?)?,
                key: key.map(|key| parse("key's digest", &key)).transpose()?,
            })
        })
        .transpose()
    }
}

impl Snapshot {
    /// The servers for which a token is out that can be spent at that moment.
    pub async fn open_invitations(&mut self, at: Timestamp) -> Result<BTreeSet<ServerId>, Error> {
        let servers: Vec<String> = sqlx::query_scalar(
            "SELECT server FROM invitations WHERE used_ms IS NULL AND voided_ms IS NULL AND expires_ms > $1",
        )
        .bind(at.as_millisecond())
        .fetch_all(self.connection().await?)
        .await?;
        servers.iter().map(|server| parse("server", server)).collect()
    }
}

impl Tx {
    /// Stores an invitation; an older one of the same server is void from now on.
    pub async fn add_invitation(
        &mut self,
        secret: Digest,
        server: &ServerId,
        by: &str,
        expires_at: Timestamp,
    ) -> Result<(), Error> {
        self.void_invitations(server).await?;
        let created = self.at().as_millisecond();
        sqlx::query(
            "INSERT INTO invitations (secret_digest, server, invited_by, created_ms, expires_ms)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(secret.to_string())
        .bind(server.to_string())
        .bind(by)
        .bind(created)
        .bind(expires_at.as_millisecond())
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Makes every open invitation of a server unusable.
    pub async fn void_invitations(&mut self, server: &ServerId) -> Result<(), Error> {
        let at = self.at().as_millisecond();
        sqlx::query(
            "UPDATE invitations SET voided_ms = $1 WHERE server = $2 AND used_ms IS NULL AND voided_ms IS NULL",
        )
        .bind(at)
        .bind(server.to_string())
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Spends an invitation; false where it was spent before.
    pub async fn spend_invitation(&mut self, secret: Digest) -> Result<bool, Error> {
        let at = self.at().as_millisecond();
        let spent = sqlx::query(
            "UPDATE invitations SET used_ms = $1 WHERE secret_digest = $2 AND used_ms IS NULL AND voided_ms IS NULL",
        )
        .bind(at)
        .bind(secret.to_string())
        .execute(self.connection().await?)
        .await?;
        Ok(spent.rows_affected() == 1)
    }

    /// Notes the key that spent an invitation.
    pub async fn note_key(&mut self, secret: Digest, key: Digest) -> Result<(), Error> {
        sqlx::query("UPDATE invitations SET key_digest = $1 WHERE secret_digest = $2")
            .bind(key.to_string())
            .bind(secret.to_string())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }
}
