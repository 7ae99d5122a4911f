//! Which process a number means: identity, liveness, and ending one.
//!
//! Process ids are used again, so that a process is (id, start mark). `os` reads the mark.
//! Neighbours: `supervise` records installers by it, the twin ends processes when it plays a reboot. An installer is never
//! ended from here by Muster itself.

use std::io;

use serde::{Deserialize, Serialize};

use crate::os;

/// One process, told apart from every later one with the same id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// When it started, in a form that is only compared.
    pub started: String,
}

impl Process {
    /// The calling process.
    pub fn current() -> io::Result<Self> {
        Self::of(std::process::id())
    }

    /// The process that has this id now. One that has ended and is only waited for by its parent is not found.
    pub fn of(pid: u32) -> io::Result<Self> {
        Ok(Self { pid, started: os::start_mark(pid)? })
    }

    /// The parent of the calling process.
    pub fn parent() -> io::Result<Self> {
        Self::of(os::parent_id()?)
    }

    /// Whether this very process still runs. What cannot be read is an error, never "no".
    pub fn is_alive(&self) -> io::Result<bool> {
        match Self::of(self.pid) {
            Ok(now) => Ok(now == *self),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Ends it at once, as a power cut would. One that has ended already is no error.
    pub fn kill(&self) -> io::Result<()> {
        if self.is_alive()? { os::end(self.pid) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_itself_and_not_another_with_its_number() {
        let me = Process::current().unwrap();
        assert!(me.is_alive().unwrap());
        assert!(!Process { started: format!("{}1", me.started), ..me }.is_alive().unwrap());
    }

    #[test]
    #[ignore = "run by another test as a process of its own"]
    fn process_that_waits() {
        io::stdin().read_line(&mut String::new()).unwrap();
    }

    #[test]
    fn a_process_that_ended_but_was_not_waited_for_is_not_alive() {
        use std::io::Read;
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "host::process::tests::process_that_waits"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let process = Process::of(child.id()).unwrap();
        assert!(process.is_alive().unwrap());
        process.kill().unwrap();
        // Its standard output closes when the kernel takes it down, before anybody waited for it.
        child.stdout.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
        while process.is_alive().unwrap() {
            std::thread::yield_now();
        }
        assert!(!child.wait().unwrap().success());
    }
}
