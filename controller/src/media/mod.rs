//! The shelf of media: what packages install from, that operators bring and agents fetch, by SHA-256.
//!
//! They lie as files in the data directory and not in the database: a backup leaves them out, and whoever has the file adds
//! it again. A medium is on the shelf once the whole of it was read back and compared; until then it is a part. Neighbours:
//! `shelf` keeps the files, the operators' door brings pieces, the agents' door takes them. One medium is written by one
//! caller at a time.

mod shelf;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use muster_model::digest::Digest;
use muster_model::limits;
use muster_model::media::{MediaView, Medium};
use thiserror::Error;

use crate::clock::Clock;
use shelf::Shelf;

/// Why a medium is not taken or not given.
#[derive(Debug, Error)]
pub enum Error {
    /// The disk lacks room.
    #[error(
        "the controller's disk has room for {room_bytes} more bytes of media and {wanted_bytes} are wanted; make room in its \
         data directory"
    )]
    Room {
        /// What there is, beside what is announced and not there yet.
        room_bytes: u64,
        /// What is still to come of this one.
        wanted_bytes: u64,
    },
    /// A medium of no such size can be taken.
    #[error("a medium has 1 to {limit_bytes} bytes, and this one {size_bytes}")]
    Size {
        /// As announced.
        size_bytes: u64,
        /// The largest.
        limit_bytes: u64,
    },
    /// It was announced with another size.
    #[error("medium {sha256} was announced with {announced_bytes} bytes and now with {size_bytes}")]
    OtherSize {
        /// Which.
        sha256: Digest,
        /// The first time.
        announced_bytes: u64,
        /// This time.
        size_bytes: u64,
    },
    /// A piece is larger than what was announced, or than a piece may be, or empty.
    #[error("a piece of {length_bytes} bytes at {offset_bytes} is none of medium {sha256}")]
    Piece {
        /// Which.
        sha256: Digest,
        /// Where it would begin.
        offset_bytes: u64,
        /// How long it is.
        length_bytes: u64,
    },
    /// A piece changed on its way.
    #[error("a piece of medium {0} changed on its way; send it again")]
    Changed(Digest),
    /// The whole is not what was announced.
    #[error(
        "the file is not medium {0}: its content changed while it was sent, or is another; it was thrown away"
    )]
    Other(Digest),
    /// Nobody announced it, or its part waited too long.
    #[error("nobody announced medium {0}")]
    Unknown(Digest),
    /// The disk does not do it.
    #[error("the shelf of media cannot be used")]
    Disk(#[from] io::Error),
    /// A record of the shelf cannot be read or written.
    #[error("the record of a medium cannot be used")]
    Record(#[from] serde_json::Error),
    /// The controller stops.
    #[error("the controller stops")]
    Interrupted,
}

/// How much of a medium is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// From its beginning.
    pub held_bytes: u64,
    /// All of it, and compared.
    pub whole: bool,
}

/// A piece of a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Of which medium.
    pub sha256: Digest,
    /// Where it begins.
    pub offset_bytes: u64,
    /// What it is.
    pub content: Vec<u8>,
    /// What it should be.
    pub content_sha256: Digest,
}

/// A medium that is read piece by piece. What was whole when it was opened is read to its end, whatever becomes of its name.
#[derive(Debug)]
pub struct Reading {
    file: Arc<File>,
}

impl Reading {
    /// The piece that follows; none at the end.
    ///
    /// # Errors
    /// Where the disk does not answer.
    pub async fn next(&mut self) -> Result<Option<(Vec<u8>, Digest)>, Error> {
        let file = Arc::clone(&self.file);
        spawn(move || {
            let mut content = Vec::new();
            (&*file).take(limits::MEDIUM_PIECE_BYTES).read_to_end(&mut content)?;
            let sha256 = Digest::of(&content);
            Ok(Some((content, sha256)).filter(|(content, _)| !content.is_empty()))
        })
        .await
    }
}

/// The room. Cheap to clone.
#[derive(Clone)]
pub struct Media {
    shelf: Arc<Shelf>,
    clock: Clock,
    /// Who writes which medium.
    turns: Arc<Mutex<HashMap<Digest, Arc<tokio::sync::Mutex<()>>>>>,
}

impl Media {
    /// The shelf in this data directory.
    pub fn new(data_dir: &Path, clock: Clock) -> Self {
        Self { shelf: Arc::new(Shelf::new(data_dir.join("media"))), clock, turns: Arc::default() }
    }

    /// Announces a medium; `added_at` is now where it is the first time. One that is there is read and compared once more, so
    /// that whoever has the file mends what a disk has spoilt.
    ///
    /// # Errors
    /// Where it is too large, was announced otherwise, or the disk lacks room.
    pub async fn announce(&self, medium: Medium) -> Result<Slot, Error> {
        let now = self.clock.now();
        let (sha256, size_bytes) = (medium.sha256, medium.size_bytes);
        let medium = Medium { added_at: now, ..medium };
        // One announcement after the other, under the name of the empty medium, which there is not: each counts the room that
        // those before it still want.
        let slot = self.in_turn(Digest::of(b""), move |shelf| shelf.announce(&medium, now)).await?;
        if slot.held_bytes < size_bytes {
            return Ok(slot);
        }
        self.in_turn(sha256, move |shelf| shelf.finish(sha256)).await
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// Where nobody announced its medium, it is none of its pieces, or the whole is not what was announced.
    pub async fn put(&self, piece: Piece) -> Result<Slot, Error> {
        self.in_turn(piece.sha256, move |shelf| shelf.put(&piece)).await
    }

    /// A whole medium, from there on to its end.
    ///
    /// # Errors
    /// Where the shelf does not hold it whole, or it ends before.
    pub async fn open(&self, sha256: Digest, offset_bytes: u64) -> Result<Reading, Error> {
        let shelf = Arc::clone(&self.shelf);
        let file = spawn(move || shelf.open(sha256, offset_bytes)).await?;
        Ok(Reading { file: Arc::new(file) })
    }

    /// How large a medium is that can be fetched.
    ///
    /// # Errors
    /// As [`Self::open`] has them.
    pub async fn size_bytes(&self, sha256: Digest) -> Result<u64, Error> {
        let shelf = Arc::clone(&self.shelf);
        spawn(move || Ok(shelf.open(sha256, 0)?.metadata()?.len())).await
    }

    /// `muster.media/1`.
    ///
    /// # Errors
    /// Where the disk does not answer.
    pub async fn list(&self) -> Result<MediaView, Error> {
        let shelf = Arc::clone(&self.shelf);
        spawn(move || shelf.list()).await
    }

    /// Takes a medium off the shelf, or the part of one; gives what it was. Whoever reads it at that moment reads it to its end.
    ///
    /// # Errors
    /// Where nobody announced it.
    pub async fn remove(&self, sha256: Digest) -> Result<Medium, Error> {
        self.in_turn(sha256, move |shelf| shelf.remove(sha256)).await
    }

    /// Does something to a medium while nobody else does. In a task of its own: a caller who goes away changes nothing.
    async fn in_turn<T: Send + 'static>(
        &self,
        sha256: Digest,
        work: impl FnOnce(&Shelf) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(sha256).or_default())
        };
        let held = turn.lock_owned().await;
        let shelf = Arc::clone(&self.shelf);
        spawn(move || {
            let done = work(&shelf);
            drop(held);
            done
        })
        .await
    }
}

async fn spawn<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Interrupted)?
}
