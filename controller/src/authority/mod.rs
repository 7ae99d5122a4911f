//! The authority: who may be let in. Invites servers, enrols agents, revokes certificates.
//!
//! Neighbours: `init` makes its files, `api` calls it, `store` keeps every certificate before it is handed out, `tls` and
//! `access` ask [`Revocations`]. It stores of a token only the digest, and of a certificate never the key.

mod error;
pub(crate) mod files;
mod issue;
mod operators;
mod random;
mod renewal;
mod revocation;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use muster_model::digest::Digest;
use muster_model::event::EventBody;
use muster_model::identity::Identity;
use muster_model::limits;
use muster_model::name::{HostName, Recipient, ServerId, Slug};
use muster_model::token::Token;
use rcgen::{KeyPair, PublicKeyData as _};

pub use error::Error;
pub(crate) use issue::Issuer;
pub(crate) use operators::reset;
pub use operators::{EnrolledOperator, InvitedOperator};
pub use revocation::Revocations;

use crate::clock::Clock;
use crate::crash;
use crate::store::{self, Certificate, Invitation, Snapshot, Store, Tx};

/// The file of the authority's certificate, PEM.
pub(crate) const CA_FILE: &str = "ca.pem";
/// The file of its key, PEM, mode 0600.
pub(crate) const CA_KEY_FILE: &str = "ca.key";
/// The file of the controller's key, certificate and authority, PEM, mode 0600.
pub(crate) const CONTROLLER_FILE: &str = "controller.pem";

/// Looks up the computer that the newest documents name for a server; none where no site's document names the server.
pub type HostOf = Arc<
    dyn for<'s> Fn(
            &'s mut Snapshot,
            &'s ServerId,
        )
            -> Pin<Box<dyn Future<Output = Result<Option<HostName>, store::Error>> + Send + 's>>
        + Send
        + Sync,
>;

/// The authority of one controller. Cheap to clone.
#[derive(Clone)]
pub struct Authority {
    inner: Arc<Inner>,
}

struct Inner {
    issuer: Issuer,
    store: Store,
    revocations: Revocations,
    /// Where agents dial, for tokens.
    address: String,
    host_of: HostOf,
}

/// A token that was made.
#[derive(Debug)]
pub struct Invited {
    /// The token; its secret is known nowhere else.
    pub token: Token,
    /// Its end.
    pub expires_at: Timestamp,
}

/// An agent that was let in.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// The server.
    pub server: ServerId,
    /// The agent's certificate, PEM.
    pub certificate_pem: String,
    /// The authority's certificate, PEM.
    pub ca_pem: String,
}

impl Authority {
    /// The authority of a data directory. `address` is where agents dial.
    ///
    /// # Errors
    /// Where its files or the revoked serials cannot be read.
    pub async fn open(
        data_dir: &Path,
        store: Store,
        address: String,
        host_of: HostOf,
    ) -> Result<Self, Error> {
        let issuer = load_issuer(data_dir)?;
        let revocations = Revocations::new(store.snapshot().await?.revoked_serials().await?);
        Ok(Self { inner: Arc::new(Inner { issuer, store, revocations, address, host_of }) })
    }

    /// The revoked serial numbers.
    pub fn revocations(&self) -> &Revocations {
        &self.inner.revocations
    }

    /// Makes a one-time token for a server; an older one is void from now on. Lifetime in milliseconds, 0 for the default.
    ///
    /// # Errors
    /// Where no document names the server, or the store does not answer.
    pub async fn invite(&self, server: ServerId, by: String, lifetime_ms: u64) -> Result<Invited, Error> {
        let secret = random::hex(&random::bytes::<32>()?);
        let digest = Digest::of(secret.as_bytes());
        let lifetime_ms = if lifetime_ms == 0 { limits::TOKEN_LIFETIME_MS } else { lifetime_ms };
        let (inner, invited) = (Arc::clone(&self.inner), server.clone());
        let write = self.inner.store.transaction(move |tx| {
            Box::pin(async move {
                if (inner.host_of)(tx, &invited).await?.is_none() {
                    return Err(Error::UnknownServer(invited));
                }
                let expires_at = issue::after(tx.at(), lifetime_ms)?;
                tx.add_invitation(digest, &invited, &by, expires_at).await?;
                let site = invited.site.clone();
                tx.append(Some(&site), EventBody::ServerInvited { server: invited, by, expires_at }).await?;
                Ok(expires_at)
            })
        });
        let expires_at = write.await?;
        let token =
            Token { controller: self.inner.address.clone(), server, ca_pin: self.inner.issuer.pin(), secret };
        Ok(Invited { token, expires_at })
    }

