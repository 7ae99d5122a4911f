//! The twin's own ledger: one fsynced line of JSON per effect. Tests count by it what really happened.
//!
//! Neighbours: `store` appends within its lock, tests and `twin show --ledger` read. Never rewritten; only a last line
//! that a crash cut short is taken off, because its effect never took place.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use jiff::Timestamp;
use muster_model::digest::Digest;
use muster_model::name::Version;
use serde::{Deserialize, Serialize};

use super::fault::{Operation, Strike};
use crate::host::{Access, StartMode};

/// The ledger's file.
pub const LEDGER: &str = "ledger.jsonl";

/// The last lines that are read to find the last one; a line is a few hundred bytes.
const TAIL_BYTES: u64 = 256 * 1024;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, by the real clock.
    pub time: Timestamp,
    /// Who caused it: `agent`, `installer RUN`, `hand`.
    pub by: String,
    /// What took place.
    #[serde(flatten)]
    pub deed: Deed,
    /// The digest of the `state.json` that it makes, where it makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Digest>,
}

/// What an installer is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// To put the package on.
    Install,
    /// To take it off.
    Uninstall,
}

/// What took place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Deed {
    /// The twin was made.
    Made { host_name: String },
    /// An installer's process began its work.
    InstallerStarted { package: String, version: Version, action: Action, arguments: Vec<String>, pid: u32 },
    /// An installer's process is about to exit.
    InstallerEnded { package: String, action: Action, code: i32, reason: String },
    /// A staged installer made one piece.
    PieceMade { package: String, piece: String },
    /// A package came, with all that it makes, or is complete now.
    PackageInstalled { package: String, version: Version },
    /// A package went, with all that it made.
    PackageRemoved { package: String, version: Version },
    /// A service was made.
    ServiceCreated { service: String, command_line: String },
    /// A service was taken away.
    ServiceRemoved { service: String },
    /// What Windows starts for a service was set.
    ServiceCommandLineSet { service: String, command_line: String },
    /// A service was told to start.
    ServiceStarted { service: String },
    /// A service was stopped.
    ServiceStopped { service: String },
    /// A service's start mode was set.
    ServiceStartSet { service: String, start: StartMode },
    /// A service was given an account to log on as, with or without a password.
    ServiceLogonSet { service: String, account: String },
    /// A pool was made with IIS's defaults.
    PoolCreated { pool: String },
    /// Settings of a pool were set.
    PoolSet { pool: String, settings: BTreeMap<String, String> },
    /// A pool got new worker processes.
    PoolRecycled { pool: String },
    /// A pool was stopped.
    PoolStopped { pool: String },
    /// A pool was started.
    PoolStarted { pool: String },
    /// A file was written whole.
    FileWritten { path: String, content: Digest },
    /// An account was given access.
    RightGranted { path: String, account: String, access: Access },
    /// An account's access was taken away.
    RightRevoked { path: String, account: String },
    /// A thing was made, changed or taken away, attribute by attribute.
    Altered { thing: String, name: String, changes: BTreeMap<String, String> },
    /// A fault struck.
    FaultStruck { operation: Operation, target: String, strike: Strike },
    /// The computer went down and came up again.
    Rebooted { boots: u32 },
    /// A person changed the server, through `twin set`.
    SetByHand { thing: String, name: String, change: String },
}

impl Deed {
    /// One attribute of a thing was set.
    pub fn altered(thing: &str, name: &str, attribute: &str, value: &str) -> Self {
        let changes = BTreeMap::from([(attribute.to_owned(), value.to_owned())]);
        Self::Altered { thing: thing.to_owned(), name: name.to_owned(), changes }
    }
}

/// Appends a line and has the disk take it.
pub(super) fn append(path: &Path, entry: &Entry) -> io::Result<()> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(&line)?;
    file.sync_all()
}

/// Takes off a last line that was cut short, and gives the last whole one.
pub(super) fn repair(path: &Path) -> io::Result<Option<Entry>> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |index| index + 1);
    if whole < tail.len() {
        file.set_len(from + whole as u64)?;
        file.sync_all()?;
    }
    let last = tail.get(..whole.saturating_sub(1)).unwrap_or_default();
    let last = last.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    if last.is_empty() { Ok(None) } else { Ok(Some(serde_json::from_slice(last)?)) }
}

/// Every whole line, oldest first.
pub fn read(twin: &Path) -> io::Result<Vec<Entry>> {
    let text = fs::read_to_string(twin.join(LEDGER))?;
    let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
    whole.lines().map(|line| serde_json::from_str(line).map_err(io::Error::from)).collect()
}

/// Makes an empty ledger.
pub(super) fn create(path: &Path) -> io::Result<()> {
    File::create_new(path)?.sync_all()
}
