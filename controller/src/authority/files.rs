//! Files that hold keys: written whole or not at all, readable by their owner alone.
//!
//! Neighbours: `init` makes them, `authority` reads and renews them. Nothing here is ever shown.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use crate::os;

/// Writes a file that must not exist yet, with mode 0600, through to the disk.
pub(crate) fn create_private(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = os::make_private(&mut options)?.open(path)?;
    file.write_all(content.as_ref())?;
    file.sync_all()
}

/// Replaces a file by one with mode 0600; a crash leaves the old one or the new one.
pub(crate) fn replace_private(path: &Path, content: &str) -> io::Result<()> {
    let fresh = path.with_extension("new");
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    create_private(&fresh, content)?;
    std::fs::rename(&fresh, path)?;
    sync_folder_of(path)
}

/// Makes what was created or renamed in the file's folder survive a power cut.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => os::sync_folder(folder),
        _ => os::sync_folder(Path::new(".")),
    }
}
