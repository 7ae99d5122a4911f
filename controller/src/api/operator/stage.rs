//! Staging: asks the agents, and tells the operator how far they are until each is done or nobody can say when.
//!
//! Neighbours: `crate::stage` knows what is wanted, hears the agents and asks those again that come back. An operator who goes
//! away stops nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use muster_model::limits;
use muster_model::name::{ServerId, Slug};
use muster_proto::session::Staged;
use muster_proto::v1;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{Service, parse};
use crate::stage::{Pending, Stage, Wanted};

/// Replies that may wait for an operator's link.
const QUEUE: usize = 64;

/// Said of a server without a stream, and of one whose stream ended meanwhile.
const ABSENT: &str = "its agent is not connected; it is asked by itself once it is";

type Reply = Result<v1::StageReply, Status>;

impl Service {
    pub(super) async fn stage(
        &self,
        by: Slug,
        request: v1::SiteRequest,
    ) -> Result<ReceiverStream<Reply>, Status> {
        let v1::SiteRequest { site } = request;
        let wanted = self.stage.wanted(&parse(&site)?).await?;
        let ready = wanted.iter().filter(|wanted| wanted.is_ready());
        self.stage.keep(by, ready.map(|wanted| (wanted.server.clone(), wanted.sha256)).collect()).await?;
        let (to, replies) = mpsc::channel(QUEUE);
        let (stage, mut drain) = (self.stage.clone(), self.drain.clone());
        tokio::spawn(async move {
            tokio::select! {
                told = follow(stage, wanted, &to) => {
                    if told.is_none() {
                        tracing::debug!("the operator went away; the agents go on");
                    }
                }
                () = async { drop(drain.wait_for(|stop| *stop).await) } => {
                    let stops = Err(Status::unavailable("the controller stops; the agents go on when it is back"));
                    drop(to.send(stops).await);
                }
            }
        });
        Ok(ReceiverStream::new(replies))
    }
}

/// Asks and tells until nothing is on its way any more; none where nobody listens.
async fn follow(stage: Stage, wanted: Vec<Wanted>, to: &mpsc::Sender<Reply>) -> Option<()> {
    let mut pending = Pending::default();
    for wanted in wanted {
        if wanted.is_ready() {
            pending.add(wanted);
        } else {
            let problem = "it is not on the shelf; bring it: `muster media add FILE`";
            to.send(Ok(refusal(&wanted, problem))).await.ok()?;
        }
    }
    // Before anybody is asked, so that no answer is missed, and no earlier: what was said of another try is not about this one.
    let mut words = stage.listen();
    for server in pending.servers() {
        if !stage.ask(&server, pending.of(&server)) {
            leave_waiting(&mut pending, &server, to).await?;
        }
    }
    let mut gone: BTreeMap<ServerId, Instant> = BTreeMap::new();
    let mut look = tokio::time::interval(Duration::from_millis(limits::WATCH_RETRY_MS));
    while !pending.is_empty() {
        tokio::select! {
            word = words.recv() => match word {
                Ok(word) => {
                    if let Some(wanted) = pending.heard(&word) {
                        to.send(Ok(reply(&wanted, word.staged))).await.ok()?;
                    }
                }
                // The last word of one may be among those that were missed: whoever is asked again says it again.
                Err(RecvError::Lagged(_)) => {
                    for server in pending.servers() {
                        let asked = stage.ask(&server, pending.of(&server));
                        tracing::debug!(%server, asked, "words of an agent were missed");
                    }
                }
                Err(RecvError::Closed) => return Some(()),
            },
            now = look.tick() => {
                // A link that drops is asked again by whoever sees it come back, and may be back at once.
                gone.retain(|server, _| !stage.is_connected(server));
                for server in pending.servers().iter().filter(|server| !stage.is_connected(server)) {
                    let since = *gone.entry(server.clone()).or_insert(now);
                    if now.duration_since(since) >= Duration::from_millis(limits::STAGE_ABSENT_MS) {
                        leave_waiting(&mut pending, server, to).await?;
                    }
                }
            }
        }
    }
    Some(())
}

/// Says of a server that its media come without anybody who listens.
async fn leave_waiting(pending: &mut Pending, server: &ServerId, to: &mpsc::Sender<Reply>) -> Option<()> {
    for wanted in pending.give_up(server) {
        let waits = v1::StageReply { waits: true, ..refusal(&wanted, ABSENT) };
        to.send(Ok(waits)).await.ok()?;
    }
    Some(())
}

fn refusal(wanted: &Wanted, problem: &str) -> v1::StageReply {
    let (sha256, problem) = (wanted.sha256, Some(problem.to_owned()));
    reply(wanted, Staged { sha256, held_bytes: 0, whole: false, problem })
}

fn reply(wanted: &Wanted, staged: Staged) -> v1::StageReply {
    let Staged { sha256, held_bytes, whole, problem } = staged;
    v1::StageReply {
        server: wanted.server.to_string(),
        sha256: sha256.to_string(),
        medium: wanted.path.clone(),
        size_bytes: wanted.shelf.as_ref().map_or(0, |view| view.medium.size_bytes),
        held_bytes,
        whole,
        problem: problem.unwrap_or_default(),
        waits: false,
    }
}
