//! What was done of each plan, for a controller that has lost its own memory.
//!
//! Neighbours: `state` feeds it with every command and every end. Nothing is decided by it.

use std::collections::BTreeMap;

use muster_model::digest::Digest;
use muster_model::limits;
use muster_model::memory::PlanMemory;
use muster_model::name::{PlanId, Revision};
use muster_model::outcome::{CommandId, End};

use crate::work::Work;

/// The plans of which commands were accepted, by number and digest.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    plans: BTreeMap<(PlanId, Digest), Done>,
    newest_revision: Option<Revision>,
}

#[derive(Debug, Clone, Default)]
struct Done {
    commands: Vec<CommandId>,
    steps: BTreeMap<u32, End>,
}

impl Past {
    pub(super) fn accepted(&mut self, work: &Work) {
        self.newest_revision = self.newest_revision.max(Some(work.header.revision));
        self.plan(work).commands.push(work.stored.id);
    }

    pub(super) fn ended(&mut self, work: &Work, step: u32, end: End) {
        self.plan(work).steps.insert(step, end);
    }

    pub(super) fn newest_plan(&self) -> Option<PlanId> {
        self.plans.keys().next_back().map(|(plan, _)| *plan)
    }

    pub(super) fn newest_revision(&self) -> Option<Revision> {
        self.newest_revision
    }

    /// The newest plans, no more than [`limits::MEMORY_PLANS`], by number.
    pub(super) fn newest(&self) -> Vec<PlanMemory> {
        let most = usize::try_from(limits::MEMORY_PLANS).unwrap_or(usize::MAX);
        let skipped = self.plans.len().saturating_sub(most);
        let plans = self.plans.iter().skip(skipped).map(|((plan, digest), done)| PlanMemory {
            plan: *plan,
            digest: *digest,
            commands: done.commands.clone(),
            steps: done.steps.iter().map(|(step, end)| (*step, *end)).collect(),
        });
        plans.collect()
    }

    fn plan(&mut self, work: &Work) -> &mut Done {
        self.plans.entry((work.header.plan, work.stored.digest)).or_default()
    }
}
