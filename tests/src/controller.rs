//! A controller as an operator runs it: `init` once, `serve`, and whatever ends it.
//!
//! Neighbours: `field` has one. Its address stays the same over restarts, because tokens and profiles name it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result, bail, ensure};

use crate::cli::Ran;
use crate::daemon::{Daemon, await_until};
use crate::programs::Programs;

/// A controller's data, and its process while it serves.
#[derive(Debug)]
pub struct Controller {
    programs: Programs,
    data: PathBuf,
    /// Where it listens, `host:port`.
    pub address: String,
    /// How much it logs; what it does by itself where nothing is said.
    pub log: Option<&'static str>,
    process: Option<Daemon>,
}

impl Controller {
    /// Makes a controller's data in `folder/controller`, the first operator's profile in `folder/anne.profile` and the
    /// recovery keys in `folder/recovery`.
    ///
    /// # Errors
    /// Where `init` fails.
    pub fn init(programs: &Programs, folder: &Path) -> Result<Self> {
        Self::init_until(programs, folder, None)
    }

    /// The same, with a point at which it ends itself.
    ///
    /// # Errors
    /// Where `init` fails, as it does when the point is reached.
    pub fn init_until(programs: &Programs, folder: &Path, crash_at: Option<&str>) -> Result<Self> {
        let data = folder.join("controller");
        let address = format!("127.0.0.1:{}", free_port()?);
        let output = Command::new(programs.controller())
            .arg("init")
            .arg("--data-dir")
            .arg(&data)
            .args(["--listen", &address, "--operator", "anne"])
            .arg("--profile-out")
            .arg(folder.join("anne.profile"))
            .arg("--recovery-out")
            .arg(folder.join("recovery"))
            .envs(crash_at.map(|point| ("MUSTER_CRASH_AT", point)))
            .output()?;
        ensure!(output.status.success(), "init: {}", String::from_utf8_lossy(&output.stderr));
        Ok(Self { programs: programs.clone(), data, address, log: None, process: None })
    }

    /// Backs it up, with a point at which the command ends itself.
    ///
    /// # Errors
    /// Where the program cannot be started; a refusal is in what it ran to.
    pub fn backup_until(&self, to: &Path, crash_at: Option<&str>) -> Result<Ran> {
        let mut command = Command::new(self.programs.controller());
        command.arg("backup").arg("--data-dir").arg(&self.data).arg("--to").arg(to);
        command.envs(crash_at.map(|point| ("MUSTER_CRASH_AT", point)));
        Ran::of(&mut command)
    }

    /// A controller at the same address whose data is a backup, opened with a recovery key of `folder/recovery`; this one
    /// must be dead.
    ///
    /// # Errors
    /// Where the restore fails.
    pub fn restored(&self, backup: &Path, folder: &Path, name: &str) -> Result<Self> {
        let data = folder.join(name);
        let key = folder.join("recovery/muster-recovery-2.txt");
        let ran = self.restore(backup, &key, &data, None)?;
        ensure!(ran.code == 0, "restore: {}", ran.said());
        Ok(Self {
            programs: self.programs.clone(),
            data,
            address: self.address.clone(),
            log: self.log,
            process: None,
        })
    }

    /// Restores a backup, with a point at which the command ends itself.
    ///
    /// # Errors
    /// Where the program cannot be started; a refusal is in what it ran to.
    pub fn restore(&self, from: &Path, key: &Path, data: &Path, crash_at: Option<&str>) -> Result<Ran> {
        let mut command = Command::new(self.programs.controller());
        command.arg("restore").arg("--from").arg(from).arg("--recovery-key").arg(key);
        command.arg("--data-dir").arg(data).envs(crash_at.map(|point| ("MUSTER_CRASH_AT", point)));
        Ran::of(&mut command)
    }

    /// Says that its data is an older copy; it must not serve.
    ///
    /// # Errors
    /// Where the command fails.
    pub fn recover(&self) -> Result<()> {
        let ran = Ran::of(
            Command::new(self.programs.controller()).arg("recover").arg("--data-dir").arg(&self.data),
        )?;
        ensure!(ran.code == 0, "recover: {}", ran.said());
        Ok(())
    }

    /// Makes a new profile for an operator; it must not serve.
    ///
    /// # Errors
    /// Where the program cannot be started; a refusal is in what it ran to.
    pub fn reset_operator(&self, name: &str, profile: &Path) -> Result<Ran> {
        let mut command = Command::new(self.programs.controller());
        command.args(["operator", "reset"]).arg("--data-dir").arg(&self.data);
        Ran::of(command.args(["--operator", name, "--profile-out"]).arg(profile))
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Serves, and returns when it can be dialled.
    ///
    /// # Errors
    /// Where it ends instead.
    pub fn serve(&mut self) -> Result<()> {
        self.launch(None)?;
        self.await_serving()
    }

    /// The same, with a point at which it ends itself later.
    ///
    /// # Errors
    /// Where it ends before it serves.
    pub fn serve_until(&mut self, crash_at: &str) -> Result<()> {
        self.launch(Some(crash_at))?;
        self.await_serving()
    }

    fn await_serving(&mut self) -> Result<()> {
        let bound = self.data.join("address");
        let process = self.process.as_mut().context("it was just started")?;
        await_until("serving", || match process.ended()? {
            Some(status) => {
                process.show();
                bail!("the controller ended with {status} instead of serving")
            }
            None => Ok(bound.exists()),
        })
    }

    /// Serves with a point at which it ends itself; does not wait for anything.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn launch(&mut self, crash_at: Option<&str>) -> Result<()> {
        // Left by the process before; it must be this one that says where it listens.
        match std::fs::remove_file(self.data.join("address")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut command = Command::new(self.programs.controller());
        command.arg("serve").arg("--data-dir").arg(&self.data);
        if let Some(point) = crash_at {
            command.env("MUSTER_CRASH_AT", point);
        }
        command.envs(self.log.map(|log| ("MUSTER_LOG", log)));
        self.process = Some(Daemon::start("controller", &mut command)?);
        Ok(())
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
        self.process.take().context("the controller does not run")?.kill()
    }

    /// SIGTERM; gives the status with which it ended itself.
    ///
    /// # Errors
    /// Where it does not run or does not end.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        let status = self.process.as_mut().context("the controller does not run")?.terminate()?;
        self.process = None;
        Ok(status)
    }
}

/// A port of the loopback address that nobody listens on.
///
/// It lies below the range from which the kernel takes ports for connections, so that nothing takes it between two starts
/// of one controller.
///
/// # Errors
/// Where none is free.
pub fn free_port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = u16::try_from(std::process::id() % 9_000)?;
    for _ in 0..9_000 {
        let offset = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 9_000;
        let port = 20_000 + offset;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free")
}
