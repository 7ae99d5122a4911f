//! A controller of canned answers.
//!
//! Neighbours: `world` fills it. It lives on a runtime of its own, so that a test can kill it with its connections and
//! start it again on the same address. It decides nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use muster_model::digest::Digest;
use muster_model::event::{Event, EventBody};
use muster_proto::v1::operator_server::{Operator, OperatorServer};
use muster_proto::v1::{self, Done, PlanReply, PushReply, View};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

/// What the controller says, and what it was asked.
#[derive(Default)]
pub(crate) struct Script {
    /// Answers to `Push`, `GetPlan` and `CreatePlan`.
    pub(crate) push: PushReply,
    pub(crate) plan: PlanReply,
    /// What `Diff` refuses, where it has no view.
    pub(crate) mistakes: Vec<v1::Diagnostic>,
    /// The answer to `DescribeSecret`; its recipients are also those of `FetchSecrets`.
    pub(crate) slot: v1::SecretSlot,
    /// What was handed in by `PutSecret`, and is given out by `FetchSecrets`.
    pub(crate) put: Vec<v1::SealedSecret>,
    /// What is held of the medium that is announced.
    pub(crate) held: Vec<u8>,
    /// What is said of media on their way to servers.
    pub(crate) staged: Vec<v1::StageReply>,
    /// Whether the next piece of it changes on its way.
    pub(crate) changed_once: bool,
    /// Views by shape.
    pub(crate) views: BTreeMap<&'static str, Vec<u8>>,
    /// Said to every verb that changes something.
    pub(crate) done: String,
    /// Every event there is.
    pub(crate) events: Vec<Event>,
    /// Events that happen when a run is started, resumed or a step confirmed.
    pub(crate) then: Vec<EventBody>,
    /// Said of a step after each event, on streams that ask for it.
    pub(crate) progress: Option<v1::StepProgress>,
    /// How many events a stream sends before it stops in the middle; none is all.
    pub(crate) stall_after: Option<usize>,
    /// Said in place of any answer, by RPC.
    pub(crate) refuse: BTreeMap<&'static str, Status>,
    /// The requests, as they came.
    pub(crate) asked: Vec<String>,
}

/// The script and a signal that it changed.
pub(crate) struct Shared {
    script: Mutex<Script>,
    changed: watch::Sender<u64>,
    /// How many following streams were opened, and events sent on them, in all.
    pub(crate) sent: watch::Sender<usize>,
}

impl Shared {
    pub(crate) fn new(script: Script) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(script),
            changed: watch::Sender::new(0),
            sent: watch::Sender::new(0),
        })
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// Changes the script and wakes every stream.
    pub(crate) fn change(&self, with: impl FnOnce(&mut Script)) {
        with(&mut self.script());
        self.changed.send_modify(|count| *count += 1);
    }

    fn ask(&self, rpc: &'static str, request: String) -> Result<MutexGuard<'_, Script>, Status> {
        let mut script = self.script();
        script.asked.push(format!("{rpc} {request}"));
        match script.refuse.get(rpc) {
            Some(status) => Err(Status::new(status.code(), status.message())),
            None => Ok(script),
        }
    }

    fn view(
        &self,
        rpc: &'static str,
        request: String,
        shape: &'static str,
    ) -> Result<Response<View>, Status> {
        let script = self.ask(rpc, request)?;
        let json =
            script.views.get(shape).cloned().ok_or_else(|| Status::not_found("there is no such site"))?;
        Ok(Response::new(View { shape: shape.to_owned(), json }))
    }

    fn done(&self, rpc: &'static str, request: String) -> Result<Response<Done>, Status> {
        let message = self.ask(rpc, request)?.done.clone();
        self.change(|script| {
            let first = script.events.len() + 1;
            let bodies = std::mem::take(&mut script.then);
            script.events.extend(
                bodies.into_iter().enumerate().map(|(index, body)| super::world::event(first + index, body)),
            );
        });
        Ok(Response::new(Done { message }))
    }
}

