//! Processes: which one a number means, ending one, starting one apart from this one, and one that waits to be released.
//!
//! Neighbours: `crate::os` names these functions for the portable code; `job` sees to it that what was started and never
//! released does not stay. A process is told apart by its creation time (`GetProcessTimes`). Never ends an installer by
//! itself.

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle as _, OwnedHandle};
use std::os::windows::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};

use windows_sys::Win32::Foundation::{
    ERROR_INVALID_PARAMETER, FILETIME, INVALID_HANDLE_VALUE, STATUS_CONTROL_C_EXIT, WAIT_OBJECT_0,
    WAIT_TIMEOUT,
};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
    TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::Threading::{
    CREATE_BREAKAWAY_FROM_JOB, CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, CREATE_SUSPENDED, GetProcessTimes,
    OpenProcess, OpenThread, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, PROCESS_TERMINATE,
    ResumeThread, THREAD_SUSPEND_RESUME, TerminateProcess, WaitForSingleObject,
};

use super::job::{self, Job};
use super::left_behind::{LeftBehind, Register};

/// What tells the process that has this id now from every other that ever has it: when it was created, in 100 ns since
/// 1601. One that has ended and whose object somebody keeps is not found.
///
/// # Errors
/// `NotFound` where there is no such process; anything else where it cannot be told.
pub fn start_mark(pid: u32) -> io::Result<String> {
    let process = open(pid, PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE)?;
    if has_ended(&process)? {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("process {pid} has ended")));
    }
    Ok(created(&process)?.to_string())
}

/// The id of the calling process's parent.
///
/// # Errors
/// `NotFound` where the parent has ended, also where its id was used again.
pub fn parent_id() -> io::Result<u32> {
    let me = std::process::id();
    let ended = || io::Error::new(io::ErrorKind::NotFound, "the parent of this process has ended");
    let entry = processes()?.into_iter().find(|entry| entry.th32ProcessID == me).ok_or_else(ended)?;
    let parent = entry.th32ParentProcessID;
    // Windows keeps the number and not the process: one that is younger than its child is another.
    let mark = |pid| open(pid, PROCESS_QUERY_LIMITED_INFORMATION).and_then(|process| created(&process));
    if mark(parent)? <= mark(me)? { Ok(parent) } else { Err(ended()) }
}

