//! `muster events [--from N] [--follow] [--site S] [--plan P]`: what happened, line by line.

use muster_proto::v1;

use super::Context;
use crate::args::EventsArgs;
use crate::connect::read_view;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render::events::Twins;
use crate::watch::stream::{Shown, Stream};
use crate::{render, shape};

pub(super) async fn run(context: &mut Context<'_>, args: &EventsArgs) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let mut twins = Twins::default();
    if !context.output.is_json() {
        let reply = controller.client.get_status(v1::StatusRequest { site: String::new() }).await;
        twins = Twins::of(&read_view(&controller.answer(reply, &super::site_advice())?, shape::STATUS)?);
    }
    let mut stream = Stream::new(v1::WatchRequest {
        from: args.from.max(1),
        follow: args.follow,
        site: args.site.as_ref().map(ToString::to_string).unwrap_or_default(),
        plan: args.plan.map_or(0, |plan| plan.0),
        progress: false,
    });
    let mut any = false;
    while let Some(shown) = stream.next(&mut controller, context.output).await? {
        let Shown::Event(event) = shown else { continue };
        any = true;
        if context.output.is_json() {
            context.output.json_line(shape::EVENT, &event)?;
        } else {
            let line = render::events::line(&event, &mut twins, context.output);
            context.output.data(&line)?;
        }
    }
    if !any {
        context.output.note("there is no such event yet; muster status lists sites and plans")?;
    }
    Ok(Exit::Ok)
}
