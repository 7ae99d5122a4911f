//! Tokens: one use, one server, a lifetime, a pin.

use std::sync::Arc;

use muster_controller::store::EventFilter;
use muster_model::digest::Digest;
use muster_model::event::{Event, EventBody};
use muster_model::name::Sequence;
use muster_proto::dial::dial_pinned;
use muster_proto::secret::Key;
use muster_proto::v1;
use muster_proto::v1::enrollment_client::EnrollmentClient;
use rcgen::KeyPair;
use tokio::net::TcpListener;
use tonic::Code;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::fixture::{Fixture, csr};

async fn enrolments(fixture: &Fixture) -> Vec<EventBody> {
    let mut snapshot = fixture.running.store().snapshot().await.unwrap();
    let events = snapshot.events(Sequence(0), &EventFilter::default(), 1_000).await.unwrap();
    events
        .iter()
        .map(|event| serde_json::from_slice::<Event>(&event.bytes).unwrap().body)
        .filter(|body| matches!(body, EventBody::ServerEnrolled { .. }))
        .collect()
}

#[tokio::test]
async fn of_sixty_four_at_once_exactly_one_spends_a_token() {
    let fixture = Arc::new(Fixture::start().await);
    let invited = Arc::new(fixture.invite("dupont-prod/web").await);
    let tries = (0..64).map(|_| {
        let (fixture, invited) = (Arc::clone(&fixture), Arc::clone(&invited));
        tokio::spawn(async move { fixture.enroll(&invited, "DUP-WEB01").await.map(|_| ()) })
    });
    let mut won = 0;
    for attempt in tries.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Ok(()) => won += 1,
            Err(status) => assert_eq!(status.code(), Code::PermissionDenied),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(enrolments(&fixture).await.len(), 1);
}

#[tokio::test]
async fn a_token_that_was_spent_replaced_or_has_ended_is_refused_in_the_same_words() {
    let fixture = Fixture::start().await;
    let spent = fixture.invite("dupont-prod/web").await;
    fixture.enroll(&spent, "DUP-WEB01").await.unwrap();
    let replaced = fixture.invite("dupont-prod/db").await;
    let ended = fixture.invite("dupont-prod/db").await;
    let mut refusals = vec![
        fixture.enroll(&spent, "DUP-WEB01").await.err().unwrap(),
        fixture.enroll(&replaced, "DUP-DB01").await.err().unwrap(),
    ];
    fixture.pass(8);
    refusals.push(fixture.enroll(&ended, "DUP-DB01").await.err().unwrap());
    let mut guessed = fixture.invite("dupont-prod/db").await;
    guessed.token.secret = "00".repeat(32);
    refusals.push(fixture.enroll(&guessed, "DUP-DB01").await.err().unwrap());
    for refusal in &refusals {
        assert_eq!(refusal.code(), Code::PermissionDenied);
        assert_eq!(refusal.message(), refusals[0].message());
    }
    assert!(refusals[0].message().contains("muster server invite"));
}

