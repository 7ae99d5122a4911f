//! Renewal: an agent's next certificate, and the end of the one before.
//!
//! Neighbours: the agents' door calls both halves: [`Authority::renew`] when an agent asks, [`Authority::used`] when one
//! opens its stream. The old certificate stays good in between, so that no crash leaves an agent without one.

use std::sync::Arc;

use muster_model::digest::Digest;
use muster_model::event::EventBody;
use muster_model::identity::Identity;
use muster_model::limits;
use muster_model::name::ServerId;
use rcgen::PublicKeyData as _;

use super::{Authority, Error, good_certificate, issue};
use crate::store::{self, Certificate};

impl Authority {
    /// Issues a certificate for a new key of a server whose agent holds the certificate `serial`. Others that were issued
    /// and never used are revoked. Runs to its end even where the caller goes away.
    ///
    /// # Errors
    /// Where the certificate that is held is still young, or the request is not signed by its key.
    pub async fn renew(&self, server: ServerId, serial: String, csr_pem: &str) -> Result<String, Error> {
        let key = issue::requested_key(csr_pem)?;
        let this = self.clone();
        let work = tokio::spawn(async move {
            let inner = Arc::clone(&this.inner);
            let write = this.inner.store.transaction(move |tx| {
                Box::pin(async move {
                    let (at, identity) = (tx.at(), Identity::Agent(server.clone()));
                    let key_digest = Digest::of(&key.subject_public_key_info());
                    let again = good_certificate(tx, &identity, key_digest).await?;
                    if let Some(again) = again.filter(|again| again.serial != serial) {
                        return Ok((again.pem, Vec::new()));
                    }
                    let held = tx.certificate(&serial).await?;
                    // The age key stays: what is sealed to it goes on to be readable.
                    let recipient = held.as_ref().and_then(|held| held.recipient.clone());
                    if let Some(held) = held
                        && issue::after(at, limits::AGENT_CERTIFICATE_MS / 2)? < held.expires_at
                    {
                        return Err(Error::Early(held.expires_at));
                    }
                    let unused = others(tx.certificates_of(&identity).await?, &serial);
                    tx.revoke_certificates(&unused).await?;
                    let certificate = inner.issuer.issue(&identity, &key, recipient, at)?;
                    tx.add_certificate(&certificate).await?;
                    let site = server.site.clone();
                    let body = EventBody::CertificateRenewed { server, serial: certificate.serial };
                    tx.append(Some(&site), body).await?;
                    Ok((certificate.pem, unused))
                })
            });
            let (pem, unused) = write.await?;
            this.inner.revocations.add(unused);
            Ok(pem)
        });
        work.await.map_err(|_| Error::Interrupted)?
    }

    /// A server's agent has opened its stream with that certificate: older ones are revoked, and their connections cut.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn used(&self, server: &ServerId, serial: &str) -> Result<(), Error> {
        let identity = Identity::Agent(server.clone());
        let older = older(self.inner.store.snapshot().await?.certificates_of(&identity).await?, serial);
        if older.is_empty() {
            return Ok(());
        }
        let (server, serial, revoked) = (server.clone(), serial.to_owned(), older.clone());
        let write = self.inner.store.transaction(move |tx| {
            Box::pin(async move {
                tx.revoke_certificates(&revoked).await?;
                let site = server.site.clone();
                tx.append(Some(&site), EventBody::CertificateReplaced { server, serial, revoked }).await?;
                Ok::<_, store::Error>(())
            })
        });
        write.await?;
        self.inner.revocations.add(older);
        Ok(())
    }
}

/// The serials that are good and are not this one.
fn others(certificates: Vec<Certificate>, serial: &str) -> Vec<String> {
    let good = certificates.into_iter().filter(|certificate| certificate.revoked_at.is_none());
    good.map(|certificate| certificate.serial).filter(|other| other != serial).collect()
}

/// The serials that are good and were issued before this one; none where it is not known.
fn older(certificates: Vec<Certificate>, serial: &str) -> Vec<String> {
    let used = certificates.iter().position(|certificate| certificate.serial == serial);
    // Oldest first: what comes after it was renewed since and is not used yet.
    others(certificates.into_iter().take(used.unwrap_or(0)).collect(), serial)
}
