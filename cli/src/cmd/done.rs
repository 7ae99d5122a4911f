//! `muster done PLAN/STEP [--note ...] [--ends DATE] [--watch]`: a person says that a step is done.

use muster_proto::v1;

use super::Context;
use crate::args::DoneArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::watch::Watch;

pub(super) async fn run(context: &mut Context<'_>, args: DoneArgs) -> Result<Exit, Failure> {
    let plan = args.step.plan;
    let mut controller = context.connect().await?;
    let watch = if args.watch { Some(Watch::prepare(&mut controller, plan).await?) } else { None };
    let request = v1::ConfirmRequest {
        plan: plan.0,
        step: args.step.step,
        note: args.note.unwrap_or_default(),
        ends: args.ends.map(|ends| ends.to_string()).unwrap_or_default(),
    };
    let reply = controller.client.confirm_step(request).await;
    let advice = [format!("see what is waiting: muster steps {plan}")];
    let done = controller.answer(reply, &advice)?;
    match watch {
        Some(watch) => watch.follow(&mut controller, context.output).await,
        None => {
            context.done(&done, &[format!("muster run {plan} --watch"), format!("muster steps {plan}")])?;
            Ok(Exit::Ok)
        }
    }
}
