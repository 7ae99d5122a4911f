//! Pushes: all or nothing, and never over somebody else's.

use muster_model::event::EventBody;
use muster_model::limits;
use muster_model::outcome::End;
use muster_model::view::{DiffView, NodeChange};
use muster_proto::v1;
use muster_proto::v1::push_reply::Result as Reply;

use crate::agent::{Agent, fresh, hello};
use crate::harness::{Controller, changed_documents, documents};

async fn push(controller: &mut Controller, request: v1::PushRequest) -> Reply {
    controller.operator.push(request).await.unwrap().into_inner().result.unwrap()
}

#[tokio::test]
async fn a_stale_push_is_told_who_when_what_and_stores_nothing() {
    let mut controller = Controller::start().await;
    let first = v1::PushRequest { files: documents(), ..v1::PushRequest::default() };
    assert!(matches!(push(&mut controller, first.clone()).await, Reply::Pushed(_)));
    controller.hands.forward(60_000);
    let at_ms = controller.hands.now().as_millisecond();
    let second = v1::PushRequest {
        files: changed_documents(),
        base: 1,
        ticket: "CHG0041877".to_owned(),
        ..v1::PushRequest::default()
    };
    assert!(matches!(push(&mut controller, second).await, Reply::Pushed(_)));
    let stale = push(&mut controller, v1::PushRequest { base: 1, ..first }).await;
    assert_eq!(
        stale,
        Reply::Stale(v1::Stale {
            base: 1,
            newest: 2,
            by: "anne".to_owned(),
            at_ms,
            ticket: "CHG0041877".to_owned(),
            documents: vec!["Product sxa 2022-r2".to_owned()],
        })
    );
    assert_eq!(controller.count(|event| matches!(event, EventBody::RevisionPushed { .. })).await, 2);
}

/// A fleet has more documents than one push may hold, and a controller that starts again reads all of them.
#[tokio::test]
async fn more_documents_than_one_push_may_hold_are_read_again_after_a_restart() {
    let mut controller = Controller::start().await;
    controller.push(documents()).await;
    for part in 0..2_u64 {
        let clients = (0..limits::PUSH_FILES - 10).map(|number| v1::SourceFile {
            path: format!("client-{part}-{number}.yaml"),
            content: format!("kind: Client\nname: c{part}-{number}\n").into_bytes(),
        });
        controller.push(clients.collect()).await;
    }
    let mut controller = controller.restart().await;
    assert_eq!(controller.status().await.sites.len(), 1);
    controller.push(changed_documents()).await;
}

#[tokio::test]
async fn of_two_pushes_from_one_base_at_once_one_is_stale() {
    let mut controller = Controller::start().await;
    controller.push(documents()).await;
    let one = v1::PushRequest { files: changed_documents(), base: 1, ..v1::PushRequest::default() };
    let mut other = one.clone();
    let text = String::from_utf8(other.files[0].content.clone()).unwrap();
    other.files[0].content = text.replace("G17", "G16").into_bytes();
    let (mut first, mut second) = (controller.operator.clone(), controller.operator.clone());
    let (first, second) = tokio::join!(first.push(one), second.push(other));
    let replies = [first, second].map(|reply| reply.unwrap().into_inner().result.unwrap());
    let pushed = replies.iter().filter(|reply| matches!(reply, Reply::Pushed(_))).count();
    let stale = replies.iter().filter(|reply| matches!(reply, Reply::Stale(_))).count();
    assert_eq!((pushed, stale), (1, 1), "{replies:?}");
}

#[tokio::test]
async fn every_mistake_of_every_file_is_told_and_nothing_is_stored() {
    let mut controller = Controller::start().await;
    let mut files = documents();
    files[1].content = b"kind: Client\nname: Dupont Prod\n".to_vec();
    files[2].content = b"kind: Site\nname: dupont-prod\nservers: []\n".to_vec();
    let request = v1::PushRequest { files, ..v1::PushRequest::default() };
    let Reply::Rejected(rejected) = push(&mut controller, request).await else { panic!("it was taken") };
    let paths: Vec<&str> = rejected.diagnostics.iter().map(|mistake| mistake.path.as_str()).collect();
    assert!(paths.contains(&"dupont.yaml") && paths.contains(&"dupont-prod.yaml"), "{rejected:?}");
    assert!(rejected.diagnostics.iter().all(|mistake| !mistake.advice.is_empty()));
    assert_eq!(controller.count(|event| matches!(event, EventBody::RevisionPushed { .. })).await, 0);
}

#[tokio::test]
async fn a_push_is_checked_together_with_what_is_stored() {
    let mut controller = Controller::start().await;
    let mut files = documents();
    let site = files.pop().unwrap();
    let alone = v1::PushRequest { files: vec![site.clone()], ..v1::PushRequest::default() };
    assert!(matches!(push(&mut controller, alone).await, Reply::Rejected(_)));
    controller.push(files).await;
    let pushed = controller.push(vec![site]).await;
    assert_eq!((pushed.revision, pushed.documents, pushed.changed), (2, 1, 1));
}

