//! Files that survive a power cut: written whole, and there for good once the call returns.
//!
//! Neighbours: `supervise` keeps its records with it, the twin its state. Never appends and never reads.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::os;

/// Writes a new file and has the disk take it, without its name in the folder being certain yet.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Puts a file in the place of another: readers see the old or the new, and after a crash one of the two is there.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = beside(path, "tmp");
    write(&next, bytes)?;
    put_in_place(&next, path)
}

/// Gives a file that is on the disk the name of another, for good.
pub fn put_in_place(next: &Path, path: &Path) -> io::Result<()> {
    os::rename(next, path)?;
    os::sync_name(path)
}

/// Creates a file that must not exist yet; `false` when it does. Of many that try at once exactly one succeeds.
///
/// The whole content is linked into place, where `O_EXCL` would show an empty file to a reader that comes between its
/// creation and its first write, and leave it empty for good after a crash there.
pub fn claim(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let own = beside(path, &std::process::id().to_string());
    // One left behind by a killed process with this id may be the claimed file itself under its second name: it is
    // taken away, never written to.
    match fs::remove_file(&own) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    write(&own, bytes)?;
    let linked = fs::hard_link(&own, path);
    fs::remove_file(&own)?;
    match linked {
        Ok(()) => os::sync_name(path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// The same path with an ending more.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_won_once_and_the_first_content_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ticket");
        assert!(claim(&path, b"first").unwrap());
        assert!(!claim(&path, b"second").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_claim_survives_a_later_process_with_the_number_of_the_first_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ticket");
        fs::write(&path, b"first").unwrap();
        // Killed between its claim and the removal of its own name for the file.
        fs::hard_link(&path, beside(&path, &std::process::id().to_string())).unwrap();
        assert!(!claim(&path, b"second").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
    }

    #[test]
    fn a_replaced_file_is_the_new_one_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        replace(&path, b"old").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
