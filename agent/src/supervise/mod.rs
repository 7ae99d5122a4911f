//! Supervisors: each owns one installer from before its start to after its end, so that agents may come and go.
//!
//! An installer must be started at most once and outlive the agent (DESIGN, "Effects"). So the agent never starts one
//! itself: it starts a detached process of its own program, `muster-agent supervise`, which
//!
//! 1. takes hold of the medium, so that nobody can change it any more, and leaves where it is not the one that was approved;
//! 2. claims the ticket for (step key, phase): of any number that try, exactly one succeeds, and the others leave;
//! 3. starts a process that waits, records its id and start mark, and only then lets it become the installer;
//! 4. waits for the installer, and for what it left behind to do its work, and records its exit code.
//!
//! Each record is on the disk before the next thing is done. So a later agent can tell: no ticket, never started; the
//! installer or its supervisor alive, running; a recorded code, ended; none of these, lost, and a person or an
//! observation must settle it. Files here: `record` holds the records, `medium` the medium, `confidential` what the installer
//! is handed in secret, `scrub` keeps that out of logs, `run` is the supervisor's own process.
//! Neighbours: the engine calls [`Supervisor`]; `host::process` tells processes apart. An installer is never killed from
//! here, and a ticket is never removed.

pub mod confidential;
pub mod medium;
pub mod record;
pub mod run;
mod scrub;

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;

use muster_model::limits;
use muster_model::outcome::StepKey;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use self::confidential::Confidential;
use self::record::Records;
use crate::host::{Clock, CommandLine};
use crate::os;

/// The agent's side: starts supervisors and reads what they recorded.
#[derive(Debug, Clone)]
pub struct Supervisor {
    /// Where the records lie; one folder per agent, kept as long as its journal.
    pub dir: PathBuf,
    /// The agent's own program, absolute.
    pub exe: PathBuf,
}

/// Which half of a package's step an installer is for (G18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Taking off what is there.
    Uninstall,
    /// Putting on what is wanted.
    Install,
}

/// One start of an installer, ever; written `KEY.PHASE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId {
    /// The step's key.
    pub key: StepKey,
    /// The phase.
    pub phase: Phase,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.key, self.phase)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uninstall => "uninstall",
            Self::Install => "install",
        })
    }
}

impl FromStr for RunId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not KEY.install or KEY.uninstall");
        let (key, phase) = text.split_once('.').ok_or_else(wrong)?;
        let phase = match phase {
            "uninstall" => Phase::Uninstall,
            "install" => Phase::Install,
            _ => return Err(wrong()),
        };
        Ok(Self { key: StepKey(key.parse().map_err(|_| wrong())?), phase })
    }
}

/// What is known of an installer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// There is no ticket: it may be started.
    NeverStarted,
    /// It runs, or its supervisor is about to start it or to record its end.
    Running {
        /// The installer, or its supervisor while there is no installer yet.
        pid: u32,
    },
    /// It ended with this code; a negative one says that it was ended from outside.
    Exited {
        /// The code, as `Packages::exit_meaning` explains it.
        code: i32,
    },
    /// It was started, or was about to be, and nobody recorded how it ended: observe.
    Lost,
}

/// Why an installer could not be started or looked at.
#[derive(Debug, Error)]
pub enum Error {
    /// It was started before, by this agent or an earlier one: adopt it with [`Supervisor::wait`].
    #[error("{run} was started before")]
    AlreadyStarted {
        /// The key and phase.
        run: RunId,
    },
    /// No ticket was claimed and nothing was started; starting again is safe.
    #[error("the supervisor of {run} did not start: {message}")]
    NotStarted {
        /// The key and phase.
        run: RunId,
        /// Its own words, or where its log is.
        message: String,
    },
    /// A record could not be read or written.
    #[error("cannot {action} {path}", path = .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// What a supervisor says on its standard output once it has the ticket.
const STARTED: &str = "started";
/// What it says when another one has it.
const TAKEN: &str = "taken";
/// What it says first when its medium is not as it must be; why follows.
const REFUSED: &str = "refused ";

impl Supervisor {
    /// What is known of this key and phase.
    pub fn probe(&self, key: &StepKey, phase: Phase) -> Result<Probe, Error> {
        let records = self.records(key, phase);
        if let Some(exit) = records.exit()? {
            return Ok(Probe::Exited { code: exit.code });
        }
        let Some(ticket) = records.ticket()? else { return Ok(Probe::NeverStarted) };
        let installer = records.installer()?;
        for process in installer.iter().chain([&ticket.supervisor]) {
            let alive = process.is_alive();
            if alive.map_err(|source| Error::Io {
                action: "look at a process of",
                path: self.dir.clone(),
                source,
            })? {
                return Ok(Probe::Running { pid: installer.as_ref().unwrap_or(&ticket.supervisor).pid });
            }
        }
        // The supervisor may have recorded the end and left between the first look and this one.
        Ok(records.exit()?.map_or(Probe::Lost, |exit| Probe::Exited { code: exit.code }))
    }

