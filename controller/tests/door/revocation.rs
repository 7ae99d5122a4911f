//! Revocation: open connections are cut, resumption does not help, enrolling again retires the old certificate.

use std::sync::Arc;

use muster_model::identity::CONTROLLER_NAME;
use muster_proto::Method;
use muster_proto::dial::Credentials;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::Code;

use crate::fixture::Fixture;

/// The type of HTTP/2's PING frame (RFC 9113, 6.7).
const PING: u8 = 6;

/// A client that remembers its sessions, so that its next handshake is a resumption.
pub(crate) fn client(credentials: &Credentials) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(credentials.ca_pem.as_bytes()).unwrap()).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(credentials.certificate_pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(credentials.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

pub(crate) async fn connect(fixture: &Fixture, connector: &TlsConnector) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(fixture.address()).await.unwrap();
    connector.connect(ServerName::try_from(CONTROLLER_NAME).unwrap(), tcp).await.unwrap()
}

fn kind(stream: &TlsStream<TcpStream>) -> Option<HandshakeKind> {
    stream.get_ref().1.handshake_kind()
}

/// Greets as HTTP/2 does and reads the other side's greeting; false where there is none.
pub(crate) async fn is_greeted(stream: &mut TlsStream<TcpStream>) -> bool {
    let greeting = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    if stream.write_all(greeting).await.is_err() || stream.flush().await.is_err() {
        return false;
    }
    let mut header = [0; 9];
    if stream.read_exact(&mut header).await.is_err() {
        return false;
    }
    let mut settings = vec![0; length(&header)];
    stream.read_exact(&mut settings).await.is_ok()
}

/// Reads until the other side ends the connection, which must not be because this client answers no ping.
async fn is_cut(stream: &mut TlsStream<TcpStream>) {
    let mut frames = Vec::new();
    // The end may come as an alert, a reset or a plain end; that it comes is what is awaited.
    if let Err(error) = stream.read_to_end(&mut frames).await {
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock);
    }
    let mut rest = frames.as_slice();
    while rest.len() >= 9 {
        assert_ne!(rest[3], PING, "the connection lived until it was pinged");
        rest = rest.get(9 + length(rest)..).unwrap_or_default();
    }
}

/// The length of a frame's payload, from its header.
fn length(header: &[u8]) -> usize {
    header[..3].iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
}

#[tokio::test]
async fn an_open_connection_is_cut_when_its_certificate_is_revoked_and_others_live_on() {
    let fixture = Fixture::start().await;
    let revoked = client(&fixture.agent("dupont-prod/web").await);
    let spared = client(&fixture.agent("dupont-prod/db").await);
    let (mut cut, mut lives) = (connect(&fixture, &revoked).await, connect(&fixture, &spared).await);
    assert!(is_greeted(&mut cut).await && is_greeted(&mut lives).await);
    fixture
        .running
        .authority()
        .revoke("dupont-prod/web".parse().unwrap(), "anne".to_owned(), None)
        .await
        .unwrap();
    is_cut(&mut cut).await;
    // A ping of HTTP/2 is still answered on the other one.
    lives.write_all(b"\0\0\x08\x06\0\0\0\0\0ping1234").await.unwrap();
    let mut seen = Vec::new();
    while !seen.windows(8).any(|window| window == b"ping1234") {
        let mut some = [0; 64];
        let count = lives.read(&mut some).await.unwrap();
        assert_ne!(count, 0, "it was cut too");
        seen.extend_from_slice(&some[..count]);
    }
}

#[tokio::test]
async fn a_revoked_agent_is_not_let_in_by_resuming_its_session() {
    let fixture = Fixture::start().await;
    let connector = client(&fixture.agent("dupont-prod/web").await);
    let mut first = connect(&fixture, &connector).await;
    assert!(is_greeted(&mut first).await);
    assert_eq!(kind(&first), Some(HandshakeKind::Full));
    let mut resumed = connect(&fixture, &connector).await;
    assert!(is_greeted(&mut resumed).await);
    assert_eq!(kind(&resumed), Some(HandshakeKind::Resumed));

    fixture
        .running
        .authority()
        .revoke("dupont-prod/web".parse().unwrap(), "anne".to_owned(), None)
        .await
        .unwrap();

    let mut refused = connect(&fixture, &connector).await;
    assert_eq!(kind(&refused), Some(HandshakeKind::Resumed), "the test must resume, or it proves nothing");
    assert!(!is_greeted(&mut refused).await);
}

#[tokio::test]
async fn enrolling_again_revokes_the_certificate_before_and_cuts_its_connection() {
    let fixture = Fixture::start().await;
    let old = fixture.agent("dupont-prod/web").await;
    let mut open = connect(&fixture, &client(&old)).await;
    assert!(is_greeted(&mut open).await);
    let new = fixture.agent("dupont-prod/web").await;
    is_cut(&mut open).await;
    assert_eq!(fixture.call(Some(&old), Method::AgentSession.path()).await, None);
    let code = fixture.call(Some(&new), Method::AgentSession.path()).await;
    assert!(!matches!(code, None | Some(Code::Unauthenticated | Code::PermissionDenied)), "{code:?}");
}

#[tokio::test]
async fn revoking_also_voids_the_open_token() {
    let fixture = Fixture::start().await;
    let invited = fixture.invite("dupont-prod/web").await;
    fixture
        .running
        .authority()
        .revoke("dupont-prod/web".parse().unwrap(), "anne".to_owned(), None)
        .await
        .unwrap();
    let refused = fixture.enroll(&invited, "DUP-WEB01").await.err().unwrap();
    assert_eq!(refused.code(), Code::PermissionDenied);
}
