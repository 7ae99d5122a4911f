//! SQL Server, over the network or beside this server, through Microsoft's own client for TDS.
//!
//! `connection` owns a connection and the runtime that drives it, `route` says how its server is reached, `pinned` holds
//! the certificate that it must show where the documents name an authority, `session` is the port's session, `backups` that
//! of backups, `value` reads values. Neighbours: `muster_agent_core::tsql` has every statement and reads the answers. Who
//! logs on is the endpoint's login, or whoever the agent runs as: LocalSystem is the computer's own account on other
//! servers. Encryption is always asked for.

mod backups;
mod connection;
mod pinned;
mod route;
mod session;
#[cfg(test)]
mod story;
mod value;

use muster_agent_core::tsql::{self, Described, File, Invalid, NewFile};
use muster_model::manifest::Endpoint;

use self::backups::Backups;
use self::connection::Connection;
use self::session::Session;
use super::WindowsHost;
use crate::host::{
    DatabaseChange, DatabaseFacts, DatabaseFile, Error, NewDatabase, SqlBackups, SqlError, SqlServer,
    SqlSession,
};

/// Where questions about the server itself are asked.
const MASTER: &str = "master";

/// What one operation refuses.
struct Refusing<'a> {
    operation: &'static str,
    name: &'a str,
}

impl Refusing<'_> {
    fn because(&self, message: impl ToString) -> Error {
        Error::Refused { operation: self.operation, name: self.name.to_owned(), message: message.to_string() }
    }

    fn sql(&self, error: SqlError) -> Error {
        self.because(error)
    }

    fn invalid(&self, error: Invalid) -> Error {
        self.because(error)
    }
}

impl SqlServer for WindowsHost {
    fn database(&self, server: &Endpoint, name: &str) -> Result<Option<DatabaseFacts>, Error> {
        let refusing = Refusing { operation: "look at database", name };
        let mut connection = Connection::open(server, MASTER, self.secrets.as_ref())?;
        let Some(database) = described(&mut connection, name, &refusing)? else { return Ok(None) };
        let (data, log) = files(&mut connection, name, database.status == "online", &refusing)?;
        let file = |file: File| DatabaseFile { folder: file.folder, size_mb: file.size_mb };
        Ok(Some(DatabaseFacts {
            status: database.status,
            collation: database.collation,
            recovery: database.recovery,
            data: file(data),
            log: file(log),
        }))
    }

    fn create_database(&self, server: &Endpoint, name: &str, new: &NewDatabase) -> Result<(), Error> {
        let refusing = Refusing { operation: "make database", name };
        let mut connection = Connection::open(server, MASTER, self.secrets.as_ref())?;
        let files = new_files(&mut connection, new).map_err(|error| refusing.sql(error))?;
        let files = files.as_ref().map(|(data, log)| (data, log));
        let statement = tsql::create(name, new.collation.as_deref(), files);
        let statement = statement.map_err(|error| refusing.invalid(error))?;
        connection.ask(&statement).map(|_| ()).map_err(|error| refusing.sql(error))
    }

    fn alter_database(&self, server: &Endpoint, name: &str, change: &DatabaseChange) -> Result<(), Error> {
        let refusing = Refusing { operation: "change database", name };
        let mut connection = Connection::open(server, MASTER, self.secrets.as_ref())?;
        let statement = match change {
            DatabaseChange::Online => Ok(tsql::set_online(name)),
            DatabaseChange::Recovery(model) => tsql::set_recovery(name, model),
            DatabaseChange::DataSizeMb(size_mb) | DatabaseChange::LogSizeMb(size_mb) => {
                let (data, log) = files(&mut connection, name, true, &refusing)?;
                let file = if matches!(change, DatabaseChange::DataSizeMb(_)) { data } else { log };
                tsql::grow(name, &file.name, *size_mb)
            }
        };
        let statement = statement.map_err(|error| refusing.invalid(error))?;
        connection.ask(&statement).map(|_| ()).map_err(|error| refusing.sql(error))
    }

