//! `muster cancel PLAN`: asks a run to stop before its next step.

use muster_model::name::PlanId;
use muster_proto::v1;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;

pub(super) async fn run(context: &mut Context<'_>, plan: PlanId) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let reply = controller.client.cancel_run(v1::PlanRequest { plan: plan.0 }).await;
    let done = controller.answer(reply, &super::plan_advice(plan))?;
    context.done(&done, &[format!("muster steps {plan}"), format!("muster resume {plan}")])?;
    Ok(Exit::Ok)
}
