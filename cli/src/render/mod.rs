//! From records to text for people: tables that read like a diff, sentences, and what to type next.
//!
//! A file per view; `table` aligns, `style` colours, `value` shortens. Neighbours: `cmd` and `watch` print what comes out.
//! Text that came from a server is shown with its control characters made visible: it must not steer a terminal.

pub(crate) mod diff;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod handout;
pub(crate) mod manifest;
pub(crate) mod media;
pub(crate) mod operators;
pub(crate) mod page;
pub(crate) mod plan;
pub(crate) mod preflight;
pub(crate) mod recovery;
pub(crate) mod run;
pub(crate) mod secrets;
pub(crate) mod servers;
pub(crate) mod status;
pub(crate) mod steps;
pub(crate) mod style;
mod table;
mod value;
pub(crate) mod why;

use muster_model::name::NodeId;

/// `Next: ` and what to type, one choice a line.
pub(crate) fn next(choices: &[String]) -> String {
    let mut lines = Vec::new();
    for (place, choice) in choices.iter().enumerate() {
        lines.push(if place == 0 { format!("Next: {choice}") } else { format!("  or: {choice}") });
    }
    lines.join("\n")
}

/// The same, without the command that printed it: the way to this very page is no advice on it.
pub(crate) fn next_but(this: &str, choices: &[String]) -> String {
    let others: Vec<String> = choices.iter().filter(|choice| *choice != this).cloned().collect();
    next(&others)
}

/// Text with control characters and direction marks made visible; line feeds stay.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' => c,
            '\t' => ' ',
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// The same on one line.
pub(crate) fn one_line(text: &str) -> String {
    clean(text).split('\n').map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Every line moved to the right.
pub(crate) fn indent(text: &str, columns: usize) -> String {
    clean(text).trim_end().lines().map(|line| format!("{:columns$}{line}", "")).collect::<Vec<_>>().join("\n")
}

/// A node as people say it: `package treasury`.
pub(crate) fn node(id: &NodeId) -> String {
    format!("{} {}", id.kind, id.name)
}

/// `1 step`, `2 steps`.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_server_does_not_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\u{202e}c\td\ne"), "a\u{fffd}[2Jb\u{fffd}c d\ne");
    }

    #[test]
    fn choices_are_listed_one_a_line() {
        assert_eq!(next(&["a".to_owned(), "b".to_owned()]), "Next: a\n  or: b");
        assert_eq!(next(&[]), "");
    }
}
