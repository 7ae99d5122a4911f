//! What differs between operating systems: files that are their owner's alone, the disk's room, and being asked to stop.
//!
//! Where nothing was written yet, a private file is refused instead of being made for everybody. Neighbours:
//! `authority::files`, `staging` and `command_line`. Decides nothing.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

/// Has the file, where it is made, be its owner's alone.
///
/// # Errors
/// Where that is not written for this operating system yet.
#[cfg(unix)]
pub(crate) fn make_private(options: &mut OpenOptions) -> io::Result<&mut OpenOptions> {
    Ok(std::os::unix::fs::OpenOptionsExt::mode(options, 0o600))
}

/// Makes a folder, and with `above` those above it, that only its owner may enter.
///
/// # Errors
/// Where it cannot be made.
#[cfg(unix)]
pub(crate) fn make_private_folder(folder: &Path, above: bool) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(above).mode(0o700).create(folder)
}

/// Has the disk take the names in a folder.
///
/// # Errors
/// Where it does not.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

/// Holds a folder for as long as the file lives; none where another process holds it.
///
/// # Errors
/// Where the folder cannot be opened.
#[cfg(unix)]
pub(crate) fn lock_folder(folder: &Path) -> io::Result<Option<std::fs::File>> {
    let file = std::fs::File::open(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

/// What the disk of a folder can still take from this account.
///
/// # Errors
/// Where the disk does not say.
#[cfg(unix)]
pub(crate) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Waits until the process is asked to stop.
///
/// # Errors
/// Where signals cannot be listened to; at once, before anything is waited for.
#[cfg(unix)]
pub(crate) fn terminated() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn unsupported<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "not written for this operating system yet"))
}

#[cfg(not(unix))]
pub(crate) fn make_private(_options: &mut OpenOptions) -> io::Result<&mut OpenOptions> {
    unsupported()
}

#[cfg(not(unix))]
pub(crate) fn make_private_folder(_folder: &Path, _above: bool) -> io::Result<()> {
    unsupported()
}

#[cfg(not(unix))]
pub(crate) fn sync_folder(_folder: &Path) -> io::Result<()> {
    unsupported()
}

#[cfg(not(unix))]
pub(crate) fn lock_folder(_folder: &Path) -> io::Result<Option<std::fs::File>> {
    unsupported()
}

#[cfg(not(unix))]
pub(crate) fn free_bytes(_folder: &Path) -> io::Result<u64> {
    unsupported()
}

#[cfg(not(unix))]
pub(crate) fn terminated() -> io::Result<impl Future<Output = ()>> {
    unsupported::<std::future::Ready<()>>()
}
