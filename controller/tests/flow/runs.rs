//! Runs: nothing lost, nothing twice, whoever stops in between.

use futures_util::FutureExt as _;
use muster_controller::dispatch::Reception;
use muster_controller::store;
use muster_model::event::{EventBody, RunEnd};
use muster_model::limits;
use muster_model::outcome::{CommandId, End, StepKey, StepTicket};
use muster_model::view::{RunView, SiteState, StepState};
use muster_proto::dial::Credentials;
use muster_proto::session::{CommandAnswer, FromAgent, Progress, ToAgent};
use muster_proto::v1;
use tokio::sync::oneshot;
use tonic::Code;
use uuid::Uuid;

use crate::agent::{Agent, fresh, hello, in_sync};
use crate::harness::{Controller, documents, in_time, plan_id, refused, web};

/// A controller with a connected agent and an approved first plan: package and pool, gate, service.
async fn approved() -> (Controller, Credentials, Agent, v1::PlanReply) {
    let mut controller = Controller::start().await;
    controller.push(documents()).await;
    let credentials = controller.enrol("dupont-prod/web", "DUP-WEB01").await;
    let mut agent = connect(&controller, &credentials).await;
    let (plan, _) = tokio::join!(controller.plan("dupont-prod"), agent.compare(fresh));
    let plan = plan.unwrap();
    controller.approve(&plan).await.unwrap();
    (controller, credentials, agent, plan)
}

async fn connect(controller: &Controller, credentials: &Credentials) -> Agent {
    Agent::connect(&controller.address(), credentials, hello(controller.hands.now())).await.unwrap()
}

