//! `muster secret set|list|reseal|drill`: values are sealed and opened here, on the operator's machine, and nowhere between.

use std::collections::BTreeSet;

use muster_model::name::{InvalidName, Recipient, SecretVersion, Slug};
use muster_model::secret::{Sealed, SealedSecret, SecretForm, SecretRef};
use muster_model::view::SecretsView;
use muster_proto::secret::{self, Key, SecretValue};
use muster_proto::v1;

use super::Context;
use crate::args::{ResealArgs, SecretSetArgs, SecretVerb};
use crate::connect::{Controller, read_record, read_view};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{drill, recovery_key, render, shape, typed};

pub(super) async fn run(context: &mut Context<'_>, verb: SecretVerb) -> Result<Exit, Failure> {
    match verb {
        SecretVerb::Set(args) => set(context, &args).await,
        SecretVerb::List(args) => list(context, &args.site).await,
        SecretVerb::Reseal(args) => reseal(context, &args).await,
        SecretVerb::Drill(args) => drill::run(context.output, &args),
    }
}

async fn set(context: &mut Context<'_>, args: &SecretSetArgs) -> Result<Exit, Failure> {
    let SecretSetArgs { site, secret, from_file } = args;
    let mut controller = context.connect().await?;
    // What it must look like is known before it is typed, so that a bad one is refused here and never sealed.
    let request = v1::SecretRequest { site: site.to_string(), secret: secret.to_string() };
    let slot = controller.client.describe_secret(request).await;
    let slot = controller.answer(slot, &advice(site))?;
    if !slot.refusal.is_empty() {
        return Err(Failure::new(Exit::Refused, slot.refusal, advice(site).swap_remove(0)));
    }
    let form: SecretForm = read_record(&slot.form_json, "form of a secret")?;
    let value = typed::value(&format!("{secret} of {site}"), from_file.as_deref())?;
    form.check(value.expose()).map_err(|wanted| {
        Failure::usage(
            format!("that is no {secret} of {site}: {wanted}; nothing was set"),
            format!("type it again: muster secret set {site} {secret}"),
        )
    })?;
    let version = SecretVersion(slot.next);
    let secret = SecretRef { site: site.clone(), secret: secret.clone(), version };
    let done = put(&mut controller, &secret, &value, &slot.recipients, false).await?;
    context.done(&done, &[format!("muster secret list {site}"), format!("muster plan {site}")])?;
    Ok(Exit::Ok)
}

async fn list(context: &mut Context<'_>, site: &Slug) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let reply = controller.client.list_secrets(v1::SiteRequest { site: site.to_string() }).await;
    let view = controller.answer(reply, &super::site_advice())?;
    let secrets: SecretsView = read_view(&view, shape::SECRETS)?;
    if context.output.is_json() {
        context.output.json(shape::SECRETS, &secrets)?;
    } else {
        let text = render::secrets::text(&secrets, context.output);
        context.output.data(&text)?;
    }
    Ok(Exit::Ok)
}

async fn reseal(context: &mut Context<'_>, args: &ResealArgs) -> Result<Exit, Failure> {
    let site = &args.site;
    let key = recovery_key::read(&args.recovery_key)?;
    let mut controller = context.connect().await?;
    let reply = controller.client.fetch_secrets(v1::SiteRequest { site: site.to_string() }).await;
    let v1::SecretsReply { secrets, recipients } = controller.answer(reply, &super::site_advice())?;
    // All are opened before one is sealed: a wrong key changes nothing.
    let mut opened: Vec<(SecretRef, SecretValue)> = Vec::new();
    for wire in secrets {
        let sealed = SealedSecret::try_from(wire)
            .map_err(|error| Failure::internal("the controller sent what is no secret", &error))?;
        let value =
            open(&sealed, &key).map_err(|failure| failure.or(format!("muster secret list {site}")))?;
        opened.push((sealed.secret, value));
    }
    for (secret, value) in &opened {
        put(&mut controller, secret, value, &recipients, true).await?;
    }
    let count = opened.len();
    let message = match count {
        0 => format!("{site} has no secret that was set; nothing was sealed"),
        1 => format!("1 secret of {site} is sealed anew to {} keys", recipients.len()),
        _ => format!("{count} secrets of {site} are sealed anew to {} keys", recipients.len()),
    };
    let next = [format!("muster secret list {site}"), format!("muster plan {site}")];
    context.done(&v1::Done { message }, &next)?;
    Ok(Exit::Ok)
}

/// Seals a value to these and hands it in.
async fn put(
    controller: &mut Controller,
    secret: &SecretRef,
    value: &SecretValue,
    recipients: &[v1::SecretRecipient],
    reseal: bool,
) -> Result<v1::Done, Failure> {
    let to = recipients.iter().map(|recipient| recipient.recipient.parse());
    let to: BTreeSet<Recipient> = to.collect::<Result<_, InvalidName>>().map_err(|error| {
        Failure::internal("the controller named a key that cannot be sealed to; nothing was set", &error)
    })?;
    let sealed = secret::seal(secret, value, &to)
        .map_err(|error| Failure::internal("the secret could not be sealed; nothing was set", &error))?;
    let sealed = SealedSecret { secret: secret.clone(), sealed: Sealed::new(sealed) };
    let request = v1::PutSecretRequest {
        secret: Some(sealed.into()),
        recipients: to.into_iter().map(Into::into).collect(),
        reseal,
    };
    let reply = controller.client.put_secret(request).await;
    controller.answer(reply, &advice(&secret.site))
}

/// Opens one sealed secret with a recovery key.
fn open(sealed: &SealedSecret, key: &Key) -> Result<SecretValue, Failure> {
    let SecretRef { site, secret, version } = &sealed.secret;
    secret::open(sealed.sealed.bytes(), key, &sealed.secret).map_err(|error| {
        Failure::new(
            Exit::Refused,
            format!("{secret} {version} of {site} does not open; nothing was changed"),
            "take a recovery key of this controller: --recovery-key FILE",
        )
        .because(&error)
    })
}

fn advice(site: &Slug) -> Vec<String> {
    vec![format!("see the secrets: muster secret list {site}")]
}
