//! The reception on a twin: what a controller says while its stream is open, and who may say it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{Timestamp, ToSpan as _};
use muster_agent::engine::Engine;
use muster_agent::host::{ServiceState, Services};
use muster_agent::journal::Journal;
use muster_agent::journal::sqlite::SqliteStore;
use muster_agent::media::{Cache, Fetcher};
use muster_agent::outlet::Outlet;
use muster_agent::reception::Reception;
use muster_agent::vault::Vault;
use muster_model::command::{Command, Epoch};
use muster_model::digest::Digest;
use muster_model::manifest::{Manifest, Node};
use muster_model::name::PlanId;
use muster_model::outcome::{CommandId, End, Refusal, StepKey, StepTicket};
use muster_model::plan::{
    AttributePath, New, Old, PlanHeader, PlannedServer, Reason, Row, Segment, ServerSteps, Step,
};
use muster_proto::secret::Key;
use muster_proto::session::{CommandAnswer, FromAgent, Observe, ToAgent, Welcome};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::{Stage, until};

struct Desk {
    stage: Stage,
    _runtime: Runtime,
    journal: Arc<Journal>,
    reception: Reception,
}

impl Desk {
    fn new() -> Self {
        let (stage, runtime) = (Stage::new(), Runtime::new().unwrap());
        let server = "dupont-prod/web".parse().unwrap();
        let database = stage.dir().parent().unwrap().join("agent.db");
        let store = SqliteStore::open(&database, &server, runtime.handle().clone()).unwrap();
        let journal = Arc::new(Journal::open(Box::new(store)).unwrap());
        let vault = Arc::new(Vault::new(Key::generate()));
        let (stager, _) = Fetcher::new(Cache::new(database.with_file_name("media")));
        let twin = Arc::new(stage.twin());
        let reception = Reception::new(server, twin, vault, Arc::clone(&journal), stager).unwrap();
        Self { stage, _runtime: runtime, journal, reception }
    }

    fn say(&self, message: ToAgent) -> Vec<FromAgent> {
        self.reception.handle(message).unwrap()
    }

    fn welcome(&self, epoch: u64, journal: u64) {
        let epoch = Epoch { number: epoch, instance: Uuid::from_u128(1) };
        self.say(ToAgent::Welcome(Welcome { epoch, now: Timestamp::now(), reconnect_spread_ms: 1, journal }));
    }

