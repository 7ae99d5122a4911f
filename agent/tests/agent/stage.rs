//! A twin, an agent's data, and the controller's part: plans made from reports, commands made from plans.
//!
//! An agent is opened like a process is started: all that it knows comes from its folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jiff::{Timestamp, ToSpan as _};
use muster_agent::engine::Engine;
use muster_agent::host::Host;
use muster_agent::host::twin::Twin;
use muster_agent::host::twin::ledger::{self, Action, Deed};
use muster_agent::journal::Journal;
use muster_agent::journal::sqlite::SqliteStore;
use muster_agent::journal::store::{self, Store};
use muster_agent::media::{Cache, Fetcher};
use muster_agent::outlet::Outlet;
use muster_agent::reception::Reception;
use muster_agent::supervise::Supervisor;
use muster_agent::vault::{Secrets, Vault};
use muster_agent_core::journal::Sealed;
use muster_agent_core::ledger::Change;
use muster_model::command::{Command, Epoch};
use muster_model::digest::Digest;
use muster_model::manifest::{Manifest, Node};
use muster_model::name::{NodeId, PlanId};
use muster_model::node::NodeClass;
use muster_model::outcome::{CommandId, End, Outcome, StepKey, StepTicket};
use muster_model::plan::{PlanHeader, PlannedServer, Segment, ServerSteps, Step};
use muster_model::report::ServerReport;
use muster_model::secret::SealedSecret;
use muster_proto::secret::Key;
use muster_proto::session::{CommandAnswer, FromAgent, Observe, ToAgent, Welcome};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::ended::ended;

const DECLARATION: &str = r#"
kind: Twin
host_name: DUP-WEB01
services:
  W3SVC: {start: automatic, state: running}
sql_servers:
  'DUP-SQL01\TRESO': {effects: [{contains: SettleInSilence, ends_transaction: true}]}
packages:
  other:
    1.0: {install_ms: 0, uninstall_ms: 0}
  advanced:
    1.0: &
    2.0: &
"#;

const ADVANCED: &str = "
      install_ms: 30
      uninstall_ms: 30
      services: {Batch: {start: manual, start_delay_ms: 60}}
      app_pools: {Sage: {enable_32bit: true, load_user_profile: false}}
      http: {'http://localhost/Batch': {status: 401, while_running: [Batch]}}
";

pub(crate) struct Stage {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) runtime: Runtime,
    /// The line of the age key that the agent was enrolled with.
    pub(crate) key: String,
}

/// When a journal's disk fails.
#[derive(Clone)]
pub(crate) enum Cut {
    Never,
    /// Before that many records are stored.
    Before(u64),
    /// After that many, so that the agent never hears of the last one.
    After(u64),
}

