//! Backups of databases: made once for each attempt, in a file that bears its key, and read back (G1).
//!
//! The server's own history, by that key, says whether the backup took place, so that an attempt that was cut off is settled by
//! looking and never by a second backup. What the history does not know is unknown. Reading back changes nothing and is
//! repeated. Neighbours: `host::SqlBackups` does the work, `patience` waits. Never writes over a file and never removes one.

use std::cell::Cell;
use std::fmt::Display;
use std::ops::ControlFlow;

use muster_model::limits;
use muster_model::manifest::Endpoint;
use muster_model::outcome::{End, StepKey};
use muster_model::value::Value;

use super::ending::{Ending, Halt, failed, of_work};
use super::patience::{Patience, Stopped};
use super::{Engine, Error, Task};
use crate::crash;
use crate::host::{self, BackupFacts, NewBackup, SqlBackups, SqlError, SqlProgress};
use crate::resource::{self, sql_database};

/// Bytes in a megabyte, as people read sizes.
const MB_BYTES: u64 = 1024 * 1024;

/// A step under way.
struct Work<'a> {
    engine: &'a Engine,
    task: &'a Task,
    endpoint: &'a Endpoint,
    database: &'a str,
    /// The database and its server, in words.
    place: String,
    patience: Patience<'a>,
    left_ms: Cell<u64>,
    stopped: Cell<Option<Stopped>>,
}

impl Engine {
    /// Makes the backup unless the server knows it already, and reads it back.
    pub(super) fn sql_backup(&self, task: &Task) -> Result<Ending, Error> {
        let (endpoint, database) = match sql_database::named(&task.node) {
            Ok(named) => named,
            Err(error) => return Ok(Ending::new(End::Failed, format!("{error}; nothing was done"))),
        };
        let default_seconds = limits::SQL_BACKUP_TIME_LIMIT_SECONDS;
        let work = Work {
            engine: self,
            task,
            endpoint,
            database,
            place: format!("{database} on {}", endpoint.address),
            patience: self.patience(task, "the backup is under way"),
            left_ms: Cell::new(resource::seconds_ms(&task.node, "time_limit_seconds", default_seconds)),
            stopped: Cell::new(None),
        };
        Ok(of_work(work.run(), &task.step.rows)?)
    }
}