#[tokio::test]
async fn a_first_plan_is_carried_out_past_its_gate_and_the_second_is_empty() {
    let (mut controller, _, mut agent, plan) = approved().await;
    controller.run(plan.plan).await.unwrap();
    let first = agent.command().await;
    assert_eq!(first.steps.iter().map(|ticket| ticket.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(first.header_json, plan.header_json);
    agent.carry_out(&first).await;
    controller.until(plan.plan, |event| matches!(event, EventBody::GateOpened { step: 3, .. })).await;
    assert_eq!(controller.run_view(plan.plan).await, Some(RunView::Waiting));
    controller.confirm(plan.plan, 3).await.unwrap();
    let second = agent.command().await;
    assert_eq!(second.steps.iter().map(|ticket| ticket.number).collect::<Vec<_>>(), [4]);
    agent.carry_out(&second).await;
    controller.until(plan.plan, |event| matches!(event, EventBody::RunEnded { end: RunEnd::Done, .. })).await;
    assert_eq!(controller.status().await.sites[0].state, SiteState::InSync);

    // The gate was confirmed: it is on record and not asked again (G17).
    let (again, _) = tokio::join!(controller.plan("dupont-prod"), agent.compare(in_sync));
    let again = again.unwrap();
    assert_eq!(controller.steps(again.plan).await.steps, []);
    assert!(refused(controller.approve(&again).await, Code::FailedPrecondition).contains("in sync"));
}

#[tokio::test]
async fn a_restarted_controller_sends_the_same_command_with_the_same_keys_and_loses_nothing() {
    let (mut controller, credentials, mut agent, plan) = approved().await;
    controller.run(plan.plan).await.unwrap();
    let before = agent.command().await;
    agent.accept(before.id).await;
    agent.end(before.id, &before.steps[0], End::Done, 1).await;
    assert_eq!(agent.stored().await, before.steps[0].key);
    drop(agent);

    let mut controller = controller.restart().await;
    let mut agent = connect(&controller, &credentials).await;
    assert_eq!(agent.welcome.epoch.number, before.epoch.number + 1);
    assert_eq!(agent.welcome.journal, 1);
    let after = agent.command().await;
    assert_eq!((after.id, &after.steps, after.start_by), (before.id, &before.steps, before.start_by));
    assert_eq!(after.epoch, agent.welcome.epoch);
    let view = controller.steps(plan.plan).await;
    assert_eq!(view.steps[0].state, StepState::Ended(End::Done));
    // The agent repeats what it may not know to be stored, then goes on.
    agent.end(after.id, &after.steps[0], End::Done, 1).await;
    agent.end(after.id, &after.steps[1], End::Done, 2).await;
    assert_eq!(agent.stored().await, after.steps[0].key);
    assert_eq!(agent.stored().await, after.steps[1].key);
    assert_eq!(controller.count(|event| matches!(event, EventBody::CommandIssued { .. })).await, 1);
    assert_eq!(controller.count(|event| matches!(event, EventBody::StepEnded { .. })).await, 2);
}

#[tokio::test]
async fn an_outcome_that_arrives_twice_is_stored_once_and_acknowledged_twice() {
    let (mut controller, _, mut agent, plan) = approved().await;
    controller.run(plan.plan).await.unwrap();
    let command = agent.command().await;
    agent.end(command.id, &command.steps[0], End::Done, 1).await;
    agent.end(command.id, &command.steps[0], End::Done, 1).await;
    assert_eq!(agent.stored().await, command.steps[0].key);
    // When it is acknowledged, it is on disk.
    assert_eq!(controller.count(|event| matches!(event, EventBody::StepEnded { step: 1, .. })).await, 1);
    assert_eq!(agent.stored().await, command.steps[0].key);
    assert_eq!(controller.count(|event| matches!(event, EventBody::StepEnded { step: 1, .. })).await, 1);
}

#[tokio::test]
async fn an_outcome_that_cannot_be_stored_is_not_acknowledged_and_is_stored_after_the_cause_is_gone() {
    let (mut controller, credentials, mut agent, plan) = approved().await;
    controller.run(plan.plan).await.unwrap();
    let command = agent.command().await;
    controller
        .sql("CREATE TRIGGER no_room BEFORE INSERT ON events BEGIN SELECT RAISE(FAIL, 'no room'); END")
        .await;
    agent.end(command.id, &command.steps[0], End::Done, 1).await;
    assert_eq!(agent.next().await, None);

    controller.sql("DROP TRIGGER no_room").await;
    let controller = controller.restart().await;
    let mut agent = connect(&controller, &credentials).await;
    let again = agent.command().await;
    assert_eq!(again.steps, command.steps);
    agent.end(again.id, &again.steps[0], End::Done, 1).await;
    assert_eq!(agent.stored().await, command.steps[0].key);
    assert_eq!(controller.count(|event| matches!(event, EventBody::StepEnded { step: 1, .. })).await, 1);
}

#[tokio::test]
async fn who_watches_a_run_reads_how_far_a_step_is_and_the_store_does_not() {
    let (mut controller, _, mut agent, plan) = approved().await;
    controller.run(plan.plan).await.unwrap();
    let command = agent.command().await;
    let request =
        v1::WatchRequest { from: 1, follow: true, site: "dupont-prod".to_owned(), plan: 0, progress: true };
    let mut watch = controller.operator.watch(request).await.unwrap().into_inner();
    let before = controller.events().await.len();
    let StepTicket { number: step, key } = command.steps[0];
    agent.say(FromAgent::Progress(Progress { step, key, text: "install goes on".to_owned() })).await;
    let said = loop {
        match in_time(watch.message()).await.unwrap().unwrap().what.unwrap() {
            v1::watch_reply::What::Event(_) => {}
            v1::watch_reply::What::Progress(said) => break said,
        }
    };
    let text = "install goes on".to_owned();
    assert_eq!(said, v1::StepProgress { server: web().to_string(), step, text });
    assert_eq!(controller.events().await.len(), before);
}

#[tokio::test]
async fn a_caller_that_goes_away_in_the_middle_leaves_nothing_half_said() {
    let (mut controller, credentials, mut agent, plan) = approved().await;
    controller.run(plan.plan).await.unwrap();
    let command = agent.command().await;
    // The writer is held, so that the caller goes away while what it said waits to be stored.
    let ((held, is_held), (go_on, may_go_on)) = (oneshot::channel(), oneshot::channel::<()>());
    let store = controller.store().clone();
    let holding = tokio::spawn(async move {
        store
            .transaction(move |_| {
                Box::pin(async move {
                    held.send(()).unwrap();
                    may_go_on.await.unwrap();
                    Ok::<_, store::Error>(())
                })
            })
            .await
    });
    is_held.await.unwrap();
    let answer = CommandAnswer { command: command.id, answer: Ok(()) };
    assert!(controller.dispatch().answered(&web(), answer.clone()).now_or_never().is_none());
    go_on.send(()).unwrap();
    holding.await.unwrap().unwrap();
    // What was stored without it is known: saying it again stores nothing.
    assert_eq!(controller.dispatch().answered(&web(), answer).await.unwrap(), Reception::Stored);
    assert_eq!(controller.count(|event| matches!(event, EventBody::CommandAccepted { .. })).await, 1);
    drop(agent);
    let controller = controller.restart().await;
    assert_eq!(connect(&controller, &credentials).await.command().await.id, command.id);
}

#[tokio::test]
async fn a_command_is_on_disk_when_it_is_sent() {
    let (mut controller, _, mut agent, plan) = approved().await;
    controller.run(plan.plan).await.unwrap();
    let command = agent.command().await;
    let issued = controller
        .count(|event| {
            matches!(event, EventBody::CommandIssued { command: id, steps, .. } if *id == command.id && *steps == command.steps)
        })
        .await;
    assert_eq!(issued, 1);
}

#[tokio::test]
async fn work_for_a_server_that_is_away_waits_and_is_sent_when_it_is_back() {
    let (mut controller, credentials, agent, plan) = approved().await;
    drop(agent);
    controller.until(0, |event| matches!(event, EventBody::ServerDisconnected { .. })).await;
    let said = controller.run(plan.plan).await.unwrap();
    assert!(said.contains("not connected"), "{said}");
    assert_eq!(controller.run_view(plan.plan).await, Some(RunView::Offline));
    assert_eq!(controller.status().await.sites[0].state, SiteState::Offline);
    let mut agent = connect(&controller, &credentials).await;
    let command = agent.command().await;
    agent.carry_out(&command).await;
    assert_eq!(controller.count(|event| matches!(event, EventBody::CommandIssued { .. })).await, 1);
}

#[tokio::test]
async fn an_outcome_that_no_command_asked_for_stays_with_the_agent() {
    let (mut controller, _, mut agent, plan) = approved().await;
    controller.run(plan.plan).await.unwrap();
    let command = agent.command().await;
    let known = command.steps[0].clone();
    let unknown = StepTicket { number: 1, key: StepKey(Uuid::new_v4()) };
    let elsewhere = StepTicket { number: 2, key: known.key };
    agent.end(command.id, &unknown, End::Done, 1).await;
    agent.end(CommandId(Uuid::new_v4()), &known, End::Done, 2).await;
    agent.end(command.id, &elsewhere, End::Done, 3).await;
    agent.end(command.id, &known, End::Done, 4).await;
    // Only the last one fits; the others are neither acknowledged nor stored.
    assert_eq!(agent.stored().await, known.key);
    agent.end(command.id, &command.steps[1], End::Done, 5).await;
    assert_eq!(agent.stored().await, command.steps[1].key);
    assert_eq!(controller.count(|event| matches!(event, EventBody::StepEnded { .. })).await, 2);
}

#[tokio::test]
async fn an_agent_cannot_end_the_step_of_another_server() {
    let (mut controller, _, mut agent, plan) = approved().await;
    let text = String::from_utf8(documents()[2].content.clone()).unwrap();
    let text = text.replace("dupont-prod", "dupont-test").replace("DUP-WEB01", "DUP-WEB02");
    controller.push(vec![v1::SourceFile { path: "test.yaml".to_owned(), content: text.into() }]).await;
    let credentials = controller.enrol("dupont-test/web", "DUP-WEB02").await;
    let mut said = hello(controller.hands.now());
    said.host = "DUP-WEB02".parse().unwrap();
    let mut other = Agent::connect(&controller.address(), &credentials, said).await.unwrap();
    controller.run(plan.plan).await.unwrap();
    let command = agent.command().await;
    other.accept(command.id).await;
    other.start(command.id, &command.steps[0]).await;
    other.end(command.id, &command.steps[0], End::Failed, 1).await;
    // A comparison after it: what came before it on the stream was handled.
    let (planned, _) = tokio::join!(controller.plan("dupont-test"), other.compare(fresh));
    planned.unwrap();
    assert_eq!(controller.steps(plan.plan).await.steps[0].state, StepState::Issued);
    agent.carry_out(&command).await;
}

#[tokio::test]
async fn a_cancelled_run_stops_its_agent_and_ends_cancelled() {
    let (mut controller, credentials, mut agent, plan) = approved().await;
    controller.run(plan.plan).await.unwrap();
    let command = agent.command().await;
    agent.accept(command.id).await;
    agent.start(command.id, &command.steps[0]).await;
    controller.until(plan.plan, |event| matches!(event, EventBody::StepStarted { .. })).await;
    let cancel = v1::CancelRequest { plan: plan.plan, ..v1::CancelRequest::default() };
    controller.operator.cancel_run(cancel.clone()).await.unwrap();
    assert_eq!(agent.next().await, Some(ToAgent::Cancel(command.id)));
    controller.operator.cancel_run(cancel).await.unwrap();
    drop(agent);
    // An agent that was away when it was said hears it when it is back, after the command.
    controller.until(0, |event| matches!(event, EventBody::ServerDisconnected { .. })).await;
    let mut agent = connect(&controller, &credentials).await;
    assert_eq!(agent.command().await.id, command.id);
    assert_eq!(agent.next().await, Some(ToAgent::Cancel(command.id)));
    agent.end(command.id, &command.steps[0], End::Done, 1).await;
    agent.end(command.id, &command.steps[1], End::Cancelled, 2).await;
    let end = controller.until(plan.plan, |event| matches!(event, EventBody::RunEnded { .. })).await;
    assert_eq!(end, EventBody::RunEnded { plan: plan_id(plan.plan), end: RunEnd::Cancelled });
}

#[tokio::test]
async fn a_failed_run_goes_on_with_new_keys_when_it_is_resumed() {
    let (mut controller, _, mut agent, plan) = approved().await;
    controller.run(plan.plan).await.unwrap();
    let command = agent.command().await;
    agent.end(command.id, &command.steps[0], End::Failed, 1).await;
    agent.stored().await;
    // The pool depends on the package; the gate does not, so the run waits for it.
    agent.end(command.id, &command.steps[1], End::Skipped, 2).await;
    agent.stored().await;
    controller.until(plan.plan, |event| matches!(event, EventBody::GateOpened { .. })).await;
    let resume = v1::ResumeRequest { plan: plan.plan, restart: Vec::new(), ..v1::ResumeRequest::default() };
    controller.operator.resume_run(resume).await.unwrap();
    let again = agent.command().await;
    assert_eq!(again.steps.iter().map(|ticket| ticket.number).collect::<Vec<_>>(), [1, 2]);
    assert_ne!(again.id, command.id);
    assert!(again.steps.iter().all(|ticket| command.steps.iter().all(|old| old.key != ticket.key)));
}

#[tokio::test]
async fn a_run_whose_plan_expires_ends_and_starts_nothing_more() {
    let (mut controller, credentials, agent, plan) = approved().await;
    drop(agent);
    controller.until(0, |event| matches!(event, EventBody::ServerDisconnected { .. })).await;
    controller.run(plan.plan).await.unwrap();
    controller.hands.forward(limits::PLAN_VALIDITY_MS);
    controller.dispatch().expire().await;
    let end = controller.until(plan.plan, |event| matches!(event, EventBody::RunEnded { .. })).await;
    assert_eq!(end, EventBody::RunEnded { plan: plan_id(plan.plan), end: RunEnd::Expired });
    let mut agent = connect(&controller, &credentials).await;
    // Nothing is sent any more: the first message is the comparison of a new plan.
    let (planned, _) = tokio::join!(controller.plan("dupont-prod"), agent.compare(fresh));
    planned.unwrap();
}

#[tokio::test]
async fn an_unknown_installation_is_started_anew_by_order_and_done_by_nobody_s_word() {
    let (mut controller, _, mut agent, plan) = approved().await;
    controller.run(plan.plan).await.unwrap();
    let command = agent.command().await;
    agent.end(command.id, &command.steps[0], End::Unknown, 1).await;
    agent.end(command.id, &command.steps[1], End::Skipped, 2).await;
    agent.stored().await;
    agent.stored().await;
    let resume = v1::ResumeRequest { plan: plan.plan, restart: vec![1], ..v1::ResumeRequest::default() };
    controller.operator.resume_run(resume).await.unwrap();
    let again = agent.command().await;
    assert_eq!(again.restart, [1]);
    agent.end(again.id, &again.steps[0], End::Unknown, 3).await;
    agent.end(again.id, &again.steps[1], End::Skipped, 4).await;
    agent.stored().await;
    agent.stored().await;
    let refused = controller.confirm(plan.plan, 1).await.unwrap_err();
    assert!(refused.message().contains("by nobody's word"), "{refused}");
    assert_eq!(controller.steps(plan.plan).await.steps[0].state, StepState::Ended(End::Unknown));
}

#[tokio::test]
async fn a_run_does_not_wait_for_a_server_that_was_revoked() {
    let (mut controller, _, mut agent, plan) = approved().await;
    controller.run(plan.plan).await.unwrap();
    let command = agent.command().await;
    agent.accept(command.id).await;
    let server = "dupont-prod/web".to_owned();
    let request = v1::RevokeServerRequest { server, ..v1::RevokeServerRequest::default() };
    controller.operator.revoke_server(request).await.unwrap();
    let view = controller.steps(plan.plan).await;
    assert_eq!(view.steps[0].state, StepState::Ended(End::Unknown));
    assert_eq!(view.steps[1].state, StepState::Ended(End::Unknown));
}
