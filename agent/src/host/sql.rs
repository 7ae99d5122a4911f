//! The port to SQL Server: databases, sessions in which batches run, and backups.
//!
//! Neighbours: `resource::sql_database`, `engine::sql` and `engine::sql_backup` call it. Reached over the network from the
//! server that the agent stands on; whether another agent stands beside the SQL Server makes no difference.

use std::ops::ControlFlow;

pub use muster_agent_core::tsql::BackupFacts;
use muster_model::manifest::Endpoint;

use super::Error;

/// What the server says of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// `online`, `offline`, `restoring`, `suspect` and so on, in small letters.
    pub status: String,
    /// Its collation.
    pub collation: String,
    /// `simple`, `full` or `bulk_logged`.
    pub recovery: String,
    /// Its first data file.
    pub data: DatabaseFile,
    /// Its first log file.
    pub log: DatabaseFile,
}

/// A file of a database.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseFile {
    /// Its folder on the SQL Server.
    pub folder: String,
    /// Its size.
    pub size_mb: i64,
}

/// What a new database is made with; what is not said is the server's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewDatabase {
    /// Its collation.
    pub collation: Option<String>,
    /// The folder of its data file.
    pub data_folder: Option<String>,
    /// The size of its data file.
    pub data_size_mb: Option<i64>,
    /// The folder of its log file.
    pub log_folder: Option<String>,
    /// The size of its log file.
    pub log_size_mb: Option<i64>,
}

/// One change of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseChange {
    /// Bring it online.
    Online,
    /// `simple`, `full` or `bulk_logged`.
    Recovery(String),
    /// Grow its data file to this size.
    DataSizeMb(i64),
    /// Grow its log file to this size.
    LogSizeMb(i64),
}

/// SQL Server. Its endpoint says where it is and who logs on; without a login the agent does as whoever it runs as.
pub trait SqlServer {
    /// What there is of that name, or none.
    fn database(&self, server: &Endpoint, name: &str) -> Result<Option<DatabaseFacts>, Error>;
    /// Makes a database.
    fn create_database(&self, server: &Endpoint, name: &str, new: &NewDatabase) -> Result<(), Error>;
    /// Makes one change, and no other.
    fn alter_database(&self, server: &Endpoint, name: &str, change: &DatabaseChange) -> Result<(), Error>;
    /// Opens a session in a database, with QUOTED_IDENTIFIER as said and ANSI settings on.
    fn connect(
        &self,
        server: &Endpoint,
        database: &str,
        quoted_identifier: bool,
    ) -> Result<Box<dyn SqlSession + '_>, Error>;
    /// Opens a session in which backups are made and read back.
    fn backups<'s>(&'s self, server: &'s Endpoint) -> Result<Box<dyn SqlBackups + 's>, Error>;
}

/// A backup to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBackup {
    /// The database.
    pub database: String,
    /// The file, as the SQL Server sees it. What is in one of that name is kept.
    pub file: String,
    /// The name that the server's history keeps it by, at most 128 characters.
    pub name: String,
    /// What the history says of it besides, at most 255 characters.
    pub description: String,
}

/// How far a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlProgress {
    /// In percent, where the server tells.
    pub percent: Option<u8>,
    /// How long it lasted since the last look.
    pub waited_ms: u64,
}

/// Hears of a statement again and again while it runs; a break gives it up, as a connection that is lost does.
pub type Watch<'w> = dyn FnMut(SqlProgress) -> ControlFlow<()> + 'w;

/// A session for backups. None of these stands in a transaction.
pub trait SqlBackups {
    /// What the server's history has of the backup of that database by that name, or none.
    fn recorded(&mut self, database: &str, name: &str) -> Result<Option<BackupFacts>, SqlError>;
    /// Makes one, COPY_ONLY with CHECKSUM, and lets stand what is in its file already.
    fn back_up(&mut self, backup: &NewBackup, watch: &mut Watch<'_>) -> Result<(), SqlError>;
    /// Reads the backup at that place of a file, WITH CHECKSUM, and restores nothing.
    fn verify(&mut self, file: &str, position: u32, watch: &mut Watch<'_>) -> Result<(), SqlError>;
}

/// A session. Temporary tables and settings last as long as it does.
pub trait SqlSession {
    /// Runs one batch and gives what it printed.
    fn execute(&mut self, batch: &SqlBatch<'_>) -> Result<Vec<String>, SqlError>;
    /// Runs one batch outside any transaction to its end, whatever of it fails: a statement that fails does not stop those after it
    /// unless the server has it so.
    ///
    /// # Errors
    /// Where the connection breaks, or the batch leaves the session so that nothing can go on in it.
    fn pass(&mut self, text: &str, label: &str) -> Result<SqlPassed, SqlError>;
    /// The text of an extended property of the session's database, or none.
    fn property(&mut self, name: &str) -> Result<Option<String>, SqlError>;
    /// Sets an extended property of the session's database.
    fn set_property(&mut self, name: &str, value: &str) -> Result<(), SqlError>;
    /// The first value of the first row of a question, as text; none for NULL or no row.
    fn scalar(&mut self, query: &str) -> Result<Option<String>, SqlError>;
}

/// A batch to run.
#[derive(Debug, Clone, Copy)]
pub struct SqlBatch<'a> {
    /// Its text.
    pub text: &'a str,
    /// Which it is, as in `0400_alter.sql#9`, for logs.
    pub label: &'a str,
    /// An extended property and its value, set in one transaction with the batch: both or neither; where the batch ends that
    /// itself, its property is not set. None runs the batch outside any transaction.
    pub mark: Option<(&'a str, &'a str)>,
}

/// What came of a batch whose errors stop nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SqlPassed {
    /// What it printed.
    pub printed: Vec<String>,
    /// Its errors, in the server's order.
    pub errors: Vec<SqlMessage>,
}

/// Why a batch or question came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// The server refused or gave up; a transaction was rolled back.
    #[error("{0}")]
    Server(SqlMessage),
    /// The connection broke: whether it took place is not known from here.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The batch went through and ended the transaction that it was to share with its mark, without a word: which of its statements
    /// stay is not known from here, and its mark is not set.
    #[error("it ended the transaction around it without an error")]
    Ended,
}

