//! Push and diff: wire to intake and back.
//!
//! Neighbours: `crate::intake` decides everything.

use muster_model::diagnostic::Diagnostic;
use muster_model::document::Source;
use muster_model::name::{Revision, Slug};
use muster_proto::v1;
use tonic::Status;

use super::{Service, optional, view};
use crate::intake::{Answer, Push, Stale};

impl Service {
    pub(super) async fn take_push(
        &self,
        by: Slug,
        request: v1::PushRequest,
    ) -> Result<v1::PushReply, Status> {
        use v1::push_reply::Result as Reply;
        let v1::PushRequest { files, base, any_base, ticket, dry_run, reason } = request;
        let files = files.into_iter().map(|v1::SourceFile { path, content }| Source { path, content });
        let push = Push {
            by: by.into(),
            files: files.collect(),
            base: (!any_base).then_some(Revision(base)),
            ticket: optional(ticket),
            reason: optional(reason),
            dry_run,
        };
        let reply = match self.intake.push(push).await? {
            Answer::Pushed { revision, documents, changed, sites, warnings } => Reply::Pushed(v1::Pushed {
                revision: revision.0,
                documents,
                changed,
                sites: sites.into_iter().map(String::from).collect(),
                warnings: warnings.into_iter().map(diagnostic).collect(),
            }),
            Answer::Rejected(mistakes) => Reply::Rejected(rejected(mistakes)),
            Answer::Stale(stale) => Reply::Stale(wire_stale(stale)),
        };
        Ok(v1::PushReply { result: Some(reply) })
    }

    pub(super) async fn compare(&self, request: v1::DiffRequest) -> Result<v1::DiffReply, Status> {
        use v1::diff_reply::Result as Reply;
        let v1::DiffRequest { files } = request;
        let files = files.into_iter().map(|v1::SourceFile { path, content }| Source { path, content });
        let reply = match self.intake.diff(files.collect()).await? {
            Ok(diff) => Reply::View(view("muster.diff/1", &diff)?.into_inner()),
            Err(mistakes) => Reply::Rejected(rejected(mistakes)),
        };
        Ok(v1::DiffReply { result: Some(reply) })
    }
}

fn rejected(mistakes: Vec<Diagnostic>) -> v1::Rejected {
    v1::Rejected { diagnostics: mistakes.into_iter().map(diagnostic).collect() }
}

fn diagnostic(mistake: Diagnostic) -> v1::Diagnostic {
    let Diagnostic { path, line, column, rule, problem, advice, source } = mistake;
    v1::Diagnostic { path, line, column, rule, problem, advice, source }
}

fn wire_stale(stale: Stale) -> v1::Stale {
    let Stale { base, newest, documents } = stale;
    let none = v1::Stale { base: base.0, documents, ..v1::Stale::default() };
    match newest {
        Some(newest) => v1::Stale {
            newest: newest.revision.0,
            by: newest.by,
            at_ms: newest.at.as_millisecond(),
            ticket: newest.ticket.unwrap_or_default(),
            ..none
        },
        None => none,
    }
}
