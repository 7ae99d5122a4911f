//! `muster operator invite|enroll|list|revoke`.

use jiff::Timestamp;
use muster_model::digest::Digest;
use muster_model::token::OperatorToken;
use muster_model::view::OperatorsView;
use muster_proto::dial::dial_pinned;
use muster_proto::profile::Profile;
use muster_proto::v1;
use muster_proto::v1::enrollment_client::EnrollmentClient;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::Context;
use super::private::write_private;
use crate::args::{EnrollOperatorArgs, InviteOperatorArgs, OperatorArgs, OperatorVerb};
use crate::connect::read_view;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{render, shape};

pub(super) async fn run(context: &mut Context<'_>, verb: OperatorVerb) -> Result<Exit, Failure> {
    match verb {
        OperatorVerb::Invite(args) => invite(context, &args).await,
        OperatorVerb::Enroll(args) => enroll(context, &args).await,
        OperatorVerb::List => list(context).await,
        OperatorVerb::Revoke(args) => revoke(context, &args).await,
    }
}

async fn invite(context: &mut Context<'_>, args: &InviteOperatorArgs) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let request = v1::InviteOperatorRequest { operator: args.operator.to_string(), lifetime_ms: 0 };
    let invited = async {
        let reply = controller.client.invite_operator(request).await;
        let v1::InviteReply { token, expires_at_ms } = controller.answer(reply, &advice())?;
        Ok((token.into_bytes(), expires_at_ms))
    };
    let expires_at_ms = write_private(&args.out, invited).await?;
    let expires_at = Timestamp::from_millisecond(expires_at_ms)
        .map_err(|error| Failure::internal("the controller's answer has no valid time", &error))?;
    let (file, operator) = (args.out.display(), &args.operator);
    if context.output.is_json() {
        let record = serde_json::json!({
            "operator": operator, "file": file.to_string(), "expires_at": expires_at,
        });
        context.output.json(shape::INVITE_OPERATOR, &record)?;
        return Ok(Exit::Ok);
    }
    let until = context.output.minute(expires_at);
    context.output.data(&format!(
        "{file} holds a token for {operator}: one use, until {until}. Whoever holds it can be that operator."
    ))?;
    context.next(&[format!(
        "{operator} types on his machine: muster operator enroll --token-file {} --profile-out FILE",
        args.out.file_name().unwrap_or_default().display()
    )])?;
    Ok(Exit::Ok)
}

/// The profile is kept before the token is spent: what follows an answer that was lost is a second try with its key.
async fn enroll(context: &mut Context<'_>, args: &EnrollOperatorArgs) -> Result<Exit, Failure> {
    let text = std::fs::read_to_string(&args.token_file).map_err(|error| {
        Failure::usage(
            format!("the token file {} cannot be read", args.token_file.display()),
            "name the file that `muster operator invite` wrote",
        )
        .because(&error)
    })?;
    let token = OperatorToken::from_line(&text)
        .map_err(|error| Failure::usage("the token cannot be used", "ask for a new one").because(&error))?;
    let made = async { Ok((serde_json::to_vec_pretty(&profile(&token).await?)?, ())) };
    write_private(&args.profile_out, made).await?;
    let message = format!(
        "{} is the profile of {}. It holds a private key; keep it to yourself.",
        args.profile_out.display(),
        token.operator
    );
    let done = v1::Done { message };
    context.done(&done, &[format!("muster --profile {} status", args.profile_out.display())])?;
    Ok(Exit::Ok)
}

/// Spends the token for a certificate and makes a profile of it.
async fn profile(token: &OperatorToken) -> Result<Profile, Failure> {
    let unmade = |error: rcgen::Error| Failure::internal("the key or its request could not be made", &error);
    let key = KeyPair::generate().map_err(unmade)?;
    let request = CertificateParams::default().serialize_request(&key).map_err(unmade)?;
    let csr_pem = request.pem().map_err(unmade)?;
    let channel = dial_pinned(&token.controller, token.ca_pin).await?;
    let request = v1::EnrollOperatorRequest { token: token.secret.clone(), csr_pem };
    let mut client = EnrollmentClient::new(channel);
    // Twice with one key: where the first answer was lost, the second try gives the same certificate.
    let reply = match client.enroll_operator(request.clone()).await {
        Err(status) if crate::failure::is_unreachable(&status) => {
            let channel = dial_pinned(&token.controller, token.ca_pin).await?;
            EnrollmentClient::new(channel).enroll_operator(request).await
        }
        answer => answer,
    };
    let advice = ["ask for a new token: muster operator invite NAME --out FILE".to_owned()];
    let reply = reply.map_err(|status| Failure::from_status(&status, &token.controller, &advice))?;
    let v1::EnrollOperatorReply { certificate_pem, ca_pem, operator } = reply.into_inner();
    let ca = CertificateDer::from_pem_slice(ca_pem.as_bytes())
        .map_err(|error| Failure::internal("the controller's answer has no certificate", &error))?;
    if Digest::of(&ca) != token.ca_pin || operator != token.operator.as_str() {
        return Err(Failure::new(
            Exit::Refused,
            "the controller's answer is not for this token; nothing was kept",
            "ask for a new token: muster operator invite NAME --out FILE",
        ));
    }
    Ok(Profile {
        format: 1,
        controller: token.controller.clone(),
        operator: token.operator.clone(),
        ca_pem,
        certificate_pem,
        key_pem: key.serialize_pem(),
    })
}

async fn list(context: &mut Context<'_>) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let reply = controller.client.list_operators(v1::ListOperatorsRequest {}).await;
    let view = controller.answer(reply, &advice())?;
    let operators: OperatorsView = read_view(&view, shape::OPERATORS)?;
    if context.output.is_json() {
        context.output.json(shape::OPERATORS, &operators)?;
    } else {
        let text = render::operators::table(&operators.operators, context.output);
        context.output.data(&text)?;
    }
    Ok(Exit::Ok)
}

async fn revoke(context: &mut Context<'_>, args: &OperatorArgs) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let request = v1::OperatorRequest { operator: args.operator.to_string() };
    let reply = controller.client.revoke_operator(request).await;
    let done = controller.answer(reply, &advice())?;
    context
        .done(&done, &[format!("let him in again: muster operator invite {} --out FILE", args.operator)])?;
    Ok(Exit::Ok)
}

fn advice() -> Vec<String> {
    vec!["see the operators: muster operator list".to_owned()]
}
