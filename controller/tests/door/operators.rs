//! Operators: a second one by a one-time token, the last one stays, a lost profile is made anew on the machine itself.

use muster_controller::clock::Clock;
use muster_controller::reset;
use muster_model::view::{OperatorState, OperatorsView};
use muster_proto::dial::{Credentials, dial};
use muster_proto::profile::Profile;
use muster_proto::v1;
use muster_proto::v1::operator_client::OperatorClient;
use rcgen::KeyPair;
use tonic::{Code, Status};

use crate::fixture::Fixture;

async fn operators(fixture: &Fixture, with: &Credentials) -> Result<Vec<(String, OperatorState)>, Status> {
    let channel = dial(&fixture.address().to_string(), with)
        .await
        .map_err(|error| Status::unauthenticated(error.to_string()))?;
    let view = OperatorClient::new(channel).list_operators(v1::ListOperatorsRequest {}).await?.into_inner();
    let view: OperatorsView = serde_json::from_slice(&view.json).unwrap();
    Ok(view.operators.into_iter().map(|one| (one.operator.to_string(), one.state)).collect())
}

async fn revoke(fixture: &Fixture, with: &Credentials, name: &str) -> Result<String, Status> {
    let channel = dial(&fixture.address().to_string(), with).await.unwrap();
    let request = v1::OperatorRequest { operator: name.to_owned() };
    Ok(OperatorClient::new(channel).revoke_operator(request).await?.into_inner().message)
}

fn listed(list: &[(&str, OperatorState)]) -> Vec<(String, OperatorState)> {
    list.iter().map(|(name, state)| ((*name).to_owned(), *state)).collect()
}

#[tokio::test]
async fn a_second_operator_is_let_in_once_and_the_last_one_cannot_be_put_out() {
    let fixture = Fixture::start().await;
    let anne = fixture.operator();
    let last = revoke(&fixture, &anne, "anne").await.unwrap_err();
    assert_eq!(last.code(), Code::FailedPrecondition);
    assert!(last.message().contains("muster operator invite"), "{}", last.message());

    let name = "bruno".parse().unwrap();
    let authority = fixture.running.authority();
    let invited = authority.invite_operator(name, "anne".to_owned(), 0).await.unwrap();
    let both = [("anne", OperatorState::Active), ("bruno", OperatorState::Invited)];
    assert_eq!(operators(&fixture, &anne).await.unwrap(), listed(&both));
    // A token that is out lets nobody be the last one's successor yet.
    assert_eq!(revoke(&fixture, &anne, "anne").await.unwrap_err().code(), Code::FailedPrecondition);
    let key = KeyPair::generate().unwrap();
    let bruno = fixture.enroll_operator(&key, &invited.token).await.unwrap();
    let again = fixture.enroll_operator(&key, &invited.token).await.unwrap();
    assert_eq!(again.certificate_pem, bruno.certificate_pem, "the answer may have been lost");
    let other = fixture.enroll_operator(&KeyPair::generate().unwrap(), &invited.token).await.err().unwrap();
    assert_eq!(other.code(), Code::PermissionDenied);

    revoke(&fixture, &bruno, "anne").await.unwrap();
    assert!(operators(&fixture, &anne).await.is_err());
    let left = [("anne", OperatorState::Revoked), ("bruno", OperatorState::Active)];
    assert_eq!(operators(&fixture, &bruno).await.unwrap(), listed(&left));
    assert_eq!(revoke(&fixture, &bruno, "bruno").await.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(revoke(&fixture, &bruno, "carla").await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_revoked_operators_token_is_void_and_so_is_one_that_ended_or_was_replaced() {
    let fixture = Fixture::start().await;
    let invite = async |name: &str| {
        let name = name.parse().unwrap();
        fixture.running.authority().invite_operator(name, "anne".to_owned(), 0).await.unwrap().token
    };
    fixture.second_operator("bruno").await;
    let (replaced, revoked) = (invite("bruno").await, invite("bruno").await);
    revoke(&fixture, &fixture.operator(), "bruno").await.unwrap();
    let ended = invite("carla").await;
    let mut messages = Vec::new();
    for token in [&replaced, &revoked] {
        let refused = fixture.enroll_operator(&KeyPair::generate().unwrap(), token).await.err().unwrap();
        messages.push((refused.code(), refused.message().to_owned()));
    }
    fixture.pass(8);
    let refused = fixture.enroll_operator(&KeyPair::generate().unwrap(), &ended).await.err().unwrap();
    messages.push((refused.code(), refused.message().to_owned()));
    assert_eq!(messages[0].0, Code::PermissionDenied);
    assert!(messages.iter().all(|message| *message == messages[0]), "{messages:?}");
}

#[tokio::test]
async fn a_lost_profile_is_made_anew_on_the_controllers_machine_and_the_old_one_ends() {
    let fixture = Fixture::start().await;
    let lost = fixture.operator();
    let data_dir = fixture.dir.path().join("data");
    let profile_out = fixture.dir.path().join("anne-2.profile");
    let options =
        reset::Options { data_dir, operator: "anne".parse().unwrap(), profile_out: profile_out.clone() };
    let serving = reset::run(&options, Clock::system()).await.unwrap_err();
    assert!(serving.to_string().contains("served by another process"), "{serving}");
    assert!(!profile_out.exists());

    let dir = fixture.stop().await;
    reset::run(&options, Clock::system()).await.unwrap();
    let fixture = Fixture::again(dir).await;
    let profile = Profile::read(&profile_out).unwrap();
    assert_eq!(profile.operator.as_str(), "anne");
    assert_eq!(
        operators(&fixture, &profile.credentials()).await.unwrap(),
        listed(&[("anne", OperatorState::Active)])
    );
    assert!(operators(&fixture, &lost).await.is_err());
}
