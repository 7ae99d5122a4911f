//! Sessions: one stream per server, and what is known of it.

use muster_model::event::EventBody;
use muster_model::limits;
use muster_model::view::{ServerState, ServersView};
use muster_proto::v1;
use tonic::Code;

use crate::agent::{Agent, hello};
use crate::harness::{Controller, documents, web};

async fn enrolled() -> (Controller, muster_proto::dial::Credentials) {
    let mut controller = Controller::start().await;
    controller.push(documents()).await;
    let credentials = controller.enrol("dupont-prod/web", "DUP-WEB01").await;
    (controller, credentials)
}

async fn state(controller: &mut Controller) -> ServerState {
    let view = controller.operator.list_servers(v1::ListServersRequest {}).await.unwrap().into_inner();
    let servers: ServersView = serde_json::from_slice(&view.json).unwrap();
    servers.servers[0].state
}

#[tokio::test]
async fn a_second_stream_is_refused_while_the_first_lives_and_not_after() {
    let (mut controller, credentials) = enrolled().await;
    let (address, now) = (controller.address(), controller.hands.now());
    let first = Agent::connect(&address, &credentials, hello(now)).await.unwrap();
    let second = Agent::connect(&address, &credentials, hello(now)).await;
    assert_eq!(second.err().map(|status| status.code()), Some(Code::AlreadyExists));
    assert_eq!(controller.count(|event| matches!(event, EventBody::ServerConnected { .. })).await, 1);
    drop(first);
    controller.until(0, |event| matches!(event, EventBody::ServerDisconnected { .. })).await;
    Agent::connect(&address, &credentials, hello(now)).await.unwrap();
}

#[tokio::test]
async fn what_the_agent_said_of_itself_is_shown() {
    let (mut controller, credentials) = enrolled().await;
    assert_eq!(state(&mut controller).await, ServerState::Offline);
    let mut said = hello(controller.hands.now());
    said.now = said.now.checked_add(jiff::SignedDuration::from_secs(90)).unwrap();
    let agent = Agent::connect(&controller.address(), &credentials, said).await.unwrap();
    assert_eq!(agent.welcome.now, controller.hands.now());
    assert_eq!(state(&mut controller).await, ServerState::Connected);
    let connected = controller
        .events()
        .await
        .into_iter()
        .find(|event| matches!(event.body, EventBody::ServerConnected { .. }))
        .unwrap();
    assert_eq!(connected.site, Some(web().site));
    assert_eq!(
        connected.body,
        EventBody::ServerConnected {
            server: web(),
            agent_version: "0.1.0".to_owned(),
            simulated: true,
            clock_offset_ms: 90_000,
            journal: 0,
        }
    );
}

#[tokio::test]
async fn an_agent_is_told_the_highest_position_that_its_journal_was_ever_seen_at() {
    // What it accepted and never ended moved its journal, too: a copy from before must show (promise 4).
    let (mut controller, credentials) = enrolled().await;
    let address = controller.address();
    let mut welcomed = Vec::new();
    for position in [40, 7, 41] {
        let mut said = hello(controller.hands.now());
        said.journal = position;
        let agent = Agent::connect(&address, &credentials, said).await.unwrap();
        welcomed.push(agent.welcome.journal);
        drop(agent);
        let count = welcomed.len();
        while controller.count(|event| matches!(event, EventBody::ServerDisconnected { .. })).await < count {
            controller.until(0, |event| matches!(event, EventBody::ServerDisconnected { .. })).await;
        }
    }
    assert_eq!(welcomed, [0, 40, 40]);
}

#[tokio::test]
async fn a_revoked_server_is_cut_off() {
    let (mut controller, credentials) = enrolled().await;
    let now = controller.hands.now();
    let mut agent = Agent::connect(&controller.address(), &credentials, hello(now)).await.unwrap();
    let server = web().to_string();
    let request = v1::RevokeServerRequest { server, ..v1::RevokeServerRequest::default() };
    controller.operator.revoke_server(request).await.unwrap();
    assert_eq!(agent.next().await, None);
    controller.until(0, |event| matches!(event, EventBody::ServerDisconnected { .. })).await;
    assert_eq!(state(&mut controller).await, ServerState::Revoked);
}

#[tokio::test]
async fn after_a_crash_no_server_counts_as_connected() {
    let (controller, credentials) = enrolled().await;
    let now = controller.hands.now();
    let agent = Agent::connect(&controller.address(), &credentials, hello(now)).await.unwrap();
    let mut controller = controller.restart().await;
    assert_eq!(state(&mut controller).await, ServerState::Offline);
    drop(agent);
}

#[tokio::test]
async fn an_agent_on_another_computer_does_not_take_the_place_of_the_right_one() {
    let (controller, credentials) = enrolled().await;
    let (address, now) = (controller.address(), controller.hands.now());
    let mut copied = hello(now);
    copied.host = "COPY-WEB01".parse().unwrap();
    let refused = Agent::connect(&address, &credentials, copied).await.err().unwrap();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("the documents name DUP-WEB01"), "{refused:?}");
    let mut lower = hello(now);
    lower.host = "dup-web01".parse().unwrap();
    Agent::connect(&address, &credentials, lower).await.unwrap();
}

#[tokio::test]
async fn a_small_fleet_comes_back_within_seconds() {
    let (controller, credentials) = enrolled().await;
    let now = controller.hands.now();
    let agent = Agent::connect(&controller.address(), &credentials, hello(now)).await.unwrap();
    assert_eq!(u64::from(agent.welcome.reconnect_spread_ms), limits::RECONNECT_SPREAD_LEAST_MS);
}
