//! Which statements of a batch stand behind a condition, as far as words tell.
//!
//! Neighbours: `settings` asks of each `SET`.

use super::words::Token;

/// Words that begin a statement which is none of those that [`Flow`] follows.
const STARTS: [&str; 38] = [
    "alter",
    "backup",
    "break",
    "bulk",
    "close",
    "commit",
    "continue",
    "create",
    "dbcc",
    "deallocate",
    "declare",
    "delete",
    "deny",
    "drop",
    "exec",
    "execute",
    "fetch",
    "goto",
    "grant",
    "insert",
    "kill",
    "merge",
    "open",
    "print",
    "raiserror",
    "restore",
    "return",
    "revert",
    "revoke",
    "rollback",
    "save",
    "select",
    "set",
    "throw",
    "truncate",
    "update",
    "use",
    "waitfor",
];

/// Goes through a batch token by token.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// How many brackets are open.
    brackets: u32,
    /// Whether the next statement belongs to an `IF`, `ELSE` or `WHILE`.
    pending: bool,
    /// For each open `BEGIN` or `CASE`, whether it stands behind a condition.
    blocks: Vec<bool>,
}

impl Flow {
    /// Takes a token, before that one; whether the statement that begins there is behind a condition.
    pub(super) fn take(&mut self, token: Token<'_>, next: Token<'_>) -> bool {
        let inside = self.blocks.last().copied().unwrap_or_default();
        self.brackets = match token {
            _ if token.is("(") => self.brackets.saturating_add(1),
            _ if token.is(")") => self.brackets.saturating_sub(1),
            _ => self.brackets,
        };
        if self.brackets > 0 {
            return inside;
        }
        if token.is_one_of(&["if", "else", "while"]) {
            self.pending = true;
        } else if token.is("case") {
            self.blocks.push(inside);
        } else if token.is("begin") {
            let is_conditional = inside || std::mem::take(&mut self.pending) || next.is("catch");
            if !next.is_one_of(&["tran", "transaction", "distributed", "dialog", "conversation"]) {
                self.blocks.push(is_conditional);
            }
        } else if token.is("end") && !next.is("conversation") {
            self.blocks.pop();
        } else if token.is_one_of(&STARTS) {
            return inside || std::mem::take(&mut self.pending);
        }
        inside
    }

    /// Whether it is within brackets.
    pub(super) fn is_within_brackets(&self) -> bool {
        self.brackets > 0
    }
}
