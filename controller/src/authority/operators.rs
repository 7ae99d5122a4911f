//! Operators: invite, enrol, list, revoke, and a new profile on the controller's own machine.
//!
//! Neighbours: `api` calls it, `command_line` calls [`reset`]. One operator at least can always speak: the last one is not
//! revoked. A token is spent once; asked again with the same key, it gives the same certificate.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use muster_model::digest::Digest;
use muster_model::event::EventBody;
use muster_model::identity::Identity;
use muster_model::limits;
use muster_model::name::Slug;
use muster_model::token::OperatorToken;
use muster_model::view::{OperatorState, OperatorView, OperatorsView};
use rcgen::{KeyPair, PublicKeyData as _};

use super::{Authority, Error, good_certificate, issue, load_issuer, random};
use crate::store::{self, Certificate, Snapshot, Store, Tx};

/// A token for an operator that was made.
#[derive(Debug)]
pub struct InvitedOperator {
    /// The token; its secret is known nowhere else.
    pub token: OperatorToken,
    /// Its end.
    pub expires_at: Timestamp,
}

/// An operator who was let in.
#[derive(Debug, Clone)]
pub struct EnrolledOperator {
    /// The name.
    pub operator: Slug,
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The authority's certificate, PEM.
    pub ca_pem: String,
}

impl Authority {
    /// Makes a one-time token for an operator; an older one is void from now on. Lifetime in milliseconds, 0 for the
    /// default.
    ///
    /// # Errors
    /// Where the lifetime is too long, or the store does not answer.
    pub async fn invite_operator(
        &self,
        operator: Slug,
        by: String,
        lifetime_ms: u64,
    ) -> Result<InvitedOperator, Error> {
        let secret = random::hex(&random::bytes::<32>()?);
        let digest = Digest::of(secret.as_bytes());
        let lifetime_ms = if lifetime_ms == 0 { limits::TOKEN_LIFETIME_MS } else { lifetime_ms };
        let invited = operator.clone();
        let write = self.inner.store.transaction(move |tx| {
            Box::pin(async move {
                let expires_at = issue::after(tx.at(), lifetime_ms)?;
                tx.add_operator_invitation(digest, &invited, &by, expires_at).await?;
                tx.append(None, EventBody::OperatorInvited { operator: invited, by, expires_at }).await?;
                Ok::<_, Error>(expires_at)
            })
        });
        let expires_at = write.await?;
        let (controller, ca_pin) = (self.inner.address.clone(), self.inner.issuer.pin());
        Ok(InvitedOperator { token: OperatorToken { controller, operator, ca_pin, secret }, expires_at })
    }

    /// Spends a token for a certificate; earlier certificates of the operator are revoked. Runs to its end even where the
    /// caller goes away.
    ///
    /// # Errors
    /// Where the token is not good, or the request is not signed by its key.
    pub async fn enroll_operator(&self, secret: &str, csr_pem: &str) -> Result<EnrolledOperator, Error> {
        let digest = Digest::of(secret.as_bytes());
        let key = issue::requested_key(csr_pem)?;
        let this = self.clone();
        let work = tokio::spawn(async move {
            let inner = Arc::clone(&this.inner);
            let write = this.inner.store.transaction(move |tx| {
                Box::pin(async move {
                    let key_digest = Digest::of(&key.subject_public_key_info());
                    let invitation = tx.operator_invitation(digest).await?.ok_or(Error::OperatorToken)?;
                    let (at, operator) = (tx.at(), invitation.operator.clone());
                    let identity = Identity::Operator(operator.clone());
                    if invitation.key == Some(key_digest)
                        && at < invitation.expires_at
                        && let Some(again) = good_certificate(tx, &identity, key_digest).await?
                    {
                        return Ok((operator, again.pem, Vec::new()));
                    }
                    let spent =
                        invitation.is_open(at) && tx.spend_operator_invitation(digest, key_digest).await?;
                    if !spent {
                        return Err(Error::OperatorToken);
                    }
                    let superseded = tx.revoke_certificates_of(&identity).await?;
                    let certificate = inner.issuer.issue(&identity, &key, None, at)?;
                    tx.add_certificate(&certificate).await?;
                    let serial = certificate.serial;
                    tx.append(None, EventBody::OperatorEnrolled { operator: operator.clone(), serial })
                        .await?;
                    Ok((operator, certificate.pem, superseded))
                })
            });
            let (operator, certificate_pem, superseded) = write.await?;
            this.inner.revocations.add(superseded);
            let ca_pem = this.inner.issuer.pem().to_owned();
            Ok(EnrolledOperator { operator, certificate_pem, ca_pem })
        });
        work.await.map_err(|_| Error::Interrupted)?
    }

