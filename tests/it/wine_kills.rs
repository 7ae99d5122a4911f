//! The agent for Windows killed over and over, in the midst of an installation and of a script: no second installer, no batch
//! twice, and the run ends or parks as unknown with its evidence (issue 5).
//!
//! Run by `tests/windows/run kills N`; what came of it is written to `target/wine/kills.txt`. At which moment each kill comes
//! is drawn from a seed, `MUSTER_SEED`; every other one is held in its step for certain. Where each fell, the journal that the
//! agent left says. The oracles are the ledgers of what is installed and the played SQL Server. `tests/crash` does the same on
//! twins, and many more times.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use muster_agent::journal::sqlite::SqliteStore;
use muster_agent::journal::store::Store as _;
use muster_agent_core::journal::{Chain, Record};
use muster_agent_core::work::Work;
use muster_model::digest::Digest;
use muster_model::event::{EventBody, RunEnd};
use muster_model::name::PlanId;
use muster_model::outcome::End;
use muster_model::view::StepState;
use muster_tds::{Moment, State, Trouble};
use muster_tests::cli::code;
use muster_tests::daemon::await_until;
use muster_tests::programs::{root, wine_drive};
use muster_tests::watch::Watch;

use crate::wine_server::{Server, kill};
use crate::wine_vendor::{acts, deeds, file, forget_alpha, forget_beta, sha256};

const PASSWORD: &str = "Corr3ct-horse";
/// Batches of each round's script.
const BATCHES: u64 = 5;
const SCRIPT: &str = "sql_scripts/round";

/// The draws of one run of the story: the same for the same seed.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: u64) -> u64 {
        // Marsaglia's xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    /// The moment itself is what is drawn; nothing is waited for.
    fn pass(&mut self) {
        std::thread::sleep(Duration::from_millis(self.below(400)));
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// What a round takes off before it, so that its run installs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Medium {
    /// Of Windows Installer.
    Msi,
    /// A setup program that goes on from a copy of itself.
    Exe,
}

impl Medium {
    fn package(self) -> &'static str {
        match self {
            Self::Msi => "package/alpha",
            Self::Exe => "package/beta",
        }
    }

    /// The file by which its installation waits.
    fn waits(self) -> &'static str {
        match self {
            Self::Msi => "act-waits",
            Self::Exe => "wait",
        }
    }

    fn forget(self) {
        match self {
            Self::Msi => forget_alpha(),
            Self::Exe => forget_beta(),
        }
    }

    /// What its installation does, as its own ledger has it.
    fn deeds(self) -> Vec<String> {
        match self {
            Self::Msi => acts(),
            Self::Exe => deeds(),
        }
    }

    /// The deeds of one installation.
    fn whole(self) -> &'static [&'static str] {
        match self {
            Self::Msi => &["act"],
            Self::Exe => &["setup", "copy"],
        }
    }
}

/// Where a kill fell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fell {
    /// In the step of that number: its intent was stored, and no outcome.
    Inside(u32),
    /// Before the step that it was meant for, and in no other.
    Before,
    /// After that.
    After,
}

/// What the journal says that a killed agent has left. It is read in a copy: the next agent has the file.
fn fell(plan: PlanId, step: u32) -> Fell {
    let (copy, runtime) = (tempfile::tempdir().unwrap(), tokio::runtime::Runtime::new().unwrap());
    for name in ["agent.db", "agent.db-wal"] {
        let left = wine_drive().join("ProgramData/MusterAgent").join(name);
        if left.exists() {
            fs::copy(left, copy.path().join(name)).unwrap();
        }
    }
    let server = "story-site/web".parse().unwrap();
    let path = copy.path().join("agent.db");
    let mut store = SqliteStore::open(&path, &server, runtime.handle().clone()).unwrap();
    let (mut chain, mut is_its, mut open, mut is_over) = (Chain::default(), false, None, false);
    for sealed in store.records().unwrap() {
        let record = chain.follow(&sealed).unwrap();
        if let Record::Accepted { command } = record {
            is_its = Work::from_stored(*command).unwrap().header.plan == plan;
        } else if let Record::Intent { step: begun, .. } = record {
            open = is_its.then_some(begun);
        } else if let Record::Outcome { step: ended, .. } = record {
            open = None;
            is_over |= is_its && ended == step;
        }
    }
    match open {
        Some(step) => Fell::Inside(step),
        None if is_over => Fell::After,
        None => Fell::Before,
    }
}

/// How far a run had come when its agent was gone and back.
#[derive(Default)]
struct Seen {
    script_began: bool,
    ended: Option<RunEnd>,
}

impl Seen {
    /// Takes in what comes until `last` does.
    fn until(&mut self, watch: &mut Watch, what: &str, script: u32, last: impl Fn(&EventBody) -> bool) {
        watch.until(what, |body| {
            self.script_began |= began(body, script);
            if let EventBody::RunEnded { end, .. } = body {
                self.ended = Some(*end);
            }
            last(body)
        });
    }
}

fn began(body: &EventBody, of: u32) -> bool {
    matches!(body, EventBody::StepStarted { step, .. } if *step == of)
}

