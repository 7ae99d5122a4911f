//! What a program left behind when it ended: the processes of its job that ran still, and what they ended with.
//!
//! A bootstrapper that goes on from a copy of itself ends with 0 at once, and its copy ends with what became of the
//! installation. Windows forgets the code of an ended process that nobody holds, so that each process is opened as soon as the
//! job says that it is there: one that ends before anybody looks has told its code all the same. Only those that began before
//! their program ended and ended after it are asked. What these start in their turn, such as the command that removes a copy,
//! is not: its code says nothing of the installation. Neighbours: `job` says who they are, `process` opens them. Never ends
//! one, and never waits for one.

use std::io;
use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::process::Child;
use std::sync::Arc;
use std::thread::JoinHandle;

use windows_sys::Win32::System::Threading::{
    GetExitCodeProcess, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE,
};

use super::job::{Job, News, Port};
use super::process::{Times, has_ended, open, times};

/// Opens every process that comes into a job, from before there is one.
#[derive(Debug)]
pub(super) struct Register {
    port: Arc<Port>,
    opens: JoinHandle<io::Result<Vec<OwnedHandle>>>,
}

impl Register {
    /// One for a job that is still empty.
    ///
    /// # Errors
    /// Where Windows does not take it.
    pub(super) fn of(job: &Job) -> io::Result<Self> {
        let port = Arc::new(Port::new()?);
        job.tell(&port)?;
        let listened = Arc::clone(&port);
        let opens = std::thread::Builder::new().name("job".to_owned()).spawn(move || open_all(&listened))?;
        Ok(Self { port, opens })
    }

    /// Those that have come until now.
    fn close(self) -> io::Result<Vec<OwnedHandle>> {
        self.port.end()?;
        self.opens.join().unwrap_or_else(|_| Err(io::Error::other("what listens to the job has ended")))
    }
}

fn open_all(port: &Port) -> io::Result<Vec<OwnedHandle>> {
    let mut held = Vec::new();
    loop {
        match port.next()? {
            News::Process(pid) => held.extend(hold(pid)?),
            News::Other => {}
            News::End => return Ok(held),
        }
    }
}

/// None where it has ended and nobody holds it.
fn hold(pid: u32) -> io::Result<Option<OwnedHandle>> {
    match open(pid, PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        process => process.map(Some),
    }
}

/// The processes that ran still when their program ended.
#[derive(Debug)]
pub struct LeftBehind {
    held: Vec<OwnedHandle>,
    /// When their program ended.
    since: u64,
}

impl LeftBehind {
    /// Those of the job, whose program has ended: those that the register has, and those that are in it now. Windows does not
    /// promise that it tells of every one.
    ///
    /// # Errors
    /// Where Windows does not say, or lets one not be opened.
    pub(super) fn of(program: &Child, job: &Job, register: Register) -> io::Result<Self> {
        let since = times(program)?.ended;
        let mut held = register.close()?;
        for pid in job.members()? {
            held.extend(hold(pid)?);
        }
        Ok(Self { held, since })
    }

    /// What they ended with: the code of the one that ended last, where those that ended with 0 do not count; none where
    /// all did.
    ///
    /// # Errors
    /// Where Windows does not say.
    pub fn code(&self) -> io::Result<Option<i32>> {
        let mut ended = Vec::new();
        for process in &self.held {
            if has_ended(process)? {
                let Times { created, ended: end } = times(process)?;
                if created <= self.since && self.since < end {
                    ended.push((end, exit_code(process)?));
                }
            }
        }
        Ok(last_that_is_not_0(&ended))
    }
}

/// Of ended processes, each as when it ended and with what.
fn last_that_is_not_0(ended: &[(u64, i32)]) -> Option<i32> {
    ended.iter().filter(|(_, code)| *code != 0).max_by_key(|(time, _)| *time).map(|(_, code)| *code)
}

fn exit_code(process: &impl AsRawHandle) -> io::Result<i32> {
    let mut code = 0;
    // SAFETY: `process` is an open handle with the right to be asked, and `code` is this function's own.
    let told = unsafe { GetExitCodeProcess(process.as_raw_handle(), &mut code) };
    if told == 0 { Err(io::Error::last_os_error()) } else { Ok(code.cast_signed()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_those_that_did_not_end_with_0_tells() {
        assert_eq!(last_that_is_not_0(&[]), None);
        assert_eq!(last_that_is_not_0(&[(1, 0), (2, 0)]), None);
        assert_eq!(
            last_that_is_not_0(&[(2, 3010), (1, 1), (3, 0)]),
            Some(3010),
            "whatever ends after it well"
        );
    }
}
