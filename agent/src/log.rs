//! What the agent says of its work: on standard error, or in its folder once it is a service; its errors then also in
//! Windows' event log.
//!
//! Neighbours: `main` begins it, `service` sends it to a file. One file and the one before are kept. Never blocks an agent
//! because of a full disk: what cannot be written is lost.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use muster_model::limits;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::os;

/// The client of SQL Server tells the texts of batches and, at its most talkative, what it logs on with. Nobody turns it on.
const SQL_CLIENT: &str = "mssql_tds";
const SQL_CLIENT_OFF: &str = "mssql_tds=off";

/// Where it goes; none is standard error.
static FILE: Mutex<Option<LogFile>> = Mutex::new(None);
/// Under which name errors go to the event log, too; where none is set they do not.
static EVENT_SOURCE: OnceLock<&str> = OnceLock::new();

/// Begins it, on standard error; `MUSTER_LOG` says how much, as in `debug`.
pub fn begin() {
    // Colours are for a terminal; in a file they are noise.
    let colours = io::stderr().is_terminal();
    let filter = tracing_subscriber::EnvFilter::try_from_env("MUSTER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let filter = match SQL_CLIENT_OFF.parse() {
        Ok(off) => filter.add_directive(off),
        Err(_) => filter,
    };
    let all = fmt::layer().with_ansi(colours).with_writer(|| Line::to(write_line)).with_filter(filter);
    // The event log has its own times and levels.
    let errors = fmt::layer()
        .without_time()
        .with_level(false)
        .with_target(false)
        .with_ansi(false)
        .with_writer(|| Line::to(report_error))
        .with_filter(
            Targets::new().with_default(LevelFilter::ERROR).with_target(SQL_CLIENT, LevelFilter::OFF),
        );
    tracing_subscriber::registry().with(all).with(errors).init();
}

/// Sends errors to Windows' event log as well, as that source. The first one stays.
pub fn errors_to_event_log(source: &'static str) {
    EVENT_SOURCE.get_or_init(|| source);
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

/// A line on its way, handed over whole when it is done.
struct Line {
    bytes: Vec<u8>,
    done: fn(&[u8]),
}

impl Line {
    fn to(done: fn(&[u8])) -> Self {
        Self { bytes: Vec::new(), done }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        (self.done)(&self.bytes);
    }
}

fn write_line(line: &[u8]) {
    let mut file = FILE.lock().unwrap_or_else(PoisonError::into_inner);
    let written = match &mut *file {
        Some(file) => file.add(line),
        None => io::stderr().write_all(line),
    };
    // There is nowhere left to say it.
    drop(written);
}

fn report_error(line: &[u8]) {
    let Some(source) = EVENT_SOURCE.get() else { return };
    let text = String::from_utf8_lossy(line);
    if let Err(error) = os::service::report_error(source, text.trim_end()) {
        // Not an error: it would come back here.
        tracing::warn!(error = &error as &dyn std::error::Error, "the event log took no error");
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
