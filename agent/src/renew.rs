//! The agent's next certificate, asked for by itself before the present one ends.
//!
//! Neighbours: `session` asks [`Renewal::due`] at each connection and now and then, and dials anew after a renewal: the old
//! certificate ends when the new one is used. The new key is on the disk before it is asked for, and asked for again until
//! its certificate is kept, so that no crash leaves the agent without a pair that the controller knows.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use muster_model::limits;
use muster_model::name::ServerId;
use muster_proto::dial::{self, Credentials};
use muster_proto::v1;
use muster_proto::v1::agent_client::AgentClient;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use thiserror::Error;

use crate::enroll::check_certificate;
use crate::identity::{self, DataDir};

/// Why the certificate was not renewed. It is tried again later; the present one goes on.
#[derive(Debug, Error)]
pub enum Error {
    /// The key or the request could not be made.
    #[error("the new key or its signing request could not be made")]
    Key(#[from] rcgen::Error),
    /// The controller was not reached.
    #[error("the controller was not reached")]
    Dial(#[from] dial::Error),
    /// The controller does not give one.
    #[error("the controller refused: {}", .0.message())]
    Refused(#[from] tonic::Status),
    /// What came is not what was asked for.
    #[error("the controller's answer is not to be trusted: {0}; nothing was stored")]
    Answer(String),
    /// The data folder.
    #[error(transparent)]
    Identity(#[from] identity::Error),
}

/// What an agent proves itself with, and how it gets the next.
pub struct Renewal {
    data: DataDir,
    server: ServerId,
    controller: String,
    credentials: Mutex<Credentials>,
}

impl Renewal {
    /// For the agent of that folder, with what it dials with now.
    pub fn new(data: DataDir, server: ServerId, controller: String, credentials: Credentials) -> Self {
        Self { data, server, controller, credentials: Mutex::new(credentials) }
    }

    /// What to dial with.
    pub fn credentials(&self) -> Credentials {
        self.lock().clone()
    }

    /// Whether less than a third of the certificate's life is left at that moment. One that cannot be read is never due:
    /// the connection says what is wrong with it.
    pub fn due(&self, now: Timestamp) -> bool {
        let third = Duration::from_millis(limits::AGENT_CERTIFICATE_MS / 3);
        let end = end_of(&self.lock().certificate_pem);
        end.is_some_and(|end| now.checked_add(third).is_ok_and(|then| then >= end))
    }

    /// Asks for the next certificate and keeps it.
    ///
    /// # Errors
    /// Where there is none; what the agent dials with is as it was then.
    pub async fn renew(&self) -> Result<(), Error> {
        let fresh = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let key = KeyPair::from_pem(&self.data.next_key(&fresh.serialize_pem())?)?;
        let csr_pem = CertificateParams::default().serialize_request(&key)?.pem()?;
        let present = self.credentials();
        let channel = dial::dial(&self.controller, &present).await?;
        let reply = AgentClient::new(channel).renew(v1::RenewRequest { csr_pem }).await?.into_inner();
        let v1::RenewReply { certificate_pem } = reply;
        let recipient = self.data.enrolled()?.secrets_key.recipient();
        let recipient = recipient.map_err(|error| Error::Answer(error.to_string()))?;
        check_certificate(&self.server, &key, &recipient, &certificate_pem).map_err(Error::Answer)?;
        let key_pem = key.serialize_pem();
        self.data.replace_credentials(&certificate_pem, &key_pem)?;
        self.data.forget_next_key()?;
        *self.lock() = Credentials { certificate_pem, key_pem, ca_pem: present.ca_pem };
        tracing::info!("the certificate was renewed");
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Credentials> {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of the first certificate in a PEM text.
fn end_of(pem: &str) -> Option<Timestamp> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}
