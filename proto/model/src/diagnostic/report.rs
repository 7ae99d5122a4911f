//! A growing list of diagnostics about one document.
//!
//! Neighbours: every reader of documents pushes into it. It knows where the document stands in its file, so that readers
//! handle places relative to the document; it never decides whether something is a mistake.

use super::Diagnostic;
use crate::document::{Place, SECRET_IN_DOCUMENT, Source, UNCLEAR_NUMBER, UNCLEAR_TIME};
use crate::limits::{DOCUMENT_ERRORS, PUSH_ERRORS};

/// Lines longer than this, in characters, are shortened where they are shown: a megabyte on one line helps nobody.
const SHOWN_CHARACTERS: usize = 240;

/// The rules of which the line is not shown: it holds what may be a secret.
const UNSHOWN_RULES: [&str; 3] = [SECRET_IN_DOCUMENT, UNCLEAR_NUMBER, UNCLEAR_TIME];

const MORE: &str = "correct the ones that are shown, then check again";

/// The mistakes of one document.
pub(crate) struct Report<'a> {
    source: &'a Source,
    lines_before: u32,
    list: Vec<Diagnostic>,
    unlisted: u64,
}

impl<'a> Report<'a> {
    /// An empty report on a document of which the file has `lines_before` lines before it.
    pub(crate) fn new(source: &'a Source, lines_before: u32) -> Self {
        Self { source, lines_before, list: Vec::new(), unlisted: 0 }
    }

    /// Adds a mistake; past [`DOCUMENT_ERRORS`] it is counted and not kept.
    pub(crate) fn push(
        &mut self,
        place: Place,
        rule: &str,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) {
        if self.list.len() as u64 >= DOCUMENT_ERRORS {
            self.unlisted += 1;
            return;
        }
        self.list.push(diagnostic(
            self.source,
            self.lines_before,
            place,
            rule,
            problem.into(),
            advice.into(),
        ));
    }

    /// Whether a rule was broken already.
    pub(crate) fn has(&self, rule: &str) -> bool {
        self.list.iter().any(|mistake| mistake.rule == rule)
    }

    /// The list, in order of place, with a last entry for the mistakes that were only counted.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|mistake| (mistake.line, mistake.column));
        if self.unlisted > 0 {
            self.list.push(Diagnostic::of_file(
                &self.source.path,
                "too-many-mistakes",
                format!("{} more mistakes in this document are not shown", self.unlisted),
                MORE,
            ));
        }
        self.list
    }
}

/// The mistakes of one push, cut at [`PUSH_ERRORS`] with a last entry that says so.
pub(crate) fn listed(mut list: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let limit = usize::try_from(PUSH_ERRORS).unwrap_or(usize::MAX);
    let unlisted = list.len().saturating_sub(limit);
    if unlisted > 0 {
        list.truncate(limit);
        let path = list.last().map_or_else(String::new, |mistake| mistake.path.clone());
        let problem = format!("{unlisted} more mistakes, in this and other files, are not shown");
        list.push(Diagnostic::of_file(&path, "too-many-mistakes", problem, MORE));
    }
    list
}

/// A mistake at a place of a document.
pub(crate) fn diagnostic(
    source: &Source,
    lines_before: u32,
    place: Place,
    rule: &str,
    problem: String,
    advice: String,
) -> Diagnostic {
    let text = String::from_utf8_lossy(&source.content);
    let line = text.lines().nth(place.line.saturating_sub(1) as usize).unwrap_or_default();
    Diagnostic {
        path: source.path.clone(),
        line: lines_before + place.line,
        column: place.column,
        rule: rule.to_owned(),
        problem,
        advice,
        source: if UNSHOWN_RULES.contains(&rule) {
            // The mark still stands under the place.
            format!("{:1$}(not shown)", "", place.column.saturating_sub(1) as usize)
        } else {
            line.chars().take(SHOWN_CHARACTERS).collect()
        },
    }
}
