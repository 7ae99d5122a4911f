//! The lines of a script that are sqlcmd's own, by the rules of go-sqlcmd's `pkg/sqlcmd/commands.go`.
//!
//! One difference: `RESET` and `ON ERROR` without their colon are commands only where they are whole, as T-SQL has lines that
//! begin with these words. Obeyed is what says which batches there are and whether they go on after an error; what only
//! changes the output has no effect here; what would go to another server or run another program is refused with what to do.
//! Neighbours: `split` obeys.

use muster_model::variable;

use super::{Place, ScriptError};

/// How often one `GO n` may repeat its batch; a larger number is a slip.
const TIMES_MOST: u32 = 10_000;

/// What the names of sqlcmd's own variables begin with, and those that no script may set.
const OWN: &str = "sqlcmd";
const READ_ONLY: [&str; 6] =
    ["sqlcmduser", "sqlcmdserver", "sqlcmdworkstation", "sqlcmddbname", "sqlcmdpacketsize", "sqlcmdini"];

/// A line that is a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// `GO`, and how often, as it is written.
    Go(String),
    /// `:setvar NAME VALUE`, the name in small letters; without a value the variable is taken away.
    Set(String, Option<String>),
    /// `RESET`: the present batch is forgotten.
    Reset,
    /// `EXIT` or `QUIT`: nothing after it is read. `EXIT()` runs the present batch before.
    Exit { after_batch: bool },
    /// `:r FILE`, the name as it is written, without quotes.
    Take(String),
    /// `:on error ignore` (true), or `:on error exit`.
    IgnoreErrors(bool),
    /// What changes the output and nothing else.
    Nothing,
}

/// The command on a line that begins outside quotes and comments, if it is one.
///
/// # Errors
/// Where it is one that is not obeyed, or is written wrongly.
pub(super) fn read(line: &str, place: Place) -> Result<Option<Command>, ScriptError> {
    let line = line.trim_matches([' ', '\t', '\r', '\n']);
    let (word, rest) = line.split_once([' ', '\t', '(']).unwrap_or((line, ""));
    let rest = without_comment(rest);
    let has_bracket = line.get(word.len()..).is_some_and(|after| after.starts_with('('));
    let lower = word.to_lowercase();
    let refuse = |problem: String| Err(ScriptError { place, problem });
    if line.starts_with("!!") || line.starts_with(":!!") {
        return refuse(
            "`!!` runs a program, which is never done from a script: take the line out".to_owned(),
        );
    }
    match (lower.as_str(), rest) {
        ("go" | "go;", _) if has_bracket || lower == "go;" => refuse(wrong_go(line)),
        ("go", times) => Ok(Some(Command::Go(times.to_owned()))),
        (":exit" | "exit", "") if !has_bracket => Ok(Some(Command::Exit { after_batch: false })),
        (":exit" | "exit", rest) => match bracketed(rest, has_bracket) {
            Some("") => Ok(Some(Command::Exit { after_batch: true })),
            _ => refuse(format!(
                "`{line}` gives a value back to whoever called sqlcmd; end the script with EXIT or EXIT()"
            )),
        },
        (":quit" | "quit", "") if !has_bracket => Ok(Some(Command::Exit { after_batch: false })),
        (":reset", _) | ("reset", "") if !has_bracket => Ok(Some(Command::Reset)),
        (":ed" | "ed", _) if !has_bracket => refuse("`ED` opens an editor: take the line out".to_owned()),
        (":on", rest) if is_on_error(rest) => on_error(rest, place).map(Some),
        ("on", rest) if is_on_error(rest) && on_error(rest, place).is_ok() => on_error(rest, place).map(Some),
        (":setvar", rest) => set(rest, place).map(Some),
        (":list" | ":listvar" | ":out" | ":error" | ":perftrace" | ":xml", _) => Ok(Some(Command::Nothing)),
        (":r", _) if has_bracket => refuse(wrong_take(line)),
        (":r", name) => match file_name(name) {
            Some(name) => Ok(Some(Command::Take(name.to_owned()))),
            None => refuse(wrong_take(line)),
        },
        (":connect", _) => refuse("`:connect` goes to another server: make a task for that one".to_owned()),
        (word, _) if word.starts_with(':') => refuse(format!(
            "`{word}` is a command of sqlcmd that is not carried out: write what it does into the list of scripts"
        )),
        _ => Ok(None),
    }
}

