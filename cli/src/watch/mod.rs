//! `--watch`: a line per move of a run, until it ended or only a person can go on.
//!
//! `stream` keeps the events complete, `fold` knows how far the run is. Neighbours: `run`, `resume` and `done` prepare a
//! watch before they act, so that it begins with what their own act caused; `render::run` words the lines.

mod fold;
pub(crate) mod stream;

use muster_model::event::RunEnd;
use muster_model::name::{PlanId, Sequence};
use muster_model::view::{RunView, ServerState, StatusView, StepView, StepsView};
use muster_proto::v1;
use serde::Serialize;

use crate::connect::{Controller, read_record, read_view};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::{render, shape};
use fold::Fold;
use stream::{Patience, Shown, Stream};

/// A run that is about to be watched.
pub(crate) struct Watch {
    plan: PlanId,
    /// The steps as they stood before.
    steps: StepsView,
    fold: Fold,
    /// The first event to show.
    from: Sequence,
    /// What is before this is history, of which an end says nothing about now.
    settled_from: Sequence,
}

/// The shape `muster.run/1`: the last line of a watch.
#[derive(Debug, Serialize)]
struct RunRecord<'a> {
    plan: PlanId,
    run: RunView,
    done: usize,
    steps: usize,
    /// Steps that wait for a person or did not end well.
    attention: Vec<&'a StepView>,
    next: &'a [String],
}

impl Watch {
    /// Learns where the plan stands, before anything is done to it.
    pub(crate) async fn prepare(controller: &mut Controller, plan: PlanId) -> Result<Self, Failure> {
        let advice = ["see the sites and their plans: muster status".to_owned()];
        let reply = controller.client.list_steps(v1::PlanRequest { plan: plan.0 }).await;
        let steps: StepsView = read_view(&controller.answer(reply, &advice)?, shape::STEPS)?;
        let mut fold = Fold::new(plan);
        let request =
            v1::WatchRequest { from: 1, follow: false, site: String::new(), plan: plan.0, progress: false };
        let reply = controller.client.watch(request).await;
        let mut history = controller.answer(reply, &advice)?;
        while let Some(reply) =
            history.message().await.map_err(|status| controller.refused(&status, &advice))?
        {
            if let Some(v1::watch_reply::What::Event(record)) = reply.what {
                fold.apply(&read_record(&record.event_json, "event")?);
            }
        }
        let reply = controller.client.get_status(v1::StatusRequest { site: steps.site.to_string() }).await;
        let status: StatusView = read_view(&controller.answer(reply, &advice)?, shape::STATUS)?;
        fold.away = status
            .sites
            .into_iter()
            .filter(|site| site.site == steps.site)
            .flat_map(|site| site.servers)
            .filter(|server| server.state != ServerState::Connected)
            .map(|server| server.server.role)
            .collect();
        let from = Sequence(fold.newest.0 + 1);
        Ok(Self { plan, steps, fold, from, settled_from: from })
    }

    /// Whether the run began and has not ended.
    pub(crate) fn is_under_way(&self) -> bool {
        self.fold.is_under_way()
    }

    /// Shows the run from its beginning, not only what happens now.
    pub(crate) fn whole(mut self) -> Self {
        self.settled_from = self.fold.newest;
        self.from = self.fold.started.unwrap_or(self.fold.newest);
        let away = std::mem::take(&mut self.fold.away);
        self.fold = Fold::new(self.plan);
        self.fold.away = away;
        self
    }

    /// Shows each move until the run ended or waits for a person alone.
    pub(crate) async fn follow(
        mut self,
        controller: &mut Controller,
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        // The site's events and not only the plan's: whether a server is there belongs to the story.
        let mut stream = Stream::new(v1::WatchRequest {
            from: self.from.0,
            follow: true,
            site: self.steps.site.to_string(),
            plan: 0,
            progress: true,
        });
        while let Some(shown) = stream.next(controller, output).await? {
            let event = match shown {
                Shown::Event(event) => event,
                Shown::Progress(progress) => {
                    self.progress(&progress, output)?;
                    continue;
                }
            };
            let relevant = self.fold.apply(&event);
            if relevant && output.is_json() {
                output.json_line(shape::EVENT, &event)?;
            } else if relevant {
                for line in render::run::lines(&event, &self.steps, &self.fold.away, output) {
                    output.data(&line)?;
                }
            }
            output.progress(self.fold.done(), self.steps.steps.len() as u64, self.steps.site.as_str());
            if event.sequence >= self.settled_from
                && let Some(exit) = self.settle(controller, output).await?
            {
                return Ok(exit);
            }
        }
        let again = format!("muster run {} --watch", self.plan);
        Err(Failure::new(Exit::Unreachable, "the controller ended the watch", again))
    }

    /// How far a step is, on stderr: it is no data, and one that was missed is not missed.
    fn progress(&self, progress: &v1::StepProgress, output: &mut Output) -> Result<(), Failure> {
        if self.fold.is_under_way() && !output.is_json() {
            output.note(&render::run::progress(progress, &self.steps))?;
        }
        Ok(())
    }

    /// Whether there is nothing left to watch; the controller's word on it is shown.
    async fn settle(
        &mut self,
        controller: &mut Controller,
        output: &mut Output,
    ) -> Result<Option<Exit>, Failure> {
        if self.fold.ended.is_none() && !self.fold.may_wait_for_a_person() {
            return Ok(None);
        }
        let steps = self.list_steps(controller, output).await?;
        let exit = match steps.run {
            Some(RunView::Ended(RunEnd::Done)) => Exit::Ok,
            Some(RunView::Ended(_)) => Exit::NotDone,
            Some(RunView::Waiting) => Exit::Waiting,
            Some(RunView::Running | RunView::Offline) | None => return Ok(None),
        };
        output.end_progress();
        self.steps = steps;
        self.report(output)?;
        Ok(Some(exit))
    }

    async fn list_steps(
        &self,
        controller: &mut Controller,
        output: &mut Output,
    ) -> Result<StepsView, Failure> {
        let mut patience = Patience::default();
        loop {
            match controller.client.list_steps(v1::PlanRequest { plan: self.plan.0 }).await {
                Ok(reply) => {
                    patience.regained(output)?;
                    return read_view(&reply.into_inner(), shape::STEPS);
                }
                Err(status) => patience.lost(&status, controller, output).await?,
            }
        }
    }

    fn report(&self, output: &mut Output) -> Result<(), Failure> {
        let Some(run) = self.steps.run else { return Ok(()) };
        if !output.is_json() {
            let text = render::run::end(run, &self.steps);
            return output.data(&text);
        }
        let record = RunRecord {
            plan: self.plan,
            run,
            done: render::steps::done(&self.steps),
            steps: self.steps.steps.len(),
            attention: self.steps.steps.iter().filter(|step| render::steps::needs_attention(step)).collect(),
            next: &self.steps.next,
        };
        output.json_line(shape::RUN, &record)
    }
}
