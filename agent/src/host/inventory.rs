//! The port to what a server is and who works on it: versions, space, rights, sessions, listeners (G1, G4, G6).
//!
//! Neighbours: `resource::preflight` asks it. Says what is and changes nothing. What a host cannot tell is
//! [`Error::CannotTell`](super::Error), which is never taken for a good answer.

use super::Error;

/// What the computer is, and what goes on there.
pub trait Inventory {
    /// The version of Windows: major, minor and build, as in 10.0.17763.
    fn windows_version(&self) -> Result<String, Error>;
    /// Whether Windows is a 64-bit one.
    fn windows_64bit(&self) -> Result<bool, Error>;
    /// The version of IIS, as in 10.0; none where it is not installed.
    fn iis_version(&self) -> Result<Option<String>, Error>;
    /// The version of the .NET Framework 4, as in 4.7.2; none where it is older than 4.5 or not installed.
    fn net_framework_version(&self) -> Result<Option<String>, Error>;
    /// The computer's memory.
    fn memory_bytes(&self) -> Result<u64, Error>;
    /// The free space where that folder lies or would lie, as this process may use it; none where there is no such drive.
    fn free_bytes(&self, folder: &str) -> Result<Option<u64>, Error>;
    /// What waits for a restart of Windows, in words; empty where nothing does.
    fn pending_reboot(&self) -> Result<Vec<String>, Error>;
    /// Whether this process has the rights of an administrator.
    fn elevated(&self) -> Result<bool, Error>;
    /// Whether that account is in the local group of administrators, itself or by a group.
    fn is_local_administrator(&self, account: &str) -> Result<bool, Error>;
    /// Who is logged on, and what each has open. Services are nobody's session.
    fn sessions(&self) -> Result<Vec<LogOn>, Error>;
    /// What listens on TCP, each port once per program.
    fn listeners(&self) -> Result<Vec<Listener>, Error>;
}

/// A person's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOn {
    /// The account, as in `DUPONT\anne`.
    pub account: String,
    /// The programs that it has open, as in `mmc.exe`.
    pub programs: Vec<String>,
}

/// A program that listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// The TCP port.
    pub port: u16,
    /// Who listens.
    pub by: Owner,
}

/// Who listens on a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// HTTP.SYS, for sites of IIS or for a program that asked it to.
    HttpSys,
    /// A Windows service, by its key name.
    Service(String),
    /// A program, by its file's name.
    Program(String),
    /// Somebody whose name this process may not see.
    Unnamed,
}
