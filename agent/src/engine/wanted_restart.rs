//! A restart that an installer asks for and does not make (3010): what depends on its package is refused until it has come.
//!
//! Files that were in use are replaced, and those of an uninstalled version deleted, when Windows starts next. A service that is
//! started before that may run old code, and a new version that is put on before that may lose its files again. Muster restarts
//! Windows by a `reboot` of the plan alone, so that the rest is a refusal. Neighbours: `package` asks what its installers
//! left, the journal keeps it, `muster_agent_core::restart` says who waits. Never asks for a restart.

use std::collections::BTreeSet;

use muster_agent_core::restart;
use muster_model::manifest::Node;
use muster_model::name::NodeId;
use muster_model::outcome::End;

use super::ending::Ending;
use super::{Engine, Error, Task};
use crate::host::ExitMeaning;
use crate::supervise::{Phase, Probe};

impl Engine {
    /// The refusal of a step that depends on a package whose restart has not come.
    pub(super) fn restart_first(&self, task: &Task) -> Option<Ending> {
        let waiting = self.wait_for_restart();
        if waiting.is_empty() {
            return None;
        }
        self.journal.read(|state| {
            let manifest = &state.open()?.work.manifest;
            let package = restart::comes_first(manifest, &task.node, |node| waiting.contains(node))?;
            Some(refused(&package.id, "what depends on it could find its old files"))
        })
    }

    /// The refusal of a package whose own installer asked for the restart.
    pub(super) fn own_restart_first(&self, node: &Node) -> Option<Ending> {
        let waits = !node.ignores_restart() && self.wait_for_restart().contains(&node.id);
        waits.then(|| refused(&node.id, "what its installer left for then could undo another one's work"))
    }

    /// In which start of the computer an installer of this attempt left work for the next one.
    pub(super) fn restart_left(&self, task: &Task) -> Result<Option<String>, Error> {
        let key = &task.ticket.key;
        for phase in [Phase::Install, Phase::Uninstall] {
            if let Probe::Exited { code } = self.installers.probe(key, phase)?
                && self.host.packages().exit_meaning(code) == ExitMeaning::RestartNeeded
            {
                // Where it was not written down it was this one at the latest; where nobody can tell this one either, the first
                // that is told is another one.
                let start = self.installers.boot(key, phase)?.or_else(|| self.present_start());
                return Ok(Some(start.unwrap_or_default()));
            }
        }
        Ok(None)
    }

    /// Whether Windows has not started since. Where nobody can tell, it has not.
    pub(super) fn is_present_start(&self, start: &str) -> bool {
        is_still(self.present_start().as_deref(), start)
    }

    /// The packages whose restart has not come.
    fn wait_for_restart(&self) -> BTreeSet<NodeId> {
        let own = |(package, start): (&NodeId, &str)| (package.clone(), start.to_owned());
        let left: Vec<_> = self.journal.read(|state| state.restarts_left().map(own).collect());
        if left.is_empty() {
            return BTreeSet::new();
        }
        let present = self.present_start();
        let left = left.into_iter().filter(|(_, start)| is_still(present.as_deref(), start));
        left.map(|(package, _)| package).collect()
    }
}

/// Whether the computer is still in that start. Where nobody can tell in which it is, it is.
fn is_still(present: Option<&str>, start: &str) -> bool {
    present.is_none_or(|present| present == start)
}

fn refused(package: &NodeId, why: &str) -> Ending {
    let evidence = format!(
        "{package} ended with 3010, and Windows has not started again since: {why}; let it start again, then resume; for the \
         next time put a `reboot` with `on_change_of: [{package}]` after it, or write `restart: ignored` there; nothing was done"
    );
    Ending::new(End::Blocked, evidence)
}
