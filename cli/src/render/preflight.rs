//! A preflight as a table: a line for everything that is missing, with what to do, and then how much was looked at.
//!
//! Neighbours: `page` shows all of it, what passed included. Nothing is judged here.

use muster_model::preflight::{PreflightItem, PreflightView, ServerPreflight, Verdict};

use super::{count, one_line, style, table};
use crate::output::Output;

/// What is missing, server by server, and the sum.
pub(crate) fn text(view: &PreflightView, output: &Output) -> String {
    let mut text = Vec::new();
    if view.simulated {
        text.push(style::warn(
            "SIMULATED: a twin stands in for a server of this site; nothing real is managed.",
        ));
    }
    let missing: Vec<(&ServerPreflight, &PreflightItem)> =
        view.items().filter(|(_, item)| item.verdict != Verdict::Passed).collect();
    let rows: Vec<Vec<String>> = missing
        .iter()
        .map(|(server, item)| {
            vec![
                server.host.to_string(),
                word(item.verdict).to_owned(),
                output.prose(&one_line(&about(item))),
                format!("-> {}", output.prose(&one_line(&item.advice))),
            ]
        })
        .collect();
    let lines = table::align(None, &rows);
    text.extend(lines.iter().zip(&missing).map(|(line, (_, item))| coloured(item.verdict, line)));
    text.push(summary(view));
    if view.passed {
        text.push(super::next(&[format!("muster plan {}", view.site)]));
    } else {
        text.push(super::next(&[format!("mend these, then muster preflight {}", view.site)]));
    }
    text.join("\n")
}

/// What was found, with the node that it is about where that says more than the server.
fn about(item: &PreflightItem) -> String {
    match &item.node {
        Some(node) if item.check == muster_model::preflight::COMPARISON => format!("{node}: {item}"),
        Some(_) | None => item.to_string(),
    }
}

/// `31 checks on 2 servers, 2 missing, 1 that nobody can tell. Nothing was changed.`
pub(crate) fn summary(view: &PreflightView) -> String {
    let looked = count(view.items().count(), "check");
    let servers = count(view.servers.len(), "server");
    let (missing, unknown) = (view.count(Verdict::Missing), view.count(Verdict::Unknown));
    let unknown = if unknown == 0 { String::new() } else { format!(", {unknown} that nobody can tell") };
    format!("{looked} on {servers}, {missing} missing{unknown}. Nothing was changed.")
}

/// A verdict in a word.
pub(crate) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "ok",
        Verdict::Missing => "MISSING",
        Verdict::Unknown => "UNKNOWN",
    }
}

fn coloured(verdict: Verdict, line: &str) -> String {
    match verdict {
        Verdict::Passed => style::good(line),
        Verdict::Missing => style::bad(line),
        Verdict::Unknown => style::warn(line),
    }
}
