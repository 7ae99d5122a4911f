//! `muster plan SITE` and `muster plan show PLAN`.

use muster_model::limits;
use muster_proto::v1;

use super::Context;
use crate::args::{PlanArgs, PlanVerb};
use crate::connect::Controller;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::known::Known;
use crate::read_plan::ReadPlan;
use crate::{render, shape};

pub(super) async fn run(context: &mut Context<'_>, args: PlanArgs) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let reply = match (args.show, args.site) {
        (Some(PlanVerb::Show(args)), _) => {
            let reply = controller.client.get_plan(v1::PlanRequest { plan: args.plan.0 }).await;
            controller.answer(reply, &super::site_advice())?
        }
        (None, Some(site)) => {
            context.output.spin("asking the servers to compare");
            let mut request = tonic::Request::new(v1::CreatePlanRequest { site: site.to_string() });
            // The controller bounds the comparison; this only ends a wait for a controller that is stuck.
            request.set_timeout(std::time::Duration::from_millis(2 * limits::OBSERVE_MS));
            let reply = controller.client.create_plan(request).await;
            context.output.end_progress();
            controller
                .answer(reply, &[format!("muster why {site}"), "see the sites: muster status".to_owned()])?
        }
        (None, None) => return Err(Failure::usage("no site is named", "muster plan SITE")),
    };
    show(context, &controller, &reply)
}

fn show(context: &mut Context<'_>, controller: &Controller, reply: &v1::PlanReply) -> Result<Exit, Failure> {
    let plan = ReadPlan::verify(reply)?;
    if context.output.is_json() {
        context.output.json(shape::PLAN, &plan.record())?;
    } else {
        let text = render::plan::text(&plan, context.output);
        context.output.data(&text)?;
    }
    Known::read(controller)?.saw_plan(plan.header.plan, plan.digest)?;
    Ok(Exit::Ok)
}
