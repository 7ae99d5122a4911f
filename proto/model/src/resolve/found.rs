//! The mistakes of one site, as far as they are listed.
//!
//! Neighbours: `layers`, `nodes` and `edges` push into it. Past [`DOCUMENT_ERRORS`] a mistake is counted and not kept: a
//! site with a thousand of them has one cause.

use crate::diagnostic::Diagnostic;
use crate::document::{Document, Place};
use crate::expression::Problem;
use crate::limits::DOCUMENT_ERRORS;

/// A growing list.
#[derive(Default)]
pub(super) struct Found {
    list: Vec<Diagnostic>,
    unlisted: u64,
    warnings: Vec<Diagnostic>,
}

impl Found {
    /// Adds a mistake at a place of a document.
    pub(super) fn push(
        &mut self,
        document: &Document,
        place: Place,
        rule: &str,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) {
        if self.list.len() as u64 >= DOCUMENT_ERRORS {
            self.unlisted += 1;
        } else {
            self.list.push(document.diagnostic(place, rule, problem, advice));
        }
    }

    /// Adds what is allowed and yet worth a look.
    pub(super) fn warn(
        &mut self,
        document: &Document,
        place: Place,
        rule: &str,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) {
        if (self.warnings.len() as u64) < DOCUMENT_ERRORS {
            self.warnings.push(document.diagnostic(place, rule, problem, advice));
        }
    }

    /// The warnings, each once, in order of path and place.
    pub(super) fn warnings(mut self) -> Vec<Diagnostic> {
        self.warnings.sort();
        self.warnings.dedup();
        self.warnings
    }

    /// Adds what is wrong with expressions.
    pub(super) fn problems(&mut self, document: &Document, problems: Vec<(Place, Problem)>) {
        for (place, Problem { rule, problem, advice }) in problems {
            self.push(document, place, rule, problem, advice);
        }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The list, each mistake once, in order of path and place. Every server settles the values of its site anew: what is
    /// wrong with one of them is found once per server.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort();
        self.list.dedup();
        if let Some(last) = self.list.last().filter(|_| self.unlisted > 0) {
            let problem = format!("{} more mistakes of this site are not shown", self.unlisted);
            let advice = "correct the ones that are shown, then check again";
            self.list.push(Diagnostic::of_file(&last.path.clone(), "too-many-mistakes", problem, advice));
        }
        self.list
    }
}
