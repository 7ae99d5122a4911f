//! The journal on disk: SQLite in WAL mode, every commit fsynced.
//!
//! Neighbours: `store` is the port, `migrations/` the tables. The only SQL of the agent. Blocking: it drives its database
//! through the runtime it was given, so it must not be called from a task of that runtime.

use std::path::Path;

use muster_agent_core::journal::Sealed;
use muster_agent_core::ledger::{Change, Owned};
use muster_model::digest::Digest;
use muster_model::name::{Generation, ServerId};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, Row as _};
use tokio::runtime::Handle;

use super::store::{Error, Store};

/// An open database.
pub struct SqliteStore {
    path: String,
    runtime: Handle,
    connection: SqliteConnection,
}

impl SqliteStore {
    /// Opens or makes the database of that server's agent.
    ///
    /// # Errors
    /// Where it cannot be opened, was made by a newer version, or is another server's.
    pub fn open(path: &Path, server: &ServerId, runtime: Handle) -> Result<Self, Error> {
        let shown = path.display().to_string();
        let failed = |source| Error::Database { path: shown.clone(), source };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let connection = runtime.block_on(async {
            let mut connection = SqliteConnection::connect_with(&options).await.map_err(failed)?;
            sqlx::migrate!("./migrations")
                .run(&mut connection)
                .await
                .map_err(|source| Error::Migration { path: shown.clone(), source })?;
            belongs(&mut connection, server, &shown).await?;
            Ok(connection)
        })?;
        Ok(Self { path: shown, runtime, connection })
    }

    fn failed(&self) -> impl Fn(sqlx::Error) -> Error + use<> {
        let path = self.path.clone();
        move |source| Error::Database { path: path.clone(), source }
    }

    fn wrong(&self, table: &'static str) -> impl Fn(String) -> Error + use<> {
        let path = self.path.clone();
        move |problem| Error::Row { path: path.clone(), table, problem }
    }
}

/// Writes whose database it is when it is new, and refuses another's.
async fn belongs(connection: &mut SqliteConnection, server: &ServerId, path: &str) -> Result<(), Error> {
    let failed = |source| Error::Database { path: path.to_owned(), source };
    sqlx::query("INSERT INTO meta (name, value) VALUES ('server', ?) ON CONFLICT DO NOTHING")
        .bind(server.to_string())
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    let have: String = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'server'")
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    if have == server.to_string() {
        return Ok(());
    }
    Err(Error::Foreign { path: path.to_owned(), have, want: server.clone() })
}

#[cfg(test)]
impl SqliteStore {
    /// One setting of the open connection.
    pub(crate) fn pragma(&mut self, statement: &'static str) -> String {
        let row = self.runtime.block_on(sqlx::query(statement).fetch_one(&mut self.connection)).unwrap();
        row.try_get::<i64, _>(0).map_or_else(|_| row.get::<String, _>(0), |number| number.to_string())
    }
}

impl Store for SqliteStore {
    fn records(&mut self) -> Result<Vec<Sealed>, Error> {
        let (failed, wrong) = (self.failed(), self.wrong("record"));
        let query = sqlx::query("SELECT position, bytes, digest FROM record ORDER BY position");
        let rows = self.runtime.block_on(query.fetch_all(&mut self.connection)).map_err(&failed)?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let position: i64 = row.try_get("position").map_err(&failed)?;
            let digest: Vec<u8> = row.try_get("digest").map_err(&failed)?;
            let bytes: Vec<u8> = row.try_get("bytes").map_err(&failed)?;
            let position =
                u64::try_from(position).map_err(|_| wrong(format!("position {position} is negative")))?;
            let digest = <[u8; 32]>::try_from(digest.as_slice())
                .map_err(|_| wrong(format!("the digest of record {position} has not 32 bytes")))?;
            Ok(Sealed { position, bytes, digest: Digest::from_bytes(digest) })
        };
        rows.iter().map(read).collect()
    }

    fn ownership(&mut self) -> Result<Vec<Change>, Error> {
        let (failed, wrong) = (self.failed(), self.wrong("ownership"));
        let query = sqlx::query("SELECT node, attribute, value, generation FROM ownership");
        let rows = self.runtime.block_on(query.fetch_all(&mut self.connection)).map_err(&failed)?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let text = |column: &str| row.try_get::<String, _>(column).map_err(&failed);
            let generation: i64 = row.try_get("generation").map_err(&failed)?;
            let generation = u64::try_from(generation).map_err(|error| wrong(error.to_string()))?;
            let value = serde_json::from_str(&text("value")?).map_err(|error| wrong(error.to_string()))?;
            Ok(Change {
                node: text("node")?.parse().map_err(|error| wrong(format!("{error}")))?,
                attribute: serde_json::from_str(&text("attribute")?)
                    .map_err(|error| wrong(error.to_string()))?,
                owned: Some(Owned { value, generation: Generation(generation) }),
            })
        };
        rows.iter().map(read).collect()
    }

    fn append(&mut self, sealed: &Sealed, changes: &[Change]) -> Result<(), Error> {
        let (failed, wrong) = (self.failed(), self.wrong("record"));
        let position = i64::try_from(sealed.position).map_err(|error| wrong(error.to_string()))?;
        let rows = changes.iter().map(to_row).collect::<Result<Vec<_>, _>>().map_err(&wrong)?;
        let connection = &mut self.connection;
        let write = async {
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
            sqlx::query("INSERT INTO record (position, bytes, digest) VALUES (?, ?, ?)")
                .bind(position)
                .bind(sealed.bytes.as_slice())
                .bind(sealed.digest.as_bytes().as_slice())
                .execute(&mut *transaction)
                .await?;
            for OwnershipRow { node, attribute, owned } in rows {
                let query = match owned {
                    Some((value, generation)) => sqlx::query(
                        "INSERT INTO ownership (node, attribute, value, generation) VALUES (?, ?, ?, ?) \
                         ON CONFLICT DO UPDATE SET value = excluded.value, generation = excluded.generation",
                    )
                    .bind(node)
                    .bind(attribute)
                    .bind(value)
                    .bind(generation),
                    None => sqlx::query("DELETE FROM ownership WHERE node = ? AND attribute = ?")
                        .bind(node)
                        .bind(attribute),
                };
                query.execute(&mut *transaction).await?;
            }
            transaction.commit().await
        };
        self.runtime.block_on(write).map_err(failed)
    }
}

struct OwnershipRow {
    node: String,
    attribute: String,
    owned: Option<(String, i64)>,
}

fn to_row(change: &Change) -> Result<OwnershipRow, String> {
    let Change { node, attribute, owned } = change;
    let owned = match owned {
        Some(Owned { value, generation }) => Some((
            serde_json::to_string(value).map_err(|error| error.to_string())?,
            i64::try_from(generation.0).map_err(|error| error.to_string())?,
        )),
        None => None,
    };
    let attribute = serde_json::to_string(attribute).map_err(|error| error.to_string())?;
    Ok(OwnershipRow { node: node.to_string(), attribute, owned })
}
