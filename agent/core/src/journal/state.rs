//! The fold of the journal: what the agent is committed to, and what it has to do next.
//!
//! Neighbours: `inbox` judges by it, the engine works by [`State::next`], the session sends the outbox. One `match` holds
//! every move; a record that cannot follow is an error and nothing is guessed.

use std::collections::{BTreeMap, BTreeSet};

use muster_model::command::Epoch;
use muster_model::digest::Digest;
use muster_model::memory::{AgentMemory, OutcomeMemory};
use muster_model::name::{Generation, NodeId, ServerId};
use muster_model::node::{Effect, NodeClass};
use muster_model::outcome::{CommandId, End, Outcome, StepKey, StepTicket};
use muster_model::plan::{New, Step};
use thiserror::Error;

use super::Record;
use super::past::Past;
use crate::inbox;
use crate::work::{Unreadable, Work};

/// What the journal says.
#[derive(Debug, Clone, Default)]
pub struct State {
    epoch: Option<Epoch>,
    generation: Option<Generation>,
    commands: BTreeSet<CommandId>,
    keys: BTreeSet<StepKey>,
    open: Option<Open>,
    outbox: BTreeMap<u64, Unacknowledged>,
    /// Plans are told apart by their digests here: a controller that was restored without `recover` gives a number twice.
    done: BTreeSet<(Digest, NodeId)>,
    begun: BTreeMap<(Digest, NodeId), BTreeSet<StepKey>>,
    unsettled: BTreeMap<NodeId, BTreeMap<StepKey, Digest>>,
    asked: BTreeSet<(Digest, NodeId)>,
    owed: BTreeSet<(NodeId, NodeId)>,
    ran: BTreeMap<NodeId, Digest>,
    restarts: BTreeMap<NodeId, String>,
    past: Past,
    regressed: Option<Gap>,
}

/// A command that is being carried out.
#[derive(Debug, Clone)]
pub struct Open {
    /// What is to be done.
    pub work: Work,
    /// Whether it stops before its next step.
    pub cancelled: bool,
    /// How its steps ended so far, by number.
    pub ended: BTreeMap<u32, Ended>,
    /// The step whose intent is stored and whose outcome is not.
    pub begun: Option<StepKey>,
    /// That step's mark of the computer's start, where it has one.
    pub boot: Option<String>,
}

/// How a step of the open command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub end: End,
    /// Skipped: because of which step.
    pub because: Option<u32>,
}

/// An outcome that the controller may not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unacknowledged {
    /// The command.
    pub command: CommandId,
    /// The step's number in the plan.
    pub step: u32,
    /// The attempt.
    pub key: StepKey,
    /// How it ended.
    pub outcome: Outcome,
}

/// How far a restored journal is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The position that the controller has stored.
    pub known: u64,
    /// The position that the journal had.
    pub have: u64,
}

/// A step of the open command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenStep {
    /// The command.
    pub command: CommandId,
    /// The step and the attempt.
    pub ticket: StepTicket,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing: wait for a command.
    Idle,
    /// Store the intent, then carry it out.
    Start(OpenStep),
    /// Its intent was stored before a crash: settle what became of it.
    Settle(OpenStep),
    /// End it as skipped: that step did not end well.
    Skip(OpenStep, u32),
    /// End it as cancelled.
    Cancel(OpenStep),
}

