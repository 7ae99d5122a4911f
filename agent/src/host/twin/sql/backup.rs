//! Backups on a modelled server: its history, and what reading one back says.
//!
//! Neighbours: `state` holds the history, `connection` strikes faults. A backup has no content: its size is that of the
//! database's files, and a hand may call it damaged.

use std::ops::ControlFlow;
use std::time::Duration;

use muster_model::digest::Digest;

use super::connection::{Connection, lost};
use super::state::{Backup, Database, Happened, Right, SqlState};
use crate::host::clock::SystemClock;
use crate::host::twin::fault::{Moment, Operation};
use crate::host::twin::state::find;
use crate::host::{BackupFacts, Clock as _, NewBackup, SqlBackups, SqlError, SqlMessage, SqlProgress, Watch};

const MB_BYTES: u64 = 1024 * 1024;
/// Looks at a statement while it runs.
const LOOKS: u8 = 4;

/// A session for backups.
pub(super) struct Backups<'t>(pub(super) Connection<'t>);

impl Backups<'_> {
    /// Whose backups a file holds; nobody's where there is no such file.
    fn database_of(&self, file: &str) -> Result<String, SqlError> {
        let section = self.0.lock()?;
        let first = section.state().backups.iter().find(|backup| backup.file == file);
        Ok(first.map(|backup| backup.database.clone()).unwrap_or_default())
    }

    /// Lets a statement take its time, without holding the server meanwhile.
    fn take_time(&self, watch: &mut Watch<'_>) -> Result<(), SqlError> {
        let pause_ms = self.0.lock()?.state().backup_ms / u64::from(LOOKS);
        for look in 1..=LOOKS {
            std::thread::sleep(Duration::from_millis(pause_ms));
            let progress = SqlProgress { percent: Some(100 / LOOKS * look), waited_ms: pause_ms };
            if let ControlFlow::Break(()) = watch(progress) {
                return Err(SqlError::Lost("it was given up".to_owned()));
            }
        }
        Ok(())
    }
}

impl SqlBackups for Backups<'_> {
    fn recorded(&mut self, database: &str, name: &str) -> Result<Option<BackupFacts>, SqlError> {
        self.0.strike(Operation::SqlQuery, "msdb", Moment::Before)?;
        let section = self.0.lock()?;
        let known = section.state().backups.iter();
        let mut known = known.filter(|backup| backup.database.eq_ignore_ascii_case(database));
        Ok(known.find(|backup| backup.name == name).map(|backup| backup.facts.clone()))
    }

    fn back_up(&mut self, backup: &NewBackup, watch: &mut Watch<'_>) -> Result<(), SqlError> {
        let NewBackup { database, file, name, description: _ } = backup;
        self.0.strike(Operation::SqlBackUp, database, Moment::Before)?;
        self.take_time(watch)?;
        let mut section = self.0.lock()?;
        let state = section.state();
        state.open(database).map_err(SqlError::Server)?;
        if !state.allows(&self.0.login, Right::Execute) {
            let text = format!("BACKUP DATABASE permission denied in database '{database}'");
            return Err(SqlError::Server(SqlMessage {
                number: 262,
                severity: 14,
                state: 1,
                line: 1,
                procedure: None,
                text,
            }));
        }
        let facts = find(&state.databases, database).map(|there| facts(state, there, backup));
        let made = facts.map(|facts| Backup {
            database: database.clone(),
            file: file.clone(),
            name: name.clone(),
            facts,
            damaged: false,
        });
        let happened = Happened::BackedUp { database: database.clone(), file: file.clone() };
        let committed = section.commit(&self.0.login, happened, |state| state.backups.extend(made));
        committed.map_err(|error| lost(&error.into()))?;
        drop(section);
        self.0.strike(Operation::SqlBackUp, database, Moment::After)
    }

    fn verify(&mut self, file: &str, position: u32, watch: &mut Watch<'_>) -> Result<(), SqlError> {
        let database = self.database_of(file)?;
        self.0.strike(Operation::SqlVerify, &database, Moment::Before)?;
        self.take_time(watch)?;
        let mut section = self.0.lock()?;
        let mut known = section.state().backups.iter();
        let known = known.find(|backup| backup.file == file && backup.facts.position == position);
        let message = |number, text: &str| {
            Err(SqlError::Server(SqlMessage {
                number,
                severity: 16,
                state: 1,
                line: 1,
                procedure: None,
                text: text.to_owned(),
            }))
        };
        match known {
            None => return message(3201, "cannot open backup device: operating system error 2"),
            Some(Backup { damaged: true, .. }) => {
                return message(3189, "damage to the backup set was detected");
            }
            Some(_) => {}
        }
        let happened = Happened::BackupRead { file: file.to_owned() };
        section.commit(&self.0.login, happened, |_| {}).map_err(|error| lost(&error.into()))?;
        drop(section);
        self.0.strike(Operation::SqlVerify, &database, Moment::After)
    }
}

/// What the history says of a new backup.
fn facts(state: &SqlState, database: &Database, backup: &NewBackup) -> BackupFacts {
    let before = state.backups.iter().filter(|known| known.file == backup.file).count();
    let size_mb = u64::try_from(database.data.size_mb).unwrap_or_default();
    BackupFacts {
        set: Digest::of(backup.name.as_bytes()).to_string()[..32].to_owned(),
        position: u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1),
        size_bytes: size_mb * MB_BYTES,
        copy_only: true,
        checksums: true,
        last_lsn: format!("{}", state.ledger.len()),
        finished: SystemClock.now().to_string(),
    }
}
