//! The port to installed packages and their installers.
//!
//! Neighbours: `engine::package` and `supervise` run what it names. It starts nothing itself.

use std::path::PathBuf;

use muster_model::name::Version;

use super::Error;

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
