//! Steps whose effect may be repeated: services, pools, files.
//!
//! Neighbours: `resource` observes and applies, `muster_agent_core::agree` is asked in between. A step is done when a second
//! observation shows every approved value, and not because nothing failed.

use muster_agent_core::agree::{Agreement, Before, agree};
use muster_agent_core::diff;
use muster_agent_core::ledger;
use muster_agent_core::observation::Observation;
use muster_model::outcome::End;
use muster_model::plan::Row;

use super::ending::{self, Ending};
use super::{Engine, Error, Task};
use crate::{crash, resource};

/// What a watcher reads of a long wait before a resource is compared, and of one after it was changed.
const SETTLES: &str = "waiting until it stands still";
const CONFIRMS: &str = "waiting until it holds";

impl Engine {
    /// Carries out a step, or what a crash left of it: both begin with a look at what is there.
    pub(super) fn converge(&self, task: &Task) -> Result<Ending, Error> {
        let host = self.host.as_ref();
        if let Err(error) = resource::settle(&task.node, host, &self.patience(task, SETTLES)) {
            return failed(error, Vec::new());
        }
        let before = resource::observe(&task.node, host);
        let actual = self.journal.read_ledger(|ledger| diff::compare(&task.node, &before, ledger));
        let began = if task.interrupted { Before::CutOff } else { Before::Nothing };
        match agree(&task.step, &actual, &self.done_in(task.plan), began) {
            Agreement::Blocked { rows, problem } => {
                Ok(Ending { rows, ..Ending::new(End::Blocked, format!("{problem}; nothing was done")) })
            }
            Agreement::InState => {
                if let Err(error) = resource::confirm(&task.node, host, &self.patience(task, CONFIRMS)) {
                    return failed(error, Vec::new());
                }
                self.settled(task, &[], "already in state")
            }
            Agreement::Agreed(agreed) => {
                crash::point("effect.before");
                let secrets = self.vault.opener(&task.secrets);
                let applied = resource::apply(&task.node, &before, &agreed, host, &secrets);
                crash::point("effect.after");
                let confirmed = applied
                    .and_then(|()| resource::confirm(&task.node, host, &self.patience(task, CONFIRMS)));
                match confirmed {
                    Ok(()) => self.settled(task, agreed.rows(), "set"),
                    Err(error) => failed(error, self.holding(task, agreed.rows())),
                }
            }
        }
    }

    /// The end after a second observation.
    fn settled(&self, task: &Task, applied: &[Row], how: &str) -> Result<Ending, Error> {
        let after = resource::observe(&task.node, self.host.as_ref());
        let missing: Vec<String> = task
            .step
            .rows
            .iter()
            .filter(|row| after.contradicts(row))
            .map(|row| match after.value(&row.attribute) {
                Some(value) => format!("{} is {value}, not {}", row.attribute, row.new),
                None => format!("{} is absent, not {}", row.attribute, row.new),
            })
            .collect();
        if missing.is_empty() {
            // A password that opened a file is of that moment alone.
            let stays = |row: &&Row| !row.reason.is_of_the_moment();
            let held: Vec<Row> = task.step.rows.iter().filter(stays).cloned().collect();
            let remark = resource::remark(&task.node, self.host.as_ref());
            let remark = remark.map(|remark| format!("; {remark}")).unwrap_or_default();
            let evidence = format!("{how}; seen: {}{remark}", ending::held(&held));
            let made = ledger::makes(applied, &task.step.rows, task.interrupted);
            return Ok(Ending { rows: applied.to_vec(), made, held, ..Ending::new(End::Done, evidence) });
        }
        let problem = match &after {
            Observation::Unreadable(problem) => format!("it cannot be looked at again: {problem}"),
            Observation::Absent => "it is absent".to_owned(),
            Observation::Present(_) => missing.join(", "),
        };
        let held = applied.iter().filter(|row| after.shows(row)).cloned().collect();
        Ok(Ending { held, ..Ending::new(End::Failed, format!("{how}, but afterwards {problem}")) })
    }

    /// Those of the rows that hold now although the effect failed.
    fn holding(&self, task: &Task, rows: &[Row]) -> Vec<Row> {
        let after = resource::observe(&task.node, self.host.as_ref());
        rows.iter().filter(|row| after.shows(row)).cloned().collect()
    }
}

fn failed(error: resource::Error, held: Vec<Row>) -> Result<Ending, Error> {
    match error {
        resource::Error::Stopped(stopped) => Err(stopped.into()),
        resource::Error::Host(_)
        | resource::Error::Unmet(_)
        | resource::Error::Secret(_)
        | resource::Error::Locked { .. }
        | resource::Error::Row { .. } => Ok(Ending { held, ..Ending::new(End::Failed, error.to_string()) }),
    }
}
