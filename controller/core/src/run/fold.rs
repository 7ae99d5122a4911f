//! The one place in which a run moves.
//!
//! Neighbours: `state` has what moves, `illegal` what does not. Each move is checked whole before anything changes, so that
//! a refused event leaves the run as it was.

use jiff::Timestamp;
use muster_model::digest::Digest;
use muster_model::event::{EventBody, RunEnd};
use muster_model::name::Role;
use muster_model::outcome::{CommandId, End, Outcome, Refusal, StepKey, StepTicket};
use muster_model::view::StepState;

use super::state::{Attempt, AttemptState};
use super::{Approval, CommandState, Decision, IllegalMove, Phase, Run, StepRun};

type Moved = Result<(), IllegalMove>;

impl Run {
    /// Applies what happened. The controller applies before it stores, so that no illegal event is ever stored.
    ///
    /// # Errors
    /// Where the event cannot happen to the run as it stands; the run is as it was then.
    pub fn apply(&mut self, at: Timestamp, body: &EventBody) -> Moved {
        if body.plan() != Some(self.plan()) {
            return Err(IllegalMove::OtherPlan(self.plan()));
        }
        match body {
            EventBody::PlanCreated { digest, rows, findings, .. } => self.created(*digest, *findings, *rows),
            EventBody::PlanApproved { digest, by, ticket, .. } => {
                self.approved(at, *digest, by, ticket.as_ref())
            }
            EventBody::RunStarted { .. } => self.started(at),
            EventBody::CommandIssued { command, segment, role, steps, start_by, .. } => {
                self.issued(at, *command, *segment, role, steps, *start_by)
            }
            EventBody::CommandAccepted { command, .. } => self.accepted(*command),
            EventBody::CommandRefused { command, refusal, .. } => self.refused(at, *command, refusal),
            EventBody::StepStarted { step, key, .. } => self.step_started(at, *step, *key),
            EventBody::StepEnded { step, key: Some(key), outcome, .. } => {
                self.step_ended(at, *step, *key, outcome)
            }
            EventBody::StepEnded { step, key: None, outcome, .. } => self.step_let_go(at, *step, outcome),
            EventBody::GateOpened { step, .. } => self.gate_opened(at, *step),
            EventBody::StepConfirmed { step, by, note, .. } => self.confirmed(at, *step, by, note.as_deref()),
            EventBody::SecretsShown { step, by, .. } => self.secrets_shown(at, *step, by),
            EventBody::CancelRequested { .. } => self.cancel_requested(),
            EventBody::RunResumed { restart, .. } => self.resumed(at, restart),
            EventBody::RunEnded { end, .. } => self.ended(at, *end),
            EventBody::ControllerStarted { .. }
            | EventBody::RevisionPushed { .. }
            | EventBody::ServerInvited { .. }
            | EventBody::ServerEnrolled { .. }
            | EventBody::ServerRevoked { .. }
            | EventBody::ServerConnected { .. }
            | EventBody::ServerDisconnected { .. }
            | EventBody::CertificateRenewed { .. }
            | EventBody::CertificateReplaced { .. }
            | EventBody::OperatorInvited { .. }
            | EventBody::OperatorEnrolled { .. }
            | EventBody::OperatorRevoked { .. }
            | EventBody::OperatorReset { .. }
            | EventBody::RecoveryBegan { .. }
            | EventBody::AgentRead { .. }
            | EventBody::OutcomeFound { .. }
            | EventBody::RecoveryConfirmed { .. }
            | EventBody::SecretSet { .. }
            | EventBody::SecretResealed { .. } => Err(IllegalMove::OtherPlan(self.plan())),
        }?;
        self.moved_at = Some(at);
        Ok(())
    }

    fn created(&mut self, digest: Digest, findings: u32, rows: u32) -> Moved {
        self.same_digest(digest)?;
        if self.counts.is_some() {
            return Err(IllegalMove::NotStored(self.plan()));
        }
        self.counts = Some((findings, rows));
        Ok(())
    }

    fn approved(&mut self, at: Timestamp, digest: Digest, by: &str, ticket: Option<&String>) -> Moved {
        let plan = self.plan();
        let (findings, rows) = self.counts.ok_or(IllegalMove::NotStored(plan))?;
        if let Some(approval) = &self.approval {
            return Err(IllegalMove::Approved { plan, by: approval.by.clone() });
        }
        self.same_digest(digest)?;
        self.in_time(at)?;
        if findings > 0 {
            return Err(IllegalMove::Findings { plan, findings });
        }
        if rows == 0 {
            return Err(IllegalMove::Empty(plan));
        }
        self.approval = Some(Approval { by: by.to_owned(), at, ticket: ticket.cloned() });
        self.phase = Phase::Approved;
        Ok(())
    }

