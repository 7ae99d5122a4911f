//! Packages: one-shot, in one or two phases, each started at most once by a supervisor (G2, G18).
//!
//! Neighbours: `installers` owns the processes, `handing` opens what they are told in secret; `muster_agent_core::agree` is
//! asked before the first start and never after it, because a started phase is carried to its end. What cannot be settled ends
//! *unknown*, with the evidence; nothing here starts a phase a second time.

use muster_agent_core::agree::{Agreement, Before, agree};
use muster_agent_core::diff;
use muster_agent_core::observation::Observation;
use muster_model::limits;
use muster_model::manifest::Node;
use muster_model::name::{NodeId, Version};
use muster_model::node::NodeKind;
use muster_model::outcome::End;
use muster_model::plan::Row;
use muster_model::value::Value;

use super::begun_restart::Restarted;
use super::ending::Ending;
use super::{Engine, Error, Task};
use crate::host::{self, CommandLine, ExitMeaning, exit_code};
use crate::supervise::medium::HeldMedium;
use crate::supervise::{self, Phase, Probe};
use crate::{crash, resource};

/// What a phase came to.
enum Came {
    /// It did its work; a remark for the evidence.
    Through(String),
    /// The step ends here.
    Ends(Ending),
}

impl Came {
    /// The same with more evidence.
    fn with(self, more: Option<String>) -> Self {
        match (self, more) {
            (came, None) => came,
            (Self::Through(remark), Some(more)) => Self::Through(format!("{remark}; {more}")),
            (Self::Ends(ending), Some(more)) => {
                let evidence = format!("{}; {more}", ending.evidence);
                Self::Ends(Ending { evidence, ..ending })
            }
        }
    }
}

impl Engine {
    /// Carries out a package's step, or adopts what an earlier process began.
    pub(super) fn package(&self, task: &Task) -> Result<Ending, Error> {
        let ending = self.phases(task)?;
        Ok(Ending { restart: self.restart_left(task)?, ..ending })
    }

    fn phases(&self, task: &Task) -> Result<Ending, Error> {
        let key = &task.ticket.key;
        let uninstalling = self.installers.probe(key, Phase::Uninstall)? != Probe::NeverStarted;
        let installing = self.installers.probe(key, Phase::Install)? != Probe::NeverStarted;
        let mut remarks = Vec::new();
        let replaces = if installing {
            false
        } else if uninstalling {
            true
        } else {
            match self.admit(task)? {
                Ok(replaces) => replaces,
                Err(ending) => return Ok(ending),
            }
        };
        let takes_off = task.node.is_taken_off();
        // What is taken off already is followed by its installation, whatever became of the medium.
        let medium = if replaces && !uninstalling && !takes_off { self.hold_medium(task)? } else { Ok(None) };
        let _held_to_the_end = match medium {
            Ok(medium) => medium,
            Err(problem) => {
                let evidence = format!("nothing was done, and the old version is still there: {problem}");
                return Ok(Ending::new(End::Failed, evidence));
            }
        };
        if replaces {
            match self.phase(task, Phase::Uninstall)? {
                Came::Through(remark) => remarks.push(remark),
                Came::Ends(ending) => return Ok(ending),
            }
        }
        if replaces && !takes_off {
            if let Some(ending) = self.restart_between(task, &remarks)? {
                return Ok(ending);
            }
            self.services_go(task)?;
        }
        if !takes_off {
            match self.phase(task, Phase::Install)? {
                Came::Through(remark) => remarks.push(remark),
                Came::Ends(mut ending) => {
                    // Whoever reads why the installation failed must not miss that the old version is gone.
                    remarks.push(ending.evidence);
                    ending.evidence = remarks.join("; ");
                    return Ok(ending);
                }
            }
        }
        let rows = task.step.rows.clone();
        Ok(Ending { rows, held: held(task), ..Ending::new(End::Done, remarks.join("; ")) })
    }

    /// The end where the old version's uninstaller has left files to be deleted when Windows starts next: those of the new
    /// version would go with them.
    fn restart_between(&self, task: &Task, remarks: &[String]) -> Result<Option<Ending>, Error> {
        let left = self.restart_left(task)?.filter(|start| self.is_present_start(start));
        if left.is_none() || task.node.ignores_restart() {
            return Ok(None);
        }
        let evidence = format!(
            "{}; the new version was not put on, because what the old one left is deleted when Windows starts next; let it start \
             again, then resume",
            remarks.join("; ")
        );
        Ok(Some(Ending::new(End::Failed, evidence)))
    }