/// Ends a process at once, as a power cut would. One that has ended already is no error.
///
/// # Errors
/// Where it may not be ended.
pub fn end(pid: u32) -> io::Result<()> {
    let process = match open(pid, PROCESS_TERMINATE | PROCESS_SYNCHRONIZE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        process => process?,
    };
    // The exit code says that it was ended from outside, as `exit_code::meaning` reads negative ones.
    // SAFETY: `process` is an open handle with the right to end it.
    let ended = unsafe { TerminateProcess(process.as_raw_handle(), STATUS_CONTROL_C_EXIT.cast_unsigned()) };
    if ended != 0 || has_ended(&process)? { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Has the process start apart from this one: in a group and with a hidden console of its own, so that Ctrl-C and a
/// closed window do not reach it, and outside the job that this one may be in.
///
/// # Errors
/// Where this process is in a job that would end the other one with it.
pub fn detach(command: &mut Command) -> io::Result<&mut Command> {
    let apart = CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP;
    match job::around_this_process()? {
        job::Around::Harmless => Ok(command.creation_flags(apart)),
        job::Around::MayBeLeft => Ok(command.creation_flags(apart | CREATE_BREAKAWAY_FROM_JOB)),
        job::Around::EndsAllAtOnce => Err(io::Error::other(
            "whoever started this agent ends all that it starts along with it, installers too; run it as a service",
        )),
    }
}

/// There is no way to become another program under the same id; [`hold`] makes do without.
pub fn become_program(_command: &mut Command) -> io::Error {
    io::ErrorKind::Unsupported.into()
}

/// There are no signals.
pub fn ending_signal(_status: ExitStatus) -> Option<i32> {
    None
}

/// A program that was started and does nothing until it is released; ends unreleased with whoever holds it.
#[derive(Debug)]
pub struct Held {
    child: Child,
    threads: Vec<OwnedHandle>,
    job: Job,
    register: Register,
}

/// Starts the program with its first thread stopped. The gate, which becomes the program elsewhere, is not needed.
///
/// # Errors
/// Where it cannot be started.
pub fn hold(program: &mut Command, _gate: &mut Command, _command_line: &[u8]) -> io::Result<Held> {
    let job = Job::that_ends_with_its_owner()?;
    let register = Register::of(&job)?;
    let mut child = program.creation_flags(CREATE_SUSPENDED).spawn()?;
    match job.take_in(&child).and_then(|()| threads_of(child.id())) {
        Ok(threads) => Ok(Held { child, threads, job, register }),
        Err(error) => {
            // It has not begun: nothing is undone by ending it.
            child.kill()?;
            child.wait()?;
            Err(error)
        }
    }
}

impl Held {
    /// Its id, which stays the program's.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lets it go: from here on nobody's end ends it.
    ///
    /// # Errors
    /// Where it stays stopped; it ends then, without having begun.
    pub fn release(self) -> io::Result<Released> {
        let Self { child, threads, job, register } = self;
        // In this order, with nothing in between: a holder that dies between the two leaves a process that never runs,
        // not an installer that is ended in the midst of its work.
        job.let_go()?;
        match threads.iter().try_for_each(resume) {
            Ok(()) => Ok(Released { child, job, register: Some(register) }),
            Err(error) => {
                end(child.id())?;
                Err(error)
            }
        }
    }
}

/// A program that was released and runs, with all that it starts.
#[derive(Debug)]
pub struct Released {
    child: Child,
    job: Job,
    register: Option<Register>,
}

impl Released {
    /// Waits until it has ended.
    ///
    /// # Errors
    /// Where it cannot be waited for.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }

    /// A process that it started, or one of those did, and that still runs. What a service does for it is none of them.
    ///
    /// # Errors
    /// Where Windows does not say.
    pub fn left_behind(&self) -> io::Result<Option<u32>> {
        Ok(self.job.members()?.first().copied())
    }

    /// Takes hold of all of these, and of those that have ended meanwhile. To be called once, when the program itself has ended.
    ///
    /// # Errors
    /// Where Windows does not say who they are, or lets one not be opened.
    pub fn hold_left_behind(&mut self) -> io::Result<LeftBehind> {
        let register = self.register.take().ok_or_else(|| io::Error::other("it was asked before"))?;
        LeftBehind::of(&self.child, &self.job, register)
    }
}

/// Adds an argument that stands in the command line just so, with a space before it.
pub fn add_verbatim(command: &mut Command, argument: &str) {
    command.raw_arg(argument);
}

pub(super) fn open(pid: u32, rights: u32) -> io::Result<OwnedHandle> {
    // SAFETY: no memory is passed; the handle is not inherited.
    let handle = unsafe { OpenProcess(rights, 0, pid) };
    if handle.is_null() {
        let error = io::Error::last_os_error();
        return Err(match error.raw_os_error() {
            Some(code) if code.cast_unsigned() == ERROR_INVALID_PARAMETER => {
                io::Error::new(io::ErrorKind::NotFound, format!("there is no process {pid}"))
            }
            _ => error,
        });
    }
    // SAFETY: the handle is open and nobody else's.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// Whether it has ended; its object stays as long as somebody has a handle to it.
pub(super) fn has_ended(process: &impl AsRawHandle) -> io::Result<bool> {
    // SAFETY: `process` is an open handle that may be waited for.
    match unsafe { WaitForSingleObject(process.as_raw_handle(), 0) } {
        WAIT_OBJECT_0 => Ok(true),
        WAIT_TIMEOUT => Ok(false),
        _ => Err(io::Error::last_os_error()),
    }
}

/// When it was created, in 100 ns since 1601.
fn created(process: &OwnedHandle) -> io::Result<u64> {
    Ok(times(process)?.created)
}

/// When a process began and ended, in 100 ns since 1601.
pub(super) struct Times {
    pub(super) created: u64,
    /// Anything, where it has not ended.
    pub(super) ended: u64,
}

pub(super) fn times(process: &impl AsRawHandle) -> io::Result<Times> {
    let [mut created, mut exited, mut kernel, mut user] = [FILETIME::default(); 4];
    // SAFETY: `process` is an open handle, and the four times are this function's own.
    let told = unsafe {
        GetProcessTimes(process.as_raw_handle(), &mut created, &mut exited, &mut kernel, &mut user)
    };
    if told == 0 {
        return Err(io::Error::last_os_error());
    }
    let [created, ended] =
        [created, exited].map(|time| u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime));
    Ok(Times { created, ended })
}

/// The threads of a process, open to be resumed. One that was created stopped has one; a virus scanner may add its own.
fn threads_of(pid: u32) -> io::Result<Vec<OwnedHandle>> {
    let open = |thread: &THREADENTRY32| {
        // SAFETY: no memory is passed; the handle is not inherited.
        let handle = unsafe { OpenThread(THREAD_SUSPEND_RESUME, 0, thread.th32ThreadID) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is open and nobody else's.
        Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
    };
    threads()?.iter().filter(|thread| thread.th32OwnerProcessID == pid).map(open).collect()
}

/// Lets a thread run that is stopped once.
fn resume(thread: &OwnedHandle) -> io::Result<()> {
    // SAFETY: the thread is open with the right to resume it.
    let resumed = unsafe { ResumeThread(thread.as_raw_handle()) };
    if resumed == u32::MAX { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn snapshot(of: u32) -> io::Result<OwnedHandle> {
    // SAFETY: no memory is passed.
    let handle = unsafe { CreateToolhelp32Snapshot(of, 0) };
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is open and nobody else's.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// Every process of the computer.
pub(super) fn processes() -> io::Result<Vec<PROCESSENTRY32W>> {
    let snapshot = snapshot(TH32CS_SNAPPROCESS)?;
    let mut entry = PROCESSENTRY32W { dwSize: size_of_u32::<PROCESSENTRY32W>(), ..Default::default() };
    let mut all = Vec::new();
    // SAFETY: `snapshot` is open, and `entry` says its own size.
    let mut more = unsafe { Process32FirstW(snapshot.as_raw_handle(), &mut entry) };
    while more != 0 {
        all.push(entry);
        // SAFETY: as above.
        more = unsafe { Process32NextW(snapshot.as_raw_handle(), &mut entry) };
    }
    Ok(all)
}

fn threads() -> io::Result<Vec<THREADENTRY32>> {
    let snapshot = snapshot(TH32CS_SNAPTHREAD)?;
    let mut entry = THREADENTRY32 { dwSize: size_of_u32::<THREADENTRY32>(), ..Default::default() };
    let mut all = Vec::new();
    // SAFETY: `snapshot` is open, and `entry` says its own size.
    let mut more = unsafe { Thread32First(snapshot.as_raw_handle(), &mut entry) };
    while more != 0 {
        all.push(entry);
        // SAFETY: as above.
        more = unsafe { Thread32Next(snapshot.as_raw_handle(), &mut entry) };
    }
    Ok(all)
}

/// The size of a structure as Windows' structures carry it.
#[expect(clippy::cast_possible_truncation, reason = "structures of Windows are some hundred bytes long")]
pub(super) const fn size_of_u32<T>() -> u32 {
    size_of::<T>() as u32
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// This test program again, as a process that only says that it ran.
    fn program(mark: &Path) -> Command {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args([
            "--ignored",
            "--exact",
            "host::windows::process::tests::process_that_says_that_it_ran",
        ]);
        program.env("MARK", mark);
        program
    }

    #[test]
    #[ignore = "run by other tests as a process of its own"]
    fn process_that_says_that_it_ran() {
        std::fs::write(std::env::var_os("MARK").unwrap(), parent_id().unwrap().to_string()).unwrap();
        std::process::exit(3010);
    }

    /// As a bootstrapper does: has another do something that fails, starts a copy and ends.
    #[test]
    #[ignore = "run by other tests as a process of its own"]
    fn process_that_leaves_another_behind() {
        let this = |name: &str| {
            let mut program = Command::new(std::env::current_exe().unwrap());
            let name = format!("host::windows::process::tests::process_that_{name}");
            program.args(["--ignored", "--exact", name.as_str()]);
            program
        };
        assert_eq!(this("fails").status().unwrap().code(), Some(5));
        this("waits").stdin(std::process::Stdio::inherit()).spawn().unwrap();
        std::process::exit(7);
    }

    #[test]
    #[ignore = "run by other tests as a process of its own"]
    fn process_that_fails() {
        std::process::exit(5);
    }

    #[test]
    #[ignore = "run by other tests as a process of its own"]
    fn process_that_waits() {
        io::stdin().read_line(&mut String::new()).unwrap();
        std::process::exit(3010);
    }

    /// A program that leaves another behind, to its end.
    fn ended_program() -> (Released, Option<std::process::ChildStdin>) {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args([
            "--ignored",
            "--exact",
            "host::windows::process::tests::process_that_leaves_another_behind",
        ]);
        program.stdin(std::process::Stdio::piped());
        let mut released = hold(&mut program, &mut Command::new("no gate"), b"").unwrap().release().unwrap();
        let stdin = released.child.stdin.take();
        assert_eq!(released.wait().unwrap().code(), Some(7));
        (released, stdin)
    }

    #[test]
    fn what_a_program_leaves_behind_is_seen_until_it_has_ended() {
        let (mut released, stdin) = ended_program();
        let held = released.hold_left_behind().unwrap();
        assert_eq!(
            held.code().unwrap(),
            None,
            "it has not ended, and what ended before the program does not count"
        );
        let left = released.left_behind().unwrap().unwrap();
        assert_ne!(left, released.child.id());
        start_mark(left).unwrap();
        // Its standard input ends, and it with that.
        drop(stdin);
        while released.left_behind().unwrap().is_some() {
            std::thread::yield_now();
        }
        assert_eq!(held.code().unwrap(), Some(3010));
    }

    #[test]
    fn what_has_ended_before_anybody_looked_has_told_its_code() {
        let (mut released, stdin) = ended_program();
        drop(stdin);
        while released.left_behind().unwrap().is_some() {
            std::thread::yield_now();
        }
        assert_eq!(released.hold_left_behind().unwrap().code().unwrap(), Some(3010));
    }

    fn hold_it(mark: &Path) -> Held {
        hold(&mut program(mark), &mut Command::new("no gate"), b"").unwrap()
    }

    #[test]
    fn a_held_program_ends_with_its_holder_and_has_done_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let held = hold_it(&mark);
        let pid = held.id();
        start_mark(pid).unwrap();
        let Held { mut child, threads, job, .. } = held;
        drop(job);
        child.wait().unwrap();
        drop(threads);
        assert!(!mark.exists());
        assert_eq!(start_mark(pid).unwrap_err().kind(), io::ErrorKind::NotFound, "while its object is kept");
    }

    #[test]
    fn a_released_program_runs_to_its_end_and_its_exit_code_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let mut child = hold_it(&mark).release().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(3010));
        assert_eq!(
            std::fs::read_to_string(&mark).unwrap(),
            std::process::id().to_string(),
            "it knows its parent"
        );
    }

    #[test]
    fn a_process_that_is_ended_from_outside_has_a_negative_code_and_can_be_ended_twice() {
        let folder = tempfile::tempdir().unwrap();
        let mut held = hold_it(&folder.path().join("mark"));
        end(held.id()).unwrap();
        assert!(held.child.wait().unwrap().code().unwrap() < 0);
        end(held.id()).unwrap();
    }

    #[test]
    fn a_number_that_no_process_has_is_not_found() {
        assert_eq!(start_mark(0).unwrap_err().kind(), io::ErrorKind::NotFound);
        end(0).unwrap();
    }
}
