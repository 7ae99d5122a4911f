//! What agents say of their commands: checked against what was issued, stored once, then answered.
//!
//! Neighbours: `api::agent` reads the stream and acknowledges what is [`Reception::Stored`]. The server is that of the
//! certificate; a key counts only for the server, command and step that it was made for. What does not fit is logged and
//! left unanswered: the agent keeps it, and nothing is lost when a restored controller meets an agent that knows more.

use muster_core::run::{IllegalMove, Run};
use muster_model::event::EventBody;
use muster_model::name::{PlanId, ServerId};
use muster_model::outcome::{CommandId, StepKey, StepTicket};
use muster_proto::session::{CommandAnswer, StepEnded, StepStarted};

use super::load::Loaded;
use super::{Error, Handle};
use crate::store::Tx;

/// What became of an agent's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reception {
    /// It is on disk, now or since an earlier time.
    Stored,
    /// It is about a run that is over, and moves nothing any more.
    Late,
    /// It fits nothing that was issued to this server, for this reason.
    Ignored(String),
}

impl Handle {
    /// The agent has stored a command, or does not take it.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn answered(&self, server: &ServerId, answer: CommandAnswer) -> Result<Reception, Error> {
        let CommandAnswer { command, answer } = answer;
        let Some(plan) = self.active(&server.site) else {
            // An agent that ended its command before it was sent again answers that, too.
            return Ok(Reception::Late);
        };
        let body = match answer {
            Ok(()) => EventBody::CommandAccepted { plan, command },
            Err(refusal) => EventBody::CommandRefused { plan, command, refusal },
        };
        let server = server.clone();
        let changed = self.change(plan, move |_: &mut Tx, loaded: &Loaded| {
            let mine = loaded.run.command(command).is_some_and(|command| command.role == server.role);
            let body = mine.then_some(body).ok_or(Error::Illegal(IllegalMove::NoCommand(command)));
            Box::pin(async move { Ok(vec![body?]) })
        });
        received(changed.await)
    }

    /// The agent has stored its intent to carry out a step.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn started(&self, server: &ServerId, started: StepStarted) -> Result<Reception, Error> {
        let StepStarted { command, step, key } = started;
        let plan = match self.plan_of(server, command, step, key).await? {
            Ok(plan) => plan,
            Err(ignored) => return Ok(ignored),
        };
        let body = EventBody::StepStarted { plan, step, key };
        let changed =
            self.change(plan, move |_: &mut Tx, _: &Loaded| Box::pin(async move { Ok(vec![body]) }));
        received(changed.await)
    }

    /// A step ended. To be acknowledged where the answer is [`Reception::Stored`], and only then.
    ///
    /// # Errors
    /// Where the store does not answer; the outcome stays with the agent.
    pub async fn ended(&self, server: &ServerId, ended: StepEnded) -> Result<Reception, Error> {
        let StepEnded { command, step, key, outcome, journal } = ended;
        let plan = match self.plan_of(server, command, step, key).await? {
            Ok(plan) => plan,
            Err(ignored) => return Ok(ignored),
        };
        let server = server.clone();
        let changed = self.change(plan, move |tx: &mut Tx, _: &Loaded| {
            Box::pin(async move {
                tx.raise_journal(&server, journal)?;
                Ok(vec![EventBody::StepEnded { plan, step, key: Some(key), outcome }])
            })
        });
        received(changed.await)
    }

    /// The plan of a step's key, where the key was made for this server, command and step.
    async fn plan_of(
        &self,
        server: &ServerId,
        command: CommandId,
        step: u32,
        key: StepKey,
    ) -> Result<Result<PlanId, Reception>, Error> {
        if let Some(plan) = self.active(&server.site)
            && self.carries(plan, server, command, step, key).await?
        {
            return Ok(Ok(plan));
        }
        let Some(record) = self.inner.store.snapshot().await?.step_key(key).await? else {
            return Ok(Err(Reception::Ignored(format!(
                "no command of this controller carried the key {key}"
            ))));
        };
        if record.server != *server || record.command != command || record.step != step {
            let (owner, number) = (&record.server, record.step);
            let why = format!("the key {key} was made for step {number} of {owner} in another message");
            return Ok(Err(Reception::Ignored(why)));
        }
        Ok(Ok(record.plan))
    }

    /// Whether the run sent this server that key, for that step in that command.
    async fn carries(
        &self,
        plan: PlanId,
        server: &ServerId,
        command: CommandId,
        step: u32,
        key: StepKey,
    ) -> Result<bool, Error> {
        let place = self.place(plan);
        let mut held = place.lock().await;
        let run = &self.fill(&mut held, plan).await?.run;
        let ticket = StepTicket { number: step, key };
        let sent = run.command(command).filter(|sent| sent.role == server.role);
        Ok(sent.is_some_and(|sent| sent.steps.contains(&ticket)))
    }
}

/// What a change means for the agent that caused it: a move that was made before is on disk.
fn received(changed: Result<Run, Error>) -> Result<Reception, Error> {
    match changed {
        Ok(_) => Ok(Reception::Stored),
        Err(Error::Illegal(illegal)) if illegal.is_repeated() => Ok(Reception::Stored),
        Err(Error::Illegal(illegal)) => Ok(Reception::Ignored(illegal.to_string())),
        Err(error) => Err(error),
    }
}
