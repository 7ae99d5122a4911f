//! `muster status [SITE]`: where the sites stand.

use muster_model::event::RunEnd;
use muster_model::view::{SiteState, SiteView, StatusView};
use muster_proto::v1;

use super::Context;
use crate::args::StatusArgs;
use crate::connect::read_view;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{render, shape};

pub(super) async fn run(context: &mut Context<'_>, args: &StatusArgs) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let site = args.site.as_ref().map(ToString::to_string).unwrap_or_default();
    let reply = controller.client.get_status(v1::StatusRequest { site }).await;
    let view = controller.answer(reply, &super::site_advice())?;
    let mut status: StatusView = read_view(&view, shape::STATUS)?;
    if args.problems {
        status.sites.retain(is_problem);
    }
    if context.output.is_json() {
        context.output.json(shape::STATUS, &status)?;
        return Ok(Exit::Ok);
    }
    let text = match (&args.site, status.sites.as_slice()) {
        (Some(_), [site]) => render::status::one(site, context.output),
        (_, []) => render::status::none(&status, args.problems),
        (_, sites) => render::status::table(sites, context.output),
    };
    context.output.data(&text)?;
    Ok(Exit::Ok)
}

/// What a person should look at: everything that is neither in sync nor going its way, and what ends soon.
fn is_problem(site: &SiteView) -> bool {
    if render::status::soon(site).is_some() {
        return true;
    }
    match site.state {
        SiteState::New
        | SiteState::Planned
        | SiteState::Approved
        | SiteState::Waiting
        | SiteState::Offline => true,
        SiteState::Running | SiteState::InSync | SiteState::Stopped(RunEnd::Done) => false,
        SiteState::Stopped(_) => true,
    }
}
