//! How a client reaches a controller: TLS of our own under tonic's channel.
//!
//! Neighbours: the agent and the CLI dial with it; the controller's acceptor is its other end. Trusts one private
//! authority and the one name of [`CONTROLLER_NAME`], never the machine's own certificate store.

use std::sync::Arc;

use hyper_util::rt::TokioIo;
use muster_model::digest::Digest;
use muster_model::identity::CONTROLLER_NAME;
use muster_model::limits;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

/// What a client proves itself with, and whom it trusts. All PEM.
#[derive(Clone)]
pub struct Credentials {
    /// The authority's certificate.
    pub ca_pem: String,
    /// The client's certificate.
    pub certificate_pem: String,
    /// The client's private key.
    pub key_pem: String,
}

/// Why a controller could not be reached.
#[derive(Debug, Error)]
pub enum Error {
    /// A certificate or key is not what it should be.
    #[error("the {0} cannot be read")]
    Credentials(&'static str, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// The address is not `host:port`.
    #[error("{0:?} is not an address of the form host:port")]
    Address(String, #[source] tonic::transport::Error),
    /// Nothing answers there, or TLS failed.
    #[error("no connection to {0}")]
    Connect(String, #[source] tonic::transport::Error),
}

impl Error {
    /// Whether somebody answers in TLS who is not the controller of that authority: a program that opens TLS on the way, or
    /// another controller.
    pub fn is_another_authority(&self) -> bool {
        let first: Option<&(dyn std::error::Error + 'static)> = Some(self);
        let mut causes = std::iter::successors(first, |error| error.source());
        // What is wrapped in an error of I/O is no source of it.
        let tls = causes.find_map(|cause| cause.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref());
        matches!(
            tls,
            Some(rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer
                    | CertificateError::BadSignature
                    | CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. }
            ))
        )
    }
}

/// A client that can dial any number of times as the same holder, and reads its key once.
#[derive(Clone)]
pub struct Dialer {
    config: Arc<ClientConfig>,
}

impl Dialer {
    /// A client that proves itself with these credentials.
    ///
    /// # Errors
    /// Where the credentials cannot be read.
    pub fn new(credentials: &Credentials) -> Result<Self, Error> {
        let ca = certificate(&credentials.ca_pem, "authority's certificate")?;
        let chain = CertificateDer::pem_slice_iter(credentials.certificate_pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::Credentials("client's certificate", error.into()))?;
        let key = PrivateKeyDer::from_pem_slice(credentials.key_pem.as_bytes())
            .map_err(|error| Error::Credentials("client's key", error.into()))?;
        let mut roots = RootCertStore::empty();
        roots.add(ca).map_err(|error| Error::Credentials("authority's certificate", error.into()))?;
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Credentials("set of TLS versions", error.into()))?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(|error| Error::Credentials("client's certificate and key", error.into()))?;
        Ok(Self { config: for_h2(config) })
    }

    /// Connects.
    ///
    /// # Errors
    /// Where nothing answers, or the answer is not the controller of that authority.
    pub async fn dial(&self, address: &str) -> Result<Channel, Error> {
        connect(address, Arc::clone(&self.config)).await
    }
}

/// Connects as the holder of these credentials.
///
/// # Errors
/// Where the credentials cannot be read, nothing answers, or the answer is not the controller of that authority.
pub async fn dial(address: &str, credentials: &Credentials) -> Result<Channel, Error> {
    Dialer::new(credentials)?.dial(address).await
}

/// Connects without a certificate of one's own, to the controller whose authority has this pin (SHA-256 over DER).
///
/// # Errors
/// Where nothing answers, or the answer is not the controller of the pinned authority; no byte of a request was sent then.
pub async fn dial_pinned(address: &str, pin: Digest) -> Result<Channel, Error> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Credentials("set of TLS versions", error.into()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { pin }))
        .with_no_client_auth();
    connect(address, for_h2(config)).await
}

fn for_h2(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn certificate(pem: &str, what: &'static str) -> Result<CertificateDer<'static>, Error> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| Error::Credentials(what, error.into()))
}

async fn connect(address: &str, config: Arc<ClientConfig>) -> Result<Channel, Error> {
    let connector = TlsConnector::from(config);
    let target = address.to_owned();
    let handshake = std::time::Duration::from_millis(limits::HANDSHAKE_MS);
    // The scheme is http because TLS is not tonic's here: it is inside the connector.
    let endpoint = Endpoint::from_shared(format!("http://{address}"))
        .map_err(|error| Error::Address(address.to_owned(), error))?
        .connect_timeout(handshake)
        .http2_keep_alive_interval(std::time::Duration::from_millis(limits::KEEPALIVE_INTERVAL_MS))
        .keep_alive_timeout(std::time::Duration::from_millis(limits::KEEPALIVE_TIMEOUT_MS))
        .keep_alive_while_idle(true);
    let service = tower::service_fn(move |_| {
        let (connector, target) = (connector.clone(), target.clone());
        async move {
            let tcp = TcpStream::connect(&target).await?;
            tcp.set_nodelay(true)?;
            let name = ServerName::try_from(CONTROLLER_NAME).map_err(std::io::Error::other)?;
            let tls = tokio::time::timeout(handshake, connector.connect(name, tcp)).await??;
            Ok::<_, std::io::Error>(TokioIo::new(tls))
        }
    });
    endpoint.connect_with_connector(service).await.map_err(|error| Error::Connect(address.to_owned(), error))
}

/// Accepts the chain that ends in the pinned authority, and checks the rest of it as usual.
#[derive(Debug)]
struct Pinned {
    pin: Digest,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let root = intermediates
            .iter()
            .find(|certificate| Digest::of(certificate) == self.pin)
            .ok_or(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        let mut roots = RootCertStore::empty();
        roots.add(root.clone().into_owned())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        verifier.verify_server_cert(end_entity, &[], server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