#[tokio::test]
async fn a_push_that_changes_nothing_makes_no_revision() {
    let mut controller = Controller::start().await;
    let first = controller.push(documents()).await;
    let again = controller.push(documents()).await;
    assert_eq!((first.revision, first.documents, first.changed), (1, 3, 3));
    assert_eq!((again.revision, again.documents, again.changed), (1, 3, 0));
}

#[tokio::test]
async fn a_dry_run_says_what_would_change_and_stores_nothing() {
    let mut controller = Controller::start().await;
    controller.push(documents()).await;
    let request =
        v1::PushRequest { files: changed_documents(), base: 1, dry_run: true, ..v1::PushRequest::default() };
    let Reply::Pushed(pushed) = push(&mut controller, request).await else { panic!("it was refused") };
    assert_eq!((pushed.revision, pushed.changed), (1, 1));
    assert_eq!(controller.count(|event| matches!(event, EventBody::RevisionPushed { .. })).await, 1);
}

/// The documents with a fixed parameter, and its value at the site.
fn with_language(language: &str) -> Vec<v1::SourceFile> {
    let mut files = documents();
    let text = String::from_utf8(files[0].content.clone()).unwrap();
    let fixed = "parameters: {language: {type: enum, values: [fr, en], fixed: true}}\nnodes:";
    files[0].content = text.replace("nodes:", fixed).into_bytes();
    files[2].content.extend_from_slice(format!("parameters:\n  language: {language}\n").as_bytes());
    files
}

#[tokio::test]
async fn a_fixed_parameter_may_change_until_a_step_was_done_and_never_after() {
    // G4.
    let mut controller = Controller::start().await;
    controller.push(with_language("en")).await;
    controller.push(with_language("fr")).await;
    let credentials = controller.enrol("dupont-prod/web", "DUP-WEB01").await;
    let hello = hello(controller.hands.now());
    let mut agent = Agent::connect(&controller.address(), &credentials, hello).await.unwrap();
    let (plan, _) = tokio::join!(controller.plan("dupont-prod"), agent.compare(fresh));
    let plan = plan.unwrap();
    controller.approve(&plan).await.unwrap();
    controller.run(plan.plan).await.unwrap();
    let command = agent.command().await;
    agent.accept(command.id).await;
    agent.end(command.id, &command.steps[0], End::Done, 1).await;
    agent.stored().await;

    for dry_run in [true, false] {
        let files = with_language("en");
        let request = v1::PushRequest { files, any_base: true, dry_run, ..v1::PushRequest::default() };
        let Reply::Rejected(rejected) = push(&mut controller, request).await else { panic!("it was taken") };
        let [mistake] = rejected.diagnostics.as_slice() else { panic!("{rejected:?}") };
        assert_eq!((mistake.rule.as_str(), mistake.path.as_str()), ("fixed-parameter", "dupont-prod.yaml"));
        assert_eq!(mistake.source, "  language: en");
        assert!(mistake.problem.contains("installed as `fr` by anne on "), "{}", mistake.problem);
        assert!(mistake.problem.contains("(P-1, revision 2)"), "{}", mistake.problem);
    }
    assert_eq!(controller.count(|event| matches!(event, EventBody::RevisionPushed { .. })).await, 2);
    // Whatever else changes is taken.
    let mut files = with_language("fr");
    files[1].content.extend_from_slice(b"description: Dupont SA\n");
    assert_eq!(controller.push(files).await.changed, 1);
}

#[tokio::test]
async fn a_diff_says_what_a_push_would_change_and_stores_nothing() {
    let mut controller = Controller::start().await;
    let diff = |controller: &Controller, files: Vec<v1::SourceFile>| {
        let mut operator = controller.operator.clone();
        async move { operator.diff(v1::DiffRequest { files }).await.unwrap().into_inner().result.unwrap() }
    };
    let view = |reply: v1::diff_reply::Result| match reply {
        v1::diff_reply::Result::View(view) => serde_json::from_slice::<DiffView>(&view.json).unwrap(),
        v1::diff_reply::Result::Rejected(rejected) => panic!("{rejected:?}"),
    };
    // Before the first push everything is new.
    let all = view(diff(&controller, documents()).await);
    assert_eq!(all.sites[0].servers[0].changes.len(), 4);

    controller.push(documents()).await;
    assert_eq!(view(diff(&controller, documents()).await).sites, []);
    let changed = view(diff(&controller, changed_documents()).await);
    let [site] = changed.sites.as_slice() else { panic!("{changed:?}") };
    let [NodeChange::Attribute { node, attribute, old, new }] = site.servers[0].changes.as_slice() else {
        panic!("{site:?}")
    };
    assert_eq!((node.to_string().as_str(), attribute.as_str()), ("iis_app_pool/SXA", "load_user_profile"));
    assert_eq!((old.clone(), new.clone()), (Some(true.into()), Some(false.into())));

    let mut broken = changed_documents();
    broken[2].content = b"kind: Site\n".to_vec();
    assert!(matches!(diff(&controller, broken).await, v1::diff_reply::Result::Rejected(_)));
    assert_eq!(controller.count(|event| matches!(event, EventBody::RevisionPushed { .. })).await, 1);
}