/// The controller stored the enrolment and died before it answered: the same key gets the same certificate.
#[tokio::test]
async fn a_token_asked_again_with_its_own_key_gives_the_same_certificate_and_with_another_key_nothing() {
    let fixture = Fixture::start().await;
    let invited = fixture.invite("dupont-prod/web").await;
    let key = KeyPair::generate().unwrap();
    let first = fixture.enroll_with(&key, &invited.token, "DUP-WEB01").await.unwrap();
    let fixture = fixture.restart().await;
    let again = fixture.enroll_with(&key, &invited.token, "DUP-WEB01").await.unwrap();
    assert_eq!(again.certificate_pem, first.certificate_pem);
    assert_eq!(enrolments(&fixture).await.len(), 1);
    let other = fixture.enroll(&invited, "DUP-WEB01").await.err().unwrap();
    assert_eq!(other.code(), Code::PermissionDenied);

    // A newer enrolment or a revocation ends it.
    let newer = fixture.invite("dupont-prod/web").await;
    fixture.enroll(&newer, "DUP-WEB01").await.unwrap();
    let late = fixture.enroll_with(&key, &invited.token, "DUP-WEB01").await.err().unwrap();
    assert_eq!(late.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_token_of_another_server_does_not_let_this_computer_in_and_is_not_spent_by_the_try() {
    let fixture = Fixture::start().await;
    let invited = fixture.invite("dupont-prod/web").await;
    let refused = fixture.enroll(&invited, "DUP-DB01").await.err().unwrap();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("DUP-WEB01"), "{}", refused.message());
    // Windows compares computer names without regard to case.
    fixture.enroll(&invited, "dup-web01").await.unwrap();
}

#[tokio::test]
async fn the_certificate_names_the_tokens_server_whatever_the_request_asks_for() {
    let fixture = Fixture::start().await;
    let agent = fixture.agent("dupont-prod/web").await;
    let pem = x509_parser::pem::parse_x509_pem(agent.certificate_pem.as_bytes()).unwrap().1;
    let (_, certificate) = X509Certificate::from_der(&pem.contents).unwrap();
    let names = certificate.subject_alternative_name().unwrap().unwrap().value;
    assert_eq!(format!("{:?}", names.general_names), r#"[URI("muster://agent/dupont-prod/web")]"#);
    assert!(!certificate.is_ca());
    let serial: String = certificate.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(serial.len(), 32);
    let mut snapshot = fixture.running.store().snapshot().await.unwrap();
    assert_eq!(snapshot.certificate(&serial).await.unwrap().unwrap().pem, agent.certificate_pem);
}

#[tokio::test]
async fn a_request_that_its_key_did_not_sign_is_refused_and_spends_nothing() {
    let fixture = Fixture::start().await;
    let invited = fixture.invite("dupont-prod/web").await;
    let key = KeyPair::generate().unwrap();
    let pem = x509_parser::pem::parse_x509_pem(csr(&key).as_bytes()).unwrap().1;
    let mut der = pem.contents;
    let last = der.len() - 1;
    der[last] ^= 1;
    let altered = rcgen_pem(&der);
    let channel = dial_pinned(&fixture.address().to_string(), invited.token.ca_pin).await.unwrap();
    let mut client = EnrollmentClient::new(channel);
    for csr_pem in [altered, String::new(), "-----BEGIN CERTIFICATE REQUEST-----".to_owned()] {
        let request = v1::EnrollRequest {
            token: invited.token.secret.clone(),
            csr_pem,
            host: "DUP-WEB01".to_owned(),
            age_recipient: Key::generate().recipient().unwrap().to_string(),
        };
        assert_eq!(client.enroll(request).await.unwrap_err().code(), Code::InvalidArgument);
    }
    fixture.enroll(&invited, "DUP-WEB01").await.unwrap();
}

fn rcgen_pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----\n")
}

#[tokio::test]
async fn a_server_that_no_document_names_cannot_be_invited() {
    let fixture = Fixture::start().await;
    let error = fixture
        .running
        .authority()
        .invite("nowhere/web".parse().unwrap(), "anne".to_owned(), 0)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("muster push"), "{error}");
}

#[tokio::test]
async fn an_agent_that_meets_another_authority_than_its_pin_sends_nothing() {
    let fixture = Fixture::start().await;
    let chain = std::fs::read_to_string(fixture.data("controller.pem")).unwrap();
    let config = muster_controller::tls::config(&chain).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let impostor = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        tokio_rustls::TlsAcceptor::from(config).accept(tcp).await.map(|_| ())
    });
    assert!(dial_pinned(&address, Digest::of(b"another authority")).await.is_err());
    // The handshake did not end: not one byte of a request was under its keys.
    assert!(impostor.await.unwrap().is_err());
}