impl Work<'_> {
    fn run(&self) -> Result<String, Halt> {
        // An earlier attempt of this plan that nobody saw end: what it made is looked for before anything else is made.
        for key in self.earlier() {
            let backup = self.backup(key);
            let facts = match self.known(&backup)? {
                Some(facts) => facts,
                None if self.task.restart => continue,
                None => return Err(self.undecided(&backup, "an earlier attempt was cut off")),
            };
            match self.verify(&backup, &facts) {
                Err(Halt::Ends(_)) => {}
                verified => return verified,
            }
        }
        let backup = self.backup(self.task.ticket.key);
        let facts = match self.known(&backup)? {
            Some(facts) => facts,
            None if self.task.interrupted => {
                return Err(self.undecided(&backup, "the agent ended while it was made"));
            }
            None => self.make(&backup)?,
        };
        self.verify(&backup, &facts)
    }

    fn earlier(&self) -> Vec<StepKey> {
        let unsettled = self.engine.unsettled(&self.task.node.id).into_iter();
        let of_this = unsettled.filter(|(_, plan)| *plan == self.task.plan);
        of_this.map(|(key, _)| key).collect()
    }

    /// The backup of an attempt: no other has its file or its name.
    fn backup(&self, key: StepKey) -> NewBackup {
        let folder = self.task.node.attributes.get("folder").and_then(Value::as_text).unwrap_or_default();
        let Self { task, database, .. } = self;
        NewBackup {
            database: (*database).to_owned(),
            file: format!(r"{}\{database}_muster_{key}.bak", folder.trim_end_matches('\\')),
            name: format!("Muster {key}"),
            description: format!("{}, plan {}", task.node.id, &task.plan.to_string()[..16]),
        }
    }

    fn session(&self) -> Result<Box<dyn SqlBackups + '_>, host::Error> {
        self.engine.host.sql().backups(self.endpoint)
    }

    /// What the server's history says of this very backup.
    fn recorded(&self, backup: &NewBackup) -> Result<Option<BackupFacts>, String> {
        let mut session = self.session().map_err(|error| error.to_string())?;
        session.recorded(&backup.database, &backup.name).map_err(|error| error.to_string())
    }

    /// The same before anything is begun: where it cannot be asked, nothing is.
    fn known(&self, backup: &NewBackup) -> Result<Option<BackupFacts>, Halt> {
        self.recorded(backup).map_err(|problem| {
            if self.task.interrupted {
                self.undecided(backup, &problem)
            } else {
                failed(format!("{problem}; no backup was begun"))
            }
        })
    }

    /// Makes it; gives what the server's history says of it then.
    fn make(&self, backup: &NewBackup) -> Result<BackupFacts, Halt> {
        let mut session = self.session().map_err(|error| failed(format!("{error}; no backup was begun")))?;
        self.engine.progress(self.task, format!("backing {} up to {}", self.place, backup.file));
        let made = session.back_up(backup, &mut |progress| self.look("backing up", progress));
        drop(session);
        crash::point("effect.after");
        if let Some(stopped) = self.stopped.get() {
            return Err(Halt::Stopped(stopped));
        }
        let lost = match made {
            Ok(()) => "the server said that it was made".to_owned(),
            Err(SqlError::Server(message)) => {
                return Err(failed(format!(
                    "{}: {message}; what may lie in {} is no backup",
                    self.place, backup.file
                )));
            }
            Err(SqlError::Lost(_)) if self.left_ms.get() == 0 => {
                "it took longer than its time limit".to_owned()
            }
            Err(lost @ (SqlError::Lost(_) | SqlError::Ended)) => lost.to_string(),
        };
        // One whose answer was lost may have ended well all the same.
        match self.recorded(backup) {
            Ok(Some(facts)) => Ok(facts),
            Ok(None) => Err(self.undecided(backup, &lost)),
            Err(problem) => Err(self.undecided(backup, &format!("{lost}; {problem}"))),
        }
    }

    /// Reads it back, as it is made only then; gives the evidence.
    fn verify(&self, backup: &NewBackup, facts: &BackupFacts) -> Result<String, Halt> {
        if !facts.copy_only || !facts.checksums {
            let problem = "by the server's history it was not made with both COPY_ONLY and CHECKSUM, as it was asked to";
            return Err(self.unverified(backup, &problem));
        }
        let mut session = self.session().map_err(|error| self.unverified(backup, &error))?;
        self.engine.progress(self.task, format!("reading {} back", backup.file));
        let verified =
            session.verify(&backup.file, facts.position, &mut |progress| self.look("reading back", progress));
        match (self.stopped.get(), verified) {
            (Some(stopped), _) => Err(Halt::Stopped(stopped)),
            (None, Ok(())) => Ok(self.evidence(backup, facts)),
            (None, Err(SqlError::Lost(_))) if self.left_ms.get() == 0 => {
                Err(self.unverified(backup, &"it took longer than its time limit"))
            }
            (None, Err(error)) => Err(self.unverified(backup, &error)),
        }
    }

    /// One look at a statement that runs: told where it says how far it is, given up where its time is over.
    fn look(&self, what: &str, progress: SqlProgress) -> ControlFlow<()> {
        let SqlProgress { percent, waited_ms } = progress;
        if let Some(percent) = percent {
            self.engine.progress(self.task, format!("{what}, {percent} percent"));
        }
        self.left_ms.set(self.left_ms.get().saturating_sub(waited_ms));
        match self.patience.waited(waited_ms) {
            Err(stopped) => {
                self.stopped.set(Some(stopped));
                ControlFlow::Break(())
            }
            Ok(()) if self.left_ms.get() == 0 => ControlFlow::Break(()),
            Ok(()) => ControlFlow::Continue(()),
        }
    }

    /// What a receipt can be made from.
    fn evidence(&self, backup: &NewBackup, facts: &BackupFacts) -> String {
        let BackupFacts { size_bytes, set, last_lsn, finished, .. } = facts;
        format!(
            "{} is in {} ({} MB, {size_bytes} bytes), finished {finished} by its server's clock, COPY_ONLY with CHECKSUM by its \
             server's history, and read back whole by RESTORE VERIFYONLY WITH CHECKSUM; backup set {set}, last LSN {last_lsn}",
            self.place,
            backup.file,
            size_bytes.div_ceil(MB_BYTES)
        )
    }

    fn unverified(&self, backup: &NewBackup, problem: &dyn Display) -> Halt {
        failed(format!(
            "{} was backed up to {} and not read back whole: {problem}; do not rely on that file. Run anew, this makes another",
            self.place, backup.file
        ))
    }

    /// The end where nobody knows whether the backup was made. Another attempt has a key and a file of its own.
    fn undecided(&self, backup: &NewBackup, why: &str) -> Halt {
        let NewBackup { file, name, .. } = backup;
        Halt::Ends(Ending::new(
            End::Unknown,
            format!(
                "whether {} was backed up to {file} is not known: {why}. It may still be under way: look for BACKUP DATABASE in \
                 sys.dm_exec_requests. Once it has ended, resume with --restart {}: where its server's history has it, as '{name}' \
                 in msdb.dbo.backupset, it is read back and counts; otherwise another one is made, in another file",
                self.place, self.task.step.number
            ),
        ))
    }
}
