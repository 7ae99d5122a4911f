//! What a supervisor leaves on the disk for one key and phase.
//!
//! `KEY.PHASE.ticket` (claimed once, never removed), `.installer` (the process), `.exit` (its end), `.log`, `.code` (the whole
//! exit code, from a process that plays an installer), and `.answers` (what the installer reads, as long as it runs).
//! Neighbours: `run` writes, `Supervisor::probe` reads. Removes answers and nothing else: a ticket that is gone would let an
//! installer start again.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::confidential::{self, Confidential};
use super::{Error, RunId, scrub};
use crate::durable;
use crate::host::process::Process;

/// The right to start, taken once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// Who took it.
    pub supervisor: Process,
    /// The program that it is for; never its arguments.
    pub program: PathBuf,
    /// In which start of the computer, where that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<String>,
    /// When.
    pub time: Timestamp,
}

/// The end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exit {
    /// The code; the negative signal where it was ended from outside.
    pub code: i32,
    /// When.
    pub time: Timestamp,
}

/// The ending of a file of answers.
const ANSWERS: &str = "answers";

/// The starts whose files of answers lie in that folder.
pub(super) fn left_answers(dir: &Path) -> Result<Vec<RunId>, Error> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("read", dir)(error)),
    };
    let mut left = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed("read", dir))?.file_name();
        let run = name.to_str().and_then(|name| name.strip_suffix(ANSWERS)?.strip_suffix('.'));
        left.extend(run.and_then(|run| run.parse::<RunId>().ok()));
    }
    Ok(left)
}

/// The records of one key and phase.
#[derive(Debug, Clone)]
pub struct Records {
    stem: PathBuf,
}

impl Records {
    /// Those in this folder.
    pub fn new(dir: &Path, run: RunId) -> Self {
        Self { stem: dir.join(run.to_string()) }
    }

    /// The ticket, where somebody took it.
    pub fn ticket(&self) -> Result<Option<Ticket>, Error> {
        read(&self.path("ticket"))
    }

    /// Takes the ticket; `false` when somebody has it.
    pub fn claim(&self, ticket: &Ticket) -> Result<bool, Error> {
        let path = self.path("ticket");
        encode(ticket).and_then(|bytes| durable::claim(&path, &bytes)).map_err(failed("write", &path))
    }

    /// The installer's process, where it was recorded.
    pub fn installer(&self) -> Result<Option<Process>, Error> {
        read(&self.path("installer"))
    }

    /// Records the installer's process.
    pub fn set_installer(&self, process: &Process) -> Result<(), Error> {
        self.set("installer", process)
    }

    /// The end, where it was recorded.
    pub fn exit(&self) -> Result<Option<Exit>, Error> {
        read(&self.path("exit"))
    }

    /// Records the end.
    pub fn set_exit(&self, exit: &Exit) -> Result<(), Error> {
        self.set("exit", exit)
    }

    /// The whole exit code, where a process that plays an installer said one.
    pub fn said_code(&self) -> Result<Option<i32>, Error> {
        read(&self.code())
    }

    /// Where such a process says it.
    pub fn code(&self) -> PathBuf {
        self.path("code")
    }

    /// The log.
    pub fn log(&self) -> PathBuf {
        self.path("log")
    }

    /// The log, to be added to.
    pub fn open_log(&self) -> Result<File, Error> {
        let path = self.log();
        OpenOptions::new().create(true).append(true).open(&path).map_err(failed("open", &path))
    }

    /// Where its file of answers lies.
    pub(super) fn answers(&self) -> PathBuf {
        self.path(ANSWERS)
    }

    /// Takes its file of answers away, where there is one.
    pub(super) fn remove_answers(&self) -> Result<(), Error> {
        let path = self.answers();
        confidential::remove_answers(&path).map_err(failed("take away", &path))
    }

    /// Takes the values out of the log, and out of the one that the installer itself wrote.
    pub(super) fn scrub(
        &self,
        confidential: &Confidential,
        own_log: Option<&Path>,
        mask: scrub::Mask,
    ) -> Result<(), Error> {
        let log = self.log();
        // Both are tried, whatever becomes of the first.
        let scrubbed = [Some(log.as_path()), own_log].map(|log| match log {
            Some(log) => {
                scrub::scrub(log, &confidential.values, mask).map_err(failed("take secrets out of", log))
            }
            None => Ok(()),
        });
        scrubbed.into_iter().collect()
    }

    fn set<T: Serialize>(&self, ending: &str, record: &T) -> Result<(), Error> {
        let path = self.path(ending);
        encode(record).and_then(|bytes| durable::replace(&path, &bytes)).map_err(failed("write", &path))
    }

    fn path(&self, ending: &str) -> PathBuf {
        durable::beside(&self.stem, ending)
    }
}

fn encode<T: Serialize>(record: &T) -> io::Result<Vec<u8>> {
    Ok(serde_json::to_vec(record)?)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    match fs::read(path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map(Some).map_err(|error| failed("read", path)(error.into()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}
