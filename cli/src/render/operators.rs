//! Operators: a table of them.
//!
//! Neighbours: `cmd::operator` prints it.

use muster_model::view::{OperatorState, OperatorView};

use super::{one_line, style, table};
use crate::output::Output;

/// A line each.
pub(crate) fn table(operators: &[OperatorView], output: &Output) -> String {
    let rows: Vec<Vec<String>> = operators
        .iter()
        .map(|operator| {
            vec![
                operator.operator.to_string(),
                word(operator.state).to_owned(),
                operator.until.map(|until| output.minute(until)).unwrap_or_default(),
                operator.serial.as_deref().map(one_line).unwrap_or_default(),
            ]
        })
        .collect();
    let lines = table::align(Some(&["OPERATOR", "STATE", "UNTIL", "CERTIFICATE"]), &rows);
    let mut text: Vec<String> = lines.first().map(|line| style::bold(line)).into_iter().collect();
    text.extend(lines.into_iter().skip(1));
    text.join("\n")
}

fn word(state: OperatorState) -> &'static str {
    match state {
        OperatorState::Invited => "invited",
        OperatorState::Active => "active",
        OperatorState::Expired => "EXPIRED",
        OperatorState::Revoked => "revoked",
    }
}