/// A served script; killed with all its connections when told to, or dropped.
pub(crate) struct Server {
    runtime: Option<Runtime>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Serves on that address; port 0 is any.
    pub(crate) fn start(address: SocketAddr, shared: Arc<Shared>, tls: Arc<ServerConfig>) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let socket = {
            let _guard = runtime.enter();
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.set_reuseaddr(true).unwrap();
            socket.bind(address).unwrap();
            socket.listen(64).unwrap()
        };
        let address = socket.local_addr().unwrap();
        runtime.spawn(serve(socket, shared, TlsAcceptor::from(tls)));
        Self { runtime: Some(runtime), address }
    }

    /// Ends everything at once, as a SIGKILL would.
    pub(crate) fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // On a thread of its own, because it waits until every socket is closed, and tests are asynchronous.
            let ended =
                std::thread::spawn(move || runtime.shutdown_timeout(std::time::Duration::from_secs(30)));
            ended.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, acceptor: TlsAcceptor) {
    let service = OperatorServer::from_arc(Arc::new(Rpc(shared))).max_decoding_message_size(32 << 20);
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        let (acceptor, service) = (acceptor.clone(), TowerToHyperService::new(service.clone()));
        tokio::spawn(async move {
            // A caller that TLS refuses is none; one that goes away is no error of this side.
            let Ok(tls) = acceptor.accept(tcp).await else { return };
            let http = auto::Builder::new(TokioExecutor::new()).http2_only();
            drop(http.serve_connection(TokioIo::new(tls), service).await);
        });
    }
}

struct Rpc(Arc<Shared>);

#[tonic::async_trait]
impl Operator for Rpc {
    async fn push(&self, request: Request<v1::PushRequest>) -> Result<Response<PushReply>, Status> {
        let mut request = request.into_inner();
        let sizes: Vec<String> =
            request.files.drain(..).map(|file| format!("{}:{}", file.path, file.content.len())).collect();
        let script = self.0.ask("Push", format!("{request:?} {}", sizes.join(" ")))?;
        Ok(Response::new(script.push.clone()))
    }
    async fn render(&self, request: Request<v1::SiteRequest>) -> Result<Response<View>, Status> {
        self.0.view("Render", request.into_inner().site, "muster.render/1")
    }
    async fn diff(&self, request: Request<v1::DiffRequest>) -> Result<Response<v1::DiffReply>, Status> {
        let paths: Vec<String> = request.into_inner().files.into_iter().map(|file| file.path).collect();
        let script = self.0.ask("Diff", paths.join(" "))?;
        let reply = match script.views.get("muster.diff/1") {
            Some(json) => {
                v1::diff_reply::Result::View(View { shape: "muster.diff/1".to_owned(), json: json.clone() })
            }
            None => v1::diff_reply::Result::Rejected(v1::Rejected { diagnostics: script.mistakes.clone() }),
        };
        Ok(Response::new(v1::DiffReply { result: Some(reply) }))
    }
    async fn explain(&self, request: Request<v1::ExplainRequest>) -> Result<Response<View>, Status> {
        let request = request.into_inner();
        self.0.view("Explain", format!("{} {}", request.site, request.parameter), "muster.explain/1")
    }
    async fn create_plan(
        &self,
        request: Request<v1::CreatePlanRequest>,
    ) -> Result<Response<PlanReply>, Status> {
        Ok(Response::new(self.0.ask("CreatePlan", request.into_inner().site)?.plan.clone()))
    }
    async fn get_plan(&self, request: Request<v1::PlanRequest>) -> Result<Response<PlanReply>, Status> {
        Ok(Response::new(self.0.ask("GetPlan", request.into_inner().plan.to_string())?.plan.clone()))
    }
    async fn approve_plan(&self, request: Request<v1::ApproveRequest>) -> Result<Response<Done>, Status> {
        self.0.done("ApprovePlan", format!("{:?}", request.into_inner()))
    }
    async fn start_run(&self, request: Request<v1::PlanRequest>) -> Result<Response<Done>, Status> {
        self.0.done("StartRun", request.into_inner().plan.to_string())
    }
    async fn resume_run(&self, request: Request<v1::ResumeRequest>) -> Result<Response<Done>, Status> {
        self.0.done("ResumeRun", format!("{:?}", request.into_inner()))
    }
    async fn cancel_run(&self, request: Request<v1::CancelRequest>) -> Result<Response<Done>, Status> {
        self.0.done("CancelRun", request.into_inner().plan.to_string())
    }
    async fn list_steps(&self, request: Request<v1::PlanRequest>) -> Result<Response<View>, Status> {
        self.0.view("ListSteps", request.into_inner().plan.to_string(), "muster.steps/1")
    }
    async fn confirm_step(&self, request: Request<v1::ConfirmRequest>) -> Result<Response<Done>, Status> {
        self.0.done("ConfirmStep", format!("{:?}", request.into_inner()))
    }
    async fn get_status(&self, request: Request<v1::StatusRequest>) -> Result<Response<View>, Status> {
        self.0.view("GetStatus", request.into_inner().site, "muster.status/1")
    }
    async fn why(&self, request: Request<v1::SiteRequest>) -> Result<Response<View>, Status> {
        self.0.view("Why", request.into_inner().site, "muster.why/1")
    }

