//! A growing list of diagnostics about one document.
//!
//! Neighbours: every reader of documents pushes into it. It knows where the document stands in its file, so that readers
//! handle places relative to the document; it never decides whether something is a mistake.

use super::Diagnostic;
use crate::document::{Place, Source};
use crate::limits::DOCUMENT_ERRORS;

/// Lines longer than this, in characters, are shortened where they are shown: a megabyte on one line helps nobody.
const SHOWN_CHARACTERS: usize = 240;

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

    /// The list, with a last entry for the mistakes that were only counted.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        if self.unlisted > 0 {
            self.list.push(Diagnostic::of_file(
                &self.source.path,
                "too-many-mistakes",
                format!("{} more mistakes in this document are not shown", self.unlisted),
                "correct the ones that are shown, then check again",
            ));
        }
        self.list
    }
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
        source: line.chars().take(SHOWN_CHARACTERS).collect(),
    }
}
