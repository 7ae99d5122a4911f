//! `muster cancel PLAN [--reason TEXT]`: asks a run to stop before its next step.

use muster_proto::v1;

use super::Context;
use crate::args::CancelArgs;
use crate::exit::Exit;
use crate::failure::Failure;

pub(super) async fn run(context: &mut Context<'_>, args: CancelArgs) -> Result<Exit, Failure> {
    let CancelArgs { plan, reason } = args;
    let mut controller = context.connect().await?;
    let reply = controller
        .client
        .cancel_run(v1::CancelRequest { plan: plan.0, reason: reason.unwrap_or_default() })
        .await;
    let done = controller.answer(reply, &super::plan_advice(plan))?;
    context.done(&done, &[format!("muster steps {plan}"), format!("muster resume {plan}")])?;
    Ok(Exit::Ok)
}