/// How often `GO` is meant to run its batch.
///
/// # Errors
/// Where that is no number from 1 to [`TIMES_MOST`], or a variable without a value.
pub(super) fn times(
    written: &str,
    value_of: impl Fn(&str) -> Option<String>,
    place: Place,
) -> Result<u32, ScriptError> {
    let variable =
        written.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')')).filter(|name| is_variable(name));
    let text = match variable {
        Some(name) => {
            value_of(&name.to_lowercase()).ok_or_else(|| ScriptError { place, problem: unset(name) })?
        }
        None => written.to_owned(),
    };
    let times = if text.is_empty() { Some(1) } else { text.parse().ok() };
    let times = times.filter(|times| (1..=TIMES_MOST).contains(times));
    times.ok_or_else(|| ScriptError { place, problem: wrong_go(&format!("GO {text}")) })
}

/// What is said of a variable that has no value.
pub(super) fn unset(name: &str) -> String {
    if name.to_lowercase().starts_with(OWN) {
        return format!(
            "the variable $({name}) is sqlcmd's own, of which a script has SQLCMDDBNAME alone here: write what is meant"
        );
    }
    format!(
        "the variable $({name}) has no value: no `:setvar {name}` comes before it, and the script's `variables` have none"
    )
}

fn wrong_go(line: &str) -> String {
    format!("`{line}` is not `GO` or `GO n` with n from 1 to {TIMES_MOST}")
}

fn wrong_take(line: &str) -> String {
    format!("`{line}` names no file: write `:r FILE`, the name bare or whole in double quotes")
}

/// The file that is meant: in double quotes or bare, blanks and all.
fn file_name(written: &str) -> Option<&str> {
    let name = match written.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => written,
    };
    (!name.trim().is_empty() && !name.contains('"')).then(|| name.trim())
}

/// What stands in brackets after a word: the whole rest, up to its last bracket.
fn bracketed(rest: &str, opened: bool) -> Option<&str> {
    let rest = if opened { rest } else { rest.strip_prefix('(')? };
    rest.strip_suffix(')').map(str::trim)
}

fn is_on_error(rest: &str) -> bool {
    rest.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("error"))
}

fn on_error(rest: &str, place: Place) -> Result<Command, ScriptError> {
    let words: Vec<String> = rest.split_whitespace().skip(1).map(str::to_lowercase).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["exit"] => Ok(Command::IgnoreErrors(false)),
        ["ignore"] => Ok(Command::IgnoreErrors(true)),
        _ => {
            let problem = "write `:on error exit` or `:on error ignore`, and nothing after it".to_owned();
            Err(ScriptError { place, problem })
        }
    }
}

fn set(rest: &str, place: Place) -> Result<Command, ScriptError> {
    let wrong = |problem: String| ScriptError { place, problem };
    let (name, value) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    if !variable::is_name(name) {
        return Err(wrong(format!(
            "`:setvar {name}`: a variable's name has letters, digits, _ and -, and begins with a letter"
        )));
    }
    let value = value.trim();
    let name = name.to_lowercase();
    if READ_ONLY.contains(&name.as_str()) {
        return Err(wrong(format!(
            "`:setvar {name}`: sqlcmd lets no script set that variable: take the line out"
        )));
    }
    if value.is_empty() {
        return Ok(Command::Set(name, None));
    }
    let read = unquoted(value).ok_or_else(|| {
        wrong(format!("`:setvar {name}`: a value with blanks or quotes stands in double quotes, each quote in it doubled"))
    })?;
    if read.contains("$(") {
        return Err(wrong(format!(
            "`:setvar {name}`: sqlcmd puts no variable into a variable; write the value itself"
        )));
    }
    Ok(Command::Set(name, Some(read)))
}

/// The value that is meant: bare, or in double quotes with doubled ones inside.
fn unquoted(value: &str) -> Option<String> {
    let Some(rest) = value.strip_prefix('"') else {
        return (!value.contains(char::is_whitespace)).then(|| value.to_owned());
    };
    let inner = rest.strip_suffix('"')?;
    let single = inner.replace("\"\"", "");
    (!single.contains('"')).then(|| inner.replace("\"\"", "\""))
}

/// A command's words without the comment after them: `--` after a blank or at the beginning, outside double quotes.
fn without_comment(rest: &str) -> &str {
    let (mut quoted, mut blank) = (false, true);
    let mut characters = rest.char_indices().peekable();
    while let Some((place, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        match character {
            '"' => quoted = !quoted,
            '-' if !quoted && blank && next == Some('-') => {
                return rest.get(..place).unwrap_or_default().trim();
            }
            _ => {}
        }
        blank = character == ' ' || character == '\t';
    }
    rest.trim()
}

/// Whether that can be a variable's name.
pub(super) fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
