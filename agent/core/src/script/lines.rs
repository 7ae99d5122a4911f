//! A file that comes in pieces, as lines that are handed out as soon as they end.
//!
//! What is kept is the present piece and the line that it begins in, so that a file of any size is read in the memory of its
//! longest line. Neighbours: `reader` gives the pieces and takes the lines, `decode` reads one.

use muster_model::limits::SCRIPT_BATCH_BYTES;

use super::decode::Encoding;
use super::{Place, ScriptError};

/// What is next in a file.
pub(super) enum Next {
    /// A line with its end, and its place.
    Line(String, Place),
    /// The piece that follows is wanted.
    More,
    /// There is nothing more.
    End,
}

/// Cuts one file.
#[derive(Debug)]
pub(super) struct Lines {
    encoding: Encoding,
    /// Bytes of the mark that are still to be passed over.
    mark_bytes: usize,
    /// What has come and was not handed out, from `from` on.
    bytes: Vec<u8>,
    /// Where the present line begins.
    from: usize,
    /// Up to where no end of it was found.
    seen: usize,
    /// Whether nothing more will come.
    is_whole: bool,
    /// The line that was handed out last.
    place: Place,
}

impl Lines {
    /// Those of that file, whose bytes mean what [`super::Sniffer`] found.
    pub(super) fn new(file: usize, encoding: Encoding) -> Self {
        let place = Place { file, line: 0 };
        let mark_bytes = encoding.mark_bytes();
        Self { encoding, mark_bytes, bytes: Vec::new(), from: 0, seen: 0, is_whole: false, place }
    }

    /// Where the line stands that was handed out last.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Takes the bytes that follow; none are the end of the file.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.is_whole |= piece.is_empty();
        let passed = self.mark_bytes.min(piece.len());
        self.mark_bytes -= passed;
        self.bytes.drain(..self.from);
        self.seen -= self.from;
        self.from = 0;
        self.bytes.extend(piece.get(passed..).unwrap_or_default());
    }

    /// The next line, where it is whole.
    ///
    /// # Errors
    /// Where it is no text, or too long.
    pub(super) fn next(&mut self) -> Result<Next, ScriptError> {
        let fresh = self.bytes.get(self.seen..).unwrap_or_default();
        let end = match self.encoding.line_end(fresh) {
            Some(length) => self.seen + length,
            None if (self.bytes.len() - self.from) as u64 > SCRIPT_BATCH_BYTES => {
                let place = Place { line: self.place.line.saturating_add(1), ..self.place };
                return Err(super::too_large("the line", place));
            }
            None if !self.is_whole => {
                // A unit of UTF-16 may be cut in two: its half is looked at again.
                let half = (self.bytes.len() - self.from) % self.encoding.unit_bytes();
                self.seen = self.bytes.len() - half;
                return Ok(Next::More);
            }
            None if self.from == self.bytes.len() => return Ok(Next::End),
            None => self.bytes.len(),
        };
        self.place.line = self.place.line.saturating_add(1);
        let text = self.encoding.decode(self.bytes.get(self.from..end).unwrap_or_default(), self.place)?;
        (self.from, self.seen) = (end, end);
        Ok(Next::Line(text, self.place))
    }
}
