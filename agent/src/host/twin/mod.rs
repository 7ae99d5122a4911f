//! The twin: a Windows server modelled in a folder. What it does is SIMULATED, and says so wherever it is shown.
//!
//! The folder holds `state.json` (what the server is; edit it by hand to make drift), `catalogue.json` (what installers
//! do), `faults.json` (what goes wrong), `ledger.jsonl` (what really happened: the oracle of tests), `processes.json`
//! (who lives on the machine) and `lock`. Files here: `state` and `catalogue` are the shapes, `store` the lock and the
//! durable change, `fault` and `ledger` their files, one file per port, `installer` the process that plays an
//! installer, `yaml` the declaration, `cli` the command line. Neighbours: everything above the ports is the same code as
//! on Windows. Never decides what is wanted, never resets a folder that it cannot read.

pub mod catalogue;
pub mod cli;
pub mod fault;
pub mod installer;
pub mod ledger;
pub mod sql;
pub mod state;
pub mod store;
pub mod yaml;

mod app_pools;
mod certificates;
mod features;
mod files;
mod folders;
mod hand;
mod http;
mod http_sys;
mod inventory;
mod machine;
mod operation;
mod packages;
mod props;
mod registry;
mod services;
mod sites;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use muster_model::causes::with_causes;
use muster_model::name::HostName;
use muster_model::node::NodeKind;

use self::fault::{Moment, Operation, Strike};
pub use self::store::Error;
use self::store::{Section, Store, Struck};
use super::clock::SystemClock;
use super::process::Process;
use super::{
    AppPools, Certificates, Clock, Features, Files, Folders, Host, Http, HttpSys, Inventory, Machine,
    Packages, Registry, Services, Sites, SqlServer,
};
use crate::vault::{self, Secrets};

/// A twin, as the agent's host.
#[derive(Clone)]
pub struct Twin {
    store: Store,
    exe: PathBuf,
    secrets: Arc<dyn Secrets>,
}

impl fmt::Debug for Twin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twin").field("dir", &self.store.dir()).finish_non_exhaustive()
    }
}

impl Twin {
    /// The twin in this folder. `exe` is the agent's own program, which also plays the installers.
    ///
    /// The calling process counts from now on among those of the modelled machine: a reboot of the twin ends it.
    pub fn open(dir: &Path, exe: &Path) -> Result<Self, Error> {
        let dir = std::path::absolute(dir).map_err(|source| Error::Io {
            action: "find",
            path: dir.to_owned(),
            source,
        })?;
        let store = Store::open(&dir, "agent")?;
        let me = Process::current().map_err(|source| Error::Io { action: "open", path: dir, source })?;
        store.move_in("agent", me)?;
        Ok(Self { store, exe: exe.to_owned(), secrets: Arc::new(vault::Nothing) })
    }

    /// The same, with what opens the passwords of SQL Servers' logins.
    #[must_use]
    pub fn with_secrets(self, secrets: Arc<dyn Secrets>) -> Self {
        Self { secrets, ..self }
    }

    /// The twin's folder.
    pub fn dir(&self) -> &Path {
        self.store.dir()
    }

    /// One operation of a port: faults that strike before it, the work under the lock, faults that strike after it.
    fn operate<T>(
        &self,
        operation: Operation,
        target: &str,
        work: impl FnOnce(&mut Section<'_>, Option<Strike>) -> Result<T, super::Error>,
    ) -> Result<T, super::Error> {
        let altered = self.strike(operation, target, Moment::Before)?;
        let value = work(&mut self.store.lock()?, altered)?;
        self.strike(operation, target, Moment::After)?;
        Ok(value)
    }

    fn strike(&self, operation: Operation, target: &str, at: Moment) -> Result<Option<Strike>, super::Error> {
        match self.store.strike(operation, target, at)? {
            Struck::GoOn(strike) => Ok(strike),
            Struck::Fail(message) => Err(refused(operation, target, message)),
        }
    }
}

/// The refusal of an operation.
fn refused(operation: Operation, name: &str, message: impl Into<String>) -> super::Error {
    super::Error::Refused { operation: operation.words(), name: name.to_owned(), message: message.into() }
}

impl From<Error> for super::Error {
    fn from(error: Error) -> Self {
        Self::Unreachable { what: "the twin", message: with_causes(&error) }
    }
}

impl Host for Twin {
    fn simulated(&self) -> bool {
        true
    }

    fn kinds(&self) -> &'static [NodeKind] {
        NodeKind::ALL
    }

    fn host_name(&self) -> Result<HostName, super::Error> {
        Ok(self.store.lock()?.state().host_name.clone())
    }

    fn packages(&self) -> &dyn Packages {
        self
    }

    fn services(&self) -> &dyn Services {
        self
    }

    fn app_pools(&self) -> &dyn AppPools {
        self
    }

    fn machine(&self) -> &dyn Machine {
        self
    }

    fn inventory(&self) -> &dyn Inventory {
        self
    }

    fn files(&self) -> &dyn Files {
        self
    }

    fn sites(&self) -> &dyn Sites {
        self
    }

    fn http_sys(&self) -> &dyn HttpSys {
        self
    }

    fn certificates(&self) -> &dyn Certificates {
        self
    }

    fn folders(&self) -> &dyn Folders {
        self
    }

    fn registry(&self) -> &dyn Registry {
        self
    }

    fn features(&self) -> &dyn Features {
        self
    }

    fn sql(&self) -> &dyn SqlServer {
        self
    }

    fn http(&self) -> &dyn Http {
        self
    }

    fn clock(&self) -> &dyn Clock {
        self
    }
}

/// The twin's clock: the real one, moved by `clock_offset_ms`.
impl Clock for Twin {
    fn now(&self) -> Timestamp {
        match self.store.lock() {
            Ok(section) => state::offset(SystemClock.now(), section.state().clock_offset_ms),
            Err(error) => {
                // A clock cannot fail; the operation that follows meets the same error and reports it.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the twin's clock offset is not known"
                );
                SystemClock.now()
            }
        }
    }

    fn sleep_ms(&self, duration_ms: u64) {
        SystemClock.sleep_ms(duration_ms);
    }
}
