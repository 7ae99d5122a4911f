//! The disk: names that survive a power cut, folders that are private, and the wish to stop.
//!
//! Neighbours: `crate::os` names these functions for the portable code, `files` puts its files in place with them. Never
//! reads, and never widens anybody's rights.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_ALREADY_EXISTS, ERROR_SHARING_VIOLATION};
use windows_sys::Win32::Storage::FileSystem::{
    CreateDirectoryW, MOVEFILE_REPLACE_EXISTING, MOVEFILE_WRITE_THROUGH, MoveFileExW,
};

use super::security::Descriptor;
use super::text::wide;

/// Everything for the system, for administrators and for whoever made the folder; nothing for others; nothing from above.
/// `S-1-3-4` is the owner, whoever it is: with administrators that is their group.
const PRIVATE: &str = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;S-1-3-4)";

/// How often a name is tried that another program keeps busy. Virus scanners and indexers open a new file for moments.
const BUSY_TRIES: u32 = 10;

/// Gives a file a new name, in the place of another where there is one, and has the disk take it before it returns.
///
/// # Errors
/// Where it does not, also where another program keeps one of the two open.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let (old, new) = (wide(from), wide(to));
    let mut pause = Duration::from_millis(1);
    for attempt in 1.. {
        // SAFETY: both names end with a zero and live until the call is done.
        let moved = unsafe {
            MoveFileExW(old.as_ptr(), new.as_ptr(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)
        };
        if moved != 0 {
            break;
        }
        let error = io::Error::last_os_error();
        let busy = [ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION].map(u32::cast_signed);
        if attempt == BUSY_TRIES || !error.raw_os_error().is_some_and(|code| busy.contains(&code)) {
            return Err(error);
        }
        thread::sleep(pause);
        pause *= 2;
    }
    Ok(())
}

/// What the disk of a folder can still take from this account.
///
/// # Errors
/// Where there is no such folder, or its disk does not say.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    super::inventory::free_at(folder)?.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Has the disk take that this name means this file: a file's own flush takes its names with it.
///
/// # Errors
/// Where it does not.
pub fn sync_name(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.sync_all()
}

/// Nothing is to be done: a file takes its rights from its folder, and that is private.
///
/// # Errors
/// None here.
pub fn make_private(options: &mut OpenOptions) -> io::Result<&mut OpenOptions> {
    Ok(options)
}

/// Makes a folder, private from its first moment on, and those above it as they come. One that is there stays as it is.
///
/// # Errors
/// Where it cannot be made.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        fs::create_dir_all(above)?;
    }
    let descriptor = Descriptor::read(PRIVATE)?;
    let path = wide(folder);
    // SAFETY: the name ends with a zero, and the descriptor outlives the call.
    if unsafe { CreateDirectoryW(path.as_ptr(), &descriptor.attributes()) } == 0 {
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(ERROR_ALREADY_EXISTS.cast_signed()) {
            return Err(error);
        }
    }
    Ok(())
}

/// Whether the caller may read a folder that is private: its rights name the system, administrators and whoever made it, so
/// that the question is Windows' own, asked by listing it.
///
/// # Errors
/// Where the folder cannot be looked at for another reason.
pub fn is_owner(folder: &Path) -> io::Result<bool> {
    match fs::read_dir(folder) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
        Err(error) => Err(error),
    }
}

/// The name of the caller's account, as the session says it.
///
/// # Errors
/// Where the session does not.
pub fn account() -> io::Result<String> {
    let variable =
        |name: &str| std::env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")));
    Ok(format!("{}\\{}", variable("USERDOMAIN")?, variable("USERNAME")?))
}

/// Waits until the process is asked to stop; gives the name of how.
///
/// # Errors
/// Where that cannot be listened to.
pub async fn terminated() -> io::Result<&'static str> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
    let (mut c, mut r#break) = (ctrl_c()?, ctrl_break()?);
    let (mut close, mut shutdown) = (ctrl_close()?, ctrl_shutdown()?);
    tokio::select! {
        _ = c.recv() => Ok("Ctrl-C"),
        _ = r#break.recv() => Ok("Ctrl-Break"),
        _ = close.recv() => Ok("closing of the window"),
        _ = shutdown.recv() => Ok("shutdown of Windows"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_the_place_of_another_and_its_name_can_be_flushed() {
        let folder = tempfile::tempdir().unwrap();
        let (new, path) = (folder.path().join("new"), folder.path().join("record"));
        fs::write(&path, "old").unwrap();
        fs::write(&new, "new").unwrap();
        rename(&new, &path).unwrap();
        sync_name(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(!new.exists());
    }

    #[test]
    fn a_private_folder_can_be_used_by_who_made_it_and_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").join("b");
        make_private_folder(&path).unwrap();
        make_private_folder(&path).unwrap();
        fs::write(path.join("key"), "secret").unwrap();
        assert_eq!(fs::read(path.join("key")).unwrap(), b"secret");
    }
}
