//! Sealed secrets, version by version, and whose keys they are sealed to.
//!
//! Neighbours: `crate::secrets` decides what is taken in. Nothing here can be opened by this program: it has no key. A version
//! is added or sealed anew, never taken away.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use muster_core::compile::SecretVersions;
use muster_model::identity::Identity;
use muster_model::name::{Recipient, SecretVersion, ServerId, Slug};
use muster_model::secret::{Sealed, SealedSecret, SecretRef};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::row::{from_json, int, moment, nat, parse, to_json_text};
use super::{Error, Snapshot, Tx};

/// A secret at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSecret {
    /// Which, and what it is as an age file.
    pub sealed: SealedSecret,
    /// Whom it is sealed to.
    pub recipients: BTreeSet<Recipient>,
    /// Who set it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

fn read(row: &SqliteRow) -> Result<StoredSecret, Error> {
    let secret = SecretRef {
        site: parse("site", row.try_get("site")?)?,
        secret: parse("secret", row.try_get("secret")?)?,
        version: SecretVersion(nat("version", row.try_get("version")?)?),
    };
    Ok(StoredSecret {
        sealed: SealedSecret { secret, sealed: Sealed::new(row.try_get("sealed")?) },
        recipients: from_json("list of recipients", row.try_get::<&str, _>("recipients")?.as_bytes())?,
        by: row.try_get("set_by")?,
        at: moment(row.try_get("set_ms")?)?,
    })
}

impl Snapshot {
    /// Every version of every secret of a site, by name and version.
    pub async fn secrets(&mut self, site: &Slug) -> Result<Vec<StoredSecret>, Error> {
        sqlx::query("SELECT * FROM secrets WHERE site = $1 ORDER BY secret, version")
            .bind(site.as_str())
            .fetch_all(self.connection().await?)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// Every version of every secret of every site.
    pub async fn all_secrets(&mut self) -> Result<Vec<StoredSecret>, Error> {
        sqlx::query("SELECT * FROM secrets ORDER BY site, secret, version")
            .fetch_all(self.connection().await?)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// The newest version of each secret of a site.
    pub async fn secret_versions(&mut self, site: &Slug) -> Result<SecretVersions, Error> {
        sqlx::query("SELECT secret, MAX(version) AS version FROM secrets WHERE site = $1 GROUP BY secret")
            .bind(site.as_str())
            .fetch_all(self.connection().await?)
            .await?
            .iter()
            .map(|row| {
                let version = SecretVersion(nat("version", row.try_get("version")?)?);
                Ok((parse("secret", row.try_get("secret")?)?, version))
            })
            .collect()
    }

    /// The newest version of each secret of every site.
    pub async fn all_secret_versions(&mut self) -> Result<BTreeMap<Slug, SecretVersions>, Error> {
        let rows =
            sqlx::query("SELECT site, secret, MAX(version) AS version FROM secrets GROUP BY site, secret")
                .fetch_all(self.connection().await?)
                .await?;
        let mut sites: BTreeMap<Slug, SecretVersions> = BTreeMap::new();
        for row in rows {
            let version = SecretVersion(nat("version", row.try_get("version")?)?);
            let site = sites.entry(parse("site", row.try_get("site")?)?).or_default();
            site.insert(parse("secret", row.try_get("secret")?)?, version);
        }
        Ok(sites)
    }

    /// A secret at one version, sealed.
    pub async fn sealed(&mut self, secret: &SecretRef) -> Result<Option<SealedSecret>, Error> {
        let row = sqlx::query("SELECT * FROM secrets WHERE site = $1 AND secret = $2 AND version = $3")
            .bind(secret.site.as_str())
            .bind(secret.secret.as_str())
            .bind(int(secret.version.0)?)
            .fetch_optional(self.connection().await?)
            .await?;
        Ok(row.as_ref().map(read).transpose()?.map(|stored| stored.sealed))
    }

    /// The age keys of a site's agents: of each server, that of its newest certificate that was not revoked.
    pub async fn agents_recipients(&mut self, site: &Slug) -> Result<BTreeMap<ServerId, Recipient>, Error> {
        // A slug holds no wildcard of LIKE. Of several rows of a server, the last one stays.
        let rows = sqlx::query(
            "SELECT identity, recipient FROM certificates
             WHERE identity LIKE $1 AND revoked_ms IS NULL AND recipient IS NOT NULL ORDER BY issued_ms, serial",
        )
        .bind(format!("muster://agent/{site}/%"))
        .fetch_all(self.connection().await?)
        .await?;
        let mut recipients = BTreeMap::new();
        for row in rows {
            if let Identity::Agent(server) = parse("identity", row.try_get("identity")?)? {
                recipients.insert(server, parse("recipient", row.try_get("recipient")?)?);
            }
        }
        Ok(recipients)
    }
}

impl Tx {
    /// Stores the next version of a secret.
    pub async fn add_secret(
        &mut self,
        sealed: &SealedSecret,
        recipients: &BTreeSet<Recipient>,
        by: &str,
    ) -> Result<(), Error> {
        let SealedSecret { secret, sealed } = sealed;
        let at = self.at().as_millisecond();
        sqlx::query(
            "INSERT INTO secrets (site, secret, version, sealed, recipients, set_by, set_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(secret.site.as_str())
        .bind(secret.secret.as_str())
        .bind(int(secret.version.0)?)
        .bind(sealed.bytes())
        .bind(to_json_text(recipients)?)
        .bind(by)
        .bind(at)
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Puts another ciphertext of a stored version in the place of the one that is there; false where there is none.
    pub async fn reseal_secret(
        &mut self,
        sealed: &SealedSecret,
        recipients: &BTreeSet<Recipient>,
    ) -> Result<bool, Error> {
        let SealedSecret { secret, sealed } = sealed;
        let changed = sqlx::query(
            "UPDATE secrets SET sealed = $1, recipients = $2 WHERE site = $3 AND secret = $4 AND version = $5",
        )
        .bind(sealed.bytes())
        .bind(to_json_text(recipients)?)
        .bind(secret.site.as_str())
        .bind(secret.secret.as_str())
        .bind(int(secret.version.0)?)
        .execute(self.connection().await?)
        .await?;
        Ok(changed.rows_affected() == 1)
    }
}
