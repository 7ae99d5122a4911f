//! The twin's folder: one lock, every change whole, every effect in the ledger.
//!
//! A change goes: lock; write the new state beside the old and fsync it; append the ledger's line, which names the new
//! state's digest, and fsync it; rename the new state into place; fsync the folder. **The ledger's line is the moment of
//! the effect.** A process killed before it has had none: the next one to lock finds a state beside that no line names
//! and removes it. One killed after it has: the next one finishes the rename. So the ledger holds a line for each effect
//! and an effect for each line, which is what makes it an oracle. Written after the change, a crash between the two would
//! leave an effect that nobody counts; written before without the digest, a line whose effect never came.
//!
//! Neighbours: the ports, `installer` and `cli` work in a [`Section`]. Never repairs a state that a person broke.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use muster_model::digest::Digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::catalogue::Catalogue;
use super::fault::{Fault, InvalidFault, Moment, Operation, Strike};
use super::ledger::{self, Deed, Entry, LEDGER};
use super::state::State;
use crate::durable;
use crate::host::Clock;
use crate::host::clock::SystemClock;
use crate::host::process::Process;
use crate::os;

/// The state's file.
pub const STATE: &str = "state.json";
const NEXT: &str = "state.json.next";
const CATALOGUE: &str = "catalogue.json";
/// The faults' file.
pub const FAULTS: &str = "faults.json";
const LOCK: &str = "lock";
const PROCESSES: &str = "processes.json";

/// How often a hanging operation looks whether its fault was cleared.
const HANG_POLL_MS: u64 = 20;

/// Why the twin could not be used.
#[derive(Debug, Error)]
pub enum Error {
    /// There is none.
    #[error("{dir} holds no twin; make one with: muster-agent twin init --dir {dir} --from TWIN.yaml", dir = .0.display())]
    NoTwin(PathBuf),
    /// There is one already.
    #[error("{dir} holds a twin already, which is never overwritten; remove the folder first, or name another", dir = .0.display())]
    Exists(PathBuf),
    /// A file could not be read or written.
    #[error("cannot {action} {path}", path = .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file does not say what it should; hand edits make such.
    #[error("{path}:{line}:{column} is not right, and was left as it is: mend it by hand", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A fault makes no sense.
    #[error("{path}", path = .path.display())]
    Fault {
        /// The file.
        path: PathBuf,
        /// Why.
        source: InvalidFault,
    },
}

/// What became of an operation that a fault struck.
#[derive(Debug)]
pub enum Struck {
    /// It goes on; some faults only alter it.
    GoOn(Option<Strike>),
    /// It fails with these words.
    Fail(String),
}

/// A twin's folder, on behalf of somebody.
#[derive(Debug, Clone)]
pub struct Store {
    dir: PathBuf,
    by: String,
}

/// A process of the modelled machine: what a reboot ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Resident {
    role: String,
    process: Process,
}

impl Store {
    /// The twin in this folder; `by` is who the ledger says caused what is done through it.
    pub fn open(dir: &Path, by: &str) -> Result<Self, Error> {
        let state = dir.join(STATE);
        match state.try_exists() {
            Ok(true) => Ok(Self { dir: dir.to_owned(), by: by.to_owned() }),
            Ok(false) => Err(Error::NoTwin(dir.to_owned())),
            Err(source) => Err(Error::Io { action: "read", path: state, source }),
        }
    }

