//! The current row of each site's status: a cache of a fold, written in its event's transaction.
//!
//! Neighbours: dispatch folds and writes, `muster status` reads. What is in it is `muster-core`'s; here it is bytes.

use muster_model::name::{Sequence, Slug};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::row::{int, nat, parse};
use super::{Error, Snapshot, Tx};

/// A site's status as of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteStatus {
    /// The site.
    pub site: Slug,
    /// The last event that it takes account of.
    pub sequence: Sequence,
    /// JSON.
    pub bytes: Vec<u8>,
}

fn read(row: &SqliteRow) -> Result<SiteStatus, Error> {
    Ok(SiteStatus {
        site: parse("site", row.try_get("site")?)?,
        sequence: Sequence(nat("sequence", row.try_get("sequence")?)?),
        bytes: row.try_get("body")?,
    })
}

impl Snapshot {
    /// A site's status.
    pub async fn site_status(&mut self, site: &Slug) -> Result<Option<SiteStatus>, Error> {
        sqlx::query("SELECT * FROM site_status WHERE site = $1")
            .bind(site.as_str())
            .fetch_optional(self.connection())
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// Every site's status, by name.
    pub async fn site_statuses(&mut self) -> Result<Vec<SiteStatus>, Error> {
        sqlx::query("SELECT * FROM site_status ORDER BY site")
            .fetch_all(self.connection())
            .await?
            .iter()
            .map(read)
            .collect()
    }
}

impl Tx {
    /// Replaces a site's status; as of the newest event of this transaction.
    pub async fn set_site_status(&mut self, site: &Slug, bytes: &[u8]) -> Result<(), Error> {
        let sequence = int(self.sequence)?;
        sqlx::query(
            "INSERT INTO site_status (site, sequence, body) VALUES ($1, $2, $3)
             ON CONFLICT (site) DO UPDATE SET sequence = excluded.sequence, body = excluded.body",
        )
        .bind(site.as_str())
        .bind(sequence)
        .bind(bytes)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
