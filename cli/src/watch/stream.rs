//! Events without a gap and without a double, over any number of lost connections.
//!
//! Neighbours: `muster events` prints all of them, the watch folds those of a run. The controller promises that the
//! sequence is complete from any number on; this asks again from the number after the last one that was handed out.

use muster_model::event::Event;
use muster_model::limits;
use muster_proto::v1::{self, watch_reply::What};
use tokio::time::{Duration, Instant};
use tonic::{Status, Streaming};

use crate::connect::{Controller, read_record};
use crate::failure::{Failure, is_unreachable};
use crate::output::Output;

/// What comes of a stream.
#[derive(Debug)]
pub(crate) enum Shown {
    /// An event.
    Event(Event),
    /// How far a step is; only where the request asked for it.
    Progress(v1::StepProgress),
}

/// A stream of events that survives its connection while it follows.
pub(crate) struct Stream {
    request: v1::WatchRequest,
    open: Option<Streaming<v1::WatchReply>>,
    patience: Patience,
}

impl Stream {
    /// A stream of what the request asks for; nothing is sent yet.
    pub(crate) fn new(request: v1::WatchRequest) -> Self {
        Self { request, open: None, patience: Patience::default() }
    }

    /// The next event; none when all were handed out and the request does not follow.
    pub(crate) async fn next(
        &mut self,
        controller: &mut Controller,
        output: &mut Output,
    ) -> Result<Option<Shown>, Failure> {
        loop {
            let lost = match self.receive(controller, output).await? {
                Ok(Some(What::Event(record))) if record.sequence < self.request.from => continue,
                Ok(Some(What::Event(record))) => {
                    self.request.from = record.sequence + 1;
                    return read_record(&record.event_json, "event").map(|event| Some(Shown::Event(event)));
                }
                Ok(Some(What::Progress(progress))) => return Ok(Some(Shown::Progress(progress))),
                Ok(None) if !self.request.follow => return Ok(None),
                Ok(None) => Status::unavailable("the controller ended the stream"),
                Err(status) => status,
            };
            self.open = None;
            if !self.request.follow {
                return Err(controller.refused(&lost, &advice()));
            }
            self.patience.lost(&lost, controller, output).await?;
        }
    }

    /// The next record as it comes, or how the stream came to its end. A record that was handed out before may come again.
    async fn receive(
        &mut self,
        controller: &mut Controller,
        output: &mut Output,
    ) -> Result<Result<Option<What>, Status>, Failure> {
        if self.open.is_none() {
            match controller.client.watch(self.request.clone()).await {
                Ok(reply) => self.open = Some(reply.into_inner()),
                Err(status) => return Ok(Err(status)),
            }
            self.patience.regained(output)?;
        }
        match &mut self.open {
            Some(open) => loop {
                // A reply that holds nothing is of a kind that this program does not know yet.
                match open.message().await {
                    Ok(Some(v1::WatchReply { what: None })) => {}
                    Ok(Some(v1::WatchReply { what })) => return Ok(Ok(what)),
                    Ok(None) => return Ok(Ok(None)),
                    Err(status) => return Ok(Err(status)),
                }
            },
            None => Ok(Ok(None)),
        }
    }
}

/// How long a lost controller is looked for.
#[derive(Default)]
pub(crate) struct Patience {
    since: Option<Instant>,
}

impl Patience {
    /// Waits before the next try, or fails: where the controller refused, or was away for too long.
    pub(crate) async fn lost(
        &mut self,
        status: &Status,
        controller: &Controller,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let failure = controller.refused(status, &advice());
        if !is_unreachable(status) {
            return Err(failure);
        }
        let since = match self.since {
            Some(since) => since,
            None => {
                output.note(&format!(
                    "the connection to {} is lost; looking for it again. The work goes on without you.",
                    controller.address
                ))?;
                *self.since.insert(Instant::now())
            }
        };
        if since.elapsed() >= Duration::from_millis(limits::WATCH_LOST_MS) {
            return Err(failure);
        }
        tokio::time::sleep(Duration::from_millis(limits::WATCH_RETRY_MS)).await;
        Ok(())
    }

    /// The controller answered.
    pub(crate) fn regained(&mut self, output: &mut Output) -> Result<(), Failure> {
        match self.since.take() {
            Some(_) => output.note("the controller is back"),
            None => Ok(()),
        }
    }
}

fn advice() -> Vec<String> {
    vec!["see the sites and their plans: muster status".to_owned()]
}
