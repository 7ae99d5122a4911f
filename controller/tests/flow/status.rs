//! The row of a site's status: the fold of its newest plan's events, and nothing that a row alone knows.
//!
//! That the row is what the events come to is asked of every story, by the harness; here is what an update or an older
//! plan could do to it.

use muster_model::outcome::End;
use muster_model::view::{SiteState, SiteView, StatusView};
use muster_proto::v1;

use crate::agent::{Agent, fresh, hello};
use crate::harness::{Controller, documents};

/// A site with two plans, none of them approved, and its agent.
async fn planned_twice() -> (Controller, Agent, u64) {
    let mut controller = Controller::start().await;
    controller.push(documents()).await;
    let credentials = controller.enrol("dupont-prod/web", "DUP-WEB01").await;
    let mut agent =
        Agent::connect(&controller.address(), &credentials, hello(controller.hands.now())).await.unwrap();
    let mut operator = controller.operator.clone();
    let mut newest = 0;
    for _ in 0..2 {
        let request = v1::CreatePlanRequest { site: "dupont-prod".to_owned() };
        let (plan, _) = tokio::join!(operator.create_plan(request), agent.compare(fresh));
        newest = plan.unwrap().into_inner().plan;
    }
    (controller, agent, newest)
}

fn stands(status: &StatusView) -> (SiteState, u64) {
    (status.sites[0].state, status.sites[0].plan.unwrap().0)
}

#[tokio::test]
async fn a_row_that_an_update_cannot_read_is_made_anew_from_the_events_at_the_next_start() {
    let (mut controller, _agent, newest) = planned_twice().await;
    let before = controller.status().await.sites;
    for damage in ["DELETE FROM site_status", "UPDATE site_status SET format = 0, body = x'7b7d'"] {
        controller.sql(damage).await;
        controller = controller.restart().await;
        let after = controller.status().await;
        assert_eq!(stands(&after), (SiteState::Planned, newest), "{damage}");
        assert_eq!((&after.sites[0].detail, after.sites[0].since), (&before[0].detail, before[0].since));
    }
}

#[tokio::test]
async fn what_moves_an_older_plan_does_not_move_the_status_of_its_site() {
    let (mut controller, _agent, newest) = planned_twice().await;
    let request = v1::PlanRequest { plan: newest - 1 };
    let older = controller.operator.get_plan(request).await.unwrap().into_inner();
    controller.approve(&older).await.unwrap();
    assert_eq!(stands(&controller.status().await), (SiteState::Planned, newest));
}

/// What is kept of all sites between two questions is what each site's rows are, after each thing that can move a site.
#[tokio::test]
async fn the_status_of_all_sites_is_that_of_each_after_everything_that_moves_one() {
    let mut controller = Controller::start().await;
    controller.push(documents()).await;
    alike(&mut controller).await;
    let credentials = controller.enrol("dupont-prod/web", "DUP-WEB01").await;
    let invited = alike(&mut controller).await;
    let mut agent =
        Agent::connect(&controller.address(), &credentials, hello(controller.hands.now())).await.unwrap();
    let connected = alike(&mut controller).await;
    let (plan, _) = tokio::join!(controller.plan("dupont-prod"), agent.compare(fresh));
    let plan = plan.unwrap();
    let planned = alike(&mut controller).await;
    controller.approve(&plan).await.unwrap();
    let approved = alike(&mut controller).await;
    controller.run(plan.plan).await.unwrap();
    let command = agent.command().await;
    let running = alike(&mut controller).await;
    agent.end(command.id, &command.steps[0], End::Done, 1).await;
    agent.stored().await;
    let moved = alike(&mut controller).await;
    controller.operator.revoke_server(revocation("dupont-prod/web")).await.unwrap();
    let revoked = alike(&mut controller).await;
    let all = [invited, connected, planned, approved, running, moved, revoked];
    assert!(all.windows(2).all(|two| two[0] != two[1]), "each of these is to be seen: {all:#?}");
}

/// The status of all sites, which is that of its one site when that is asked for alone.
async fn alike(controller: &mut Controller) -> SiteView {
    let all = controller.status().await;
    let request = v1::StatusRequest { site: "dupont-prod".to_owned() };
    let one = controller.operator.get_status(request).await.unwrap().into_inner();
    let one: StatusView = serde_json::from_slice(&one.json).unwrap();
    assert_eq!(all, one);
    all.sites.into_iter().next().unwrap()
}

fn revocation(server: &str) -> v1::RevokeServerRequest {
    v1::RevokeServerRequest { server: server.to_owned(), ..v1::RevokeServerRequest::default() }
}
