//! Invitations of operators: one-time tokens, of which only the secret's digest is known here.
//!
//! Neighbours: `authority::operators` makes and spends them; `invitation` has the servers'.

use jiff::Timestamp;
use muster_model::digest::Digest;
use muster_model::name::Slug;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::row::{moment, moment_if, parse};
use super::{Error, Snapshot, Tx};

/// An operator's invitation, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorInvitation {
    /// The operator who may use it.
    pub operator: Slug,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was spent, if it was.
    pub used_at: Option<Timestamp>,
    /// When a newer one, a revocation or a restore made it void, if one did.
    pub voided_at: Option<Timestamp>,
    /// The digest of the key that spent it.
    pub key: Option<Digest>,
}

impl OperatorInvitation {
    /// Whether it can be spent at that moment.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.used_at.is_none() && self.voided_at.is_none() && at < self.expires_at
    }
}

fn read(row: &SqliteRow) -> Result<OperatorInvitation, Error> {
    let key: Option<String> = row.try_get("key_digest")?;
    Ok(OperatorInvitation {
        operator: parse("operator", row.try_get("operator")?)?,
        expires_at: moment(row.try_get("expires_ms")?)?,
        used_at: moment_if(row.try_get("used_ms")?)?,
        voided_at: moment_if(row.try_get("voided_ms")?)?,
        key: key.map(|key| parse("key's digest", &key)).transpose()?,
    })
}

impl Snapshot {
    /// The invitation whose secret has that digest.
    pub async fn operator_invitation(&mut self, secret: Digest) -> Result<Option<OperatorInvitation>, Error> {
        sqlx::query("SELECT * FROM operator_invitations WHERE secret_digest = $1")
            .bind(secret.to_string())
            .fetch_optional(self.connection().await?)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// The invitations that can be spent at that moment, by operator.
    pub async fn open_operator_invitations(
        &mut self,
        at: Timestamp,
    ) -> Result<Vec<OperatorInvitation>, Error> {
        sqlx::query(
            "SELECT * FROM operator_invitations WHERE used_ms IS NULL AND voided_ms IS NULL AND expires_ms > $1
             ORDER BY operator",
        )
        .bind(at.as_millisecond())
        .fetch_all(self.connection().await?)
        .await?
        .iter()
        .map(read)
        .collect()
    }
}

impl Tx {
    /// Stores an invitation; an older one of the same operator is void from now on.
    pub async fn add_operator_invitation(
        &mut self,
        secret: Digest,
        operator: &Slug,
        by: &str,
        expires_at: Timestamp,
    ) -> Result<(), Error> {
        self.void_operator_invitations(operator).await?;
        let created = self.at().as_millisecond();
        sqlx::query(
            "INSERT INTO operator_invitations (secret_digest, operator, invited_by, created_ms, expires_ms)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(secret.to_string())
        .bind(operator.as_str())
        .bind(by)
        .bind(created)
        .bind(expires_at.as_millisecond())
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Makes every open invitation of an operator unusable.
    pub async fn void_operator_invitations(&mut self, operator: &Slug) -> Result<(), Error> {
        let at = self.at().as_millisecond();
        sqlx::query(
            "UPDATE operator_invitations SET voided_ms = $1
             WHERE operator = $2 AND used_ms IS NULL AND voided_ms IS NULL",
        )
        .bind(at)
        .bind(operator.as_str())
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Makes every open invitation of every operator unusable.
    pub(super) async fn void_all_operator_invitations(&mut self) -> Result<(), Error> {
        let at = self.at().as_millisecond();
        sqlx::query(
            "UPDATE operator_invitations SET voided_ms = $1 WHERE used_ms IS NULL AND voided_ms IS NULL",
        )
        .bind(at)
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Spends an invitation with that key; false where it was spent before.
    pub async fn spend_operator_invitation(&mut self, secret: Digest, key: Digest) -> Result<bool, Error> {
        let at = self.at().as_millisecond();
        let spent = sqlx::query(
            "UPDATE operator_invitations SET used_ms = $1, key_digest = $2
             WHERE secret_digest = $3 AND used_ms IS NULL AND voided_ms IS NULL",
        )
        .bind(at)
        .bind(key.to_string())
        .bind(secret.to_string())
        .execute(self.connection().await?)
        .await?;
        Ok(spent.rows_affected() == 1)
    }
}
