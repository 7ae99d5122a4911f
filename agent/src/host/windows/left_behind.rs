//! What a program left behind when it ended: the processes of its job that ran still, and what they ended with.
//!
//! A bootstrapper that goes on from a copy of itself ends with 0 at once, and its copy ends with what became of the
//! installation. Each is held open, because Windows forgets the code of an ended process that nobody holds. What these start
//! in their turn, such as the command that removes a copy, is not asked: its code says nothing of the installation.
//! Neighbours: `job` says who they are, `process` opens them. Never ends one, and never waits.

use std::io;
use std::os::windows::io::{AsRawHandle as _, OwnedHandle};

use windows_sys::Win32::System::Threading::{
    GetExitCodeProcess, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE,
};

use super::job::Job;
use super::process::{has_ended, open, times};

/// The processes that ran still when their program ended.
#[derive(Debug)]
pub struct LeftBehind(Vec<OwnedHandle>);

impl LeftBehind {
    /// Those that are in the job now.
    ///
    /// # Errors
    /// Where Windows does not say, or lets one not be opened.
    pub(super) fn of(job: &Job) -> io::Result<Self> {
        let mut held = Vec::new();
        for pid in job.members()? {
            match open(pid, PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                process => held.push(process?),
            }
        }
        Ok(Self(held))
    }

    /// What they ended with: the code of the one that ended last, where those that ended with 0 do not count; none where
    /// all did.
    ///
    /// # Errors
    /// Where Windows does not say.
    pub fn code(&self) -> io::Result<Option<i32>> {
        let mut ended = Vec::new();
        for process in &self.0 {
            if has_ended(process)? {
                ended.push((times(process)?.ended, exit_code(process)?));
            }
        }
        Ok(last_that_is_not_0(&ended))
    }
}

/// Of ended processes, each as when it ended and with what.
fn last_that_is_not_0(ended: &[(u64, i32)]) -> Option<i32> {
    ended.iter().filter(|(_, code)| *code != 0).max_by_key(|(time, _)| *time).map(|(_, code)| *code)
}

fn exit_code(process: &OwnedHandle) -> io::Result<i32> {
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
