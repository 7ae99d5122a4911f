//! The files: `SHA256` is a medium, `SHA256.part` the beginning of one, `named/SHA256/setup.exe` a second name of the same
//! file, under which it is executed: a setup program that starts itself anew looks for one that ends in `.exe`, and Windows
//! Installer writes down what a package was called.
//!
//! What is held is on disk: it is flushed before it counts. A whole is read back and compared before it gets its name. A disk
//! is never filled up: there is room for the rest beforehand, with a reserve. Neighbours: `fetch` and `import` fill it, the
//! engine asks it for what does not lie where the documents say.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_model::digest::Digest;
use muster_model::limits;
use muster_model::package::Medium;
use thiserror::Error;

use crate::host::CommandLine;
use crate::supervise::medium::digest_of;
use crate::{durable, os};

/// Why a medium is not held.
#[derive(Debug, Error)]
pub enum Error {
    /// The disk lacks room.
    #[error(
        "the disk has room for {room_bytes} more bytes of media{beside}, and {wanted_bytes} are to come; make room in {folder}",
        beside = if *coming_bytes > 0 { format!(" beside {coming_bytes} that are on their way") } else { String::new() }
    )]
    Room {
        /// What there is beside the reserve and what is on its way.
        room_bytes: u64,
        /// What is still to come of other media.
        coming_bytes: u64,
        /// What is still to come of this one.
        wanted_bytes: u64,
        /// The cache.
        folder: String,
    },
    /// A piece is not what it says, or does not follow.
    #[error("a piece changed on its way")]
    Changed,
    /// The whole is another file.
    #[error("its content is another; what came was thrown away")]
    Other,
    /// The disk does not do it.
    #[error("the cache of media cannot be used")]
    Disk(#[from] io::Error),
}

/// How much of a medium is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// From its beginning.
    pub bytes: u64,
    /// All of it, and compared.
    pub whole: bool,
}

/// The folder, which need not be there yet. All clones know what is on its way through any of them.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
    /// The sizes of what was begun and has not ended: each needs its room.
    coming: Arc<Mutex<BTreeMap<Digest, u64>>>,
    /// What the disk of a folder can take; the tests give another answer.
    free_bytes: fn(&Path) -> io::Result<u64>,
}

