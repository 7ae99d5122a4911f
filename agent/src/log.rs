//! What the agent says of its work: on standard error, or in its folder once it is a service.
//!
//! Neighbours: `main` begins it, `service` sends it to a file. One file and the one before are kept. Never blocks an agent
//! because of a full disk: what cannot be written is lost.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use muster_model::limits;

/// Where it goes; none is standard error.
static FILE: Mutex<Option<LogFile>> = Mutex::new(None);

/// Begins it, on standard error; `MUSTER_LOG` says how much, as in `debug`.
pub fn begin() {
    // Colours are for a terminal; in a file they are noise.
    let colours = io::stderr().is_terminal();
    let filter = tracing_subscriber::EnvFilter::try_from_env("MUSTER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(|| Line(Vec::new()))
        .init();
}

/// Sends it to `agent.log` in that folder, which is made.
///
/// # Errors
/// Where that cannot be written.
pub fn write_to(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let file = LogFile::open(folder.join("agent.log"), limits::AGENT_LOG_SIZE_BYTES)?;
    *FILE.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
    Ok(())
}

/// One line on its way, written whole when it is done.
struct Line(Vec<u8>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut file = FILE.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match &mut *file {
            Some(file) => file.add(&self.0),
            None => io::stderr().write_all(&self.0),
        };
        // There is nowhere left to say it.
        drop(written);
    }
}

/// A file that begins anew when it is full; the one before is kept.
#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    file: File,
    size_bytes: u64,
    limit_bytes: u64,
}

impl LogFile {
    fn open(path: PathBuf, limit_bytes: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let size_bytes = file.metadata()?.len();
        Ok(Self { path, file, size_bytes, limit_bytes })
    }

    fn add(&mut self, line: &[u8]) -> io::Result<()> {
        if self.size_bytes >= self.limit_bytes {
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
            *self = Self::open(self.path.clone(), self.limit_bytes)?;
        }
        self.size_bytes += line.len() as u64;
        self.file.write_all(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_begins_anew_and_the_one_before_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.log");
        let mut log = LogFile::open(path.clone(), 4).unwrap();
        for line in ["one\n", "two\n", "three\n"] {
            log.add(line.as_bytes()).unwrap();
        }
        drop(log);
        // What was there counts, so that a service that starts often does not fill the disk.
        LogFile::open(path.clone(), 4).unwrap().add(b"four\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "four\n");
        assert_eq!(fs::read_to_string(path.with_extension("log.1")).unwrap(), "three\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
