//! What a `SELECT` answers: the server's own views and functions, as far as the agent asks them, and counts of rows.
//!
//! Neighbours: `statement` sends the rows. A question that is not known is an error, never an empty answer.

use crate::parse::{Kind, Token};
use crate::session::Session;
use crate::state::{Backup, Database, DatabaseFile, State, find};
use crate::statement::{error, named};
use crate::token::{Cell, Message};

/// Columns, and rows.
type Rows = (Vec<String>, Vec<Vec<Cell>>);

/// The answer to a `SELECT`.
pub(crate) fn ask(state: &State, session: &Session, tokens: &[Token]) -> Result<Rows, Message> {
    let from = tokens.iter().position(|token| token.word() == "from");
    match from {
        None => value(state, session, tokens).map(|cell| (vec![String::new()], vec![vec![cell]])),
        Some(from) => view(state, session, tokens, from),
    }
}

/// Whether the condition of an `IF` holds.
pub(crate) fn holds(state: &State, session: &Session, condition: &[Token]) -> Result<bool, Message> {
    let words: Vec<String> = condition.iter().map(Token::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["@@trancount", _, "0"] => Ok(session.open > 0),
        ["exists", _, inner @ .., _] => {
            let start = condition.len() - 1 - inner.len();
            Ok(!ask(state, session, &condition[start..condition.len() - 1])?.1.is_empty())
        }
        ["not", "exists", ..] => holds(state, session, &condition[1..]).map(|holds| !holds),
        _ => {
            let text = format!("Incorrect syntax near '{}': this server does not know it.", words.join(" "));
            Err(condition.first().map_or_else(
                || Message {
                    number: 102,
                    severity: 15,
                    state: 1,
                    line: 1,
                    procedure: String::new(),
                    text: text.clone(),
                },
                |token| error(102, token, &text),
            ))
        }
    }
}