    fn command(&self, id: u128) -> Result<(), Refusal> {
        match self.say(ToAgent::Command(Box::new(command(id)))).pop() {
            Some(FromAgent::Answer(CommandAnswer { answer, .. })) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn observe(&self) {
        let manifest_json = serde_json::to_vec(&manifest()).unwrap();
        self.say(ToAgent::Observe(Observe { request: "1".to_owned(), manifest_json, secrets: Vec::new() }));
    }
}

fn manifest() -> Manifest {
    let attributes = BTreeMap::from([("state".to_owned(), "stopped".into())]);
    let id = "service/Spooler".parse().unwrap();
    Manifest {
        format: muster_model::FORMAT,
        server: "dupont-prod/web".parse().unwrap(),
        host: "DUP-WEB01".parse().unwrap(),
        product: "sxa 2022-r2".parse().unwrap(),
        generation: "1".parse().unwrap(),
        nodes: vec![Node { attributes, ..Node::bare(id) }],
    }
}

/// A plan of one step: the spooler is stopped.
fn command(id: u128) -> Command {
    let (role, manifest) = ("web".parse().unwrap(), manifest());
    let node = manifest.nodes[0].id.clone();
    let row = Row {
        node: node.clone(),
        attribute: AttributePath { name: "state".to_owned(), member: None },
        old: Old::Exact("running".into()),
        new: New::Exact("stopped".into()),
        reason: Reason::Differs,
    };
    let (class, effect) = (node.kind.class(), node.kind.spec().effect);
    let step = Step { number: 1, class, effect, node, rows: vec![row], guide: None };
    let manifest_json = serde_json::to_vec(&manifest).unwrap();
    let steps = ServerSteps { role: "web".parse().unwrap(), steps: vec![step] };
    let steps_json = serde_json::to_vec(&steps).unwrap();
    let planned = PlannedServer {
        generation: manifest.generation,
        manifest: Digest::of(&manifest_json),
        steps: Digest::of(&steps_json),
        secrets: BTreeMap::new(),
    };
    let header = PlanHeader {
        format: muster_model::FORMAT,
        plan: PlanId(1),
        site: manifest.server.site,
        product: manifest.product,
        revision: "1".parse().unwrap(),
        servers: BTreeMap::from([(steps.role, planned)]),
        segments: vec![Segment { number: 1, role, steps: vec![1], after: vec![] }],
        edges: vec![],
        valid_until: Timestamp::now() + 1.hour(),
    };
    let header_json = serde_json::to_vec(&header).unwrap();
    Command {
        id: CommandId(Uuid::from_u128(id)),
        epoch: Epoch { number: 5, instance: Uuid::from_u128(1) },
        digest: Digest::of(&header_json),
        header_json,
        steps_json,
        manifest_json,
        steps: vec![StepTicket { number: 1, key: StepKey(Uuid::from_u128(id + 100)) }],
        start_by: header.valid_until,
        restart: Vec::new(),
        secrets: Vec::new(),
    }
}

#[test]
fn work_of_a_journal_that_went_back_is_not_gone_on_with_after_a_start() {
    let desk = Desk::new();
    desk.welcome(5, 0);
    assert_eq!(desk.command(1), Ok(()));
    // The agent starts on a copy of its journal in which the command is open.
    let asked = Arc::new(AtomicBool::new(false));
    let engine = Engine {
        host: Arc::new(desk.stage.twin()),
        installers: Arc::new(desk.stage.supervisor()),
        media: Cache::new(desk.stage.dir().join("media")),
        fetching: Arc::new(Fetcher::new(Cache::new(desk.stage.dir().join("media"))).0),
        vault: Arc::new(Vault::new(Key::generate())),
        journal: Arc::clone(&desk.journal),
        outlet: Outlet::default(),
        stop: Arc::new(AtomicBool::new(false)),
        asked: Arc::clone(&asked),
    };
    let stop = Arc::clone(&engine.stop);
    let working = std::thread::spawn(move || engine.run());
    // The controller takes its time: whole processes come and go in it.
    (0..5).for_each(|_| drop(desk.stage.ok(&["twin", "show"])));
    desk.welcome(5, 90);
    asked.store(true, Ordering::SeqCst);
    desk.journal.wake();
    let end = || desk.journal.read(|state| state.outbox().next().map(|(_, waiting)| waiting.outcome.end));
    until("the step's end", || end().is_some());
    assert_eq!(end(), Some(End::Cancelled));
    stop.store(true, Ordering::SeqCst);
    desk.journal.wake();
    working.join().unwrap().unwrap();
    assert_eq!(
        Services::get(&desk.stage.twin(), "Spooler").unwrap().unwrap().state,
        ServiceState::Running,
        "nothing was done"
    );
}

#[test]
fn a_clock_that_moves_while_the_stream_is_open_starts_nothing_until_it_is_right_again() {
    let desk = Desk::new();
    desk.welcome(5, 0);
    desk.stage.ok(&["twin", "set", "clock", "offset", "ms=180000"]);
    let refusal = desk.command(1).unwrap_err();
    assert!(matches!(refusal, Refusal::ClockOff { offset_ms: 175_000..=185_000, .. }), "{refusal:?}");
    desk.stage.ok(&["twin", "set", "clock", "offset", "ms=0"]);
    assert_eq!(desk.command(2), Ok(()));
}

#[test]
fn a_controller_that_is_not_obeyed_cancels_nothing() {
    let desk = Desk::new();
    desk.welcome(5, 0);
    assert_eq!(desk.command(1), Ok(()));
    let cancel = || desk.say(ToAgent::Cancel(CommandId(Uuid::from_u128(1))));
    let cancelled = || desk.journal.read(|state| state.open().unwrap().cancelled);
    desk.welcome(4, 0);
    cancel();
    assert!(!cancelled());
    desk.welcome(5, 0);
    cancel();
    assert!(cancelled());
}

#[test]
fn a_journal_that_went_back_stays_so_until_an_obeyed_controller_compares() {
    let desk = Desk::new();
    desk.welcome(5, 90);
    desk.welcome(4, 0);
    desk.observe();
    assert!(matches!(desk.command(1), Err(Refusal::Regressed { known: 90, .. })));
    desk.welcome(5, 90);
    desk.observe();
    assert_eq!(desk.command(2), Ok(()));
}
