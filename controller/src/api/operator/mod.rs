//! The operators' door. One file per group of calls; here they are put together.
//!
//! Neighbours: `intake`, `planning`, `views`, `watch`. Who did it is the certificate's holder. Each answer of a change says
//! in one sentence what now holds and what to type next.

mod documents;
mod media;
mod operators;
mod plans;
mod recovery;
mod secrets;
mod servers;
mod stage;
mod status;

use std::pin::Pin;
use std::str::FromStr;

use futures_util::Stream;
use muster_model::name::{InvalidName, PlanId};
use muster_proto::v1;
use serde::Serialize;
use tokio::sync::watch;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::caller;
use crate::authority::Authority;
use crate::dispatch;
use crate::intake::Intake;
use crate::media::Media;
use crate::planning::Planning;
use crate::progress::Progress;
use crate::recovery::Recovery;
use crate::secrets::Secrets;
use crate::session;
use crate::stage::Stage;
use crate::store::Store;
use crate::views::Views;

/// The service behind `muster.fleet.v1.Operator`.
#[derive(Clone)]
pub struct Service {
    /// Where events and plans are read.
    pub store: Store,
    /// Takes pushes.
    pub intake: Intake,
    /// Makes plans and moves them.
    pub planning: Planning,
    /// Shows.
    pub views: Views,
    /// Invites and revokes servers.
    pub authority: Authority,
    /// Says whether anything may begin, after a restore.
    pub recovery: Recovery,
    /// Ends the runs of before a restore.
    pub dispatch: dispatch::Handle,
    /// Takes sealed secrets in.
    pub secrets: Secrets,
    /// Keeps installers.
    pub media: Media,
    /// Asks agents to fetch them.
    pub stage: Stage,
    /// Knows who is connected, and cuts the stream of a revoked server.
    pub sessions: session::Handle,
    /// What agents say of steps that are under way.
    pub progress: Progress,
    /// Turns true when the controller stops: watches end then.
    pub drain: watch::Receiver<bool>,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl v1::operator_server::Operator for Service {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<v1::WatchReply, Status>> + Send>>;
    type StageSiteStream = ReceiverStream<Result<v1::StageReply, Status>>;

    async fn push(&self, request: Request<v1::PushRequest>) -> Answer<v1::PushReply> {
        let by = caller::operator(&request)?;
        self.recovery.settled()?;
        self.take_push(by, request.into_inner()).await.map(Response::new)
    }

    async fn diff(&self, request: Request<v1::DiffRequest>) -> Answer<v1::DiffReply> {
        self.compare(request.into_inner()).await.map(Response::new)
    }

    async fn render(&self, request: Request<v1::SiteRequest>) -> Answer<v1::View> {
        let v1::SiteRequest { site } = request.into_inner();
        view("muster.render/1", &self.views.render(&parse(&site)?).await?)
    }

    async fn explain(&self, request: Request<v1::ExplainRequest>) -> Answer<v1::View> {
        let v1::ExplainRequest { site, parameter } = request.into_inner();
        view("muster.explain/1", &self.views.explain(&parse(&site)?, &parse(&parameter)?).await?)
    }

    async fn preflight(&self, request: Request<v1::SiteRequest>) -> Answer<v1::View> {
        let v1::SiteRequest { site } = request.into_inner();
        view("muster.preflight/1", &self.planning.preflight(&parse(&site)?).await?)
    }

    async fn create_plan(&self, request: Request<v1::CreatePlanRequest>) -> Answer<v1::PlanReply> {
        let by = caller::operator(&request)?;
        self.recovery.settled()?;
        let v1::CreatePlanRequest { site } = request.into_inner();
        let plan = self.planning.create(&parse(&site)?, by.as_str()).await?;
        self.plan_reply(plan).await.map(Response::new)
    }

    async fn get_plan(&self, request: Request<v1::PlanRequest>) -> Answer<v1::PlanReply> {
        let v1::PlanRequest { plan } = request.into_inner();
        self.plan_reply(PlanId(plan)).await.map(Response::new)
    }

    async fn approve_plan(&self, request: Request<v1::ApproveRequest>) -> Answer<v1::Done> {
        let by = caller::operator(&request)?;
        self.recovery.settled()?;
        done(self.approve(by, request.into_inner()).await?)
    }

    async fn start_run(&self, request: Request<v1::PlanRequest>) -> Answer<v1::Done> {
        let by = caller::operator(&request)?;
        self.recovery.settled()?;
        done(self.start(by, request.into_inner()).await?)
    }

    async fn resume_run(&self, request: Request<v1::ResumeRequest>) -> Answer<v1::Done> {
        let by = caller::operator(&request)?;
        self.recovery.settled()?;
        done(self.resume(by, request.into_inner()).await?)
    }

    async fn cancel_run(&self, request: Request<v1::CancelRequest>) -> Answer<v1::Done> {
        let by = caller::operator(&request)?;
        self.recovery.settled()?;
        done(self.cancel(by, request.into_inner()).await?)
    }

    async fn list_steps(&self, request: Request<v1::PlanRequest>) -> Answer<v1::View> {
        let v1::PlanRequest { plan } = request.into_inner();
        view("muster.steps/1", &self.views.steps(PlanId(plan)).await?)
    }

    async fn confirm_step(&self, request: Request<v1::ConfirmRequest>) -> Answer<v1::Done> {
        let by = caller::operator(&request)?;
        self.recovery.settled()?;
        done(self.confirm(by, request.into_inner()).await?)
    }

    async fn get_status(&self, request: Request<v1::StatusRequest>) -> Answer<v1::View> {
        self.status(request.into_inner()).await
    }

    async fn why(&self, request: Request<v1::SiteRequest>) -> Answer<v1::View> {
        let v1::SiteRequest { site } = request.into_inner();
        view("muster.why/1", &self.views.why(&parse(&site)?).await?)
    }

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Answer<Self::WatchStream> {
        self.events(request.into_inner()).map(Response::new)
    }

    async fn invite_server(&self, request: Request<v1::InviteRequest>) -> Answer<v1::InviteReply> {
        let by = caller::operator(&request)?;
        self.invite(by, request.into_inner()).await.map(Response::new)
    }

    async fn list_servers(&self, request: Request<v1::ListServersRequest>) -> Answer<v1::View> {
        let v1::ListServersRequest {} = request.into_inner();
        view("muster.servers/1", &self.views.servers().await?)
    }

    async fn revoke_server(&self, request: Request<v1::RevokeServerRequest>) -> Answer<v1::Done> {
        let by = caller::operator(&request)?;
        done(self.revoke(by, request.into_inner()).await?)
    }

    async fn invite_operator(&self, request: Request<v1::InviteOperatorRequest>) -> Answer<v1::InviteReply> {
        let by = caller::operator(&request)?;
        self.invite_colleague(by, request.into_inner()).await.map(Response::new)
    }

    async fn list_operators(&self, request: Request<v1::ListOperatorsRequest>) -> Answer<v1::View> {
        let v1::ListOperatorsRequest {} = request.into_inner();
        view("muster.operators/1", &self.authority.operators().await?)
    }

    async fn revoke_operator(&self, request: Request<v1::OperatorRequest>) -> Answer<v1::Done> {
        let by = caller::operator(&request)?;
        done(self.revoke_colleague(by, request.into_inner()).await?)
    }

    async fn get_recovery(&self, request: Request<v1::GetRecoveryRequest>) -> Answer<v1::View> {
        let v1::GetRecoveryRequest {} = request.into_inner();
        view("muster.recovery/1", &self.recovery.view().await?)
    }

    async fn confirm_recovery(&self, request: Request<v1::ConfirmRecoveryRequest>) -> Answer<v1::Done> {
        let by = caller::operator(&request)?;
        done(self.confirm_recovery_by(by, request.into_inner()).await?)
    }

    async fn describe_secret(&self, request: Request<v1::SecretRequest>) -> Answer<v1::SecretSlot> {
        self.secret_slot(request.into_inner()).await.map(Response::new)
    }

    async fn put_secret(&self, request: Request<v1::PutSecretRequest>) -> Answer<v1::Done> {
        let by = caller::operator(&request)?;
        done(self.put(by, request.into_inner()).await?)
    }

    async fn list_secrets(&self, request: Request<v1::SiteRequest>) -> Answer<v1::View> {
        let v1::SiteRequest { site } = request.into_inner();
        view("muster.secrets/1", &self.secrets.list(&parse(&site)?).await?)
    }

    async fn fetch_secrets(&self, request: Request<v1::SiteRequest>) -> Answer<v1::SecretsReply> {
        self.fetch(request.into_inner()).await.map(Response::new)
    }

    async fn announce_medium(&self, request: Request<v1::AnnounceMediumRequest>) -> Answer<v1::MediumSlot> {
        let by = caller::operator(&request)?;
        self.announce(by, request.into_inner()).await.map(Response::new)
    }

    async fn put_medium_chunk(&self, request: Request<v1::MediumChunk>) -> Answer<v1::MediumSlot> {
        self.put_chunk(request.into_inner()).await.map(Response::new)
    }

    async fn list_media(&self, _request: Request<v1::ListMediaRequest>) -> Answer<v1::View> {
        view("muster.media/1", &self.media.list().await?)
    }

    async fn remove_medium(&self, request: Request<v1::RemoveMediumRequest>) -> Answer<v1::Done> {
        let by = caller::operator(&request)?;
        done(self.remove_medium_of(by, request.into_inner()).await?)
    }

    async fn stage_site(&self, request: Request<v1::SiteRequest>) -> Answer<Self::StageSiteStream> {
        let by = caller::operator(&request)?;
        self.stage(by, request.into_inner()).await.map(Response::new)
    }
}

fn done(message: String) -> Answer<v1::Done> {
    Ok(Response::new(v1::Done { message }))
}

fn view<T: Serialize>(shape: &str, record: &T) -> Answer<v1::View> {
    let json = serde_json::to_vec(record)
        .map_err(|error| Status::internal(format!("the view {shape} cannot be written: {error}")))?;
    Ok(Response::new(v1::View { shape: shape.to_owned(), json }))
}

/// A name, number or digest of a request.
fn parse<T: FromStr<Err = InvalidName>>(text: &str) -> Result<T, Status> {
    text.parse().map_err(|error: InvalidName| Status::invalid_argument(error.to_string()))
}

/// Text that may be left out: empty is none.
fn optional(text: String) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