    /// Waits for the services that the old version brought: one that its uninstaller took away stays listed until its process has
    /// ended, and no installer can make one of that name before (1072). One that was left where it is, is waited for in vain.
    fn services_go(&self, task: &Task) -> Result<(), Error> {
        let mut services = self.provided_by(&task.node.id);
        services.retain(|node| node.id.kind == NodeKind::Service);
        // One that cannot be read is there: on its way out Windows may answer with an error.
        let is_listed =
            |service: &Node| !matches!(self.host.services().get(service.id.name.as_str()), Ok(None));
        let patience = self.patience(task, "the services of the old version are on their way out");
        let mut left_ms = limits::SERVICE_GONE_MS;
        while left_ms > 0 && services.iter().any(is_listed) {
            left_ms = patience.pause_ms(left_ms, limits::SERVICE_POLL_MS)?;
        }
        Ok(())
    }

    /// What the package creates or resets, by the manifest of the work under way.
    pub(super) fn provided_by(&self, package: &NodeId) -> Vec<Node> {
        self.journal.read(|state| {
            let provided =
                state.open().map(|open| open.work.manifest.provided_by(package).cloned().collect());
            provided.unwrap_or_default()
        })
    }

    /// Whether it may start, and if so whether a version is there that goes first.
    fn admit(&self, task: &Task) -> Result<Result<bool, Ending>, Error> {
        let before = self.look(&task.node);
        let actual = self.journal.read_ledger(|ledger| diff::compare(&task.node, &before, ledger));
        let began = if self.taken_off(task)? { Before::TakenOff } else { Before::Nothing };
        match agree(&task.step, &actual, &self.done_in(task.plan), began) {
            Agreement::Blocked { rows, problem } => {
                let ending = Ending::new(End::Blocked, format!("{problem}; nothing was done"));
                Ok(Err(Ending { rows, ..ending }))
            }
            Agreement::InState => {
                let ending = Ending::new(End::Done, format!("already in state: {}", shown(&before)));
                Ok(Err(Ending { held: held(task), ..ending }))
            }
            Agreement::Agreed(_) => {
                match self.earlier(task)?.or_else(|| self.own_restart_first(&task.node)) {
                    Some(ending) => Ok(Err(ending)),
                    None => Ok(Ok(matches!(before, Observation::Present(_)))),
                }
            }
        }
    }