    /// Spends a token for a certificate, which names the age key that secrets are sealed to; earlier certificates of the
    /// server are revoked. Runs to its end even where the caller goes away, so that what is revoked on disk is also cut.
    ///
    /// # Errors
    /// Where the token is not good, the request is not signed by its key, or the computer is not the one of the documents.
    pub async fn enroll(
        &self,
        secret: &str,
        csr_pem: &str,
        recipient: Recipient,
        host: HostName,
    ) -> Result<Enrolled, Error> {
        let digest = Digest::of(secret.as_bytes());
        let key = issue::requested_key(csr_pem)?;
        let this = self.clone();
        let work = tokio::spawn(async move {
            let inner = Arc::clone(&this.inner);
            let write = this.inner.store.transaction(move |tx| {
                Box::pin(async move { inner.enroll_in(tx, digest, &key, recipient, host).await })
            });
            let (enrolled, superseded) = write.await?;
            this.inner.revocations.add(superseded);
            crash::point("enroll.before_reply");
            Ok(enrolled)
        });
        work.await.map_err(|_| Error::Interrupted)?
    }

    /// Revokes every certificate and open token of a server, and cuts its connections. Runs to its end even where the
    /// caller goes away.
    ///
    /// # Errors
    /// Where the server was never invited, or the store does not answer.
    pub async fn revoke(&self, server: ServerId, by: String, reason: Option<String>) -> Result<(), Error> {
        let this = self.clone();
        let work = tokio::spawn(async move {
            let write = this.inner.store.transaction(move |tx| {
                Box::pin(async move {
                    if tx.server(&server).await?.is_none() {
                        return Err(Error::NeverInvited(server));
                    }
                    tx.void_invitations(&server).await?;
                    let serials = tx.revoke_certificates_of(&Identity::Agent(server.clone())).await?;
                    let site = server.site.clone();
                    tx.append(Some(&site), EventBody::ServerRevoked { server, by, reason }).await?;
                    Ok(serials)
                })
            });
            this.inner.revocations.add(write.await?);
            Ok(())
        });
        work.await.map_err(|_| Error::Interrupted)?
    }
}

impl Inner {
    async fn enroll_in(
        &self,
        tx: &mut Tx,
        digest: Digest,
        key: &rcgen::PublicKey,
        recipient: Recipient,
        host: HostName,
    ) -> Result<(Enrolled, Vec<String>), Error> {
        let at = tx.at();
        let invitation = tx.invitation(digest).await?.ok_or(Error::Token)?;
        let key_digest = Digest::of(&key.subject_public_key_info());
        if let Some(certificate) = self.given_before(tx, &invitation, key_digest).await? {
            // The answer was lost: whoever holds token and key is the one who got it.
            let ca_pem = self.issuer.pem().to_owned();
            let enrolled = Enrolled { server: invitation.server, certificate_pem: certificate.pem, ca_pem };
            return Ok((enrolled, Vec::new()));
        }
        let server = Some(invitation).filter(|open| open.is_open(at)).ok_or(Error::Token)?.server;
        let named = (self.host_of)(tx, &server).await?.ok_or(Error::Token)?;
        // Windows compares computer names without regard to case.
        if !named.as_str().eq_ignore_ascii_case(host.as_str()) {
            return Err(Error::OtherHost { server, named, host });
        }
        if !tx.spend_invitation(digest).await? {
            return Err(Error::Token);
        }
        tx.note_key(digest, key_digest).await?;
        let identity = Identity::Agent(server.clone());
        let certificate = self.issuer.issue(&identity, key, Some(recipient), at)?;
        let superseded = tx.revoke_certificates_of(&identity).await?;
        tx.add_certificate(&certificate).await?;
        let site = server.site.clone();
        let body = EventBody::ServerEnrolled { server: server.clone(), host, serial: certificate.serial };
        tx.append(Some(&site), body).await?;
        let enrolled =
            Enrolled { server, certificate_pem: certificate.pem, ca_pem: self.issuer.pem().to_owned() };
        Ok((enrolled, superseded))
    }
}

