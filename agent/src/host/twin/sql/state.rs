//! What a modelled SQL Server holds: `server.json`.
//!
//! Neighbours: `store` reads and replaces it whole, so that an effect and its line of the ledger are one. Unknown keys are
//! errors, so that a slip of a hand is seen.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use muster_model::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::host::twin::state::find;
use crate::host::{BackupFacts, DatabaseFile, SqlMessage};

/// The size of a file where nobody says one, as SQL Server's `model` has it.
pub(super) const DEFAULT_SIZE_MB: i64 = 8;

/// A modelled server, as a twin's declaration makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlDeclared {
    /// The folder of the server, beside the twin's own; several twins may name one. Its own where it is not said.
    #[serde(default)]
    pub dir: Option<String>,
    /// `SERVERPROPERTY('ProductVersion')`.
    #[serde(default = "default_version")]
    pub version: String,
    /// `SERVERPROPERTY('Edition')`.
    #[serde(default = "default_edition")]
    pub edition: String,
    /// The collation of new databases.
    #[serde(default = "default_collation")]
    pub collation: String,
    /// Where data files go.
    #[serde(default = "default_folder")]
    pub data_folder: String,
    /// Where log files go.
    #[serde(default = "default_folder")]
    pub log_folder: String,
    /// Free space.
    #[serde(default = "default_free")]
    pub free_mb: i64,
    /// Logins and what they may do; none at all lets everybody do everything.
    #[serde(default)]
    pub logins: BTreeMap<String, BTreeSet<Right>>,
    /// Databases that are there.
    #[serde(default)]
    pub databases: BTreeMap<String, DatabaseDeclared>,
    /// What batches do that the model does not understand.
    #[serde(default)]
    pub effects: Vec<SqlEffect>,
    /// How long a backup takes, and reading it back.
    #[serde(default)]
    pub backup_ms: u64,
}

/// A database, as a declaration makes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseDeclared {
    /// Its collation; the server's where it is not said.
    pub collation: Option<String>,
    /// What questions answer there.
    pub answers: BTreeMap<String, String>,
}

/// What a batch does that has this text in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlEffect {
    /// The text, whatever its case.
    pub contains: String,
    /// Questions and what they answer from then on.
    #[serde(default)]
    pub answers: BTreeMap<String, String>,
    /// How long it takes.
    #[serde(default)]
    pub takes_ms: u64,
    /// Whether the server refuses it inside a transaction.
    #[serde(default)]
    pub alone: bool,
    /// Whether it ends the transaction around it and says nothing, as a procedure does that catches its own errors.
    #[serde(default)]
    pub ends_transaction: bool,
}

fn default_version() -> String {
    "15.0.4355.3".to_owned()
}

fn default_edition() -> String {
    "Standard Edition (64-bit)".to_owned()
}

fn default_collation() -> String {
    "French_CI_AS".to_owned()
}

fn default_folder() -> String {
    r"D:\SQL\Data".to_owned()
}

fn default_free() -> i64 {
    100_000
}

/// The server as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlState {
    /// `SERVERPROPERTY('ProductVersion')`.
    pub version: String,
    /// `SERVERPROPERTY('Edition')`.
    pub edition: String,
    /// The collation of new databases.
    pub collation: String,
    /// Where data files go.
    pub data_folder: String,
    /// Where log files go.
    pub log_folder: String,
    /// Free space.
    pub free_mb: i64,
    /// Logins and what they may do.
    pub logins: BTreeMap<String, BTreeSet<Right>>,
    /// Databases, `master` among them.
    pub databases: BTreeMap<String, Database>,
    /// What batches do that the model does not understand.
    pub effects: Vec<SqlEffect>,
    /// How long a backup takes, and reading it back.
    #[serde(default)]
    pub backup_ms: u64,
    /// The history of backups, oldest first.
    #[serde(default)]
    pub backups: Vec<Backup>,
    /// What took place, oldest first.
    pub ledger: Vec<Line>,
}

/// What a login may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Make databases.
    CreateDatabase,
    /// Run batches.
    Execute,
}

