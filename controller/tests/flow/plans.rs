//! Plans and consent: exactly this is approved, and only while it holds.

use muster_model::event::EventBody;
use muster_model::limits;
use muster_model::plan::PlanHeader;
use muster_model::view::{ExplainView, RenderView};
use muster_proto::v1;
use tonic::Code;

use crate::agent::{Agent, fresh, hello, in_sync, with_finding};
use crate::harness::{Controller, changed_documents, documents, refused, web};

async fn connected() -> (Controller, Agent) {
    let mut controller = Controller::start().await;
    controller.push(documents()).await;
    let credentials = controller.enrol("dupont-prod/web", "DUP-WEB01").await;
    let agent =
        Agent::connect(&controller.address(), &credentials, hello(controller.hands.now())).await.unwrap();
    (controller, agent)
}

async fn planned(controller: &mut Controller, agent: &mut Agent) -> v1::PlanReply {
    let (plan, _) = tokio::join!(controller.plan("dupont-prod"), agent.compare(fresh));
    plan.unwrap()
}

fn header(plan: &v1::PlanReply) -> PlanHeader {
    serde_json::from_slice(&plan.header_json).unwrap()
}

#[tokio::test]
async fn a_finding_is_shown_with_what_to_do_and_forbids_approval() {
    let (mut controller, mut agent) = connected().await;
    let found = with_finding("package/common-services");
    let (plan, _) = tokio::join!(controller.plan("dupont-prod"), agent.compare(found));
    let plan = plan.unwrap();
    assert_eq!(plan.findings, ["dupont-prod/web package/common-services: the disk is full -> make room"]);
    let said = refused(controller.approve(&plan).await, Code::FailedPrecondition);
    assert!(said.contains("finding"), "{said}");
    assert_eq!(controller.count(|event| matches!(event, EventBody::PlanApproved { .. })).await, 0);
}

#[tokio::test]
async fn a_server_that_is_not_connected_is_a_finding() {
    let mut controller = Controller::start().await;
    controller.push(documents()).await;
    let plan = controller.plan("dupont-prod").await.unwrap();
    assert_eq!(plan.findings.len(), 1);
    assert!(plan.findings[0].contains("DUP-WEB01 is not connected"), "{:?}", plan.findings);
    refused(controller.approve(&plan).await, Code::FailedPrecondition);
}

#[tokio::test]
async fn only_the_digest_of_the_stored_bytes_is_approved() {
    let (mut controller, mut agent) = connected().await;
    let plan = planned(&mut controller, &mut agent).await;
    let mut other = plan.clone();
    other.header_json.push(b' ');
    let said = refused(controller.approve(&other).await, Code::FailedPrecondition);
    assert!(said.contains("muster plan show P-1"), "{said}");
    let said = refused(controller.run(plan.plan).await, Code::FailedPrecondition);
    assert!(said.contains("muster approve P-1"), "{said}");
    controller.approve(&plan).await.unwrap();
    // The same operator may say it again; it is stored once.
    controller.approve(&plan).await.unwrap();
    assert_eq!(controller.count(|event| matches!(event, EventBody::PlanApproved { .. })).await, 1);
}

#[tokio::test]
async fn an_empty_plan_has_nothing_to_approve() {
    let mut controller = Controller::start().await;
    let mut files = documents();
    let text = String::from_utf8(files[0].content.clone()).unwrap();
    let without_gate: Vec<&str> = text.lines().filter(|line| !line.contains("manual_step")).collect();
    files[0].content = without_gate.join("\n").into_bytes();
    controller.push(files).await;
    let credentials = controller.enrol("dupont-prod/web", "DUP-WEB01").await;
    let mut agent =
        Agent::connect(&controller.address(), &credentials, hello(controller.hands.now())).await.unwrap();
    let (plan, _) = tokio::join!(controller.plan("dupont-prod"), agent.compare(in_sync));
    let said = refused(controller.approve(&plan.unwrap()).await, Code::FailedPrecondition);
    assert!(said.contains("in sync"), "{said}");
}

#[tokio::test]
async fn the_same_documents_keep_their_generation_and_their_bytes() {
    let (mut controller, mut agent) = connected().await;
    let first = planned(&mut controller, &mut agent).await;
    let second = planned(&mut controller, &mut agent).await;
    assert_eq!(header(&first).servers[&web().role].manifest, header(&second).servers[&web().role].manifest);
    controller.push(changed_documents()).await;
    let third = planned(&mut controller, &mut agent).await;
    assert_eq!(header(&second).servers[&web().role].generation.0, 1);
    assert_eq!(header(&third).servers[&web().role].generation.0, 2);
}

