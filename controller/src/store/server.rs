//! What the events last said of each server.
//!
//! Neighbours: `event` writes these rows with the server's events; status reads them. A server that no event named has no
//! row here, though a document may name it.

use jiff::Timestamp;
use muster_model::name::{HostName, ServerId, Slug};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::row::{moment_if, nat, parse};
use super::{Error, Snapshot, Tx};

/// A server as its events left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The server.
    pub server: ServerId,
    /// When a token was last made for it.
    pub invited_at: Option<Timestamp>,
    /// When its agent last enrolled.
    pub enrolled_at: Option<Timestamp>,
    /// When its certificates were revoked, unless it enrolled again since.
    pub revoked_at: Option<Timestamp>,
    /// The serial number of its newest certificate.
    pub serial: Option<String>,
    /// The computer's name, as its agent said it when it enrolled.
    pub host: Option<HostName>,
    /// Whether its agent's stream is open.
    pub connected: bool,
    /// When its stream last opened or ended.
    pub moved_at: Option<Timestamp>,
    /// Its agent's version.
    pub agent_version: Option<String>,
    /// Whether its agent stands on a twin.
    pub simulated: Option<bool>,
    /// Its agent's clock less the controller's, in milliseconds.
    pub clock_offset_ms: Option<i64>,
}

fn read(row: &SqliteRow) -> Result<Server, Error> {
    let host: Option<String> = row.try_get("host")?;
    let simulated: Option<i64> = row.try_get("simulated")?;
    Ok(Server {
        server: parse("server", row.try_get("server")?)?,
        invited_at: moment_if(row.try_get("invited_ms")?)?,
        enrolled_at: moment_if(row.try_get("enrolled_ms")?)?,
        revoked_at: moment_if(row.try_get("revoked_ms")?)?,
        serial: row.try_get("serial")?,
        host: host.map(|host| parse("host name", &host)).transpose()?,
        connected: row.try_get::<i64, _>("connected")? != 0,
        moved_at: moment_if(row.try_get("moved_ms")?)?,
        agent_version: row.try_get("agent_version")?,
        simulated: simulated.map(|simulated| simulated != 0),
        clock_offset_ms: row.try_get("clock_offset_ms")?,
    })
}

impl Snapshot {
    /// Every server that an event named, by name.
    pub async fn servers(&mut self) -> Result<Vec<Server>, Error> {
        sqlx::query("SELECT * FROM servers ORDER BY server")
            .fetch_all(self.connection().await?)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// The servers of one site, by name.
    pub async fn servers_of(&mut self, site: &Slug) -> Result<Vec<Server>, Error> {
        // `0` is the character after `/`: from the first name with this site's to the last.
        sqlx::query("SELECT * FROM servers WHERE server >= $1 AND server < $2 ORDER BY server")
            .bind(format!("{site}/"))
            .bind(format!("{site}0"))
            .fetch_all(self.connection().await?)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// How many servers are enrolled.
    pub async fn enrolled_servers(&mut self) -> Result<u64, Error> {
        let count = sqlx::query_scalar(
            "SELECT COUNT(*) FROM servers WHERE serial IS NOT NULL AND revoked_ms IS NULL",
        )
        .fetch_one(self.connection().await?)
        .await?;
        nat("count", count)
    }

    /// One server.
    pub async fn server(&mut self, server: &ServerId) -> Result<Option<Server>, Error> {
        sqlx::query("SELECT * FROM servers WHERE server = $1")
            .bind(server.to_string())
            .fetch_optional(self.connection().await?)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }
}

impl Tx {
    pub(super) async fn all_servers_disconnected(&mut self) -> Result<(), Error> {
        let at = self.at().as_millisecond();
        sqlx::query("UPDATE servers SET connected = 0, moved_ms = $1 WHERE connected = 1")
            .bind(at)
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }

    pub(super) async fn server_invited(&mut self, server: &ServerId) -> Result<(), Error> {
        let at = self.at().as_millisecond();
        sqlx::query(
            "INSERT INTO servers (server, invited_ms) VALUES ($1, $2)
             ON CONFLICT (server) DO UPDATE SET invited_ms = excluded.invited_ms",
        )
        .bind(server.to_string())
        .bind(at)
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    pub(super) async fn server_enrolled(
        &mut self,
        server: &ServerId,
        host: &HostName,
        serial: &str,
    ) -> Result<(), Error> {
        let at = self.at().as_millisecond();
        sqlx::query(
            "INSERT INTO servers (server, enrolled_ms, host, serial) VALUES ($1, $2, $3, $4)
             ON CONFLICT (server) DO UPDATE SET enrolled_ms = excluded.enrolled_ms, host = excluded.host,
                 serial = excluded.serial, revoked_ms = NULL",
        )
        .bind(server.to_string())
        .bind(at)
        .bind(host.as_str())
        .bind(serial)
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    pub(super) async fn certificate_replaced(
        &mut self,
        server: &ServerId,
        serial: &str,
    ) -> Result<(), Error> {
        sqlx::query("UPDATE servers SET serial = $1 WHERE server = $2")
            .bind(serial)
            .bind(server.to_string())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }

    pub(super) async fn server_revoked(&mut self, server: &ServerId) -> Result<(), Error> {
        let at = self.at().as_millisecond();
        sqlx::query(
            "INSERT INTO servers (server, revoked_ms) VALUES ($1, $2)
             ON CONFLICT (server) DO UPDATE SET revoked_ms = excluded.revoked_ms",
        )
        .bind(server.to_string())
        .bind(at)
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    pub(super) async fn server_connected(
        &mut self,
        server: &ServerId,
        agent_version: &str,
        simulated: bool,
        clock_offset_ms: i64,
    ) -> Result<(), Error> {
        let at = self.at().as_millisecond();
        sqlx::query(
            "INSERT INTO servers (server, connected, moved_ms, agent_version, simulated, clock_offset_ms)
             VALUES ($1, 1, $2, $3, $4, $5)
             ON CONFLICT (server) DO UPDATE SET connected = 1, moved_ms = excluded.moved_ms,
                 agent_version = excluded.agent_version, simulated = excluded.simulated,
                 clock_offset_ms = excluded.clock_offset_ms",
        )
        .bind(server.to_string())
        .bind(at)
        .bind(agent_version)
        .bind(i64::from(simulated))
        .bind(clock_offset_ms)
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    pub(super) async fn server_disconnected(&mut self, server: &ServerId) -> Result<(), Error> {
        let at = self.at().as_millisecond();
        sqlx::query("UPDATE servers SET connected = 0, moved_ms = $1 WHERE server = $2")
            .bind(at)
            .bind(server.to_string())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }
}
