//! `muster approve PLAN [--ticket T] [--reason TEXT]`: consents to the digest of what was shown.

use muster_proto::v1;

use super::Context;
use crate::args::ApproveArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::known::Known;
use crate::read_plan::ReadPlan;
use crate::render;

pub(super) async fn run(context: &mut Context<'_>, args: ApproveArgs) -> Result<Exit, Failure> {
    let id = args.plan;
    let mut controller = context.connect().await?;
    let reply = controller.client.get_plan(v1::PlanRequest { plan: id.0 }).await;
    let plan = ReadPlan::verify(&controller.answer(reply, &super::site_advice())?)?;
    let shown = Known::read(&controller)?.plan(id);
    if let Some(shown) = shown.filter(|shown| *shown != plan.digest) {
        let message = format!(
            "{id} is not the plan that was shown to you: its digest was {shown}, now it is {}",
            plan.digest
        );
        return Err(Failure::new(Exit::Refused, message, format!("look at it again: muster plan show {id}")));
    }
    if shown.is_none() {
        let first =
            format!("{id} was not shown on this machine before; look at it with: muster plan show {id}");
        context.output.note(&first)?;
    }
    context.output.note(&format!("{}\ndigest {}", render::plan::headline(&plan), plan.digest))?;
    let request = v1::ApproveRequest {
        plan: id.0,
        digest: plan.digest.to_string(),
        ticket: args.ticket.unwrap_or_default(),
        reason: args.reason.unwrap_or_default(),
    };
    let reply = controller.client.approve_plan(request).await;
    let advice = [
        format!("see what stands in its way: muster plan show {id}"),
        format!("plan again: muster plan {}", plan.header.site),
    ];
    let done = controller.answer(reply, &advice)?;
    context.done(&done, &[format!("muster run {id} --watch")])?;
    Ok(Exit::Ok)
}
