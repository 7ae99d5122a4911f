//! The port to installed packages and their installers.
//!
//! Neighbours: `engine::package` and `supervise` run what it names. It starts nothing itself.

use std::path::PathBuf;

use muster_model::name::Version;
use muster_model::package::{Medium, Package};
use serde::{Deserialize, Serialize};

use super::Error;

/// A process to start: no shell in between.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandLine {
    /// The executable, absolute.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Whether each argument stands in the command line just so, with a space before it: installers read quotes by rules of
    /// their own. Else one element in is one argument out.
    pub verbatim: bool,
    /// The file that `program` or `arguments` name and that must be unchanged from the look to the end.
    pub medium: Option<Medium>,
    /// The log that the installer itself writes, where it was told to.
    pub own_log: Option<PathBuf>,
    /// In which start of the computer it was ordered, as `Machine::boot` tells them apart; none where nobody can tell.
    #[serde(default)]
    pub boot: Option<String>,
    /// How long it is started anew while it says that another installation is in progress.
    pub busy_limit_ms: u64,
}

impl CommandLine {
    /// One with nothing special about it.
    pub fn plain(program: PathBuf, arguments: Vec<String>) -> Self {
        Self { program, arguments, ..Self::default() }
    }

    /// The same with another path for its medium, wherever that is named.
    #[must_use]
    pub fn with_medium_at(mut self, path: &str) -> Self {
        let Some(Medium { path: named, .. }) = &self.medium else { return self };
        if self.program.to_str() == Some(named) {
            self.program = path.into();
        }
        for argument in &mut self.arguments {
            *argument = argument.replace(named.as_str(), path);
        }
        self
    }
}

/// Installed packages.
pub trait Packages {
    /// The installed version, or none.
    fn installed(&self, package: &Package) -> Result<Option<Version>, Error>;
    /// Whether something lies at that path of a medium, whatever it is; an installer says what is wrong with it.
    fn has_medium(&self, path: &str) -> Result<bool, Error>;
    /// The process that installs this version.
    fn installer(&self, package: &Package, version: &Version) -> Result<CommandLine, Error>;
    /// The process that takes the installed version off.
    fn uninstaller(&self, package: &Package) -> Result<CommandLine, Error>;
    /// What the installer itself wrote in that phase, beside its supervisor's log; none where there is nothing.
    fn log(&self, name: &str, phase: &str) -> Option<PathBuf>;
    /// What Windows Installer has begun and not ended, for whomever; none where it rests.
    fn unfinished(&self) -> Result<Option<Unfinished>, Error>;
    /// What this exit code of an installer means.
    fn exit_meaning(&self, code: i32) -> ExitMeaning;
}

/// An installation of Windows Installer that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfinished {
    /// It goes on.
    Works,
    /// Nobody works on it any more. The next installation goes on with it or takes it back.
    CutOff,
}

/// What an installer's exit code means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitMeaning {
    /// It did its work.
    Success,
    /// It did its work; Windows wants a restart.
    RestartNeeded,
    /// It did its work, and Windows goes down.
    RestartBegun,
    /// It did nothing or undid what it did, for this reason.
    Failure(String),
}
