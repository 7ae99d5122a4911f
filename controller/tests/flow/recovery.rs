//! Recovery: what a restored controller does not do before it was confirmed, and for whom it does nothing afterwards.

use muster_controller::store::EventFilter;
use muster_model::command::Epoch;
use muster_model::digest::Digest;
use muster_model::event::EventBody;
use muster_model::memory::{AgentMemory, PlanMemory};
use muster_model::name::{Generation, PlanId, Revision, Sequence};
use muster_model::outcome::{CommandId, End, StepKey, StepTicket};
use muster_model::view::RecoveryState;
use muster_proto::dial::Credentials;
use muster_proto::session::{FromAgent, ToAgent};
use muster_proto::v1;
use tonic::Code;
use uuid::Uuid;

use crate::agent::{Agent, fresh, hello};
use crate::harness::{Controller, documents, in_time, refused, web};

/// The memory of an agent that obeyed epoch 7 of the lost controller and knows two plans of it.
fn memory() -> AgentMemory {
    let plan = |number: u64| PlanMemory {
        plan: PlanId(number),
        digest: Digest::of(&number.to_be_bytes()),
        commands: vec![CommandId(Uuid::from_u128(u128::from(number)))],
        steps: vec![(1, End::Done)],
    };
    AgentMemory {
        format: muster_model::FORMAT,
        server: web(),
        journal: 40,
        epoch: Some(Epoch { number: 7, instance: Uuid::from_u128(7) }),
        generation: Some(Generation(5)),
        newest_plan: Some(PlanId(4)),
        newest_revision: Some(Revision(9)),
        plans: vec![plan(3), plan(4)],
        open: None,
        unacknowledged: Vec::new(),
    }
}

/// A controller that was put back, with one enrolled server and its documents, before anybody connected.
async fn put_back() -> (Controller, Credentials) {
    let mut controller = Controller::start().await;
    controller.push(documents()).await;
    let credentials = controller.enrol("dupont-prod/web", "DUP-WEB01").await;
    (controller.put_back().await, credentials)
}

async fn connect(controller: &Controller, credentials: &Credentials) -> Agent {
    Agent::connect(&controller.address(), credentials, hello(controller.hands.now())).await.unwrap()
}

async fn asked_and_read(controller: &mut Controller, agent: &mut Agent, memory: AgentMemory) {
    assert_eq!(agent.next().await, Some(ToAgent::Recall));
    agent.say(FromAgent::Recalled(Box::new(memory))).await;
    controller.until(0, |event| matches!(event, EventBody::AgentRead { .. })).await;
}

#[tokio::test]
async fn before_the_confirmation_every_call_that_changes_is_refused_and_an_agent_is_only_asked() {
    let (mut controller, credentials) = put_back().await;
    let mut agent = connect(&controller, &credentials).await;
    asked_and_read(&mut controller, &mut agent, memory()).await;
    let operator = &mut controller.operator;
    let plan = v1::PlanRequest { plan: 1 };
    let codes = [
        refused(operator.push(v1::PushRequest::default()).await, Code::FailedPrecondition),
        refused(
            operator.create_plan(v1::CreatePlanRequest { site: "dupont-prod".to_owned() }).await,
            Code::FailedPrecondition,
        ),
        refused(operator.approve_plan(v1::ApproveRequest::default()).await, Code::FailedPrecondition),
        refused(operator.start_run(plan).await, Code::FailedPrecondition),
        refused(operator.resume_run(v1::ResumeRequest::default()).await, Code::FailedPrecondition),
        refused(operator.cancel_run(v1::CancelRequest::default()).await, Code::FailedPrecondition),
        refused(operator.confirm_step(v1::ConfirmRequest::default()).await, Code::FailedPrecondition),
    ];
    for message in codes {
        assert!(message.contains("`muster recover confirm`"), "{message}");
    }
    // What the agent says of its work is kept by it: it gets no acknowledgement.
    let ticket = StepTicket { number: 1, key: StepKey(Uuid::from_u128(1)) };
    agent.end(CommandId(Uuid::from_u128(3)), &ticket, End::Done, 41).await;
    let view = controller.recovery().await;
    assert_eq!(view.state, RecoveryState::Reading);
    let says = view.servers[0].findings.join("\n");
    for words in ["obeyed epoch 7", "generation 5", "worked on P-3", "worked on P-4"] {
        assert!(says.contains(words), "{words}: {says}");
    }
    controller.confirm_recovery(false).await.unwrap();
    // The stream ends without another word.
    assert_eq!(agent.next().await, None);
}

#[tokio::test]
async fn afterwards_every_number_is_above_what_the_agent_remembers() {
    let (mut controller, credentials) = put_back().await;
    let mut agent = connect(&controller, &credentials).await;
    asked_and_read(&mut controller, &mut agent, memory()).await;
    controller.confirm_recovery(false).await.unwrap();
    let mut agent = connect(&controller, &credentials).await;
    assert_eq!(agent.welcome.epoch.number, 1_001);
    let (plan, manifest) = tokio::join!(controller.plan("dupont-prod"), agent.compare(fresh));
    assert_eq!(plan.unwrap().plan, 1_001);
    assert_eq!(manifest.generation, Generation(6));
    let mut files = documents();
    files[1].content = b"kind: Client\nname: dupont\n# again\n".to_vec();
    assert_eq!(controller.push(files).await.revision, 1_001);

    // The next start goes on from there, and asks nobody again.
    let mut controller = controller.restart().await;
    let mut agent = connect(&controller, &credentials).await;
    assert_eq!(agent.welcome.epoch.number, 1_002);
    let (plan, manifest) = tokio::join!(controller.plan("dupont-prod"), agent.compare(fresh));
    assert_eq!((plan.unwrap().plan, manifest.generation), (1_002, Generation(6)));
}

