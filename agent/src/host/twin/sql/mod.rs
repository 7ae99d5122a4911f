//! A modelled SQL Server: databases, batches, marks, errors, rights and space. What it does is SIMULATED.
//!
//! `state` is its one file `server.json`, pretty and meant to be edited by hand, with the ledger of what was run in it; `store`
//! locks and replaces it; `statement` understands a few statements of a batch, `answer` a few questions; `session` is the
//! port's session, `backup` that of backups, both over a `connection`. Several twins may share one server: its folder is named
//! in their declarations. Neighbours: faults are those of the twin whose agent asks. Never runs T-SQL: what it does not know
//! does nothing, and says so.

mod answer;
mod backup;
mod connection;
mod session;
pub mod state;
mod statement;
pub mod store;

use muster_model::manifest::Endpoint;
use muster_model::sql_address::SqlAddress;

use self::backup::Backups;
use self::connection::Connection;
use self::session::Session;
use self::state::{Database, Happened, Right};
use self::store::SqlStore;
use super::fault::{Moment, Operation};
use super::state::find;
use super::store::Struck;
use super::{Twin, refused};
use crate::host::{
    DatabaseChange, DatabaseFacts, DatabaseFile, Error, NewDatabase, SqlBackups, SqlServer, SqlSession,
};
use crate::vault;

impl Twin {
    /// The server at that address, as the twin's declaration knows it.
    fn sql_store(&self, address: &SqlAddress) -> Result<SqlStore, Error> {
        let catalogue = self.store.catalogue()?;
        let dir = find(&catalogue.sql_servers, address.as_str()).ok_or_else(|| Error::Unreachable {
            what: "SQL Server",
            message: format!("{address}: error 53: the network path was not found"),
        })?;
        Ok(SqlStore::open(&self.store.dir().join(dir))?)
    }

    /// Who the agent is to the server: a login of the server's own, whose password a twin opens and does not compare, or the
    /// computer's own account.
    fn sql_login(&self, server: &Endpoint) -> Result<String, Error> {
        match &server.login {
            Some(login) => {
                let opened = self.secrets.open(&login.password);
                let refuse = |error: vault::Error| {
                    refused(Operation::SqlConnect, server.address.as_str(), error.to_string())
                };
                opened.map(|_| login.name.clone()).map_err(refuse)
            }
            None => Ok(format!("{}$", self.store.lock()?.state().host_name)),
        }
    }

    /// One operation: faults before it, the work under the server's lock, faults after it.
    fn on_sql<T>(
        &self,
        operation: Operation,
        server: &Endpoint,
        name: &str,
        work: impl FnOnce(&SqlStore, &str) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.strike(operation, name, Moment::Before)?;
        let value = work(&self.sql_store(&server.address)?, &self.sql_login(server)?)?;
        self.strike(operation, name, Moment::After)?;
        Ok(value)
    }
}

impl SqlServer for Twin {
    fn database(&self, server: &Endpoint, name: &str) -> Result<Option<DatabaseFacts>, Error> {
        self.on_sql(Operation::SqlGet, server, name, |store, login| {
            let section = store.lock()?;
            section.state().admits(login).map_err(|message| refused(Operation::SqlGet, name, message))?;
            Ok(find(&section.state().databases, name).map(facts))
        })
    }

    fn create_database(&self, server: &Endpoint, name: &str, new: &NewDatabase) -> Result<(), Error> {
        self.on_sql(Operation::SqlCreate, server, name, |store, login| {
            let mut section = store.lock()?;
            let state = section.state();
            let refuse = |message: String| refused(Operation::SqlCreate, name, message);
            state.admits(login).map_err(refuse)?;
            if !state.allows(login, Right::CreateDatabase) {
                return Err(refuse(
                    "Msg 262, Level 14, State 1: CREATE DATABASE permission denied in database 'master'"
                        .to_owned(),
                ));
            }
            if find(&state.databases, name).is_some() {
                return Err(refuse(format!("Msg 1801, Level 16, State 3: database '{name}' already exists")));
            }
            let file = |folder: &Option<String>, default: &str, size: Option<i64>| DatabaseFile {
                folder: folder.clone().unwrap_or_else(|| default.to_owned()),
                size_mb: size.unwrap_or(state::DEFAULT_SIZE_MB),
            };
            let database = Database {
                collation: new.collation.clone().unwrap_or_else(|| state.collation.clone()),
                ..Database::new(
                    file(&new.data_folder, &state.data_folder, new.data_size_mb),
                    file(&new.log_folder, &state.log_folder, new.log_size_mb),
                )
            };
            let size_mb = database.data.size_mb + database.log.size_mb;
            if size_mb > state.free_mb {
                return Err(refuse(no_space(size_mb, state.free_mb)));
            }
            section.commit(login, Happened::DatabaseCreated { database: name.to_owned() }, |state| {
                state.free_mb -= size_mb;
                state.databases.insert(name.to_owned(), database);
            })?;
            Ok(())
        })
    }