/// An agent, as a process has it.
pub(crate) struct Agent {
    pub(crate) reception: Reception,
    pub(crate) engine: Engine,
    pub(crate) journal: Arc<Journal>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let declaration = folder.path().join("twin.yaml");
        let text = DECLARATION.replace(" &\n", ADVANCED);
        std::fs::write(&declaration, text).unwrap();
        let stage =
            Self { folder, runtime: Runtime::new().unwrap(), key: (*Key::generate().to_line()).clone() };
        stage.twin_command("init", &["--from", declaration.to_str().unwrap()]);
        stage
    }

    pub(crate) fn twin_dir(&self) -> PathBuf {
        self.folder.path().join("twin")
    }

    fn twin_command(&self, verb: &str, args: &[&str]) {
        let output = self.output_of(verb, args);
        assert!(output.status.success(), "{verb:?} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn output_of(&self, verb: &str, args: &[&str]) -> std::process::Output {
        let mut command = Process::new(exe());
        command.args(["twin", verb]).arg("--dir").arg(self.twin_dir()).args(args);
        ended(&mut command).unwrap()
    }

    /// The computer goes down while a person does that. This test stays: it has closed its agent and opens another.
    pub(crate) fn goes_down_in(&self, verb: &str, args: &[&str]) {
        std::fs::write(self.twin_dir().join("processes.json"), "[]").unwrap();
        let output = self.output_of(verb, args);
        assert!(!output.status.success(), "{output:?}");
        assert!(self.deeds().iter().any(|deed| matches!(deed, Deed::Rebooted { .. })));
    }

    pub(crate) fn fault(&self, args: &[&str]) {
        self.twin_command("fault", &[&["add"], args].concat());
    }

    pub(crate) fn clear_faults(&self) {
        self.twin_command("fault", &["clear"]);
    }

    pub(crate) fn set(&self, args: &[&str]) {
        self.twin_command("set", args);
    }

    /// What a person does in the vendor's own dialogs.
    pub(crate) fn by_hand(&self, verb: &str, args: &[&str]) {
        self.twin_command(verb, args);
    }

    pub(crate) fn supervisor(&self) -> Supervisor {
        Supervisor { dir: self.folder.path().join("installers"), exe: exe().to_owned() }
    }

    /// Starts an agent that knows only what is in its folder.
    pub(crate) fn agent(&self) -> Agent {
        self.agent_until(Cut::Never)
    }

    pub(crate) fn agent_until(&self, cut: Cut) -> Agent {
        let server = "dupont-prod/web".parse().unwrap();
        let path = self.folder.path().join("agent.db");
        let inner = SqliteStore::open(&path, &server, self.runtime.handle().clone()).unwrap();
        let store = CutStore { inner, cut, stored: AtomicU64::new(0) };
        let journal = Arc::new(Journal::open(Box::new(store)).unwrap());
        let vault = Arc::new(Vault::new(Key::parse(&self.key).unwrap()));
        let secrets = Arc::clone(&vault) as Arc<dyn Secrets>;
        let twin = Twin::open(&self.twin_dir(), exe()).unwrap().with_secrets(secrets);
        let host: Arc<dyn Host> = Arc::new(twin);
        let (stager, _) = Fetcher::new(Cache::new(self.folder.path().join("media")));
        let fetching = Arc::new(stager.clone());
        let (host_of, vault_of, journal_of) = (Arc::clone(&host), Arc::clone(&vault), Arc::clone(&journal));
        let reception = Reception::new(server, host_of, vault_of, journal_of, stager).unwrap();
        let engine = Engine {
            host,
            installers: Arc::new(self.supervisor()),
            media: Cache::new(self.folder.path().join("media")),
            fetching,
            vault,
            journal: Arc::clone(&journal),
            outlet: Outlet::default(),
            stop: Arc::new(AtomicBool::new(false)),
            asked: Arc::new(AtomicBool::new(true)),
        };
        Agent { reception, engine, journal }
    }

    /// Takes a command with a disk that fails, then goes on with it as a fresh process; gives whether the disk had failed.
    pub(crate) fn finish_after(&self, cut: Cut, command: &Command) -> (bool, Agent) {
        let agent = self.agent_until(cut);
        agent.connect();
        let accepted = agent.reception.handle(ToAgent::Command(Box::new(command.clone())));
        let failed = accepted.is_err() || agent.engine.catch_up().is_err();
        drop(agent);

        let agent = self.agent();
        agent.connect();
        // As a controller does at every reconnection.
        agent.command(command).answer.unwrap();
        agent.engine.catch_up().unwrap();
        (failed, agent)
    }

    pub(crate) fn deeds(&self) -> Vec<Deed> {
        ledger::read(&self.twin_dir()).unwrap().into_iter().map(|entry| entry.deed).collect()
    }

    /// What the agent did to the server, installers' own work left out.
    pub(crate) fn deeds_of_the_agent(&self) -> Vec<Deed> {
        let entries = ledger::read(&self.twin_dir()).unwrap().into_iter();
        entries.filter(|entry| entry.by == "agent").map(|entry| entry.deed).collect()
    }

    /// Who started installers, in order.
    pub(crate) fn installers(&self) -> Vec<String> {
        let entries = ledger::read(&self.twin_dir()).unwrap().into_iter();
        let starts = entries.filter(|entry| matches!(entry.deed, Deed::InstallerStarted { .. }));
        starts.map(|entry| entry.by).collect()
    }

    /// How often an installer began that work.
    pub(crate) fn starts(&self, wanted: Action) -> usize {
        let is = |deed: &&Deed| matches!(deed, Deed::InstallerStarted { action, .. } if *action == wanted);
        self.deeds().iter().filter(is).count()
    }
}

