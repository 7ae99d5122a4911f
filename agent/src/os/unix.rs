//! Linux. See [`super`].

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use tokio::signal::unix::{SignalKind, signal};

/// What tells the process that has this id now from every other that ever has it: the boot, and field 22 of
/// `/proc/PID/stat`. One that has ended and is only waited for by its parent is not found.
///
/// # Errors
/// `NotFound` where there is no such process; anything else where it cannot be told.
pub fn start_mark(pid: u32) -> io::Result<String> {
    let stat =
        fs::read_to_string(format!("/proc/{pid}/stat")).map_err(|error| match error.raw_os_error() {
            // ESRCH is what /proc answers when the process ends between opening and reading.
            Some(number) if number == rustix::io::Errno::SRCH.raw_os_error() => {
                io::ErrorKind::NotFound.into()
            }
            _ => error,
        })?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid}/stat is not readable"));
    // The second field is the program's name in parentheses and may hold anything, parentheses included.
    let (_, rest) = stat.rsplit_once(')').ok_or_else(wrong)?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let (state, ticks) = (fields.first().ok_or_else(wrong)?, fields.get(19).ok_or_else(wrong)?);
    if matches!(*state, "Z" | "X" | "x") {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("process {pid} has ended")));
    }
    Ok(format!("{}/{ticks}", boot.trim()))
}

/// The id of the calling process's parent.
///
/// # Errors
/// None here.
pub fn parent_id() -> io::Result<u32> {
    Ok(std::os::unix::process::parent_id())
}

/// Ends a process at once, as a power cut would. One that has ended already is no error.
///
/// # Errors
/// Where it may not be ended.
pub fn end(pid: u32) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not a process id"))?;
    match rustix::process::kill_process(pid, rustix::process::Signal::KILL) {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        result => Ok(result?),
    }
}

/// Has the process start in a group of its own: what ends this one's group, such as Ctrl-C, does not reach it.
///
/// # Errors
/// None here.
pub fn detach(command: &mut Command) -> io::Result<&mut Command> {
    Ok(command.process_group(0))
}

/// Becomes that program under the same id; returns only where that is not possible.
pub fn become_program(command: &mut Command) -> io::Error {
    command.exec()
}

/// A program that was started and does nothing until it is released; unreleased it ends without effect.
#[derive(Debug)]
pub struct Held {
    gate: Child,
    stdin: ChildStdin,
    command_line: Vec<u8>,
}

/// Starts the program such that it waits to be released. No process can be created stopped here, so the gate is started
/// instead: a process that reads the command line and then becomes the program under its own id, or leaves where its
/// input ends before.
///
/// # Errors
/// Where it cannot be started.
pub fn hold(_program: &mut Command, gate: &mut Command, command_line: &[u8]) -> io::Result<Held> {
    let mut gate = gate.stdin(Stdio::piped()).spawn()?;
    let stdin = gate.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok(Held { gate, stdin, command_line: command_line.to_vec() })
}

impl Held {
    /// Its id, which stays the program's.
    pub fn id(&self) -> u32 {
        self.gate.id()
    }

    /// Lets it go.
    ///
    /// # Errors
    /// Where it cannot be told; it ends then without effect.
    pub fn release(self) -> io::Result<Released> {
        let Self { gate, mut stdin, command_line } = self;
        stdin.write_all(&command_line)?;
        stdin.flush()?;
        Ok(Released(gate))
    }
}

/// A program that was released and runs.
#[derive(Debug)]
pub struct Released(Child);

impl Released {
    /// Waits until it has ended.
    ///
    /// # Errors
    /// Where it cannot be waited for.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.0.wait()
    }

    /// A process that it left behind. There are no jobs here, and what plays an installer leaves none.
    ///
    /// # Errors
    /// None here.
    pub fn left_behind(&self) -> io::Result<Option<u32>> {
        Ok(None)
    }

    /// Takes hold of these.
    ///
    /// # Errors
    /// None here.
    pub fn hold_left_behind(&mut self) -> io::Result<LeftBehind> {
        Ok(LeftBehind)
    }
}

/// What a program left behind: nothing, here.
#[derive(Debug)]
pub struct LeftBehind;

impl LeftBehind {
    /// What the last of them ended with that did not end with 0.
    ///
    /// # Errors
    /// None here.
    pub fn code(&self) -> io::Result<Option<i32>> {
        Ok(None)
    }
}

/// Adds an argument. Arguments are handed over one by one here, and never by a line that somebody takes apart.
pub fn add_verbatim(command: &mut Command, argument: &str) {
    command.arg(argument);
}

/// Opens a file to be looked at and executed. Nobody can be kept from writing it here; see [`path_of`].
///
/// # Errors
/// Where it cannot be read.
pub fn open_unchanging(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// A path of this very file, whatever became of its name, for as long as this process keeps it open.
///
/// # Errors
/// None here.
pub fn path_of(file: &File) -> io::Result<String> {
    Ok(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()))
}

/// The signal that ended a process, where one did.
pub fn ending_signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Gives a file a new name, in the place of another where there is one. [`sync_name`] makes that last.
///
/// # Errors
/// Where it cannot.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Has the disk take that this name means this file: names lie in their folder.
///
/// # Errors
/// Where it does not.
pub fn sync_name(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Has the file, where it is made, be its owner's alone.
///
/// # Errors
/// None here.
pub fn make_private(options: &mut OpenOptions) -> io::Result<&mut OpenOptions> {
    Ok(options.mode(0o600))
}

/// What the disk of a folder can still take from this account.
///
/// # Errors
/// Where there is no such folder, or its disk does not say.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Whether Windows Installer carries something out: there is none here.
///
/// # Errors
/// Never.
pub fn windows_installer_works() -> io::Result<bool> {
    Ok(false)
}

/// Makes a folder, and those above it, that only their owner may enter.
///
/// # Errors
/// Where it cannot be made.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Who else than the owner of this process and the system may read or change what lies in this folder, in words.
///
/// # Errors
/// Where it cannot be told.
pub fn who_else(folder: &Path) -> io::Result<Vec<String>> {
    let facts = fs::metadata(folder)?;
    let me = rustix::process::geteuid().as_raw();
    let mut others = Vec::new();
    if facts.uid() != me && facts.uid() != 0 {
        others.push(format!("user {}", facts.uid()));
    }
    for (bits, who) in [(0o070, "its group"), (0o007, "everybody")] {
        if facts.mode() & bits != 0 {
            others.push(who.to_owned());
        }
    }
    Ok(others)
}

/// Whether the caller is the owner of a folder: here, the server's administrator as far as the agent is concerned. Not even
/// the superuser counts as one, so that what is recorded of who looked is true.
///
/// # Errors
/// Where the folder cannot be looked at.
pub fn is_owner(folder: &Path) -> io::Result<bool> {
    Ok(fs::metadata(folder)?.uid() == rustix::process::geteuid().as_raw())
}

/// The name of the caller's account.
///
/// # Errors
/// Where the list of accounts cannot be read.
pub fn account() -> io::Result<String> {
    let id = rustix::process::geteuid().as_raw().to_string();
    let accounts = fs::read_to_string("/etc/passwd")?;
    let name = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number == id).then(|| name.to_owned())
    });
    Ok(name.unwrap_or_else(|| format!("account {id}")))
}

/// Waits until the process is asked to stop; gives the name of how.
///
/// # Errors
/// Where signals cannot be listened to.
pub async fn terminated() -> io::Result<&'static str> {
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = term.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
    }
}
