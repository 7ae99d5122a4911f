//! A run: the fold of one plan's events, and what is due next.
//!
//! [`Run::apply`] (in `fold`) is the one place in which a run moves, [`Run::decide`] (in `decide`) says what the
//! controller should do now, `state` holds what both read. Neighbours: the controller stores each event and applies it,
//! then carries out what is decided; `view` shows where the run stands. Nothing here is remembered that is not in an
//! event: a controller that was restarted folds the same events to the same run.

mod decide;
mod fold;
mod illegal;
mod state;
#[cfg(test)]
mod tests;

pub use decide::{Decision, Outstanding};
pub use illegal::IllegalMove;
pub use state::{Approval, CommandState, Phase, StepRun};

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use muster_model::digest::Digest;
use muster_model::event::RunEnd;
use muster_model::name::{PlanId, Role};
use muster_model::node::NodeClass;
use muster_model::outcome::{CommandId, End, Refusal, StepKey};
use muster_model::plan::{PlanHeader, Segment, ServerSteps};
use muster_model::view::StepState;

use crate::plan::lint;
use crate::record::Record;
use state::Attempt;

/// A plan from its making to the end of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    digest: Digest,
    header: PlanHeader,
    steps: BTreeMap<u32, StepRun>,
    /// For each step, the steps that it depends on.
    needs: BTreeMap<u32, Vec<u32>>,
    /// For each segment, all that come before it, not the nearest alone: a gate that is skipped has ended while what comes
    /// before it still moves.
    before: BTreeMap<u32, BTreeSet<u32>>,
    commands: BTreeMap<CommandId, CommandState>,
    attempts: BTreeMap<StepKey, Attempt>,
    phase: Phase,
    /// Whether a step was let go because the plan had expired.
    too_late: bool,
    approval: Option<Approval>,
    /// Findings and rows, once the plan was stored.
    counts: Option<(u32, u32)>,
    moved_at: Option<Timestamp>,
}

impl Run {
    /// A plan of which nothing has happened yet.
    ///
    /// # Errors
    /// Every rule of structure that the plan breaks: a run of it might never end.
    pub fn new(
        header: &Record<PlanHeader>,
        steps: impl IntoIterator<Item = ServerSteps>,
    ) -> Result<Self, Vec<lint::Violation>> {
        let (digest, header) = (header.digest(), header.value().clone());
        let steps: Vec<ServerSteps> = steps.into_iter().collect();
        let violations = lint::structure(&header, &steps.iter().collect::<Vec<_>>());
        if !violations.is_empty() {
            return Err(violations);
        }
        let mut needs: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (before, after) in &header.edges {
            needs.entry(*after).or_default().push(*before);
        }
        let segment_of: BTreeMap<u32, u32> = header
            .segments
            .iter()
            .flat_map(|segment| segment.steps.iter().map(|step| (*step, segment.number)))
            .collect();
        let runs = steps.into_iter().flat_map(|server| {
            let role = server.role;
            server.steps.into_iter().map(move |step| (step.number, role.clone(), step))
        });
        let steps = runs.filter_map(|(number, role, step)| {
            let segment = *segment_of.get(&number)?;
            Some((number, StepRun::new(role, segment, step)))
        });
        Ok(Self {
            digest,
            steps: steps.collect(),
            needs,
            before: before(&header.segments),
            commands: BTreeMap::new(),
            attempts: BTreeMap::new(),
            phase: Phase::Planned,
            too_late: false,
            approval: None,
            counts: None,
            moved_at: None,
            header,
        })
    }

    /// The plan's number.
    pub fn plan(&self) -> PlanId {
        self.header.plan
    }

    /// The digest that an operator approves.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The plan's header.
    pub fn header(&self) -> &PlanHeader {
        &self.header
    }

    /// How far the plan has come.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Who approved the plan.
    pub fn approval(&self) -> Option<&Approval> {
        self.approval.as_ref()
    }

    /// How many findings forbid its approval.
    pub fn findings(&self) -> u32 {
        self.counts.map_or(0, |(findings, _)| findings)
    }

    /// How many rows it has.
    pub fn rows(&self) -> u32 {
        self.counts.map_or(0, |(_, rows)| rows)
    }

    /// When it last moved.
    pub fn moved_at(&self) -> Option<Timestamp> {
        self.moved_at
    }

    /// The steps, by number.
    pub fn steps(&self) -> impl Iterator<Item = &StepRun> {
        self.steps.values()
    }

    /// One step.
    pub fn step(&self, number: u32) -> Option<&StepRun> {
        self.steps.get(&number)
    }

    /// The numbers of the steps that this one depends on.
    pub fn needs(&self, number: u32) -> &[u32] {
        self.needs.get(&number).map_or(&[], Vec::as_slice)
    }

    /// The step that is to blame when this one did not end well: itself, or the one that it was skipped for, through others
    /// that were skipped for it.
    pub fn culprit(&self, number: u32) -> u32 {
        let skipped = self.step(number).filter(|step| step.state == StepState::Ended(End::Skipped));
        let because = skipped.and_then(|step| step.outcome.as_ref()?.because);
        // Reasons have lower numbers, as edges go forward; what an agent says otherwise leads nowhere.
        match because.filter(|because| *because < number) {
            Some(because) => self.culprit(because),
            None => number,
        }
    }

