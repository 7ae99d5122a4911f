//! Manifests: the bytes that were compiled, hashed and sent, per server and generation.
//!
//! Neighbours: planning stores and reads them. Never changed once stored.

use std::ops::ControlFlow;

use futures_util::TryStreamExt as _;
use muster_model::digest::Digest;
use muster_model::name::{Generation, ServerId};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::row::{int, nat, parse};
use super::{Error, Snapshot, Tx};

/// A manifest as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// The server.
    pub server: ServerId,
    /// Its age.
    pub generation: Generation,
    /// The digest of its bytes.
    pub digest: Digest,
    /// JSON, a [`muster_model::manifest::Manifest`].
    pub bytes: Vec<u8>,
}

fn read(row: &SqliteRow) -> Result<StoredManifest, Error> {
    Ok(StoredManifest {
        server: parse("server", row.try_get("server")?)?,
        generation: Generation(nat("generation", row.try_get("generation")?)?),
        digest: parse("digest", row.try_get("digest")?)?,
        bytes: row.try_get("body")?,
    })
}

impl Snapshot {
    /// The newest manifest of a server.
    pub async fn newest_manifest(&mut self, server: &ServerId) -> Result<Option<StoredManifest>, Error> {
        sqlx::query("SELECT * FROM manifests WHERE server = $1 ORDER BY generation DESC LIMIT 1")
            .bind(server.to_string())
            .fetch_optional(self.connection().await?)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// The newest manifest of every server.
    pub async fn newest_manifests(&mut self) -> Result<Vec<StoredManifest>, Error> {
        sqlx::query(
            "SELECT * FROM manifests AS one
             WHERE generation = (SELECT MAX(generation) FROM manifests AS other WHERE other.server = one.server)
             ORDER BY server",
        )
        .fetch_all(self.connection().await?)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// Looks at a server's manifests, the newest first, until one is what was looked for.
    ///
    /// # Errors
    /// Where the store does not answer, or with what `look` gives.
    pub async fn search_manifests<T, E: From<Error>>(
        &mut self,
        server: &ServerId,
        mut look: impl FnMut(StoredManifest) -> Result<ControlFlow<T>, E>,
    ) -> Result<Option<T>, E> {
        let mut rows = sqlx::query("SELECT * FROM manifests WHERE server = $1 ORDER BY generation DESC")
            .bind(server.to_string())
            .fetch(self.settled().await?);
        while let Some(row) = rows.try_next().await.map_err(Error::from)? {
            if let ControlFlow::Break(found) = look(read(&row)?)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// A server's manifest of one generation.
    pub async fn manifest(
        &mut self,
        server: &ServerId,
        generation: Generation,
    ) -> Result<Option<StoredManifest>, Error> {
        sqlx::query("SELECT * FROM manifests WHERE server = $1 AND generation = $2")
            .bind(server.to_string())
            .bind(int(generation.0)?)
            .fetch_optional(self.connection().await?)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }
}

impl Tx {
    /// Stores a server's next manifest.
    ///
    /// # Errors
    /// [`Error::Generation`] where it is not one above the newest, stored or old since a restore (1 for the first).
    pub async fn add_manifest(
        &mut self,
        server: &ServerId,
        generation: Generation,
        bytes: &[u8],
    ) -> Result<Digest, Error> {
        let newest: Option<i64> =
            sqlx::query_scalar("SELECT MAX(generation) FROM manifests WHERE server = $1")
                .bind(server.to_string())
                .fetch_one(self.connection().await?)
                .await?;
        let newest = nat("generation", newest.unwrap_or(0))?;
        if generation.0 != newest.max(self.old_generations(server).await?.0) + 1 {
            return Err(Error::Generation { server: server.clone(), generation });
        }
        let digest = Digest::of(bytes);
        sqlx::query("INSERT INTO manifests (server, generation, digest, body) VALUES ($1, $2, $3, $4)")
            .bind(server.to_string())
            .bind(int(generation.0)?)
            .bind(digest.to_string())
            .bind(bytes)
            .execute(self.connection().await?)
            .await?;
        Ok(digest)
    }
}
