//! Media at the doors: who gets which, and how a controller that was asked to stage hears its agents.

use muster_model::digest::Digest;
use muster_model::limits;
use muster_model::name::ServerId;
use muster_proto::dial::{self, Credentials};
use muster_proto::session::{FromAgent, StageMedium, Staged, ToAgent};
use muster_proto::v1;
use muster_proto::v1::agent_client::AgentClient;
use tonic::{Code, Status};

use crate::agent::{Agent, hello};
use crate::harness::{Controller, documents, in_time, refused};

const NAMED: &[u8] = b"the installer of common services";
const OTHER: &[u8] = b"an installer that no document names";

/// The product of the stories, whose package installs from a medium, and a site of the same client that needs none.
fn with_a_medium() -> Vec<v1::SourceFile> {
    let mut files = documents();
    let text = String::from_utf8(files[0].content.clone()).unwrap();
    let medium = format!(
        r"version: 6.0.0.1397, display_name: Common Services, medium: 'C:\Media\XCS.msi', medium_sha256: {},",
        Digest::of(NAMED)
    );
    files[0].content = text.replace("version: 6.0.0.1397,", &medium).into_bytes();
    let bare = "kind: Product\nname: bare\nversion: v1\nroles: [web]\nnodes:\n  - {folder: 'C:\\Bare'}\n";
    let site = "kind: Site\nname: dupont-test\nclient: dupont\nproduct: bare v1\ntime_zone: Europe/Paris\n\
                servers:\n  web: {name: DUP-WEB02}\n";
    for (path, text) in [("bare.yaml", bare), ("dupont-test.yaml", site)] {
        files.push(v1::SourceFile { path: path.to_owned(), content: text.into() });
    }
    files
}

/// A controller with two media on its shelf.
async fn open() -> Controller {
    let mut controller = Controller::start().await;
    controller.push(with_a_medium()).await;
    for content in [NAMED, OTHER] {
        let (sha256, size_bytes) = (Digest::of(content).to_string(), content.len() as u64);
        let announced =
            v1::AnnounceMediumRequest { sha256: sha256.clone(), name: "XCS.msi".to_owned(), size_bytes };
        controller.operator.announce_medium(announced).await.unwrap();
        let chunk = v1::MediumChunk {
            content_sha256: sha256.clone(),
            sha256,
            offset_bytes: 0,
            content: content.to_vec(),
            size_bytes,
        };
        assert!(controller.operator.put_medium_chunk(chunk).await.unwrap().into_inner().whole);
    }
    controller
}

async fn fetch(
    controller: &Controller,
    credentials: &Credentials,
    sha256: &str,
    offset_bytes: u64,
) -> Result<Vec<v1::MediumPiece>, Status> {
    let channel = dial::dial(&controller.address(), credentials).await.unwrap();
    let request = v1::FetchMediumRequest { sha256: sha256.to_owned(), offset_bytes };
    let mut pieces = AgentClient::new(channel).fetch_medium(request).await?.into_inner();
    let mut all = Vec::new();
    while let Some(piece) = in_time(pieces.message()).await? {
        all.push(piece);
    }
    Ok(all)
}

async fn size(controller: &Controller, credentials: &Credentials, sha256: &str) -> Result<u64, Status> {
    let channel = dial::dial(&controller.address(), credentials).await.unwrap();
    let request = v1::ShowMediumRequest { sha256: sha256.to_owned() };
    Ok(AgentClient::new(channel).show_medium(request).await?.into_inner().size_bytes)
}

