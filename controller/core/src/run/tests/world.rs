//! A run among agents that answer late, twice, or badly, and the person at the controller.
//!
//! Neighbours: `property` drives it with random moves, the stories move it by hand. It checks what must hold at every move;
//! it knows no rule of how a run is decided.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use muster_model::event::{EventBody, RunEnd};
use muster_model::name::Role;
use muster_model::outcome::{CommandId, End, Outcome, Refusal, StepKey};
use muster_model::view::StepState;
use uuid::Uuid;

use crate::plan::Assembled;
use crate::run::{Decision, IllegalMove, Outstanding, Phase, Run, StepRun};
use crate::testing::{self, at};

/// An agent: what it has taken, what it still has to do, and what it said.
#[derive(Debug, Default)]
pub(crate) struct Agent {
    known: BTreeSet<CommandId>,
    work: Option<Work>,
    /// Every message, in order, and how many of them the controller has stored.
    said: Vec<EventBody>,
    heard: usize,
}

#[derive(Debug)]
struct Work {
    command: Outstanding,
    next: usize,
    started: bool,
    cancelled: bool,
    ends: BTreeMap<u32, End>,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) run: Run,
    pub(crate) log: Vec<(Timestamp, EventBody)>,
    pub(crate) agents: BTreeMap<Role, Agent>,
    /// How a step ends, attempt by attempt; done once the list is over.
    pub(crate) script: BTreeMap<u32, Vec<End>>,
    /// Guided steps that a person has carried out on the server.
    pub(crate) by_hand: BTreeSet<u32>,
    /// How many commands are refused before one is taken.
    pub(crate) refusals: u32,
    pub(crate) second: i64,
    fresh: u128,
    fresh_run: Run,
}

pub(crate) fn outcome(end: End) -> Outcome {
    Outcome { end, evidence: format!("seen: {end}"), rows: Vec::new(), because: None, ended_at: at(0) }
}

impl World {
    pub(crate) fn new(assembled: &Assembled) -> Self {
        let run = testing::started(assembled);
        let agents = run.header().servers.keys().map(|role| (role.clone(), Agent::default())).collect();
        let (log, script) = (Vec::new(), BTreeMap::new());
        let by_hand = BTreeSet::new();
        Self { fresh_run: run.clone(), run, log, agents, script, by_hand, refusals: 0, second: 10, fresh: 0 }
    }

    pub(crate) fn now(&self) -> Timestamp {
        at(self.second)
    }

    /// Applies an event that must be legal, and checks what must hold of every event.
    pub(crate) fn apply(&mut self, body: &EventBody) {
        let before = self.run.clone();
        let now = self.now();
        let done = self.run.apply(now, body);
        assert!(done.is_ok(), "{body:?}: {done:?} where {:?}", self.states());
        self.log.push((now, body.clone()));
        if let EventBody::CommandIssued { steps, .. } = body {
            let numbers: Vec<u32> = steps.iter().map(|ticket| ticket.number).collect();
            for number in &numbers {
                assert!(
                    !before.step(*number).unwrap().is_done(),
                    "step {number} was done and is issued again"
                );
                for need in before.needs(*number) {
                    assert!(before.step(*need).unwrap().is_done() || numbers.contains(need));
                }
            }
        }
        if let EventBody::StepStarted { step, .. } | EventBody::GateOpened { step, .. } = body {
            for need in before.needs(*step) {
                assert!(
                    before.step(*need).unwrap().is_done(),
                    "step {step} began before step {need} was done"
                );
            }
        }
    }

    /// Carries out all that is due. What is due once is not due again.
    pub(crate) fn tick(&mut self) {
        let now = self.now();
        let due = self.run.decide(now);
        for decision in &due {
            if let Decision::SendCancel { command } = decision {
                let agents = self.agents.values_mut().filter_map(|agent| agent.work.as_mut());
                agents.filter(|work| work.command.command == *command).for_each(|work| work.cancelled = true);
            }
            let mut fresh = self.fresh;
            let event = self.run.event(decision, now, &mut || {
                fresh += 1;
                Uuid::from_u128(fresh)
            });
            self.fresh = fresh;
            event.iter().for_each(|event| self.apply(event));
        }
        let again = self.run.decide(now);
        let repeated: Vec<&Decision> =
            again.iter().filter(|d| due.contains(d) && !matches!(d, Decision::SendCancel { .. })).collect();
        assert!(repeated.is_empty(), "decided twice: {repeated:?}");
    }

    /// The agent gets what is outstanding, and takes it or refuses it. It takes each command once.
    pub(crate) fn receive(&mut self, role: &Role) {
        let outstanding = self.run.outstanding(role);
        assert!(outstanding.len() <= 1, "one command at a time on a server");
        let agent = self.agents.get_mut(role).unwrap();
        for command in outstanding {
            if !agent.known.insert(command.command) {
                continue;
            }
            assert!(agent.work.is_none(), "the agent is still at work");
            let (plan, id) = (self.run.plan(), command.command);
            if self.refusals > 0 {
                self.refusals -= 1;
                let refusal = Refusal::ClockOff { offset_ms: 130_000, limit_ms: 120_000 };
                agent.said.push(EventBody::CommandRefused { plan, command: id, refusal });
                continue;
            }
            agent.said.push(EventBody::CommandAccepted { plan, command: id });
            let cancelled = command.cancelled;
            agent.work = Some(Work { command, next: 0, started: false, cancelled, ends: BTreeMap::new() });
        }
    }

