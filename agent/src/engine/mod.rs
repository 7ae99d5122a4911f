//! The engine: carries out what the journal says is next, on a thread of its own, whether the controller is there or not.
//!
//! For each step: intent on the disk, observe, agree, effect, observe again, outcome on the disk. `convergent` does the
//! resources whose effect may be repeated, `package` the one-shot ones, `begun_restart` what those may begin,
//! `wanted_restart` what they may leave for the next start, `handing` the secrets of their installers, `guided` those that
//! a person does, `media` has what packages install from fetched, `task` the tasks, `sql` those of scripts, `sql_backup`
//! backups, `ending` is how a step ends, `installers` the port to the supervisors, `patience` waits. Neighbours:
//! `muster_agent_core` decides, `resource` touches the host, `outlet` tells the controller. Synchronous on purpose: one
//! step at a time, in an order that can be read here.

mod begun_restart;
mod convergent;
pub mod ending;
mod guided;
mod handing;
pub mod installers;
pub mod media;
mod package;
pub mod patience;
mod script_file;
mod sql;
mod sql_backup;
mod task;
mod unfinished;
mod wanted_restart;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use muster_agent_core::journal::{Next, OpenStep, Record};
use muster_agent_core::ledger::{self, Change};
use muster_model::digest::Digest;
use muster_model::manifest::Node;
use muster_model::name::NodeId;
use muster_model::node::{Effect, NodeClass, NodeKind};
use muster_model::outcome::{CommandId, End, StepKey, StepTicket};
use muster_model::plan::Step;
use muster_model::secret::SealedSecret;
use muster_proto::session::{FromAgent, Progress, StepEnded, StepStarted};
use thiserror::Error;

use self::ending::Ending;
use self::installers::Installers;
use self::media::Fetching;
use self::patience::{Patience, Stopped};
use crate::host::Host;
use crate::journal::{self, Journal};
use crate::media::Cache;
use crate::outlet::Outlet;
use crate::resource;
use crate::resource::preflight;
use crate::supervise;
use crate::vault::Vault;