    /// Starts it; returns once the ticket is on the disk, the installer following at once.
    pub fn start(
        &self,
        key: &StepKey,
        phase: Phase,
        command: &CommandLine,
        confidential: &Confidential,
    ) -> Result<(), Error> {
        let run = RunId { key: *key, phase };
        let records = self.records(key, phase);
        std::fs::create_dir_all(&self.dir).map_err(|source| Error::Io {
            action: "make",
            path: self.dir.clone(),
            source,
        })?;
        if records.ticket()?.is_some() {
            return Err(Error::AlreadyStarted { run });
        }
        let mut child = self.spawn(run, &records)?;
        let pid = child.id();
        let answer = ask(child.stdin.take(), child.stdout.take(), command, confidential);
        // Waited for by a thread of its own, for as long as the agent lives, so that no ended process stays in the
        // table. The supervisor does not mind when the agent, and this thread with it, goes first.
        std::thread::spawn(move || match child.wait() {
            Ok(status) => tracing::debug!(%run, %status, "supervisor ended"),
            Err(error) => tracing::warn!(%run, %error, "supervisor was not waited for"),
        });
        match answer.as_deref() {
            Ok(STARTED) => Ok(()),
            Ok(TAKEN) => Err(Error::AlreadyStarted { run }),
            Ok(answer) if answer.starts_with(REFUSED) => {
                Err(Error::NotStarted { run, message: answer[REFUSED.len()..].to_owned() })
            }
            // It died with or without the ticket: the ticket says which.
            _ => match records.ticket()? {
                Some(ticket) if ticket.supervisor.pid == pid => Ok(()),
                Some(_) => Err(Error::AlreadyStarted { run }),
                None => {
                    let message = format!("see {}", records.log().display());
                    Err(Error::NotStarted { run, message })
                }
            },
        }
    }

    /// Waits until it is no longer running, at most this long; `Running` when it still is.
    pub fn wait(
        &self,
        key: &StepKey,
        phase: Phase,
        limit_ms: u64,
        clock: &dyn Clock,
    ) -> Result<Probe, Error> {
        let mut left_ms = limit_ms;
        loop {
            let probe = self.probe(key, phase)?;
            if left_ms == 0 || !matches!(probe, Probe::Running { .. }) {
                return Ok(probe);
            }
            // Not a wait for a child: after a restart the process is somebody else's, and only its records speak.
            let pause_ms = left_ms.min(limits::INSTALLER_POLL_MS);
            clock.sleep_ms(pause_ms);
            left_ms -= pause_ms;
        }
    }

    /// Leaves nothing of what the installer was handed in secret: its answers go, where it no longer runs, and no log of it
    /// keeps a value. Its supervisor did the same, unless it died.
    ///
    /// # Errors
    /// Where a file cannot be read or written: it may hold a value still.
    pub fn tidy(
        &self,
        key: &StepKey,
        phase: Phase,
        confidential: &Confidential,
        own_log: Option<&Path>,
    ) -> Result<(), Error> {
        let records = self.records(key, phase);
        if matches!(self.probe(key, phase)?, Probe::Running { .. }) {
            return records.scrub(confidential, own_log, scrub::Mask::AsLong);
        }
        records.remove_answers()?;
        records.scrub(confidential, own_log, scrub::Mask::Fixed)
    }

