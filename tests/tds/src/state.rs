//! What the server holds: databases, backups, log-ons, and a journal of every batch.
//!
//! Neighbours: `statement` changes it, stories look at it. Nothing of it outlives the process.

use std::collections::{BTreeMap, BTreeSet};

/// The server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Log-ons and their passwords.
    pub logins: BTreeMap<String, String>,
    /// What `SERVERPROPERTY` answers, by the property's name.
    pub properties: BTreeMap<String, String>,
    /// Databases.
    pub databases: BTreeMap<String, Database>,
    /// Whether log-ons see no files in `sys.master_files`, as those without `VIEW ANY DEFINITION`.
    pub hides_files: bool,
    /// Databases that AUTO_CLOSE has closed: a question inside one opens it.
    pub closed: BTreeSet<String>,
    /// Stored procedures that do nothing but fail, by their names: the number, line and text of each error.
    pub procedures: BTreeMap<String, Vec<(i32, u32, String)>>,
    /// Backups, oldest first: what msdb.dbo.backupset has of them, and what became of their files.
    pub backups: Vec<Backup>,
    /// Whether the history of backups is hidden from log-ons.
    pub hides_history: bool,
    /// Whether new backups are damaged.
    pub damages: bool,
    /// What takes time at present, by its session: the command, and how many percent of it are done.
    pub requests: BTreeMap<u32, (String, i32)>,
    /// How many percent are done of what pauses.
    pub percent: i32,
    /// Every batch, in the order of arrival.
    pub journal: Vec<Entry>,
}

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// `ONLINE`, `OFFLINE` and so on.
    pub status: String,
    /// Its collation.
    pub collation: String,
    /// `FULL`, `SIMPLE` or `BULK_LOGGED`.
    pub recovery: String,
    /// Its data file.
    pub data: DatabaseFile,
    /// Its log file.
    pub log: DatabaseFile,
    /// Extended properties of the database itself.
    pub properties: BTreeMap<String, String>,
    /// Tables, with how many rows each has.
    pub tables: BTreeMap<String, u64>,
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Of which database.
    pub database: String,
    /// In which file.
    pub file: String,
    /// Which of that file it is, from 1.
    pub position: i32,
    /// `NAME`.
    pub name: String,
    /// `DESCRIPTION`.
    pub description: String,
    /// `COPY_ONLY`.
    pub copy_only: bool,
    /// `CHECKSUM`.
    pub checksums: bool,
    /// How large it is.
    pub size_bytes: u64,
    /// Whether its file was damaged since.
    pub damaged: bool,
}

/// A file of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFile {
    /// Its name in the database.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Its size, in pages of 8 KB.
    pub pages: i32,
}

/// A batch that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which connection, from 1.
    pub session: u32,
    /// The log-on.
    pub login: String,
    /// The session's database before it.
    pub database: String,
    /// Its text.
    pub text: String,
    /// The numbers of its errors.
    pub errors: Vec<i32>,
    /// Whether the client was told of its end.
    pub answered: bool,
}

impl Default for State {
    fn default() -> Self {
        let property = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut state = Self {
            logins: BTreeMap::new(),
            properties: BTreeMap::from([
                property("productversion", "15.0.4355.3"),
                property("productmajorversion", "15"),
                property("edition", "Standard Edition (64-bit)"),
                property("collation", "French_CI_AS"),
                property("instancedefaultdatapath", r"D:\SQL\Data\"),
                property("instancedefaultlogpath", r"E:\SQL\Log\"),
            ]),
            databases: BTreeMap::new(),
            hides_files: false,
            closed: BTreeSet::new(),
            procedures: BTreeMap::new(),
            backups: Vec::new(),
            hides_history: false,
            damages: false,
            requests: BTreeMap::new(),
            percent: 40,
            journal: Vec::new(),
        };
        let master = state.new_database("master");
        state.databases.insert("master".to_owned(), master);
        state
    }
}

impl State {
    /// A server that lets this one in.
    #[must_use]
    pub fn with_login(mut self, login: &str, password: &str) -> Self {
        self.logins.insert(login.to_owned(), password.to_owned());
        self
    }

    /// A database as it is where nothing is said.
    pub(crate) fn new_database(&self, name: &str) -> Database {
        let property = |name: &str| self.properties.get(name).cloned().unwrap_or_default();
        let file = |name: String, folder: String, ending: &str| DatabaseFile {
            path: format!("{folder}{name}.{ending}"),
            name,
            pages: 1024,
        };
        Database {
            status: "ONLINE".to_owned(),
            collation: property("collation"),
            recovery: "FULL".to_owned(),
            data: file(name.to_owned(), property("instancedefaultdatapath"), "mdf"),
            log: file(format!("{name}_log"), property("instancedefaultlogpath"), "ldf"),
            properties: BTreeMap::new(),
            tables: BTreeMap::new(),
        }
    }
}

/// Finds by a name in which capitals do not count, as they do not where the collation says so.
pub(crate) fn find<'m, T>(map: &'m BTreeMap<String, T>, name: &str) -> Option<&'m T> {
    map.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The same, to change it.
pub(crate) fn find_mut<'m, T>(map: &'m mut BTreeMap<String, T>, name: &str) -> Option<&'m mut T> {
    map.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