/// The value of a `SELECT` without `FROM`.
fn value(state: &State, session: &Session, tokens: &[Token]) -> Result<Cell, Message> {
    let texts: Vec<&str> = tokens.iter().filter_map(Token::text).collect();
    let words: Vec<String> = tokens[1..].iter().map(Token::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (words.as_slice(), texts.as_slice()) {
        (["serverproperty", ..], [name]) => {
            let known = state.properties.get(&name.to_lowercase());
            Ok(known.map_or(Cell::Null, |value| Cell::Variant(value.clone())))
        }
        (["has_perms_by_name", ..], _) => Ok(Cell::Int(1)),
        (["@@spid"], []) => Ok(Cell::Int(i32::try_from(session.id).unwrap_or(i32::MAX))),
        (["@@trancount"], []) => Ok(Cell::Int(i32::try_from(session.open).unwrap_or(i32::MAX))),
        (["db_name", ..], []) => Ok(Cell::Text(session.database.clone())),
        (["null"], []) => Ok(Cell::Null),
        ([""], [text]) => Ok(Cell::Text((*text).to_owned())),
        ([number], []) if number.parse::<i32>().is_ok() => Ok(Cell::Int(number.parse().unwrap_or_default())),
        _ => {
            let text =
                format!("Incorrect syntax near '{}': this server has no answer to it.", words.join(" "));
            Err(error(102, &tokens[0], &text))
        }
    }
}

/// A row of a view, by column.
type Row = Vec<(&'static str, Cell)>;

fn view(state: &State, session: &Session, tokens: &[Token], from: usize) -> Result<Rows, Message> {
    let (parts, _) = named(tokens, from + 1);
    let view = parts.last().copied().unwrap_or_default().to_lowercase();
    let of_database = if parts.len() == 3 { parts[0] } else { &session.database };
    if view == "backupset" {
        return history(state, tokens, from);
    }
    let databases = session.working.as_ref().unwrap_or(&state.databases);
    let database = find(databases, of_database);
    let Some(database) = database else {
        let text =
            format!("Database '{of_database}' does not exist. Make sure that the name is entered correctly.");
        return Err(error(911, &tokens[0], &text));
    };
    let rest = &tokens[from..];
    // What the question compares with.
    let compared: Vec<&str> = rest.iter().filter_map(Token::text).collect();
    let one = compared.last().copied().unwrap_or_default();
    let rows: Vec<Row> = match view.as_str() {
        "databases" => databases
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(one))
            .map(|(name, database)| described(name, database, state.closed.contains(name)))
            .collect(),
        "master_files" if state.hides_files => Vec::new(),
        "master_files" => find(databases, one).map(files).unwrap_or_default(),
        "database_files" => files(database),
        "dm_exec_requests" => requests(state, rest),
        "extended_properties" => properties(database, rest, one),
        table => {
            let rows = find(&database.tables, table);
            let rows =
                rows.ok_or_else(|| error(208, &tokens[0], &format!("Invalid object name '{table}'.")))?;
            vec![Vec::new(); usize::try_from(*rows).unwrap_or_default()]
        }
    };
    shown(tokens, from, &rows)
}

/// The columns of the list, of these rows; or how many rows there are.
fn shown(tokens: &[Token], from: usize, rows: &[Row]) -> Result<Rows, Message> {
    if tokens.get(1).is_some_and(|token| token.word() == "count") {
        let count = i32::try_from(rows.len()).unwrap_or(i32::MAX);
        return Ok((vec![String::new()], vec![vec![Cell::Int(count)]]));
    }
    let columns = columns(&tokens[1..from]);
    let cells = |row: &Row| -> Result<Vec<Cell>, Message> {
        let cell = |column: &String| {
            if column.parse::<i32>().is_ok() {
                return Ok(Cell::Int(1));
            }
            let known = row.iter().find(|(name, _)| name == column).map(|(_, cell)| cell.clone());
            known.ok_or_else(|| error(207, &tokens[0], &format!("Invalid column name '{column}'.")))
        };
        columns.iter().map(cell).collect()
    };
    let rows = rows.iter().map(cells).collect::<Result<_, _>>()?;
    Ok((columns, rows))
}

/// The columns of a list: the last word of each part, but for `CAST(column AS type)`.
fn columns(list: &[Token]) -> Vec<String> {
    let mut columns = vec![String::new()];
    let mut depth = 0;
    for token in list {
        depth += i32::from(token.is('(')) - i32::from(token.is(')'));
        match (&token.kind, depth) {
            (Kind::Sign(','), 0) => columns.push(String::new()),
            (Kind::Word(word), 0) if !word.eq_ignore_ascii_case("cast") => {
                columns.last_mut().into_iter().for_each(|column| *column = word.to_lowercase());
            }
            (Kind::Word(word), 1) => {
                let column = columns.last_mut().filter(|column| column.is_empty());
                column.into_iter().for_each(|column| *column = word.to_lowercase());
            }
            _ => {}
        }
    }
    columns
}

fn text(value: &str) -> Cell {
    Cell::Text(value.to_owned())
}

/// What runs in the session whose number stands at the end.
fn requests(state: &State, rest: &[Token]) -> Vec<Row> {
    let session = rest.last().and_then(|token| token.word().parse::<u32>().ok());
    let request = session.and_then(|session| state.requests.get(&session));
    let row = |(command, percent): &(String, i32)| {
        vec![("command", text(command)), ("percent_complete", Cell::Int(*percent))]
    };
    request.map(row).into_iter().collect()
}

/// msdb.dbo.backupset, of one database and one name.
fn history(state: &State, tokens: &[Token], from: usize) -> Result<Rows, Message> {
    if state.hides_history {
        let text =
            "The SELECT permission was denied on the object 'backupset', database 'msdb', schema 'dbo'.";
        return Err(Message { severity: 14, state: 5, ..error(229, &tokens[0], text) });
    }
    let compared: Vec<&str> = tokens[from..].iter().filter_map(Token::text).collect();
    let [database, name] = compared.as_slice() else {
        return Err(error(102, &tokens[0], "this server knows one question to backupset"));
    };
    let wanted = |backup: &&Backup| backup.database.eq_ignore_ascii_case(database) && backup.name == *name;
    let row = |backup: &Backup| {
        let size = backup.size_bytes.to_string();
        vec![
            ("backup_set_uuid", text("6F9619FF-8B86-D011-B42D-00C04FC964FF")),
            ("position", text(&backup.position.to_string())),
            ("backup_size", text(&size)),
            ("compressed_backup_size", text(&size)),
            ("is_copy_only", Cell::Int(i32::from(backup.copy_only))),
            ("has_backup_checksums", Cell::Int(i32::from(backup.checksums))),
            ("last_lsn", text("37000000022400001")),
            ("backup_finish_date", text("2026-11-29 22:00:00")),
        ]
    };
    let rows: Vec<Row> = state.backups.iter().filter(wanted).map(row).collect();
    shown(tokens, from, &rows)
}

fn described(name: &str, database: &Database, is_closed: bool) -> Row {
    // A database that is not online, or that AUTO_CLOSE has closed, has no collation to say.
    let is_open = database.status == "ONLINE" && !is_closed;
    let collation = if is_open { text(&database.collation) } else { Cell::Null };
    vec![
        ("name", text(name)),
        ("state_desc", text(&database.status)),
        ("collation_name", collation),
        ("recovery_model_desc", text(&database.recovery)),
    ]
}

fn files(database: &Database) -> Vec<Row> {
    let row = |kind: i32, file: &DatabaseFile| {
        vec![
            ("type", Cell::Int(kind)),
            ("name", text(&file.name)),
            ("physical_name", text(&file.path)),
            ("size", Cell::Int(file.pages)),
        ]
    };
    vec![row(0, &database.data), row(1, &database.log)]
}

fn properties(database: &Database, rest: &[Token], one: &str) -> Vec<Row> {
    let beginning = rest.iter().any(|token| token.word() == "like").then(|| one.trim_end_matches('%'));
    let wanted =
        |name: &&String| beginning.map_or(name.as_str() == one, |beginning| name.starts_with(beginning));
    let names = database.properties.keys().filter(wanted);
    names.map(|name| vec![("name", text(name)), ("value", text(&database.properties[name]))]).collect()
}
