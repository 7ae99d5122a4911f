//! Guided packages: a person installs them in the vendor's own dialogs, Muster looks before and after (G4, G18).
//!
//! Neighbours: the controller asks the person and sends the step again when he says that it is done; `resource` observes,
//! `muster_agent_core::agree` is asked before anybody is. Each attempt is one look with no effect, so that after a crash it is
//! looked again. Starts nothing, ever.

use muster_agent_core::agree::{Agreement, Before, agree};
use muster_agent_core::diff;
use muster_agent_core::observation::Observation;
use muster_model::name::NodeId;
use muster_model::node::NodeClass;
use muster_model::outcome::End;

use super::ending::Ending;
use super::package::{shown, wanted};
use super::{Engine, Error, Task};
use crate::resource;

impl Engine {
    /// Looks: done where the package and all that it provides are there; otherwise it is a person's turn, unless the server is
    /// not as approved before he began.
    pub(super) fn guided(&self, task: &Task) -> Result<Ending, Error> {
        let host = self.host.as_ref();
        let seen = resource::observe(&task.node, host);
        let actual = self.journal.read_ledger(|ledger| diff::compare(&task.node, &seen, ledger));
        let asked = self.journal.read(|state| state.asked(task.plan, &task.node.id));
        match agree(&task.step, &actual, &self.done_in(task.plan), Before::Nothing) {
            Agreement::InState => Ok(self.whole(task, &seen)),
            // What he left on the way, such as no version after he took the old one off (G18), is his to go on from.
            Agreement::Blocked { .. } if asked => {
                Ok(Ending::new(End::Waiting, format!("{}; {}", shown(&seen), to_do(task, &seen))))
            }
            Agreement::Blocked { rows, problem } => {
                let evidence = format!("{problem}; nobody was asked to install it");
                Ok(Ending { rows, ..Ending::new(End::Blocked, evidence) })
            }
            Agreement::Agreed(_) => {
                let found = shown(&seen);
                let still = if asked { "still, " } else { "" };
                Ok(Ending::new(End::Waiting, format!("{still}{found}; {}", to_do(task, &seen))))
            }
        }
    }

    /// The wanted version is there: done, if what it provides is there too. What is missing was typed otherwise than shown.
    fn whole(&self, task: &Task, seen: &Observation) -> Ending {
        let found = shown(seen);
        let missing = self.missing(&task.node.id);
        if missing.is_empty() {
            let held = task.step.rows.clone();
            return Ending { rows: held.clone(), held, ..Ending::new(End::Done, found) };
        }
        let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
        let evidence = format!(
            "{found}, but what it should have made is not there: {}; were the values typed as they are shown? Mend or repeat \
             the installation, then say done again",
            missing.join(", ")
        );
        Ending::new(End::Waiting, evidence)
    }

    /// What the package provides and is not there.
    fn missing(&self, package: &NodeId) -> Vec<NodeId> {
        let wanted = self.provided_by(package).into_iter();
        let wanted = wanted.filter(|node| node.id.kind.class() == NodeClass::Resource && !node.absent);
        let absent = wanted.filter(|node| resource::observe(node, self.host.as_ref()) == Observation::Absent);
        absent.map(|node| node.id).collect()
    }
}

/// What the person does next.
fn to_do(task: &Task, seen: &Observation) -> String {
    let version = wanted(&task.node).unwrap_or("the wanted version");
    match seen {
        Observation::Absent => format!("install {version} by hand, then say done"),
        Observation::Present(_) => {
            format!("uninstall that by hand, install {version}, then say done (G18)")
        }
        Observation::Unreadable(_) => format!("solve this and install {version} by hand, then say done"),
    }
}