    fn alter_database(&self, server: &Endpoint, name: &str, change: &DatabaseChange) -> Result<(), Error> {
        self.on_sql(Operation::SqlAlter, server, name, |store, login| {
            let mut section = store.lock()?;
            let refuse = |message: String| refused(Operation::SqlAlter, name, message);
            section.state().admits(login).map_err(refuse)?;
            let mut database = find(&section.state().databases, name)
                .cloned()
                .ok_or_else(|| Error::Absent { kind: "database", name: name.to_owned() })?;
            let mut grown_mb = 0;
            let mut grow = |file: &mut DatabaseFile, size_mb: i64| {
                grown_mb = (size_mb - file.size_mb).max(0);
                file.size_mb = file.size_mb.max(size_mb);
            };
            match change {
                DatabaseChange::Online => "online".clone_into(&mut database.status),
                DatabaseChange::Recovery(model) => database.recovery.clone_from(model),
                DatabaseChange::DataSizeMb(size_mb) => grow(&mut database.data, *size_mb),
                DatabaseChange::LogSizeMb(size_mb) => grow(&mut database.log, *size_mb),
            }
            if grown_mb > section.state().free_mb {
                return Err(refuse(no_space(grown_mb, section.state().free_mb)));
            }
            let happened =
                Happened::DatabaseAltered { database: name.to_owned(), change: format!("{change:?}") };
            section.commit(login, happened, |state| {
                state.free_mb -= grown_mb;
                state.databases.insert(name.to_owned(), database);
            })?;
            Ok(())
        })
    }

    fn connect(
        &self,
        server: &Endpoint,
        database: &str,
        _quoted_identifier: bool,
    ) -> Result<Box<dyn SqlSession + '_>, Error> {
        let address = server.address.as_str();
        self.strike(Operation::SqlConnect, address, Moment::Before)?;
        let (store, login) = (self.sql_store(&server.address)?, self.sql_login(server)?);
        let section = store.lock()?;
        let refuse = |message: String| refused(Operation::SqlConnect, address, message);
        section.state().admits(&login).map_err(refuse)?;
        section.state().open(database).map_err(|message| refuse(message.to_string()))?;
        drop(section);
        Ok(Box::new(Session {
            ended: false,
            connection: Connection { twin: self, store, login },
            database: database.to_owned(),
        }))
    }

    fn backups<'s>(&'s self, server: &'s Endpoint) -> Result<Box<dyn SqlBackups + 's>, Error> {
        let address = server.address.as_str();
        self.strike(Operation::SqlConnect, address, Moment::Before)?;
        let (store, login) = (self.sql_store(&server.address)?, self.sql_login(server)?);
        let refuse = |message: String| refused(Operation::SqlConnect, address, message);
        store.lock()?.state().admits(&login).map_err(refuse)?;
        Ok(Box::new(Backups(Connection { twin: self, store, login })))
    }
}

impl Twin {
    /// Faults of a session's operation, as the server would say them.
    fn sql_strike(
        &self,
        operation: Operation,
        target: &str,
        moment: Moment,
    ) -> Result<Option<String>, Error> {
        match self.store.strike(operation, target, moment)? {
            Struck::GoOn(_) => Ok(None),
            Struck::Fail(message) => Ok(Some(message)),
        }
    }
}

fn no_space(wanted_mb: i64, free_mb: i64) -> String {
    format!(
        "Msg 5149, Level 16, State 3: operating system error 112 (there is not enough space: {wanted_mb} MB wanted, {free_mb} MB free)"
    )
}

fn facts(database: &Database) -> DatabaseFacts {
    DatabaseFacts {
        status: database.status.clone(),
        collation: database.collation.clone(),
        recovery: database.recovery.clone(),
        data: database.data.clone(),
        log: database.log.clone(),
    }
}