    /// Makes a twin. Its state comes last, so that half a twin is none.
    pub fn create(dir: &Path, state: &State, catalogue: &Catalogue) -> Result<Self, Error> {
        let store = Self { dir: dir.to_owned(), by: "hand".to_owned() };
        fs::create_dir_all(dir).map_err(io_error("make", dir))?;
        let held = store.hold()?;
        if store.path(STATE).try_exists().map_err(io_error("read", &store.path(STATE)))? {
            return Err(Error::Exists(dir.to_owned()));
        }
        store.replace(CATALOGUE, catalogue)?;
        store.replace(FAULTS, &Vec::<Fault>::new())?;
        store.replace(PROCESSES, &Vec::<Resident>::new())?;
        let ledger = store.path(LEDGER);
        match ledger::create(&ledger) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(io_error("make", &ledger)(error));
            }
            Ok(()) | Err(_) => {}
        }
        store.note(Deed::Made { host_name: state.host_name.to_string() }, None)?;
        store.replace(STATE, state)?;
        drop(held);
        Ok(store)
    }

    /// The twin's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the installers do.
    pub fn catalogue(&self) -> Result<Catalogue, Error> {
        read(&self.path(CATALOGUE))
    }

    /// Locks the twin, finishes or undoes what a killed process left half done, and reads it.
    pub fn lock(&self) -> Result<Section<'_>, Error> {
        let held = self.hold()?;
        let (ledger, next) = (self.path(LEDGER), self.path(NEXT));
        let last = ledger::repair(&ledger).map_err(io_error("read", &ledger))?;
        match fs::read(&next) {
            Ok(bytes) if last.and_then(|entry| entry.state) == Some(Digest::of(&bytes)) => {
                self.put_in_place()?
            }
            Ok(_) => fs::remove_file(&next).map_err(io_error("remove", &next))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error("read", &next)(error)),
        }
        let state = read(&self.path(STATE))?;
        Ok(Section { store: self, state, _held: held })
    }

    /// Lets a fault strike here, if one is set: waits, hangs, takes the machine down, or says what the caller shall do.
    pub fn strike(&self, operation: Operation, target: &str, moment: Moment) -> Result<Struck, Error> {
        let Some(fault) = self.lock()?.take_fault(operation, target, moment)? else {
            return Ok(Struck::GoOn(None));
        };
        match fault.strike {
            Strike::Fail(words) => {
                Ok(Struck::Fail(words.unwrap_or_else(|| operation.default_message().to_owned())))
            }
            Strike::DiskFull => Ok(Struck::Fail(super::fault::DISK_FULL.to_owned())),
            Strike::SlowMs(ms) => {
                std::thread::sleep(Duration::from_millis(ms));
                Ok(Struck::GoOn(None))
            }
            Strike::Hang => {
                while self.lock()?.faults()?.contains(&fault) {
                    std::thread::sleep(Duration::from_millis(HANG_POLL_MS));
                }
                Ok(Struck::GoOn(None))
            }
            Strike::Reboot => Err(self.reboot()?),
            alters @ (Strike::ExitCode(_) | Strike::DiesAfterMs(_) | Strike::Answer(_)) => {
                Ok(Struck::GoOn(Some(alters)))
            }
        }
    }

    /// Counts a process among those that a reboot ends.
    pub fn move_in(&self, role: &str, process: Process) -> Result<(), Error> {
        let _section = self.lock()?;
        let path = self.path(PROCESSES);
        let mut residents: Vec<Resident> = read(&path)?;
        let mut alive = Vec::new();
        for resident in residents.drain(..) {
            if resident.process.is_alive().map_err(io_error("look at the processes of", &self.dir))? {
                alive.push(resident);
            }
        }
        let new = Resident { role: role.to_owned(), process };
        if !alive.contains(&new) {
            alive.push(new);
        }
        self.replace(PROCESSES, &alive)
    }

    /// Takes the machine down and up again, this process included: it gives no answer.
    pub(super) fn reboot(&self) -> Result<Error, Error> {
        // The lock is kept to the end of this process, so that nobody sees a machine that is half down.
        let mut section = self.lock()?;
        let boots = section.state.boots + 1;
        let now = SystemClock.now();
        section.commit(Deed::Rebooted { boots }, |state| state.reboot(now))?;
        let residents: Vec<Resident> = read(&self.path(PROCESSES))?;
        for resident in residents.iter().filter(|resident| resident.process.pid != std::process::id()) {
            resident.process.kill().map_err(io_error("end the processes of", &self.dir))?;
        }
        std::process::abort()
    }

    fn hold(&self) -> Result<fs::File, Error> {
        let path = self.path(LOCK);
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(io_error("open", &path))?;
        file.lock().map_err(io_error("lock", &path))?;
        Ok(file)
    }

    fn note(&self, deed: Deed, state: Option<Digest>) -> Result<(), Error> {
        let path = self.path(LEDGER);
        let entry = Entry { time: SystemClock.now(), by: self.by.clone(), deed, state };
        ledger::append(&path, &entry).map_err(io_error("write", &path))
    }

    fn put_in_place(&self) -> Result<(), Error> {
        let state = self.path(STATE);
        durable::put_in_place(&self.path(NEXT), &state).map_err(io_error("write", &state))
    }

    fn replace<T: Serialize>(&self, name: &str, value: &T) -> Result<(), Error> {
        let path = self.path(name);
        let bytes = pretty(value, &path)?;
        durable::replace(&path, &bytes).map_err(io_error("write", &path))
    }

    /// A file of the twin.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// The twin while it is locked.
