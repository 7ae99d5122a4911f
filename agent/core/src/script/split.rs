//! From a script's text to its batches, by the rules of sqlcmd (its documentation, and go-sqlcmd's `pkg/sqlcmd`).
//!
//! `GO` stands alone on its line, outside quotes and comments. Of sqlcmd's own commands `:setvar` is obeyed and
//! `:on error exit` is how Muster works anyway; all others are refused, because they would run other files or other servers.
//! Neighbours: `decode` gives the text.

use std::collections::BTreeMap;

use super::{Batch, ScriptError};

/// How often one `GO n` may repeat its batch; a larger number is a slip.
const TIMES_MOST: u32 = 10_000;

/// What a character stands in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Inside {
    /// Nothing.
    #[default]
    Code,
    /// `'...'`, `"..."` or `[...]`, up to this character.
    Quotes(char),
    /// `/* ... */`, nested so deep.
    Comment(u32),
}

/// The batches of a script, in order; those without a statement are left out.
///
/// # Errors
/// Where a quote or comment is not closed, a variable has no value, or a line is a command that is not obeyed.
pub fn split(text: &str) -> Result<Vec<Batch>, ScriptError> {
    let mut splitter = Splitter::default();
    for (line, number) in text.split_inclusive('\n').zip(1_u32..) {
        splitter.line(line, number)?;
    }
    splitter.end()
}

#[derive(Default)]
struct Splitter {
    batches: Vec<Batch>,
    text: String,
    /// The line on which the present batch begins.
    first: u32,
    /// Whether it has anything but blanks and comments.
    has_code: bool,
    inside: Inside,
    /// Where the open quote or comment began.
    opened: u32,
    variables: BTreeMap<String, String>,
}

impl Splitter {
    fn line(&mut self, line: &str, number: u32) -> Result<(), ScriptError> {
        if self.inside == Inside::Code {
            let trimmed = line.trim();
            if let Some(times) = go(trimmed, number)? {
                self.finish(times);
                return Ok(());
            }
            if trimmed.starts_with(':') || trimmed.starts_with("!!") {
                return self.command(trimmed, number);
            }
            // Blank lines before a batch are none of it, so that its place is where it is read.
            if self.text.is_empty() && trimmed.is_empty() {
                return Ok(());
            }
        }
        if self.text.is_empty() {
            self.first = number;
        }
        let line = self.with_variables(line, number)?;
        self.scan(&line, number);
        self.text.push_str(&line);
        Ok(())
    }

    /// Follows quotes and comments through a line.
    fn scan(&mut self, line: &str, number: u32) {
        let mut characters = line.chars().peekable();
        while let Some(character) = characters.next() {
            let next = characters.peek().copied();
            match (self.inside, character, next) {
                (Inside::Code, '-', Some('-')) => return,
                (Inside::Code, '/', Some('*')) => {
                    characters.next();
                    self.open(Inside::Comment(1), number);
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
    }

    fn quote(&mut self, end: char, number: u32) {
        self.has_code = true;
        self.open(Inside::Quotes(end), number);
    }

    fn open(&mut self, inside: Inside, number: u32) {
        self.inside = inside;
        self.opened = number;
    }

    fn command(&mut self, line: &str, number: u32) -> Result<(), ScriptError> {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or_default().to_lowercase();
        let rest: Vec<&str> = words.collect();
        match (command.as_str(), rest.as_slice()) {
            (":setvar", [name, value @ ..]) => {
                let value = value.join(" ");
                let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
                self.variables.insert(name.to_lowercase(), bare.unwrap_or(&value).to_owned());
                Ok(())
            }
            (":on", [error, exit])
                if error.eq_ignore_ascii_case("error") && exit.eq_ignore_ascii_case("exit") =>
            {
                Ok(())
            }
            _ => Err(ScriptError {
                line: number,
                problem: format!(
                    "`{command}` is a command of sqlcmd that is not carried out: write what it does into the list of scripts"
                ),
            }),
        }
    }

    /// The line with `$(NAME)` replaced, in strings too, as sqlcmd does.
    fn with_variables(&self, line: &str, number: u32) -> Result<String, ScriptError> {
        let mut out = String::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("$(") {
            out.push_str(before);
            let name = after.split_once(')').filter(|(name, _)| is_variable(name));
            let Some((name, after)) = name else {
                out.push_str("$(");
                rest = after;
                continue;
            };
            let value = self.variables.get(&name.to_lowercase()).ok_or_else(|| ScriptError {
                line: number,
                problem: format!("the variable $({name}) has no value: no `:setvar {name}` comes before it"),
            })?;
            out.push_str(value);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn finish(&mut self, times: u32) {
        let text = std::mem::take(&mut self.text);
        if std::mem::take(&mut self.has_code) {
            self.batches.push(Batch { line: self.first, text, times });
        }
    }

    fn end(mut self) -> Result<Vec<Batch>, ScriptError> {
        let open = match self.inside {
            Inside::Code => None,
            Inside::Quotes(end) => Some(format!("a quote is opened here and never closed by {end}")),
            Inside::Comment(_) => Some("a comment is opened here and never closed by */".to_owned()),
        };
        if let Some(problem) = open {
            return Err(ScriptError { line: self.opened, problem });
        }
        self.finish(1);
        Ok(self.batches)
    }
}

/// Whether the line is `GO` or `GO n`, perhaps with a comment after it; how often, if so.
fn go(line: &str, number: u32) -> Result<Option<u32>, ScriptError> {
    let line = line.split_once("--").map_or(line, |(before, _)| before).trim();
    let mut words = line.split_whitespace();
    let is_go = words.next().is_some_and(|word| word.trim_end_matches(';').eq_ignore_ascii_case("go"));
    if !is_go {
        return Ok(None);
    }
    let wrong = || ScriptError {
        line: number,
        problem: format!("`{line}` is not `GO` or `GO n` with n from 1 to {TIMES_MOST}"),
    };
    let times = match (line.contains(';'), words.next(), words.next()) {
        (false, None, None) => Some(1),
        (false, Some(times), None) => times.parse().ok(),
        (_, _, _) => None,
    };
    times.filter(|times| (1..=TIMES_MOST).contains(times)).map(Some).ok_or_else(wrong)
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}
