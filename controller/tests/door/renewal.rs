//! Renewal: an agent's next certificate comes before the present one ends, and ends it only by being used.

use muster_model::event::{Event, EventBody};
use muster_model::name::Sequence;
use muster_proto::dial::{Credentials, dial};
use muster_proto::session::{FromAgent, Hello};
use muster_proto::v1;
use muster_proto::v1::agent_client::AgentClient;
use rcgen::KeyPair;
use tonic::{Code, Status};

use crate::fixture::{Fixture, csr};

/// An agent's certificate of so many days ago. TLS judges by the machine's clock, so that the controller's was behind then.
async fn enrolled_days_ago(fixture: &Fixture, days: i64) -> Credentials {
    fixture.pass(-days);
    let credentials = fixture.agent("dupont-prod/web").await;
    fixture.pass(days);
    credentials
}

async fn renew(fixture: &Fixture, with: &Credentials, key: &KeyPair) -> Result<Credentials, Status> {
    let channel = dial(&fixture.address().to_string(), with).await.unwrap();
    let reply = AgentClient::new(channel).renew(v1::RenewRequest { csr_pem: csr(key) }).await?.into_inner();
    Ok(Credentials {
        ca_pem: with.ca_pem.clone(),
        certificate_pem: reply.certificate_pem,
        key_pem: key.serialize_pem(),
    })
}

/// Opens the agent's stream and gives what came of it.
async fn open(fixture: &Fixture, with: &Credentials) -> Result<(), Status> {
    let channel = dial(&fixture.address().to_string(), with)
        .await
        .map_err(|error| Status::unauthenticated(error.to_string()))?;
    let hello = Hello {
        agent_version: "0.1.0".to_owned(),
        kinds: Default::default(),
        simulated: true,
        now: jiff::Timestamp::now(),
        journal: 0,
        epoch: 0,
        host: "DUP-WEB01".parse().unwrap(),
    };
    let hello = v1::FromAgent::try_from(FromAgent::Hello(hello)).unwrap();
    AgentClient::new(channel).session(tokio_stream::iter([hello])).await.map(|_| ())
}

async fn replaced(fixture: &Fixture) -> Vec<Vec<String>> {
    let mut snapshot = fixture.running.store().snapshot().await.unwrap();
    let events = snapshot.events(Sequence(0), &Default::default(), 1_000).await.unwrap();
    let bodies = events.iter().map(|event| serde_json::from_slice::<Event>(&event.bytes).unwrap().body);
    let revoked = bodies.filter_map(|body| {
        let EventBody::CertificateReplaced { revoked, .. } = body else { return None };
        Some(revoked)
    });
    revoked.collect()
}

#[tokio::test]
async fn the_old_certificate_is_good_until_the_new_one_was_used_and_not_after() {
    let fixture = Fixture::start().await;
    let old = enrolled_days_ago(&fixture, 60).await;
    let key = KeyPair::generate().unwrap();
    let new = renew(&fixture, &old, &key).await.unwrap();
    open(&fixture, &old).await.unwrap();
    assert_eq!(replaced(&fixture).await, Vec::<Vec<String>>::new());

    // The answer was lost: the same key gives the same certificate, and no third one is made.
    let again = renew(&fixture, &old, &key).await.unwrap();
    assert_eq!(again.certificate_pem, new.certificate_pem);

    let fixture = fixture.restart().await;
    open(&fixture, &new).await.unwrap();
    assert_eq!(replaced(&fixture).await.iter().map(Vec::len).collect::<Vec<_>>(), [1]);
    assert!(open(&fixture, &old).await.is_err());
    let code = renew(&fixture, &old, &key).await.err().map(|status| status.code());
    assert!(matches!(code, Some(Code::Unauthenticated | Code::Unknown | Code::Unavailable)), "{code:?}");
    let fixture = fixture.restart().await;
    open(&fixture, &new).await.unwrap();
}

#[tokio::test]
async fn a_young_certificate_is_not_renewed() {
    let fixture = Fixture::start().await;
    let old = enrolled_days_ago(&fixture, 30).await;
    let early = renew(&fixture, &old, &KeyPair::generate().unwrap()).await.err().unwrap();
    assert_eq!(early.code(), Code::FailedPrecondition);
}

/// However often an agent loses its new key, it has two certificates at most.
#[tokio::test]
async fn a_certificate_that_was_never_used_is_revoked_by_the_next() {
    let fixture = Fixture::start().await;
    let old = enrolled_days_ago(&fixture, 60).await;
    let lost = renew(&fixture, &old, &KeyPair::generate().unwrap()).await.unwrap();
    let kept = renew(&fixture, &old, &KeyPair::generate().unwrap()).await.unwrap();
    assert!(open(&fixture, &lost).await.is_err());
    open(&fixture, &kept).await.unwrap();
}
