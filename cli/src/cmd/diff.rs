//! `muster diff -f PATH`: which sites' plans would change if these documents were pushed; nothing is stored.
//!
//! Neighbours: `push` sends the same files, `render::diff` words the answer. The controller compares documents with
//! documents; what a server has to change, only a plan can say.

use muster_model::diagnostic::Diagnostic;
use muster_model::view::DiffView;
use muster_proto::v1;
use muster_proto::v1::diff_reply::Result as Answer;

use super::{Context, files, push, validate};
use crate::args::FilesArgs;
use crate::connect::read_view;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{render, shape};

pub(super) async fn run(context: &mut Context<'_>, args: &FilesArgs) -> Result<Exit, Failure> {
    let files::Collected { files, skipped } = files::collect(&args.paths)?;
    if let Some(line) = files::skipped_line(&skipped) {
        context.output.note(&line)?;
    }
    let mut controller = context.connect().await?;
    let files =
        files.into_iter().map(|file| v1::SourceFile { path: file.path, content: file.content }).collect();
    context.output.spin("comparing documents");
    let reply = controller.client.diff(v1::DiffRequest { files }).await;
    context.output.end_progress();
    let reply = controller.answer(reply, &[files::command("validate", &args.paths)])?;
    match reply.result {
        Some(Answer::View(view)) => {
            let diff: DiffView = read_view(&view, shape::DIFF)?;
            if context.output.is_json() {
                context.output.json(shape::DIFF, &diff)?;
                return Ok(Exit::Ok);
            }
            context.output.data(&render::diff::text(&diff))?;
            if !diff.sites.is_empty() {
                context.next(&[files::command("push", &args.paths)])?;
            }
            Ok(Exit::Ok)
        }
        Some(Answer::Rejected(rejected)) => {
            let diagnostics: Vec<Diagnostic> =
                rejected.diagnostics.into_iter().map(push::diagnostic).collect();
            if context.output.is_json() {
                let record =
                    validate::ValidateRecord { documents: 0, diagnostics: &diagnostics, warnings: &[] };
                context.output.json(shape::VALIDATE, &record)?;
            }
            validate::rejected(context, &diagnostics, "stored", &files::command("diff", &args.paths))
        }
        None => Err(push::empty()),
    }
}
