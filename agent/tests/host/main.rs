//! The twin and the supervisors, with real processes of the real program. Each test is a story; its name is the promise.

#![expect(clippy::unwrap_used, reason = "what a test stands on fails by a panic, as the test itself does")]

mod crash;
mod ended;
mod group;
mod installer;
mod lying;
mod medium;
mod ports;
mod reboot;
mod reception;
mod selftest;
mod sql;
mod supervise;
mod system;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use muster_agent::host::clock::SystemClock;
use muster_agent::host::twin::Twin;
use muster_agent::host::twin::ledger::{self, Deed, Entry};
use muster_agent::host::{CommandLine, Packages};
use muster_agent::supervise::{Phase, Probe, Supervisor};
use muster_model::outcome::StepKey;
use muster_model::package::Package;

use crate::ended::ended;

/// Long enough for the slowest machine; reached only when a promise is broken.
const GIVE_UP_MS: u64 = 20_000;

/// A small server: one package of each temper.
const DECLARATION: &str = r#"
kind: Twin
host_name: DUP-WEB01
services:
  W3SVC: {start: automatic, state: running}
  Spooler: {start: manual, state: running}
  Base: {start: manual, start_delay_ms: 20}
  Middle: {start: manual, depends_on: [base]}
  Top: {start: manual, depends_on: [Middle, Spooler]}
  Lost: {start: manual, depends_on: [Nowhere]}
features:
  IIS-WebServerRole: {state: absent}
  IIS-ASPNET45: {needs: [IIS-WebServerRole], restarts: true}
packages:
  common-services:
    6.0.0.1397: &
  quick:
    1.0: {install_ms: 0, uninstall_ms: 0}
    2.0: {install_ms: 0, uninstall_ms: 0}
  endless:
    1.0: {install_ms: 60000, uninstall_ms: 0}
  staged:
    1.0:
      install_ms: 600
      uninstall_ms: 0
      staged: true
      services: {First: {start: manual}, Second: {start: manual}}
  advanced:
    2022-r2:
      install_ms: 0
      uninstall_ms: 0
      app_pools: {Sage.XRT.Advanced: {enable_32bit: true, load_user_profile: false}}
      files: {'C:\Sage\web.config': {content: x, rights: {Everyone: read}}}
"#;

const COMMON_SERVICES: &str = "
      install_ms: 0
      uninstall_ms: 0
      services:
        SCPSServer: {start: manual, start_delay_ms: 50}
        SCASServer: {start: automatic}
      http:
        http://localhost/SCPS: {status: 401, while_running: [W3SVC]}
        http://localhost/SCAS: {status: 200, while_running: [SCASServer]}";

/// A twin, and an agent's records beside it.
struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let declaration = folder.path().join("twin.yaml");
        std::fs::write(&declaration, DECLARATION.replace(" &\n", &format!("{COMMON_SERVICES}\n"))).unwrap();
        let stage = Self { folder };
        stage.ok(&["twin", "init", "--from", declaration.to_str().unwrap()]);
        stage
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("twin")
    }

    /// A command of the program; `--dir TWIN` is put after its name.
    fn command(&self, args: &[&str]) -> Command {
        let names = if args[0] == "twin" { 2 } else { 1 };
        let mut command = Command::new(exe());
        command.args(&args[..names]).arg("--dir").arg(self.dir()).args(&args[names..]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        ended(&mut self.command(args)).unwrap()
    }

    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn fault(&self, operation: &str, target: &str, strike: &str) {
        self.ok(&["twin", "fault", "add", operation, target, strike]);
    }

    fn twin(&self) -> Twin {
        Twin::open(&self.dir(), exe()).unwrap()
    }

    fn install(&self, package: &str, version: &str) -> Option<i32> {
        let args = ["twin-installer", "--package", package, "--version", version, "--action", "install"];
        self.run(&args).status.code()
    }

    fn ledger(&self) -> Vec<Entry> {
        ledger::read(&self.dir()).unwrap()
    }

    /// The processes that began to work as installers.
    fn starts(&self) -> Vec<u32> {
        self.ledger().iter().filter_map(started_by).collect()
    }

    /// Waits for a line of the ledger.
    fn await_deed(&self, found: impl Fn(&Deed) -> bool) {
        until("the ledger's line", || self.ledger().iter().any(|entry| found(&entry.deed)));
    }

    fn supervisor(&self) -> Supervisor {
        Supervisor { dir: self.folder.path().join("installers"), exe: exe().to_owned() }
    }

    fn installer(&self, package: &str, version: &str) -> CommandLine {
        self.twin().installer(&Package::named(package), &version.parse().unwrap()).unwrap()
    }

    /// Waits for the end of an installation.
    fn end(&self, key: &StepKey) -> Probe {
        self.supervisor().wait(key, Phase::Install, GIVE_UP_MS, &SystemClock).unwrap()
    }
}

/// A process that does not outlive its test, whatever becomes of that.
struct Started(Child);

impl Started {
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if self.0.kill().is_ok() {
            drop(self.0.wait());
        }
    }
}

/// The process of an installer that began to work, where the line says that.
fn started_by(entry: &Entry) -> Option<u32> {
    if let Deed::InstallerStarted { pid, .. } = entry.deed { Some(pid) } else { None }
}

/// The exit code as the parent of a process sees it: eight bits, but on Windows all.
fn seen(code: i32) -> i32 {
    if cfg!(windows) { code } else { code & 0xff }
}

fn exe() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_muster-agent"))
}

fn key() -> StepKey {
    StepKey(uuid::Uuid::new_v4())
}

/// Waits until it is so. Files and other people's processes send no events, so that it looks again and again.
fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..GIVE_UP_MS / 2 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("{what} did not come");
}
