//! One field in which plans run under fire: first installation, replacement, drift, cancellation, a lost journal.
//!
//! Neighbours: `fire` kills, `oracle` says what really happened. Operators' commands are typed again when the controller
//! was not there to take them, as a person would.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use muster_model::event::{EventBody, RunEnd};
use muster_model::name::PlanId;
use muster_model::node::NodeKind;
use muster_model::outcome::End;
use muster_model::view::{StepState, StepView};

use super::Tally;
use super::deck::{Deck, Victim};
use super::fire::Fire;
use super::oracle;
use crate::cli::code;
use crate::daemon::PATIENCE;
use crate::field::{Field, Scene};
use crate::programs::{Programs, root};
use crate::watch::{Came, Watch};

/// Kills of one run, at most: enough to meet itself, few enough to end.
const KILLS_MOST: u64 = 5;

const PLANNING: &[(Victim, &str)] = &[(Victim::Controller, "planning.after_manifests")];
const INTENT: &[(Victim, &str)] = &[(Victim::Agent, "journal.intent.before_commit")];
const SCRIPTS: &[(Victim, &str)] = &[
    (Victim::Agent, "sql.batch.before"),
    (Victim::Agent, "sql.batch.after"),
    (Victim::Agent, "sql.announced"),
    (Victim::Agent, "sql.alone"),
];
const CANCELLED: &[(Victim, &str)] =
    &[(Victim::Agent, "journal.cancelled.before_commit"), (Victim::Agent, "journal.cancelled.stored")];
const REGRESSED: &[(Victim, &str)] =
    &[(Victim::Agent, "journal.regressed.before_commit"), (Victim::Agent, "journal.regressed.stored")];
const REOBSERVED: &[(Victim, &str)] =
    &[(Victim::Agent, "journal.reobserved.before_commit"), (Victim::Agent, "journal.reobserved.stored")];

/// Points that only one part of a round visits; the deck does without them.
pub const OF_THEIR_OWN: [&str; 4] =
    ["planning.", "journal.cancelled.", "journal.regressed.", "journal.reobserved."];

/// What is to be done on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Everything, on an empty server.
    Install,
    /// Both packages get another version, and with them what they reset.
    Replace,
    /// A person changed a service, a pool and a file.
    Drift,
    /// As `Replace`, and an operator cancels the run as soon as it moves, then resumes it.
    Cancel,
    /// As `Drift`, and the agent loses its journal between approval and run: refused, planned again.
    Regress,
}

/// A field and its versions.
pub struct Round<'a> {
    fire: Fire<'a>,
    newer: bool,
    /// Batches that took place before this change.
    batches: usize,
}

/// What one change came to.
#[derive(Debug, Default)]
struct Course {
    /// Unknown steps that were ordered anew, by node.
    restarted: BTreeMap<String, u64>,
    /// Numbers of steps whose outcome was unknown since the run last went on.
    unknown: BTreeSet<u32>,
    /// The plan runs the script.
    scripts: bool,
    /// An operator will cancel the run as soon as a step has started.
    cancel: bool,
}