    fn started(&mut self, at: Timestamp) -> Moved {
        match self.phase {
            Phase::Planned => Err(IllegalMove::NotApproved(self.plan())),
            Phase::Running | Phase::Stopping | Phase::Ended(_) => Err(IllegalMove::Started(self.plan())),
            Phase::Approved => {
                self.in_time(at)?;
                self.phase = Phase::Running;
                Ok(())
            }
        }
    }

    fn issued(
        &mut self,
        at: Timestamp,
        command: CommandId,
        segment: u32,
        role: &Role,
        steps: &[StepTicket],
        start_by: Timestamp,
    ) -> Moved {
        if self.phase != Phase::Running {
            return Err(IllegalMove::NotRunning(self.plan()));
        }
        let numbers: Vec<u32> = steps.iter().map(|ticket| ticket.number).collect();
        let due = self.may_issue(segment, role, &numbers);
        let fresh = !self.commands.contains_key(&command)
            && steps.iter().enumerate().all(|(index, ticket)| {
                !self.attempts.contains_key(&ticket.key)
                    && steps[..index].iter().all(|earlier| earlier.key != ticket.key)
            });
        if !due || !fresh || start_by > self.header.valid_until {
            return Err(IllegalMove::NotDue(command));
        }
        for ticket in steps {
            let attempt = Attempt { step: ticket.number, command, state: AttemptState::Open };
            self.attempts.insert(ticket.key, attempt);
            if let Some(step) = self.steps.get_mut(&ticket.number) {
                step.key = Some(ticket.key);
                step.outcome = None;
                step.enter(StepState::Issued, at);
            }
        }
        let restart =
            numbers.into_iter().filter(|number| self.step(*number).is_some_and(|step| step.restart));
        let restart = restart.collect();
        let (role, steps) = (role.clone(), steps.to_vec());
        self.commands.insert(
            command,
            CommandState {
                command,
                segment,
                role,
                steps,
                restart,
                start_by,
                accepted: false,
                refusal: None,
                settled: false,
            },
        );
        Ok(())
    }

    fn accepted(&mut self, command: CommandId) -> Moved {
        let state = self.commands.get_mut(&command).ok_or(IllegalMove::NoCommand(command))?;
        if state.refusal.is_some() {
            return Err(IllegalMove::NoCommand(command));
        }
        if state.accepted {
            return Err(IllegalMove::Repeated);
        }
        state.accepted = true;
        Ok(())
    }

    /// Nothing of a refused command was done. An agent that had taken the command and refuses it later has lost its
    /// journal: what it did in between, nobody knows.
    fn refused(&mut self, at: Timestamp, command: CommandId, refusal: &Refusal) -> Moved {
        let state = self.commands.get(&command).ok_or(IllegalMove::NoCommand(command))?;
        if state.refusal.is_some() {
            return Err(IllegalMove::Repeated);
        }
        let open = |ticket: &&StepTicket| self.attempts.get(&ticket.key).is_some_and(Attempt::is_open);
        let tickets: Vec<StepTicket> = state.steps.iter().filter(open).cloned().collect();
        if tickets.is_empty() {
            return Err(IllegalMove::NoCommand(command));
        }
        let was_accepted = state.accepted;
        for ticket in tickets {
            let is_open = self.is_open(ticket.key);
            if let Some(attempt) = self.attempts.get_mut(&ticket.key) {
                attempt.state = AttemptState::Refused;
            }
            // A step that was cancelled when the plan expired stays cancelled.
            let Some(step) = self.steps.get_mut(&ticket.number).filter(|_| is_open) else { continue };
            if was_accepted {
                let evidence = format!("the agent had taken the command and refused it later: {refusal}");
                step.finish(outcome(End::Unknown, evidence, at), at);
            } else {
                step.key = None;
                step.enter(StepState::Pending, at);
            }
        }
        if let Some(state) = self.commands.get_mut(&command) {
            state.refusal = Some(refusal.clone());
        }
        Ok(())
    }

