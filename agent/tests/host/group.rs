//! A process and what it starts, ended together as Ctrl-C and service managers do; what is detached is not among them.

use std::io;
use std::process::{Child, Command};

#[cfg(unix)]
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    std::os::unix::process::CommandExt::process_group(command, 0).spawn()
}

#[cfg(unix)]
pub(crate) fn kill(first: &mut Child) -> io::Result<()> {
    let group = i32::try_from(first.id()).ok().and_then(rustix::process::Pid::from_raw);
    let group = group.ok_or(io::ErrorKind::InvalidData)?;
    Ok(rustix::process::kill_process_group(group, rustix::process::Signal::KILL)?)
}

#[cfg(windows)]
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    command.spawn()
}

/// Windows ends no group from outside but a job, and `detach` refuses to start anything in one that ends all.
#[cfg(windows)]
pub(crate) fn kill(first: &mut Child) -> io::Result<()> {
    first.kill()
}
