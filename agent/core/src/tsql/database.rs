//! Databases: what there is, how one is made, brought online and grown.
//!
//! Neighbours: the parent writes names and texts.

use super::{Invalid, Row, literal, name};

/// Pages of a file in a megabyte; a page has 8 KB (sys.database_files).
const PAGES_IN_MB: i64 = 128;

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
    /// Its collation; empty while it cannot be opened, or AUTO_CLOSE has closed it.
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

#[cfg(test)]
mod tests {
    use super::super::row;
    use super::*;

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
}