impl Inner {
    /// The certificate that this very token gave for this very key, while it is good and the token has not ended.
    async fn given_before(
        &self,
        tx: &mut Tx,
        invitation: &Invitation,
        key: Digest,
    ) -> Result<Option<Certificate>, Error> {
        if invitation.key != Some(key) || tx.at() >= invitation.expires_at {
            return Ok(None);
        }
        good_certificate(tx, &Identity::Agent(invitation.server.clone()), key).await
    }
}

/// The certificate of that holder and key that is neither revoked nor over.
async fn good_certificate(
    tx: &mut Tx,
    identity: &Identity,
    key: Digest,
) -> Result<Option<Certificate>, Error> {
    for certificate in tx.certificates_of(identity).await?.into_iter().rev() {
        let good = certificate.revoked_at.is_none() && tx.at() < certificate.expires_at;
        if good && issue::key_of(&certificate.pem)? == key {
            return Ok(Some(certificate));
        }
    }
    Ok(None)
}

fn load_issuer(data_dir: &Path) -> Result<Issuer, Error> {
    Issuer::load(read(&data_dir.join(CA_FILE))?, &read(&data_dir.join(CA_KEY_FILE))?)
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::File(path.display().to_string(), error))
}

/// The controller's own key, certificate and authority, PEM; renewed first where less than a third of its life is left.
/// Judged by the file, not by the store: a crash between the two leaves the old file with a new certificate on record.
///
/// # Errors
/// Where the files cannot be read or written, or the store does not answer.
pub(crate) async fn controller_chain(data_dir: &Path, store: &Store) -> Result<String, Error> {
    let path = data_dir.join(CONTROLLER_FILE);
    let chain = read(&path)?;
    let now = store.clock().now();
    if issue::after(now, limits::CONTROLLER_CERTIFICATE_MS / 3)? <= issue::end_of(&chain)? {
        return Ok(chain);
    }
    let chain = new_controller_chain(&load_issuer(data_dir)?, store).await?;
    files::replace_private(&path, &chain).map_err(|error| Error::File(path.display().to_string(), error))?;
    tracing::info!("the controller's certificate was renewed");
    Ok(chain)
}

/// Issues and stores a controller's certificate.
pub(crate) async fn new_controller_chain(issuer: &Issuer, store: &Store) -> Result<String, Error> {
    let key = KeyPair::generate()?;
    let certificate = issuer.issue(&Identity::Controller, &key, None, store.clock().now())?;
    let chain = format!("{}{}{}", key.serialize_pem(), certificate.pem, issuer.pem());
    store
        .transaction(move |tx| Box::pin(async move { tx.add_certificate(&certificate).await }))
        .await
        .map(|()| chain)
        .map_err(|error: store::Error| Error::Store(error))
}

/// Issues and stores an operator's certificate; what comes back is certificate and key, PEM.
pub(crate) async fn new_operator(
    issuer: &Issuer,
    store: &Store,
    name: Slug,
) -> Result<(String, String), Error> {
    let key = KeyPair::generate()?;
    let certificate = issuer.issue(&Identity::Operator(name), &key, None, store.clock().now())?;
    let pem = certificate.pem.clone();
    store
        .transaction(move |tx| Box::pin(async move { tx.add_certificate(&certificate).await }))
        .await
        .map(|()| (pem, key.serialize_pem()))
        .map_err(|error: store::Error| Error::Store(error))
}

/// A new authority at the clock's moment; see [`Issuer::generate`].
pub(crate) fn new_authority(clock: &Clock) -> Result<(Issuer, String), Error> {
    Issuer::generate(clock.now())
}
