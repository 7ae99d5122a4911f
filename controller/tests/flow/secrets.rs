//! Sealed secrets at the door: what is refused, in words that help, and leaves nothing behind (promise 7).
//!
//! The controller cannot open what it is given. What it can see is how many keys a value is sealed to and which ones are
//! claimed: every recovery key and every agent of the site must be among them, and nobody else.

use std::collections::BTreeSet;

use muster_model::event::EventBody;
use muster_model::limits::SEALED_SIZE_BYTES;
use muster_model::name::{Recipient, SecretVersion};
use muster_model::secret::{Sealed, SealedSecret, SecretRef};
use muster_proto::secret::{self, Key, SecretValue};
use muster_proto::v1;

use crate::harness::{Controller, documents};

const SITE: &str = "dupont-prod";

/// The product of the stories with a secret that a person types, and a parameter that is none.
fn with_a_secret() -> Vec<v1::SourceFile> {
    let mut files = documents();
    let text = String::from_utf8(files[0].content.clone()).unwrap();
    let text = text
        .replace(
            "roles: [web]\n",
            "roles: [web]\nparameters:\n  code: {type: secret}\n  port: {type: port, default: 1025}\n",
        )
        .replace("instructions: Set the password.", "instructions: Set it., type_these: [code, port]");
    files[0].content = text.into_bytes();
    files
}

async fn open() -> Controller {
    let mut controller = Controller::start().await;
    controller.push(with_a_secret()).await;
    controller.enrol("dupont-prod/web", "DUP-WEB01").await;
    controller
}

/// Whom the controller says a value is to be sealed to.
async fn readers(controller: &mut Controller) -> BTreeSet<Recipient> {
    let request = v1::SecretRequest { site: SITE.to_owned(), secret: "code".to_owned() };
    let slot = controller.operator.describe_secret(request).await.unwrap().into_inner();
    slot.recipients.iter().map(|reader| reader.recipient.parse().unwrap()).collect()
}

/// A value of a secret of the site at a version, really sealed to `to`, and claimed to be sealed to `claimed`.
fn request(
    secret: &str,
    version: u64,
    to: &BTreeSet<Recipient>,
    claimed: &BTreeSet<Recipient>,
) -> v1::PutSecretRequest {
    let place = SecretRef {
        site: SITE.parse().unwrap(),
        secret: secret.parse().unwrap(),
        version: SecretVersion(version),
    };
    let value = SecretValue::new("a value".to_owned().into());
    let sealed = Sealed::new(secret::seal(&place, &value, to).unwrap());
    v1::PutSecretRequest {
        secret: Some(SealedSecret { secret: place, sealed }.into()),
        recipients: claimed.iter().cloned().map(Into::into).collect(),
        reseal: false,
    }
}

/// It is refused in these words, and nothing is stored.
async fn assert_refused(controller: &mut Controller, request: v1::PutSecretRequest, words: &str) {
    let before = controller.events().await;
    let status = controller.operator.put_secret(request).await.unwrap_err();
    assert!(status.message().contains(words), "{words:?} is not in: {}", status.message());
    assert_eq!(controller.events().await, before, "nothing was stored");
}

#[tokio::test]
async fn a_value_that_is_not_sealed_to_everybody_who_must_open_it_is_refused() {
    let mut controller = open().await;
    let all = readers(&mut controller).await;
    assert!(all.len() >= 3, "two recovery keys and the agent");
    for missing in &all {
        let mut some = all.clone();
        some.remove(missing);
        assert_refused(&mut controller, request("code", 1, &some, &some), "is not sealed to").await;
        // Claimed, and not so: as many are not in it.
        assert_refused(&mut controller, request("code", 1, &some, &all), "is not sealed as it says").await;
    }
}

#[tokio::test]
async fn a_value_that_somebody_else_could_open_is_refused() {
    let mut controller = open().await;
    let mut more = readers(&mut controller).await;
    more.insert(Key::generate().recipient().unwrap());
    assert_refused(&mut controller, request("code", 1, &more, &more), "those alone who are to open it").await;
}

#[tokio::test]
async fn what_is_no_age_file_or_too_large_is_refused() {
    let mut controller = open().await;
    let all = readers(&mut controller).await;
    let bytes = usize::try_from(SEALED_SIZE_BYTES).unwrap() + 1;
    for content in [b"the value itself".to_vec(), Vec::new(), vec![b'x'; bytes]] {
        let mut bad = request("code", 1, &all, &all);
        bad.secret.as_mut().unwrap().sealed = content;
        assert_refused(&mut controller, bad, "is not sealed as it says").await;
    }
}

#[tokio::test]
async fn only_the_next_version_of_a_secret_that_the_product_names_is_taken() {
    let mut controller = open().await;
    let all = readers(&mut controller).await;
    for name in ["cod", "port"] {
        let words = format!("has no secret {name}");
        assert_refused(&mut controller, request(name, 1, &all, &all), &words).await;
    }
    assert_refused(&mut controller, request("code", 2, &all, &all), "code of dupont-prod is at v0").await;
    controller.operator.put_secret(request("code", 1, &all, &all)).await.unwrap();
    // Somebody else was faster: the version is taken, and the value that is there stays.
    assert_refused(&mut controller, request("code", 1, &all, &all), "code of dupont-prod is at v1").await;
    // Sealed anew is what is there, and nothing that is not.
    let reseal = |version| v1::PutSecretRequest { reseal: true, ..request("code", version, &all, &all) };
    assert_refused(&mut controller, reseal(2), "code of dupont-prod is at v1").await;
    controller.operator.put_secret(reseal(1)).await.unwrap();
    let set = controller.count(|event| matches!(event, EventBody::SecretSet { .. })).await;
    let resealed = controller.count(|event| matches!(event, EventBody::SecretResealed { .. })).await;
    assert_eq!((set, resealed), (1, 1));
}
