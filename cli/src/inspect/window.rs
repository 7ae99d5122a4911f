//! A file from some place on, as if it began there: a package inside a program.
//!
//! Neighbours: `door` and `package` read through it. Never writes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// The part of a file from `start_bytes` to its end.
#[derive(Debug)]
pub(super) struct Window {
    file: File,
    start_bytes: u64,
}

impl Window {
    /// The file from there on; the file's own position is of no account.
    pub(super) fn new(file: File, start_bytes: u64) -> Self {
        Self { file, start_bytes }
    }

    /// How long the part is.
    ///
    /// # Errors
    /// Where the file cannot be asked.
    pub(super) fn len_bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len().saturating_sub(self.start_bytes))
    }
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(bytes) => SeekFrom::Start(self.start_bytes.saturating_add(bytes)),
            SeekFrom::End(bytes) => SeekFrom::End(bytes),
            SeekFrom::Current(bytes) => SeekFrom::Current(bytes),
        };
        let at = self.file.seek(to)?;
        at.checked_sub(self.start_bytes).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
    }
}
