//! Staging: asks the agents, and tells the operator how far they are until each is done.
//!
//! Neighbours: `crate::stage` knows what is wanted and hears the agents. An operator who goes away stops nothing.

use std::time::Duration;

use muster_model::limits;
use muster_model::name::ServerId;
use muster_proto::session::Staged;
use muster_proto::v1;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{Service, parse};
use crate::stage::{Pending, Stage, Wanted, Word};

/// Replies that may wait for an operator's link.
const QUEUE: usize = 64;

/// Said of a server whose stream ended meanwhile.
const GONE: &str = "its agent went away; type the command again when it is back";

type Reply = Result<v1::StageReply, Status>;

impl Service {
    pub(super) async fn stage(&self, request: v1::SiteRequest) -> Result<ReceiverStream<Reply>, Status> {
        let v1::SiteRequest { site } = request;
        // Before anybody is asked, so that no answer is missed.
        let words = self.stage.listen();
        let wanted = self.stage.wanted(&parse(&site)?).await?;
        let (to, replies) = mpsc::channel(QUEUE);
        let (stage, mut drain) = (self.stage.clone(), self.drain.clone());
        tokio::spawn(async move {
            tokio::select! {
                told = follow(stage, wanted, words, &to) => {
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
async fn follow(
    stage: Stage,
    wanted: Vec<Wanted>,
    mut words: broadcast::Receiver<Word>,
    to: &mpsc::Sender<Reply>,
) -> Option<()> {
    let mut pending = Pending::default();
    for wanted in wanted {
        if wanted.shelf.as_ref().is_some_and(|view| view.whole) {
            pending.add(wanted);
        } else {
            let problem = "it is not on the shelf; bring it: `muster media add FILE`";
            to.send(Ok(refusal(&wanted, problem))).await.ok()?;
        }
    }
    let again = |pending: &Pending, server: &ServerId| stage.ask(server, pending.of(server));
    for server in pending.servers() {
        if !again(&pending, &server) {
            give_up(
                &mut pending,
                &server,
                "its agent is not connected; type the command again when it is",
                to,
            )
            .await?;
        }
    }
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
                        if !again(&pending, &server) {
                            give_up(&mut pending, &server, GONE, to).await?;
                        }
                    }
                }
                Err(RecvError::Closed) => return Some(()),
            },
            _ = look.tick() => {
                for server in pending.servers().iter().filter(|server| !stage.is_connected(server)) {
                    give_up(&mut pending, server, GONE, to).await?;
                }
            }
        }
    }
    Some(())
}

async fn give_up(
    pending: &mut Pending,
    server: &ServerId,
    problem: &str,
    to: &mpsc::Sender<Reply>,
) -> Option<()> {
    for wanted in pending.give_up(server) {
        to.send(Ok(refusal(&wanted, problem))).await.ok()?;
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
    }
}
