//! Files with secrets: tokens and profiles. Made for their owner alone, never in the place of another.
//!
//! Neighbours: `server` and `operator` write them.

use std::io::Write as _;
use std::path::Path;

use crate::failure::Failure;

/// Writes what `made` comes to, in bytes, into a file of its owner alone, and gives the rest of it. The file is made first: a
/// token or a key that cannot be written down would be spent for nothing. Where nothing comes, no file stays.
pub(super) async fn write_private<T>(
    path: &Path,
    made: impl Future<Output = Result<(Vec<u8>, T), Failure>>,
) -> Result<T, Failure> {
    let mut file = create_private(path)?;
    let written = made.await.and_then(|(bytes, rest)| {
        file.write_all(&bytes)
            .and_then(|()| file.sync_all())
            .map_err(|error| cannot_write(path).because(&error))?;
        Ok(rest)
    });
    written.map_err(|failure| remove_empty(path, failure))
}

/// Creates a file that only its owner can read, and never replaces one.
fn create_private(path: &Path) -> Result<std::fs::File, Failure> {
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
fn cannot_write(path: &Path) -> Failure {
    Failure::usage(format!("{} cannot be written", path.display()), "name a file in a folder of yours")
}

/// Takes the empty file away again; a file that stays is worth a word.
fn remove_empty(path: &Path, failure: Failure) -> Failure {
    match std::fs::remove_file(path) {
        Ok(()) => failure,
        Err(error) => failure.because(&error).or(format!("remove {}", path.display())),
    }
}
