//! Backups: made without touching the client's own chain, read back, and found in the server's history.
//!
//! Neighbours: the parent writes names and texts.

use super::{Invalid, Row, literal, name};

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

#[cfg(test)]
mod tests {
    use super::super::row;
    use super::*;

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
}
