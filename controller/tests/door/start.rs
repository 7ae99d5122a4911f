//! `serve`: its start, its epoch, its stop.

use muster_controller::clock::Clock;
use muster_controller::serve::{Error, Options, Running};
use muster_controller::store::EventFilter;
use muster_model::event::{Event, EventBody};
use muster_model::identity::Identity;
use muster_model::name::Sequence;
use muster_proto::Method;
use tempfile::TempDir;
use tonic::Code;

use crate::fixture::{Fixture, host_of, serve_options};

#[tokio::test]
async fn every_start_has_a_higher_epoch_and_another_instance_in_the_events() {
    let fixture = Fixture::start().await;
    let first = fixture.running.epoch();
    let fixture = fixture.restart().await;
    let second = fixture.running.epoch();
    assert_eq!((first.number, second.number), (1, 2));
    assert_ne!(first.instance, second.instance);
    let mut snapshot = fixture.running.store().snapshot().await.unwrap();
    let events = snapshot.events(Sequence(1), &EventFilter::default(), 10).await.unwrap();
    let bodies: Vec<_> =
        events.iter().map(|event| serde_json::from_slice::<Event>(&event.bytes).unwrap().body).collect();
    let started = |epoch: muster_controller::store::Epoch| EventBody::ControllerStarted {
        epoch: epoch.number,
        instance: epoch.instance,
    };
    assert_eq!(bodies, [started(first), started(second)]);
}

#[tokio::test]
async fn a_second_controller_on_the_same_directory_is_refused_and_begins_no_epoch() {
    let fixture = Fixture::start().await;
    let second = Running::start(serve_options(fixture.dir.path()), Clock::system(), host_of()).await;
    assert!(matches!(second, Err(Error::Running(_))));
    assert_eq!(fixture.restart().await.running.epoch().number, 2);
}

#[tokio::test]
async fn a_directory_without_a_controller_is_refused_and_stays_empty() {
    let dir = TempDir::new().unwrap();
    let started = Running::start(serve_options(dir.path()), Clock::system(), host_of()).await;
    assert!(matches!(started, Err(Error::NotMade(_))));
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn the_address_file_says_where_calls_are_answered() {
    let fixture = Fixture::start().await;
    let written = std::fs::read_to_string(fixture.data("address")).unwrap();
    assert_eq!(written.trim(), fixture.address().to_string());
    let invited = fixture.invite("dupont-prod/web").await;
    assert_eq!(invited.token.controller, fixture.address().to_string());
}

#[tokio::test]
async fn the_controllers_certificate_is_renewed_at_a_start_when_less_than_a_third_is_left() {
    let fixture = Fixture::start().await;
    let chain = |fixture: &Fixture| std::fs::read_to_string(fixture.data("controller.pem")).unwrap();
    let made = chain(&fixture);
    fixture.pass(200);
    let fixture = fixture.restart().await;
    assert_eq!(chain(&fixture), made);
    fixture.pass(60);
    let fixture = fixture.restart().await;
    assert_ne!(chain(&fixture), made);
    let mut snapshot = fixture.running.store().snapshot().await.unwrap();
    assert_eq!(snapshot.certificates_of(&Identity::Controller).await.unwrap().len(), 2);
    drop(snapshot);

    // Killed between storing the certificate and writing its file: the file is what counts.
    std::fs::write(fixture.data("controller.pem"), &made).unwrap();
    let fixture = fixture.restart().await;
    assert_ne!(chain(&fixture), made);
}

#[tokio::test]
async fn the_address_of_the_start_before_is_not_there_until_calls_are_answered() {
    let fixture = Fixture::start().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = fixture.stop().await;
    let data_dir = dir.path().join("data");
    assert!(data_dir.join("address").exists());
    let listen = Some(taken.local_addr().unwrap().to_string());
    let options = Options { data_dir: data_dir.clone(), listen };
    let started = Running::start(options, Clock::system(), host_of()).await;
    assert!(matches!(started, Err(Error::Listen(..))));
    assert!(!data_dir.join("address").exists());
}

#[tokio::test]
async fn a_stop_ends_although_a_connection_stays_open() {
    let fixture = Fixture::start().await;
    let channel =
        muster_proto::dial::dial(&fixture.address().to_string(), &fixture.operator()).await.unwrap();
    let fixture = fixture.restart().await;
    drop(channel);
    let code = fixture.call(Some(&fixture.operator()), Method::AgentSession.path()).await;
    assert_eq!(code, Some(Code::PermissionDenied));
}
