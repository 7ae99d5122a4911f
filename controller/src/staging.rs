//! A folder that appears whole or not at all: it is made beside its place and put there by one rename.
//!
//! Neighbours: `init`, `backup` and `restore` fill one. Its process holds it locked, so that the next try tells what a
//! killed one left behind from what another process is making, and removes it. No other command takes an unfinished folder
//! for what it was to become. It overwrites nothing but an empty folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::authority::files;
use crate::os;

/// A folder on its way to its place.
pub(crate) struct Staging {
    folder: PathBuf,
    target: PathBuf,
    _lock: File,
}

impl Staging {
    /// Begins a folder for that place; `verb` is the command that makes it, as a person types it. What a killed try of the
    /// same command left for the same place is removed.
    pub(crate) fn begin(target: &Path, verb: &str) -> io::Result<Self> {
        let begin = beginning(target, verb);
        clear(target, &begin)?;
        let folder = target.with_file_name(format!("{begin}{}", Uuid::new_v4().simple()));
        os::make_private_folder(&folder, false)?;
        let lock = os::lock_folder(&folder)?.ok_or(io::ErrorKind::WouldBlock)?;
        Ok(Self { folder, target: target.to_owned(), _lock: lock })
    }

    /// Where to put its files.
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// Puts the folder in its place, on the disk for good. Replaces an empty folder and fails on any other.
    pub(crate) fn publish(&self) -> io::Result<()> {
        os::sync_folder(&self.folder)?;
        fs::rename(&self.folder, &self.target)?;
        files::sync_folder_of(&self.target)
    }

    /// Takes away what was begun.
    pub(crate) fn abandon(self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, folder = %self.folder.display(), "what was begun could not be removed");
        }
    }
}

/// Whether the place is free: there is nothing, or an empty folder.
pub(crate) fn is_free(target: &Path) -> io::Result<bool> {
    match fs::read_dir(target) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error),
    }
}

/// How the names of a command's unfinished folders for that place begin.
fn beginning(target: &Path, verb: &str) -> String {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    format!("{name}.{verb}-")
}

/// Removes the unfinished folders that no process holds any more.
fn clear(target: &Path, begin: &str) -> io::Result<()> {
    let above = match target.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    for entry in fs::read_dir(above)? {
        let entry = entry?;
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix(begin));
        let is_ours = id.is_some_and(|id| Uuid::try_parse(id).is_ok()) && entry.file_type()?.is_dir();
        if !is_ours {
            continue;
        }
        let path = entry.path();
        if let Some(_lock) = os::lock_folder(&path)? {
            tracing::warn!(folder = %path.display(), "an earlier try was killed and left this folder; it is removed");
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_killed_try_left_is_removed_and_what_a_living_one_makes_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("data");
        let living = Staging::begin(&target, "init").unwrap();
        let killed = dir.path().join(format!("data.init-{}", Uuid::new_v4().simple()));
        let others = ["data.init-notes", "data.backup-00000000000000000000000000000000", "data2"];
        fs::create_dir(&killed).unwrap();
        fs::write(killed.join("ca.key"), "a key that nobody uses").unwrap();
        others.iter().for_each(|name| fs::create_dir(dir.path().join(name)).unwrap());

        let second = Staging::begin(&target, "init").unwrap();
        assert!(!killed.exists());
        assert!(living.path().exists());
        assert!(others.iter().all(|name| dir.path().join(name).exists()), "{:?}", names(dir.path()));
        second.abandon();
        living.publish().unwrap();
        assert!(target.exists());
    }

    #[test]
    fn a_folder_that_is_not_empty_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("data");
        let staging = Staging::begin(&target, "init").unwrap();
        fs::create_dir(&target).unwrap();
        fs::write(target.join("precious"), "data").unwrap();
        assert!(!is_free(&target).unwrap());
        assert!(staging.publish().is_err());
        assert_eq!(names(&target), ["precious"]);
        staging.abandon();
        assert_eq!(names(dir.path()), ["data"]);
    }
}