    type WatchStream = ReceiverStream<Result<v1::WatchReply, Status>>;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let request = request.into_inner();
        drop(self.0.ask("Watch", format!("{request:?}"))?);
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(stream(Arc::clone(&self.0), request, sender));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
    async fn invite_server(
        &self,
        request: Request<v1::InviteRequest>,
    ) -> Result<Response<v1::InviteReply>, Status> {
        drop(self.0.ask("InviteServer", request.into_inner().server)?);
        Ok(Response::new(v1::InviteReply {
            token: "muster-token-1 {}\n".to_owned(),
            expires_at_ms: 1_764_000_000_000,
        }))
    }
    async fn list_servers(&self, _: Request<v1::ListServersRequest>) -> Result<Response<View>, Status> {
        self.0.view("ListServers", String::new(), "muster.servers/1")
    }
    async fn revoke_server(
        &self,
        request: Request<v1::RevokeServerRequest>,
    ) -> Result<Response<Done>, Status> {
        self.0.done("RevokeServer", request.into_inner().server)
    }
    async fn invite_operator(
        &self,
        request: Request<v1::InviteOperatorRequest>,
    ) -> Result<Response<v1::InviteReply>, Status> {
        drop(self.0.ask("InviteOperator", request.into_inner().operator)?);
        let token = "muster-operator-token-1 {}\n".to_owned();
        Ok(Response::new(v1::InviteReply { token, expires_at_ms: 1_764_000_000_000 }))
    }
    async fn list_operators(&self, _: Request<v1::ListOperatorsRequest>) -> Result<Response<View>, Status> {
        self.0.view("ListOperators", String::new(), "muster.operators/1")
    }
    async fn revoke_operator(&self, request: Request<v1::OperatorRequest>) -> Result<Response<Done>, Status> {
        self.0.done("RevokeOperator", request.into_inner().operator)
    }
    async fn get_recovery(&self, _: Request<v1::GetRecoveryRequest>) -> Result<Response<View>, Status> {
        self.0.view("GetRecovery", String::new(), "muster.recovery/1")
    }
    async fn confirm_recovery(
        &self,
        request: Request<v1::ConfirmRecoveryRequest>,
    ) -> Result<Response<Done>, Status> {
        self.0.done("ConfirmRecovery", request.into_inner().leave_unread.to_string())
    }
    async fn describe_secret(
        &self,
        request: Request<v1::SecretRequest>,
    ) -> Result<Response<v1::SecretSlot>, Status> {
        let request = request.into_inner();
        let script = self.0.ask("DescribeSecret", format!("{} {}", request.site, request.secret))?;
        Ok(Response::new(script.slot.clone()))
    }
    async fn put_secret(&self, request: Request<v1::PutSecretRequest>) -> Result<Response<Done>, Status> {
        let v1::PutSecretRequest { secret, recipients, reseal } = request.into_inner();
        let secret = secret.unwrap();
        let said = format!("{} {} to {} reseal {reseal}", secret.secret, secret.version, recipients.len());
        let done = self.0.done("PutSecret", said);
        self.0.script().put.push(secret);
        done
    }
    async fn preflight(&self, request: Request<v1::SiteRequest>) -> Result<Response<View>, Status> {
        self.0.view("Preflight", request.into_inner().site, "muster.preflight/1")
    }
    async fn list_secrets(&self, request: Request<v1::SiteRequest>) -> Result<Response<View>, Status> {
        self.0.view("ListSecrets", request.into_inner().site, "muster.secrets/1")
    }
    async fn fetch_secrets(
        &self,
        request: Request<v1::SiteRequest>,
    ) -> Result<Response<v1::SecretsReply>, Status> {
        let script = self.0.ask("FetchSecrets", request.into_inner().site)?;
        let recipients = script.slot.recipients.clone();
        Ok(Response::new(v1::SecretsReply { secrets: script.put.clone(), recipients }))
    }
    async fn announce_medium(
        &self,
        request: Request<v1::AnnounceMediumRequest>,
    ) -> Result<Response<v1::MediumSlot>, Status> {
        let v1::AnnounceMediumRequest { sha256, name, size_bytes } = request.into_inner();
        let script = self.0.ask("AnnounceMedium", format!("{sha256} {name} {size_bytes}"))?;
        Ok(Response::new(slot(&script.held, size_bytes)))
    }
    async fn put_medium_chunk(
        &self,
        request: Request<v1::MediumChunk>,
    ) -> Result<Response<v1::MediumSlot>, Status> {
        let v1::MediumChunk { offset_bytes, content, content_sha256, size_bytes, .. } = request.into_inner();
        let said = format!("{offset_bytes} {}", content.len());
        let mut script = self.0.ask("PutMediumChunk", said)?;
        assert_eq!(Digest::of(&content).to_string(), content_sha256);
        // Once it is sent anew.
        if script.changed_once {
            script.changed_once = false;
            return Err(Status::aborted("a piece changed on its way"));
        }
        assert_eq!(offset_bytes, script.held.len() as u64);
        script.held.extend(content);
        Ok(Response::new(slot(&script.held, size_bytes)))
    }
    async fn remove_medium(
        &self,
        request: Request<v1::RemoveMediumRequest>,
    ) -> Result<Response<Done>, Status> {
        let v1::RemoveMediumRequest { sha256, force } = request.into_inner();
        self.0.done("RemoveMedium", format!("{sha256} force {force}"))
    }
    type StageSiteStream = ReceiverStream<Result<v1::StageReply, Status>>;

