//! `muster handout SITE --for dba`: what somebody else is asked for, to be sent to them.
//!
//! Neighbours: `render` shows the same manifests whole, `muster_model::handout` makes the list. Nothing is stored or sent.

use muster_model::handout::{Asked, for_dba};
use muster_model::view::RenderView;
use muster_proto::v1;
use serde::Serialize;

use super::Context;
use crate::args::{HandoutArgs, Whom};
use crate::connect::read_view;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{render, shape};

/// The shape `muster.handout/1`.
#[derive(Debug, Serialize)]
struct HandoutRecord<'a> {
    site: &'a str,
    revision: u64,
    asked: &'a [Asked],
}

pub(super) async fn run(context: &mut Context<'_>, args: &HandoutArgs) -> Result<Exit, Failure> {
    let Whom::Dba = args.whom;
    let mut controller = context.connect().await?;
    let reply = controller.client.render(v1::SiteRequest { site: args.site.to_string() }).await;
    let view = controller.answer(reply, &super::site_advice())?;
    let rendered: RenderView = read_view(&view, shape::RENDER)?;
    let asked = for_dba(&rendered.manifests, &args.domain);
    if context.output.is_json() {
        let record = HandoutRecord { site: args.site.as_str(), revision: rendered.revision.0, asked: &asked };
        context.output.json(shape::HANDOUT, &record)?;
        return Ok(Exit::Ok);
    }
    if asked.is_empty() {
        context
            .output
            .note(&format!("no server of {} works with a SQL Server: nobody is asked", args.site))?;
        return Ok(Exit::Ok);
    }
    context.output.data(&render::handout::text(&args.site, rendered.revision, &asked))?;
    if args.domain == "DOMAIN" {
        context.output.note("DOMAIN stands for the domain of the site's servers; name it with --domain")?;
    }
    Ok(Exit::Ok)
}