/// The agent that was off obeyed a start of the lost controller that is above even the leap: the controller leaps again.
#[tokio::test]
async fn an_agent_that_comes_late_is_read_before_anything_and_raises_the_numbers_once_more() {
    let (mut controller, credentials) = put_back().await;
    let message = refused(controller.confirm_recovery(false).await, Code::FailedPrecondition);
    assert!(message.contains("dupont-prod/web") && message.contains("--leave-unread"), "{message}");
    controller.confirm_recovery(true).await.unwrap();

    let mut agent = connect(&controller, &credentials).await;
    let plan = controller.plan("dupont-prod").await.unwrap();
    assert!(plan.findings[0].contains("not connected"), "{:?}", plan.findings);
    let late = AgentMemory {
        epoch: Some(Epoch { number: 1_001, instance: Uuid::from_u128(7) }),
        newest_plan: Some(PlanId(1_500)),
        ..memory()
    };
    asked_and_read(&mut controller, &mut agent, late).await;
    assert_eq!(agent.next().await, None, "it comes back under an epoch that it can obey");

    let mut agent = connect(&controller, &credentials).await;
    assert_eq!(agent.welcome.epoch.number, 2_001);
    let (plan, manifest) = tokio::join!(controller.plan("dupont-prod"), agent.compare(fresh));
    assert_eq!(plan.unwrap().plan, 1_501);
    assert_eq!(manifest.generation, Generation(6));
}

/// Promise 4: an outcome that only its agent has is stored before the agent may forget it.
#[tokio::test]
async fn an_outcome_of_before_the_restore_is_stored_as_found_and_only_then_acknowledged() {
    let (mut controller, credentials) = put_back().await;
    let mut agent = connect(&controller, &credentials).await;
    asked_and_read(&mut controller, &mut agent, memory()).await;
    controller.confirm_recovery(false).await.unwrap();
    let mut agent = connect(&controller, &credentials).await;
    let remembered = StepTicket { number: 2, key: StepKey(Uuid::from_u128(22)) };
    let stranger = StepTicket { number: 2, key: StepKey(Uuid::from_u128(23)) };
    agent.end(CommandId(Uuid::from_u128(99)), &stranger, End::Done, 41).await;
    agent.end(CommandId(Uuid::from_u128(4)), &remembered, End::Failed, 42).await;
    assert_eq!(agent.stored().await, remembered.key);
    let found = controller.events().await.into_iter().filter_map(|event| {
        let EventBody::OutcomeFound { found, .. } = event.body else { return None };
        Some((found.key, found.outcome.end))
    });
    assert_eq!(found.collect::<Vec<_>>(), [(remembered.key, End::Failed)]);
}

#[tokio::test]
async fn the_memory_of_another_server_is_not_taken() {
    let (mut controller, credentials) = put_back().await;
    let mut agent = connect(&controller, &credentials).await;
    let foreign = AgentMemory { server: "dupont-prod/db".parse().unwrap(), ..memory() };
    assert_eq!(agent.next().await, Some(ToAgent::Recall));
    agent.say(FromAgent::Recalled(Box::new(foreign))).await;
    agent.say(FromAgent::Recalled(Box::new(memory()))).await;
    controller.until(0, |event| matches!(event, EventBody::AgentRead { .. })).await;
    let mut snapshot = controller.store().snapshot().await.unwrap();
    assert_eq!(snapshot.read_servers().await.unwrap(), [web()]);
}

/// The copy cannot know which tokens were spent since: a spent one would be good again.
#[tokio::test]
async fn a_token_that_was_out_when_the_copy_was_made_is_void() {
    let mut controller = Controller::start().await;
    controller.push(documents()).await;
    let request = v1::InviteRequest { server: "dupont-prod/web".to_owned(), lifetime_ms: 0 };
    controller.operator.invite_server(request).await.unwrap();
    let now = controller.hands.now();
    let open = |controller: &Controller| {
        let store = controller.store().clone();
        async move { store.snapshot().await.unwrap().open_invitations(now).await.unwrap().len() }
    };
    assert_eq!(open(&controller).await, 1);
    let controller = controller.put_back().await;
    assert_eq!(open(&controller).await, 0);
}

#[tokio::test]
async fn a_controller_that_was_never_restored_asks_nobody_and_has_nothing_to_confirm() {
    let mut controller = Controller::start().await;
    controller.push(documents()).await;
    assert_eq!(controller.recovery().await.state, RecoveryState::None);
    let message = refused(controller.confirm_recovery(true).await, Code::FailedPrecondition);
    assert!(message.contains("not restored"), "{message}");
    let credentials = controller.enrol("dupont-prod/web", "DUP-WEB01").await;
    let mut agent = connect(&controller, &credentials).await;
    let (plan, _) =
        in_time(async { tokio::join!(controller.plan("dupont-prod"), agent.compare(fresh)) }).await;
    assert_eq!(plan.unwrap().plan, 1);
    let snapshot = controller.store().snapshot().await;
    let events = snapshot.unwrap().events(Sequence(1), &EventFilter::default(), 100).await.unwrap();
    assert!(!events.iter().any(|event| String::from_utf8_lossy(&event.bytes).contains("agent_read")));
}
