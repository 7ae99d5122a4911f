//! `muster run PLAN [--watch]`: carries out an approved plan.
//!
//! With `--watch`, a run that is under way already is watched from its beginning: typing the command again after a lost
//! connection is the way back to it.

use muster_proto::v1;

use super::Context;
use crate::args::RunArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::watch::Watch;

pub(super) async fn run(context: &mut Context<'_>, args: &RunArgs) -> Result<Exit, Failure> {
    let plan = args.plan;
    let mut controller = context.connect().await?;
    let mut watch = None;
    if args.watch {
        let ready = Watch::prepare(&mut controller, plan).await?;
        if ready.is_under_way() {
            context.output.note(&format!("{plan} is under way already; this shows it from the beginning"))?;
            return ready.whole().follow(&mut controller, context.output).await;
        }
        watch = Some(ready);
    }
    let reply = controller.client.start_run(v1::PlanRequest { plan: plan.0 }).await;
    let done = controller.answer(reply, &super::plan_advice(plan))?;
    match watch {
        Some(watch) => watch.follow(&mut controller, context.output).await,
        None => {
            context.done(&done, &[format!("muster run {plan} --watch"), format!("muster steps {plan}")])?;
            Ok(Exit::Ok)
        }
    }
}
