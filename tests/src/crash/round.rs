//! One field in which plans run under fire: first installation, replacement, drift, what is no longer wanted, cancellation, a
//! lost journal.
//!
//! Neighbours: `fire` kills, `oracle` says what really happened. Operators' commands are typed again when the controller
//! was not there to take them, as a person would.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use muster_agent::host::twin::state::{Binding, State};
use muster_agent::host::{Access, FeatureState, KeyAccess, RegistryData, ServiceState};
use muster_model::event::{Event, EventBody, RunEnd};
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

/// Kills of one run: enough to meet each other, few enough to end.
const KILLS_LEAST: u64 = 6;
const KILLS_MOST: u64 = 24;

/// The orphan of the scene, as its document has it, and what stands in its place without it.
const PRUNED: [&str; 2] = [
    "  - {registry_value: 'HKLM\\SOFTWARE\\Kill\\Pruned', dword: 1, prune: true}\n",
    "  # without the orphan\n",
];
/// The certificate that Muster imports, and one of somebody else.
const OWN: &str = "1A2B3C4D5E6F1A2B3C4D5E6F1A2B3C4D5E6F1A2B";
const OTHER: &str = "F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0";
/// What nobody but a hand made and nobody takes away.
const FOREIGN_BINDING: &str = "http/*:9999:";
const FOREIGN_ACCOUNT: &str = r"KILL-01\foreign";

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
    /// A person changed something of every kind.
    Drift,
    /// A feature is switched off and an orphan left, or both are wanted again.
    Leave,
    /// As `Replace`, and an operator cancels the run as soon as it moves, then resumes it.
    Cancel,
    /// As `Drift`, and the agent loses its journal between approval and run: refused, planned again.
    Regress,
}

/// A field and its versions.
pub struct Round<'a> {
    fire: Fire<'a>,
    newer: bool,
    /// Whether the feature and the orphan are wanted.
    extra: bool,
    /// Whether a hand has put foreign things into what Muster made.
    foreign: bool,
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
    /// The tasks that the plan runs.
    tasks: Vec<NodeKind>,
    /// The steps of this plan that are tasks.
    task_steps: BTreeMap<u32, NodeKind>,
    /// When the controller had stored that a task is done.
    ended: BTreeMap<NodeKind, Timestamp>,
}

