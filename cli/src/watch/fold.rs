//! How far a run is, as far as a watcher must know.
//!
//! Neighbours: `super` feeds it events and asks the controller before it believes that a run waits: the controller's own
//! fold decides, this one only knows when it is worth asking.

use std::collections::{BTreeMap, BTreeSet};

use muster_model::event::{Event, EventBody, RunEnd};
use muster_model::name::{PlanId, Role, Sequence};
use muster_model::outcome::{CommandId, End};

/// What a watcher knows of a run.
#[derive(Debug, Clone)]
pub(crate) struct Fold {
    plan: PlanId,
    /// Where the run began, once it did.
    pub(crate) started: Option<Sequence>,
    /// How it ended, while it has ended.
    pub(crate) ended: Option<RunEnd>,
    /// The newest event of this plan.
    pub(crate) newest: Sequence,
    /// Servers that are known not to be connected.
    pub(crate) away: BTreeSet<Role>,
    issued: BTreeMap<u32, (CommandId, Role)>,
    gates: BTreeSet<u32>,
    ends: BTreeMap<u32, End>,
}

impl Fold {
    /// A plan of which nothing is known.
    pub(crate) fn new(plan: PlanId) -> Self {
        Self {
            plan,
            started: None,
            ended: None,
            newest: Sequence(0),
            away: BTreeSet::new(),
            issued: BTreeMap::new(),
            gates: BTreeSet::new(),
            ends: BTreeMap::new(),
        }
    }

    /// How many steps are done.
    pub(crate) fn done(&self) -> u64 {
        self.ends.values().filter(|end| **end == End::Done).count() as u64
    }

    /// Whether the run began and has not ended.
    pub(crate) fn is_under_way(&self) -> bool {
        self.started.is_some() && self.ended.is_none()
    }

    /// Whether work was sent to that server and has not ended.
    fn has_work(&self, role: &Role) -> bool {
        self.issued.values().any(|(_, holder)| holder == role)
    }

    /// Whether a gate is open and no server that is there has work.
    pub(crate) fn may_wait_for_a_person(&self) -> bool {
        !self.gates.is_empty() && self.issued.values().all(|(_, role)| self.away.contains(role))
    }

    /// Takes an event in; false where it says nothing of this run.
    pub(crate) fn apply(&mut self, event: &Event) -> bool {
        // Whether a server is there matters to a watcher while it has work, or when it comes back.
        if let EventBody::ServerConnected { server, .. } = &event.body {
            return self.away.remove(&server.role) && self.has_work(&server.role);
        }
        if let EventBody::ServerDisconnected { server } = &event.body {
            return self.away.insert(server.role.clone()) && self.has_work(&server.role);
        }
        if event.body.plan() != Some(self.plan) {
            return false;
        }
        self.newest = event.sequence;
        self.advance(event);
        true
    }

    fn advance(&mut self, event: &Event) {
        match &event.body {
            EventBody::RunStarted { .. } => self.started = Some(event.sequence),
            EventBody::RunResumed { .. } => self.ended = None,
            EventBody::RunEnded { end, .. } => self.ended = Some(*end),
            EventBody::CommandIssued { command, role, steps, .. } => {
                for ticket in steps {
                    self.ends.remove(&ticket.number);
                    self.issued.insert(ticket.number, (*command, role.clone()));
                }
            }
            EventBody::CommandRefused { command, .. } => {
                self.issued.retain(|_, (issued, _)| issued != command)
            }
            EventBody::StepEnded { step, outcome, .. } if outcome.end == End::Waiting => {
                self.issued.remove(step);
                self.gates.insert(*step);
            }
            EventBody::StepEnded { step, outcome, .. } => self.end(*step, outcome.end),
            EventBody::StepConfirmed { step, .. } => self.end(*step, End::Done),
            EventBody::GateOpened { step, .. } => {
                self.ends.remove(step);
                self.gates.insert(*step);
            }
            EventBody::CommandAccepted { .. }
            | EventBody::StepStarted { .. }
            | EventBody::CancelRequested { .. }
            | EventBody::PlanCreated { .. }
            | EventBody::PlanApproved { .. }
            | EventBody::ControllerStarted { .. }
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
            | EventBody::SecretResealed { .. }
            | EventBody::SecretsShown { .. } => {}
        }
    }

    fn end(&mut self, step: u32, end: End) {
        self.issued.remove(&step);
        self.gates.remove(&step);
        self.ends.insert(step, end);
    }
}
