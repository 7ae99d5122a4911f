//! Moves that a run does not make.
//!
//! Neighbours: `fold` returns them and changes nothing then; the controller answers an operator with them, so they say what
//! is wrong and what to type, and drops an agent's message that [`IllegalMove::is_repeated`].

use jiff::Timestamp;
use muster_model::digest::Digest;
use muster_model::event::RunEnd;
use muster_model::name::PlanId;
use muster_model::outcome::{CommandId, StepKey};
use thiserror::Error;

/// Why an event cannot happen to a run as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IllegalMove {
    /// The event was applied before; there is nothing to store.
    #[error("this is known already")]
    Repeated,
    /// The event is of another plan, or of none.
    #[error("the event is not about {0}")]
    OtherPlan(PlanId),
    /// The plan is not one that was stored, or was stored twice.
    #[error("{0} was not stored, or was stored twice")]
    NotStored(PlanId),
    /// What was approved is not what was planned.
    #[error("the digest of {plan} is {wanted}, not {got}; look again: `muster plan show {plan}`")]
    Digest {
        /// The plan.
        plan: PlanId,
        /// Its digest.
        wanted: Digest,
        /// What the event names.
        got: Digest,
    },
    /// Findings forbid the approval.
    #[error("{plan} cannot be approved because of its findings ({findings}); see `muster plan show {plan}`")]
    Findings {
        /// The plan.
        plan: PlanId,
        /// How many.
        findings: u32,
    },
    /// There is nothing to approve.
    #[error("{0} is empty: its servers are in sync")]
    Empty(PlanId),
    /// It is approved already.
    #[error("{plan} is approved by {by}; start it: `muster run {plan}`")]
    Approved {
        /// The plan.
        plan: PlanId,
        /// The operator.
        by: String,
    },
    /// It is not approved.
    #[error("{0} is not approved; approve it: `muster approve {0}`")]
    NotApproved(PlanId),
    /// Its validity is over.
    #[error("{plan} was valid until {valid_until}; make a new plan")]
    Expired {
        /// The plan.
        plan: PlanId,
        /// The end of its validity.
        valid_until: Timestamp,
    },
    /// The run was started before.
    #[error("{0} was started already; see `muster steps {0}`")]
    Started(PlanId),
    /// The run is not under way.
    #[error("{0} is not running; see `muster steps {0}`")]
    NotRunning(PlanId),
    /// The run was asked to stop before.
    #[error("{0} is stopping already; see `muster steps {0}`")]
    Stopping(PlanId),
    /// The run was never started, is under way, or every step is done.
    #[error("{0} has no run that stopped, there is nothing to resume; see `muster steps {0}`")]
    NotStopped(PlanId),
    /// The run has not come to this end.
    #[error("{plan} does not end {got:?} now")]
    NotTheEnd {
        /// The plan.
        plan: PlanId,
        /// What the event says.
        got: RunEnd,
    },
    /// The plan has no such step.
    #[error("{plan} has no step {step}; see `muster steps {plan}`")]
    NoStep {
        /// The plan.
        plan: PlanId,
        /// The number.
        step: u32,
    },
    /// The step stands where it cannot make this move.
    #[error("step {plan}/{step} is {is} and cannot be {wanted}; see `muster steps {plan}`")]
    Step {
        /// The plan.
        plan: PlanId,
        /// Its number.
        step: u32,
        /// Where it stands, in words.
        is: &'static str,
        /// What the event would make of it, in words.
        wanted: &'static str,
    },
    /// Secrets are shown once.
    #[error(
        "the secrets of step {plan}/{step} were shown to {by} at {at}, and are shown once; if they were not read, open them \
         with a recovery key, or set new ones with `muster secret set` and plan again"
    )]
    Shown {
        /// The plan.
        plan: PlanId,
        /// The number.
        step: u32,
        /// Who saw them.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// Only a step of unknown outcome can be started anew by order.
    #[error("the outcome of step {plan}/{step} is not unknown; resume without naming it")]
    NotUnknown {
        /// The plan.
        plan: PlanId,
        /// The number.
        step: u32,
    },
    /// The command's segment, role, steps, keys or time are not what the plan allows now.
    #[error("command {0} is not due")]
    NotDue(CommandId),
    /// No such command stands.
    #[error("command {0} was not issued, was refused or is over")]
    NoCommand(CommandId),
    /// The key was not issued for this step, or its attempt is over.
    #[error("key {0} is not that of the step's attempt")]
    NoAttempt(StepKey),
}

impl IllegalMove {
    /// Whether the move was made before: an agent repeated itself, as it must, and is to be answered as the first time.
    pub fn is_repeated(&self) -> bool {
        *self == Self::Repeated
    }
}