impl<'a> Round<'a> {
    /// A field in operation, with nobody dying yet.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(programs: &Programs, deck: &'a mut Deck, tally: &'a mut Tally) -> Result<Self> {
        let fire = Fire::new(Field::open(programs, scene())?, deck, tally)?;
        Ok(Self { fire, newer: false, extra: true, foreign: false, batches: 0 })
    }

    /// What was counted so far.
    pub fn tally(&self) -> &Tally {
        self.fire.tally
    }

    /// Plans, approves and runs a change under fire, and judges what happened.
    ///
    /// # Errors
    /// Where a program does what it must not, or nothing any more.
    pub fn play(&mut self, change: Change) -> Result<()> {
        self.prepare(change)?;
        self.batches = self.fire.field.agent.twin.batches().len();
        let known = self.fire.field.agent.twin.ledger().len();
        self.fire.lives.drain(..self.fire.lives.len().saturating_sub(1));
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
            Change::Leave => {
                let [with, without] = PRUNED;
                let (from, to) = if self.extra { (with, without) } else { (without, with) };
                field.edit(from, to);
                field.edit(&format!("extra: {}", self.extra), &format!("extra: {}", !self.extra));
                self.extra = !self.extra;
                let ran = field.push();
                ensure!(ran.code == code::OK, "push: {}", ran.said());
            }
            Change::Drift | Change::Regress => {
                field.agent.twin.change(drift);
                self.foreign = true;
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
        let steps = self.fire.field.steps(plan).steps;
        let ordered = oracle::ordered(&steps);
        let mut course = Course { cancel: change == Change::Cancel, ..Course::default() };
        course.planned(&steps);
        let mut plan = plan;
        let favourite = match change {
            Change::Install => self.fire.least_tried(INTENT),
            Change::Cancel => self.fire.least_tried(CANCELLED),
            Change::Drift if self.fire.deck.below(2) == 0 => self.fire.least_tried(SCRIPTS),
            Change::Drift | Change::Replace | Change::Leave | Change::Regress => None,
        };
        loop {
            let first = self.next_event();
            let kills = KILLS_LEAST + self.fire.deck.below(KILLS_MOST - KILLS_LEAST);
            let installs = steps.iter().any(|step| step.node.kind == NodeKind::Package);
            match favourite {
                None => self.fire.open_anywhere(kills, installs)?,
                Some(_) => self.fire.open(kills, favourite)?,
            }
            self.fire.type_in(&["run", &plan.to_string()])?;
            let end = self.follow(plan, first, &mut course)?;
            self.fire.cease()?;
            self.fire.tally.runs += 1;
            match end {
                RunEnd::Done => break,
                // Half of a replacement was done when its installer died: what is there now was never approved.
                RunEnd::Blocked if !course.restarted.is_empty() => {
                    plan = self.plan(PLANNING)?;
                    course.planned(&self.fire.field.steps(plan).steps);
                }
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
        let (mut last, mut lost) = (Instant::now(), self.fire.controllers_lost);
        loop {
            self.fire.tend()?;
            if last.elapsed() > PATIENCE {
                self.fire.show();
                bail!("{plan} stands still: {:#?}", self.fire.field.why());
            }
            match watch.poll(Duration::from_millis(10))? {
                // One whose controller died looks for it again only after a while: a new one is there at once.
                Came::Nothing if lost == self.fire.controllers_lost => {}
                Came::Nothing | Came::Ended => {
                    lost = self.fire.controllers_lost;
                    std::thread::sleep(Duration::from_millis(30));
                    watch = Watch::open(&self.fire.field.cli, watch.next_number())?;
                }
                Came::Event(event) => {
                    last = Instant::now();
                    if let Some(end) = self.react(plan, &event, course)? {
                        return Ok(end);
                    }
                }
            }
        }
    }

    /// What a person does about an event; the run's end, once nothing more is to be done about it.
    fn react(&mut self, plan: PlanId, event: &Event, course: &mut Course) -> Result<Option<RunEnd>> {
        let body = &event.body;
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
        {
            if outcome.end == End::Unknown {
                course.unknown.insert(*step);
            } else if let Some(task) = course.task_steps.get(step)
                && outcome.end == End::Done
            {
                course.ended.insert(*task, event.at);
            }
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
        let whole = self.fire.field.agent.twin.ledger();
        let entries = &whole[known..];
        let verdict = oracle::judge(ordered, entries, &course.restarted);
        let batches = self.fire.field.agent.twin.batches().split_off(self.batches);
        let anew = course.restarted.get("kill").copied().unwrap_or_default();
        let batch_verdict = oracle::judge_batches(course.scripts, &batches, anew);
        let task_verdict = oracle::judge_tasks(&course.tasks, entries, &self.fire.lives, &course.ended);
        for verdict in [&verdict, &batch_verdict, &task_verdict] {
            self.fire.tally.add(verdict);
        }
        self.fire.tally.doubled += oracle::made_twice(&whole);
        self.survivors()?;
        let left = self.fire.field.plan();
        let left = self.fire.field.rows(left);
        self.fire.tally.lost += left.len() as u64;
        if !self.fire.tally.is_clean() {
            self.fire.show();
            bail!(
                "{plan}: ordered {ordered:?}, {verdict:?}, batches {batches:?}, {batch_verdict:?}, tasks {:?}, \
                 {task_verdict:?}, left to do: {left:?}",
                course.tasks
            );
        }
        Ok(())
    }

    /// What is foreign is as a hand left it, and what is no longer wanted is gone.
    fn survivors(&self) -> Result<()> {
        let state = self.fire.field.agent.twin.state();
        let import = state.folders.get(r"D:\Import").context("the folder is gone")?;
        ensure!(import.rights.get(FOREIGN_ACCOUNT) == Some(&Access::Read), "a foreign right is gone");
        let foreign = state.sites.get("Foreign").context("the foreign site is gone")?;
        ensure!(foreign.bindings.len() == 2, "a binding of the foreign site is gone");
        if self.foreign {
            let site = state.sites.get("Kill").context("the site is gone")?;
            ensure!(site.bindings.contains_key(FOREIGN_BINDING), "a foreign binding is gone");
            let own = state.certificates.get(OWN).context("the certificate is gone")?;
            ensure!(own.rights.contains_key(FOREIGN_ACCOUNT), "a foreign right on a key is gone");
        }
        if !self.extra {
            let left = [
                state.app_pools.contains_key("Extra"),
                state.sites.contains_key("Extra"),
                state.folders.contains_key(r"D:\Extra"),
                state.registry.contains_key(r"HKLM\SOFTWARE\Kill\Pruned"),
            ];
            ensure!(left == [false; 4], "what Muster made and nobody wants is still there: {left:?}");
        }
        Ok(())
    }
}

impl Course {
    /// Takes over what a plan will run.
    fn planned(&mut self, steps: &[StepView]) {
        self.scripts |= steps.iter().any(|step| step.node.kind == NodeKind::SqlScripts);
        self.tasks.extend(oracle::tasks(steps));
        self.task_steps = steps
            .iter()
            .filter(|step| oracle::tasks(std::slice::from_ref(step)).len() == 1)
            .map(|step| (step.number, step.node.kind))
            .collect();
        // A later plan may run a task again for what it changes itself.
        self.ended.clear();
    }
}

/// One thing of every kind, changed by hand.
fn drift(state: &mut State) {
    if let Some(service) = state.services.get_mut("Alpha") {
        service.halt();
        service.state = ServiceState::Stopped;
    }
    if let Some(pool) = state.app_pools.get_mut("Beta") {
        pool.load_user_profile = Some(false);
    }
    state.files.remove(r"C:\Kill\note.txt");
    if let Some(site) = state.sites.get_mut("Kill") {
        site.physical_path = r"D:\x".to_owned();
        site.stopped = true;
        site.bindings.insert(FOREIGN_BINDING.to_owned(), Binding { sni: false });
    }
    if let Some(record) = state.http_sys.get_mut("kill.example:1025") {
        OTHER.clone_into(&mut record.certificate);
    }
    if let Some(own) = state.certificates.get_mut(OWN) {
        own.rights.clear();
        own.rights.insert(FOREIGN_ACCOUNT.to_owned(), KeyAccess::Read);
    }
    if let Some(folder) = state.folders.get_mut(r"D:\Import") {
        folder.rights.retain(|account, _| account == FOREIGN_ACCOUNT);
    }
    if let Some(value) = state.registry.get_mut(r"HKLM\SOFTWARE\Kill\Beta") {
        value.data = RegistryData::Dword(7);
    }
    if let Some(feature) = state.features.get_mut("IIS-WebServerRole") {
        feature.state = FeatureState::Absent;
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