/// Promise 10: an agent gets what its own newest manifest names, and of all else there is nothing.
#[tokio::test]
async fn an_agent_gets_the_media_of_its_own_manifest_and_no_other() {
    let mut controller = open().await;
    let agent = controller.enrol("dupont-prod/web", "DUP-WEB01").await;
    let neighbour = controller.enrol("dupont-test/web", "DUP-WEB02").await;
    let (named, other) = (Digest::of(NAMED).to_string(), Digest::of(OTHER).to_string());
    let content_sha256 = Digest::of(&NAMED[4..]).as_bytes().to_vec();
    let rest = v1::MediumPiece { content: NAMED[4..].to_vec(), content_sha256 };
    assert_eq!(fetch(&controller, &agent, &named, 4).await.unwrap(), [rest]);
    let past = NAMED.len() as u64;
    assert_eq!(size(&controller, &agent, &named).await.unwrap(), past);
    refused(size(&controller, &agent, &other).await, Code::NotFound);
    refused(size(&controller, &neighbour, &named).await, Code::NotFound);
    refused(fetch(&controller, &agent, &named, past).await, Code::InvalidArgument);
    refused(fetch(&controller, &agent, "../muster.db", 0).await, Code::InvalidArgument);
    let words = refused(fetch(&controller, &agent, &other, 0).await, Code::NotFound);
    assert!(words.contains("dupont-prod/web names no medium"), "{words}");
    refused(fetch(&controller, &neighbour, &named, 0).await, Code::NotFound);
    // What the newest documents name no more is gone as well.
    controller.push(documents()).await;
    refused(fetch(&controller, &agent, &named, 0).await, Code::NotFound);
}

/// What is wrong with a medium is said to the operator who brings it, in the code of its kind.
#[tokio::test]
async fn a_medium_that_cannot_be_taken_is_refused_in_words_that_help() {
    let mut controller = Controller::start().await;
    let announced = |size_bytes| v1::AnnounceMediumRequest {
        sha256: Digest::of(NAMED).to_string(),
        name: "XCS.msi".to_owned(),
        size_bytes,
    };
    let too_large = announced(limits::MEDIUM_SIZE_BYTES + 1);
    refused(controller.operator.announce_medium(too_large).await, Code::InvalidArgument);
    let path = v1::AnnounceMediumRequest { name: "../XCS.msi".to_owned(), ..announced(5) };
    refused(controller.operator.announce_medium(path).await, Code::InvalidArgument);
    let chunk = |content: &[u8]| v1::MediumChunk {
        sha256: Digest::of(NAMED).to_string(),
        offset_bytes: 0,
        content: content.to_vec(),
        content_sha256: Digest::of(content).to_string(),
        size_bytes: 5,
    };
    refused(controller.operator.put_medium_chunk(chunk(b"wrong")).await, Code::FailedPrecondition);
    controller.operator.announce_medium(announced(5)).await.unwrap();
    refused(controller.operator.put_medium_chunk(chunk(b"longer")).await, Code::InvalidArgument);
    let changed = v1::MediumChunk { content: b"WRONG".to_vec(), ..chunk(b"wrong") };
    refused(controller.operator.put_medium_chunk(changed).await, Code::Aborted);
    let words =
        refused(controller.operator.put_medium_chunk(chunk(b"wrong")).await, Code::FailedPrecondition);
    assert!(words.contains("it was thrown away"), "{words}");
    let site = v1::SiteRequest { site: "dupont-prod".to_owned() };
    controller.push(documents()).await;
    let mut none = controller.operator.stage_site(site).await.unwrap().into_inner();
    assert_eq!(in_time(none.message()).await.unwrap(), None, "no package names a medium");
}

/// The operator hears every word of the agents that were asked, until each is done or is not there.
#[tokio::test]
async fn staging_asks_the_agents_and_tells_how_far_they_are() {
    let mut controller = open().await;
    let credentials = controller.enrol("dupont-prod/web", "DUP-WEB01").await;
    let site = || v1::SiteRequest { site: "dupont-prod".to_owned() };
    let mut absent = controller.operator.stage_site(site()).await.unwrap().into_inner();
    let reply = absent.message().await.unwrap().unwrap();
    assert!(reply.waits && reply.problem.contains("is not connected"), "{reply:?}");
    assert_eq!(absent.message().await.unwrap(), None);

    // It was asked for: nobody types that again.
    let now = controller.hands.now();
    let mut agent = Agent::connect(&controller.address(), &credentials, hello(now)).await.unwrap();
    let (sha256, size_bytes) = (Digest::of(NAMED), NAMED.len() as u64);
    let asked = Some(ToAgent::Stage(vec![StageMedium { sha256, size_bytes }]));
    assert_eq!(agent.next().await, asked);
    let mut replies = controller.operator.stage_site(site()).await.unwrap().into_inner();
    assert_eq!(agent.next().await, asked);
    let mut say = async |agent: &mut Agent, held_bytes, whole| {
        agent.say(FromAgent::Staged(Staged { sha256, held_bytes, whole, problem: None })).await;
        let reply = in_time(replies.message()).await.unwrap().unwrap();
        assert_eq!((reply.held_bytes, reply.whole, reply.size_bytes), (held_bytes, whole, size_bytes));
        assert_eq!((&*reply.server, &*reply.medium), ("dupont-prod/web", r"C:\Media\XCS.msi"));
    };
    say(&mut agent, 4, false).await;
    // Its link drops and is back at once: it is asked again, and whoever watches sees it go on.
    agent = reconnect(&controller, agent, &credentials).await;
    assert_eq!(agent.next().await, asked);
    say(&mut agent, 9, false).await;
    say(&mut agent, size_bytes, true).await;
    assert_eq!(in_time(replies.message()).await.unwrap(), None);
    let server: ServerId = "dupont-prod/web".parse().unwrap();
    let waiting = async || controller.store().snapshot().await.unwrap().stagings(&server).await.unwrap();
    assert_eq!(waiting().await, [], "what it has is asked for no more");
}

