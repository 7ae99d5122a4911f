//! `muster resume PLAN [--restart N] [--reason TEXT] [--watch]`: lets a stopped run go on where it stopped.

use muster_proto::v1;

use super::Context;
use crate::args::ResumeArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::watch::Watch;

pub(super) async fn run(context: &mut Context<'_>, args: ResumeArgs) -> Result<Exit, Failure> {
    let plan = args.plan;
    let mut controller = context.connect().await?;
    let watch = if args.watch { Some(Watch::prepare(&mut controller, plan).await?) } else { None };
    let request =
        v1::ResumeRequest { plan: plan.0, restart: args.restart, reason: args.reason.unwrap_or_default() };
    let reply = controller.client.resume_run(request).await;
    let done = controller.answer(reply, &super::plan_advice(plan))?;
    match watch {
        Some(watch) => watch.follow(&mut controller, context.output).await,
        None => {
            context.done(&done, &[format!("muster run {plan} --watch"), format!("muster steps {plan}")])?;
            Ok(Exit::Ok)
        }
    }
}
