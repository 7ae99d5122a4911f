//! A script that comes in pieces, as batches that are handed out as soon as they end.
//!
//! What is kept is the present line and the present batch, so that a script of any size is run in the memory of its largest
//! batch. Neighbours: `decode` reads a line, `split` follows it.

use super::decode::Encoding;
use super::split::Splitter;
use super::{Batch, ScriptError};

/// Reads one script from its first byte to its last.
#[derive(Debug)]
pub struct Reader {
    encoding: Encoding,
    /// Bytes of the mark that are still to be passed over.
    mark_bytes: usize,
    /// The present line, as far as it has come.
    line: Vec<u8>,
    number: u32,
    splitter: Splitter,
}

impl Reader {
    /// One that takes bytes for what [`super::Sniffer`] found.
    pub fn new(encoding: Encoding) -> Self {
        let mark_bytes = encoding.mark_bytes();
        Self { encoding, mark_bytes, line: Vec::new(), number: 0, splitter: Splitter::default() }
    }

    /// Takes the bytes that follow; gives the batches that end in them.
    ///
    /// # Errors
    /// Where a line cannot be read, a variable has no value, or a line is a command that is not obeyed.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Batch>, ScriptError> {
        let passed = self.mark_bytes.min(bytes.len());
        self.mark_bytes -= passed;
        let mut bytes = bytes.get(passed..).unwrap_or_default();
        let mut batches = Vec::new();
        // What was kept may end in the midst of a unit, so that the end of the line is looked for from its beginning on; only
        // the last two bytes of it can belong to that end.
        while let Some(length) = self.rest_of_line(bytes) {
            let (rest, after) = bytes.split_at(length);
            self.line.extend(rest);
            batches.extend(self.end_line()?);
            bytes = after;
        }
        self.line.extend(bytes);
        Ok(batches)
    }

    /// The script has ended; gives its last batch.
    ///
    /// # Errors
    /// As [`Reader::push`], and where a quote or comment is not closed.
    pub fn finish(mut self) -> Result<Vec<Batch>, ScriptError> {
        let mut batches = Vec::new();
        if !self.line.is_empty() {
            batches.extend(self.end_line()?);
        }
        batches.extend(self.splitter.end()?);
        Ok(batches)
    }

    /// How many of these bytes belong to the present line, where it ends in them.
    fn rest_of_line(&self, bytes: &[u8]) -> Option<usize> {
        // A unit of UTF-16 may be cut in two.
        let is_cut = self.encoding.mark_bytes() == 2 && self.line.len() % 2 == 1;
        let kept = if is_cut { self.line.last().copied() } else { None };
        match (kept, bytes) {
            (None, _) => self.encoding.line_end(bytes),
            (Some(half), [other, ..]) if self.encoding.line_end(&[half, *other]).is_some() => Some(1),
            (Some(_), [_, after @ ..]) => self.encoding.line_end(after).map(|length| length + 1),
            (Some(_), []) => None,
        }
    }

    fn end_line(&mut self) -> Result<Option<Batch>, ScriptError> {
        self.number = self.number.saturating_add(1);
        let text = self.encoding.decode(&self.line, self.number)?;
        self.line.clear();
        self.splitter.line(&text, self.number)
    }
}
