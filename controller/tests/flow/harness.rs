//! A controller in this process, made by `init` in a folder of its own, and an operator who speaks to it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use muster_controller::clock::Clock;
use muster_controller::serve::{self, Running};
use muster_controller::{init, intake};
use muster_model::digest::Digest;
use muster_model::event::{Event, EventBody};
use muster_model::name::{PlanId, Sequence, ServerId};
use muster_model::token::Token;
use muster_model::view::{RecoveryView, RunView, StatusView, StepsView};
use muster_proto::dial::{self, Credentials};
use muster_proto::profile::Profile;
use muster_proto::secret::Key;
use muster_proto::v1::operator_client::OperatorClient;
use muster_proto::v1::{self, enrollment_client::EnrollmentClient};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;
use tonic::transport::Channel;
use tonic::{Code, Status};

/// The product, client and site of the stories, with one package, what it provides, a gate, and what follows it.
pub(crate) fn documents() -> Vec<v1::SourceFile> {
    let files = [
        (
            "sxa.yaml",
            "kind: Product\nname: sxa\nversion: 2022-r2\nroles: [web]\nnodes:\n\
             \x20 - {package: common-services, version: 6.0.0.1397, guide: G2}\n\
             \x20 - {iis_app_pool: SXA, provided_by: common-services, load_user_profile: true, guide: G12}\n\
             \x20 - {manual_step: data-encryption, instructions: Set the password., guide: G17}\n\
             \x20 - {service: SCPSServer, provided_by: common-services, state: running, guide: G13}\n",
        ),
        ("dupont.yaml", "kind: Client\nname: dupont\n"),
        (
            "dupont-prod.yaml",
            "kind: Site\nname: dupont-prod\nclient: dupont\nproduct: sxa 2022-r2\ntime_zone: Europe/Paris\n\
             servers:\n  web: {name: DUP-WEB01}\n",
        ),
    ];
    let files = files.into_iter();
    files.map(|(path, text)| v1::SourceFile { path: path.to_owned(), content: text.into() }).collect()
}

/// The same documents with another setting of the pool.
pub(crate) fn changed_documents() -> Vec<v1::SourceFile> {
    let mut files = documents();
    let text = String::from_utf8(files[0].content.clone()).unwrap();
    files[0].content = text.replace("load_user_profile: true", "load_user_profile: false").into_bytes();
    files
}

/// A clock that only a test moves.
#[derive(Clone)]
pub(crate) struct Hands(Arc<AtomicI64>);

impl Hands {
    fn clock(&self) -> Clock {
        let hands = self.clone();
        Clock::from_fn(move || hands.now())
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }

    pub(crate) fn forward(&self, ms: u64) {
        self.0.fetch_add(i64::try_from(ms).unwrap(), Ordering::SeqCst);
    }
}

/// A controller and its first operator.
pub(crate) struct Controller {
    dir: TempDir,
    running: Running,
    pub(crate) operator: OperatorClient<Channel>,
    pub(crate) hands: Hands,
}

