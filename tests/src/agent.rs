//! An agent on a twin, as a server runs it.
//!
//! Neighbours: `field` has one per server. Supervisors and installers that it started outlive it on purpose; their ids are
//! read from its records, so that a test leaves none behind.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, ensure};

use crate::cli::Ran;
use crate::daemon::Daemon;
use crate::programs::Programs;
use crate::twin::Twin;

/// An agent's data, the machine it stands on, and its process while it runs.
#[derive(Debug)]
pub struct Agent {
    programs: Programs,
    data: PathBuf,
    /// The modelled server.
    pub twin: Twin,
    /// How much it logs; what it does by itself where nothing is said.
    pub log: Option<&'static str>,
    process: Option<Daemon>,
}

impl Agent {
    /// An agent that is not enrolled yet.
    pub fn new(programs: &Programs, data: &Path, twin: Twin) -> Self {
        Self { programs: programs.clone(), data: data.to_owned(), twin, log: None, process: None }
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Spends a token.
    ///
    /// # Errors
    /// Where the program cannot be started; a refusal is in what it ran to.
    pub fn enroll(&self, token: &Path) -> Result<Ran> {
        self.enroll_until(token, None)
    }

    /// The same, with a point at which it ends itself.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn enroll_until(&self, token: &Path, crash_at: Option<&str>) -> Result<Ran> {
        let mut command = Command::new(self.programs.agent());
        command.arg("enroll").arg("--data-dir").arg(&self.data).arg("--token-file").arg(token);
        command.arg("--twin").arg(self.twin.folder());
        command.envs(crash_at.map(|point| ("MUSTER_CRASH_AT", point)));
        Ran::of(&mut command)
    }

    /// Asks on the server for the secrets of a step, as in `P-1/3`.
    ///
    /// # Panics
    /// Where the program cannot be started; a refusal is in what it ran to.
    #[track_caller]
    pub fn show_secrets(&self, step: &str) -> Ran {
        let mut command = Command::new(self.programs.agent());
        command.args(["secret", "show", step, "--data-dir"]).arg(&self.data);
        match Ran::of(&mut command) {
            Ok(ran) => ran,
            Err(error) => panic!("{error:#}"),
        }
    }

    /// Looks at what stands between it and its controller. It must not run.
    ///
    /// # Errors
    /// Where the program cannot be started; what it found is in what it ran to.
    pub fn check(&self) -> Result<Ran> {
        let mut command = Command::new(self.programs.agent());
        command.arg("check").arg("--data-dir").arg(&self.data).arg("--twin").arg(self.twin.folder());
        Ran::of(&mut command)
    }

    /// Runs.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn run(&mut self) -> Result<()> {
        self.launch(None)
    }

    /// Runs, with a point at which it ends itself.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn launch(&mut self, crash_at: Option<&str>) -> Result<()> {
        let mut command = Command::new(self.programs.agent());
        command.arg("run").arg("--data-dir").arg(&self.data).arg("--twin").arg(self.twin.folder());
        if let Some(point) = crash_at {
            command.env("MUSTER_CRASH_AT", point);
        }
        command.envs(self.log.map(|log| ("MUSTER_LOG", log)));
        self.process = Some(Daemon::start("agent", &mut command)?);
        Ok(())
    }

    /// Loses its journal, as a restored disk would, and runs again, with a point where one is given; its certificate stays.
    ///
    /// # Errors
    /// Where it does not run or has no journal.
    pub fn forget(&mut self, crash_at: Option<&str>) -> Result<()> {
        self.kill()?;
        let mut removed = 0;
        for entry in std::fs::read_dir(&self.data)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().contains(".db")) {
                std::fs::remove_file(&path)?;
                removed += 1;
            }
        }
        ensure!(removed > 0, "{} has no journal", self.data.display());
        self.launch(crash_at)
    }

    /// Its process.
    pub fn process(&mut self) -> Option<&mut Daemon> {
        self.process.as_mut()
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().context("the agent does not run")?.kill()
    }

    /// SIGTERM; gives the status with which it ended itself.
    ///
    /// # Errors
    /// Where it does not run or does not end.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        let status = self.process.as_mut().context("the agent does not run")?.terminate()?;
        self.process = None;
        Ok(status)
    }
}