#[derive(Debug)]
pub struct Section<'store> {
    store: &'store Store,
    state: State,
    _held: fs::File,
}

impl Section<'_> {
    /// The server as it is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Makes one effect: its line in the ledger and the change, both or neither.
    pub fn commit(&mut self, deed: Deed, change: impl FnOnce(&mut State)) -> Result<(), Error> {
        let mut state = self.state.clone();
        state.settle(SystemClock.now());
        change(&mut state);
        let next = self.store.path(NEXT);
        let bytes = pretty(&state, &next)?;
        durable::write(&next, &bytes).map_err(io_error("write", &next))?;
        os::sync_name(&next).map_err(io_error("write", &next))?;
        self.store.note(deed, Some(Digest::of(&bytes)))?;
        self.store.put_in_place()?;
        self.state = state;
        Ok(())
    }

    /// Writes a line of something that leaves the state as it is.
    pub fn note(&mut self, deed: Deed) -> Result<(), Error> {
        self.store.note(deed, None)
    }

    /// The faults that are set.
    pub fn faults(&self) -> Result<Vec<Fault>, Error> {
        let path = self.store.path(FAULTS);
        let faults: Vec<Fault> = read(&path)?;
        match faults.iter().find_map(|fault| fault.check().err()) {
            Some(source) => Err(Error::Fault { path, source }),
            None => Ok(faults),
        }
    }

    /// Sets the faults.
    pub fn set_faults(&mut self, faults: &[Fault]) -> Result<(), Error> {
        self.store.replace(FAULTS, &faults)
    }

    /// The first fault that strikes here, spent by one. It is spent before it strikes: a reboot that was not would
    /// come again at once, for ever.
    fn take_fault(
        &mut self,
        operation: Operation,
        target: &str,
        moment: Moment,
    ) -> Result<Option<Fault>, Error> {
        let mut faults = self.faults()?;
        let Some(fault) = faults.iter_mut().find(|fault| fault.matches(operation, target, moment)) else {
            return Ok(None);
        };
        let found = fault.clone();
        if let (Some(times), false) = (&mut fault.times, found.strike == Strike::Hang) {
            *times -= 1;
            faults.retain(|fault| fault.times != Some(0));
            self.set_faults(&faults)?;
        }
        let strike = found.strike.clone();
        self.note(Deed::FaultStruck { operation, target: target.to_owned(), strike })?;
        Ok(Some(found))
    }
}

pub(super) fn pretty<T: Serialize>(value: &T, path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes =
        serde_json::to_vec_pretty(value).map_err(|error| io_error("write", path)(error.into()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = fs::read(path).map_err(io_error("read", path))?;
    serde_json::from_slice(&bytes).map_err(|source| Error::Unreadable {
        path: path.to_owned(),
        line: source.line(),
        column: source.column(),
        source,
    })
}

pub(super) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}

#[cfg(test)]
mod tests;
