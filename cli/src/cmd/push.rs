//! `muster push -f PATH`: stores documents as a new revision; no server is changed.
//!
//! The base is the newest revision that this operator pushed, so that nobody's change is overwritten unseen; `known`
//! remembers it.

use jiff::Timestamp;
use muster_model::diagnostic::Diagnostic;
use muster_model::name::Revision;
use muster_proto::v1;
use muster_proto::v1::push_reply::Result as Answer;
use serde::Serialize;

use super::Context;
use super::files::{self, Collected};
use crate::args::PushArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::known::Known;
use crate::{render, shape};

/// The shape `muster.push/1`.
#[derive(Debug, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
enum PushRecord<'a> {
    Pushed {
        revision: u64,
        documents: u32,
        changed: u32,
        sites: &'a [String],
        dry_run: bool,
        warnings: &'a [Diagnostic],
    },
    Rejected {
        diagnostics: &'a [Diagnostic],
    },
    Stale {
        base: u64,
        newest: u64,
        by: &'a str,
        at: Timestamp,
        ticket: Option<&'a str>,
        documents: &'a [String],
    },
}

pub(super) async fn run(context: &mut Context<'_>, args: PushArgs) -> Result<Exit, Failure> {
    let again = files::command("push", &args.files.paths);
    let Collected { files, skipped } = files::collect(&args.files.paths)?;
    if let Some(line) = files::skipped_line(&skipped) {
        context.output.note(&line)?;
    }
    let mut controller = context.connect().await?;
    let mut known = Known::read(&controller)?;
    let base = args.base.unwrap_or_else(|| known.revision());
    let files =
        files.into_iter().map(|file| v1::SourceFile { path: file.path, content: file.content }).collect();
    let request = v1::PushRequest {
        files,
        base: base.0,
        any_base: args.any_base,
        ticket: args.ticket.unwrap_or_default(),
        reason: args.reason.unwrap_or_default(),
        dry_run: args.dry_run,
    };
    context.output.spin("sending documents");
    let reply = controller.client.push(request).await;
    context.output.end_progress();
    let reply = controller.answer(reply, &[files::command("validate", &args.files.paths)])?;
    match reply.result {
        Some(Answer::Pushed(pushed)) => {
            if !args.dry_run {
                known.saw_revision(Revision(pushed.revision))?;
            }
            stored(context, &pushed, args.dry_run, again)
        }
        Some(Answer::Rejected(rejected)) => {
            let diagnostics: Vec<Diagnostic> = rejected.diagnostics.into_iter().map(diagnostic).collect();
            if context.output.is_json() {
                context.output.json(shape::PUSH, &PushRecord::Rejected { diagnostics: &diagnostics })?;
            }
            super::validate::rejected(context, &diagnostics, "stored", &again)
        }
        Some(Answer::Stale(stale)) => self::stale(context, &stale, &again),
        None => Err(empty()),
    }
}

/// An answer of a kind that this program does not know.
pub(super) fn empty() -> Failure {
    Failure::new(
        Exit::Internal,
        "the controller's answer is empty",
        "bring controller and CLI to one version: muster --version",
    )
}

fn stored(
    context: &mut Context<'_>,
    pushed: &v1::Pushed,
    dry_run: bool,
    again: String,
) -> Result<Exit, Failure> {
    let v1::Pushed { revision, documents, changed, sites, warnings } = pushed;
    let warnings: Vec<Diagnostic> = warnings.iter().cloned().map(diagnostic).collect();
    if context.output.is_json() {
        let record = PushRecord::Pushed {
            revision: *revision,
            documents: *documents,
            changed: *changed,
            sites,
            dry_run,
            warnings: &warnings,
        };
        context.output.json(shape::PUSH, &record)?;
        return Ok(Exit::Ok);
    }
    super::validate::warned(context, &warnings)?;
    let count = render::count(usize::try_from(*documents).unwrap_or(usize::MAX), "document");
    let text = match (dry_run, changed) {
        (_, 0) => format!("{count} ok, none differs from revision {revision}. No server was changed."),
        (true, _) => format!("{count} ok, {changed} changed. Nothing was stored: this was a dry run."),
        (false, _) => format!("{count} ok, {changed} changed -> revision {revision}. No server was changed."),
    };
    context.output.data(&text)?;
    const NAMED: usize = 5;
    let mut next: Vec<String> = sites.iter().take(NAMED).map(|site| format!("muster plan {site}")).collect();
    if sites.len() > NAMED {
        next.push(format!("see the other {} sites: muster status", sites.len() - NAMED));
    }
    if dry_run {
        next = vec![again];
    } else if next.is_empty() {
        next = vec!["muster status".to_owned()];
    }
    context.next(&next)?;
    Ok(Exit::Ok)
}

pub(super) fn diagnostic(wire: v1::Diagnostic) -> Diagnostic {
    let v1::Diagnostic { path, line, column, rule, problem, advice, source } = wire;
    Diagnostic { path, line, column, rule, problem, advice, source }
}

/// Someone pushed since: says who, when and what, and how to go on without overwriting it.
fn stale(context: &mut Context<'_>, stale: &v1::Stale, again: &str) -> Result<Exit, Failure> {
    let v1::Stale { base, newest, by, at_ms, ticket, documents } = stale;
    let at = Timestamp::from_millisecond(*at_ms)
        .map_err(|error| Failure::internal("the controller's answer has no valid time", &error))?;
    let ticket = Some(ticket.as_str()).filter(|ticket| !ticket.is_empty());
    if context.output.is_json() {
        let record = PushRecord::Stale { base: *base, newest: *newest, by, at, ticket, documents };
        context.output.json(shape::PUSH, &record)?;
    }
    let ticketed = ticket.map(|ticket| format!(", ticket {}", render::one_line(ticket))).unwrap_or_default();
    if *newest == 0 {
        let problem = format!("there is no revision {base}: nothing was pushed yet. Nothing was stored");
        return Err(Failure::new(Exit::Stale, problem, again));
    }
    let when = context.output.minute(at);
    let by = render::one_line(by);
    let why = match base {
        0 => {
            format!("the newest revision is {newest}, and this profile has not pushed on this machine before")
        }
        base if base > newest => format!("there is no revision {base}: the newest is {newest}"),
        base => format!("revision {newest} is newer: your files started from revision {base}"),
    };
    let mut message = format!("{why}. Nothing was stored\n  pushed by {by}, {when}{ticketed}");
    for document in documents {
        message.push_str(&format!("\n  changed since: {}", render::one_line(document)));
    }
    Err(Failure::new(
        Exit::Stale,
        message,
        format!("bring these changes into your files, then: {again} --base {newest}"),
    )
    .or(format!("ask {by} first; muster events shows what was done")))
}
