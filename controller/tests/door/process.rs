//! The binary, as a person and a service manager run it: signals, exit codes, kills.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use muster_controller::clock::Clock;
use muster_controller::store::{Epoch, Store};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

fn command(dir: &Path, verb: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster-controller"));
    command.arg(verb).arg("--data-dir").arg(dir.join("data")).stdin(Stdio::null());
    if verb == "serve" {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command
}

fn init(dir: &Path) -> Command {
    let mut command = command(dir, "init");
    command.args(["--listen", "127.0.0.1:7400", "--operator", "anne", "--profile-out"]);
    command.arg(dir.join("anne.profile")).arg("--recovery-out").arg(dir.join("recovery"));
    command
}

fn made() -> TempDir {
    let dir = TempDir::new().unwrap();
    let output = init(dir.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    dir
}

/// A process that is ended with the test, however that ends.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }
}

impl Serving {
    /// Starts it and waits until it says that it serves.
    fn start(dir: &Path) -> Self {
        let mut child = command(dir, "serve").stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let this = Self(child);
        let mut lines = BufReader::new(stderr).lines();
        assert!(lines.any(|line| line.unwrap().contains("serving")), "it ended before it served");
        // Whoever stops reading a pipe stops the writer: read on.
        std::thread::spawn(move || lines.for_each(drop));
        this
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.0.id().try_into().unwrap()).unwrap(), signal).unwrap();
    }

    fn wait(mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

async fn epoch(dir: &Path) -> Option<Epoch> {
    let store = Store::open(&dir.join("data/muster.db"), Clock::system()).await.unwrap();
    let epoch = store.snapshot().await.unwrap().epoch().await.unwrap();
    store.close().await.unwrap();
    epoch
}

#[test]
fn init_says_what_it_made_and_what_to_do_with_it() {
    let dir = TempDir::new().unwrap();
    let output = init(dir.path()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    for words in
        ["muster-recovery-1.txt", "muster-recovery-2.txt", "anne.profile", "offline", "serve --data-dir"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("AGE-SECRET-KEY"));
    let again = init(dir.path()).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("is not empty"), "{}", stderr(&again));
}

/// The keys of a controller that never was would stand in the way of the next try.
#[test]
fn an_init_that_fails_leaves_no_key_and_the_next_one_works() {
    let dir = TempDir::new().unwrap();
    let profile = dir.path().join("anne.profile");
    let mut wrong = command(dir.path(), "init");
    wrong.args(["--listen", "127.0.0.1:7400", "--operator", "anne", "--profile-out"]);
    wrong
        .arg(dir.path().join("no-folder/anne.profile"))
        .arg("--recovery-out")
        .arg(dir.path().join("recovery"));
    let failed = wrong.output().unwrap();
    assert_eq!(failed.status.code(), Some(1));
    assert!(stderr(&failed).contains("no-folder/anne.profile cannot be written"), "{}", stderr(&failed));
    assert_eq!(dir.path().join("recovery").read_dir().unwrap().count(), 0);
    assert!(!dir.path().join("data").exists());
    assert!(init(dir.path()).output().unwrap().status.success());
    assert!(profile.exists());
}

#[test]
fn both_signals_stop_it_in_order_and_it_says_that_all_is_well() {
    let dir = made();
    for signal in [Signal::TERM, Signal::INT] {
        let serving = Serving::start(dir.path());
        serving.signal(signal);
        assert_eq!(serving.wait().code(), Some(0), "{signal:?}");
    }
    // What was written is in the one file: nothing waits in a log beside it.
    assert!(!dir.path().join("data/muster.db-wal").exists());
}

#[test]
fn a_second_process_ends_at_once_and_says_why() {
    let dir = made();
    let serving = Serving::start(dir.path());
    let second = command(dir.path(), "serve").output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("served by another process"), "{}", stderr(&second));
    serving.signal(Signal::TERM);
    assert_eq!(serving.wait().code(), Some(0));
}

#[test]
fn a_backup_is_made_while_it_serves_and_says_what_it_holds_and_what_opens_it() {
    let dir = made();
    let _serving = Serving::start(dir.path());
    let to = dir.path().join("monday");
    let output = command(dir.path(), "backup").arg("--to").arg(&to).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let said = String::from_utf8(output.stdout).unwrap();
    for words in ["monday", "no revision", "age1", "another machine"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let again = command(dir.path(), "backup").arg("--to").arg(to.join("ca.pem")).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("is not overwritten"), "{}", stderr(&again));
}

#[test]
fn a_command_line_that_cannot_be_read_ends_with_2() {
    let output = Command::new(env!("CARGO_BIN_EXE_muster-controller")).arg("dance").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn a_killed_controller_starts_again_and_above_its_last_epoch() {
    let dir = made();
    for round in 1..=3 {
        let serving = Serving::start(dir.path());
        serving.signal(Signal::KILL);
        assert!(!serving.wait().success());
        assert_eq!(epoch(dir.path()).await.unwrap().number, round);
    }
}

/// Only with `--features crash-points`, as the binary is built then.
#[cfg(feature = "crash-points")]
mod at_points {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn killed(command: &mut Command, point: &str) {
        let output = command.env("MUSTER_CRASH_AT", format!("{point}:1")).output().unwrap();
        assert_eq!(output.status.signal(), Some(9), "{point}: {output:?}");
    }

    #[tokio::test]
    async fn an_epoch_is_begun_whole_or_not_at_all() {
        let dir = made();
        for (point, number) in [
            ("serve.before_epoch", None),
            ("store.before_commit", None),
            ("store.after_commit", Some(1)),
            ("serve.after_epoch", Some(2)),
        ] {
            killed(&mut command(dir.path(), "serve"), point);
            assert_eq!(epoch(dir.path()).await.map(|epoch| epoch.number), number, "{point}");
        }
    }

    #[test]
    fn an_init_that_was_killed_leaves_no_controller_and_says_what_is_in_the_way() {
        let dir = TempDir::new().unwrap();
        killed(&mut init(dir.path()), "init.before_publish");
        assert!(!dir.path().join("data").exists());
        let serve = command(dir.path(), "serve").output().unwrap();
        assert!(stderr(&serve).contains("muster-controller init"), "{}", stderr(&serve));
        let again = init(dir.path()).output().unwrap();
        assert!(stderr(&again).contains("an earlier `init` did not finish"), "{}", stderr(&again));
        std::fs::remove_dir_all(dir.path().join("recovery")).unwrap();
        std::fs::remove_file(dir.path().join("anne.profile")).unwrap();
        let last = init(dir.path()).output().unwrap();
        assert!(last.status.success());
        assert!(stderr(&last).contains("an earlier try was killed"), "{}", stderr(&last));
        let left: Vec<_> = dir.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 3, "{left:?}");
    }
}