pub(crate) fn exe() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_muster-agent"))
}

pub(crate) fn epoch(number: u64) -> Epoch {
    Epoch { number, instance: Uuid::from_u128(u128::from(number)) }
}

pub(crate) fn welcome(number: u64, journal: u64) -> ToAgent {
    ToAgent::Welcome(Welcome {
        epoch: epoch(number),
        now: Timestamp::now(),
        reconnect_spread_ms: 100,
        journal,
    })
}

impl Agent {
    /// What a connection begins with.
    pub(crate) fn connect(&self) -> Vec<FromAgent> {
        self.reception.handle(welcome(1, 0)).unwrap()
    }

    pub(crate) fn report(&self, manifest: &Manifest) -> Result<ServerReport, String> {
        self.report_with(manifest, Vec::new())
    }

    /// The same, with secrets that the controller brings.
    pub(crate) fn report_with(
        &self,
        manifest: &Manifest,
        secrets: Vec<SealedSecret>,
    ) -> Result<ServerReport, String> {
        let manifest_json = serde_json::to_vec(manifest).unwrap();
        let observe = ToAgent::Observe(Observe { request: "r".to_owned(), manifest_json, secrets });
        let answer = self.reception.handle(observe).unwrap().remove(0);
        let FromAgent::Observed(observed) = answer else { panic!("{answer:?}") };
        observed.result
    }

    /// Hands a command in and gives the answer.
    pub(crate) fn command(&self, command: &Command) -> CommandAnswer {
        let answers = self.reception.handle(ToAgent::Command(Box::new(command.clone()))).unwrap();
        let [FromAgent::Answer(answer)] = answers.as_slice() else { panic!("{answers:?}") };
        answer.clone()
    }

    pub(crate) fn run(&self, command: &Command) -> BTreeMap<u32, Outcome> {
        self.command(command).answer.unwrap();
        self.engine.catch_up().unwrap();
        self.outcomes(command)
    }

    /// The outcomes of that command, as the outbox has them.
    pub(crate) fn outcomes(&self, command: &Command) -> BTreeMap<u32, Outcome> {
        self.journal.read(|state| {
            let mine = state.outbox().filter(|(_, waiting)| waiting.command == command.id);
            mine.map(|(_, waiting)| (waiting.step, waiting.outcome.clone())).collect()
        })
    }

    pub(crate) fn in_sync(&self, manifest: &Manifest) -> bool {
        self.report(manifest).unwrap().nodes.is_empty()
    }
}

pub(crate) fn ends(outcomes: &BTreeMap<u32, Outcome>) -> Vec<End> {
    outcomes.values().map(|outcome| outcome.end).collect()
}

/// A plan as the controller makes it: a step for each report, checks at the end, each step after what it needs and what
/// provides it.
pub(crate) struct Plan {
    pub(crate) id: PlanId,
    pub(crate) manifest: Manifest,
    pub(crate) steps: Vec<Step>,
    pub(crate) edges: Vec<(u32, u32)>,
    valid_until: Timestamp,
}

impl Plan {
    pub(crate) fn new(id: u64, manifest: &Manifest, report: &ServerReport) -> Self {
        assert!(report.nodes.iter().all(|node| node.finding.is_none()), "{:?}", report.nodes);
        let rows: BTreeMap<&NodeId, _> =
            report.nodes.iter().map(|node| (&node.node, node.rows.clone())).collect();
        let mut steps = Vec::new();
        for node in &manifest.nodes {
            let class = node.id.kind.class();
            let Some(rows) = rows.get(&node.id).cloned().or((class == NodeClass::Check).then(Vec::new))
            else {
                continue;
            };
            let number = u32::try_from(steps.len()).unwrap() + 1;
            let effect = node.effect();
            steps.push(Step { number, node: node.id.clone(), class, effect, rows, guide: None });
        }
        let number = |id: &NodeId| steps.iter().find(|step| step.node == *id).map(|step| step.number);
        let before = |node: &Node| {
            let needs = node.needs.iter().map(|need| need.node.clone());
            needs.chain(node.provided_by.clone()).collect::<Vec<_>>()
        };
        let pairs =
            manifest.nodes.iter().flat_map(|node| before(node).into_iter().map(|one| (one, &node.id)));
        let edges = pairs.filter_map(|(one, other)| Some((number(&one)?, number(other)?))).collect();
        Self {
            id: PlanId(id),
            manifest: manifest.clone(),
            steps,
            edges,
            valid_until: Timestamp::now() + 24.hours(),
        }
    }

