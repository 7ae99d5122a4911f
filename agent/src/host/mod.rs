//! The ports: all that the agent may ask of the machine it stands on. A file for each.
//!
//! Neighbours: `engine` and `resource` call them, `twin` implements them (and `windows`, in leaves of its own). Ports are
//! blocking and say what is, or do one thing; they decide nothing and never compare with what is wanted.

mod app_pools;
mod certificates;
pub mod clock;
pub mod delayed_renames;
pub mod exit_code;
mod features;
mod files;
mod folders;
mod http;
mod http_sys;
pub mod installer_line;
mod inventory;
mod machine;
pub mod net_framework;
mod packages;
pub mod process;
mod props;
pub mod recovery;
mod registry;
mod services;
mod sites;
mod sql;
pub mod sql_certificate;
pub mod twin;
#[cfg(windows)]
pub mod windows;

use std::path::Path;
use std::sync::Arc;

use muster_model::name::HostName;
use muster_model::node::NodeKind;
use thiserror::Error;

use crate::vault::Secrets;

pub use self::app_pools::{AppPools, PoolFacts, PoolSetting};
pub use self::certificates::{CertificateFacts, Certificates, KeyAccess, KeyOf, meant};
pub use self::clock::Clock;
pub use self::features::{FeatureState, Features};
pub use self::files::{Access, FileFacts, Files, Source};
pub use self::folders::{FolderFacts, Folders};
pub use self::http::Http;
pub use self::http_sys::{HttpSys, IIS_APP_ID, SslRecord};
pub use self::inventory::{Inventory, Listener, LogOn, Owner};
pub use self::machine::Machine;
pub use self::packages::{CommandLine, ExitMeaning, Packages, Unfinished};
pub use self::props::{Answering, Capability, Hold, KeyKind, Process, Props, Provable, SELFTEST_APP_ID};
pub use self::registry::{Registry, RegistryData};
pub use self::services::{Pending, ServiceFacts, ServiceState, Services, StartMode};
pub use self::sites::{ApplicationFacts, SiteChange, SiteFacts, Sites};
pub use self::sql::{
    BackupFacts, DatabaseChange, DatabaseFacts, DatabaseFile, NewBackup, NewDatabase, SqlBackups, SqlBatch,
    SqlError, SqlMessage, SqlPassed, SqlProgress, SqlServer, SqlSession, Watch,
};

/// The machine.
pub trait Host: Send + Sync {
    /// Whether nothing real is touched.
    fn simulated(&self) -> bool;
    /// The kinds of node that it can see and change.
    fn kinds(&self) -> &'static [NodeKind];
    /// The computer's name.
    fn host_name(&self) -> Result<HostName, Error>;
    /// Installed packages and their installers.
    fn packages(&self) -> &dyn Packages;
    /// Windows services.
    fn services(&self) -> &dyn Services;
    /// IIS application pools.
    fn app_pools(&self) -> &dyn AppPools;
    /// The computer itself.
    fn machine(&self) -> &dyn Machine;
    /// What the computer is, and what goes on there.
    fn inventory(&self) -> &dyn Inventory;
    /// Files and rights.
    fn files(&self) -> &dyn Files;
    /// IIS sites.
    fn sites(&self) -> &dyn Sites;
    /// Certificates of IIS's bindings.
    fn http_sys(&self) -> &dyn HttpSys;
    /// The computer's own certificates and their keys.
    fn certificates(&self) -> &dyn Certificates;
    /// Folders and rights.
    fn folders(&self) -> &dyn Folders;
    /// The registry.
    fn registry(&self) -> &dyn Registry;
    /// Roles and features of Windows.
    fn features(&self) -> &dyn Features;
    /// SQL Server, wherever it is.
    fn sql(&self) -> &dyn SqlServer;
    /// HTTP requests made from here.
    fn http(&self) -> &dyn Http;
    /// The clock.
    fn clock(&self) -> &dyn Clock;
}

/// The machine to stand on: the twin in a folder where one is named, else this server.
///
/// `exe` is the agent's own program; installers are told to write their logs into `logs`, absolute. `secrets` opens what the
/// host logs on to other servers with.
///
/// # Errors
/// Where there is no such twin, or this is no Windows server.
pub fn open(
    twin: Option<&Path>,
    exe: &Path,
    logs: &Path,
    secrets: Arc<dyn Secrets>,
) -> Result<Arc<dyn Host>, Error> {
    match twin {
        Some(folder) => Ok(Arc::new(twin::Twin::open(folder, exe)?.with_secrets(secrets))),
        None => this_machine(logs, secrets),
    }
}

/// As [`open`], for a self-test: nothing is installed, so that no log is written.
///
/// # Errors
/// Where there is no such twin, or this is no Windows server.
pub fn open_provable(twin: Option<&Path>, exe: &Path) -> Result<Box<dyn Provable>, Error> {
    match twin {
        Some(folder) => Ok(Box::new(twin::Twin::open(folder, exe)?)),
        None => this_provable_machine(),
    }
}

#[cfg(windows)]
fn this_provable_machine() -> Result<Box<dyn Provable>, Error> {
    Ok(Box::new(windows::WindowsHost::new(Path::new(""))))
}

#[cfg(not(windows))]
fn this_provable_machine() -> Result<Box<dyn Provable>, Error> {
    Err(no_windows())
}

#[cfg(windows)]
fn this_machine(logs: &Path, secrets: Arc<dyn Secrets>) -> Result<Arc<dyn Host>, Error> {
    Ok(Arc::new(windows::WindowsHost::new(logs).with_secrets(secrets)))
}

#[cfg(not(windows))]
fn this_machine(_logs: &Path, _secrets: Arc<dyn Secrets>) -> Result<Arc<dyn Host>, Error> {
    Err(no_windows())
}

#[cfg(not(windows))]
fn no_windows() -> Error {
    let message = "it is no Windows server; name a modelled one with --twin DIR".to_owned();
    Error::Unreachable { what: "this machine", message }
}

/// Why the machine did not do or say what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// There is no such thing.
    #[error("there is no {kind} {name}")]
    Absent {
        /// The kind of thing, in words.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The machine refused.
    #[error("{operation} {name} failed: {message}")]
    Refused {
        /// What was asked, as in "start service".
        operation: &'static str,
        /// Of what.
        name: String,
        /// The machine's own words, with its error code.
        message: String,
    },
    /// A file does not open with the password that was given, or wants one and was given none.
    #[error("{file} does not open {}: {message}", if *.is_given { "with the password that was given" } else { "without a password" })]
    Locked {
        /// The file.
        file: String,
        /// Whether a password was given.
        is_given: bool,
        /// The machine's own words, with its error code.
        message: String,
    },
    /// Nobody can tell on this server: what would have to be asked is not there, or cannot be asked yet.
    #[error("{what} cannot be told on this server: {message}")]
    CannotTell {
        /// What was asked.
        what: &'static str,
        /// Why not.
        message: String,
    },
    /// The machine could not be asked.
    #[error("{what} cannot be reached: {message}")]
    Unreachable {
        /// What was asked, as in "the service manager".
        what: &'static str,
        /// Why not.
        message: String,
    },
}
