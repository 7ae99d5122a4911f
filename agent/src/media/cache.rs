//! The files: `SHA256` is a medium, `SHA256.part` the beginning of one.
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
    /// keeps its room until [`Self::ends`].
    ///
    /// # Errors
    /// Where there is not.
    pub fn begin(&self, sha256: Digest, size_bytes: u64) -> Result<Held, Error> {
        os::make_private_folder(&self.folder)?;
        if length(&self.path(sha256))? == Some(size_bytes) {
            return Ok(Held { bytes: size_bytes, whole: true });
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

    /// Removes a medium and whatever part of it there is; false where there was none.
    ///
    /// # Errors
    /// Where the disk does not do it, as on Windows while it is used.
    pub fn remove(&self, sha256: Digest) -> io::Result<bool> {
        let mut removed = false;
        for path in [self.path(sha256), self.part(sha256)] {
            match fs::remove_file(path) {
                Ok(()) => removed = true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }

    /// The same command with its medium taken from here, where it does not lie where the documents say and is held whole.
    /// Whoever executes it compares it once more.
    #[must_use]
    pub fn supply(&self, command: CommandLine) -> CommandLine {
        let Some(Medium { path, sha256 }) = &command.medium else { return command };
        let own = self.path(*sha256);
        let lies_there = !matches!(fs::metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound);
        let (false, true, Some(own)) = (lies_there, own.is_file(), own.to_str()) else { return command };
        let medium = Medium { path: own.to_owned(), sha256: *sha256 };
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
mod tests {
    use tempfile::TempDir;

    use super::*;

    const CONTENT: &[u8] = b"an installer of some length";
    const SIZE: u64 = 27;

    fn cache(free_bytes: fn(&Path) -> io::Result<u64>) -> (TempDir, Cache) {
        let dir = TempDir::new().unwrap();
        let folder = dir.path().join("media");
        (dir, Cache { folder, coming: Arc::default(), free_bytes })
    }

    fn plenty(_: &Path) -> io::Result<u64> {
        Ok(2 * limits::MEDIA_RESERVE_BYTES)
    }

    fn append(cache: &Cache, offset: u64, content: &[u8]) -> Result<Held, Error> {
        cache.append(Digest::of(CONTENT), SIZE, offset, content)
    }

    #[test]
    fn a_medium_is_held_piece_by_piece_and_is_whole_once_it_was_compared() {
        let (_dir, cache) = cache(plenty);
        let sha256 = Digest::of(CONTENT);
        assert_eq!(cache.begin(sha256, SIZE).unwrap(), Held { bytes: 0, whole: false });
        assert_eq!(append(&cache, 0, &CONTENT[..9]).unwrap(), Held { bytes: 9, whole: false });
        // Doubled, too early, too long, nothing.
        assert!(matches!(append(&cache, 0, &CONTENT[..9]), Err(Error::Changed)));
        assert!(matches!(append(&cache, 12, &CONTENT[12..]), Err(Error::Changed)));
        assert!(matches!(append(&cache, 9, &[b'x'; 19]), Err(Error::Changed)));
        assert!(matches!(append(&cache, 9, b""), Err(Error::Changed)));
        assert_eq!(cache.begin(sha256, SIZE).unwrap(), Held { bytes: 9, whole: false }, "it goes on");
        assert_eq!(append(&cache, 9, &CONTENT[9..]).unwrap(), Held { bytes: SIZE, whole: true });
        assert_eq!(fs::read(cache.path(sha256)).unwrap(), CONTENT);
        assert_eq!(cache.begin(sha256, SIZE).unwrap(), Held { bytes: SIZE, whole: true });
    }

    #[test]
    fn what_is_another_file_is_thrown_away_and_a_comparison_that_was_cut_short_is_made_up_for() {
        let (_dir, cache) = cache(plenty);
        let sha256 = Digest::of(CONTENT);
        cache.begin(sha256, SIZE).unwrap();
        assert!(matches!(append(&cache, 0, &[b'x'; 27]), Err(Error::Other)));
        assert_eq!(cache.begin(sha256, SIZE).unwrap(), Held { bytes: 0, whole: false });
        fs::write(cache.part(sha256), CONTENT).unwrap();
        assert_eq!(cache.begin(sha256, SIZE).unwrap(), Held { bytes: SIZE, whole: true });
    }

    #[test]
    fn what_is_held_is_listed_and_removed() {
        let (dir, cache) = cache(plenty);
        assert_eq!(cache.all().unwrap(), BTreeMap::new());
        let file = dir.path().join("XCS.msi");
        fs::write(&file, CONTENT).unwrap();
        let (whole, _) = cache.copy(&file).unwrap();
        let part = Digest::of(b"another");
        fs::write(cache.part(part), b"ano").unwrap();
        fs::write(cache.folder.join("notes.txt"), b"a person's").unwrap();
        let held = |bytes, whole| Held { bytes, whole };
        assert_eq!(cache.all().unwrap(), BTreeMap::from([(whole, held(SIZE, true)), (part, held(3, false))]));
        assert!(cache.remove(whole).unwrap() && cache.remove(part).unwrap());
        assert!(!cache.remove(part).unwrap());
        assert_eq!(cache.all().unwrap(), BTreeMap::new());
    }

    #[test]
    fn a_disk_without_room_takes_nothing() {
        let (_dir, cache) = cache(|_| Ok(limits::MEDIA_RESERVE_BYTES + SIZE - 1));
        let refused = cache.begin(Digest::of(CONTENT), SIZE);
        assert!(matches!(refused, Err(Error::Room { room_bytes: 26, wanted_bytes: SIZE, .. })));
    }

    #[test]
    fn two_that_come_at_once_have_room_for_both() {
        let (_dir, cache) = cache(|_| Ok(limits::MEDIA_RESERVE_BYTES + SIZE + 9));
        let other = Digest::of(b"another");
        cache.begin(Digest::of(CONTENT), SIZE).unwrap();
        cache.begin(Digest::of(CONTENT), SIZE).unwrap();
        // What of it is on the disk already was counted by the disk.
        append(&cache, 0, &CONTENT[..2]).unwrap();
        let clone = cache.clone();
        let refused = clone.begin(other, 12).unwrap_err();
        assert_eq!(
            refused.to_string().split(';').next().unwrap(),
            "the disk has room for 11 more bytes of media beside 25 that are on their way, and 12 are to come"
        );
        clone.begin(other, 11).unwrap();
        clone.ends(other);
        cache.ends(Digest::of(CONTENT));
        clone.begin(other, SIZE + 9).unwrap();
    }

    #[test]
    fn a_medium_is_supplied_where_it_does_not_lie_where_the_documents_say() {
        let (dir, cache) = cache(plenty);
        let file = dir.path().join("XCS.msi");
        let (path, sha256) = (file.to_str().unwrap().to_owned(), Digest::of(CONTENT));
        let command = CommandLine {
            medium: Some(Medium { path: path.clone(), sha256 }),
            ..CommandLine::plain("msiexec".into(), vec!["/i".to_owned(), format!("\"{path}\"")])
        };
        assert_eq!(cache.supply(command.clone()), command, "nothing is held");
        fs::write(&file, CONTENT).unwrap();
        cache.copy(&file).unwrap();
        assert_eq!(cache.supply(command.clone()), command, "it lies there");
        fs::remove_file(&file).unwrap();
        let own = cache.path(sha256).to_str().unwrap().to_owned();
        let supplied = cache.supply(command);
        assert_eq!(supplied.arguments, ["/i".to_owned(), format!("\"{own}\"")]);
        assert_eq!(supplied.medium, Some(Medium { path: own, sha256 }));
    }

    #[test]
    fn a_file_that_was_carried_here_is_taken_in_once() {
        let (dir, cache) = cache(plenty);
        let file = dir.path().join("XCS.msi");
        fs::write(&file, CONTENT).unwrap();
        let sha256 = Digest::of(CONTENT);
        cache.begin(sha256, SIZE).unwrap();
        append(&cache, 0, &CONTENT[..9]).unwrap();
        assert_eq!(cache.copy(&file).unwrap(), (sha256, true), "after half of it was fetched");
        assert_eq!(cache.copy(&file).unwrap(), (sha256, false));
        assert_eq!(fs::read(cache.path(sha256)).unwrap(), CONTENT);
    }
}
