//! Files with secrets: tokens and profiles. Made for their owner alone, never in the place of another.
//!
//! Neighbours: `server` and `operator` write them.

use std::path::Path;

use crate::failure::Failure;

/// Creates a file that only its owner can read, and never replaces one.
pub(super) fn create_private(path: &Path) -> Result<std::fs::File, Failure> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            Failure::usage(
                format!("{} exists and is not replaced", path.display()),
                "name another file, or remove this one",
            )
        } else {
            cannot_write(path).because(&error)
        }
    })
}

/// The failure of such a file.
pub(super) fn cannot_write(path: &Path) -> Failure {
    Failure::usage(format!("{} cannot be written", path.display()), "name a file in a folder of yours")
}

/// Takes the empty file away again; a file that stays is worth a word.
pub(super) fn remove_empty(path: &Path, failure: Failure) -> Failure {
    match std::fs::remove_file(path) {
        Ok(()) => failure,
        Err(error) => failure.because(&error).or(format!("remove {}", path.display())),
    }
}