/// Why the engine stopped before its work was done.
#[derive(Debug, Error)]
pub enum Error {
    /// The journal did not take a record.
    #[error("the engine cannot go on without its journal")]
    Journal(#[from] journal::Error),
    /// What became of an installer cannot be read.
    #[error("the engine cannot see what became of an installer")]
    Supervise(#[from] supervise::Error),
    /// The agent was asked to stop. The step goes on after the next start.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// The engine and all that it works with.
pub struct Engine {
    /// The machine.
    pub host: Arc<dyn Host>,
    /// What owns installers.
    pub installers: Arc<dyn Installers>,
    /// Media that are held.
    pub media: Cache,
    /// What fetches those that are not.
    pub fetching: Arc<dyn Fetching>,
    /// What opens the secrets that commands bring.
    pub vault: Arc<Vault>,
    /// The journal.
    pub journal: Arc<Journal>,
    /// The way to the controller, where it is there.
    pub outlet: Outlet,
    /// Set, with [`Journal::wake`], to stop it.
    pub stop: Arc<AtomicBool>,
    /// Set, with [`Journal::wake`], once the first try to reach the controller is over, however it went. Only the controller
    /// can tell a journal that went back from one that was cut off, so that it is asked before old work goes on; where it
    /// is out of reach, the work goes on without it.
    pub asked: Arc<AtomicBool>,
}

/// One step to carry out, with all that it needs.
struct Task {
    command: CommandId,
    /// The digest of its plan: numbers may come back after a restore of the controller.
    plan: Digest,
    ticket: StepTicket,
    step: Step,
    node: Node,
    /// The secrets that the command brought, sealed.
    secrets: Vec<SealedSecret>,
    /// Whether its intent was stored by an earlier process, which did not store its outcome.
    interrupted: bool,
    /// Interrupted: in which start of the computer it began, where that was written down.
    boot: Option<String>,
    /// Whether an operator ordered it to be started anew although its earlier outcome is unknown.
    restart: bool,
}

impl Engine {
    /// Works until it is told to stop.
    ///
    /// # Errors
    /// Where the journal or an installer's records fail: the agent must stop.
    pub fn run(&self) -> Result<(), Error> {
        self.journal.wait_for([&self.asked, &self.stop]);
        while let Some(next) = self.journal.wait(&self.stop) {
            match self.turn(next) {
                Ok(()) => {}
                Err(Error::Stopped(Stopped)) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        match self.journal.given_up() {
            Some(error) if !self.stop.load(Ordering::SeqCst) => Err(error.into()),
            Some(_) | None => Ok(()),
        }
    }

    /// Works until nothing is left to do, without waiting for more.
    ///
    /// # Errors
    /// Where the journal or an installer's records fail, or it is told to stop.
    pub fn catch_up(&self) -> Result<(), Error> {
        loop {
            let next = self.journal.read(|state| state.next());
            if next == Next::Idle {
                return Ok(());
            }
            self.turn(next)?;
        }
    }

    /// Does one thing that is next.
    fn turn(&self, next: Next) -> Result<(), Error> {
        match next {
            Next::Idle => Ok(()),
            Next::Skip(step, because) => {
                let evidence =
                    format!("step {because}, on which it depends, did not end well; nothing was done");
                self.end(&step, Ending { because: Some(because), ..Ending::new(End::Skipped, evidence) })
            }
            Next::Cancel(step) => {
                self.end(&step, Ending::new(End::Cancelled, "cancelled before it started; nothing was done"))
            }
            Next::Start(step) => {
                let Some(task) = self.task(&step, false) else { return self.end(&step, unreadable()) };
                if let Some(ending) = self.restart_first(&task) {
                    return self.end(&step, ending);
                }
                self.begin(&task)?;
                self.carry_out(&step, &task)
            }
            Next::Settle(step) => {
                tracing::info!(step = step.ticket.number, "settling a step that was cut off");
                let Some(task) = self.task(&step, true) else { return self.end(&step, unreadable()) };
                self.tell_started(&task);
                self.carry_out(&step, &task)
            }
        }
    }

    fn task(&self, open: &OpenStep, interrupted: bool) -> Option<Task> {
        let task = self.stored_task(open, interrupted)?;
        // After a start of the agent its own disk has what the host logs on with, and no controller need be there.
        self.vault.keep(&task.secrets);
        Some(task)
    }

    fn stored_task(&self, open: &OpenStep, interrupted: bool) -> Option<Task> {
        self.journal.read(|state| {
            let open_command = state.open()?;
            let work = &open_command.work;
            let step = work.step(open.ticket.number)?;
            Some(Task {
                command: open.command,
                plan: work.stored.digest,
                ticket: open.ticket.clone(),
                step: step.clone(),
                node: work.node(step)?.clone(),
                secrets: work.stored.secrets.clone(),
                interrupted,
                boot: open_command.boot.clone(),
                restart: work.stored.restart.contains(&step.number),
            })
        })
    }

    /// No durable intent, no start (promise 3).
    fn begin(&self, task: &Task) -> Result<(), Error> {
        let boot = self.boot_of(task);
        self.journal.append(Record::Intent {
            command: task.command,
            step: task.step.number,
            key: task.ticket.key,
            rows: task.step.rows.clone(),
            at: self.host.clock().now(),
            boot,
        })?;
        tracing::info!(step = task.step.number, node = %task.node.id, "started");
        self.tell_started(task);
        Ok(())
    }

    fn tell_started(&self, task: &Task) {
        let (command, step, key) = (task.command, task.step.number, task.ticket.key);
        self.outlet.send(FromAgent::Started(StepStarted { command, step, key }));
    }

    fn carry_out(&self, open: &OpenStep, task: &Task) -> Result<(), Error> {
        let kind = task.node.id.kind;
        let ending = match (kind.class(), task.node.effect()) {
            (NodeClass::Check, _) => self.check(task)?,
            (NodeClass::Resource, Effect::Convergent) => self.converge(task)?,
            (NodeClass::Resource, Effect::OneShot) => self.package(task)?,
            (NodeClass::Resource, Effect::Guided) => self.guided(task)?,
            (NodeClass::Task, _) => self.run_task(task)?,
            (NodeClass::Gate, _) => {
                Ending::new(End::Failed, format!("a {kind} is not carried out by an agent; nothing was done"))
            }
        };
        self.end(open, ending)
    }

    fn check(&self, task: &Task) -> Result<Ending, Error> {
        self.progress(task, "probing");
        let host = self.host.as_ref();
        if task.node.id.kind == NodeKind::Preflight {
            return Ok(self.preflight(task));
        }
        let looked = if task.node.id.kind == NodeKind::SqlQuery {
            resource::sql_query::ask(&task.node, host)
        } else {
            resource::http_probe::probe(&task.node, host, &self.patience(task, "probing"))
        };
        match looked {
            Ok(evidence) => Ok(Ending::new(End::Done, evidence)),
            Err(resource::Error::Stopped(stopped)) => Err(stopped.into()),
            Err(error) => Ok(Ending::new(End::Failed, error.to_string())),
        }
    }

    /// Looks again right before the first effect on this server: what was so when it was approved may have changed (G1).
    fn preflight(&self, task: &Task) -> Ending {
        let ledger = self.journal.read_ledger(Clone::clone);
        let items = self.journal.read(|state| state.open().map(|open| open.work.clone())).map(|work| {
            let changes =
                |id: &NodeId| work.steps.steps.iter().any(|step| step.node == *id && !step.rows.is_empty());
            let scope = preflight::Scope { manifest: &work.manifest, ledger: &ledger, changes: &changes };
            preflight::look(&task.node, &scope, self.host.as_ref())
        });
        match items.as_deref().map(preflight::summary) {
            Some(Ok(evidence)) => Ending::new(End::Done, evidence),
            Some(Err(evidence)) => Ending::new(End::Failed, evidence),
            None => unreadable(),
        }
    }

    /// Stores how a step ended, with what it changed in the ledger, and then says so.
    fn end(&self, open: &OpenStep, ending: Ending) -> Result<(), Error> {
        let mut changes = self.forgotten(open, ending.end);
        let generation = self.journal.read(|state| state.open().map(|open| open.work.manifest.generation));
        changes
            .extend(generation.into_iter().flat_map(|generation| ledger::changes(&ending.held, generation)));
        if let (true, Some(row), Some(generation)) = (ending.made, ending.held.first(), generation) {
            changes.push(ledger::made(&row.node, generation));
        }
        changes.extend(self.journal.read_ledger(|ledger| ledger::forgotten(&ending.held, ledger)));
        let fires = self.fires(open, &ending);
        let restart = ending.restart.clone();
        let outcome = ending.outcome(self.host.clock().now());
        let (command, step, key) = (open.command, open.ticket.number, open.ticket.key);
        let record = Record::Outcome { command, step, key, outcome: outcome.clone(), fires, restart };
        let journal = self.journal.append_owning(record, changes)?;
        tracing::info!(step, end = %outcome.end, evidence = %outcome.evidence, "ended");
        self.outlet.send(FromAgent::Ended(StepEnded { command, step, key, outcome, journal }));
        Ok(())
    }

    /// What is no longer known of passwords after a package was installed.
    fn forgotten(&self, open: &OpenStep, end: End) -> Vec<Change> {
        let installed = self.journal.read(|state| {
            let work = &state.open()?.work;
            let node = &work.step(open.ticket.number)?.node;
            let installed = end == End::Done && node.kind == NodeKind::Package;
            installed.then(|| (work.manifest.clone(), node.clone()))
        });
        let Some((manifest, package)) = installed else { return Vec::new() };
        self.journal.read_ledger(|ledger| ledger::unknown_after(&manifest, &package, ledger))
    }

    fn progress(&self, task: &Task, text: impl Into<String>) {
        let (step, key) = (task.step.number, task.ticket.key);
        self.outlet.send(FromAgent::Progress(Progress { step, key, text: text.into() }));
    }

    /// Waits during a step; whoever watches reads what goes on and for how long.
    fn patience<'a>(&'a self, task: &'a Task, what: &'a str) -> Patience<'a> {
        let tell =
            move |waited_ms: u64| self.progress(task, format!("{what}, {} s so far", waited_ms / 1_000));
        Patience::new(self.host.clock(), &self.stop, tell)
    }

    /// Whether that node's Done outcome is journalled in that plan: what *known after* waits for.
    fn done_in(&self, plan: Digest) -> impl Fn(&NodeId) -> bool {
        move |node: &NodeId| self.journal.read(|state| state.is_done(plan, node))
    }

    /// Attempts at that node's step that began in that plan, the present one included.
    fn begun_in(&self, plan: Digest, node: &NodeId) -> Vec<StepKey> {
        self.journal.read(|state| state.begun(plan, node).collect())
    }

    /// Attempts at that node whose outcome is unknown, each with its plan's digest.
    fn unsettled(&self, node: &NodeId) -> Vec<(StepKey, Digest)> {
        self.journal.read(|state| state.unsettled(node).collect())
    }
}

fn unreadable() -> Ending {
    Ending::new(End::Failed, "the step is not in its command any more; nothing was done")
}
