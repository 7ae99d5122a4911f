//! `muster server invite|list|show|revoke`.

use jiff::Timestamp;
use muster_model::name::ServerId;
use muster_model::view::{ServerView, ServersView};
use muster_proto::v1;

use super::Context;
use super::private::write_private;
use crate::args::{InviteArgs, RevokeArgs, ServerVerb};
use crate::connect::{Controller, read_view};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{render, shape};

pub(super) async fn run(context: &mut Context<'_>, verb: ServerVerb) -> Result<Exit, Failure> {
    match verb {
        ServerVerb::Invite(args) => invite(context, &args).await,
        ServerVerb::List => list(context).await,
        ServerVerb::Show(args) => show(context, &args.server).await,
        ServerVerb::Revoke(args) => revoke(context, args).await,
    }
}

async fn invite(context: &mut Context<'_>, args: &InviteArgs) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let request = v1::InviteRequest { server: args.server.to_string(), lifetime_ms: 0 };
    let invited = async {
        let reply = controller.client.invite_server(request).await;
        let v1::InviteReply { token, expires_at_ms } = controller.answer(reply, &advice())?;
        Ok((token.into_bytes(), expires_at_ms))
    };
    let expires_at_ms = write_private(&args.out, invited).await?;
    let expires_at = Timestamp::from_millisecond(expires_at_ms)
        .map_err(|error| Failure::internal("the controller's answer has no valid time", &error))?;
    if context.output.is_json() {
        let record = serde_json::json!({
            "server": args.server, "file": args.out.display().to_string(), "expires_at": expires_at,
        });
        context.output.json(shape::INVITE, &record)?;
        return Ok(Exit::Ok);
    }
    let until = context.output.minute(expires_at);
    context.output.data(&format!(
        "{} holds a token for {}: one use, until {until}. Whoever holds it can be that server.",
        args.out.display(),
        args.server
    ))?;
    context.next(&[format!(
        "take the file to the server and type there: muster-agent enroll --data-dir DIR --token-file {}",
        args.out.file_name().unwrap_or_default().display()
    )])?;
    Ok(Exit::Ok)
}

async fn list(context: &mut Context<'_>) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let servers = servers(&mut controller).await?;
    if context.output.is_json() {
        context.output.json(shape::SERVERS, &servers)?;
    } else {
        let text = render::servers::table(&servers.servers, context.output);
        context.output.data(&text)?;
    }
    Ok(Exit::Ok)
}

async fn show(context: &mut Context<'_>, id: &ServerId) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let servers = servers(&mut controller).await?;
    let server: &ServerView =
        servers.servers.iter().find(|server| server.server == *id).ok_or_else(|| {
            Failure::new(
                Exit::Refused,
                format!("no document names a server {id}"),
                "see the servers: muster server list",
            )
        })?;
    if context.output.is_json() {
        context.output.json(shape::SERVER, server)?;
    } else {
        let text = render::servers::one(server, context.output);
        context.output.data(&text)?;
    }
    Ok(Exit::Ok)
}

async fn revoke(context: &mut Context<'_>, args: RevokeArgs) -> Result<Exit, Failure> {
    let RevokeArgs { server: id, reason } = args;
    let mut controller = context.connect().await?;
    let reply = controller
        .client
        .revoke_server(v1::RevokeServerRequest { server: id.to_string(), reason: reason.unwrap_or_default() })
        .await;
    let done = controller.answer(reply, &advice())?;
    context.done(&done, &[format!("let it enrol again: muster server invite {id} --out FILE")])?;
    Ok(Exit::Ok)
}

async fn servers(controller: &mut Controller) -> Result<ServersView, Failure> {
    let reply = controller.client.list_servers(v1::ListServersRequest {}).await;
    let view = controller.answer(reply, &advice())?;
    read_view(&view, shape::SERVERS)
}

fn advice() -> Vec<String> {
    vec!["see the servers: muster server list".to_owned()]
}