    /// Takes away what answers a supervisor that died left behind. To be called before anything is started.
    ///
    /// # Errors
    /// Where the folder or a file in it cannot be read or written.
    pub fn sweep(&self) -> Result<(), Error> {
        for run in record::left_answers(&self.dir)? {
            if !matches!(self.probe(&run.key, run.phase)?, Probe::Running { .. }) {
                tracing::warn!(%run, "the answers of an installer were left behind; they are taken away");
                self.records(&run.key, run.phase).remove_answers()?;
            }
        }
        Ok(())
    }

    /// In which start of the computer it was started, where that was told.
    ///
    /// # Errors
    /// Where its ticket cannot be read.
    pub fn boot(&self, key: &StepKey, phase: Phase) -> Result<Option<String>, Error> {
        Ok(self.records(key, phase).ticket()?.and_then(|ticket| ticket.boot))
    }

    /// Where the supervisor and the installer write what they have to say.
    pub fn log(&self, key: &StepKey, phase: Phase) -> PathBuf {
        self.records(key, phase).log()
    }

    fn records(&self, key: &StepKey, phase: Phase) -> Records {
        Records::new(&self.dir, RunId { key: *key, phase })
    }

    fn spawn(&self, run: RunId, records: &Records) -> Result<Child, Error> {
        let log = records.open_log()?;
        let mut supervisor = Command::new(&self.exe);
        supervisor
            .arg("supervise")
            .arg("--dir")
            .arg(&self.dir)
            .args(["--run", &run.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        // Detached: what ends the agent's group, such as Ctrl-C, does not reach it.
        os::detach(&mut supervisor)
            .and_then(Command::spawn)
            .map_err(|error| Error::NotStarted { run, message: format!("{}: {error}", self.exe.display()) })
    }
}

/// Hands the command over and reads the one-line answer. An answer that does not come is an error: the other side died.
fn ask(
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    command: &CommandLine,
    confidential: &Confidential,
) -> io::Result<String> {
    let (Some(stdin), Some(stdout)) = (stdin, stdout) else { return Err(io::ErrorKind::BrokenPipe.into()) };
    hand_over(stdin, command, confidential)?;
    let mut answer = String::new();
    BufReader::new(stdout).read_line(&mut answer)?;
    Ok(answer.trim_end().to_owned())
}

/// Writes a command as one line. The line's end is the permission: half a line starts nothing.
fn hand_over(mut to: impl Write, command: &CommandLine, confidential: &Confidential) -> io::Result<()> {
    to.write_all(&confidential.to_line(command)?)?;
    to.flush()
}

/// Reads a command that was handed over; none when the other side died before the line was whole.
fn take_over(from: impl Read) -> io::Result<Option<(CommandLine, Confidential)>> {
    let mut line = Zeroizing::new(String::new());
    BufReader::new(from).read_line(&mut line)?;
    if line.ends_with('\n') { Confidential::of_line(&line).map(Some) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_command_starts_nothing() {
        let command = CommandLine::plain("/bin/true".into(), vec!["a\nb".to_owned()]);
        let mut line = Vec::new();
        hand_over(&mut line, &command, &Confidential::default()).unwrap();
        assert_eq!(take_over(line.as_slice()).unwrap().unwrap().0, command);
        for length in 0..line.len() {
            assert!(take_over(&line[..length]).unwrap().is_none(), "{length} bytes");
        }
    }

    #[test]
    fn a_run_is_read_back_as_it_is_written() {
        let text = "6f6c8f0e-9f4b-4c69-8f5e-0f2f3f1d2a11.uninstall";
        assert_eq!(text.parse::<RunId>().unwrap().to_string(), text);
        for text in [
            "",
            "x.install",
            "6f6c8f0e-9f4b-4c69-8f5e-0f2f3f1d2a11",
            "6f6c8f0e-9f4b-4c69-8f5e-0f2f3f1d2a11.x",
        ] {
            assert!(text.parse::<RunId>().is_err(), "{text}");
        }
    }
}