/// A record that cannot follow those before it.
#[derive(Debug, Error)]
pub enum IllegalRecord {
    /// An epoch that is not to be obeyed.
    #[error("epoch {0} was stored after a higher one")]
    Epoch(u64),
    /// A command while another one is open, or once more.
    #[error("command {0} was accepted while it could not be")]
    Command(CommandId),
    /// A command that cannot be read.
    #[error("command {0} cannot be read")]
    Work(CommandId, #[source] Unreadable),
    /// A step that does not belong to the open command, or is at another point.
    #[error("step {step} ({key}) cannot {happened} here")]
    Step {
        /// The step's number.
        step: u32,
        /// The attempt.
        key: StepKey,
        /// What the record says.
        happened: &'static str,
    },
}

impl State {
    /// Takes in a record that is stored at that position. The only way in which the state moves.
    ///
    /// # Errors
    /// Where the record cannot follow; the state is as before then.
    pub fn apply(&mut self, position: u64, record: Record) -> Result<(), IllegalRecord> {
        match record {
            Record::Epoch { epoch } => self.obey(epoch),
            Record::Accepted { command } => {
                let id = command.id;
                if self.open.is_some() || self.knows(&id) {
                    return Err(IllegalRecord::Command(id));
                }
                let work = Work::from_stored(*command).map_err(|error| IllegalRecord::Work(id, error))?;
                self.obey(work.stored.epoch)?;
                self.past.accepted(&work);
                self.accept(work);
                Ok(())
            }
            Record::Intent { command, step, key, boot, rows: _, at: _ } => {
                let open = self.open_step(command, step, key, "begin")?;
                if open.begun.is_some() {
                    return Err(IllegalRecord::Step { step, key, happened: "begin beside another" });
                }
                open.begun = Some(key);
                open.boot = boot;
                let plan = open.work.stored.digest;
                if let Some(node) = open.work.step(step).map(|step| step.node.clone()) {
                    self.begun.entry((plan, node)).or_default().insert(key);
                }
                Ok(())
            }
            Record::Outcome { command, step, key, outcome, fires, restart } => {
                let open = self.open_step(command, step, key, "end")?;
                if open.begun.is_some_and(|begun| begun != key) {
                    return Err(IllegalRecord::Step { step, key, happened: "end before the one that began" });
                }
                let node = open.work.step(step).map(|step| step.node.clone());
                self.restarts.extend(node.zip(restart));
                self.end(position, Unacknowledged { command, step, key, outcome }, fires);
                Ok(())
            }
            Record::Acknowledged { key } => {
                self.outbox.retain(|_, waiting| waiting.key != key);
                Ok(())
            }
            Record::Cancelled { command } => {
                if let Some(open) = self.open.as_mut().filter(|open| open.work.stored.id == command) {
                    open.cancelled = true;
                }
                Ok(())
            }
            Record::Regressed { known, have } => {
                self.regressed = Some(Gap { known, have });
                Ok(())
            }
            Record::Reobserved => {
                self.regressed = None;
                Ok(())
            }
        }
    }

    /// What to do next.
    pub fn next(&self) -> Next {
        let Some(open) = &self.open else { return Next::Idle };
        let Some(ticket) =
            open.work.stored.tickets.iter().find(|ticket| !open.ended.contains_key(&ticket.number))
        else {
            return Next::Idle;
        };
        let step = OpenStep { command: open.work.stored.id, ticket: ticket.clone() };
        if open.begun == Some(ticket.key) {
            return Next::Settle(step);
        }
        if open.cancelled || self.regressed.is_some() {
            return Next::Cancel(step);
        }
        let failed = open.work.before(ticket.number).find_map(|number| {
            let ended = open.ended.get(&number).filter(|ended| ended.end != End::Done)?;
            Some(ended.because.unwrap_or(number))
        });
        failed.map_or(Next::Start(step.clone()), |because| Next::Skip(step, because))
    }

    /// The highest epoch that was obeyed.
    pub fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// The highest generation that was accepted.
    pub fn generation(&self) -> Option<Generation> {
        self.generation
    }

    /// Whether that command was accepted once.
    pub fn knows(&self, command: &CommandId) -> bool {
        self.commands.contains(command)
    }

    /// Whether that key came with an accepted command.
    pub fn has_key(&self, key: &StepKey) -> bool {
        self.keys.contains(key)
    }

    /// The command that is being carried out.
    pub fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }

    /// Outcomes to send, each with its position, oldest first.
    pub fn outbox(&self) -> impl Iterator<Item = (u64, &Unacknowledged)> {
        self.outbox.iter().map(|(position, waiting)| (*position, waiting))
    }

    /// Whether that node's step ended Done here in the plan of that digest.
    pub fn is_done(&self, plan: Digest, node: &NodeId) -> bool {
        self.done.contains(&(plan, node.clone()))
    }

    /// Attempts at that node's step that began here in the plan of that digest, the present one included.
    pub fn begun(&self, plan: Digest, node: &NodeId) -> impl Iterator<Item = StepKey> {
        self.begun.get(&(plan, node.clone())).into_iter().flatten().copied()
    }

    /// Attempts at that node's one-shot effect of which the outcome is unknown, each with its plan's digest.
    pub fn unsettled(&self, node: &NodeId) -> impl Iterator<Item = (StepKey, Digest)> {
        self.unsettled.get(node).into_iter().flatten().map(|(key, plan)| (*key, *plan))
    }

    /// Whether a person was asked here for that node in the plan of that digest: what differs since may be his doing.
    pub fn asked(&self, plan: Digest, node: &NodeId) -> bool {
        self.asked.contains(&(plan, node.clone()))
    }