    /// Revokes every certificate and token of an operator, and cuts his connections. Runs to its end even where the caller
    /// goes away.
    ///
    /// # Errors
    /// Where there is no such operator, or nobody else could speak.
    pub async fn revoke_operator(&self, operator: Slug, by: String) -> Result<(), Error> {
        let this = self.clone();
        let work = tokio::spawn(async move {
            let write = this.inner.store.transaction(move |tx| {
                Box::pin(async move {
                    let views = operators(tx).await?;
                    let named = views.iter().find(|view| view.operator == operator);
                    let state = named.ok_or_else(|| Error::NoOperator(operator.clone()))?.state;
                    let active = |view: &&OperatorView| view.state == OperatorState::Active;
                    let others = views.iter().filter(active).filter(|view| view.operator != operator);
                    if state == OperatorState::Active && others.count() == 0 {
                        return Err(Error::LastOperator(operator));
                    }
                    tx.void_operator_invitations(&operator).await?;
                    let serials = tx.revoke_certificates_of(&Identity::Operator(operator.clone())).await?;
                    tx.append(None, EventBody::OperatorRevoked { operator, by }).await?;
                    Ok(serials)
                })
            });
            this.inner.revocations.add(write.await?);
            Ok(())
        });
        work.await.map_err(|_| Error::Interrupted)?
    }

    /// `muster.operators/1`.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn operators(&self) -> Result<OperatorsView, Error> {
        let at = self.inner.store.clock().now();
        let mut snapshot = self.inner.store.snapshot().await?;
        Ok(OperatorsView { operators: views(&mut snapshot, at).await? })
    }
}

async fn operators(tx: &mut Tx) -> Result<Vec<OperatorView>, Error> {
    let at = tx.at();
    views(tx, at).await
}

async fn views(snapshot: &mut Snapshot, at: Timestamp) -> Result<Vec<OperatorView>, Error> {
    let mut views: Vec<OperatorView> = Vec::new();
    for certificate in snapshot.operator_certificates().await? {
        let Certificate { serial, identity, expires_at, revoked_at, .. } = certificate;
        let Identity::Operator(operator) = identity else { continue };
        let state = match revoked_at {
            Some(_) => OperatorState::Revoked,
            None if expires_at <= at => OperatorState::Expired,
            None => OperatorState::Active,
        };
        views.push(OperatorView { operator, state, until: Some(expires_at), serial: Some(serial) });
    }
    for invitation in snapshot.open_operator_invitations(at).await? {
        let invited = OperatorView {
            operator: invitation.operator.clone(),
            state: OperatorState::Invited,
            until: Some(invitation.expires_at),
            serial: None,
        };
        match views.iter_mut().find(|view| view.operator == invitation.operator) {
            // Who can speak already shows as such, whatever token is out.
            Some(view) if view.state == OperatorState::Active => {}
            Some(view) => *view = OperatorView { serial: view.serial.take(), ..invited },
            None => views.push(invited),
        }
    }
    views.sort_by(|one, other| one.operator.cmp(&other.operator));
    Ok(views)
}

/// A new certificate for an operator, made beside a store that nobody serves; older ones of that name are revoked. What
/// comes back is certificate, key and authority, PEM.
///
/// # Errors
/// Where the authority's files cannot be used, or the store does not answer.
pub(crate) async fn reset(
    data_dir: &Path,
    store: &Store,
    operator: Slug,
) -> Result<(String, String, String), Error> {
    let issuer = load_issuer(data_dir)?;
    let key = KeyPair::generate()?;
    let identity = Identity::Operator(operator.clone());
    let certificate = issuer.issue(&identity, &key, None, store.clock().now())?;
    let pem = certificate.pem.clone();
    store
        .transaction(move |tx| {
            Box::pin(async move {
                tx.void_operator_invitations(&operator).await?;
                tx.revoke_certificates_of(&identity).await?;
                tx.add_certificate(&certificate).await?;
                let serial = certificate.serial;
                tx.append(None, EventBody::OperatorReset { operator, serial }).await?;
                Ok::<_, store::Error>(())
            })
        })
        .await?;
    Ok((pem, key.serialize_pem(), issuer.pem().to_owned()))
}
