//! What agents were asked to fetch ahead of time and do not have yet.
//!
//! Neighbours: `crate::stage` adds a row when an operator asks, reads a server's when its agent comes, and takes it away once the
//! agent has the medium or no manifest names it any more. No event: nothing that a server should be depends on it.

use muster_model::digest::Digest;
use muster_model::name::{ServerId, Slug};

use super::row::parse;
use super::{Error, Snapshot, Tx};

impl Snapshot {
    /// The media that a server's agent was asked for and does not have, in the order of their digests.
    pub async fn stagings(&mut self, server: &ServerId) -> Result<Vec<Digest>, Error> {
        let digests: Vec<String> =
            sqlx::query_scalar("SELECT sha256 FROM stagings WHERE server = $1 ORDER BY sha256")
                .bind(server.to_string())
                .fetch_all(self.connection().await?)
                .await?;
        digests.iter().map(|digest| parse("medium", digest)).collect()
    }
}

impl Tx {
    /// Stores that a server's agent was asked for a medium; the first who asked stays.
    pub async fn add_staging(&mut self, server: &ServerId, sha256: Digest, by: &Slug) -> Result<(), Error> {
        let at = self.at().as_millisecond();
        sqlx::query(
            "INSERT INTO stagings (server, sha256, asked_by, asked_ms) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
        )
        .bind(server.to_string())
        .bind(sha256.to_string())
        .bind(by.as_str())
        .bind(at)
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Takes that away again, where it is there.
    pub async fn remove_staging(&mut self, server: &ServerId, sha256: Digest) -> Result<(), Error> {
        sqlx::query("DELETE FROM stagings WHERE server = $1 AND sha256 = $2")
            .bind(server.to_string())
            .bind(sha256.to_string())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }
}