    /// Whether a change of that node made that task necessary, and it was not run since.
    pub fn owes(&self, task: &NodeId, cause: &NodeId) -> bool {
        self.owed.contains(&(task.clone(), cause.clone()))
    }

    /// The packages whose installers left work for the next start of the computer (3010), each with the start that it last
    /// ran in: whether another one has come, whoever asks compares.
    pub fn restarts_left(&self) -> impl Iterator<Item = (&NodeId, &str)> {
        self.restarts.iter().map(|(package, start)| (package, start.as_str()))
    }

    /// The key under which that task last ran here, where its marker is this journal.
    pub fn ran(&self, task: &NodeId) -> Option<Digest> {
        self.ran.get(task).copied()
    }

    /// What a restored controller asks for: everything that is remembered of past work.
    pub fn memory(&self, server: ServerId, journal: u64) -> AgentMemory {
        let unacknowledged = self.outbox.values().map(|waiting| {
            let Unacknowledged { command, step, key, outcome } = waiting.clone();
            OutcomeMemory { command, step, key, outcome }
        });
        AgentMemory {
            format: muster_model::FORMAT,
            server,
            journal,
            epoch: self.epoch,
            generation: self.generation,
            newest_plan: self.past.newest_plan(),
            newest_revision: self.past.newest_revision(),
            plans: self.past.newest(),
            open: self.open.as_ref().map(|open| open.work.stored.id),
            unacknowledged: unacknowledged.collect(),
        }
    }

    /// Whether the journal went back and the server was not compared since.
    pub fn regressed(&self) -> Option<Gap> {
        self.regressed
    }

    fn obey(&mut self, epoch: Epoch) -> Result<(), IllegalRecord> {
        if inbox::epoch(epoch, self.epoch).is_some() {
            return Err(IllegalRecord::Epoch(epoch.number));
        }
        self.epoch = Some(epoch);
        Ok(())
    }

    fn accept(&mut self, work: Work) {
        let generation = work.manifest.generation;
        self.generation = self.generation.max(Some(generation));
        self.commands.insert(work.stored.id);
        self.keys.extend(work.stored.tickets.iter().map(|ticket| ticket.key));
        self.open = Some(Open { work, cancelled: false, ended: BTreeMap::new(), begun: None, boot: None });
    }

    /// The open command, if that step of it has not ended.
    fn open_step(
        &mut self,
        command: CommandId,
        step: u32,
        key: StepKey,
        happened: &'static str,
    ) -> Result<&mut Open, IllegalRecord> {
        let wanted = StepTicket { number: step, key };
        let belongs = |open: &&mut Open| {
            open.work.stored.id == command
                && open.work.stored.tickets.contains(&wanted)
                && !open.ended.contains_key(&step)
        };
        self.open.as_mut().filter(belongs).ok_or(IllegalRecord::Step { step, key, happened })
    }

    fn end(&mut self, position: u64, ended: Unacknowledged, fires: Vec<NodeId>) {
        let Some(open) = self.open.as_mut() else { return };
        let plan = open.work.stored.digest;
        let end = ended.outcome.end;
        self.past.ended(&open.work, ended.step, end);
        if let Some(step) = open.work.step(ended.step) {
            if end == End::Done && step.class == NodeClass::Task {
                self.owed.retain(|(task, _)| *task != step.node);
                self.ran.extend(key_of(step).map(|key| (step.node.clone(), key)));
            }
            self.owed.extend(fires.into_iter().map(|task| (task, step.node.clone())));
            if end == End::Done {
                self.done.insert((plan, step.node.clone()));
            }
            if end == End::Waiting {
                self.asked.insert((plan, step.node.clone()));
            }
            if end == End::Unknown && step.effect == Effect::OneShot {
                self.unsettled.entry(step.node.clone()).or_default().insert(ended.key, plan);
            }
        }
        open.begun = None;
        open.boot = None;
        open.ended.insert(ended.step, Ended { end, because: ended.outcome.because });
        if open.ended.len() == open.work.stored.tickets.len() {
            self.open = None;
        }
        self.outbox.insert(position, ended);
    }
}

/// The key under which a task ran that has no triggers.
fn key_of(step: &Step) -> Option<Digest> {
    step.rows.iter().find_map(|row| match (&row.new, &row.attribute.member) {
        (New::Ran(key), None) => Some(*key),
        (New::Ran(_) | New::Exact(_) | New::Absent | New::Confirmed, _) => None,
    })
}
