//! Temporary tables and procedures (`#name`), which go with the session that made them.
//!
//! Neighbours: `settings` keeps what else a session holds.

use std::collections::BTreeMap;

use super::words::{Token, makes_module, tokens};

/// What a batch does with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Makes,
    Drops,
    Uses,
}

/// Those that a session held which is gone, in small letters, each with the place of the batch that made it.
#[derive(Debug, Default)]
pub(super) struct Temporary(BTreeMap<String, String>);

impl Temporary {
    /// Follows a batch that ran in that session.
    pub(super) fn follow(&mut self, batch: &str, told: &impl Fn() -> String) {
        for (name, does) in mentioned(batch) {
            match does {
                Does::Makes => drop(self.0.insert(name, told())),
                Does::Drops => drop(self.0.remove(&name)),
                Does::Uses => {}
            }
        }
    }

    /// The first that a batch uses and does not make before; what it makes itself is there from then on.
    pub(super) fn lost(&mut self, batch: &str) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        for (name, does) in mentioned(batch) {
            match (does, self.0.get(&name)) {
                (Does::Uses, Some(place)) => return Some(format!("{name} of {place}")),
                // One that is not there any more is dropped where the batch looks before; else the server says so.
                (Does::Makes | Does::Drops, Some(_)) => drop(self.0.remove(&name)),
                (_, None) => {}
            }
        }
        None
    }
}

/// What a batch carries out that has such a name; of one that makes a procedure that is the procedure itself.
fn mentioned(batch: &str) -> Vec<(String, Does)> {
    let most = if makes_module(batch) { 5 } else { usize::MAX };
    let (mut found, mut before) = (Vec::new(), [Token(""); 2]);
    for token in tokens(batch).take(most) {
        match token.name() {
            Some(name) if name.starts_with('#') => found.push((name.to_lowercase(), does(before))),
            // `tempdb..#name` is the same one.
            _ if token.is(".")
                || token.name().is_some_and(|name| Token(name).is_one_of(&["tempdb", "dbo"])) =>
            {
                continue;
            }
            _ => {}
        }
        before = [before[1], token];
    }
    found
}

fn does(before: [Token<'_>; 2]) -> Does {
    let kinds = ["table", "procedure", "proc"];
    match before {
        [create, kind] if create.is("create") && kind.is_one_of(&kinds) => Does::Makes,
        [verb, into] if into.is("into") && !verb.is_one_of(&["insert", "merge"]) => Does::Makes,
        [drop, kind] if drop.is("drop") && kind.is_one_of(&kinds) => Does::Drops,
        [condition, exists] if condition.is("if") && exists.is("exists") => Does::Drops,
        _ => Does::Uses,
    }
}
