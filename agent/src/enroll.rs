//! Enrolment: spends a one-time token for a certificate. The keys are made here and stay here: the certificate's, and the age
//! key that secrets are sealed to, which the certificate names.
//!
//! Neighbours: `identity` keeps the result; the controller's enrolment door is the other end. Trusts only the authority that
//! the token pins, from the first byte on.

use std::path::{Path, PathBuf};

use muster_model::digest::Digest;
use muster_model::identity::Identity as Holder;
use muster_model::name::{HostName, Recipient, ServerId};
use muster_model::token::{InvalidToken, Token};
use muster_proto::dial::{self, Credentials};
use muster_proto::v1;
use muster_proto::v1::enrollment_client::EnrollmentClient;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use thiserror::Error;

use crate::crash;
use crate::identity::{self, DataDir, Enrolled, Identity};

/// Why the agent is not enrolled.
#[derive(Debug, Error)]
pub enum Error {
    /// It is already.
    #[error("{0} is enrolled already; add --force to throw that identity away")]
    Already(String),
    /// The token file cannot be read.
    #[error("the token file {} cannot be read; name the file that `muster server invite` wrote", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file holds no token.
    #[error("the token cannot be used")]
    Invalid(#[from] InvalidToken),
    /// The key or the request could not be made.
    #[error("the key or its signing request could not be made")]
    Key(#[from] rcgen::Error),
    /// The controller was not reached.
    #[error("the controller was not reached; check the address and that port is open from this server")]
    Dial(#[from] dial::Error),
    /// The controller does not take the token.
    #[error(
        "the controller does not take this token: it was used, is too old, or a newer one was made; make a new one with `muster server invite {0} --out FILE`"
    )]
    Token(ServerId),
    /// The controller does not take this agent.
    #[error("the controller refused: {0}")]
    Refused(String),
    /// The answer is not what was asked for.
    #[error("the controller's answer is not to be trusted: {0}; nothing was stored")]
    Answer(String),
    /// The data folder.
    #[error(transparent)]
    Identity(#[from] identity::Error),
}

/// Enrols the agent of this data folder and gives its identity. The controller is dialled where the token says, or at the
/// address that this server is to reach it by; whose authority answers there is the token's to say either way.
///
/// # Errors
/// Where it is not enrolled afterwards; nothing was published then.
pub async fn enroll(
    data: &DataDir,
    token_file: &Path,
    controller: Option<&str>,
    host: HostName,
    force: bool,
) -> Result<Identity, Error> {
    if data.is_enrolled() && !force {
        return Err(Error::Already(data.path().display().to_string()));
    }
    let text = std::fs::read_to_string(token_file)
        .map_err(|source| Error::TokenFile { path: token_file.to_owned(), source })?;
    let mut token = Token::from_line(&text)?;
    if let Some(controller) = controller {
        controller.clone_into(&mut token.controller);
    }
    data.create()?;
    let _lock = data.lock()?;
    let fresh = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    // Where an earlier try had no answer, its key asks again: the token may be spent for it.
    let key = KeyPair::from_pem(&data.next_key(&fresh.serialize_pem())?)?;
    let csr_pem = CertificateParams::default().serialize_request(&key)?.pem()?;
    let secrets_key = data.next_secrets_key()?;
    let recipient = secrets_key.recipient().map_err(|error| Error::Answer(error.to_string()))?;
    let channel = dial::dial_pinned(&token.controller, token.ca_pin).await?;
    let request = v1::EnrollRequest {
        token: token.secret.clone(),
        csr_pem,
        host: host.into(),
        age_recipient: recipient.to_string(),
    };
    crash::point("enroll.before_request");
    let reply = EnrollmentClient::new(channel)
        .enroll(request)
        .await
        .map_err(|status| refusal(&status, &token.server))?
        .into_inner();
    crash::point("enroll.after_reply");
    let v1::EnrollReply { certificate_pem, ca_pem, server } = reply;
    check(&token, &key, &recipient, &certificate_pem, &ca_pem, &server).map_err(Error::Answer)?;
    let identity = Identity { format: 1, controller: token.controller, server: token.server };
    let credentials = Credentials { ca_pem, certificate_pem, key_pem: key.serialize_pem() };
    data.publish(&Enrolled { identity: identity.clone(), credentials, secrets_key })?;
    Ok(identity)
}

fn refusal(status: &tonic::Status, server: &ServerId) -> Error {
    if status.code() == tonic::Code::PermissionDenied {
        return Error::Token(server.clone());
    }
    Error::Refused(status.message().to_owned())
}

/// Whether a certificate is for that holder, that key and that age key.
pub(crate) fn check_certificate(
    server: &ServerId,
    key: &KeyPair,
    recipient: &Recipient,
    certificate_pem: &str,
) -> Result<(), String> {
    let bytes = der(certificate_pem, "certificate")?;
    let (_, certificate) =
        x509_parser::parse_x509_certificate(&bytes).map_err(|error| format!("its certificate: {error}"))?;
    if certificate.public_key().raw != rcgen::PublicKeyData::subject_public_key_info(key) {
        return Err("its certificate is for another key".to_owned());
    }
    let names_recipient = |unit: &x509_parser::x509::AttributeTypeAndValue<'_>| {
        unit.as_str().is_ok_and(|unit| unit == recipient.as_str())
    };
    if !certificate.subject().iter_organizational_unit().any(names_recipient) {
        return Err("its certificate does not name the key that secrets are sealed to".to_owned());
    }
    let expected = Holder::Agent(server.clone()).to_string();
    let names =
        certificate.subject_alternative_name().map_err(|error| format!("its certificate: {error}"))?;
    let named = names.is_some_and(|names| {
        names
            .value
            .general_names
            .iter()
            .any(|name| matches!(name, x509_parser::prelude::GeneralName::URI(uri) if *uri == expected))
    });
    if named { Ok(()) } else { Err(format!("its certificate does not name {expected}")) }
}

/// The certificate is for this server and these two keys, and the authority is the one that the token pins.
fn check(
    token: &Token,
    key: &KeyPair,
    recipient: &Recipient,
    certificate_pem: &str,
    ca_pem: &str,
    server: &str,
) -> Result<(), String> {
    if server != token.server.to_string() {
        return Err(format!("it enrols {server}, the token is for {}", token.server));
    }
    let ca = der(ca_pem, "authority's certificate")?;
    if Digest::of(&ca) != token.ca_pin {
        return Err("its authority is not the one of the token".to_owned());
    }
    check_certificate(&token.server, key, recipient, certificate_pem)
}

fn der(pem: &str, what: &str) -> Result<Vec<u8>, String> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let der =
        CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| format!("its {what}: {error}"))?;
    Ok(der.to_vec())
}
