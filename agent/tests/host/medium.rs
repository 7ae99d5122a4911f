//! What was hashed is what is executed, or nothing is (G2): media that are swapped between the look and the use.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use muster_agent::host::CommandLine;
use muster_agent::supervise::confidential::Confidential;
use muster_agent::supervise::medium::{self, HeldMedium};
use muster_agent::supervise::{Error, Phase, Probe};
use muster_model::digest::Digest;
use muster_model::package::Medium;

use crate::{Stage, exe, key};

const RIGHT: &str = "the right setup";
const WRONG: &str = "another setup, of another length";
const TRIES: usize = 1_000;

fn lay(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path
}

fn medium(path: &Path, content: &[u8]) -> Medium {
    Medium { path: path.to_str().unwrap().to_owned(), sha256: Digest::of(content) }
}

/// An installer that names its medium, and would do its work whatever that holds.
fn command(medium: Medium, stage: &Stage) -> CommandLine {
    let mut command = stage.installer("quick", "1.0");
    command.arguments.extend(["--".to_owned(), medium.path.clone()]);
    CommandLine { medium: Some(medium), ..command }
}

/// Ends the other thread, whatever becomes of the test.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A file of the wrong content that is put in the place of the right one, and back, as fast as it goes.
#[test]
fn a_medium_that_is_swapped_is_used_as_it_was_hashed_or_refused_a_thousand_times() {
    let folder = tempfile::tempdir().unwrap();
    let path = lay(folder.path(), "setup.exe", RIGHT);
    let contents = [RIGHT, WRONG];
    let (medium, done) = (medium(&path, RIGHT.as_bytes()), AtomicBool::new(false));
    let (mut used, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for content in contents.iter().cycle() {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                let next = lay(folder.path(), "next", content);
                // Where the file is held, Windows says no; that is the promise, and the next try comes.
                let _answer = fs::rename(next, &path);
            }
        });
        let _done = Done(&done);
        while used < TRIES || refused < TRIES {
            match HeldMedium::take(&medium) {
                Ok(held) => {
                    // Whatever the other thread does meanwhile, one swap falls between each look and its use.
                    let _answer = fs::rename(lay(folder.path(), "other", WRONG), &path);
                    let program = held.named_in(CommandLine {
                        medium: Some(medium.clone()),
                        ..CommandLine::plain(medium.path.clone().into(), Vec::new())
                    });
                    assert_eq!(fs::read_to_string(program.program).unwrap(), RIGHT);
                    used += 1;
                }
                Err(medium::Error::Other { found, .. }) => {
                    assert_eq!(found, Digest::of(WRONG.as_bytes()));
                    refused += 1;
                }
                Err(medium::Error::Unreadable { .. }) => {}
            }
        }
    });
}

#[test]
fn a_wrong_medium_starts_nothing_claims_nothing_and_the_right_one_may_follow() {
    let (stage, key) = (Stage::new(), key());
    let folder = tempfile::tempdir().unwrap();
    let path = lay(folder.path(), "setup.exe", WRONG);
    let supervisor = stage.supervisor();
    let command = command(medium(&path, RIGHT.as_bytes()), &stage);
    let Err(Error::NotStarted { message, .. }) =
        supervisor.start(&key, Phase::Install, &command, &Confidential::default())
    else {
        panic!("it was started")
    };
    assert!(message.contains("setup.exe") && message.contains("was approved"), "{message}");
    fs::remove_file(&path).unwrap();
    let Err(Error::NotStarted { message, .. }) =
        supervisor.start(&key, Phase::Install, &command, &Confidential::default())
    else {
        panic!("it was started")
    };
    assert!(message.contains("cannot be taken hold of"), "{message}");
    assert_eq!(supervisor.probe(&key, Phase::Install).unwrap(), Probe::NeverStarted);
    assert_eq!(stage.starts().len(), 0);
    lay(folder.path(), "setup.exe", RIGHT);
    supervisor.start(&key, Phase::Install, &command, &Confidential::default()).unwrap();
    assert_eq!(stage.end(&key), Probe::Exited { code: 0 });
}

/// The program of the agent itself as a medium, removed while it is the installer.
#[test]
fn an_installer_is_executed_from_the_file_that_was_hashed() {
    let (stage, key) = (Stage::new(), key());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("setup.exe");
    fs::copy(exe(), &path).unwrap();
    let command = stage.installer("quick", "1.0");
    let medium = medium(&path, &fs::read(&path).unwrap());
    let command = CommandLine { program: path, medium: Some(medium), ..command };
    stage.supervisor().start(&key, Phase::Install, &command, &Confidential::default()).unwrap();
    assert_eq!(stage.end(&key), Probe::Exited { code: 0 });
    assert_eq!(stage.starts().len(), 1);
}
