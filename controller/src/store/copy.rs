//! A copy of the database, made while it may be in use, and what it holds.
//!
//! Neighbours: `backup` makes copies. The original is only read: its tables are not brought to this version, and whoever
//! writes it goes on. A copy is one file, a state between two commits.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use muster_model::backup::SecretLine;
use muster_model::manifest::Manifest;
use muster_model::name::{Revision, Sequence, ServerId};
use muster_model::secret::{SealedSecret, SecretRef};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePoolOptions};

use super::row::{from_json, nat};
use super::{BUSY, Error, MIGRATIONS, Snapshot};

/// What a database holds, as far as a backup's record says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The number of the newest change of its tables.
    pub schema: u64,
    /// The number of the newest epoch; 0 before the first start.
    pub epoch: u64,
    /// The newest event; 0 for none.
    pub sequence: Sequence,
    /// The newest revision.
    pub revision: Option<Revision>,
    /// The public halves of the recovery keys.
    pub recipients: Vec<String>,
    /// Every version of every secret, and those that a server needs and that were never set.
    pub secrets: Vec<SecretLine>,
}

/// The newest change of the tables that this version knows.
pub fn newest_schema() -> u64 {
    MIGRATIONS.iter().map(|migration| migration.version.unsigned_abs()).max().unwrap_or_default()
}

/// Copies the database of one file to another, which must be empty or missing. The disk has the whole copy when this
/// returns; its name is the caller's to secure.
///
/// # Errors
/// Where the original cannot be read or the copy not be written.
pub async fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let options = SqliteConnectOptions::new().filename(from).create_if_missing(false).busy_timeout(BUSY);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query("VACUUM INTO $1").bind(to.display().to_string()).execute(&mut connection).await?;
    connection.close().await?;
    // SQLite leaves the new file to the system's own time.
    std::fs::File::open(to).and_then(|file| file.sync_all()).map_err(|error| Error::Database(error.into()))
}

/// Checks a copy from its first page to its last, and says what it holds. Changes nothing in it.
///
/// # Errors
/// Where it is damaged or no controller's.
pub async fn contents(path: &Path) -> Result<Contents, Error> {
    let options =
        SqliteConnectOptions::new().filename(path).create_if_missing(false).read_only(true).immutable(true);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    let mut snapshot = Snapshot::new(pool.begin().await?);
    let contents = read(&mut snapshot).await;
    drop(snapshot);
    pool.close().await;
    contents
}

async fn read(snapshot: &mut Snapshot) -> Result<Contents, Error> {
    let answer: String =
        sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(snapshot.connection().await?).await?;
    if answer != "ok" {
        return Err(Error::Corrupt(answer));
    }
    let schema: i64 = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
        .fetch_one(snapshot.connection().await?)
        .await?;
    Ok(Contents {
        schema: nat("schema", schema)?,
        epoch: snapshot.epoch().await?.map_or(0, |epoch| epoch.number),
        sequence: snapshot.newest_sequence().await?,
        revision: snapshot.newest_revision().await?.map(|newest| newest.revision),
        recipients: snapshot.recovery_keys().await?,
        secrets: secrets(snapshot).await?,
    })
}

async fn secrets(snapshot: &mut Snapshot) -> Result<Vec<SecretLine>, Error> {
    let mut needed: BTreeMap<SecretRef, BTreeSet<ServerId>> = BTreeMap::new();
    for manifest in snapshot.newest_manifests().await? {
        let read: Manifest = from_json("manifest", &manifest.bytes)?;
        for (_, secret) in read.secrets() {
            needed.entry(secret.clone()).or_default().insert(manifest.server.clone());
        }
    }
    let stored = snapshot.all_secrets().await?.into_iter().map(|stored| stored.sealed);
    let mut lines: Vec<SecretLine> = stored
        .map(|SealedSecret { secret, sealed }| {
            let needed_by = needed.remove(&secret).unwrap_or_default().into_iter().collect();
            SecretLine { secret, needed_by, sealed: Some(sealed) }
        })
        .collect();
    let missing = needed.into_iter().map(|(secret, needed_by)| SecretLine {
        secret,
        needed_by: needed_by.into_iter().collect(),
        sealed: None,
    });
    lines.extend(missing);
    Ok(lines)
}
