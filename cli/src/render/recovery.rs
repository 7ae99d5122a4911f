//! What a restored controller has read: a table of servers, and below it what each knows that the controller does not.
//!
//! Neighbours: `cmd::recover` prints it.

use muster_model::view::{RecoveryServer, RecoveryState, RecoveryView};

use super::{next_but, one_line, style, table};
use crate::output::Output;

/// The whole view.
pub(crate) fn text(view: &RecoveryView, output: &Output) -> String {
    let mut text = vec![head(view, output)];
    if !view.servers.is_empty() {
        text.push(String::new());
        text.extend(servers(view, output));
    }
    for server in view.servers.iter().filter(|server| !server.findings.is_empty()) {
        text.push(String::new());
        text.push(format!("{} knows what this controller does not:", server.server));
        text.extend(server.findings.iter().map(|finding| format!("  - {}", one_line(finding))));
    }
    let next = next_but("muster recover status", &view.next);
    if !next.is_empty() {
        text.push(String::new());
        text.push(next);
    }
    text.join("\n")
}

fn head(view: &RecoveryView, output: &Output) -> String {
    let from = match view.made_at {
        Some(at) => format!("restored from the backup of {}", output.minute(at)),
        None => "an older copy of its database".to_owned(),
    };
    match (view.state, &view.confirmed) {
        (RecoveryState::None, _) => "this controller was never restored".to_owned(),
        (RecoveryState::Reading, _) => {
            style::warn(&format!("RECOVERY: this controller is {from}; nothing starts until it is confirmed"))
        }
        (RecoveryState::Confirmed, Some((by, at))) => {
            format!("this controller was {from}; {by} confirmed the recovery at {}", output.minute(*at))
        }
        (RecoveryState::Confirmed, None) => format!("this controller was {from}; the recovery is confirmed"),
    }
}

fn servers(view: &RecoveryView, output: &Output) -> Vec<String> {
    let rows: Vec<Vec<String>> = view
        .servers
        .iter()
        .map(|server| {
            vec![
                server.server.to_string(),
                read(server, output),
                number(server.epoch),
                server.generation.map(|generation| generation.to_string()).unwrap_or_default(),
                number(server.journal),
                server.newest_plan.map(|plan| plan.to_string()).unwrap_or_default(),
            ]
        })
        .collect();
    let header = ["SERVER", "READ", "EPOCH", "GENERATION", "JOURNAL", "NEWEST PLAN"];
    let lines = table::align(Some(&header), &rows);
    let mut text: Vec<String> = lines.first().map(|line| style::bold(line)).into_iter().collect();
    text.extend(lines.iter().skip(1).zip(&view.servers).map(|(line, server)| match server.read_at {
        Some(_) => line.clone(),
        None => style::warn(line),
    }));
    text
}

fn read(server: &RecoveryServer, output: &Output) -> String {
    match server.read_at {
        Some(at) => output.minute(at),
        None => "NOT READ".to_owned(),
    }
}

fn number(number: Option<u64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}