    fn step_started(&mut self, at: Timestamp, number: u32, key: StepKey) -> Moved {
        let open = self.is_open(key);
        let attempt = self.attempts.get_mut(&key).filter(|attempt| attempt.step == number);
        let attempt = attempt.ok_or(IllegalMove::NoAttempt(key))?;
        match attempt.state {
            AttemptState::Started | AttemptState::Ended => return Err(IllegalMove::Repeated),
            AttemptState::Refused => return Err(IllegalMove::NoAttempt(key)),
            AttemptState::Open => attempt.state = AttemptState::Started,
        }
        // An agent that starts a step has taken its command, whether or not its answer arrived.
        if let Some(command) = self.commands.get_mut(&attempt.command) {
            command.accepted = true;
        }
        if let Some(step) = self.steps.get_mut(&number).filter(|_| open) {
            step.enter(StepState::Running, at);
        }
        Ok(())
    }

    /// The agent's word on an attempt. It also replaces the controller's own, that a step was cancelled because the plan
    /// had expired: the agent may have started it before, out of reach.
    fn step_ended(&mut self, at: Timestamp, number: u32, key: StepKey, outcome: &Outcome) -> Moved {
        let open = self.is_open(key);
        let asks = outcome.end == End::Waiting;
        if asks && !self.step(number).is_some_and(StepRun::is_guided) {
            return Err(self.illegal_step(number, "left to a person"));
        }
        let attempt = self.attempts.get_mut(&key).filter(|attempt| attempt.step == number);
        let attempt = attempt.ok_or(IllegalMove::NoAttempt(key))?;
        match attempt.state {
            AttemptState::Ended => return Err(IllegalMove::Repeated),
            AttemptState::Refused => return Err(IllegalMove::NoAttempt(key)),
            AttemptState::Open | AttemptState::Started => attempt.state = AttemptState::Ended,
        }
        if let Some(command) = self.commands.get_mut(&attempt.command) {
            command.accepted = true;
        }
        if let Some(step) = self.steps.get_mut(&number).filter(|step| step.key == Some(key)) {
            match (asks, open) {
                (true, true) => step.ask(outcome.clone(), at),
                // What was cancelled when the plan expired asks nobody any more.
                (true, false) => {}
                (false, _) => step.finish(outcome.clone(), at),
            }
        }
        Ok(())
    }

    /// The controller's own word on a step that was never sent, or that no agent took before the plan expired.
    fn step_let_go(&mut self, at: Timestamp, number: u32, outcome: &Outcome) -> Moved {
        let wanted = match outcome.end {
            End::Skipped if self.is_active() => {
                outcome.because.is_some_and(|because| self.blames(number).any(|blame| blame == because))
            }
            End::Cancelled if self.is_active() => self.may_cancel(number, at),
            End::Skipped
            | End::Cancelled
            | End::Done
            | End::Failed
            | End::Blocked
            | End::Unknown
            | End::Superseded
            | End::Waiting => false,
        };
        if !wanted {
            return Err(self.illegal_step(number, "let go"));
        }
        self.too_late |= outcome.end == End::Cancelled && self.phase == Phase::Running;
        if let Some(step) = self.steps.get_mut(&number) {
            step.finish(outcome.clone(), at);
        }
        Ok(())
    }

    fn gate_opened(&mut self, at: Timestamp, number: u32) -> Moved {
        if self.step(number).is_some_and(|step| step.state == StepState::Waiting) {
            return Err(IllegalMove::Repeated);
        }
        if self.phase != Phase::Running {
            return Err(IllegalMove::NotRunning(self.plan()));
        }
        if !self.may_open(number) {
            return Err(self.illegal_step(number, "opened"));
        }
        if let Some(step) = self.steps.get_mut(&number) {
            step.enter(StepState::Waiting, at);
        }
        Ok(())
    }

    /// A gate's secrets are shown while it waits, and once (G17).
    fn secrets_shown(&mut self, at: Timestamp, number: u32, by: &str) -> Moved {
        let plan = self.plan();
        let waiting = self.steps.get_mut(&number).filter(|step| step.state == StepState::Waiting);
        let Some(step) = waiting else { return Err(self.illegal_step(number, "shown")) };
        if let Some((by, at)) = &step.shown {
            return Err(IllegalMove::Shown { plan, step: number, by: by.clone(), at: *at });
        }
        step.shown = Some((by.to_owned(), at));
        Ok(())
    }

