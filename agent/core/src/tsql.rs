//! What is said to a SQL Server in T-SQL, and how its answers are read.
//!
//! Every name and text goes into a statement through [`name`] or [`literal`], and nowhere else; what cannot be written so (a
//! collation, a number) is checked. Neighbours: the agent's Windows host sends the statements. Sources: Microsoft's pages of
//! the statements and views on learn.microsoft.com, named at each.

use thiserror::Error;

/// Pages of a file in a megabyte; a page has 8 KB (sys.database_files).
const PAGES_IN_MB: i64 = 128;

/// A value that no statement can hold, or an answer that is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Invalid {
    /// Not a collation's name.
    #[error("{0:?} is not the name of a collation")]
    Collation(String),
    /// Not a size.
    #[error("{0} MB is not the size of a file")]
    Size(i64),
    /// Not a recovery model.
    #[error("{0:?} is not a recovery model: write simple, full or bulk_logged")]
    Recovery(String),
    /// The server answered in another shape than was asked for.
    #[error("the server's answer about {0} cannot be read")]
    Answer(&'static str),
}

/// A row of an answer: its values as text, none for NULL.
pub type Row = Vec<Option<String>>;

/// A file of a database, as its server names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name within the database.
    pub name: String,
    /// Its folder.
    pub folder: String,
    /// Its size, rounded down.
    pub size_mb: i64,
}

/// What the server says of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// As in `online`.
    pub status: String,
    /// Its collation; empty while it cannot be opened.
    pub collation: String,
    /// As in `bulk_logged`.
    pub recovery: String,
}

/// A file of a new database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Its folder.
    pub folder: String,
    /// Its size; the server's default where none is given.
    pub size_mb: Option<i64>,
}

