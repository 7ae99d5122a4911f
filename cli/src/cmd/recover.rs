//! `muster recover status|confirm`: a restored controller's way back to work.

use muster_model::view::RecoveryView;
use muster_proto::v1;

use super::Context;
use crate::args::{ConfirmRecoveryArgs, RecoverVerb};
use crate::connect::read_view;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{render, shape};

pub(super) async fn run(context: &mut Context<'_>, verb: RecoverVerb) -> Result<Exit, Failure> {
    match verb {
        RecoverVerb::Status => status(context).await,
        RecoverVerb::Confirm(args) => confirm(context, &args).await,
    }
}

async fn status(context: &mut Context<'_>) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let reply = controller.client.get_recovery(v1::GetRecoveryRequest {}).await;
    let view = controller.answer(reply, &advice())?;
    let recovery: RecoveryView = read_view(&view, shape::RECOVERY)?;
    if context.output.is_json() {
        context.output.json(shape::RECOVERY, &recovery)?;
    } else {
        let text = render::recovery::text(&recovery, context.output);
        context.output.data(&text)?;
    }
    Ok(Exit::Ok)
}

async fn confirm(context: &mut Context<'_>, args: &ConfirmRecoveryArgs) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let request = v1::ConfirmRecoveryRequest { leave_unread: args.leave_unread };
    let reply = controller.client.confirm_recovery(request).await;
    let done = controller.answer(reply, &advice())?;
    context.done(&done, &["muster push -f PATH --any-base".to_owned(), "muster status".to_owned()])?;
    Ok(Exit::Ok)
}

fn advice() -> Vec<String> {
    vec!["see what the agents know: muster recover status".to_owned()]
}