#[tokio::test]
async fn a_push_in_between_does_not_matter_and_a_newer_manifest_does() {
    let (mut controller, mut agent) = connected().await;
    let plan = planned(&mut controller, &mut agent).await;
    controller.approve(&plan).await.unwrap();
    let pushed = controller.push(changed_documents()).await;
    assert_eq!(pushed.sites, ["dupont-prod"]);
    let newer = planned(&mut controller, &mut agent).await;
    let said = refused(controller.run(plan.plan).await, Code::FailedPrecondition);
    assert!(said.contains("plan again: `muster plan dupont-prod`"), "{said}");
    controller.approve(&newer).await.unwrap();
    controller.run(newer.plan).await.unwrap();
}

#[tokio::test]
async fn an_approved_plan_is_started_though_the_documents_were_pushed_since() {
    let (mut controller, mut agent) = connected().await;
    let plan = planned(&mut controller, &mut agent).await;
    controller.approve(&plan).await.unwrap();
    controller.push(changed_documents()).await;
    controller.run(plan.plan).await.unwrap();
    assert_eq!(agent.command().await.header_json, plan.header_json);
}

#[tokio::test]
async fn consent_to_a_newer_plan_makes_the_older_one_void() {
    let (mut controller, mut agent) = connected().await;
    let older = planned(&mut controller, &mut agent).await;
    let newer = planned(&mut controller, &mut agent).await;
    controller.approve(&older).await.unwrap();
    controller.approve(&newer).await.unwrap();
    let said = refused(controller.run(older.plan).await, Code::FailedPrecondition);
    assert!(said.contains("P-1 is void: P-2 of dupont-prod was approved after it"), "{said}");
    controller.run(newer.plan).await.unwrap();
}

#[tokio::test]
async fn while_a_run_is_under_way_its_site_is_neither_planned_nor_run() {
    let (mut controller, mut agent) = connected().await;
    let older = planned(&mut controller, &mut agent).await;
    let newer = planned(&mut controller, &mut agent).await;
    controller.approve(&older).await.unwrap();
    controller.run(older.plan).await.unwrap();
    let said = refused(controller.plan("dupont-prod").await, Code::FailedPrecondition);
    assert!(said.contains("run P-1 of dupont-prod is under way"), "{said}");
    controller.approve(&newer).await.unwrap();
    let said = refused(controller.run(newer.plan).await, Code::FailedPrecondition);
    assert!(said.contains("run P-1 of dupont-prod is under way"), "{said}");
}

#[tokio::test]
async fn a_plan_is_not_approved_after_its_time() {
    let (mut controller, mut agent) = connected().await;
    let plan = planned(&mut controller, &mut agent).await;
    controller.hands.forward(limits::PLAN_VALIDITY_MS);
    refused(controller.approve(&plan).await, Code::FailedPrecondition);
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_and_the_near_name_is_told() {
    let (mut controller, _agent) = connected().await;
    let said = refused(controller.plan("dupond-prod").await, Code::NotFound);
    assert!(said.contains("did you mean dupont-prod?"), "{said}");
    refused(controller.run(7).await, Code::NotFound);
    refused(controller.plan("Dupont").await, Code::InvalidArgument);
}

#[tokio::test]
async fn explain_says_which_layer_won_and_names_a_parameter_that_is_near() {
    let mut controller = Controller::start().await;
    let mut files = documents();
    let text = String::from_utf8(files[0].content.clone()).unwrap();
    files[0].content =
        text.replace("nodes:", "parameters: {port: {type: port, default: 1025}}\nnodes:").into_bytes();
    files[2].content.extend_from_slice(b"parameters:\n  port: 2000\n");
    controller.push(files).await;
    let request = |site: &str, parameter: &str| v1::ExplainRequest {
        site: site.to_owned(),
        parameter: parameter.to_owned(),
    };
    let view = controller.operator.explain(request("dupont-prod", "port")).await.unwrap().into_inner();
    assert_eq!(view.shape, "muster.explain/1");
    let explained: ExplainView = serde_json::from_slice(&view.json).unwrap();
    let value = &explained.values[0];
    assert_eq!((value.from.path.as_str(), value.from.line), ("dupont-prod.yaml", 9));
    assert_eq!(value.shadows[0].written, "1025");
    let said = refused(controller.operator.explain(request("dupont-prod", "prot")).await, Code::NotFound);
    assert!(said.contains("did you mean `port`?"), "{said}");
    refused(controller.operator.explain(request("dupond-prod", "port")).await, Code::NotFound);
}

#[tokio::test]
async fn render_shows_the_manifests_that_a_plan_would_use_and_stores_none() {
    let (mut controller, _agent) = connected().await;
    let request = v1::SiteRequest { site: "dupont-prod".to_owned() };
    let view = controller.operator.render(request).await.unwrap().into_inner();
    let render: RenderView = serde_json::from_slice(&view.json).unwrap();
    assert_eq!(render.manifests.len(), 1);
    assert_eq!(render.manifests[0].nodes.len(), 4);
    let stored = controller.store().snapshot().await.unwrap().newest_manifest(&web()).await.unwrap();
    assert_eq!(stored, None);
}
