//! Secrets: wire to the room and back. What passes here is sealed, or says nothing of a value.
//!
//! Neighbours: `crate::secrets` decides what is taken in.

use std::collections::BTreeSet;

use muster_model::causes::with_causes;
use muster_model::name::{Recipient, Slug};
use muster_model::secret::SealedSecret;
use muster_proto::v1;
use tonic::Status;

use super::{Service, parse};
use crate::secrets::{Recipients, Slot};

impl Service {
    pub(super) async fn secret_slot(&self, request: v1::SecretRequest) -> Result<v1::SecretSlot, Status> {
        let v1::SecretRequest { site, secret } = request;
        let Slot { next, form, recipients, refusal } =
            self.secrets.describe(&parse(&site)?, &parse(&secret)?).await?;
        let form_json = serde_json::to_vec(&form)
            .map_err(|error| Status::internal(format!("the form cannot be written: {error}")))?;
        let refusal = refusal.map(|refusal| refusal.to_string()).unwrap_or_default();
        Ok(v1::SecretSlot { next: next.0, form_json, recipients: to_wire(recipients), refusal })
    }

    pub(super) async fn put(&self, by: Slug, request: v1::PutSecretRequest) -> Result<String, Status> {
        let v1::PutSecretRequest { secret, recipients, reseal } = request;
        let secret = secret.ok_or_else(|| Status::invalid_argument("no secret was sent"))?;
        let sealed =
            SealedSecret::try_from(secret).map_err(|error| Status::invalid_argument(with_causes(&error)))?;
        let to = recipients.iter().map(|recipient| parse(recipient));
        let to: BTreeSet<Recipient> = to.collect::<Result<_, _>>()?;
        let secret = self.secrets.put(sealed, to, reseal, by.into()).await?;
        let (name, version, site) = (secret.secret, secret.version, secret.site);
        Ok(if reseal {
            format!("{name} {version} of {site} is sealed anew")
        } else {
            format!("{name} of {site} is {version} now; no server was changed: `muster plan {site}`")
        })
    }

    pub(super) async fn fetch(&self, request: v1::SiteRequest) -> Result<v1::SecretsReply, Status> {
        let v1::SiteRequest { site } = request;
        let (secrets, recipients) = self.secrets.fetch(&parse(&site)?).await?;
        let secrets = secrets.into_iter().map(v1::SealedSecret::from).collect();
        Ok(v1::SecretsReply { secrets, recipients: to_wire(recipients) })
    }
}

fn to_wire(recipients: Recipients) -> Vec<v1::SecretRecipient> {
    let wire = recipients
        .into_iter()
        .map(|(recipient, whose)| v1::SecretRecipient { recipient: recipient.into(), whose });
    wire.collect()
}
