//! Variables that a document gives a script, as sqlcmd's `-v` does: what may be a name, and the key that a settled file has for one.
//!
//! Neighbours: `document` writes and judges the keys, the agent's scripts read them. Whether a value fits is not asked here.

/// Whether sqlcmd takes that for a variable's name: letters, digits, `_` and `-`, of which the first is a letter or `_`.
pub fn is_name(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    first && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// The key beside `file` and `sha256` that has the value of that variable.
pub fn key(name: &str) -> String {
    format!("$({name})")
}

/// The variable that a key is of, if it is one's.
pub fn name_of(key: &str) -> Option<&str> {
    key.strip_prefix("$(")?.strip_suffix(')')
}