impl Controller {
    /// Makes and starts one.
    pub(crate) async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let hands = Hands(Arc::new(AtomicI64::new(Timestamp::now().as_millisecond())));
        let options = init::Options {
            data_dir: dir.path().join("data"),
            listen: "127.0.0.1:7400".to_owned(),
            operator: "anne".parse().unwrap(),
            profile_out: dir.path().join("anne.profile"),
            recovery_out: dir.path().join("recovery"),
        };
        init::run(&options, hands.clock()).await.unwrap();
        Self::serve(dir, hands).await
    }

    async fn serve(dir: TempDir, hands: Hands) -> Self {
        let listen = Some("127.0.0.1:0".to_owned());
        let options = serve::Options { data_dir: dir.path().join("data"), listen };
        let running = Running::start(options, hands.clock(), intake::catalog::host_of(Default::default()))
            .await
            .unwrap();
        let profile = Profile::read(&dir.path().join("anne.profile")).unwrap();
        let address = running.address().to_string();
        let channel = dial::dial(&address, &profile.credentials()).await.unwrap();
        let controller = Self { dir, running, operator: OperatorClient::new(channel), hands };
        controller.check_status_rows().await;
        controller
    }

    /// The row of each site is what the events of its newest plan come to: asked of every story, wherever it looks.
    async fn check_status_rows(&self) {
        let mut snapshot = self.store().snapshot().await.unwrap();
        let sites = ["dupont-prod".parse().unwrap()];
        let differing = muster_controller::dispatch::status::differing(&mut snapshot, &sites).await.unwrap();
        assert!(differing.is_empty(), "the status of {differing:?} is not what its events come to");
    }

    /// Stops it and starts it again, under a new epoch and on another port.
    pub(crate) async fn restart(self) -> Self {
        let Self { dir, running, operator, hands } = self;
        drop(operator);
        running.stop().await.unwrap();
        Self::serve(dir, hands).await
    }

    /// Stops it, says of its data that it is an older copy, and starts it again: in recovery.
    pub(crate) async fn put_back(self) -> Self {
        self.check_status_rows().await;
        let Self { dir, running, operator, hands } = self;
        drop(operator);
        running.stop().await.unwrap();
        muster_controller::recovery::begin(&dir.path().join("data"), hands.clock()).await.unwrap();
        Self::serve(dir, hands).await
    }

    pub(crate) async fn confirm_recovery(&mut self, leave_unread: bool) -> Result<String, Status> {
        let request = v1::ConfirmRecoveryRequest { leave_unread };
        self.operator.confirm_recovery(request).await.map(|done| done.into_inner().message)
    }

    pub(crate) async fn recovery(&mut self) -> RecoveryView {
        let view = self.operator.get_recovery(v1::GetRecoveryRequest {}).await.unwrap().into_inner();
        assert_eq!(view.shape, "muster.recovery/1");
        serde_json::from_slice(&view.json).unwrap()
    }

    pub(crate) fn address(&self) -> String {
        self.running.address().to_string()
    }

    pub(crate) fn store(&self) -> &muster_controller::store::Store {
        self.running.store()
    }

    /// Does something to the database from outside, as a fault or a careless person would.
    pub(crate) async fn sql(&self, statement: &'static str) {
        let options = SqliteConnectOptions::new().filename(self.dir.path().join("data/muster.db"));
        let mut outside = options.connect().await.unwrap();
        sqlx::query(statement).execute(&mut outside).await.unwrap();
    }

    pub(crate) fn dispatch(&self) -> &muster_controller::dispatch::Handle {
        self.running.dispatch()
    }

    /// Lets a server's agent in, as its installer would.
    pub(crate) async fn enrol(&mut self, server: &str, host: &str) -> Credentials {
        let request = v1::InviteRequest { server: server.to_owned(), lifetime_ms: 0 };
        let token = self.operator.invite_server(request).await.unwrap().into_inner().token;
        let token = Token::from_line(&token).unwrap();
        let channel = dial::dial_pinned(&self.address(), token.ca_pin).await.unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let csr_pem = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
        let secrets_key = Key::generate();
        let request = v1::EnrollRequest {
            token: token.secret,
            csr_pem,
            host: host.to_owned(),
            age_recipient: secrets_key.recipient().unwrap().to_string(),
        };
        let reply = EnrollmentClient::new(channel).enroll(request).await.unwrap().into_inner();
        Credentials {
            ca_pem: reply.ca_pem,
            certificate_pem: reply.certificate_pem,
            key_pem: key.serialize_pem(),
        }
    }

    /// Pushes on whatever is the newest revision; must be taken.
    pub(crate) async fn push(&mut self, files: Vec<v1::SourceFile>) -> v1::Pushed {
        let request = v1::PushRequest { files, any_base: true, ..v1::PushRequest::default() };
        match self.operator.push(request).await.unwrap().into_inner().result.unwrap() {
            v1::push_reply::Result::Pushed(pushed) => pushed,
            refused @ (v1::push_reply::Result::Rejected(_) | v1::push_reply::Result::Stale(_)) => {
                panic!("{refused:?}")
            }
        }
    }

    pub(crate) async fn plan(&mut self, site: &str) -> Result<v1::PlanReply, Status> {
        let request = v1::CreatePlanRequest { site: site.to_owned() };
        self.operator.create_plan(request).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn approve(&mut self, plan: &v1::PlanReply) -> Result<String, Status> {
        let digest = Digest::of(&plan.header_json).to_string();
        let request = v1::ApproveRequest { plan: plan.plan, digest, ..v1::ApproveRequest::default() };
        self.operator.approve_plan(request).await.map(|done| done.into_inner().message)
    }

    pub(crate) async fn run(&mut self, plan: u64) -> Result<String, Status> {
        self.operator.start_run(v1::PlanRequest { plan }).await.map(|done| done.into_inner().message)
    }

    pub(crate) async fn confirm(&mut self, plan: u64, step: u32) -> Result<String, Status> {
        let request = v1::ConfirmRequest { plan, step, note: String::new(), ends: String::new() };
        self.operator.confirm_step(request).await.map(|done| done.into_inner().message)
    }

    pub(crate) async fn steps(&mut self, plan: u64) -> StepsView {
        let view = self.operator.list_steps(v1::PlanRequest { plan }).await.unwrap().into_inner();
        assert_eq!(view.shape, "muster.steps/1");
        self.check_status_rows().await;
        serde_json::from_slice(&view.json).unwrap()
    }

    pub(crate) async fn status(&mut self) -> StatusView {
        let view = self.operator.get_status(v1::StatusRequest::default()).await.unwrap().into_inner();
        assert_eq!(view.shape, "muster.status/1");
        self.check_status_rows().await;
        serde_json::from_slice(&view.json).unwrap()
    }

    pub(crate) async fn run_view(&mut self, plan: u64) -> Option<RunView> {
        self.steps(plan).await.run
    }

    /// All events so far.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let filter = muster_controller::store::EventFilter::default();
        let page =
            self.store().snapshot().await.unwrap().events(Sequence(1), &filter, 100_000).await.unwrap();
        page.iter().map(|event| serde_json::from_slice(&event.bytes).unwrap()).collect()
    }

    /// Waits until an event of the plan is one that is wanted; sees those that are stored already, too.
    pub(crate) async fn until(&mut self, plan: u64, wanted: impl Fn(&EventBody) -> bool) -> EventBody {
        let request = v1::WatchRequest { from: 1, follow: true, site: String::new(), plan, progress: false };
        let mut events = self.operator.watch(request).await.unwrap().into_inner();
        while let Some(reply) = in_time(events.message()).await.unwrap() {
            let Some(v1::watch_reply::What::Event(record)) = reply.what else { continue };
            let event: Event = serde_json::from_slice(&record.event_json).unwrap();
            if wanted(&event.body) {
                self.check_status_rows().await;
                return event.body;
            }
        }
        panic!("the watch ended")
    }

    /// How many stored events fit.
    pub(crate) async fn count(&self, wanted: impl Fn(&EventBody) -> bool) -> usize {
        self.events().await.iter().filter(|event| wanted(&event.body)).count()
    }
}

pub(crate) fn web() -> ServerId {
    "dupont-prod/web".parse().unwrap()
}

pub(crate) fn plan_id(plan: u64) -> PlanId {
    PlanId(plan)
}

/// The message of a refusal with this code.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code) -> String {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), code, "{status:?}");
    status.message().to_owned()
}

/// Ends a story that waits for something that never comes. Generous: it guards against hanging and measures nothing.
pub(crate) async fn in_time<T>(awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), awaited).await.unwrap()
}