/// A round under way.
struct Round {
    plan: PlanId,
    medium: Medium,
    script: u32,
    watch: Watch,
    /// What was known before it.
    known: BTreeMap<&'static str, usize>,
    rows: u64,
}

struct Kills {
    server: Server,
    sql: muster_tds::Server,
    draws: Draws,
    script: String,
    /// What each kill fell into, and what came of the runs.
    tally: BTreeMap<String, u64>,
}

impl Kills {
    fn begin(seed: u64) -> Self {
        let sql = muster_tds::Server::start(State::default().with_login("muster", PASSWORD));
        let mut server = Server::lay("kills");
        fs::create_dir_all(file("media")).unwrap();
        for name in ["setup.exe", "alpha.msi"] {
            fs::copy(root().join("target/wine/media").join(name), file("media").join(name)).unwrap();
        }
        [Medium::Msi, Medium::Exe].into_iter().for_each(Medium::forget);
        server.field.edit("SQL-ADDRESS", &sql.address());
        server.field.edit("SHA-OF-SETUP", &sha256("setup.exe"));
        server.field.edit("SHA-OF-ALPHA", &sha256("alpha.msi"));
        server.field.edit("SHA-OF-SCRIPT", &Digest::of(b"").to_string());
        server.join();
        server.field.set_secret("sql_password", PASSWORD).expect(code::OK);
        Self { server, sql, draws: Draws(seed | 1), script: String::new(), tally: BTreeMap::new() }
    }

    /// A script that nobody ran yet.
    fn write_script(&mut self, round: u64) {
        let table = if round == 0 { "CREATE TABLE dbo.Payment (Id int)\nGO\n" } else { "" };
        let rows = (0..BATCHES)
            .map(|batch| format!("INSERT INTO dbo.Payment VALUES ({})\nGO\n", round * BATCHES + batch));
        let script = format!("{table}{}", rows.collect::<String>());
        fs::write(file("round.sql"), &script).unwrap();
        let digest = |text: &str| Digest::of(text.as_bytes()).to_string();
        self.server.field.edit(&digest(&self.script), &digest(&script));
        self.server.field.push().expect(code::OK);
        self.script = script;
    }

    fn rows(&self) -> u64 {
        let state = self.sql.state();
        state.databases.get("Story").and_then(|story| story.tables.get("Payment")).copied().unwrap_or(0)
    }

    /// Kills the agent, reads where in the step of that node that fell, and starts it again. It is back when this returns: the
    /// next kill is seen by what it tears.
    fn kill(&mut self, round: &mut Round, node: &str) -> Seen {
        kill(&self.server);
        let mut seen = Seen::default();
        let is_gone = |body: &EventBody| matches!(body, EventBody::ServerDisconnected { .. });
        seen.until(&mut round.watch, "the agent is gone", round.script, is_gone);
        let steps = self.server.field.steps(round.plan).steps;
        let meant = steps.iter().find(|step| step.node.to_string() == node).unwrap();
        let fell = match fell(round.plan, meant.number) {
            Fell::Inside(number) => {
                let open = steps.iter().find(|step| step.number == number).unwrap();
                format!("inside {}", open.node)
            }
            Fell::Before => format!("before {node}"),
            Fell::After => format!("after {node}"),
        };
        self.count(&fell);
        self.server.agent(&["service", "start"]).expect(code::OK);
        let is_back = |body: &EventBody| matches!(body, EventBody::ServerConnected { .. });
        seen.until(&mut round.watch, "the agent is back", round.script, is_back);
        seen
    }

    /// One kill while a package is installed, and one while the script runs; of the two one is held inside.
    fn round(&mut self, number: u64, medium: Medium) {
        let is_held = number.is_multiple_of(2);
        self.write_script(number);
        medium.forget();
        let known = |medium: Medium| (medium.package(), medium.deeds().len());
        let known = [Medium::Msi, Medium::Exe].map(known).into();
        let plan = self.server.field.approved_plan();
        let script = self.server.field.step(plan, SCRIPT).number;
        let (rows, watch) = (self.rows(), self.server.field.watch_from_now());
        let mut round = Round { plan, medium, script, watch, known, rows };
        let held = format!("VALUES ({})", number * BATCHES + self.draws.below(BATCHES));
        if !is_held {
            let moment = if self.draws.below(2) == 0 { Moment::Before } else { Moment::After };
            self.sql.arm(&held, moment, Trouble::Hold);
        }
        let mut ended = self.install(&mut round, is_held);
        if ended.is_none() {
            if is_held {
                self.draws.pass();
            } else {
                self.sql.wait_until_held(&held);
            }
        }
        self.count(&format!("with {} of {BATCHES} batches committed", self.rows() - rows));
        ended = ended.or(self.kill(&mut round, SCRIPT).ended);
        let ended = ended.unwrap_or_else(|| {
            let is_end = |body: &EventBody| matches!(body, EventBody::RunEnded { .. });
            let EventBody::RunEnded { end, .. } = round.watch.until("the run has ended", is_end).body else {
                panic!("{plan} has no end")
            };
            end
        });
        self.judge(&round, ended);
    }