/// What was asked for outlives the controller that was asked, until no manifest names it any more.
#[tokio::test]
async fn what_was_asked_for_is_asked_for_by_the_next_controller_until_nobody_needs_it() {
    let mut controller = open().await;
    let credentials = controller.enrol("dupont-prod/web", "DUP-WEB01").await;
    let site = v1::SiteRequest { site: "dupont-prod".to_owned() };
    let mut replies = controller.operator.stage_site(site).await.unwrap().into_inner();
    assert!(replies.message().await.unwrap().unwrap().waits);
    controller = controller.restart().await;
    let now = controller.hands.now();
    let mut agent = Agent::connect(&controller.address(), &credentials, hello(now)).await.unwrap();
    let (sha256, size_bytes) = (Digest::of(NAMED), NAMED.len() as u64);
    assert_eq!(agent.next().await, Some(ToAgent::Stage(vec![StageMedium { sha256, size_bytes }])));

    controller.push(documents()).await;
    let _agent = reconnect(&controller, agent, &credentials).await;
    let server: ServerId = "dupont-prod/web".parse().unwrap();
    in_time(async {
        while !controller.store().snapshot().await.unwrap().stagings(&server).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// What a server needs, or needs for its way back, is not taken off the shelf by a slip.
#[tokio::test]
async fn a_medium_that_a_server_needs_is_not_removed() {
    let mut controller = open().await;
    let remove =
        |content: &[u8], force| v1::RemoveMediumRequest { sha256: Digest::of(content).to_string(), force };
    controller.operator.remove_medium(remove(OTHER, false)).await.unwrap();
    refused(controller.operator.remove_medium(remove(OTHER, false)).await, Code::FailedPrecondition);
    for force in [false, true] {
        let words =
            refused(controller.operator.remove_medium(remove(NAMED, force)).await, Code::FailedPrecondition);
        assert!(words.contains("name it for dupont-prod/web"), "{words}");
    }
    // A plan stores the manifest; the documents after it name no medium.
    controller.operator.create_plan(v1::CreatePlanRequest { site: "dupont-prod".to_owned() }).await.unwrap();
    controller.push(documents()).await;
    // Another plan stores that manifest as well: the way back is behind it.
    controller.operator.create_plan(v1::CreatePlanRequest { site: "dupont-prod".to_owned() }).await.unwrap();
    let words =
        refused(controller.operator.remove_medium(remove(NAMED, false)).await, Code::FailedPrecondition);
    assert!(words.contains("way back") && words.contains("--force"), "{words}");
    let done = controller.operator.remove_medium(remove(NAMED, true)).await.unwrap().into_inner();
    assert!(done.message.contains("XCS.msi is off the shelf"), "{}", done.message);
}

/// The same agent over another link, once the controller has seen the end of this one.
async fn reconnect(controller: &Controller, agent: Agent, credentials: &Credentials) -> Agent {
    drop(agent);
    in_time(async {
        loop {
            match Agent::connect(&controller.address(), credentials, hello(controller.hands.now())).await {
                Ok(agent) => return agent,
                Err(status) => assert_eq!(status.code(), Code::AlreadyExists, "{status}"),
            }
        }
    })
    .await
}
