//! The ports: all that the agent may ask of the machine it stands on.
//!
//! Neighbours: `engine` and `resource` call them, `twin` implements them (and `windows`, in leaves of its own). Ports are
//! blocking and say what is, or do one thing; they decide nothing and never compare with what is wanted.

pub mod clock;
pub mod exit_code;
pub mod process;
pub mod twin;
#[cfg(windows)]
pub mod windows;

use std::path::PathBuf;

use jiff::Timestamp;
use muster_model::name::{HostName, Version};
use thiserror::Error;

/// The machine.
pub trait Host: Send + Sync {
    /// Whether nothing real is touched.
    fn simulated(&self) -> bool;
    /// The computer's name.
    fn host_name(&self) -> Result<HostName, Error>;
    /// Installed packages and their installers.
    fn packages(&self) -> &dyn Packages;
    /// Windows services.
    fn services(&self) -> &dyn Services;
    /// IIS application pools.
    fn app_pools(&self) -> &dyn AppPools;
    /// Files and rights.
    fn files(&self) -> &dyn Files;
    /// HTTP requests made from here.
    fn http(&self) -> &dyn Http;
    /// The clock.
    fn clock(&self) -> &dyn Clock;
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
    /// The machine could not be asked.
    #[error("{what} cannot be reached: {message}")]
    Unreachable {
        /// What was asked, as in "the service manager".
        what: &'static str,
        /// Why not.
        message: String,
    },
}

/// A process to start: no shell in between, one element in is one argument out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CommandLine {
    /// The executable, absolute.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// Installed packages.
pub trait Packages {
    /// The installed version, or none.
    fn installed(&self, name: &str) -> Result<Option<Version>, Error>;
    /// The process that installs this version.
    fn installer(&self, name: &str, version: &Version, arguments: &[String]) -> Result<CommandLine, Error>;
    /// The process that takes the installed version off.
    fn uninstaller(&self, name: &str) -> Result<CommandLine, Error>;
    /// What this exit code of an installer means.
    fn exit_meaning(&self, code: i32) -> ExitMeaning;
}

/// What an installer's exit code means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitMeaning {
    /// It did its work.
    Success,
    /// It did its work; Windows wants a restart.
    RestartNeeded,
    /// It did nothing or undid what it did, for this reason.
    Failure(String),
}

/// How a service is started by Windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartMode {
    /// With Windows.
    Automatic,
    /// By a person or a program.
    Manual,
    /// Never.
    Disabled,
}

/// The state of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// Not running.
    Stopped,
    /// On its way up.
    StartPending,
    /// Running.
    Running,
    /// On its way down.
    StopPending,
}

/// What Windows knows of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFacts {
    /// Its state.
    pub state: ServiceState,
    /// How it is started.
    pub start: StartMode,
}

/// Windows services.
pub trait Services {
    /// What there is of that name, or none.
    fn get(&self, name: &str) -> Result<Option<ServiceFacts>, Error>;
    /// Asks it to start; returns when the request is taken, not when it runs.
    fn start(&self, name: &str) -> Result<(), Error>;
    /// Asks it to stop; returns when the request is taken, not when it stopped.
    fn stop(&self, name: &str) -> Result<(), Error>;
    /// Sets how Windows starts it; nothing else of its configuration.
    fn set_start(&self, name: &str, start: StartMode) -> Result<(), Error>;
}

/// The settings of an application pool, as they take effect.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PoolFacts {
    /// 32-bit applications are enabled.
    pub enable_32bit: bool,
    /// The identity's profile is loaded.
    pub load_user_profile: bool,
    /// Idle minutes before a worker is stopped; 0 is never.
    pub idle_timeout_minutes: i64,
    /// `v4.0`, `v2.0` or `none`.
    pub managed_runtime_version: String,
}

/// One setting of an application pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolSetting {
    /// 32-bit applications.
    Enable32bit(bool),
    /// The identity's profile.
    LoadUserProfile(bool),
    /// Idle minutes.
    IdleTimeoutMinutes(i64),
    /// The .NET CLR.
    ManagedRuntimeVersion(String),
}

/// IIS application pools.
pub trait AppPools {
    /// What there is of that name, or none.
    fn get(&self, name: &str) -> Result<Option<PoolFacts>, Error>;
    /// Makes a pool with IIS's defaults.
    fn create(&self, name: &str) -> Result<(), Error>;
    /// Sets these, in one commit, and nothing else.
    fn set(&self, name: &str, settings: &[PoolSetting]) -> Result<(), Error>;
}

/// What an account may do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Read and execute.
    Read,
    /// Read, write, delete.
    Modify,
    /// Everything, rights included.
    Full,
}

/// A text file and the rights on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// Its bytes.
    pub content: Vec<u8>,
    /// Accounts with an explicit right, as (account, access).
    pub rights: Vec<(String, Access)>,
}

/// Files and rights.
pub trait Files {
    /// What there is at that path, or none.
    fn get(&self, path: &str) -> Result<Option<FileFacts>, Error>;
    /// Puts this content there whole: readers see the old or the new. Rights that exist stay.
    fn write(&self, path: &str, content: &[u8]) -> Result<(), Error>;
    /// Gives one account exactly this access; other accounts stay as they are.
    fn grant(&self, path: &str, account: &str, access: Access) -> Result<(), Error>;
    /// Takes one account's explicit access away.
    fn revoke(&self, path: &str, account: &str) -> Result<(), Error>;
}

/// HTTP requests.
pub trait Http {
    /// The status that a GET of this address answers, redirects not followed.
    fn get(&self, url: &str) -> Result<u16, Error>;
}

/// The clock.
pub trait Clock: Send + Sync {
    /// Wall time.
    fn now(&self) -> Timestamp;
    /// Waits; on monotonic time.
    fn sleep_ms(&self, duration_ms: u64);
}
