//! Tasks: run for each change that fires them, or once for their key. Nothing but their marker makes them done.
//!
//! Neighbours: `muster_agent_core::due` says which are due, `agree_task` whether this one may run now; `resource::restart`
//! stops and starts. The marker is the stored outcome itself, except where the target keeps one.

use muster_agent_core::agree::{Agreement, agree_task};
use muster_agent_core::due;
use muster_model::limits;
use muster_model::manifest::Moment;
use muster_model::name::NodeId;
use muster_model::node::{NodeClass, NodeKind};
use muster_model::outcome::End;

use super::begun_restart::{GOING_DOWN_POLL_MS, started_again};
use super::ending::Ending;
use super::{Engine, Error, OpenStep, Task};
use crate::crash;
use crate::resource::{self, restart};

impl Engine {
    /// Runs a task, or settles what a crash left of it.
    pub(super) fn run_task(&self, task: &Task) -> Result<Ending, Error> {
        if let Some(ending) = self.restarted(task) {
            return Ok(ending);
        }
        let marker = resource::observe_marker(&task.node, self.host.as_ref());
        let began = task.interrupted || self.begun_in(task.plan, &task.node.id).len() > 1;
        let due = self.journal.read(|state| match state.open() {
            Some(open) => due::now(&task.node, marker.as_ref(), &open.work.steps, state),
            None => Ok(Vec::new()),
        });
        let due = match due {
            Ok(due) => due,
            Err(problem) => {
                let problem = format!("its marker cannot be read: {problem}; nothing was done");
                return Ok(Ending::new(End::Failed, problem));
            }
        };
        match agree_task(&task.step, &due, began) {
            Agreement::Blocked { rows, problem } => {
                Ok(Ending { rows, ..Ending::new(End::Blocked, format!("{problem}; nothing was done")) })
            }
            Agreement::InState => {
                let rows = task.step.rows.clone();
                Ok(Ending {
                    rows,
                    ..Ending::new(End::Done, "its marker is there: it ran to its end in this plan")
                })
            }
            Agreement::Agreed(_) => self.effect(task),
        }
    }

    fn effect(&self, task: &Task) -> Result<Ending, Error> {
        let host = self.host.as_ref();
        crash::point("effect.before");
        let ran = match task.node.id.kind {
            NodeKind::Reboot => return self.reboot(task),
            NodeKind::SqlScripts => return self.sql_scripts(task),
            NodeKind::SqlBackup => return self.sql_backup(task),
            NodeKind::ServiceRestart => {
                restart::services(&task.node, host, &self.patience(task, "restarting services"))
            }
            NodeKind::PoolRecycle => restart::recycle(&task.node, host),
            NodeKind::ApplicationStop => restart::stop(&task.node, host, &self.patience(task, "stopping")),
            NodeKind::ApplicationStart => restart::start(&task.node, host, &self.patience(task, "starting")),
            kind @ (NodeKind::Package
            | NodeKind::SqlDatabase
            | NodeKind::SqlQuery
            | NodeKind::Service
            | NodeKind::IisAppPool
            | NodeKind::IisSite
            | NodeKind::Certificate
            | NodeKind::IisBinding
            | NodeKind::PrivateKeyAccess
            | NodeKind::Folder
            | NodeKind::File
            | NodeKind::RegistryValue
            | NodeKind::WindowsFeature
            | NodeKind::HttpProbe
            | NodeKind::Preflight
            | NodeKind::ManualStep) => {
                return Ok(Ending::new(End::Failed, format!("a {kind} is no task; nothing was done")));
            }
        };
        crash::point("effect.after");
        match ran {
            Ok(evidence) => Ok(Ending { rows: task.step.rows.clone(), ..Ending::new(End::Done, evidence) }),
            Err(resource::Error::Stopped(stopped)) => Err(stopped.into()),
            Err(error) => Ok(Ending::new(End::Failed, error.to_string())),
        }
    }

    /// Asks Windows to start again and waits to be ended. The next agent settles the step by the mark in its intent.
    fn reboot(&self, task: &Task) -> Result<Ending, Error> {
        if let Err(error) = self.host.machine().boot() {
            return Ok(Ending::new(
                End::Failed,
                format!("{error}; the computer was not asked to start again"),
            ));
        }
        self.progress(task, "the computer starts again");
        if let Err(error) = self.host.machine().reboot(&format!("Muster, step {}", task.step.number)) {
            return Ok(Ending::new(End::Failed, error.to_string()));
        }
        crash::point("effect.after");
        let limit_ms =
            resource::seconds_ms(&task.node, "time_limit_seconds", limits::REBOOT_TIME_LIMIT_SECONDS);
        let patience = self.patience(task, "the computer goes down");
        let mut left_ms = limit_ms;
        while left_ms > 0 {
            left_ms = patience.pause_ms(left_ms, GOING_DOWN_POLL_MS)?;
        }
        let limit_s = limit_ms / 1_000;
        Ok(Ending::new(End::Failed, format!("Windows took the request and still runs after {limit_s} s")))
    }

    /// What became of a reboot that was cut off: done where the computer has started since its intent was stored; asked for
    /// again where it is the same start; unknown where nobody can tell, so that it never starts again and again.
    fn restarted(&self, task: &Task) -> Option<Ending> {
        if task.node.id.kind != NodeKind::Reboot || !task.interrupted {
            return None;
        }
        match (&task.boot, self.host.machine().boot()) {
            (Some(then), Ok(now)) if now == *then => None,
            (Some(then), Ok(now)) => {
                let evidence = started_again(then, &now);
                Some(Ending { rows: task.step.rows.clone(), ..Ending::new(End::Done, evidence) })
            }
            (None, _) => Some(undecided("it was not written down in which start it was asked for")),
            (Some(_), Err(error)) => Some(undecided(&error.to_string())),
        }
    }

    /// What the intent of a reboot writes down of the computer's present start.
    pub(super) fn boot_of(&self, task: &Task) -> Option<String> {
        if task.node.id.kind != NodeKind::Reboot {
            return None;
        }
        self.present_start()
    }

    /// The tasks that this end makes necessary: what it changed, or may have changed, fires them.
    pub(super) fn fires(&self, open: &OpenStep, ending: &Ending) -> Vec<NodeId> {
        let may_have_changed = match ending.end {
            End::Done | End::Unknown => true,
            End::Failed => !ending.held.is_empty(),
            End::Blocked | End::Skipped | End::Superseded | End::Cancelled | End::Waiting => false,
        };
        if !may_have_changed {
            return Vec::new();
        }
        self.journal.read(|state| {
            let Some(work) = state.open().map(|open| &open.work) else { return Vec::new() };
            let Some(step) = work.step(open.ticket.number) else { return Vec::new() };
            if !matches!(step.class, NodeClass::Resource | NodeClass::Task) {
                return Vec::new();
            }
            let fired = |node: &&muster_model::manifest::Node| {
                let triggers = node.triggers.iter().flatten();
                triggers
                    .filter(|trigger| trigger.moment == Moment::After)
                    .any(|trigger| trigger.cause == step.node)
            };
            work.manifest.nodes.iter().filter(fired).map(|node| node.id.clone()).collect()
        })
    }
}

fn undecided(problem: &str) -> Ending {
    let evidence = format!(
        "whether the computer started again cannot be told: {problem}; look at its uptime, then confirm the step or order it \
         to be started anew"
    );
    Ending::new(End::Unknown, evidence)
}
