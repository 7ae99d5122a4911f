//! The files of the shelf: `SHA256` is a medium, `SHA256.part` the beginning of one, `SHA256.json` what was announced.
//!
//! What is held is on disk: each piece is flushed before it is answered. A whole is read back and compared before it gets its
//! name. Parts that nobody goes on with give their room back. Neighbours: `media` calls, one caller for a medium at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use muster_model::digest::{Digest, Hasher};
use muster_model::limits;
use muster_model::media::{MediaView, Medium, MediumView};

use super::{Error, Piece, Slot};
use crate::authority::files;
use crate::os;

/// The folder of the media, which need not be there yet.
#[derive(Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
    /// What the disk of a folder can take; the tests give another answer.
    free_bytes: fn(&Path) -> io::Result<u64>,
}

impl Shelf {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, free_bytes: os::free_bytes }
    }

    fn whole(&self, sha256: Digest) -> PathBuf {
        self.folder.join(sha256.to_string())
    }

    fn part(&self, sha256: Digest) -> PathBuf {
        self.folder.join(format!("{sha256}.part"))
    }

    fn record(&self, sha256: Digest) -> PathBuf {
        self.folder.join(format!("{sha256}.json"))
    }

    /// What was announced, where it was.
    fn announced(&self, sha256: Digest) -> Result<Option<Medium>, Error> {
        let Some(bytes) = present(fs::read(self.record(sha256)))? else { return Ok(None) };
        Ok(Some(serde_json::from_slice(&bytes)?))
    }

    fn slot(&self, medium: &Medium) -> Result<Slot, Error> {
        if size(&self.whole(medium.sha256))? == Some(medium.size_bytes) {
            return Ok(Slot { held_bytes: medium.size_bytes, whole: true });
        }
        Ok(Slot { held_bytes: size(&self.part(medium.sha256))?.unwrap_or(0), whole: false })
    }

    pub(super) fn announce(&self, medium: &Medium, now: Timestamp) -> Result<Slot, Error> {
        let (size_bytes, limit_bytes) = (medium.size_bytes, limits::MEDIUM_SIZE_BYTES);
        if size_bytes == 0 || size_bytes > limit_bytes {
            return Err(Error::Size { size_bytes, limit_bytes });
        }
        if !self.folder.is_dir() {
            os::make_private_folder(&self.folder, false)?;
        }
        let mut before = self.announced(medium.sha256)?;
        if let Some(first) = before.as_ref().filter(|first| first.size_bytes != size_bytes) {
            let announced_bytes = first.size_bytes;
            if self.slot(first)?.whole {
                return Err(Error::OtherSize { sha256: medium.sha256, announced_bytes, size_bytes });
            }
            // Nobody can tell which of two sizes is right before the whole is there.
            self.forget(medium.sha256)?;
            before = None;
        }
        let slot = self.slot(medium)?;
        if slot.whole && before.is_some() {
            return Ok(slot);
        }
        if slot.held_bytes > size_bytes {
            present(fs::remove_file(self.part(medium.sha256)))?;
        }
        self.forget_old_parts(medium.sha256, now)?;
        let slot = self.slot(medium)?;
        let wanted_bytes = size_bytes.saturating_sub(slot.held_bytes);
        let room_bytes = self.room(Some(medium.sha256))?;
        if wanted_bytes > room_bytes {
            return Err(Error::Room { room_bytes, wanted_bytes });
        }
        if before.is_none() {
            let text = serde_json::to_string_pretty(medium)?;
            files::replace_private(&self.record(medium.sha256), &text)?;
        }
        Ok(slot)
    }

    /// What the disk can take beside what others announced and have not brought yet.
    fn room(&self, but: Option<Digest>) -> Result<u64, Error> {
        let mut room = (self.free_bytes)(&self.folder)?.saturating_sub(limits::MEDIA_RESERVE_BYTES);
        for MediumView { medium, held_bytes, whole } in self.all()? {
            if !whole && Some(medium.sha256) != but {
                room = room.saturating_sub(medium.size_bytes.saturating_sub(held_bytes));
            }
        }
        Ok(room)
    }

    /// Takes parts away that nobody went on with for long; never that of the medium which is announced now.
    fn forget_old_parts(&self, but: Digest, now: Timestamp) -> Result<(), Error> {
        for MediumView { medium, whole, .. } in self.all()? {
            if whole || medium.sha256 == but {
                continue;
            }
            let touched = present(fs::metadata(self.part(medium.sha256)))?
                .and_then(|part| part.modified().ok())
                .and_then(|at| Timestamp::try_from(at).ok())
                .unwrap_or(medium.added_at);
            let idle = Duration::try_from(now.duration_since(touched)).unwrap_or_default();
            if idle > Duration::from_millis(limits::MEDIA_PARTS_MS) {
                tracing::info!(sha256 = %medium.sha256, name = %medium.name, "half a medium waited too long and goes");
                self.forget(medium.sha256)?;
            }
        }
        Ok(())
    }

    /// Takes away whatever there is of a medium; gives what it was. Its record goes last, so that what a killed process left of
    /// it is still listed.
    pub(super) fn remove(&self, sha256: Digest) -> Result<Medium, Error> {
        let medium = self.announced(sha256)?.ok_or(Error::Unknown(sha256))?;
        present(fs::remove_file(self.whole(sha256)))?;
        self.forget(sha256)?;
        tracing::info!(%sha256, name = %medium.name, "a medium is off the shelf");
        Ok(medium)
    }

    fn forget(&self, sha256: Digest) -> Result<(), Error> {
        present(fs::remove_file(self.part(sha256)))?;
        present(fs::remove_file(self.record(sha256)))?;
        Ok(())
    }

    pub(super) fn put(&self, piece: &Piece) -> Result<Slot, Error> {
        let Piece { sha256, offset_bytes, ref content, content_sha256 } = *piece;
        let medium = self.announced(sha256)?.ok_or(Error::Unknown(sha256))?;
        let slot = self.slot(&medium)?;
        if slot.whole {
            return Ok(slot);
        }
        let length_bytes = content.len() as u64;
        let end = offset_bytes.saturating_add(length_bytes);
        let fits = (1..=limits::MEDIUM_CHUNK_BYTES).contains(&length_bytes) && end <= medium.size_bytes;
        if !fits {
            return Err(Error::Piece { sha256, offset_bytes, length_bytes });
        }
        if Digest::of(content) != content_sha256 {
            return Err(Error::Changed(sha256));
        }
        // One that came before, or of which the one before was lost: whoever sends it goes on where this says.
        if slot.held_bytes != offset_bytes {
            return Ok(slot);
        }
        let room_bytes = (self.free_bytes)(&self.folder)?.saturating_sub(limits::MEDIA_RESERVE_BYTES);
        if length_bytes > room_bytes {
            return Err(Error::Room { room_bytes, wanted_bytes: medium.size_bytes - offset_bytes });
        }
        self.append(sha256, offset_bytes, content)?;
        if end < medium.size_bytes {
            Ok(Slot { held_bytes: end, whole: false })
        } else {
            self.complete(&medium)
        }
    }

    fn append(&self, sha256: Digest, offset_bytes: u64, content: &[u8]) -> Result<(), Error> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let mut file = os::make_private(&mut options)?.open(self.part(sha256))?;
        file.seek(SeekFrom::Start(offset_bytes))?;
        let written = file.write_all(content).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // Half a piece is none.
            file.set_len(offset_bytes)?;
            return Err(error.into());
        }
        Ok(())
    }

    /// Compares a medium of which every piece came: one whose comparison was cut short, and one that is whole. What is another
    /// file by now goes, and comes anew.
    pub(super) fn finish(&self, sha256: Digest) -> Result<Slot, Error> {
        let medium = self.announced(sha256)?.ok_or(Error::Unknown(sha256))?;
        let slot = self.slot(&medium)?;
        if !slot.whole {
            return if slot.held_bytes < medium.size_bytes { Ok(slot) } else { self.complete(&medium) };
        }
        if digest_of(&self.whole(sha256))? == sha256 {
            return Ok(slot);
        }
        tracing::error!(%sha256, name = %medium.name, "a medium on the shelf has changed there; it comes anew");
        present(fs::remove_file(self.whole(sha256)))?;
        self.slot(&medium)
    }

    /// Reads the whole back, and gives it its name.
    fn complete(&self, medium: &Medium) -> Result<Slot, Error> {
        let (part, whole) = (self.part(medium.sha256), self.whole(medium.sha256));
        if digest_of(&part)? != medium.sha256 {
            self.forget(medium.sha256)?;
            return Err(Error::Other(medium.sha256));
        }
        fs::rename(&part, &whole)?;
        os::sync_folder(&self.folder)?;
        tracing::info!(sha256 = %medium.sha256, name = %medium.name, by = %medium.added_by, "a medium is on the shelf");
        Ok(Slot { held_bytes: medium.size_bytes, whole: true })
    }

    /// Opens a whole medium, to be read from there on to its end.
    pub(super) fn open(&self, sha256: Digest, offset_bytes: u64) -> Result<File, Error> {
        let medium = self.announced(sha256)?.ok_or(Error::Unknown(sha256))?;
        if !self.slot(&medium)?.whole {
            return Err(Error::Unknown(sha256));
        }
        if offset_bytes >= medium.size_bytes {
            return Err(Error::Piece { sha256, offset_bytes, length_bytes: 0 });
        }
        let mut file = File::open(self.whole(sha256))?;
        file.seek(SeekFrom::Start(offset_bytes))?;
        Ok(file)
    }

    /// Everything that was announced, by name.
    fn all(&self) -> Result<Vec<MediumView>, Error> {
        let Some(entries) = present(fs::read_dir(&self.folder))? else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let Some(digits) = name.to_str().and_then(|name| name.strip_suffix(".json")) else { continue };
            let Ok(sha256) = digits.parse::<Digest>() else { continue };
            // One that goes at this moment is not there.
            let Some(medium) = self.announced(sha256)? else { continue };
            let Slot { held_bytes, whole } = self.slot(&medium)?;
            all.push(MediumView { medium, held_bytes, whole });
        }
        all.sort_by(|a, b| (&a.medium.name, a.medium.sha256).cmp(&(&b.medium.name, b.medium.sha256)));
        Ok(all)
    }

    pub(super) fn list(&self) -> Result<MediaView, Error> {
        let media = self.all()?;
        let folder =
            if self.folder.is_dir() { &self.folder } else { self.folder.parent().unwrap_or(&self.folder) };
        let free = (self.free_bytes)(folder)?.saturating_sub(limits::MEDIA_RESERVE_BYTES);
        let to_come = media.iter().filter(|view| !view.whole);
        let to_come: u64 = to_come.map(|view| view.medium.size_bytes.saturating_sub(view.held_bytes)).sum();
        Ok(MediaView { media, free_bytes: free.saturating_sub(to_come) })
    }
}

/// What a file or folder gave; none where it is not there.
fn present<T>(told: io::Result<T>) -> io::Result<Option<T>> {
    match told {
        Ok(told) => Ok(Some(told)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn size(path: &Path) -> io::Result<Option<u64>> {
    Ok(present(fs::metadata(path))?.map(|file| file.len()))
}

fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut hash = Hasher::default();
    io::copy(&mut File::open(path)?, &mut hash)?;
    Ok(hash.finish())
}

#[cfg(test)]
mod tests;