/// A name in brackets, as QUOTENAME writes it.
pub fn name(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// A text in quotation marks.
pub fn literal(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

/// The settings of a new session: sqlcmd's, which vendors write their scripts for. ANSI settings are on, QUOTED_IDENTIFIER
/// as the script needs it; a batch of its own, as it counts from the next one ("SET QUOTED_IDENTIFIER").
pub fn session_settings(quoted_identifier: bool) -> String {
    let quoted = if quoted_identifier { "ON" } else { "OFF" };
    format!(
        "SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ANSI_NULL_DFLT_ON, CONCAT_NULL_YIELDS_NULL ON;\n\
         SET QUOTED_IDENTIFIER {quoted};"
    )
}

/// Asks what there is of that name (sys.databases). [`described`] reads the answer.
pub fn describe(database: &str) -> String {
    format!(
        "SELECT state_desc, collation_name, recovery_model_desc FROM sys.databases WHERE name = {}",
        literal(database)
    )
}

/// None where there is no such database.
pub fn described(rows: &[Row]) -> Result<Option<Described>, Invalid> {
    let Some(row) = rows.first() else { return Ok(None) };
    let [Some(status), collation, Some(recovery)] = row.as_slice() else {
        return Err(Invalid::Answer("a database"));
    };
    Ok(Some(Described {
        status: status.to_lowercase(),
        collation: collation.clone().unwrap_or_default(),
        recovery: recovery.to_lowercase(),
    }))
}

/// Asks the database itself for its files (sys.database_files): everybody who is let into it sees them.
pub fn files_inside(database: &str) -> String {
    format!(
        "SELECT type, name, physical_name, size FROM {}.sys.database_files ORDER BY type, file_id",
        name(database)
    )
}

/// Asks the server for the files of a database (sys.master_files): only who may `VIEW ANY DEFINITION` or make databases sees
/// them, and whether it is open does not matter.
pub fn files_outside(database: &str) -> String {
    format!(
        "SELECT type, name, physical_name, size FROM sys.master_files WHERE database_id = DB_ID({}) ORDER BY type, file_id",
        literal(database)
    )
}

/// The first data file and the first log file; none where the server shows none.
pub fn files(rows: &[Row]) -> Result<Option<(File, File)>, Invalid> {
    let first = |wanted: &str| {
        rows.iter().find(|row| row.first().is_some_and(|kind| kind.as_deref() == Some(wanted)))
    };
    let (Some(data), Some(log)) = (first("0"), first("1")) else { return Ok(None) };
    Ok(Some((file(data)?, file(log)?)))
}

fn file(row: &Row) -> Result<File, Invalid> {
    let [_, Some(name), Some(path), Some(pages)] = row.as_slice() else {
        return Err(Invalid::Answer("a database's files"));
    };
    let pages: i64 = pages.parse().map_err(|_| Invalid::Answer("the size of a database's file"))?;
    // SQL Server for Linux writes its paths with the other stroke.
    let folder = path.rsplit_once(['\\', '/']).map_or("", |(folder, _)| folder);
    // The root of a drive keeps its stroke, without which it is something else.
    let folder = if folder.ends_with(':') { format!(r"{folder}\") } else { folder.to_owned() };
    Ok(File { name: name.clone(), folder, size_mb: pages / PAGES_IN_MB })
}

/// Asks where the server puts a data file or log file of which nobody says where (SERVERPROPERTY, since 2012).
pub fn default_folder(log: bool) -> &'static str {
    if log {
        "SELECT SERVERPROPERTY('InstanceDefaultLogPath')"
    } else {
        "SELECT SERVERPROPERTY('InstanceDefaultDataPath')"
    }
}

/// Makes a database (CREATE DATABASE). Files are both said or neither: the statement knows no `LOG ON` alone.
pub fn create(
    database: &str,
    collation: Option<&str>,
    files: Option<(&NewFile, &NewFile)>,
) -> Result<String, Invalid> {
    let mut statement = format!("CREATE DATABASE {}", name(database));
    if let Some((data, log)) = files {
        let data = file_spec(database, &format!("{database}.mdf"), data)?;
        let log = file_spec(&format!("{database}_log"), &format!("{database}_log.ldf"), log)?;
        statement.push_str(&format!(" ON PRIMARY {data} LOG ON {log}"));
    }
    if let Some(collation) = collation {
        let is_name =
            !collation.is_empty() && collation.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_name {
            return Err(Invalid::Collation(collation.to_owned()));
        }
        statement.push_str(&format!(" COLLATE {collation}"));
    }
    Ok(statement)
}

fn file_spec(logical: &str, file_name: &str, file: &NewFile) -> Result<String, Invalid> {
    let folder = file.folder.trim_end_matches(['\\', '/']);
    let stroke = if folder.starts_with('/') { '/' } else { '\\' };
    let path = literal(&format!("{folder}{stroke}{file_name}"));
    let size = file.size_mb.map(size).transpose()?.map(|size| format!(", SIZE = {size}")).unwrap_or_default();
    Ok(format!("(NAME = {}, FILENAME = {path}{size})", literal(logical)))
}

fn size(size_mb: i64) -> Result<String, Invalid> {
    if size_mb > 0 { Ok(format!("{size_mb}MB")) } else { Err(Invalid::Size(size_mb)) }
}

/// Brings a database online (ALTER DATABASE SET).
pub fn set_online(database: &str) -> String {
    format!("ALTER DATABASE {} SET ONLINE", name(database))
}

/// Sets the recovery model, written as in `bulk_logged` (ALTER DATABASE SET).
pub fn set_recovery(database: &str, model: &str) -> Result<String, Invalid> {
    let word = match model {
        "simple" => "SIMPLE",
        "full" => "FULL",
        "bulk_logged" => "BULK_LOGGED",
        other => return Err(Invalid::Recovery(other.to_owned())),
    };
    Ok(format!("ALTER DATABASE {} SET RECOVERY {word}", name(database)))
}

/// Grows a file (ALTER DATABASE MODIFY FILE).
pub fn grow(database: &str, file: &str, size_mb: i64) -> Result<String, Invalid> {
    Ok(format!(
        "ALTER DATABASE {} MODIFY FILE (NAME = {}, SIZE = {})",
        name(database),
        literal(file),
        size(size_mb)?
    ))
}

/// Asks for an extended property of a database itself (sys.extended_properties, class 0).
pub fn property(database: &str, property: &str) -> String {
    format!(
        "SELECT CAST(value AS nvarchar(4000)) FROM {}.sys.extended_properties WHERE class = 0 AND name = {}",
        name(database),
        literal(property)
    )
}

/// Sets one, whether it is there or not (sp_addextendedproperty, sp_updateextendedproperty). Named through the database: a
/// batch before it may have changed to another.
pub fn set_property(database: &str, property: &str, value: &str) -> String {
    let (database, property, value) = (name(database), literal(property), literal(value));
    format!(
        "IF EXISTS (SELECT 1 FROM {database}.sys.extended_properties WHERE class = 0 AND name = {property})\n\
         EXEC {database}.sys.sp_updateextendedproperty @name = {property}, @value = {value}\n\
         ELSE EXEC {database}.sys.sp_addextendedproperty @name = {property}, @value = {value}"
    )
}

/// Makes a backup (BACKUP). `NOINIT` keeps what is in the file of that name, and `COPY_ONLY` the chain of other backups; a
/// broken page ends it.
pub fn back_up(database: &str, file: &str, set_name: &str, description: &str) -> String {
    format!(
        "BACKUP DATABASE {} TO DISK = {} WITH COPY_ONLY, CHECKSUM, STOP_ON_ERROR, NOFORMAT, NOINIT, NOSKIP, NAME = {}, \
         DESCRIPTION = {}, STATS = 5",
        name(database),
        literal(file),
        literal(set_name),
        literal(description)
    )
}

/// Reads a backup back and restores nothing (RESTORE VERIFYONLY).
pub fn verify(file: &str, position: u32) -> String {
    format!(
        "RESTORE VERIFYONLY FROM DISK = {} WITH FILE = {position}, CHECKSUM, STOP_ON_ERROR, STATS = 5",
        literal(file)
    )
}

/// Asks the history for a backup by its name (msdb.dbo.backupset). [`recorded`] reads the answer.
pub fn backup_set(database: &str, set_name: &str) -> String {
    format!(
        "SELECT CAST(backup_set_uuid AS nvarchar(36)), CAST(position AS nvarchar(10)), CAST(backup_size AS nvarchar(25)), \
         CAST(compressed_backup_size AS nvarchar(25)), CAST(is_copy_only AS int), CAST(has_backup_checksums AS int), \
         CAST(last_lsn AS nvarchar(30)), CAST(backup_finish_date AS datetime2(0)) FROM msdb.dbo.backupset WHERE \
         database_name = {} AND name = {}",
        literal(database),
        literal(set_name)
    )
}

/// A backup, as the server's history has it (msdb.dbo.backupset).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupFacts {
    /// The identity of the backup set, a GUID.
    pub set: String,
    /// Which backup of its file it is, from 1.
    pub position: u32,
    /// How large it is, as it is stored, compressed or not.
    pub size_bytes: u64,
    /// Whether it leaves the chain of the client's own backups alone.
    pub copy_only: bool,
    /// Whether it has checksums.
    pub checksums: bool,
    /// The number after the last record of the log that it holds, at most 25 digits.
    pub last_lsn: String,
    /// When it ended, by the server's own clock and without a zone.
    pub finished: String,
}

/// None where the history has no finished backup of that name.
pub fn recorded(rows: &[Row]) -> Result<Option<BackupFacts>, Invalid> {
    let Some(row) = rows.first() else { return Ok(None) };
    let [Some(set), Some(position), Some(size), stored, copy_only, checksums, Some(last_lsn), Some(finished)] =
        row.as_slice()
    else {
        return Err(Invalid::Answer("a backup"));
    };
    let size_bytes = stored.as_deref().unwrap_or(size).parse();
    let (Ok(position), Ok(size_bytes)) = (position.parse(), size_bytes) else {
        return Err(Invalid::Answer("a backup's size or place"));
    };
    let is_so = |bit: &Option<String>| bit.as_deref() == Some("1");
    Ok(Some(BackupFacts {
        set: set.clone(),
        position,
        size_bytes,
        copy_only: is_so(copy_only),
        checksums: is_so(checksums),
        last_lsn: last_lsn.clone(),
        finished: finished.clone(),
    }))
}

/// Asks which session this is (@@SPID).
pub const SESSION: &str = "SELECT @@SPID";

/// Asks how far the statement of a session is (sys.dm_exec_requests). Without `VIEW SERVER STATE` there is no row but one's own.
pub fn percent(session: &str) -> Result<String, Invalid> {
    let session: u32 = session.parse().map_err(|_| Invalid::Answer("a session"))?;
    Ok(format!("SELECT CAST(percent_complete AS int) FROM sys.dm_exec_requests WHERE session_id = {session}"))
}

/// Begins the transaction of a batch and its mark.
pub const BEGIN: &str = "BEGIN TRANSACTION";
/// Ends it, with both.
pub const COMMIT: &str = "COMMIT TRANSACTION";
/// Ends it, with neither. Settings that a batch left behind could keep it from being carried out; they go first.
pub const ROLLBACK: &str =
    "SET NOEXEC OFF; SET PARSEONLY OFF; SET FMTONLY OFF; IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION";
/// Asks how many transactions are open. No answer at all: a batch switched off that anything is carried out.
pub const OPEN_TRANSACTIONS: &str = "SELECT @@TRANCOUNT";

/// Whether a batch ends a transaction that it did not begin. In one of Muster's it would end that, and its mark would come
/// too late; what only makes a procedure, trigger or function carries nothing out.
pub fn ends_transaction(batch: &str) -> bool {
    let words = words(batch);
    let at = |index: usize| words.get(index).map_or("", String::as_str);
    let after_create = if at(1) == "or" { 3 } else { 1 };
    let is_module = ["procedure", "proc", "trigger", "function", "view"].contains(&at(after_create));
    if matches!(at(0), "create" | "alter") && is_module {
        return false;
    }
    let mut open = 0_u32;
    for pair in words
        .windows(2)
        .map(|pair| (pair[0].as_str(), pair[1].as_str()))
        .chain(words.last().map(|last| (last.as_str(), "")))
    {
        match pair {
            ("begin", "tran" | "transaction" | "distributed") => open += 1,
            ("commit" | "rollback", _) if open == 0 => return true,
            ("commit", _) => open -= 1,
            _ => {}
        }
    }
    false
}

/// The words of a batch in small letters, without what is quoted or a comment.
fn words(batch: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut characters = batch.chars().peekable();
    while let Some(character) = characters.next() {
        let end = match (character, characters.peek()) {
            ('\'' | '"', _) => Some(character),
            ('[', _) => Some(']'),
            ('-', Some('-')) => Some('\n'),
            ('/', Some('*')) => {
                let mut depth = 1;
                characters.next();
                while let Some(inner) = characters.next().filter(|_| depth > 0) {
                    match (inner, characters.peek()) {
                        ('/', Some('*')) => depth += 1,
                        ('*', Some('/')) => depth -= 1,
                        _ => continue,
                    }
                    characters.next();
                    if depth == 0 {
                        break;
                    }
                }
                None
            }
            (letter, _) if letter.is_alphanumeric() || "_@#$".contains(letter) => {
                words.last_mut().into_iter().for_each(|word| word.extend(letter.to_lowercase()));
                continue;
            }
            _ => None,
        };
        // A doubled quotation mark only ends one text and begins the next.
        end.into_iter().for_each(|end| while characters.next().is_some_and(|inner| inner != end) {});
        if words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What a batch with a mark left of its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It is open, and the mark goes into it.
    Open,
    /// The batch ended it itself: what it did is there or not as it wanted it, and the mark comes after it.
    Ended,
    /// The batch began others and left them open.
    More,
    /// The batch switched off that anything is carried out.
    SwitchedOff,
}

/// Reads the answer to [`OPEN_TRANSACTIONS`].
pub fn left(answer: Option<&str>) -> Left {
    match answer {
        None => Left::SwitchedOff,
        Some("0") => Left::Ended,
        Some("1") => Left::Open,
        Some(_) => Left::More,
    }
}

/// A day of the calendar, counted from 0001-01-01 as SQL Server does: `2024-03-07`.
pub fn date(days: i64) -> String {
    // Years begin in March here, so that a leap day is the last of one; 400 years have 146,097 days.
    let days = days + 306;
    let (cycle, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", year + cycle * 400 + next)
}

/// A time of the day, with that many digits of a second: `07:08:09.123`.
pub fn time(nanoseconds: u64, digits: u8) -> String {
    let seconds = nanoseconds / 1_000_000_000;
    let fraction = format!("{:09}", nanoseconds % 1_000_000_000);
    let fraction = fraction.get(..usize::from(digits.min(9))).unwrap_or_default();
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{:02}:{:02}:{:02}{point}{fraction}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// An amount that is held in ten thousandths: `-1.5000`.
pub fn money(ten_thousandths: i64) -> String {
    let sign = if ten_thousandths < 0 { "-" } else { "" };
    let amount = ten_thousandths.unsigned_abs();
    format!("{sign}{}.{:04}", amount / 10_000, amount % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[&str]) -> Row {
        values.iter().map(|value| (*value != "NULL").then(|| (*value).to_owned())).collect()
    }

    #[test]
    fn names_and_texts_are_quoted_and_end_nowhere_early() {
        let evil = "a]; DROP DATABASE [b";
        assert_eq!(name(evil), "[a]]; DROP DATABASE [b]");
        assert_eq!(literal("it's N'"), "N'it''s N'''");
        assert_eq!(set_online(evil), "ALTER DATABASE [a]]; DROP DATABASE [b] SET ONLINE");
        assert!(describe("a' OR 1=1 --").ends_with("name = N'a'' OR 1=1 --'"));
        assert!(property("a]b", "M'x").contains("[a]]b].sys.extended_properties"));
        assert!(property("a]b", "M'x").ends_with("name = N'M''x'"));
        assert!(set_property("D", "p", "v'").matches("@value = N'v'''").count() == 2);
    }

    #[test]
    fn a_database_is_made_with_what_is_said_and_nothing_else() {
        assert_eq!(create("SXA", None, None).unwrap(), "CREATE DATABASE [SXA]");
        let data = NewFile { folder: r"E:\Data\".to_owned(), size_mb: Some(64) };
        let log = NewFile { folder: r"F:\Log's".to_owned(), size_mb: None };
        assert_eq!(
            create("SXA", Some("French_CI_AS"), Some((&data, &log))).unwrap(),
            r"CREATE DATABASE [SXA] ON PRIMARY (NAME = N'SXA', FILENAME = N'E:\Data\SXA.mdf', SIZE = 64MB) LOG ON (NAME = N'SXA_log', FILENAME = N'F:\Log''s\SXA_log.ldf') COLLATE French_CI_AS"
        );
        let wrong = "French_CI_AS; DROP DATABASE x";
        assert_eq!(create("SXA", Some(wrong), None), Err(Invalid::Collation(wrong.to_owned())));
        assert_eq!(grow("SXA", "SXA", 0), Err(Invalid::Size(0)));
        assert_eq!(
            grow("SXA", "SXA_log", 9).unwrap(),
            "ALTER DATABASE [SXA] MODIFY FILE (NAME = N'SXA_log', SIZE = 9MB)"
        );
        assert_eq!(
            set_recovery("SXA", "bulk_logged").unwrap(),
            "ALTER DATABASE [SXA] SET RECOVERY BULK_LOGGED"
        );
        assert!(set_recovery("SXA", "SIMPLE WITH NO_WAIT").is_err());
    }

    #[test]
    fn answers_are_read_and_others_refused() {
        assert_eq!(described(&[]), Ok(None));
        let seen = described(&[row(&["RECOVERY_PENDING", "NULL", "FULL"])]).unwrap().unwrap();
        assert_eq!((seen.status.as_str(), seen.collation.as_str()), ("recovery_pending", ""));
        assert!(described(&[row(&["ONLINE"])]).is_err());
        let rows = [
            row(&["0", "SXA", r"E:\Data\SXA.mdf", "8200"]),
            row(&["0", "more", r"G:\more.ndf", "128"]),
            row(&["1", "SXA_log", r"F:\SXA_log.ldf", "1024"]),
        ];
        let (data, log) = files(&rows).unwrap().unwrap();
        assert_eq!((data.folder.as_str(), data.size_mb), (r"E:\Data", 64));
        assert_eq!((log.folder.as_str(), log.name.as_str()), (r"F:\", "SXA_log"));
        assert_eq!(files(&rows[..1]), Ok(None), "who sees no log file sees nothing");
    }

    #[test]
    fn a_backup_keeps_what_is_there_and_is_read_back_by_its_place() {
        let made = back_up("a]b", r"E:\it's.bak", "Muster 1", "task's");
        assert!(
            made.starts_with(r"BACKUP DATABASE [a]]b] TO DISK = N'E:\it''s.bak' WITH COPY_ONLY, CHECKSUM"),
            "{made}"
        );
        assert!(
            made.contains("NOINIT") && made.contains("NAME = N'Muster 1', DESCRIPTION = N'task''s'"),
            "{made}"
        );
        assert!(verify(r"E:\a.bak", 3).contains("WITH FILE = 3, CHECKSUM"));
        assert!(backup_set("D", "M'1").ends_with("database_name = N'D' AND name = N'M''1'"));
        assert!(percent("51; DROP").is_err());
        assert_eq!(recorded(&[]), Ok(None));
        let whole = ["GUID", "1", "4096", "1024", "1", "1", "37", "2026-11-29 22:00:00"];
        let seen = recorded(&[row(&whole)]).unwrap().unwrap();
        assert_eq!((seen.size_bytes, seen.copy_only, seen.checksums), (1024, true, true));
        let plain =
            recorded(&[row(&["GUID", "2", "4096", "NULL", "0", "NULL", "37", "then"])]).unwrap().unwrap();
        assert_eq!((plain.size_bytes, plain.position), (4096, 2));
        assert!(!plain.copy_only && !plain.checksums);
        assert!(recorded(&[row(&["GUID", "1", "many", "NULL", "1", "1", "37", "then"])]).is_err());
        assert!(recorded(&[row(&["GUID", "1", "1", "NULL", "1", "1", "37", "NULL"])]).is_err());
    }

    #[test]
    fn days_times_and_amounts_are_written_as_people_do() {
        let days = [0, 58, 59, 364, 365, 693_595, 738_951, 738_950, 3_652_058].map(date);
        assert_eq!(
            days,
            [
                "0001-01-01",
                "0001-02-28",
                "0001-03-01",
                "0001-12-31",
                "0002-01-01",
                "1900-01-01",
                "2024-03-07",
                "2024-03-06",
                "9999-12-31"
            ]
        );
        assert_eq!(date(738_943), "2024-02-28");
        assert_eq!(date(738_944), "2024-02-29", "a leap day");
        assert_eq!(time(25_689_123_456_700, 7), "07:08:09.1234567");
        assert_eq!(time(0, 0), "00:00:00");
        assert_eq!([money(-15_000), money(1), money(0)], ["-1.5000", "0.0001", "0.0000"]);
    }

    #[test]
    fn a_transaction_is_open_ended_doubled_or_nobody_can_tell() {
        let left = [Some("1"), Some("0"), Some("3"), None].map(left);
        assert_eq!(left, [Left::Open, Left::Ended, Left::More, Left::SwitchedOff]);
    }

    #[test]
    fn a_batch_that_ends_what_it_did_not_begin_is_known_before_it_runs() {
        let ends = [
            "COMMIT",
            "a\nCommit Transaction",
            "BEGIN TRAN COMMIT; commit",
            "IF @@TRANCOUNT > 0 ROLLBACK",
            "BEGIN\nROLLBACK\nEND",
        ];
        ends.iter().for_each(|batch| assert!(ends_transaction(batch), "{batch}"));
        let within = [
            "BEGIN TRANSACTION INSERT T VALUES (1) IF @@ERROR <> 0 ROLLBACK ELSE COMMIT TRAN",
            "-- COMMIT\nPRINT 'COMMIT; ''ROLLBACK'' ' /* COMMIT /* x */ COMMIT */ SELECT [COMMIT] FROM T",
            "CREATE OR ALTER PROCEDURE p AS IF @@TRANCOUNT > 0 ROLLBACK",
            "ALTER TRIGGER t ON x AFTER INSERT AS ROLLBACK",
            "SELECT commit_date FROM T",
            "",
        ];
        within.iter().for_each(|batch| assert!(!ends_transaction(batch), "{batch}"));
    }
}