impl<'a> Round<'a> {
    /// A field in operation, with nobody dying yet.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(programs: &Programs, deck: &'a mut Deck, tally: &'a mut Tally) -> Result<Self> {
        Ok(Self { fire: Fire::new(Field::open(programs, scene())?, deck, tally), newer: false, batches: 0 })
    }

    /// Plans, approves and runs a change under fire, and judges what happened.
    ///
    /// # Errors
    /// Where a program does what it must not, or nothing any more.
    pub fn play(&mut self, change: Change) -> Result<()> {
        self.prepare(change)?;
        self.batches = self.fire.field.agent.twin.batches().len();
        let known = self.fire.field.agent.twin.ledger().len();
        // One plan in four is made under fire; the others would only repeat that one point.
        let rarely = if self.fire.deck.below(4) == 0 { PLANNING } else { &[] };
        let plan = self.plan(rarely)?;
        if change == Change::Regress {
            let refused = self.regress(plan, known)?;
            let plan = if refused { self.plan(REOBSERVED)? } else { plan };
            return self.run(plan, known, change);
        }
        self.run(plan, known, change)
    }

    fn prepare(&mut self, change: Change) -> Result<()> {
        let field = &self.fire.field;
        // A database that was restored has no marks: its script is due again.
        field.agent.twin.change_sql(|server| {
            if let Some(database) = server.databases.get_mut("KILL") {
                database.properties.clear();
                database.tables.clear();
            }
        });
        match change {
            Change::Install => {}
            Change::Replace | Change::Cancel => {
                let (old, new) = if self.newer { (1, 0) } else { (0, 1) };
                field.edit(&format!("alpha: \"1.{old}\""), &format!("alpha: \"1.{new}\""));
                field.edit(&format!("beta: \"2.{old}\""), &format!("beta: \"2.{new}\""));
                self.newer = !self.newer;
                let ran = field.push();
                ensure!(ran.code == code::OK, "push: {}", ran.said());
            }
            Change::Drift | Change::Regress => {
                let twin = &field.agent.twin;
                twin.set(&["service", "Alpha", "state=stopped"]);
                twin.set(&["app_pool", "Beta", "load_user_profile=false"]);
                twin.set(&["file", r"C:\Kill\note.txt", "absent"]);
            }
        }
        Ok(())
    }

    /// Plans and approves, with a death at one of these points; planned again until a plan can be approved.
    fn plan(&mut self, points: &[(Victim, &'static str)]) -> Result<PlanId> {
        let first = self.fire.least_tried(points);
        self.fire.open(u64::from(first.is_some()), first)?;
        let begin = Instant::now();
        let plan = loop {
            let site = self.fire.field.scene.site.clone();
            let ran = self.fire.field.cli.run(["--output", "json", "plan", &site]);
            let made: Option<serde_json::Value> = serde_json::from_str(&ran.out).ok();
            let id = made.and_then(|made| made.get("plan")?.as_u64()).map(PlanId);
            if let (code::OK, Some(id)) = (ran.code, id)
                && self.fire.field.cli.run(["approve", &id.to_string()]).code == code::OK
            {
                break id;
            }
            ensure!(begin.elapsed() < PATIENCE, "no plan can be approved: {}", ran.said());
            self.fire.tend()?;
            std::thread::sleep(Duration::from_millis(20));
        };
        self.fire.cease()?;
        Ok(plan)
    }

    /// The agent loses its journal: the approved plan must be refused without an effect. False where the agent was not
    /// behind anything that the controller knew.
    fn regress(&mut self, plan: PlanId, known: usize) -> Result<bool> {
        let first = self.next_event();
        let at = self.fire.least_tried(REGRESSED).context("no point")?;
        self.fire.forget(at)?;
        self.fire.type_in(&["run", &plan.to_string()])?;
        let end = self.follow(plan, first, &mut Course::default())?;
        self.fire.cease()?;
        let effects = self.fire.field.agent.twin.effects_after(known);
        ensure!(end == RunEnd::Refused, "an agent without its journal ran {plan}: {end:?}");
        ensure!(effects.is_empty(), "a refused plan had effects: {effects:?}");
        Ok(true)
    }

    fn next_event(&self) -> u64 {
        self.fire.field.events().last().map_or(1, |event| event.sequence.0 + 1)
    }

    fn run(&mut self, plan: PlanId, known: usize, change: Change) -> Result<()> {
        let ordered = oracle::ordered(&self.fire.field.steps(plan).steps);
        let scripts =
            self.fire.field.steps(plan).steps.iter().any(|step| step.node.kind == NodeKind::SqlScripts);
        let mut course = Course { cancel: change == Change::Cancel, scripts, ..Course::default() };
        let mut plan = plan;
        let favourite = match change {
            Change::Install => self.fire.least_tried(INTENT),
            Change::Cancel => self.fire.least_tried(CANCELLED),
            Change::Drift => self.fire.least_tried(SCRIPTS),
            Change::Replace | Change::Regress => None,
        };
        loop {
            let first = self.next_event();
            let kills = 1 + self.fire.deck.below(KILLS_MOST);
            let installs = !matches!(change, Change::Drift | Change::Regress);
            match favourite {
                None if self.fire.deck.below(4) > 0 => self.fire.open_anywhere(kills, installs)?,
                _ => self.fire.open(kills, favourite)?,
            }
            self.fire.type_in(&["run", &plan.to_string()])?;
            let end = self.follow(plan, first, &mut course)?;
            self.fire.cease()?;
            self.fire.tally.runs += 1;
            match end {
                RunEnd::Done => break,
                // Half of a replacement was done when its installer died: what is there now was never approved.
                RunEnd::Blocked if !course.restarted.is_empty() => plan = self.plan(PLANNING)?,
                RunEnd::Failed
                | RunEnd::Blocked
                | RunEnd::Unknown
                | RunEnd::Refused
                | RunEnd::Cancelled
                | RunEnd::Expired => {
                    self.fire.show();
                    bail!("{plan} ended {end:?}: {:#?}", self.fire.field.why())
                }
            }
        }
        self.judge(plan, known, &ordered, &course)
    }

    /// Follows the run until it ends in a way that is not settled by going on, and does what a person must.
    fn follow(&mut self, plan: PlanId, first: u64, course: &mut Course) -> Result<RunEnd> {
        let mut watch = Watch::open(&self.fire.field.cli, first)?;
        let mut last = Instant::now();
        loop {
            self.fire.tend()?;
            if last.elapsed() > PATIENCE {
                self.fire.show();
                bail!("{plan} stands still: {:#?}", self.fire.field.why());
            }
            match watch.poll(Duration::from_millis(10))? {
                Came::Nothing => {}
                Came::Ended => {
                    std::thread::sleep(Duration::from_millis(10));
                    watch = Watch::open(&self.fire.field.cli, watch.next_number())?;
                }
                Came::Event(event) => {
                    last = Instant::now();
                    if let Some(end) = self.react(plan, &event.body, course)? {
                        return Ok(end);
                    }
                }
            }
        }
    }

    /// What a person does about an event; the run's end, once nothing more is to be done about it.
    fn react(&mut self, plan: PlanId, body: &EventBody, course: &mut Course) -> Result<Option<RunEnd>> {
        if let EventBody::StepStarted { plan: of, .. } = body
            && *of == plan
            && std::mem::take(&mut course.cancel)
        {
            self.fire.type_in(&["cancel", &plan.to_string()])?;
        }
        if let EventBody::GateOpened { plan: of, step } = body
            && *of == plan
        {
            self.fire.type_in(&["done", &format!("{plan}/{step}")])?;
        }
        if let EventBody::StepEnded { plan: of, step, outcome, .. } = body
            && *of == plan
            && outcome.end == End::Unknown
        {
            course.unknown.insert(*step);
        }
        if let EventBody::RunEnded { plan: of, end } = body
            && *of == plan
        {
            return match end {
                RunEnd::Unknown => self.settle(plan, course).map(|()| None),
                RunEnd::Cancelled => self.fire.type_in(&["resume", &plan.to_string()]).map(|_| None),
                RunEnd::Done | RunEnd::Failed | RunEnd::Blocked | RunEnd::Refused | RunEnd::Expired => {
                    Ok(Some(*end))
                }
            };
        }
        Ok(None)
    }

    /// Unknown outcomes must be shown with evidence; then the operator orders them anew.
    fn settle(&mut self, plan: PlanId, course: &mut Course) -> Result<()> {
        self.fire.cease()?;
        let steps = self.fire.field.steps(plan).steps;
        let mut words = vec!["resume".to_owned(), plan.to_string()];
        for number in std::mem::take(&mut course.unknown) {
            let step = steps.iter().find(|step| step.number == number).context("a step that no plan has")?;
            let shown = step.state == StepState::Ended(End::Unknown)
                && step.evidence.as_ref().is_some_and(|text| !text.is_empty())
                && self.fire.field.why().steps.iter().any(|why| why.number == number);
            self.fire.tally.unknown += 1;
            self.fire.tally.hidden += u64::from(!shown);
            *course.restarted.entry(step.node.name.to_string()).or_default() += 1;
            words.extend(["--restart".to_owned(), number.to_string()]);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.fire.type_in(&words)?;
        Ok(())
    }

    fn judge(
        &mut self,
        plan: PlanId,
        known: usize,
        ordered: &BTreeMap<oracle::Effect, u64>,
        course: &Course,
    ) -> Result<()> {
        let undone: Vec<StepView> = self
            .fire
            .field
            .steps(plan)
            .steps
            .into_iter()
            .filter(|step| step.state != StepState::Ended(End::Done))
            .collect();
        ensure!(undone.is_empty(), "{plan} is done, but these steps are not: {undone:#?}");
        let entries = self.fire.field.agent.twin.ledger().split_off(known);
        let verdict = oracle::judge(ordered, &entries, &course.restarted);
        self.fire.tally.add(&verdict);
        let batches = self.fire.field.agent.twin.batches().split_off(self.batches);
        let anew = course.restarted.get("kill").copied().unwrap_or_default();
        let batch_verdict = oracle::judge_batches(course.scripts, &batches, anew);
        self.fire.tally.add(&batch_verdict);
        let left = self.fire.field.plan();
        let left = self.fire.field.rows(left);
        self.fire.tally.lost += left.len() as u64;
        if !self.fire.tally.is_clean() {
            self.fire.show();
            bail!(
                "{plan}: ordered {ordered:?}, {verdict:?}, batches {batches:?}, {batch_verdict:?}, left to do: {left:?}"
            );
        }
        Ok(())
    }
}

/// The scene of the harness.
pub fn scene() -> Scene {
    let folder = root().join("tests/scenes/kill");
    Scene {
        twin: folder.join("twin.yaml"),
        documents: folder,
        site: "kill-site".to_owned(),
        role: "web".to_owned(),
    }
}
