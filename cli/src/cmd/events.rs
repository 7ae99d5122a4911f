//! `muster events [--from N] [--follow] [--site S] [--plan P]`: what happened, line by line.

use muster_proto::v1;

use super::Context;
use crate::args::EventsArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::watch::stream::Stream;
use crate::{render, shape};

pub(super) async fn run(context: &mut Context<'_>, args: &EventsArgs) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let mut stream = Stream::new(v1::WatchRequest {
        from: args.from.max(1),
        follow: args.follow,
        site: args.site.as_ref().map(ToString::to_string).unwrap_or_default(),
        plan: args.plan.map_or(0, |plan| plan.0),
    });
    while let Some(event) = stream.next(&mut controller, context.output).await? {
        if context.output.is_json() {
            context.output.json_line(shape::EVENT, &event)?;
        } else {
            let line = render::events::line(&event, context.output);
            context.output.data(&line)?;
        }
    }
    Ok(Exit::Ok)
}
