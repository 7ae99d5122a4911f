//! A restart of Windows that an installer has begun (1641): nothing more is started on this server before it is over.
//!
//! What would start meanwhile, Windows would end in the midst of its work. So the step waits to be ended by the restart, as a
//! `reboot` does, and the next agent goes on with it, where the computer has another start than the one in which the installer
//! was started. Neighbours: `package` asks after each phase, `task` has reboots of the plan's own. Never asks for a restart.

use muster_model::outcome::End;

use super::package::time_limit_ms;
use super::{Engine, Error, Task};
use crate::host::ExitMeaning;
use crate::supervise::{Phase, Probe};

/// How often a computer that goes down is looked at.
pub(super) const GOING_DOWN_POLL_MS: u64 = 200;

/// What became of a restart that an installer may have begun.
pub(super) enum Restarted {
    /// It began none.
    NotBegun,
    /// The computer has started again; the evidence.
    Seen(String),
    /// It has not, or nobody can tell: how the step ends, and why.
    NotSeen(End, String),
}

impl Engine {
    /// In which start of the computer this is, where that is told.
    pub(super) fn present_start(&self) -> Option<String> {
        let boot = self.host.machine().boot();
        boot.inspect_err(|error| tracing::warn!(%error, "the computer's start is not known")).ok()
    }

    /// Waits for the restart that the installer has begun, for as long as an installer may take. That a stop of the agent, or
    /// the restart itself, cuts it off leaves the step to the next agent.
    pub(super) fn begun_restart(&self, task: &Task, phase: Phase, probe: Probe) -> Result<Restarted, Error> {
        let Probe::Exited { code } = probe else { return Ok(Restarted::NotBegun) };
        if self.host.packages().exit_meaning(code) != ExitMeaning::RestartBegun {
            return Ok(Restarted::NotBegun);
        }
        let Some(then) = self.installers.boot(&task.ticket.key, phase)? else {
            return Ok(untold("it was not written down in which start of the computer the installer ran"));
        };
        let limit_ms = time_limit_ms(&task.node);
        let what = format!("the {phase} began a restart of Windows, which is waited for");
        let patience = self.patience(task, &what);
        let mut left_ms = limit_ms;
        loop {
            // A computer that goes down may not answer any more.
            let problem = match self.host.machine().boot() {
                Ok(now) if now != then => {
                    return Ok(Restarted::Seen(started_again(&then, &now)));
                }
                Ok(_) => None,
                Err(error) => Some(error),
            };
            if left_ms == 0 {
                return Ok(match problem {
                    Some(error) => untold(&error.to_string()),
                    None => Restarted::NotSeen(End::Failed, still_runs(limit_ms)),
                });
            }
            left_ms = patience.pause_ms(left_ms, GOING_DOWN_POLL_MS)?;
        }
    }
}

/// The evidence of a start after another.
pub(super) fn started_again(then: &str, now: &str) -> String {
    format!("the computer started again: {then} before, {now} now")
}

fn still_runs(limit_ms: u64) -> String {
    format!(
        "Windows still runs after {} s, and nothing more was started; let it start again, then make a new plan",
        limit_ms / 1_000
    )
}

fn untold(problem: &str) -> Restarted {
    Restarted::NotSeen(
        End::Unknown,
        format!(
            "whether Windows has started again cannot be told: {problem}; look at its uptime, then confirm the step"
        ),
    )
}