    /// Runs to the script, with the first kill on the way; gives how the run ended, where it did not come so far.
    fn install(&mut self, round: &mut Round, is_held: bool) -> Option<RunEnd> {
        let Round { plan, medium, script, .. } = *round;
        let (known, waits) = (round.known[medium.package()], file(medium.waits()));
        let package = self.server.field.step(plan, medium.package()).number;
        if is_held {
            fs::write(&waits, "").unwrap();
        }
        self.server.field.cli.ok(&format!("run {plan}"));
        if is_held {
            let whole = known + medium.whole().len();
            await_until("the installation waits", || Ok(medium.deeds().len() == whole)).unwrap();
        } else if self.draws.below(2) == 0 {
            drop(round.watch.until("it began", |body| began(body, package)));
        }
        self.draws.pass();
        let Seen { script_began, ended } = self.kill(round, medium.package());
        if is_held {
            self.draws.pass();
            fs::remove_file(&waits).unwrap();
        }
        if ended.is_some() || script_began {
            return ended;
        }
        let seen = round.watch.until("the script began, or the run has ended", |body| {
            began(body, script) || matches!(body, EventBody::RunEnded { .. })
        });
        if let EventBody::RunEnded { end, .. } = seen.body { Some(end) } else { None }
    }

    fn count(&mut self, what: &str) {
        *self.tally.entry(what.to_owned()).or_default() += 1;
    }

    fn counted(&self, fell: &str, what: &str) -> u64 {
        let is = |counted: &String| counted.starts_with(fell) && counted.contains(what);
        self.tally.iter().filter(|(counted, _)| is(counted)).map(|(_, times)| times).sum()
    }

    fn judge(&mut self, round: &Round, ended: RunEnd) {
        let plan = round.plan;
        for medium in [Medium::Msi, Medium::Exe] {
            let done = medium.deeds()[round.known[medium.package()]..].to_vec();
            for deed in medium.whole() {
                let times = done.iter().filter(|is| is == deed).count();
                assert!(times <= 1, "{plan}: {done:?}");
            }
            if ended == RunEnd::Done && medium == round.medium {
                assert_eq!(done, medium.whole(), "{plan}");
            }
        }
        let run = self.rows() - round.rows;
        assert!(run <= BATCHES, "{plan}: {run} rows of {BATCHES} batches");
        if ended == RunEnd::Done {
            assert_eq!(run, BATCHES, "{plan}");
            self.count("runs done");
            return;
        }
        let mut unknown = 0;
        for step in self.server.field.steps(plan).steps {
            if step.state == StepState::Ended(End::Unknown) {
                assert!(step.evidence.as_ref().is_some_and(|evidence| !evidence.is_empty()), "{step:?}");
                unknown += 1;
                self.count(&format!("unknown at {}", step.node));
                continue;
            }
            let rests = matches!(step.state, StepState::Ended(End::Done | End::Skipped) | StepState::Pending);
            assert!(rests, "{plan}: step {} is {:?}: {:?}", step.number, step.state, step.evidence);
        }
        assert!(unknown > 0, "{plan} ended as {ended:?}");
    }

    /// A story whose kills fell beside what they are meant for has shown nothing.
    fn assert_enough_fell_inside(&self, rounds: u64) {
        let kills = 2 * rounds;
        let inside = self.counted("inside", "package/") + self.counted("inside", SCRIPT);
        assert!(3 * inside >= kills, "{inside} of {kills} kills fell inside: {:?}", self.tally);
        let mut each = vec!["package/", SCRIPT];
        // Each of the two was held at least once.
        if rounds > 3 {
            each.extend([Medium::Msi.package(), Medium::Exe.package()]);
        }
        for what in each.into_iter().take(if rounds > 1 { 4 } else { 1 }) {
            assert!(self.counted("inside", what) > 0, "none fell inside {what}: {:?}", self.tally);
        }
    }
}

#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run kills"]
fn an_agent_that_is_killed_over_and_over_starts_no_second_installer_and_runs_no_batch_twice() {
    let (kills, seed) = (number("MUSTER_KILLS", 4), number("MUSTER_SEED", 20_261_130));
    let rounds = kills.div_ceil(2);
    let mut story = Kills::begin(seed);
    let first = story.draws.below(2);
    for round in 0..rounds {
        // Both media within two rounds, and each of them held and at a drawn moment within four.
        let medium = if (first + round + round / 2).is_multiple_of(2) { Medium::Msi } else { Medium::Exe };
        story.round(round, medium);
        // Written each time: a run of hours that is cut off has its figures.
        let mut figures = format!("{} kills in {} runs, seed {seed}:", 2 * (round + 1), round + 1);
        for (what, times) in &story.tally {
            write!(figures, " {times} {what};").unwrap();
        }
        let setups = deeds().iter().filter(|deed| *deed == "setup").count();
        let msis = acts().len();
        writeln!(figures, " {setups} setups and {msis} .msi started, {} batches committed", story.rows())
            .unwrap();
        fs::write(root().join("target/wine/kills.txt"), figures).unwrap();
    }
    story.assert_enough_fell_inside(rounds);
}
