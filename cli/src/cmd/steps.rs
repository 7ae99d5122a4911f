//! `muster steps PLAN` and `muster steps PLAN/STEP`.

use muster_model::view::StepsView;
use muster_proto::v1;

use super::Context;
use crate::args::PlanOrStep;
use crate::connect::read_view;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{render, shape};

pub(super) async fn run(context: &mut Context<'_>, which: PlanOrStep) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let plan = match which {
        PlanOrStep::Plan(plan) => plan,
        PlanOrStep::Step(name) => name.plan,
    };
    let reply = controller.client.list_steps(v1::PlanRequest { plan: plan.0 }).await;
    let view = controller.answer(reply, &super::site_advice())?;
    let steps: StepsView = read_view(&view, shape::STEPS)?;
    let PlanOrStep::Step(name) = which else {
        if context.output.is_json() {
            context.output.json(shape::STEPS, &steps)?;
        } else {
            let text = render::steps::table(&steps, context.output);
            context.output.data(&text)?;
        }
        return Ok(Exit::Ok);
    };
    let step = steps.steps.iter().find(|step| step.number == name.step).ok_or_else(|| {
        let message = format!("{plan} has no step {}: it has {}", name.step, steps.steps.len());
        Failure::new(Exit::Refused, message, format!("see its steps: muster steps {plan}"))
    })?;
    if context.output.is_json() {
        context.output.json(shape::STEP, step)?;
    } else {
        let text = render::steps::one(&steps, step, context.output);
        context.output.data(&text)?;
    }
    Ok(Exit::Ok)
}