/// A message of the server, as it says it.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("Msg {number}, Level {severity}, State {state}{}: {text}", self.within())]
pub struct SqlMessage {
    /// Its number.
    pub number: i32,
    /// Its severity; above 10 the batch failed.
    pub severity: u8,
    /// Its state.
    pub state: u8,
    /// The line in the batch, from 1, or in the procedure.
    pub line: u32,
    /// The procedure, trigger or function in which it was raised, where it is not the batch itself.
    pub procedure: Option<String>,
    /// What it says.
    pub text: String,
}

impl SqlMessage {
    /// One that no server sent, at the batch's beginning: numbers from 50000 on are free for that.
    pub fn own(text: impl Into<String>) -> Self {
        Self { number: 50_000, severity: 16, state: 1, line: 1, procedure: None, text: text.into() }
    }

    /// The line of the batch that it is about: what a procedure says is about the batch as a whole, as nothing tells which line called.
    pub fn line_of_batch(&self) -> u32 {
        if self.procedure.is_some() { 1 } else { self.line }
    }

    fn within(&self) -> String {
        let within = |procedure| format!(", Procedure {procedure}, Line {}", self.line);
        self.procedure.as_ref().map(within).unwrap_or_default()
    }

    /// Whether a script may go on after it: the server's own trouble begins at severity 19 ("Database Engine error severities").
    pub fn is_the_script_s_own(&self) -> bool {
        self.severity <= 18
    }

    /// Whether it says that the statement may not stand in a transaction (226, 574, 3021, 15002).
    pub fn refuses_transaction(&self) -> bool {
        matches!(self.number, 226 | 574 | 3021 | 15002)
    }

    /// Whether it says that what a batch called has ended the transaction around it: the count of transactions fell to 0 within a
    /// procedure (266, whose last number is the count), or there was none to end any more (3902, 3903).
    pub fn ended_transaction(&self) -> bool {
        let count = self.text.rsplit(|c: char| !c.is_ascii_digit()).find(|digits| !digits.is_empty());
        match self.number {
            266 => count.is_none_or(|count| count.bytes().all(|digit| digit == b'0')),
            3902 | 3903 => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_procedure_says_is_told_with_its_own_line_and_at_none_of_the_batch() {
        let message = SqlMessage {
            number: 547,
            severity: 16,
            state: 0,
            line: 40,
            procedure: Some("dbo.Post".to_owned()),
            text: "it conflicted".to_owned(),
        };
        assert_eq!(
            message.to_string(),
            "Msg 547, Level 16, State 0, Procedure dbo.Post, Line 40: it conflicted"
        );
        assert_eq!(message.line_of_batch(), 1);
        assert_eq!(SqlMessage { procedure: None, ..message }.line_of_batch(), 40);
    }

    #[test]
    fn a_transaction_that_a_procedure_ended_is_told_from_one_that_it_left_open() {
        let count = |count| {
            format!(
                "Transaction count after EXECUTE indicates a mismatching number of BEGIN and COMMIT statements. Previous count = 1, \
                 current count = {count}."
            )
        };
        let message = |number, text: &str| SqlMessage {
            number,
            severity: 16,
            state: 2,
            line: 1,
            text: text.to_owned(),
            procedure: None,
        };
        assert!(message(266, &count(0)).ended_transaction());
        assert!(
            !message(266, &count(2)).ended_transaction() && !message(266, &count(10)).ended_transaction()
        );
        assert!(message(266, "in words of another language").ended_transaction());
        assert!(message(3902, "no corresponding BEGIN").ended_transaction());
        assert!(message(3903, "no corresponding BEGIN").ended_transaction());
        assert!(!message(2627, &count(0)).ended_transaction());
    }
}
