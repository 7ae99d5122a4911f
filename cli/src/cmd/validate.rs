//! `muster validate -f PATH`: checks documents on this machine; nothing is sent.
//!
//! The same rules as the controller's, over these files alone: a document that only the controller has is unknown here.

use muster_model::check::look;
use muster_model::diagnostic::{Diagnostic, Style, render, render_warnings};
use muster_model::document::{self, Documents};
use serde::Serialize;

use super::{Context, files};
use crate::args::FilesArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::shape;

/// The shape `muster.validate/1`.
#[derive(Debug, Serialize)]
pub(super) struct ValidateRecord<'a> {
    pub(super) documents: usize,
    pub(super) diagnostics: &'a [Diagnostic],
    pub(super) warnings: &'a [Diagnostic],
}

pub(super) fn run(context: &mut Context<'_>, args: &FilesArgs) -> Result<Exit, Failure> {
    let files::Collected { files, skipped } = files::collect(&args.paths)?;
    if let Some(line) = files::skipped_line(&skipped) {
        context.output.note(&line)?;
    }
    let (count, diagnostics, warnings) = match document::read(&files) {
        Err(diagnostics) => (0, diagnostics, Vec::new()),
        Ok(documents) => {
            let mut set = Documents::default();
            set.overlay(documents);
            let looked = look(&set);
            let warnings = looked.warnings(&set, |_| true);
            (set.len(), looked.mistakes, warnings)
        }
    };
    if context.output.is_json() {
        let record = ValidateRecord { documents: count, diagnostics: &diagnostics, warnings: &warnings };
        context.output.json(shape::VALIDATE, &record)?;
    }
    warned(context, &warnings)?;
    if !diagnostics.is_empty() {
        return rejected(context, &diagnostics, "sent", &files::command("validate", &args.paths));
    }
    if !context.output.is_json() {
        let count = crate::render::count(count, "document");
        context.output.data(&format!("{count} ok. Nothing was sent."))?;
        context.next(&[files::command("push", &args.paths)])?;
    }
    Ok(Exit::Ok)
}

/// Shows what is allowed and yet worth a look.
pub(super) fn warned(context: &mut Context<'_>, warnings: &[Diagnostic]) -> Result<(), Failure> {
    if !context.output.is_json() && !warnings.is_empty() {
        context.output.note(&render_warnings(warnings, Style::Colour))?;
    }
    Ok(())
}

/// Shows every mistake with its line, and fails.
pub(super) fn rejected(
    context: &mut Context<'_>,
    diagnostics: &[Diagnostic],
    untouched: &str,
    again: &str,
) -> Result<Exit, Failure> {
    if !context.output.is_json() {
        context.output.note(&render(diagnostics, Style::Colour))?;
    }
    let count = crate::render::count(diagnostics.len(), "mistake");
    let mut paths: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    let files = crate::render::count(paths.len(), "file");
    let message = format!("{count} in {files}. Nothing was {untouched}");
    Err(Failure::new(Exit::Rejected, message, format!("mend what the help lines say, then: {again}")))
}
