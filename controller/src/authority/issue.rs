//! Makes certificates: the authority's own, and those that it signs.
//!
//! Neighbours: `authority` stores what is made here before it hands it out. Whom a certificate names is decided by the
//! caller; names that a signing request asks for are ignored. RFC 5280; ECDSA P-256.

use std::time::Duration;

use jiff::Timestamp;
use muster_model::digest::Digest;
use muster_model::identity::{CONTROLLER_NAME, Identity};
use muster_model::limits;
use muster_model::name::Recipient;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PublicKey, PublicKeyData, SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{Error, random};
use crate::store::Certificate;

/// The authority: its certificate, and the key that signs.
pub(crate) struct Issuer {
    inner: rcgen::Issuer<'static, KeyPair>,
    pem: String,
    pin: Digest,
}

impl Issuer {
    /// A new authority; what comes with it is its private key, PEM.
    pub(crate) fn generate(at: Timestamp) -> Result<(Self, String), Error> {
        let key = KeyPair::generate()?;
        let mut params = params("Muster authority", at, limits::AUTHORITY_LIFETIME_MS)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key)?.pem();
        let key_pem = key.serialize_pem();
        Ok((Self::load(pem, &key_pem)?, key_pem))
    }

    /// The authority of these two files.
    pub(crate) fn load(pem: String, key_pem: &str) -> Result<Self, Error> {
        let key = KeyPair::from_pem(key_pem)?;
        let inner = rcgen::Issuer::from_ca_cert_pem(&pem, key)?;
        let damaged = || Error::Pem("authority's certificate");
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| damaged())?;
        let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| damaged())?;
        if certificate.public_key().raw != inner.key().subject_public_key_info() {
            return Err(Error::Pair);
        }
        let pin = Digest::of(&der);
        Ok(Self { inner, pem, pin })
    }

    /// Its certificate, PEM.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// SHA-256 of its certificate, DER.
    pub(crate) fn pin(&self) -> Digest {
        self.pin
    }

    /// Signs a certificate for that holder of that key; an agent's names the age key that secrets are sealed to.
    pub(crate) fn issue(
        &self,
        identity: &Identity,
        key: &impl PublicKeyData,
        recipient: Option<Recipient>,
        at: Timestamp,
    ) -> Result<Certificate, Error> {
        let (name, lifetime_ms, usage) = match identity {
            Identity::Operator(name) => {
                (name.to_string(), limits::OPERATOR_CERTIFICATE_MS, ExtendedKeyUsagePurpose::ClientAuth)
            }
            Identity::Agent(server) => {
                (server.to_string(), limits::AGENT_CERTIFICATE_MS, ExtendedKeyUsagePurpose::ClientAuth)
            }
            Identity::Controller => (
                CONTROLLER_NAME.to_owned(),
                limits::CONTROLLER_CERTIFICATE_MS,
                ExtendedKeyUsagePurpose::ServerAuth,
            ),
        };
        let mut params = params(&name, at, lifetime_ms)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        params.subject_alt_names.push(SanType::URI(identity.to_string().try_into()?));
        if let Some(recipient) = &recipient {
            // The acceptor wants exactly one URI: the age key has the subject's organizational unit to itself.
            params.distinguished_name.push(DnType::OrganizationalUnitName, recipient.to_string());
        }
        if *identity == Identity::Controller {
            params.subject_alt_names.push(SanType::DnsName(CONTROLLER_NAME.try_into()?));
        }
        let mut serial = random::bytes::<16>()?;
        // A first byte from 0x40 to 0x7f: positive, and of one length in every encoding.
        serial[0] = (serial[0] & 0x3f) | 0x40;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let pem = params.signed_by(key, &self.inner)?.pem();
        Ok(Certificate {
            serial: random::hex(&serial),
            identity: identity.clone(),
            issued_at: at,
            expires_at: after(at, lifetime_ms)?,
            revoked_at: None,
            recipient,
            pem,
        })
    }
}

/// The key of a signing request whose signature holds. Everything else that the request says is ignored.
pub(super) fn requested_key(csr_pem: &str) -> Result<PublicKey, Error> {
    let request = CertificateSigningRequestParams::from_pem(csr_pem).map_err(Error::Request)?;
    let algorithm = request.public_key.algorithm();
    let known = [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519];
    if known.contains(&algorithm) { Ok(request.public_key) } else { Err(Error::KeyKind) }
}

/// SHA-256 of the key of the first certificate in a PEM text, and of a key: equal for one key.
pub(super) fn key_of(pem: &str) -> Result<Digest, Error> {
    let damaged = || Error::Pem("certificate");
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| damaged())?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| damaged())?;
    Ok(Digest::of(certificate.public_key().raw))
}

/// The end of the first certificate in a PEM text.
pub(super) fn end_of(pem: &str) -> Result<Timestamp, Error> {
    let damaged = || Error::Pem("controller's certificate");
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| damaged())?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| damaged())?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).map_err(|_| damaged())
}

/// A moment so much later.
pub(super) fn after(at: Timestamp, ms: u64) -> Result<Timestamp, Error> {
    at.checked_add(Duration::from_millis(ms)).map_err(|_| Error::Lifetime)
}

fn params(name: &str, at: Timestamp, lifetime_ms: u64) -> Result<CertificateParams, Error> {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = Duration::from_millis(u64::try_from(at.as_millisecond()).map_err(|_| Error::Lifetime)?);
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::CommonName, name);
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name;
    params.not_before = epoch + now - Duration::from_millis(limits::CERTIFICATE_BACKDATE_MS);
    params.not_after = epoch + now + Duration::from_millis(lifetime_ms);
    Ok(params)
}