    /// A command for all of it, with fresh keys.
    pub(crate) fn command(&self) -> Command {
        let numbers: Vec<u32> = self.steps.iter().map(|step| step.number).collect();
        self.command_for(&numbers)
    }

    pub(crate) fn command_for(&self, numbers: &[u32]) -> Command {
        let role = self.manifest.server.role.clone();
        let manifest_json = serde_json::to_vec(&self.manifest).unwrap();
        let steps = ServerSteps { role: role.clone(), steps: self.steps.clone() };
        let steps_json = serde_json::to_vec(&steps).unwrap();
        let planned = PlannedServer {
            generation: self.manifest.generation,
            manifest: Digest::of(&manifest_json),
            steps: Digest::of(&steps_json),
            secrets: BTreeMap::new(),
        };
        let segment = Segment {
            number: 1,
            role: role.clone(),
            steps: self.steps.iter().map(|step| step.number).collect(),
            after: Vec::new(),
        };
        let header = PlanHeader {
            format: muster_model::FORMAT,
            plan: self.id,
            site: self.manifest.server.site.clone(),
            product: self.manifest.product.clone(),
            revision: "1".parse().unwrap(),
            servers: BTreeMap::from([(role, planned)]),
            segments: vec![segment],
            edges: self.edges.clone(),
            valid_until: self.valid_until,
        };
        let header_json = serde_json::to_vec(&header).unwrap();
        let ticket = |number: &u32| StepTicket { number: *number, key: StepKey(Uuid::new_v4()) };
        Command {
            id: CommandId(Uuid::new_v4()),
            epoch: epoch(1),
            digest: Digest::of(&header_json),
            header_json,
            steps_json,
            manifest_json,
            steps: numbers.iter().map(ticket).collect(),
            start_by: Timestamp::now() + 1.hour(),
            restart: Vec::new(),
            secrets: Vec::new(),
        }
    }
}

/// A disk that fails once and for good.
struct CutStore {
    inner: SqliteStore,
    cut: Cut,
    stored: AtomicU64,
}

impl Store for CutStore {
    fn records(&mut self) -> Result<Vec<Sealed>, store::Error> {
        self.inner.records()
    }

    fn ownership(&mut self) -> Result<Vec<Change>, store::Error> {
        self.inner.ownership()
    }

    fn append(&mut self, sealed: &Sealed, changes: &[Change]) -> Result<(), store::Error> {
        let number = self.stored.fetch_add(1, Ordering::SeqCst) + 1;
        let failed =
            || Err(store::Error::Row { path: "disk".to_owned(), table: "record", problem: "cut".to_owned() });
        match self.cut {
            Cut::Before(count) if number > count => failed(),
            Cut::After(count) if number >= count => self.inner.append(sealed, changes).and(failed()),
            Cut::Never | Cut::Before(_) | Cut::After(_) => self.inner.append(sealed, changes),
        }
    }
}

/// A plan whose steps stand in the manifest's order, each after the one before, as the controller draws what fires the next.
pub(crate) fn plan(agent: &Agent, id: u64, manifest: &Manifest) -> Plan {
    let mut plan = Plan::new(id, manifest, &agent.report(manifest).unwrap());
    plan.edges = (1..plan.steps.len()).map(|n| u32::try_from(n).unwrap()).map(|n| (n, n + 1)).collect();
    plan
}
