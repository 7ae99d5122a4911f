//! A SQL Server before anything runs: whether it answers, its version, its edition, and the rights of the agent's login (G1).
//!
//! Neighbours: `host::SqlServer`. Questions only; nothing is made or changed.

use muster_model::manifest::Node;
use muster_model::preflight::{PreflightItem, Verdict};
use muster_model::value::Value;

use super::{Ask, texts};
use crate::host::{Error, Host, SqlError, SqlSession};
use crate::resource::sql_query::at_least;

/// Asks the server that the node names.
pub(super) fn look(node: &Node, host: &dyn Host) -> Vec<PreflightItem> {
    let ask = |check| Ask { node: &node.id, check, guide: "G1" };
    let Some(endpoint) = &node.endpoint else { return Vec::new() };
    let address = endpoint.address.as_str();
    let mut session = match host.sql().connect(endpoint, "master", true) {
        Ok(session) => session,
        Err(error) => return vec![unreached(&ask("sql_server"), address, &error)],
    };
    let answers = ask("sql_server").item(Verdict::Passed, format!("{address} answers"), "", "");
    let mut items = vec![answers];
    versions(node, address, session.as_mut(), &mut items);
    let editions: Vec<&str> = texts(node, "sql_editions").collect();
    if !editions.is_empty() {
        let edition = question(session.as_mut(), "SELECT SERVERPROPERTY('Edition')");
        let advice = "use another SQL Server, or have its edition changed";
        items.push(ask("sql_editions").judge(edition, &editions.join(" or "), advice, |edition| {
            let is_one = editions.iter().any(|beginning| begins(&edition, beginning));
            (is_one, format!("{address} has the edition {edition}"))
        }));
    }
    for right in texts(node, "sql_rights") {
        let query = format!("SELECT HAS_PERMS_BY_NAME(NULL, NULL, '{}')", right.replace('\'', "''"));
        let held = question(session.as_mut(), &query);
        let advice = "ask the DBA for it: muster handout SITE --for dba";
        items.push(ask("sql_rights").judge(held, "that right", advice, |held| {
            let has = held == "1";
            let word = if has { "has" } else { "does not have" };
            (has, format!("the agent's login on {address} {word} {right}"))
        }));
    }
    items
}

fn versions(node: &Node, address: &str, session: &mut dyn SqlSession, items: &mut Vec<PreflightItem>) {
    let limits = ["sql_at_least", "sql_below"].map(|name| node.attributes.get(name).and_then(Value::as_text));
    if limits.iter().all(Option::is_none) {
        return;
    }
    let version = question(session, "SELECT SERVERPROPERTY('ProductVersion')");
    let mut judge = |check, limit: Option<&str>, words: &str, fits: fn(&str, &str) -> bool, advice: &str| {
        let Some(limit) = limit else { return };
        let ask = Ask { node: &node.id, check, guide: "G1" };
        let wanted = format!("{words} {}", named(limit));
        items.push(ask.judge(version.clone(), &wanted, advice, |version| {
            (fits(&version, limit), format!("{address} is SQL Server {}", named(&version)))
        }));
    };
    judge("sql_at_least", limits[0], "at least", at_least, "update this SQL Server, or use another one");
    judge("sql_below", limits[1], "below", |is, limit| !at_least(is, limit), "use an older SQL Server");
}

/// A version with the name that people know.
fn named(version: &str) -> String {
    let name = match version.split('.').next() {
        Some("13") => "2016",
        Some("14") => "2017",
        Some("15") => "2019",
        Some("16") => "2022",
        Some("17") => "2025",
        Some(_) | None => return version.to_owned(),
    };
    format!("{version} ({name})")
}

fn begins(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

/// A server that does not answer is missing; one that nobody could ask from here is not known.
fn unreached(ask: &Ask<'_>, address: &str, error: &Error) -> PreflightItem {
    let wanted = "it answers, and lets the agent's login in";
    if matches!(error, Error::CannotTell { .. }) {
        return ask.unknown(error, wanted);
    }
    let advice = "start it, open its port in the firewall, and let the computer's account in: muster handout SITE --for dba";
    ask.item(Verdict::Missing, format!("SQL Server {address} does not answer: {error}"), wanted, advice)
}

/// A question that the server did not answer.
pub(super) fn cannot(error: SqlError) -> Error {
    Error::CannotTell { what: "SQL Server", message: error.to_string() }
}

fn question(session: &mut dyn SqlSession, query: &str) -> Result<String, Error> {
    session.scalar(query).map(Option::unwrap_or_default).map_err(cannot)
}