    /// A command that was issued, whatever became of it.
    pub fn command(&self, command: CommandId) -> Option<&CommandState> {
        self.commands.get(&command)
    }

    /// The step of a key that was issued, whatever became of it.
    pub fn step_of(&self, key: StepKey) -> Option<u32> {
        self.attempts.get(&key).map(|attempt| attempt.step)
    }

    /// Whether the run was started and has not ended: the site is busy with it.
    pub fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Stopping)
    }

    /// Why agents refused commands that were not issued again since, by role.
    pub fn refusals(&self) -> impl Iterator<Item = (&Role, &Refusal)> {
        let standing = self.commands.values().filter(|command| command.stands_refused());
        standing.filter_map(|command| Some((&command.role, command.refusal.as_ref()?)))
    }

    /// Whether the plan's validity is over: nothing of it starts any more.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.header.valid_until
    }

    /// Whether the plan itself has become useless, so that to resume it leads nowhere.
    pub fn must_plan_again(&self) -> bool {
        self.phase == Phase::Ended(RunEnd::Expired)
            || self.refusals().any(|(_, refusal)| match refusal {
                Refusal::StaleGeneration { .. } | Refusal::Regressed { .. } | Refusal::Expired { .. } => true,
                Refusal::NotMine { .. }
                | Refusal::OldEpoch { .. }
                | Refusal::TwinEpoch { .. }
                | Refusal::Altered { .. }
                | Refusal::Unreadable { .. }
                | Refusal::ClockOff { .. }
                | Refusal::Busy { .. } => false,
            })
    }

    /// Whether a command waits for its agent: it was issued, not refused, and not all of its steps have ended.
    fn is_outstanding(&self, command: &CommandState) -> bool {
        command.refusal.is_none() && command.steps.iter().any(|ticket| self.is_open(ticket.key))
    }

    /// Whether an attempt is under way, as far as the controller knows.
    fn is_open(&self, key: StepKey) -> bool {
        self.attempts.get(&key).and_then(|attempt| self.step(attempt.step)).is_some_and(|step| {
            step.key == Some(key) && matches!(step.state, StepState::Issued | StepState::Running)
        })
    }

    /// Whether every segment before this one has ended, well or not.
    fn is_ready(&self, segment: &Segment) -> bool {
        let ended = |number: &u32| self.step(*number).is_some_and(StepRun::has_ended);
        let whole = |number: &u32| self.segment(*number).is_some_and(|before| before.steps.iter().all(ended));
        self.before.get(&segment.number).is_some_and(|before| before.iter().all(whole))
    }

    fn segment(&self, number: u32) -> Option<&Segment> {
        self.header.segments.iter().find(|segment| segment.number == number)
    }

    /// Whether nothing moves and nothing can move without a person or another event.
    fn is_quiet(&self) -> bool {
        !self.commands.values().any(|command| self.is_outstanding(command))
    }

    fn is_waiting(&self) -> bool {
        self.steps().any(|step| step.state == StepState::Waiting)
    }

    /// How the run ends if nothing more happens: the end that needs a person most.
    ///
    /// Unknown comes first, because an effect may have taken place and nobody knows; then failed, where one was tried;
    /// then blocked and refused, where nothing was done and the server or its agent objected; then what is nobody's
    /// trouble: the time was over, or an operator wished it. Done is what remains.
    fn end(&self) -> RunEnd {
        let any = |end: End| self.steps().any(|step| step.state == StepState::Ended(end));
        let refused = self.refusals().any(|(_, refusal)| !matches!(refusal, Refusal::Expired { .. }));
        let too_late = self.refusals().any(|(_, refusal)| matches!(refusal, Refusal::Expired { .. }));
        let cancelled = any(End::Cancelled);
        match () {
            () if any(End::Unknown) => RunEnd::Unknown,
            () if any(End::Failed) => RunEnd::Failed,
            () if any(End::Blocked) => RunEnd::Blocked,
            // A newer generation is what an agent would have refused the command for.
            () if refused || any(End::Superseded) => RunEnd::Refused,
            () if too_late || (cancelled && self.too_late) => RunEnd::Expired,
            () if cancelled => RunEnd::Cancelled,
            () if self.steps().all(StepRun::is_done) => RunEnd::Done,
            // An agent skipped a step for a reason that is not in the plan.
            () => RunEnd::Failed,
        }
    }

    fn is_gate(&self, number: u32) -> bool {
        self.step(number).is_some_and(|step| step.step.class == NodeClass::Gate)
    }
}

/// For each segment, all segments that come before it, directly or through others.
fn before(segments: &[Segment]) -> BTreeMap<u32, BTreeSet<u32>> {
    let mut all: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for segment in segments {
        let through = segment.after.iter().filter_map(|after| all.get(after)).flatten();
        let before = segment.after.iter().chain(through).copied().collect();
        all.insert(segment.number, before);
    }
    all
}