    fn connect(
        &self,
        server: &Endpoint,
        database: &str,
        quoted_identifier: bool,
    ) -> Result<Box<dyn SqlSession + '_>, Error> {
        let mut connection = Connection::open(server, database, self.secrets.as_ref())?;
        let settings = tsql::session_settings(quoted_identifier);
        let refusing = Refusing { operation: "open a session on", name: server.address.as_str() };
        connection.ask(&settings).map_err(|error| refusing.sql(error))?;
        Ok(Box::new(Session::new(connection, database)))
    }

    fn backups<'s>(&'s self, server: &'s Endpoint) -> Result<Box<dyn SqlBackups + 's>, Error> {
        Ok(Box::new(Backups::open(server, self.secrets.as_ref())?))
    }
}

/// What the server says of a database. One that AUTO_CLOSE has closed is online without a collation ("sys.databases"): it is
/// opened by a question, and looked at again.
fn described(
    connection: &mut Connection,
    name: &str,
    refusing: &Refusing<'_>,
) -> Result<Option<Described>, Error> {
    let look = |connection: &mut Connection| {
        let rows = connection.ask(&tsql::describe(name)).map_err(|error| refusing.sql(error))?;
        tsql::described(&rows).map_err(|error| refusing.invalid(error))
    };
    let is_closed = |seen: &Option<Described>| {
        seen.as_ref().is_some_and(|seen| seen.status == "online" && seen.collation.is_empty())
    };
    let seen = look(connection)?;
    if !is_closed(&seen) {
        return Ok(seen);
    }
    let opened = connection.ask(&tsql::files_inside(name));
    let seen = look(connection)?;
    if is_closed(&seen) {
        let why = opened.err().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(refusing.because(format!(
            "the server does not say its collation: AUTO_CLOSE has closed it, or it is just coming online{why}"
        )));
    }
    Ok(seen)
}

/// The files of a database: from the server's own list, or from inside where that shows none and the database is open.
fn files(
    connection: &mut Connection,
    name: &str,
    is_open: bool,
    refusing: &Refusing<'_>,
) -> Result<(File, File), Error> {
    let outside = connection.ask(&tsql::files_outside(name)).map_err(|error| refusing.sql(error))?;
    if let Some(files) = tsql::files(&outside).map_err(|error| refusing.invalid(error))? {
        return Ok(files);
    }
    let hidden = "its files are not shown to the agent's login: a DBA makes it a user of the database, or grants it VIEW ANY DEFINITION";
    if !is_open {
        return Err(refusing.because(hidden));
    }
    let inside = connection.ask(&tsql::files_inside(name));
    let inside = inside.map_err(|error| refusing.because(format!("{hidden} ({error})")))?;
    let files = tsql::files(&inside).map_err(|error| refusing.invalid(error))?;
    files.ok_or_else(|| refusing.because(hidden))
}

/// Both files of a new database where anything is said of one: what is not said is asked of the server.
fn new_files(connection: &mut Connection, new: &NewDatabase) -> Result<Option<(NewFile, NewFile)>, SqlError> {
    let NewDatabase { collation: _, data_folder, data_size_mb, log_folder, log_size_mb } = new;
    if data_folder.is_none() && data_size_mb.is_none() && log_folder.is_none() && log_size_mb.is_none() {
        return Ok(None);
    }
    let mut file = |folder: &Option<String>, size_mb: Option<i64>, log: bool| {
        let folder = match folder {
            Some(folder) => folder.clone(),
            None => connection.scalar(tsql::default_folder(log))?.unwrap_or_default(),
        };
        Ok(NewFile { folder, size_mb })
    };
    Ok(Some((file(data_folder, *data_size_mb, false)?, file(log_folder, *log_size_mb, true)?)))
}
