//! The folder of a modelled SQL Server: one lock, one file that is replaced whole.
//!
//! State and ledger are one file, so that no crash can leave an effect without its line or a line without its effect.
//! Neighbours: the port works in a [`SqlSection`]. Never repairs a file that a person broke.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use super::state::{Happened, Line, SqlState};
use crate::durable;
use crate::host::Clock;
use crate::host::clock::SystemClock;
use crate::host::twin::store::{Error, io_error, pretty, read};

/// The server's file.
pub const SERVER: &str = "server.json";
const LOCK: &str = "lock";

/// A modelled server's folder.
#[derive(Debug, Clone)]
pub struct SqlStore {
    dir: PathBuf,
}

/// The server while it is locked.
#[derive(Debug)]
pub struct SqlSection<'store> {
    store: &'store SqlStore,
    state: SqlState,
    _held: fs::File,
}

impl SqlStore {
    /// The server in this folder.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(SERVER);
        match path.try_exists() {
            Ok(true) => Ok(Self { dir: dir.to_owned() }),
            Ok(false) => Err(Error::NoTwin(dir.to_owned())),
            Err(error) => Err(io_error("read", &path)(error)),
        }
    }

    /// Makes a server, unless another twin made it before.
    pub fn create(dir: &Path, state: &SqlState) -> Result<Self, Error> {
        fs::create_dir_all(dir).map_err(io_error("make", dir))?;
        let store = Self { dir: dir.to_owned() };
        let held = store.hold()?;
        let path = dir.join(SERVER);
        if !path.try_exists().map_err(io_error("read", &path))? {
            store.replace(state)?;
        }
        drop(held);
        Ok(store)
    }

    /// Locks the server and reads it.
    pub fn lock(&self) -> Result<SqlSection<'_>, Error> {
        let held = self.hold()?;
        Ok(SqlSection { store: self, state: read(&self.dir.join(SERVER))?, _held: held })
    }

    fn hold(&self) -> Result<fs::File, Error> {
        let path = self.dir.join(LOCK);
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(io_error("open", &path))?;
        file.lock().map_err(io_error("lock", &path))?;
        Ok(file)
    }

    fn replace(&self, state: &SqlState) -> Result<(), Error> {
        let path = self.dir.join(SERVER);
        durable::replace(&path, &pretty(state, &path)?).map_err(io_error("write", &path))
    }
}

impl SqlSection<'_> {
    /// The server as it is.
    pub fn state(&self) -> &SqlState {
        &self.state
    }

    /// Makes one effect and its line, both or neither.
    pub fn commit(
        &mut self,
        by: &str,
        happened: Happened,
        change: impl FnOnce(&mut SqlState),
    ) -> Result<(), Error> {
        let mut state = self.state.clone();
        change(&mut state);
        state.ledger.push(Line { time: SystemClock.now(), by: by.to_owned(), happened });
        self.store.replace(&state)?;
        self.state = state;
        Ok(())
    }
}
