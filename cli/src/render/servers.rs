//! Servers: a table of them, one of them whole.
//!
//! Neighbours: `status` shows the servers of one site, `cmd::server` all of them.

use muster_model::view::{ServerState, ServerView};

use super::{one_line, style, table};
use crate::output::Output;

/// A line each.
pub(crate) fn table(servers: &[ServerView], output: &Output) -> String {
    if servers.is_empty() {
        return "no document names a server yet\nNext: muster push -f PATH".to_owned();
    }
    let rows: Vec<Vec<String>> = servers
        .iter()
        .map(|server| {
            vec![
                server.server.to_string(),
                server.host.to_string(),
                word(server.state).to_owned(),
                server.since.map(|since| output.minute(since)).unwrap_or_default(),
                server.clock_offset_ms.map(clock).unwrap_or_default(),
                server.agent_version.as_deref().map(one_line).unwrap_or_default(),
                if server.simulated == Some(true) { "SIMULATED".to_owned() } else { String::new() },
            ]
        })
        .collect();
    let lines = table::align(Some(&["SERVER", "HOST", "STATE", "SINCE", "CLOCK", "AGENT", ""]), &rows);
    let mut text: Vec<String> = lines.first().map(|line| style::bold(line)).into_iter().collect();
    text.extend(lines.iter().skip(1).zip(servers).map(|(line, server)| coloured(server.state, line)));
    text.join("\n")
}

/// One server with all that is known of it.
pub(crate) fn one(server: &ServerView, output: &Output) -> String {
    let unknown = || "not known yet".to_owned();
    let kind = match server.simulated {
        Some(true) => "a twin: SIMULATED".to_owned(),
        Some(false) => "a real server".to_owned(),
        None => unknown(),
    };
    let rows = [
        ("server", server.server.to_string()),
        ("host", server.host.to_string()),
        ("state", word(server.state).to_owned()),
        ("since", server.since.map_or_else(unknown, |since| output.minute(since))),
        ("stands on", kind),
        ("agent", server.agent_version.as_deref().map_or_else(unknown, one_line)),
        ("clock", server.clock_offset_ms.map_or_else(unknown, clock)),
        ("generation", server.generation.map_or_else(unknown, |generation| generation.to_string())),
        ("certificate", server.serial.as_deref().map_or_else(unknown, one_line)),
    ];
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    let mut text = table::align(None, &rows);
    text.push(super::next(&next(server)));
    text.join("\n")
}

fn next(server: &ServerView) -> Vec<String> {
    let id = &server.server;
    match server.state {
        ServerState::Unknown | ServerState::Revoked => vec![format!("muster server invite {id} --out FILE")],
        ServerState::Invited => vec![
            "on the server: muster-agent enroll --data-dir DIR --token-file FILE".to_owned(),
            format!("muster server invite {id} --out FILE"),
        ],
        ServerState::Connected => vec![format!("muster status {}", id.site)],
        ServerState::Offline => vec![
            "see on the server that muster-agent runs and reaches the controller".to_owned(),
            format!("muster status {}", id.site),
        ],
    }
}

/// `+0.4 s` against the controller's clock.
fn clock(offset_ms: i64) -> String {
    let tenths = (offset_ms.unsigned_abs() + 50) / 100;
    let sign = if offset_ms < 0 && tenths > 0 { '-' } else { '+' };
    format!("{sign}{}.{} s", tenths / 10, tenths % 10)
}

fn word(state: ServerState) -> &'static str {
    match state {
        ServerState::Unknown => "not invited",
        ServerState::Invited => "invited",
        ServerState::Connected => "connected",
        ServerState::Offline => "OFFLINE",
        ServerState::Revoked => "revoked",
    }
}

fn coloured(state: ServerState, line: &str) -> String {
    match state {
        ServerState::Connected => style::good(line),
        ServerState::Offline | ServerState::Revoked => style::warn(line),
        ServerState::Unknown | ServerState::Invited => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_shown_to_the_tenth_of_a_second() {
        assert_eq!([clock(-3), clock(380), clock(-120_049)], ["+0.0 s", "+0.4 s", "-120.0 s"]);
    }
}
