//! What is due: a pure function of the run and the time.
//!
//! Neighbours: the controller carries decisions out, `fold` checks each move by the same rules. A decision stands for an
//! event; once that is applied it is not decided again. Only [`Decision::SendCancel`] has none: it is repeated until the
//! agent has ended the command, and is harmless to repeat.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_model::event::{EventBody, RunEnd};
use muster_model::name::Role;
use muster_model::outcome::{CommandId, End, Outcome, StepKey, StepTicket};
use muster_model::view::StepState;
use uuid::Uuid;

use super::fold::outcome;
use super::state::CommandState;
use super::{Phase, Run, StepRun};

/// Something that the controller should do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// End a step that depends on one that did not end well.
    Skip {
        /// The step.
        step: u32,
        /// The first cause: a step that ended otherwise than well or skipped.
        because: u32,
    },
    /// Ask a person.
    OpenGate {
        /// The gate.
        step: u32,
    },
    /// Store a command for these steps, with fresh keys, and send it when its agent is there.
    Issue {
        /// The segment.
        segment: u32,
        /// The server's role.
        role: Role,
        /// The numbers of the steps, rising.
        steps: Vec<u32>,
    },
    /// End a step that was not started and will not be: the run stops, or its plan has expired.
    CancelStep {
        /// The step.
        step: u32,
    },
    /// Ask an agent to stop before its next step. To be sent after the command itself on the same stream.
    SendCancel {
        /// The command.
        command: CommandId,
    },
    /// End the run: nothing is left to do, or nothing can be done without a person.
    End(RunEnd),
}

/// A command that its agent has not ended: to be sent at each connection, the same every time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outstanding {
    /// Its identity.
    pub command: CommandId,
    /// The segment that it carries out.
    pub segment: u32,
    /// The server's role.
    pub role: Role,
    /// Its steps, each with its key, as it was issued.
    pub steps: Vec<StepTicket>,
    /// The numbers of those that have not ended.
    pub open: Vec<u32>,
    /// The latest moment at which it may start.
    pub start_by: Timestamp,
    /// Steps of unknown outcome that an operator ordered to be started anew.
    pub restart: Vec<u32>,
    /// Whether the run stops, so that a cancel follows the command.
    pub cancelled: bool,
}

impl Run {
    /// What is due. Deterministic; nothing is due of a run that was not started or has ended.
    pub fn decide(&self, now: Timestamp) -> Vec<Decision> {
        let mut due = match self.phase {
            Phase::Planned | Phase::Approved | Phase::Ended(_) => return Vec::new(),
            Phase::Running if !self.is_expired(now) => self.go_on(),
            Phase::Running | Phase::Stopping => self.stop(now),
        };
        if due.is_empty() && self.is_quiet() && !self.is_waiting() {
            due.push(Decision::End(self.end()));
        }
        due
    }

    fn go_on(&self) -> Vec<Decision> {
        let mut due = Vec::new();
        // A skipped step is the reason for skipping the next one at once: steps come in the order of their numbers.
        let mut skipped: BTreeMap<u32, u32> = BTreeMap::new();
        for number in self.numbers(StepState::Pending) {
            let inherited = self.needs(number).iter().find_map(|need| skipped.get(need).copied());
            if let Some(because) = self.blames(number).next().or(inherited) {
                skipped.insert(number, because);
                due.push(Decision::Skip { step: number, because });
            }
        }
        for segment in &self.header.segments {
            let is_pending = |number: &u32| self.step(*number).is_some_and(|s| s.state == StepState::Pending);
            let pending = segment.steps.iter().copied().filter(is_pending);
            let steps: Vec<u32> = pending.filter(|number| !skipped.contains_key(number)).collect();
            match steps.as_slice() {
                [gate] if self.may_open(*gate) => due.push(Decision::OpenGate { step: *gate }),
                steps if self.may_issue(segment.number, &segment.role, steps) => due.push(Decision::Issue {
                    segment: segment.number,
                    role: segment.role.clone(),
                    steps: steps.to_vec(),
                }),
                _ => {}
            }
        }
        due
    }

