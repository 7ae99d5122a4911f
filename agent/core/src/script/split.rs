//! From a script's text to its batches, by the rules of sqlcmd (its page on learn.microsoft.com, and go-sqlcmd's
//! `pkg/sqlcmd`; `dialect` has them case by case).
//!
//! `GO` stands alone on its line, outside quotes and comments. Variables are put in when their batch ends, in quotes too and
//! in comments not. What `:r` takes in goes on with the batch and the variables that it comes into. Neighbours: `reader` gives the
//! lines, `command` reads those that are sqlcmd's own.

use std::collections::BTreeMap;
use std::ops::Range;

use muster_model::limits::SCRIPT_BATCH_BYTES;

use super::command::{self, Command, is_variable};
use super::{Batch, Place, Script, ScriptError};

/// What a character stands in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Inside {
    /// Nothing.
    #[default]
    Code,
    /// `'...'`, `"..."` or `[...]`, up to this character.
    Quotes(char),
    /// `/* ... */`, nested so deep, as the server has them.
    Comment(u32),
}

/// `$(NAME)` in the present batch.
#[derive(Debug)]
struct Variable {
    place: Range<usize>,
    name: String,
    at: Place,
}

/// What a line brings about beyond itself.
pub(super) enum Turn {
    /// A batch ends with it.
    Batch(Batch),
    /// A file is taken in after it, by the name that it is written by.
    Take(String),
}

/// Follows a script line by line and gives its batches as they end; those without a statement are left out.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    text: String,
    /// The variables of the present batch, in order of their places.
    used: Vec<Variable>,
    /// Where the text is from, as a batch has it.
    origins: Vec<(u32, Place)>,
    /// How many lines the text has.
    lines: u32,
    /// Whether it has anything but blanks and comments.
    has_code: bool,
    inside: Inside,
    /// Where the open quote or comment began.
    opened: Option<Place>,
    variables: BTreeMap<String, String>,
    /// The line that has errors ignored, where one does.
    ignores_errors: Option<Place>,
    /// Whether the script was left before its last line.
    left: bool,
}

impl Splitter {
    /// One that knows what the script is given, and of sqlcmd's own variables the one that says which database it runs in.
    pub(super) fn new(script: &Script) -> Self {
        let mut variables = script.variables.clone();
        variables.insert("sqlcmddbname".to_owned(), script.database.clone());
        Self { variables, ..Self::default() }
    }

    /// Takes the next line; gives what comes of it.
    ///
    /// # Errors
    /// Where a variable has no value, or the line is a command that is not obeyed.
    pub(super) fn line(&mut self, line: &str, place: Place) -> Result<Option<Turn>, ScriptError> {
        if self.left {
            return Ok(None);
        }
        if self.inside == Inside::Code {
            if let Some(command) = command::read(line, place)? {
                let turn = self.obey(command, place)?;
                // A command within a batch leaves its line empty, so that the lines after it keep their numbers.
                if !self.text.is_empty() {
                    let code = line.trim_end_matches(['\r', '\n']);
                    self.add(line.get(code.len()..).unwrap_or_default(), place)?;
                }
                return Ok(turn);
            }
            // Blank lines before a batch are none of it, so that its place is where it is read.
            if self.text.is_empty() && line.trim().is_empty() {
                return Ok(None);
            }
        }
        self.scan(line, place)?;
        self.add(line, place)?;
        Ok(None)
    }

    /// Adds a line to the present batch.
    fn add(&mut self, line: &str, place: Place) -> Result<(), ScriptError> {
        if self.text.is_empty() {
            self.origins.clear();
            self.lines = 0;
        }
        if line.is_empty() {
            return Ok(());
        }
        if (self.text.len() + line.len()) as u64 > SCRIPT_BATCH_BYTES {
            return Err(super::too_large("the batch", place));
        }
        self.lines = self.lines.saturating_add(1);
        let goes_on = self.origins.last().is_some_and(|(from, begin)| {
            begin.file == place.file
                && begin.line.saturating_add(self.lines.saturating_sub(*from)) == place.line
        });
        if !goes_on {
            self.origins.push((self.lines, place));
        }
        self.text.push_str(line);
        Ok(())
    }

    /// A file that was taken in has ended: what comes after it begins on a line of its own.
    ///
    /// # Errors
    /// Where a quote or comment is open.
    pub(super) fn leave(&mut self) -> Result<(), ScriptError> {
        self.closed()?;
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        Ok(())
    }

    /// Follows quotes, comments and variables through a line.
    fn scan(&mut self, line: &str, at: Place) -> Result<(), ScriptError> {
        let mut characters = line.char_indices().peekable();
        while let Some((place, character)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            match (self.inside, character, next) {
                (Inside::Code, '-', Some('-')) => return Ok(()),
                (Inside::Code, '/', Some('*')) => {
                    characters.next();
                    self.open(Inside::Comment(1), at);
                }
                (Inside::Code | Inside::Quotes(_), '$', Some('(')) => {
                    let end = self.variable(line, place, at)?;
                    while characters.next_if(|(place, _)| *place < end).is_some() {}
                }
                (Inside::Code, '\'' | '"', _) => self.quote(character, at),
                (Inside::Code, '[', _) => self.quote(']', at),
                (Inside::Code, _, _) => self.has_code |= !character.is_whitespace(),
                // A doubled end is one character of the quoted text.
                (Inside::Quotes(end), _, Some(after)) if character == end && after == end => {
                    characters.next();
                }
                (Inside::Quotes(end), _, _) if character == end => self.inside = Inside::Code,
                (Inside::Comment(depth), '/', Some('*')) => {
                    characters.next();
                    self.inside = Inside::Comment(depth.saturating_add(1));
                }
                (Inside::Comment(depth), '*', Some('/')) => {
                    characters.next();
                    self.inside = if depth > 1 { Inside::Comment(depth - 1) } else { Inside::Code };
                }
                (Inside::Quotes(_) | Inside::Comment(_), _, _) => {}
            }
        }
        Ok(())
    }