    /// The agent does the next thing, whether or not anyone hears of it.
    pub(crate) fn work(&mut self, role: &Role) {
        let plan = self.run.plan();
        let agent = self.agents.get_mut(role).unwrap();
        let Some(work) = &mut agent.work else { return };
        let ticket = work.command.steps[work.next].clone();
        let (step, key) = (ticket.number, ticket.key);
        let failed = |need: &u32| work.ends.get(need).is_some_and(|end| *end != End::Done);
        let because = self.run.needs(step).iter().copied().find(failed);
        let outcome = match because {
            Some(because) => Outcome { because: Some(because), ..outcome(End::Skipped) },
            None if work.cancelled && !work.started => outcome(End::Cancelled),
            None if !work.started => {
                work.started = true;
                agent.said.push(EventBody::StepStarted { plan, step, key });
                return;
            }
            None => {
                let script = self.script.entry(step).or_default();
                let asks =
                    self.run.step(step).is_some_and(StepRun::is_guided) && !self.by_hand.contains(&step);
                let end = if asks { End::Waiting } else { End::Done };
                outcome(if script.is_empty() { end } else { script.remove(0) })
            }
        };
        work.ends.insert(step, outcome.end);
        (work.next, work.started) = (work.next + 1, false);
        if work.next == work.command.steps.len() {
            agent.work = None;
        }
        agent.said.push(EventBody::StepEnded { plan, step, key: Some(key), outcome });
    }

    /// The agent's disk is set back to before it took its command.
    pub(crate) fn forget(&mut self, role: &Role) {
        self.agents.get_mut(role).unwrap().work = None;
    }

    /// The controller hears the agent's next message.
    pub(crate) fn hear(&mut self, role: &Role) {
        let agent = self.agents.get_mut(role).unwrap();
        let Some(message) = agent.said.get(agent.heard).cloned() else { return };
        agent.heard += 1;
        self.apply(&message);
    }

    /// The agent repeats a message that was heard: it is known, and changes nothing.
    pub(crate) fn hear_again(&mut self, role: &Role, which: usize) {
        let agent = &self.agents[role];
        if agent.heard == 0 {
            return;
        }
        let message = agent.said[which % agent.heard].clone();
        let before = self.run.clone();
        let now = self.now();
        assert_eq!(self.run.apply(now, &message), Err(IllegalMove::Repeated), "{message:?}");
        assert_eq!(self.run, before);
    }

    /// A person does what waits for one, and says so.
    pub(crate) fn confirm(&mut self) {
        let waiting: Vec<u32> = self
            .run
            .steps()
            .filter(|step| step.state == StepState::Waiting)
            .map(|step| step.step.number)
            .collect();
        for step in waiting {
            self.by_hand.insert(step);
            self.say(|plan| EventBody::StepConfirmed {
                plan,
                step,
                by: "anne".to_owned(),
                note: None,
                ends: None,
            });
        }
    }

    pub(crate) fn say(&mut self, event: impl FnOnce(muster_model::name::PlanId) -> EventBody) {
        let event = event(self.run.plan());
        self.apply(&event);
    }

    pub(crate) fn cancel(&mut self) {
        self.say(|plan| EventBody::CancelRequested { plan, by: "anne".to_owned(), reason: None });
    }

    pub(crate) fn resume(&mut self, restart: &[u32]) {
        let restart = restart.to_vec();
        self.say(|plan| EventBody::RunResumed { plan, by: "anne".to_owned(), restart, reason: None });
    }

    pub(crate) fn roles(&self) -> Vec<Role> {
        self.agents.keys().cloned().collect()
    }

    /// Everyone does their part in turn until the run ends.
    pub(crate) fn settle(&mut self) -> RunEnd {
        for _ in 0..1_000 {
            self.second += 1;
            self.tick();
            for role in self.roles() {
                self.receive(&role);
                self.work(&role);
                self.hear(&role);
            }
            self.confirm();
            if let Phase::Ended(end) = self.run.phase() {
                self.check_replay();
                return end;
            }
        }
        panic!("the run does not end: {:?}", self.run);
    }

    /// A controller that starts again folds the same events to the same run.
    fn check_replay(&self) {
        let mut replay = self.fresh_run.clone();
        for (at, body) in &self.log {
            replay.apply(*at, body).unwrap();
        }
        assert_eq!(replay, self.run);
    }

    pub(crate) fn states(&self) -> Vec<(u32, &'static str)> {
        self.run.steps().map(|step| (step.step.number, crate::view::state_word(step.state))).collect()
    }

    /// The numbers of each command that was issued, in order.
    pub(crate) fn issued(&self) -> Vec<Vec<u32>> {
        let issued = self.log.iter().filter_map(|(_, body)| {
            let EventBody::CommandIssued { steps, .. } = body else { return None };
            Some(steps.iter().map(|ticket| ticket.number).collect())
        });
        issued.collect()
    }

    pub(crate) fn key(&self, step: u32) -> StepKey {
        self.run.step(step).unwrap().key.unwrap()
    }
}
