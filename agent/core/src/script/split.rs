//! From a script's text to its batches, by the rules of sqlcmd (its page on learn.microsoft.com, and go-sqlcmd's
//! `pkg/sqlcmd`; `dialect` has them case by case).
//!
//! `GO` stands alone on its line, outside quotes and comments. Variables are put in when their batch ends, in quotes too and
//! in comments not. Neighbours: `reader` gives the lines, `command` reads those that are sqlcmd's own.

use std::collections::BTreeMap;
use std::ops::Range;

use super::command::{self, Command, is_variable};
use super::{Batch, ScriptError};

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
    line: u32,
}

/// Follows a script line by line and gives its batches as they end; those without a statement are left out.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    text: String,
    /// The variables of the present batch, in order of their places.
    used: Vec<Variable>,
    /// The line on which the present batch begins.
    first: u32,
    /// Whether it has anything but blanks and comments.
    has_code: bool,
    inside: Inside,
    /// Where the open quote or comment began.
    opened: u32,
    variables: BTreeMap<String, String>,
    /// Whether the script was left before its last line.
    left: bool,
}

impl Splitter {
    /// Takes the next line; gives the batch that ends with it.
    ///
    /// # Errors
    /// Where a variable has no value, or the line is a command that is not obeyed.
    pub(super) fn line(&mut self, line: &str, number: u32) -> Result<Option<Batch>, ScriptError> {
        if self.left {
            return Ok(None);
        }
        if self.inside == Inside::Code {
            if let Some(command) = command::read(line, number)? {
                let batch = self.obey(command, number)?;
                // A command within a batch leaves its line empty, so that the lines after it keep their numbers.
                if !self.text.is_empty() {
                    let code = line.trim_end_matches(['\r', '\n']);
                    self.text.push_str(line.get(code.len()..).unwrap_or_default());
                }
                return Ok(batch);
            }
            // Blank lines before a batch are none of it, so that its place is where it is read.
            if self.text.is_empty() && line.trim().is_empty() {
                return Ok(None);
            }
        }
        if self.text.is_empty() {
            self.first = number;
        }
        self.scan(line, number)?;
        self.text.push_str(line);
        Ok(None)
    }

    /// Follows quotes, comments and variables through a line.
    fn scan(&mut self, line: &str, number: u32) -> Result<(), ScriptError> {
        let mut characters = line.char_indices().peekable();
        while let Some((place, character)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            match (self.inside, character, next) {
                (Inside::Code, '-', Some('-')) => return Ok(()),
                (Inside::Code, '/', Some('*')) => {
                    characters.next();
                    self.open(Inside::Comment(1), number);
                }
                (Inside::Code | Inside::Quotes(_), '$', Some('(')) => {
                    let end = self.variable(line, place, number)?;
                    while characters.next_if(|(place, _)| *place < end).is_some() {}
                }
                (Inside::Code, '\'' | '"', _) => self.quote(character, number),
                (Inside::Code, '[', _) => self.quote(']', number),
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
    fn variable(&mut self, line: &str, place: usize, number: u32) -> Result<usize, ScriptError> {
        let after = line.get(place + 2..).unwrap_or_default();
        let name = after.split_once(')').map(|(name, _)| name).filter(|name| is_variable(name));
        let name = name.ok_or_else(|| ScriptError {
            line: number,
            problem: "`$(` begins a variable, and no name and `)` follow: write '$' + '(' where the two characters are meant"
                .to_owned(),
        })?;
        let length = name.len() + 3;
        let begin = self.text.len() + place;
        self.used.push(Variable { place: begin..begin + length, name: name.to_owned(), line: number });
        self.has_code = true;
        Ok(place + length)
    }

    fn quote(&mut self, end: char, number: u32) {
        self.has_code = true;
        self.open(Inside::Quotes(end), number);
    }

    fn open(&mut self, inside: Inside, number: u32) {
        self.inside = inside;
        self.opened = number;
    }

    fn obey(&mut self, command: Command, number: u32) -> Result<Option<Batch>, ScriptError> {
        match command {
            Command::Go(times) => {
                let times = command::times(&times, |name| self.variables.get(name).cloned(), number)?;
                return self.finish(times);
            }
            Command::Set(name, Some(value)) => {
                self.variables.insert(name, value);
            }
            Command::Set(name, None) => {
                if self.variables.remove(&name).is_none() {
                    return Err(unset(&name, number));
                }
            }
            Command::Reset => {
                self.text.clear();
                self.used.clear();
                self.has_code = false;
            }
            Command::Exit { after_batch: false } if self.has_code => {
                return Err(ScriptError {
                    line: number,
                    problem: "the script is left here, and the statements before it have no GO: sqlcmd would not run them; add \
                              GO, or take them out"
                        .to_owned(),
                });
            }
            Command::Exit { .. } => {
                self.left = true;
                return self.finish(1);
            }
            Command::Nothing => {}
        }
        Ok(None)
    }

    /// Ends the present batch: its variables get the values that they have now.
    fn finish(&mut self, times: u32) -> Result<Option<Batch>, ScriptError> {
        let mut text = std::mem::take(&mut self.text);
        // From the last to the first, so that places before stay what they are.
        for Variable { place, name, line } in std::mem::take(&mut self.used).into_iter().rev() {
            let value = self.variables.get(&name.to_lowercase()).ok_or_else(|| unset(&name, line))?;
            text.replace_range(place, value);
        }
        Ok(std::mem::take(&mut self.has_code).then_some(Batch { line: self.first, text, times }))
    }

    /// The script has ended; gives its last batch.
    ///
    /// # Errors
    /// Where a quote or comment is not closed, or a variable has no value.
    pub(super) fn end(mut self) -> Result<Option<Batch>, ScriptError> {
        if self.left {
            return Ok(None);
        }
        let open = match self.inside {
            Inside::Code => None,
            Inside::Quotes(end) => Some(format!("a quote is opened here and never closed by {end}")),
            Inside::Comment(_) => Some("a comment is opened here and never closed by */".to_owned()),
        };
        if let Some(problem) = open {
            return Err(ScriptError { line: self.opened, problem });
        }
        self.finish(1)
    }
}

fn unset(name: &str, line: u32) -> ScriptError {
    ScriptError {
        line,
        problem: format!("the variable $({name}) has no value: no `:setvar {name}` comes before it"),
    }
}