    /// Notes the variable at that place of a line; gives the place after it.
    fn variable(&mut self, line: &str, place: usize, at: Place) -> Result<usize, ScriptError> {
        let name = named(line.get(place..).unwrap_or_default(), at)?;
        let length = name.len() + 3;
        let begin = self.text.len() + place;
        self.used.push(Variable { place: begin..begin + length, name: name.to_owned(), at });
        self.has_code = true;
        Ok(place + length)
    }

    fn quote(&mut self, end: char, at: Place) {
        self.has_code = true;
        self.open(Inside::Quotes(end), at);
    }

    fn open(&mut self, inside: Inside, at: Place) {
        self.inside = inside;
        self.opened = Some(at);
    }

    fn obey(&mut self, command: Command, place: Place) -> Result<Option<Turn>, ScriptError> {
        match command {
            Command::Go(times) => {
                let times = command::times(&times, |name| self.variables.get(name).cloned(), place)?;
                return Ok(self.finish(times)?.map(Turn::Batch));
            }
            Command::Take(name) => return self.filled(&name, place).map(|name| Some(Turn::Take(name))),
            Command::Set(name, Some(value)) => {
                self.variables.insert(name, value);
            }
            Command::Set(name, None) => {
                if self.variables.remove(&name).is_none() {
                    return Err(unset(&name, place));
                }
            }
            Command::Reset => {
                self.text.clear();
                self.used.clear();
                self.has_code = false;
            }
            Command::Exit { .. } if place.file > 0 => {
                return Err(ScriptError {
                    place,
                    problem: "sqlcmd's page says that the whole script is left here, and Microsoft's newer sqlcmd leaves this file \
                              alone: take the line out, or put it into the script itself"
                        .to_owned(),
                });
            }
            Command::Exit { after_batch: false } if self.has_code => {
                return Err(ScriptError {
                    place,
                    problem: "the script is left here, and the statements before it have no GO: sqlcmd would not run them; add \
                              GO, or take them out"
                        .to_owned(),
                });
            }
            Command::Exit { .. } => {
                self.left = true;
                return Ok(self.finish(1)?.map(Turn::Batch));
            }
            Command::IgnoreErrors(ignore) => self.ignores_errors = ignore.then_some(place),
            Command::Nothing => {}
        }
        Ok(None)
    }

    /// The name of a file, its variables put in.
    fn filled(&self, name: &str, place: Place) -> Result<String, ScriptError> {
        let (mut filled, mut rest) = (String::new(), name);
        while let Some(begin) = rest.find("$(") {
            let (before, variable) = rest.split_at(begin);
            let name = named(variable, place)?;
            filled.push_str(before);
            filled.push_str(self.variables.get(&name.to_lowercase()).ok_or_else(|| unset(name, place))?);
            rest = variable.get(name.len() + 3..).unwrap_or_default();
        }
        Ok(filled + rest)
    }

    /// Ends the present batch: its variables get the values that they have now.
    fn finish(&mut self, times: u32) -> Result<Option<Batch>, ScriptError> {
        let mut text = std::mem::take(&mut self.text);
        // From the last to the first, so that places before stay what they are.
        for Variable { place, name, at } in std::mem::take(&mut self.used).into_iter().rev() {
            let value = self.variables.get(&name.to_lowercase()).ok_or_else(|| unset(&name, at))?;
            text.replace_range(place, value);
        }
        let origins = std::mem::take(&mut self.origins);
        Ok(std::mem::take(&mut self.has_code).then_some(Batch {
            origins,
            text,
            times,
            ignores_errors: self.ignores_errors,
        }))
    }

    /// The script has ended; gives its last batch.
    ///
    /// # Errors
    /// Where a quote or comment is not closed, or a variable has no value.
    pub(super) fn end(&mut self) -> Result<Option<Batch>, ScriptError> {
        if self.left {
            return Ok(None);
        }
        self.closed()?;
        self.finish(1)
    }

    /// Whether no quote and no comment is open.
    fn closed(&self) -> Result<(), ScriptError> {
        let (place, problem) = match (self.inside, self.opened) {
            (Inside::Code, _) | (_, None) => return Ok(()),
            (Inside::Quotes(end), Some(place)) => {
                (place, format!("a quote is opened here and never closed by {end}"))
            }
            (Inside::Comment(_), Some(place)) => {
                (place, "a comment is opened here and never closed by */".to_owned())
            }
        };
        Err(ScriptError { place, problem })
    }
}

/// The name of the variable that begins there with `$(`.
fn named(written: &str, place: Place) -> Result<&str, ScriptError> {
    let name = written.get(2..).and_then(|after| after.split_once(')')).map(|(name, _)| name);
    name.filter(|name| is_variable(name)).ok_or_else(|| ScriptError {
        place,
        problem: "`$(` begins a variable, and no name and `)` follow: write '$' + '(' where the two characters are meant"
            .to_owned(),
    })
}

fn unset(name: &str, place: Place) -> ScriptError {
    ScriptError { place, problem: command::unset(name) }
}
