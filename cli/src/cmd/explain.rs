//! `muster explain SITE PARAMETER`: why a parameter of a site has its value.

use muster_model::view::ExplainView;
use muster_proto::v1;

use super::Context;
use crate::args::ExplainArgs;
use crate::connect::read_view;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{render, shape};

pub(super) async fn run(context: &mut Context<'_>, args: &ExplainArgs) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let request = v1::ExplainRequest { site: args.site.to_string(), parameter: args.parameter.to_string() };
    let reply = controller.client.explain(request).await;
    let view = controller.answer(reply, &super::site_advice())?;
    let explained: ExplainView = read_view(&view, shape::EXPLAIN)?;
    if context.output.is_json() {
        context.output.json(shape::EXPLAIN, &explained)?;
    } else {
        context.output.data(&render::explain::text(&explained))?;
    }
    Ok(Exit::Ok)
}