    async fn stage_site(
        &self,
        request: Request<v1::SiteRequest>,
    ) -> Result<Response<Self::StageSiteStream>, Status> {
        let replies = self.0.ask("StageSite", request.into_inner().site)?.staged.clone();
        let (sender, receiver) = mpsc::channel(replies.len().max(1));
        for reply in replies {
            sender.try_send(Ok(reply)).unwrap();
        }
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
    async fn list_media(&self, _: Request<v1::ListMediaRequest>) -> Result<Response<View>, Status> {
        self.0.view("ListMedia", String::new(), "muster.media/1")
    }
}

fn slot(held: &[u8], size_bytes: u64) -> v1::MediumSlot {
    let held_bytes = held.len() as u64;
    v1::MediumSlot { held_bytes, whole: held_bytes == size_bytes }
}

/// Sends what there is from the asked number on and then, while it follows, what comes.
async fn stream(
    shared: Arc<Shared>,
    request: v1::WatchRequest,
    sender: mpsc::Sender<Result<v1::WatchReply, Status>>,
) {
    let mut changed = shared.changed.subscribe();
    if request.follow {
        shared.sent.send_modify(|count| *count += 1);
    }
    let (mut next, mut sent) = (usize::try_from(request.from.max(1)).unwrap() - 1, 0);
    loop {
        let (event, stall) = {
            let script = shared.script();
            (script.events.get(next).cloned(), request.follow && script.stall_after == Some(sent))
        };
        match event {
            Some(event) if !stall => {
                next += 1;
                sent += 1;
                let event_json = serde_json::to_vec(&event).unwrap();
                let record = v1::EventRecord { sequence: event.sequence.0, event_json };
                let progress = shared.script().progress.clone().filter(|_| request.progress);
                let progress = progress.map(v1::watch_reply::What::Progress);
                for what in [Some(v1::watch_reply::What::Event(record)), progress] {
                    if what.is_some() && sender.send(Ok(v1::WatchReply { what })).await.is_err() {
                        return;
                    }
                }
                if request.follow {
                    shared.sent.send_modify(|count| *count += 1);
                }
            }
            None if !request.follow => return,
            Some(_) | None => changed.changed().await.unwrap(),
        }
    }
}