impl Cache {
    /// The cache in that folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, coming: Arc::default(), free_bytes: os::free_bytes }
    }

    /// Where a medium lies once it is whole.
    pub fn path(&self, sha256: Digest) -> PathBuf {
        self.folder.join(sha256.to_string())
    }

    fn part(&self, sha256: Digest) -> PathBuf {
        self.folder.join(format!("{sha256}.part"))
    }

    /// How much is held of a medium of this size, once there is room for the rest of it and of all that comes beside it. It
    /// keeps its room until [`Self::ends`]. A whole that the disk has changed is thrown away.
    ///
    /// # Errors
    /// Where there is not.
    pub fn begin(&self, sha256: Digest, size_bytes: u64) -> Result<Held, Error> {
        os::make_private_folder(&self.folder)?;
        if length(&self.path(sha256))? == Some(size_bytes) {
            if digest_of(&mut File::open(self.path(sha256))?)? == sha256 {
                return Ok(Held { bytes: size_bytes, whole: true });
            }
            tracing::warn!(%sha256, "a medium that is held was changed on this disk; it comes anew");
            self.remove(sha256)?;
        }
        let held = length(&self.part(sha256))?.unwrap_or(0);
        if held > size_bytes {
            fs::remove_file(self.part(sha256))?;
            return self.begin(sha256, size_bytes);
        }
        let wanted_bytes = size_bytes - held;
        self.take_room(sha256, size_bytes, wanted_bytes)?;
        if wanted_bytes == 0 {
            // Killed before it was compared.
            return self.complete(sha256);
        }
        Ok(Held { bytes: held, whole: false })
    }

    /// Keeps no more room for it.
    pub fn ends(&self, sha256: Digest) {
        self.coming().remove(&sha256);
    }

    fn coming(&self) -> MutexGuard<'_, BTreeMap<Digest, u64>> {
        self.coming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_room(&self, sha256: Digest, size_bytes: u64, wanted_bytes: u64) -> Result<(), Error> {
        // One at a time: two that look at once would both take the same room.
        let mut coming = self.coming();
        let mut coming_bytes = 0;
        for (other, size_bytes) in coming.iter().filter(|(other, _)| **other != sha256) {
            if length(&self.path(*other))?.is_none() {
                coming_bytes += size_bytes.saturating_sub(length(&self.part(*other))?.unwrap_or(0));
            }
        }
        let kept_bytes = limits::MEDIA_RESERVE_BYTES.saturating_add(coming_bytes);
        let room_bytes = (self.free_bytes)(&self.folder)?.saturating_sub(kept_bytes);
        if wanted_bytes > room_bytes {
            let folder = self.folder.display().to_string();
            return Err(Error::Room { room_bytes, coming_bytes, wanted_bytes, folder });
        }
        coming.insert(sha256, size_bytes);
        Ok(())
    }

    /// Takes what follows on what is held.
    ///
    /// # Errors
    /// Where it does not follow, or the whole is another file.
    pub fn append(
        &self,
        sha256: Digest,
        size_bytes: u64,
        offset_bytes: u64,
        content: &[u8],
    ) -> Result<Held, Error> {
        let part = self.part(sha256);
        let end = offset_bytes.saturating_add(content.len() as u64);
        let follows = length(&part)?.unwrap_or(0) == offset_bytes && !content.is_empty() && end <= size_bytes;
        if !follows {
            return Err(Error::Changed);
        }
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let mut file = os::make_private(&mut options)?.open(&part)?;
        file.seek(SeekFrom::Start(offset_bytes))?;
        if let Err(error) = file.write_all(content).and_then(|()| file.sync_data()) {
            // Half a piece is none.
            file.set_len(offset_bytes)?;
            return Err(error.into());
        }
        drop(file);
        if end < size_bytes { Ok(Held { bytes: end, whole: false }) } else { self.complete(sha256) }
    }

    /// Takes a file in that lies elsewhere, and gives its digest and whether it is new here.
    ///
    /// # Errors
    /// Where it cannot be read, or there is no room.
    pub fn copy(&self, from: &Path) -> Result<(Digest, bool), Error> {
        let mut file = File::open(from)?;
        let (sha256, size_bytes) = (digest_of(&mut file)?, file.metadata()?.len());
        // What came of it before, in whatever way, is what it begins with.
        let held = self.begin(sha256, size_bytes)?;
        if held.whole {
            return Ok((sha256, false));
        }
        let copied = self.copy_rest(&mut file, sha256, size_bytes, held);
        self.ends(sha256);
        copied.map(|()| (sha256, true))
    }

    fn copy_rest(
        &self,
        file: &mut File,
        sha256: Digest,
        size_bytes: u64,
        mut held: Held,
    ) -> Result<(), Error> {
        file.seek(SeekFrom::Start(held.bytes))?;
        while !held.whole {
            let mut content = Vec::new();
            (&mut *file).take(limits::MEDIUM_CHUNK_BYTES).read_to_end(&mut content)?;
            held = self.append(sha256, size_bytes, held.bytes, &content)?;
        }
        Ok(())
    }

    /// All that is held, by digest.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn all(&self) -> io::Result<BTreeMap<Digest, Held>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(error),
        };
        let mut all = BTreeMap::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let digits = name.strip_suffix(".part").unwrap_or(&name);
            if let Ok(sha256) = digits.parse() {
                let held = Held { bytes: entry.metadata()?.len(), whole: digits == name };
                let more = all.entry(sha256).or_insert(held);
                // A whole one may have a part beside it that nobody needs.
                if held.whole {
                    *more = held;
                }
            }
        }
        Ok(all)
    }

    /// Removes a medium with its names, and whatever part of it there is; false where there was none.
    ///
    /// # Errors
    /// Where the disk does not do it, as on Windows while it is used.
    pub fn remove(&self, sha256: Digest) -> io::Result<bool> {
        let mut removed = false;
        // First: what an installer runs from is kept by Windows, and then all of it.
        match fs::remove_dir_all(self.names(sha256)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        for path in [self.path(sha256), self.part(sha256)] {
            match fs::remove_file(path) {
                Ok(()) => removed = true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }

    fn names(&self, sha256: Digest) -> PathBuf {
        self.folder.join("named").join(sha256.to_string())
    }

    /// A medium under the name that the documents give it, as a second name of the same file.
    fn named(&self, medium: &Medium) -> io::Result<PathBuf> {
        let name = medium.path.rsplit(['\\', '/']).next().unwrap_or_default();
        let (own, names) = (self.path(medium.sha256), self.names(medium.sha256));
        let named = names.join(name);
        names.parent().map_or(Ok(()), os::make_private_folder)?;
        os::make_private_folder(&names)?;
        match fs::remove_file(&named) {
            // One that an installer runs from stays, and is the same.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Ok(named),
            Ok(()) | Err(_) => {}
        }
        fs::hard_link(own, &named)?;
        Ok(named)
    }

    /// The same command with its medium taken from here, where it does not lie where the documents say and is held whole, under
    /// the name that it has there. Whoever executes it compares it once more.
    #[must_use]
    pub fn supply(&self, command: CommandLine) -> CommandLine {
        let Some(medium) = &command.medium else { return command };
        let own = self.path(medium.sha256);
        let lies_there =
            !matches!(fs::metadata(&medium.path), Err(error) if error.kind() == io::ErrorKind::NotFound);
        if lies_there || !own.is_file() {
            return command;
        }
        let named = self.named(medium).unwrap_or_else(|error| {
            // A disk whose files have one name each: most installers go all the same.
            tracing::warn!(sha256 = %medium.sha256, %error, "a medium is executed under its digest, it gets no other name");
            own
        });
        let Some(own) = named.to_str() else { return command };
        let medium = Medium { path: own.to_owned(), sha256: medium.sha256 };
        CommandLine { medium: Some(medium), ..command.with_medium_at(own) }
    }

    /// Reads the whole back, and gives it its name.
    fn complete(&self, sha256: Digest) -> Result<Held, Error> {
        let part = self.part(sha256);
        let mut file = File::open(&part)?;
        let bytes = file.metadata()?.len();
        if digest_of(&mut file)? != sha256 {
            drop(file);
            fs::remove_file(&part)?;
            return Err(Error::Other);
        }
        drop(file);
        durable::put_in_place(&part, &self.path(sha256))?;
        Ok(Held { bytes, whole: true })
    }
}

fn length(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(file) => Ok(Some(file.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
