//! `muster render SITE`: what each server of a site should be, at the newest revision.

use muster_model::name::Slug;
use muster_model::view::RenderView;
use muster_proto::v1;

use super::Context;
use crate::connect::read_view;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{render, shape};

pub(super) async fn run(context: &mut Context<'_>, site: &Slug) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let reply = controller.client.render(v1::SiteRequest { site: site.to_string() }).await;
    let view = controller.answer(reply, &super::site_advice())?;
    let rendered: RenderView = read_view(&view, shape::RENDER)?;
    if context.output.is_json() {
        context.output.json(shape::RENDER, &rendered)?;
    } else {
        context.output.data(&render::manifest::text(&rendered))?;
        context.next(&[format!("muster plan {site}")])?;
    }
    Ok(Exit::Ok)
}
