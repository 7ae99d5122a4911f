//! Colours, one meaning each; stripped where nobody sees them.
//!
//! Neighbours: every renderer. No meaning is carried by colour alone: the words say the same.

use clap::builder::styling::{AnsiColor, Style};

fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Done, added, there.
pub(crate) fn good(text: &str) -> String {
    paint(AnsiColor::Green.on_default(), text)
}

/// Changed, waiting, worth a look.
pub(crate) fn warn(text: &str) -> String {
    paint(AnsiColor::Yellow.on_default(), text)
}

/// Failed, removed, in the way.
pub(crate) fn bad(text: &str) -> String {
    paint(AnsiColor::Red.on_default().bold(), text)
}

/// A heading.
pub(crate) fn bold(text: &str) -> String {
    paint(Style::new().bold(), text)
}
