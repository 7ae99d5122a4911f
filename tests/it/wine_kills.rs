//! The agent for Windows killed over and over, in the midst of an installation and of a script: no second installer, no batch
//! twice, and the run ends or parks as unknown with its evidence (issue 5).
//!
//! Run by `tests/windows/run kills N`; what came of it is written to `target/wine/kills.txt`. At which moment each kill comes
//! is drawn from a seed, `MUSTER_SEED`. The oracles are the setup's own ledger and the played SQL Server. `tests/crash` does the
//! same on twins, and many more times.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use muster_model::digest::Digest;
use muster_model::event::{EventBody, RunEnd};
use muster_model::outcome::End;
use muster_model::view::StepState;
use muster_tds::{Moment, State, Trouble};
use muster_tests::cli::code;
use muster_tests::daemon::await_until;
use muster_tests::programs::root;
use muster_tests::watch::Watch;

use crate::wine_install::{deeds, file, forget_beta, sha256};
use crate::wine_server::{Server, kill};

const PASSWORD: &str = "Corr3ct-horse";
/// Batches of each round's script.
const BATCHES: u64 = 5;

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
        forget_beta();
        fs::create_dir_all(file("media")).unwrap();
        fs::copy(root().join("target/wine/media/setup.exe"), file("media/setup.exe")).unwrap();
        server.field.edit("SQL-ADDRESS", &sql.address());
        server.field.edit("SHA-OF-SETUP", &sha256("setup.exe"));
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

    /// Kills the agent and starts it again. It is back when this returns: the next kill is seen by what it tears.
    fn kill(&mut self, watch: &mut Watch, script: u32) -> Seen {
        kill(&self.server);
        let mut seen = Seen::default();
        let is_gone = |body: &EventBody| matches!(body, EventBody::ServerDisconnected { .. });
        seen.until(watch, "the agent is gone", script, is_gone);
        self.server.agent(&["service", "start"]).expect(code::OK);
        let is_back = |body: &EventBody| matches!(body, EventBody::ServerConnected { .. });
        seen.until(watch, "the agent is back", script, is_back);
        seen
    }

    /// One kill while the package is installed, and one while the script runs.
    fn round(&mut self, round: u64) {
        self.write_script(round);
        forget_beta();
        let (known, rows) = (deeds().len(), self.rows());
        let plan = self.server.field.approved_plan();
        let script = self.server.field.step(plan, "sql_scripts/round").number;
        let mut watch = self.server.field.watch_from_now();
        let (install, batch) = (self.draws.below(4), self.draws.below(4));
        let held = format!("VALUES ({})", round * BATCHES + self.draws.below(BATCHES));
        match batch {
            0 => self.sql.arm(&held, Moment::Before, Trouble::Hold),
            1 => self.sql.arm(&held, Moment::After, Trouble::Hold),
            _ => {}
        }
        if install == 0 {
            fs::write(file("wait"), "").unwrap();
        }
        self.server.field.cli.ok(&format!("run {plan}"));
        match install {
            0 => await_until("the copy works", || Ok(deeds().len() == known + 2)).unwrap(),
            1 => await_until("the setup works", || Ok(deeds().len() > known)).unwrap(),
            2 => drop(watch.until("it began", |body| matches!(body, EventBody::StepStarted { .. }))),
            _ => {}
        }
        self.draws.pass();
        self.count(
            ["before the setup", "in the setup", "in its copy or later"][(deeds().len() - known).min(2)],
        );
        let Seen { script_began, mut ended } = self.kill(&mut watch, script);
        if install == 0 {
            self.draws.pass();
            fs::remove_file(file("wait")).unwrap();
        }
        if ended.is_none() && !script_began {
            let seen = watch.until("the script began, or the run has ended", |body| {
                began(body, script) || matches!(body, EventBody::RunEnded { .. })
            });
            ended = if let EventBody::RunEnded { end, .. } = seen.body { Some(end) } else { None };
        }
        if ended.is_none() {
            match batch {
                0 | 1 => self.sql.wait_until_held(&held),
                _ => self.draws.pass(),
            }
        }
        self.count(&format!("with {} of {BATCHES} batches committed", self.rows() - rows));
        let ended = ended.or(self.kill(&mut watch, script).ended).unwrap_or_else(|| {
            let is_end = |body: &EventBody| matches!(body, EventBody::RunEnded { .. });
            let EventBody::RunEnded { end, .. } = watch.until("the run has ended", is_end).body else {
                panic!("{plan} has no end")
            };
            end
        });
        self.judge(plan, known, rows, ended);
    }

    fn count(&mut self, what: &str) {
        *self.tally.entry(what.to_owned()).or_default() += 1;
    }

    fn judge(&mut self, plan: muster_model::name::PlanId, known: usize, rows: u64, ended: RunEnd) {
        let started = deeds()[known..].to_vec();
        for deed in ["setup", "copy"] {
            let times = started.iter().filter(|is| *is == deed).count();
            assert!(times <= 1, "{plan}: {started:?}");
        }
        let run = self.rows() - rows;
        assert!(run <= BATCHES, "{plan}: {run} rows of {BATCHES} batches");
        if ended == RunEnd::Done {
            assert_eq!((started.len(), run), (2, BATCHES), "{plan}: {started:?}");
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
}

#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run kills"]
fn an_agent_that_is_killed_over_and_over_starts_no_second_installer_and_runs_no_batch_twice() {
    let (kills, seed) = (number("MUSTER_KILLS", 4), number("MUSTER_SEED", 20_261_130));
    let rounds = kills.div_ceil(2);
    let mut story = Kills::begin(seed);
    for round in 0..rounds {
        story.round(round);
        // Written each time: a run of hours that is cut off has its figures.
        let mut figures = format!("{} kills in {} runs, seed {seed}:", 2 * (round + 1), round + 1);
        for (what, times) in &story.tally {
            write!(figures, " {times} {what};").unwrap();
        }
        let setups = deeds().iter().filter(|deed| *deed == "setup").count();
        writeln!(figures, " {setups} setups started, {} batches committed", story.rows()).unwrap();
        fs::write(root().join("target/wine/kills.txt"), figures).unwrap();
    }
}