    /// A person says that a step is done. A gate's or an unknown step's is believed; of a guided one its agent looks, and
    /// asks again where it is not so (G4).
    fn confirmed(&mut self, at: Timestamp, number: u32, by: &str, note: Option<&str>) -> Moved {
        let confirmable = |state| matches!(state, StepState::Waiting | StepState::Ended(End::Unknown));
        if !self.step(number).is_some_and(|step| confirmable(step.state)) {
            return Err(self.illegal_step(number, "confirmed"));
        }
        let evidence = match note.map(str::trim).filter(|note| !note.is_empty()) {
            Some(note) => format!("confirmed by {by}: {note}"),
            None => format!("confirmed by {by}"),
        };
        // What was skipped for this step has its turn again.
        let skipped: Vec<u32> = self
            .steps
            .keys()
            .copied()
            .filter(|other| *other != number && self.culprit(*other) == number)
            .collect();
        if let Some(step) = self.steps.get_mut(&number) {
            if step.is_guided() {
                step.enter(StepState::Pending, at);
                step.said = Some(evidence);
            } else {
                let rows = step.step.rows.clone();
                step.finish(Outcome { rows, ..outcome(End::Done, evidence, at) }, at);
            }
        }
        for other in skipped {
            if let Some(step) = self.steps.get_mut(&other) {
                step.enter(StepState::Pending, at);
            }
        }
        self.recall_gates(at);
        Ok(())
    }

    fn cancel_requested(&mut self) -> Moved {
        match self.phase {
            Phase::Running => {
                self.phase = Phase::Stopping;
                Ok(())
            }
            Phase::Stopping => Err(IllegalMove::Stopping(self.plan())),
            Phase::Planned | Phase::Approved | Phase::Ended(_) => Err(IllegalMove::NotRunning(self.plan())),
        }
    }

    fn resumed(&mut self, at: Timestamp, restart: &[u32]) -> Moved {
        let plan = self.plan();
        if !self.may_resume() {
            return Err(IllegalMove::NotStopped(plan));
        }
        self.in_time(at)?;
        if self.phase == Phase::Ended(RunEnd::Expired) {
            return Err(self.expired());
        }
        for step in restart {
            match self.step(*step).ok_or(IllegalMove::NoStep { plan, step: *step })?.state {
                StepState::Ended(End::Unknown) => {}
                StepState::Pending
                | StepState::Issued
                | StepState::Running
                | StepState::Waiting
                | StepState::Ended(_) => return Err(IllegalMove::NotUnknown { plan, step: *step }),
            }
        }
        for step in self.steps.values_mut() {
            step.restart = restart.contains(&step.step.number);
            if step.has_failed() && (step.restart || !step.is_parked()) {
                step.enter(StepState::Pending, at);
            }
        }
        for command in self.commands.values_mut() {
            command.settled = true;
        }
        self.phase = Phase::Running;
        self.recall_gates(at);
        Ok(())
    }

    /// A gate that is open while steps before it have their turn again is asked again after them.
    fn recall_gates(&mut self, at: Timestamp) {
        let ready = |step: &StepRun| self.segment(step.segment).is_some_and(|segment| self.is_ready(segment));
        let early: Vec<u32> = self
            .steps()
            .filter(|step| step.state == StepState::Waiting && !ready(step))
            .map(|step| step.step.number)
            .collect();
        for number in early {
            if let Some(step) = self.steps.get_mut(&number) {
                step.enter(StepState::Pending, at);
            }
        }
    }

    fn ended(&mut self, at: Timestamp, end: RunEnd) -> Moved {
        if !self.is_active() {
            return Err(IllegalMove::NotRunning(self.plan()));
        }
        if self.decide(at) != [Decision::End(end)] {
            return Err(IllegalMove::NotTheEnd { plan: self.plan(), got: end });
        }
        self.phase = Phase::Ended(end);
        Ok(())
    }

    fn same_digest(&self, got: Digest) -> Moved {
        let (plan, wanted) = (self.plan(), self.digest);
        if got == wanted { Ok(()) } else { Err(IllegalMove::Digest { plan, wanted, got }) }
    }

    fn in_time(&self, at: Timestamp) -> Moved {
        if self.is_expired(at) { Err(self.expired()) } else { Ok(()) }
    }

    fn expired(&self) -> IllegalMove {
        IllegalMove::Expired { plan: self.plan(), valid_until: self.header.valid_until }
    }

    fn illegal_step(&self, step: u32, wanted: &'static str) -> IllegalMove {
        let plan = self.plan();
        match self.step(step) {
            Some(run) => IllegalMove::Step { plan, step, is: crate::view::state_word(run.state), wanted },
            None => IllegalMove::NoStep { plan, step },
        }
    }
}

pub(super) fn outcome(end: End, evidence: String, at: Timestamp) -> Outcome {
    Outcome { end, evidence, rows: Vec::new(), because: None, ended_at: at }
}
