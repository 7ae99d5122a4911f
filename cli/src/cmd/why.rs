//! `muster why SITE`: why a site stands where it does, and what to do.

use muster_model::name::Slug;
use muster_model::view::WhyView;
use muster_proto::v1;

use super::Context;
use crate::connect::read_view;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{render, shape};

pub(super) async fn run(context: &mut Context<'_>, site: &Slug) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let reply = controller.client.why(v1::SiteRequest { site: site.to_string() }).await;
    let view = controller.answer(reply, &super::site_advice())?;
    let why: WhyView = read_view(&view, shape::WHY)?;
    if context.output.is_json() {
        context.output.json(shape::WHY, &why)?;
    } else {
        let text = render::why::text(&why, context.output);
        context.output.data(&text)?;
    }
    Ok(Exit::Ok)
}