    /// Whether an earlier attempt of this very plan ended its uninstallation well (G18): that the old version is gone is
    /// then this plan's own doing, and a resumed run goes on with the installation.
    fn taken_off(&self, task: &Task) -> Result<bool, Error> {
        for key in self.begun_in(task.plan, &task.node.id) {
            let probe = self.installers.probe(&key, Phase::Uninstall)?;
            if let Probe::Exited { code } = probe {
                let failed = matches!(self.host.packages().exit_meaning(code), ExitMeaning::Failure(_));
                if !failed || found_nothing(Phase::Uninstall, code) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// What an earlier attempt of unknown outcome forbids.
    fn earlier(&self, task: &Task) -> Result<Option<Ending>, Error> {
        for (key, plan) in self.unsettled(&task.node.id) {
            for phase in [Phase::Uninstall, Phase::Install] {
                if let Probe::Running { pid } = self.installers.probe(&key, phase)? {
                    return Ok(Some(Ending::new(
                        End::Unknown,
                        format!(
                            "the {phase} of an earlier attempt still runs (process {pid}); nothing was started; \
                             wait for its end, then resume with --restart {}",
                            task.step.number
                        ),
                    )));
                }
                if let Some(untidy) = self.tidy(task, &key, phase) {
                    tracing::warn!(%key, %phase, untidy, "an earlier attempt");
                }
            }
            if plan == task.plan && !task.restart {
                return Ok(Some(Ending::new(
                    End::Unknown,
                    "the outcome of an earlier attempt is unknown and its restart was not ordered; nothing was started",
                )));
            }
        }
        Ok(None)
    }

    /// Starts a phase that never was, waits for one that runs, and settles what became of it.
    fn phase(&self, task: &Task, phase: Phase) -> Result<Came, Error> {
        let key = &task.ticket.key;
        if self.installers.probe(key, phase)? == Probe::NeverStarted {
            let before = self.look(&task.node);
            if through(task, phase, &before) {
                // Between the phases someone else did what this one is for; it is as approved.
                return Ok(Came::Through(shown(&before)));
            }
            if phase == Phase::Install && before != Observation::Absent {
                return Ok(ends(
                    End::Failed,
                    format!("not installed, because there is still {}", shown(&before)),
                ));
            }
            if let Some(ending) = self.start(task, phase)? {
                return Ok(Came::Ends(ending));
            }
        }
        let probe = self.await_end(task, phase)?;
        crash::point("installer.ended");
        let unfinished = if probe == Probe::Lost { self.unfinished(task)? } else { None };
        let untidy = self.tidy(task, key, phase);
        let restarted = self.begun_restart(task, phase, probe)?;
        let after = self.look(&task.node);
        Ok(match (self.judge(task, phase, probe, unfinished.as_deref(), &after).with(untidy), restarted) {
            (came, Restarted::NotBegun) => came,
            (came, Restarted::Seen(evidence)) => came.with(Some(evidence)),
            (Came::Through(remark), Restarted::NotSeen(end, problem)) => {
                let held = if phase == Phase::Install { held(task) } else { Vec::new() };
                Came::Ends(Ending { held, ..Ending::new(end, format!("{remark}; {problem}")) })
            }
            (came @ Came::Ends(_), Restarted::NotSeen(_, problem)) => came.with(Some(problem)),
        })
    }

    /// Starts a phase; an ending where nothing was started.
    fn start(&self, task: &Task, phase: Phase) -> Result<Option<Ending>, Error> {
        let not_started = |problem: String| {
            Some(Ending::new(End::Failed, format!("the {phase} was not started: {problem}")))
        };
        if phase == Phase::Install
            && let Err(problem) = self.bring(task, time_limit_ms(&task.node))?
        {
            return Ok(not_started(problem));
        }
        let command = match self.command_line(task, phase) {
            Ok(command) => command,
            Err(error) => return Ok(not_started(error.to_string())),
        };
        let confidential = match self.confidential(task, phase) {
            Ok(confidential) => confidential,
            Err(error) => return Ok(not_started(error.to_string())),
        };
        self.progress(task, format!("{phase} started"));
        crash::point("installer.before_start");
        let started = self.installers.start(&task.ticket.key, phase, &command, &confidential);
        crash::point("installer.after_start");
        match started {
            // Someone started this very attempt between the look and the start: it is adopted like any other.
            Ok(()) | Err(supervise::Error::AlreadyStarted { .. }) => Ok(None),
            Err(supervise::Error::NotStarted { message, .. }) => Ok(not_started(message)),
            Err(error @ supervise::Error::Io { .. }) => Err(error.into()),
        }
    }

    fn command_line(&self, task: &Task, phase: Phase) -> Result<CommandLine, host::Error> {
        let package = resource::package::read(&task.node)?;
        let mut command = match phase {
            Phase::Uninstall => self.host.packages().uninstaller(&package)?,
            Phase::Install => {
                let refused = |message: String| host::Error::Refused {
                    operation: "find the installer of",
                    name: package.name.clone(),
                    message,
                };
                let version =
                    wanted(&task.node).ok_or_else(|| refused("the node names no version".to_owned()))?;
                let version: Version = version.parse().map_err(|error| refused(format!("{error}")))?;
                self.media.supply(self.host.packages().installer(&package, &version)?)
            }
        };
        // What waits for its turn for longer would be killed by nobody, and reported by its time limit.
        command.busy_limit_ms = time_limit_ms(&task.node) / 2;
        command.boot = self.present_start();
        Ok(command)
    }

    /// Takes hold of what installs the new version before the old one goes (G18): a site that has neither is the worst end.
    fn hold_medium(&self, task: &Task) -> Result<Result<Option<HeldMedium>, String>, Error> {
        if let Err(problem) = self.bring(task, time_limit_ms(&task.node))? {
            return Ok(Err(problem));
        }
        let command = self.command_line(task, Phase::Install).map_err(|error| error.to_string());
        let held = |command: CommandLine| {
            command.medium.as_ref().map(HeldMedium::take).transpose().map_err(|error| error.to_string())
        };
        Ok(command.and_then(held))
    }

    /// Waits in slices, so that an agent that is asked to stop leaves the installer to its supervisor.
    fn await_end(&self, task: &Task, phase: Phase) -> Result<Probe, Error> {
        /// How long a stop may take to be noticed.
        const SLICE_MS: u64 = 250;
        let mut left_ms = time_limit_ms(&task.node);
        let what = format!("{phase} goes on");
        let patience = self.patience(task, &what);
        loop {
            let slice_ms = left_ms.min(SLICE_MS);
            let probe = self.installers.wait(&task.ticket.key, phase, slice_ms, self.host.clock())?;
            left_ms -= slice_ms;
            if left_ms == 0 || !matches!(probe, Probe::Running { .. }) {
                return Ok(probe);
            }
            patience.waited(slice_ms)?;
        }
    }

    fn judge(
        &self,
        task: &Task,
        phase: Phase,
        probe: Probe,
        unfinished: Option<&str>,
        after: &Observation,
    ) -> Came {
        let now = shown(after);
        let there = through(task, phase, after);
        let own = self.host.packages().log(task.node.id.name.as_str(), &phase.to_string());
        let log = own.unwrap_or_else(|| self.installers.log(&task.ticket.key, phase));
        let log = log.display();
        match probe {
            Probe::Exited { code } => match self.host.packages().exit_meaning(code) {
                ExitMeaning::Success if there => Came::Through(format!("{phase} ended with {code}; {now}")),
                ExitMeaning::RestartNeeded if there => {
                    Came::Through(format!("{phase} ended with {code}, Windows wants a restart; {now}"))
                }
                ExitMeaning::RestartBegun if there => {
                    Came::Through(format!("{phase} ended with {code}, it began a restart of Windows; {now}"))
                }
                ExitMeaning::Success | ExitMeaning::RestartNeeded | ExitMeaning::RestartBegun => {
                    ends(End::Failed, format!("the {phase} ended well ({code}), but {now}; its log: {log}"))
                }
                ExitMeaning::Failure(_) if there && found_nothing(phase, code) => Came::Through(format!(
                    "{phase} ended with {code}, there was nothing left to take off; {now}"
                )),
                ExitMeaning::Failure(reason) => ends(
                    End::Failed,
                    format!("the {phase} ended with {code}: {reason}; {now}; its log: {log}"),
                ),
            },
            Probe::Lost if there => match unfinished {
                None => Came::Through(format!("how the {phase} ended was not recorded, but {now}")),
                Some(why) => ends(
                    End::Unknown,
                    format!("how the {phase} ended was not recorded; {now}, but {why}; its log: {log}"),
                ),
            },
            Probe::Lost => ends(
                End::Unknown,
                format!("the {phase} was started and how it ended is not recorded; {now}; its log: {log}"),
            ),
            Probe::Running { pid } => ends(
                End::Unknown,
                format!(
                    "the {phase} still runs (process {pid}) after its time limit and goes on; {now}; its log: {log}"
                ),
            ),
            Probe::NeverStarted => ends(End::Failed, format!("the {phase} was not started; {now}")),
        }
    }

    fn look(&self, node: &Node) -> Observation {
        resource::observe(node, self.host.as_ref())
    }
}

/// What holds of the package from now on. What its installer was handed is of that moment alone.
fn held(task: &Task) -> Vec<Row> {
    let rows = task.step.rows.iter();
    rows.filter(|row| !row.reason.is_of_the_moment()).cloned().collect()
}

fn ends(end: End, evidence: String) -> Came {
    Came::Ends(Ending::new(end, evidence))
}

/// Whether what is seen is what the phase is for.
fn through(task: &Task, phase: Phase, seen: &Observation) -> bool {
    match phase {
        Phase::Uninstall => *seen == Observation::Absent,
        // A secret that was handed over is not seen afterwards.
        Phase::Install => !task.step.rows.iter().any(|row| seen.contradicts(row)),
    }
}

/// Whether an uninstaller ended because there was no such product: no failure where looking shows that it is gone.
fn found_nothing(phase: Phase, code: i32) -> bool {
    phase == Phase::Uninstall && code == exit_code::UNKNOWN_PRODUCT
}

pub(super) fn shown(seen: &Observation) -> String {
    match seen {
        Observation::Absent => "no version is installed".to_owned(),
        Observation::Unreadable(problem) => format!("what is installed cannot be read ({problem})"),
        Observation::Present(attributes) => match attributes.get("version") {
            Some(version) => format!("version {version} is installed"),
            None => "a version that has no name is installed".to_owned(),
        },
    }
}

pub(super) fn wanted(node: &Node) -> Option<&str> {
    node.attributes.get("version").and_then(Value::as_text)
}

pub(super) fn time_limit_ms(node: &Node) -> u64 {
    resource::seconds_ms(node, "time_limit_seconds", limits::INSTALLER_TIME_LIMIT_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_uninstaller_that_does_not_know_its_product_has_found_nothing() {
        assert!(found_nothing(Phase::Uninstall, 1605));
        assert!(!found_nothing(Phase::Install, 1605));
        assert!(!found_nothing(Phase::Uninstall, 1603));
    }
}