    fn stop(&self, now: Timestamp) -> Vec<Decision> {
        let free = self.steps().map(|step| step.step.number).filter(|number| self.may_cancel(*number, now));
        let mut due: Vec<Decision> = free.map(|step| Decision::CancelStep { step }).collect();
        if self.phase == Phase::Stopping {
            let outstanding = self.commands.values().filter(|command| self.is_outstanding(command));
            due.extend(outstanding.map(|command| Decision::SendCancel { command: command.command }));
        }
        due
    }

    /// The commands of a server that are to be sent when its agent connects, in the order in which they are to be sent.
    pub fn outstanding(&self, role: &Role) -> Vec<Outstanding> {
        let of_role = self.commands.values().filter(|command| command.role == *role);
        let mut all: Vec<Outstanding> = of_role
            .filter(|command| self.is_outstanding(command))
            .map(|command| {
                let CommandState { command: id, segment, role, steps, restart, start_by, .. } =
                    command.clone();
                let open = steps.iter().filter(|ticket| self.is_open(ticket.key)).map(|t| t.number).collect();
                let cancelled = self.phase == Phase::Stopping;
                Outstanding { command: id, segment, role, steps, open, start_by, restart, cancelled }
            })
            .collect();
        all.sort_by_key(|command| command.segment);
        all
    }

    /// The events by which a server is given up, for the reason given: what its agent had not ended, nobody knows. To be
    /// applied when a server is revoked or its controller was restored; otherwise its site would wait for it for ever.
    pub fn give_up(&self, role: &Role, why: &str, now: Timestamp) -> Vec<EventBody> {
        let plan = self.plan();
        let outstanding = self.outstanding(role).into_iter();
        let open = outstanding.flat_map(|command| {
            let Outstanding { steps, open, .. } = command;
            steps.into_iter().filter(move |ticket| open.contains(&ticket.number))
        });
        let events = open.map(|StepTicket { number: step, key }| {
            let outcome = outcome(End::Unknown, why.to_owned(), now);
            EventBody::StepEnded { plan, step, key: Some(key), outcome }
        });
        events.collect()
    }

    /// The event that a decision stands for; `fresh` gives identities that were never used. None for a message that
    /// leaves nothing behind.
    pub fn event(
        &self,
        decision: &Decision,
        now: Timestamp,
        fresh: &mut dyn FnMut() -> Uuid,
    ) -> Option<EventBody> {
        let plan = self.plan();
        let let_go = |step: u32, outcome: Outcome| EventBody::StepEnded { plan, step, key: None, outcome };
        Some(match decision {
            Decision::Skip { step, because } => {
                let evidence = self.skip_evidence(*because);
                let outcome = Outcome { because: Some(*because), ..outcome(End::Skipped, evidence, now) };
                let_go(*step, outcome)
            }
            Decision::CancelStep { step } => {
                let_go(*step, outcome(End::Cancelled, self.cancel_evidence(*step), now))
            }
            Decision::OpenGate { step } => EventBody::GateOpened { plan, step: *step },
            Decision::Issue { segment, role, steps } => EventBody::CommandIssued {
                plan,
                command: CommandId(fresh()),
                segment: *segment,
                role: role.clone(),
                steps: steps
                    .iter()
                    .map(|number| StepTicket { number: *number, key: StepKey(fresh()) })
                    .collect(),
                start_by: self.header.valid_until,
            },
            Decision::SendCancel { .. } => return None,
            Decision::End(end) => EventBody::RunEnded { plan, end: *end },
        })
    }

    fn skip_evidence(&self, because: u32) -> String {
        let phrase = |step: &StepRun| match step.state {
            StepState::Ended(end) => crate::view::end_phrase(end),
            StepState::Pending | StepState::Issued | StepState::Running | StepState::Waiting => "is not done",
        };
        match self.step(because) {
            Some(step) => {
                format!("step {because} ({} on {}) {}", step.step.node, step.role, phrase(step))
            }
            None => format!("step {because} did not end well"),
        }
    }

