//! What a batch does on a modelled server: a few statements, understood one by one, and declared effects.
//!
//! Neighbours: `session` decides whether what was done before an error stays. A statement that is not known does nothing and
//! says so; the batch still counts.

use super::answer::{invalid_object, rows, table_name};
use super::state::{Database, SqlEffect, SqlState};
use crate::host::SqlMessage;
use crate::host::twin::state::{find, find_mut};

/// What came of a batch.
pub(super) struct Ran {
    /// What it printed.
    pub(super) printed: Vec<String>,
    /// How long it takes.
    pub(super) takes_ms: u64,
    /// What failed.
    pub(super) errors: Vec<SqlMessage>,
    /// Whether it ended the transaction around it.
    pub(super) ends_transaction: bool,
}

/// Words that begin a statement at the start of a line.
const BEGINNINGS: [&str; 20] = [
    "alter",
    "backup",
    "commit",
    "create",
    "declare",
    "delete",
    "drop",
    "else",
    "exec",
    "execute",
    "grant",
    "if",
    "insert",
    "print",
    "raiserror",
    "select",
    "set",
    "throw",
    "update",
    "use",
];

/// Runs a batch on this state, statement by statement, up to the error that ends it: the first that the server finds, or the last
/// that the batch raises itself.
pub(super) fn run(state: &mut SqlState, database: &str, text: &str, in_transaction: bool) -> Ran {
    let mut ran = Ran { printed: Vec::new(), takes_ms: 0, errors: Vec::new(), ends_transaction: false };
    let mut database = database.to_owned();
    let lower = text.to_lowercase();
    let effects: Vec<SqlEffect> = state
        .effects
        .iter()
        .filter(|effect| lower.contains(&effect.contains.to_lowercase()))
        .cloned()
        .collect();
    if let Some(effect) = effects.iter().find(|effect| effect.alone && in_transaction) {
        ran.errors.push(alone(&effect.contains, 1));
        return ran;
    }
    for (line, statement) in statements(text) {
        match one(state, &mut database, &statement, line, in_transaction) {
            Ok(Some(printed)) => ran.printed.push(printed),
            Ok(None) => {}
            Err(message) => {
                ran.errors.push(message);
                if !statement.to_lowercase().starts_with("raiserror") {
                    return ran;
                }
            }
        }
    }
    for effect in effects {
        ran.takes_ms += effect.takes_ms;
        ran.ends_transaction |= effect.ends_transaction;
        if let Some(database) = find_mut(&mut state.databases, &database) {
            database.answers.extend(effect.answers);
        }
    }
    ran
}

/// The statements, each with its line in the batch from 1, without comments that fill a line.
fn statements(text: &str) -> Vec<(u32, String)> {
    let mut found: Vec<(u32, String)> = Vec::new();
    for (line, number) in text.lines().zip(1_u32..) {
        let trimmed = line.trim();
        let word: String = trimmed.chars().take_while(char::is_ascii_alphabetic).collect();
        let begins = BEGINNINGS.contains(&word.to_lowercase().as_str());
        if trimmed.is_empty() || trimmed.starts_with("--") {
            continue;
        }
        match found.last_mut().filter(|_| !begins) {
            Some((_, open)) => {
                open.push('\n');
                open.push_str(trimmed);
            }
            None => found.push((number, trimmed.to_owned())),
        }
    }
    found
}

/// Runs one statement; gives what it prints.
fn one(
    state: &mut SqlState,
    database: &mut String,
    statement: &str,
    line: u32,
    in_transaction: bool,
) -> Result<Option<String>, SqlMessage> {
    let words: Vec<&str> =
        statement.split(|c: char| c.is_whitespace() || "(;".contains(c)).filter(|w| !w.is_empty()).collect();
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let keywords: Vec<&str> = lower.iter().map(String::as_str).collect();
    let message =
        |number, text: String| SqlMessage { number, severity: 16, state: 1, line, procedure: None, text };
    let word = |index: usize| words.get(index).copied().unwrap_or_default();
    match keywords.as_slice() {
        ["print", ..] => Ok(quoted(statement)),
        ["raiserror", ..] => Err(message(50_000, quoted(statement).unwrap_or_default())),
        ["throw", ..] => {
            let number = word(1).trim_end_matches(',').parse().unwrap_or(50_000);
            Err(message(number, quoted(statement).unwrap_or_default()))
        }
        ["use", ..] => {
            let name = table_name(word(1));
            state.open(&name).map_err(|error| SqlMessage { line, ..error })?;
            *database = name;
            Ok(None)
        }
        ["create" | "alter" | "drop", "database", ..] | ["backup", ..] if in_transaction => {
            Err(alone(&format!("{} {}", word(0), word(1)), line))
        }
        ["create", "database", ..] => {
            let name = table_name(word(2));
            if find(&state.databases, &name).is_some() {
                return Err(message(1801, format!("database '{name}' already exists")));
            }
            let new = find(&state.databases, "master").cloned();
            state.databases.extend(new.map(|new| (name, new)));
            Ok(None)
        }
        ["create" | "drop" | "alter", "table", ..]
        | ["insert" | "delete", "into" | "from", ..]
        | ["update", ..] => {
            let Some(database) = find_mut(&mut state.databases, database) else { return Ok(None) };
            table(database, &keywords, &table_name(word(if keywords[0] == "update" { 1 } else { 2 })), line)?;
            Ok(None)
        }
        ["set" | "select" | "grant" | "declare", ..] => Ok(None),
        _ => Ok(Some(format!("SIMULATED: not modelled: {}", statement.lines().next().unwrap_or_default()))),
    }
}

/// What a statement does to a table.
fn table(database: &mut Database, keywords: &[&str], name: &str, line: u32) -> Result<(), SqlMessage> {
    let message =
        |number, text: String| SqlMessage { number, severity: 16, state: 1, line, procedure: None, text };
    let there = rows(database, name);
    match (keywords[0], there) {
        ("create", Some(_)) => {
            Err(message(2714, format!("there is already an object named '{name}' in the database")))
        }
        ("create", None) => {
            database.tables.insert(name.to_owned(), 0);
            Ok(())
        }
        ("drop", None) => {
            Err(message(3701, format!("cannot drop the table '{name}', because it does not exist")))
        }
        ("alter", None) => {
            Err(message(4902, format!("cannot find the object \"{name}\" because it does not exist")))
        }
        (_, None) => Err(invalid_object(name, line)),
        ("drop", Some(_)) => {
            database.tables.retain(|known, _| !known.eq_ignore_ascii_case(name));
            Ok(())
        }
        ("insert", Some(_)) => {
            find_mut(&mut database.tables, name).into_iter().for_each(|rows| *rows += 1);
            Ok(())
        }
        (_, Some(_)) => Ok(()),
    }
}

/// What the server says of a statement that may not stand in a transaction.
fn alone(what: &str, line: u32) -> SqlMessage {
    let text = format!("{} statement not allowed within multi-statement transaction", what.to_uppercase());
    SqlMessage { number: 226, severity: 16, state: 6, line, procedure: None, text }
}

/// The first quoted text of a statement.
fn quoted(statement: &str) -> Option<String> {
    let (_, rest) = statement.split_once('\'')?;
    let mut text = String::new();
    let mut characters = rest.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\'' && characters.next_if_eq(&'\'').is_none() {
            break;
        }
        text.push(character);
    }
    Some(text)
}
