//! What the agent does to a SQL Server that is played beside it, through TLS: batches and marks hold together or not at all.
//!
//! `databases`, `batches`, `backups` and `connections` have the stories; what they share is here.
//!
//! Neighbours: `muster_tds` plays it; what it takes SQL Server to be is listed in `deploy/windows/ACCEPTANCE.md`.

mod backups;
mod batches;
mod connections;
mod databases;

use std::path::Path;
use std::sync::Arc;

use muster_model::manifest::{Endpoint, SqlLogin};
use muster_model::name::SecretVersion;
use muster_model::secret::SecretRef;
use muster_proto::secret::SecretValue;
use muster_tds::{Database, Moment, Server, State, Trouble};
use zeroize::Zeroizing;

use super::super::WindowsHost;
use crate::host::{Error, NewDatabase, SqlBatch, SqlError, SqlMessage, SqlServer as _, SqlSession};
use crate::vault::{self, Secrets};

const PASSWORD: &str = "Corr3ct-hörse";
const MARK: &str = "Muster:sql_scripts/new:0123";

/// Opens every secret as this one.
struct Opens(&'static str);

impl Secrets for Opens {
    fn open(&self, _secret: &SecretRef) -> Result<SecretValue, vault::Error> {
        Ok(SecretValue::new(Zeroizing::new(self.0.to_owned())))
    }
}

fn state() -> State {
    State::default().with_login("muster", PASSWORD)
}

fn host() -> WindowsHost {
    WindowsHost::new(Path::new(r"C:\logs")).with_secrets(Arc::new(Opens(PASSWORD)))
}

fn endpoint(server: &Server) -> Endpoint {
    let password = SecretRef {
        site: "dupont-prod".parse().unwrap(),
        secret: "sql_password".parse().unwrap(),
        version: SecretVersion(1),
    };
    Endpoint {
        login: Some(SqlLogin { name: "muster".to_owned(), password }),
        trust_certificate: true,
        ..Endpoint::new("main".parse().unwrap(), server.address().parse().unwrap())
    }
}

/// A server with the database SXA and a table in it.
fn with_database() -> Server {
    let server = Server::start(state());
    host().create_database(&endpoint(&server), "SXA", &NewDatabase::default()).unwrap();
    server.change(|state| {
        let sxa: &mut Database = state.databases.get_mut("SXA").unwrap();
        sxa.tables.insert("T".to_owned(), 0);
    });
    server
}

fn run(session: &mut dyn SqlSession, text: &str, mark: Option<&str>) -> Result<Vec<String>, SqlError> {
    session.execute(&SqlBatch { text, label: "a.sql#1", mark: mark.map(|value| (MARK, value)) })
}

#[track_caller]
fn refused(ran: Result<Vec<String>, SqlError>) -> SqlMessage {
    match ran {
        Err(SqlError::Server(message)) => message,
        Err(SqlError::Lost(lost)) => panic!("it was lost: {lost}"),
        Err(SqlError::Ended) => panic!("it ended the transaction around it"),
        Ok(_) => panic!("it went through"),
    }
}

/// Rows of T, and the mark.
fn seen(server: &Server) -> (u64, Option<String>) {
    let sxa = &server.state().databases["SXA"];
    (sxa.tables["T"], sxa.properties.get(MARK).cloned())
}
