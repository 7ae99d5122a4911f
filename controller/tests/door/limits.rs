//! What one caller may use up of the door.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_model::limits;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

use crate::fixture::Fixture;
use crate::revocation::{client, connect, is_greeted};

/// A client without a certificate.
fn stranger(fixture: &Fixture) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(fixture.operator().ca_pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn strangers_hold_a_limited_number_of_connections_and_agents_are_let_in_beside_them() {
    let fixture = Fixture::start().await;
    let agent = client(&fixture.agent("dupont-prod/web").await);
    let stranger = stranger(&fixture);
    let mut held = Vec::new();
    while u64::try_from(held.len()).unwrap() <= limits::STRANGERS {
        let mut stream = connect(&fixture, &stranger).await;
        if !is_greeted(&mut stream).await {
            break;
        }
        held.push(stream);
    }
    // The connection of the agent's enrolment may have its place for a moment yet.
    let count = u64::try_from(held.len()).unwrap();
    assert!((limits::STRANGERS - 1..=limits::STRANGERS).contains(&count), "{count} strangers were let in");
    assert!(is_greeted(&mut connect(&fixture, &agent).await).await);
    // A place that is given up is taken by the next one.
    drop(held);
    while !is_greeted(&mut connect(&fixture, &stranger).await).await {}
}

#[tokio::test]
async fn the_greeting_says_how_many_calls_and_how_long_headers_are_taken() {
    const STREAMS: u16 = 3;
    const HEADERS: u16 = 6;
    let fixture = Fixture::start().await;
    let mut stream = connect(&fixture, &client(&fixture.operator())).await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut header = [0; 9];
    stream.read_exact(&mut header).await.unwrap();
    let mut settings = vec![0; header[..3].iter().fold(0, |length, byte| length << 8 | usize::from(*byte))];
    stream.read_exact(&mut settings).await.unwrap();
    let settings: BTreeMap<u16, u64> = settings
        .chunks_exact(6)
        .map(|setting| {
            let value = u32::from_be_bytes(setting[2..].try_into().unwrap());
            (u16::from_be_bytes(setting[..2].try_into().unwrap()), u64::from(value))
        })
        .collect();
    assert_eq!(settings.get(&STREAMS), Some(&limits::STREAMS));
    assert_eq!(settings.get(&HEADERS), Some(&limits::HEADER_SIZE_BYTES));
}
