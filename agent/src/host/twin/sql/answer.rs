//! The questions that a modelled server answers: declared ones, and a few about itself.
//!
//! Neighbours: `state` holds declared answers. A question that is not known is an error, never a guess.

use super::state::{Database, Right, SqlState};
use crate::host::SqlMessage;
use crate::host::twin::state::find;

/// The first value of the answer, or none for NULL.
pub(super) fn scalar(
    state: &SqlState,
    login: &str,
    database: &str,
    query: &str,
) -> Result<Option<String>, SqlMessage> {
    let asked = plain(query);
    let database = find(&state.databases, database);
    let declared = database.into_iter().flat_map(|database| &database.answers);
    if let Some((_, answer)) = declared.clone().find(|(known, _)| plain(known) == asked) {
        return Ok(Some(answer.clone()));
    }
    if let Some(answer) = about_itself(state, &asked) {
        return Ok(answer);
    }
    if let Some(right) = asked.strip_prefix("select has_perms_by_name(null, null, '") {
        let held = match right {
            "create any database')" => state.allows(login, Right::CreateDatabase),
            _ => state.logins.is_empty(),
        };
        return Ok(Some(u8::from(held).to_string()));
    }
    if asked == "select count(*) from sys.extended_properties where class = 0 and name like 'muster:%'" {
        let marks = database.into_iter().flat_map(|database| database.properties.keys());
        return Ok(Some(marks.filter(|name| name.starts_with("Muster:")).count().to_string()));
    }
    if let Some(table) = asked.strip_prefix("select count(*) from ") {
        let rows = database.and_then(|database| rows(database, table));
        return rows.map(|rows| Some(rows.to_string())).ok_or_else(|| invalid_object(table, 1));
    }
    let text = format!("SIMULATED: this twin has no answer to {query:?}; declare one under `answers:`");
    Err(SqlMessage::own(text))
}

fn about_itself(state: &SqlState, asked: &str) -> Option<Option<String>> {
    let quoted = |before: &str, after: &str| {
        let rest = asked.strip_prefix(before)?.trim_start_matches('n').strip_prefix('\'')?;
        rest.strip_suffix(after)?.strip_suffix('\'').map(str::to_owned)
    };
    if let Some(property) = quoted("select serverproperty(", ")") {
        return match property.as_str() {
            "productversion" => Some(Some(state.version.clone())),
            "productmajorversion" => Some(state.version.split('.').next().map(str::to_owned)),
            "edition" => Some(Some(state.edition.clone())),
            "collation" => Some(Some(state.collation.clone())),
            _ => None,
        };
    }
    if let Some(name) = quoted("select name from sys.databases where name = ", "") {
        let found = state.databases.keys().find(|known| known.eq_ignore_ascii_case(&name));
        return Some(found.cloned());
    }
    None
}

/// A table's rows, whatever its schema is called.
pub(super) fn rows(database: &Database, table: &str) -> Option<u64> {
    find(&database.tables, &table_name(table)).copied()
}

/// The bare name of a table: `[dbo].[Payment]` is `Payment`.
pub(super) fn table_name(written: &str) -> String {
    let last = written.rsplit('.').next().unwrap_or(written);
    last.trim_matches(|c| "[]\"".contains(c)).to_owned()
}

/// What the server says of a table that is not there.
pub(super) fn invalid_object(table: &str, line: u32) -> SqlMessage {
    let text = format!("invalid object name '{table}'");
    SqlMessage { number: 208, severity: 16, state: 1, line, procedure: None, text }
}

/// A question without what does not matter.
fn plain(query: &str) -> String {
    let words: Vec<&str> = query.split_whitespace().collect();
    words.join(" ").trim_end_matches(';').to_lowercase()
}
