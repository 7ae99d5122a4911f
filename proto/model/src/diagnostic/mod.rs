//! Diagnostics: what is wrong in a document, where, and what to do about it.
//!
//! Neighbours: `document`, `resolve` and `check` make them, the wire carries their fields, the CLI prints them with
//! [`render`]. Never an error of the program itself: only of what a person wrote.

mod render;
mod report;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use render::{Style, render, render_warnings};
pub(crate) use report::{Report, diagnostic, listed};

/// One mistake in one document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diagnostic {
    /// The file, as the operator named it.
    pub path: String,
    /// The line, from 1; 0 where the mistake concerns the file as a whole.
    pub line: u32,
    /// The column in characters, from 1; 0 where the mistake concerns the file as a whole.
    pub column: u32,
    /// The rule that was broken, in kebab case, as in `unknown-key`.
    pub rule: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub advice: String,
    /// The line as it is written, shortened where it is very long; empty where the mistake concerns the file as a whole.
    pub source: String,
}

impl Diagnostic {
    /// A mistake that concerns a file as a whole.
    pub fn of_file(path: &str, rule: &str, problem: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: 0,
            column: 0,
            rule: rule.to_owned(),
            problem: problem.into(),
            advice: advice.into(),
            source: String::new(),
        }
    }
}

/// One line: `path:line:column: problem [rule]`, for logs and for scripts.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {} [{}]", self.problem, self.rule)
    }
}