    fn cancel_evidence(&self, number: u32) -> String {
        if self.phase == Phase::Stopping {
            return "the run was cancelled before this step began".to_owned();
        }
        let until = self.header.valid_until;
        match self.step(number).filter(|step| step.state == StepState::Issued) {
            Some(step) => {
                format!("{} did not take the command before the plan expired at {until}", step.role)
            }
            None => format!("the plan expired at {until} before this step began"),
        }
    }

    /// The steps to blame for skipping this pending one: causes of those that it depends on and that did not end well.
    pub(super) fn blames(&self, number: u32) -> impl Iterator<Item = u32> {
        let pending = self.step(number).is_some_and(|step| step.state == StepState::Pending);
        let needs = self.needs(number).iter().filter(move |_| pending);
        needs
            .filter(|need| self.step(**need).is_some_and(StepRun::has_failed))
            .map(|need| self.culprit(*need))
    }

    /// Whether a step can be ended as cancelled at this time.
    pub(super) fn may_cancel(&self, number: u32, now: Timestamp) -> bool {
        let expired = self.is_expired(now);
        let Some(step) = self.step(number) else { return false };
        match step.state {
            StepState::Pending | StepState::Waiting => expired || self.phase == Phase::Stopping,
            // No agent has said that it took the command, and none will take it from now on.
            StepState::Issued => {
                let attempt = step.key.and_then(|key| self.attempts.get(&key));
                let command = attempt.and_then(|attempt| self.commands.get(&attempt.command));
                expired && command.is_some_and(|command| !command.accepted)
            }
            StepState::Running | StepState::Ended(_) => false,
        }
    }

    /// Whether a gate is due.
    pub(super) fn may_open(&self, number: u32) -> bool {
        let Some(step) = self.step(number) else { return false };
        self.is_gate(number)
            && step.state == StepState::Pending
            && self.segment(step.segment).is_some_and(|segment| self.is_ready(segment))
            && self.needs(number).iter().all(|need| self.step(*need).is_some_and(StepRun::is_done))
    }

    /// Whether a command for these steps is due: one at a time on each server, everything before it ended.
    pub(super) fn may_issue(&self, segment: u32, role: &Role, steps: &[u32]) -> bool {
        let Some(segment) = self.segment(segment) else { return false };
        let busy = self.commands.values().any(|command| {
            (command.role == *role && self.is_outstanding(command))
                || (command.segment == segment.number && command.stands_refused())
        });
        let met = |need: &u32| steps.contains(need) || self.step(*need).is_some_and(StepRun::is_done);
        let is_free = |number: &u32| {
            segment.steps.contains(number)
                && self.step(*number).is_some_and(|step| step.state == StepState::Pending)
                && !self.is_gate(*number)
                && self.needs(*number).iter().all(met)
        };
        !busy
            && segment.role == *role
            && !steps.is_empty()
            && steps.is_sorted_by(|one, other| one < other)
            && steps.iter().all(is_free)
            && self.is_ready(segment)
    }

    /// Whether an operator can let the run go on: it ended otherwise than done, or it only waits for persons while steps
    /// did not end well.
    pub fn may_resume(&self) -> bool {
        match self.phase {
            Phase::Ended(end) => end != RunEnd::Done,
            Phase::Running => {
                let stuck = self.steps().any(StepRun::has_failed) || self.refusals().next().is_some();
                self.is_quiet() && self.is_waiting() && stuck
            }
            Phase::Planned | Phase::Approved | Phase::Stopping => false,
        }
    }

    fn numbers(&self, state: StepState) -> impl Iterator<Item = u32> {
        self.steps().filter(move |step| step.state == state).map(|step| step.step.number)
    }
}
