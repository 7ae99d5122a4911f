//! A script with what it takes in, as batches that are handed out as soon as they end.
//!
//! What is kept is the present line of each file that is open and the present batch, so that scripts of any size are run in the
//! memory of their largest batch. Neighbours: whoever calls reads the files, piece by piece; `lines` cuts each, `split` follows the
//! lines, `include` knows which files there are.

use muster_model::limits::{SCRIPT_INCLUSIONS, SCRIPT_NESTING};

use super::decode::Encoding;
use super::include::Files;
use super::lines::{Lines, Next};
use super::mark::Script;
use super::split::{Splitter, Turn};
use super::{Batch, Place, ScriptError};

/// What a script comes to next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// That file goes on: its next piece is to be [`Reader::push`]ed, an empty one at its end.
    More(usize),
    /// That file is taken in from its beginning: [`Reader::begin`] it.
    Begin(usize),
    /// A batch.
    Batch(Batch),
    /// The script is through.
    End,
}

/// Reads one script from its first byte to its last. Files are known by their numbers, as a [`Place`] has them.
#[derive(Debug)]
pub struct Reader {
    files: Files,
    /// What is open: the script itself, what it took in, and so on inwards.
    open: Vec<Lines>,
    splitter: Splitter,
    /// How often a file was taken in.
    inclusions: u64,
}

impl Reader {
    /// One that begins that script, whose bytes mean what [`super::Sniffer`] found.
    pub fn new(script: &Script, encoding: Encoding) -> Self {
        let open = vec![Lines::new(0, encoding)];
        Self { files: Files::of(script), open, splitter: Splitter::new(script), inclusions: 0 }
    }

    /// The file that is to be taken in begins.
    pub fn begin(&mut self, file: usize, encoding: Encoding) {
        self.open.push(Lines::new(file, encoding));
    }

    /// Takes the bytes that follow in the file that wants them; none are its end.
    pub fn push(&mut self, piece: &[u8]) {
        if let Some(lines) = self.open.last_mut() {
            lines.push(piece);
        }
    }

    /// Goes on to the next step.
    ///
    /// # Errors
    /// Where a line cannot be read, a variable has no value, a line is a command that is not obeyed, a file is taken in that is not
    /// listed or takes itself in, a file ends within a quote or comment, or one is listed for nothing.
    pub fn step(&mut self) -> Result<Step, ScriptError> {
        loop {
            let Some(lines) = self.open.last_mut() else { return Ok(Step::End) };
            let (text, place) = match lines.next()? {
                Next::Line(text, place) => (text, place),
                Next::More => return Ok(Step::More(lines.place().file)),
                Next::End => match self.ended()? {
                    Some(batch) => return Ok(Step::Batch(batch)),
                    None => continue,
                },
            };
            match self.splitter.line(&text, place)? {
                None => {}
                Some(Turn::Batch(batch)) => return Ok(Step::Batch(batch)),
                Some(Turn::Take(name)) => return self.taken(&name, place).map(Step::Begin),
            }
        }
    }

    /// The innermost file has ended; gives the last batch where it is the script itself.
    fn ended(&mut self) -> Result<Option<Batch>, ScriptError> {
        let Some(lines) = self.open.pop() else { return Ok(None) };
        if !self.open.is_empty() {
            self.splitter.leave()?;
            return Ok(None);
        }
        if let Some(file) = self.files.unused() {
            let problem = format!(
                "the document lists {file} among `includes`, and the script ends without a `:r` that takes it in: take it out of the list"
            );
            return Err(ScriptError { place: lines.place(), problem });
        }
        self.splitter.end()
    }

    /// Which file a `:r` takes in.
    fn taken(&mut self, name: &str, place: Place) -> Result<usize, ScriptError> {
        let wrong = |problem: String| ScriptError { place, problem };
        let file = self.files.find(name).map_err(wrong)?;
        if self.open.iter().any(|lines| lines.place().file == file) {
            return Err(wrong(format!("{}: that would never end", self.chain(file))));
        }
        if self.open.len() as u64 > SCRIPT_NESTING {
            return Err(wrong(format!("{}: more than {SCRIPT_NESTING} within each other", self.chain(file))));
        }
        self.inclusions += 1;
        if self.inclusions > SCRIPT_INCLUSIONS {
            return Err(wrong(format!("files are taken in more than {SCRIPT_INCLUSIONS} times in all")));
        }
        Ok(file)
    }

    /// Who takes in whom, down to that file, in words.
    fn chain(&self, last: usize) -> String {
        let inner = self.open.iter().skip(1).map(|lines| lines.place().file).chain([last]);
        let takes = self.open.iter().zip(inner).map(|(lines, inner)| {
            let Place { file, line } = lines.place();
            format!("{}:{line} takes in {}", self.files.name(file), self.files.name(inner))
        });
        takes.collect::<Vec<_>>().join(", ")
    }
}