/// A database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `online`, `offline` and so on.
    pub status: String,
    /// Its collation.
    pub collation: String,
    /// Its recovery model.
    pub recovery: String,
    /// Its data file.
    pub data: DatabaseFile,
    /// Its log file.
    pub log: DatabaseFile,
    /// Extended properties.
    pub properties: BTreeMap<String, String>,
    /// Tables, with how many rows each has.
    pub tables: BTreeMap<String, u64>,
    /// What questions answer.
    pub answers: BTreeMap<String, String>,
}

impl Database {
    /// An empty one with these files.
    pub(super) fn new(data: DatabaseFile, log: DatabaseFile) -> Self {
        Self {
            status: "online".to_owned(),
            collation: String::new(),
            recovery: "full".to_owned(),
            data,
            log,
            properties: BTreeMap::new(),
            tables: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Of which database.
    pub database: String,
    /// In which file.
    pub file: String,
    /// The name that the history keeps it by.
    pub name: String,
    /// What the history says of it.
    pub facts: BackupFacts,
    /// Whether its file was damaged since.
    #[serde(default)]
    pub damaged: bool,
}

/// One line of the server's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When, by the real clock.
    pub time: Timestamp,
    /// The login.
    pub by: String,
    /// What took place.
    #[serde(flatten)]
    pub happened: Happened,
}

/// What took place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Happened {
    /// A database was made.
    DatabaseCreated { database: String },
    /// A database was changed.
    DatabaseAltered { database: String, change: String },
    /// A batch took place, its mark with it where it has one.
    BatchRun { database: String, label: String, text: Digest, mark: Option<String> },
    /// A batch failed outside a transaction: what it did before its error stays.
    BatchBroken { database: String, label: String, text: Digest, error: String },
    /// A backup was made.
    BackedUp { database: String, file: String },
    /// A backup was read back and found whole.
    BackupRead { file: String },
    /// A person changed the server itself.
    SetByHand { change: String },
    /// An extended property was set.
    PropertySet { database: String, name: String, value: String },
}

impl SqlDeclared {
    /// The server as it is before anything took place.
    pub fn state(&self) -> SqlState {
        let file = |folder: &str| DatabaseFile { folder: folder.to_owned(), size_mb: DEFAULT_SIZE_MB };
        let database = |declared: &DatabaseDeclared| Database {
            collation: declared.collation.clone().unwrap_or_else(|| self.collation.clone()),
            answers: declared.answers.clone(),
            ..Database::new(file(&self.data_folder), file(&self.log_folder))
        };
        let mut databases: BTreeMap<String, Database> =
            self.databases.iter().map(|(name, declared)| (name.clone(), database(declared))).collect();
        databases.entry("master".to_owned()).or_insert_with(|| database(&DatabaseDeclared::default()));
        SqlState {
            version: self.version.clone(),
            edition: self.edition.clone(),
            collation: self.collation.clone(),
            data_folder: self.data_folder.clone(),
            log_folder: self.log_folder.clone(),
            free_mb: self.free_mb,
            logins: self.logins.clone(),
            databases,
            effects: self.effects.clone(),
            backup_ms: self.backup_ms,
            backups: Vec::new(),
            ledger: Vec::new(),
        }
    }
}

impl SqlState {
    /// Whether that login gets in, or what the server says.
    pub(super) fn admits(&self, login: &str) -> Result<(), String> {
        if self.logins.is_empty() || find(&self.logins, login).is_some() {
            return Ok(());
        }
        Err(format!("Msg 18456, Level 14, State 5: login failed for user '{login}'"))
    }

    /// Whether that login may do that.
    pub(super) fn allows(&self, login: &str, right: Right) -> bool {
        self.logins.is_empty() || find(&self.logins, login).is_some_and(|rights| rights.contains(&right))
    }

    /// Whether that database can be worked in, or what the server says.
    pub(super) fn open(&self, database: &str) -> Result<(), SqlMessage> {
        let message = |number, text: String| SqlMessage {
            number,
            severity: 16,
            state: 1,
            line: 1,
            procedure: None,
            text,
        };
        match find(&self.databases, database) {
            None => Err(message(911, format!("database '{database}' does not exist"))),
            Some(found) if found.status != "online" => Err(message(
                942,
                format!("database '{database}' cannot be opened because it is {}", found.status),
            )),
            Some(_) => Ok(()),
        }
    }
}
