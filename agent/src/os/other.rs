//! Where nothing was written yet: every act is refused. See [`super`].

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus};

fn unsupported<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "not written for this operating system yet"))
}

/// See `unix`.
///
/// # Errors
/// Always.
pub fn start_mark(_pid: u32) -> io::Result<String> {
    unsupported()
}

/// See `unix`.
///
/// # Errors
/// Always.
pub fn parent_id() -> io::Result<u32> {
    unsupported()
}

/// See `unix`.
///
/// # Errors
/// Always.
pub fn end(_pid: u32) -> io::Result<()> {
    unsupported()
}

/// See `unix`.
///
/// # Errors
/// Always.
pub fn detach(_command: &mut Command) -> io::Result<&mut Command> {
    unsupported()
}

/// See `unix`.
pub fn become_program(_command: &mut Command) -> io::Error {
    io::ErrorKind::Unsupported.into()
}

/// There are no signals.
pub fn ending_signal(_status: ExitStatus) -> Option<i32> {
    None
}

/// See `unix`.
///
/// # Errors
/// Always.
pub fn sync_folder(_folder: &Path) -> io::Result<()> {
    unsupported()
}

/// See `unix`.
///
/// # Errors
/// Always.
pub fn make_private(_options: &mut OpenOptions) -> io::Result<&mut OpenOptions> {
    unsupported()
}

/// See `unix`.
///
/// # Errors
/// Always.
pub fn make_private_folder(_folder: &Path) -> io::Result<()> {
    unsupported()
}

/// Waits until the process is asked to stop by Ctrl-C.
///
/// # Errors
/// Where that cannot be listened to.
pub async fn terminated() -> io::Result<&'static str> {
    tokio::signal::ctrl_c().await.map(|()| "Ctrl-C")
}
