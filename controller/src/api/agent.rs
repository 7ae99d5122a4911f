//! The agents' door: reads a stream, hands what it says to the rooms, and answers.
//!
//! Neighbours: `session` keeps the stream, `dispatch` takes what concerns commands. Which server speaks comes from the
//! certificate, never from a message. An outcome is acknowledged after it is on disk and not before.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use muster_model::causes::with_causes;
use muster_model::digest::Digest;
use muster_model::limits;
use muster_model::memory::AgentMemory;
use muster_model::name::{InvalidName, PlanId, ServerId};
use muster_proto::session::{FromAgent, Hello, Progress, StepEnded, ToAgent};
use muster_proto::v1;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::caller;
use crate::authority::Authority;
use crate::crash;
use crate::dispatch::{self, Reception};
use crate::media::{Media, Reading};
use crate::progress::{self, StepProgress};
use crate::recovery::Recovery;
use crate::secrets::Secrets;
use crate::session::{self, Session};
use crate::stage::{Stage, Word};

/// Pieces of a medium that are read before its agent's link takes them.
const PIECES: usize = 2;
/// Domain and name of a Windows account, with room to spare.
const ACCOUNT_CHARACTERS: usize = 300;

/// The service behind `muster.fleet.v1.Agent`.
#[derive(Clone)]
pub struct Service {
    /// Keeps streams.
    pub sessions: session::Handle,
    /// Takes what concerns commands.
    pub dispatch: dispatch::Handle,
    /// Passes on how far steps are.
    pub progress: progress::Progress,
    /// Says who must be read first, after a restore.
    pub recovery: Recovery,
    /// Renews certificates.
    pub authority: Authority,
    /// Gives a gate its secrets.
    pub secrets: Secrets,
    /// The shelf.
    pub media: Media,
    /// Says who may fetch what, and passes on how far they are.
    pub stage: Stage,
    /// Turns true when the controller stops: media that are handed out end then.
    pub drain: watch::Receiver<bool>,
}

impl Service {
    /// Opens the session and reads it to its end. In a task of its own: a caller that goes away in between must not leave a
    /// session behind that nobody ends.
    async fn serve(
        self,
        server: ServerId,
        hello: Hello,
        messages: Streaming<v1::FromAgent>,
        opened: oneshot::Sender<Result<mpsc::Receiver<session::Outgoing>, Status>>,
    ) {
        let held = self.recovery.must_read(&server);
        // In boxes, here and below: what is done now and then would be room that each idle stream holds.
        let (mut session, out) = match Box::pin(self.sessions.open(&server, &hello, held)).await {
            Ok(session) => session,
            Err(error) => {
                tracing::warn!(%server, error = &error as &dyn std::error::Error, "a stream was not opened");
                if opened.send(Err(refused(&error))).is_err() {
                    tracing::debug!(%server, "the agent did not wait for the refusal");
                }
                return;
            }
        };
        tracing::info!(%server, version = hello.agent_version, host = %hello.host, "connected");
        drop(hello);
        // Where the caller is gone, its half of the queue is dropped here and the session ends below.
        if opened.send(Ok(out)).is_err() {
            tracing::debug!(%server, "the agent went away while its stream opened");
        } else if let Err(error) = Box::pin(self.begin(&session)).await {
            tracing::error!(%server, error = &error as &dyn std::error::Error, "commands were not sent again");
        } else {
            self.read(&mut session, messages).await;
        }
        if let Err(error) = Box::pin(session.close()).await {
            tracing::warn!(%server, error = &error as &dyn std::error::Error, "the end of a stream is not stored");
        }
        tracing::info!(%server, "disconnected");
    }

    /// Asks a held agent what it remembers, and sends any other one what it has not ended and does not have.
    async fn begin(&self, session: &Session) -> Result<(), dispatch::Error> {
        if !session.is_held() {
            return self.connected(session.server()).await;
        }
        if !session.reply(ToAgent::Recall).await {
            tracing::debug!(server = %session.server(), "the stream ended before its agent was read");
        }
        Ok(())
    }

    /// Reads the name of a medium, and sees that the server may have it.
    async fn named(&self, server: &ServerId, sha256: &str) -> Result<Digest, Status> {
        let sha256: Digest =
            sha256.parse().map_err(|error: InvalidName| Status::invalid_argument(error.to_string()))?;
        if !self.stage.may_fetch(server, sha256).await? {
            return Err(Status::not_found(format!(
                "the newest manifest of {server} names no medium {sha256}, nor does that of a run of its site"
            )));
        }
        Ok(sha256)
    }

    async fn connected(&self, server: &ServerId) -> Result<(), dispatch::Error> {
        self.dispatch.connected(server).await?;
        if let Err(error) = Box::pin(self.stage.connected(server)).await {
            // Media that do not come ahead of time keep no run from going on.
            tracing::warn!(%server, error = &error as &dyn std::error::Error, "media were not asked for again");
        }
        Ok(())
    }

    /// Stores what an agent remembers. After the recovery was confirmed that is all that it waits for.
    async fn recalled(&self, session: &Session, memory: AgentMemory) -> Result<(), dispatch::Error> {
        if self.recovery.read(session.server(), memory).await? && session.is_held() {
            session.release();
            self.connected(session.server()).await?;
        }
        Ok(())
    }

    /// Takes message by message until the stream ends. What a stream holds while nothing is said is small: the next message
    /// and all that is done with it lie in a box.
    async fn read(&self, session: &mut Session, mut messages: Streaming<v1::FromAgent>) {
        while let Some(taking) =
            next(session, &mut messages).await.map(|wire| Box::pin(self.convert(session, wire)))
        {
            if !taking.await {
                return;
            }
        }
    }

    /// Reads what the agent said and does what follows; false where the stream is to be cut.
    async fn convert(&self, session: &Session, wire: v1::FromAgent) -> bool {
        let message = match FromAgent::try_from(wire) {
            Ok(message) => message,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(server = %session.server(), error, "a message cannot be read; the stream is cut");
                return false;
            }
        };
        if let Err(error) = self.take(session, message).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(server = %session.server(), error, "a message was not taken; the stream is cut");
            return false;
        }
        true
    }

    async fn take(&self, session: &Session, message: FromAgent) -> Result<(), dispatch::Error> {
        let server = session.server();
        if session.is_held() && !matches!(message, FromAgent::Recalled(_)) {
            // Not answered, so that the agent keeps it and says it again at its next connection.
            tracing::debug!(%server, "a message waits until the recovery is confirmed");
            return Ok(());
        }
        let reception = match message {
            FromAgent::Hello(_) => Reception::Ignored("it said hello a second time".to_owned()),
            FromAgent::Observed(observed) => {
                session.observed(observed);
                return Ok(());
            }
            FromAgent::Answer(answer) => self.dispatch.answered(server, answer).await?,
            FromAgent::Started(started) => self.dispatch.started(server, started).await?,
            FromAgent::Ended(ended) => return self.ended(session, ended).await,
            FromAgent::Recalled(memory) => return self.recalled(session, *memory).await,
            FromAgent::Staged(staged) => {
                self.stage.tell(Word { server: server.clone(), staged }).await?;
                return Ok(());
            }
            FromAgent::Progress(Progress { step, key: _, text }) => {
                self.progress.tell(StepProgress { server: server.clone(), step, text });
                return Ok(());
            }
        };
        match reception {
            Reception::Stored => {}
            Reception::Late => tracing::debug!(%server, "a message of the agent is about a run that is over"),
            Reception::Ignored(why) => tracing::warn!(%server, why, "a message of the agent is ignored"),
        }
        Ok(())
    }

    async fn ended(&self, session: &Session, ended: StepEnded) -> Result<(), dispatch::Error> {
        let (server, key) = (session.server(), ended.key);
        crash::point("session.before_outcome");
        match self.stored_or_found(server, ended).await? {
            Reception::Stored => {
                crash::point("session.before_acknowledge");
                if !session.reply(ToAgent::Stored(key)).await {
                    tracing::debug!(%server, %key, "the stream ended before the acknowledgement; the agent asks again");
                }
                crash::point("session.after_acknowledge");
            }
            Reception::Late => {
                tracing::warn!(%server, %key, "an outcome of a run that is over is not acknowledged")
            }
            // Kept by the agent: a controller restored from a backup must not make it forget what only it knows.
            Reception::Ignored(why) => tracing::warn!(%server, %key, why, "an outcome is not acknowledged"),
        }
        Ok(())
    }

    /// An outcome that moves no run is stored all the same where it is of before a restore.
    async fn stored_or_found(
        &self,
        server: &ServerId,
        ended: StepEnded,
    ) -> Result<Reception, dispatch::Error> {
        Ok(match self.dispatch.ended(server, ended.clone()).await? {
            Reception::Ignored(_) if self.recovery.found(server, ended).await? => Reception::Stored,
            reception @ (Reception::Stored | Reception::Late | Reception::Ignored(_)) => reception,
        })
    }
}

/// The next message of a stream; none once it has ended, or is to end.
async fn next(session: &mut Session, messages: &mut Streaming<v1::FromAgent>) -> Option<v1::FromAgent> {
    let message = tokio::select! {
        message = messages.next() => message?,
        () = session.ended() => return None,
    };
    match message {
        Ok(wire) => Some(wire),
        Err(status) => {
            tracing::info!(server = %session.server(), %status, "the stream broke");
            None
        }
    }
}

#[tonic::async_trait]
impl v1::agent_server::Agent for Service {
    type SessionStream = Pin<Box<dyn Stream<Item = Result<v1::ToAgent, Status>> + Send>>;
    type FetchMediumStream = ReceiverStream<Result<v1::MediumPiece, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<v1::FromAgent>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (server, serial) = (caller::agent(&request)?, caller::serial(&request)?);
        let mut messages = request.into_inner();
        let limit = Duration::from_millis(limits::WELCOME_MS);
        let first = tokio::time::timeout(limit, messages.message())
            .await
            .map_err(|_| Status::deadline_exceeded("the hello took too long"))??
            .ok_or_else(|| Status::invalid_argument("the stream is empty"))?;
        let hello = match FromAgent::try_from(first) {
            Ok(FromAgent::Hello(hello)) => hello,
            Ok(_) => return Err(Status::invalid_argument("the first message must be the hello")),
            Err(error) => return Err(Status::invalid_argument(with_causes(&error))),
        };
        let (opened_in, opened) = oneshot::channel();
        let asked = server.clone();
        tokio::spawn(self.clone().serve(server, hello, messages, opened_in));
        let out = opened.await.map_err(|_| Status::unavailable("the controller stops"))??;
        self.authority.used(&asked, &serial).await?;
        let out = ReceiverStream::new(out).map(|message| Ok(v1::ToAgent::from(*message)));
        Ok(Response::new(Box::pin(out)))
    }

    async fn renew(&self, request: Request<v1::RenewRequest>) -> Result<Response<v1::RenewReply>, Status> {
        let (server, serial) = (caller::agent(&request)?, caller::serial(&request)?);
        let v1::RenewRequest { csr_pem } = request.into_inner();
        let certificate_pem = self.authority.renew(server, serial, &csr_pem).await?;
        Ok(Response::new(v1::RenewReply { certificate_pem }))
    }

    async fn show_secrets(
        &self,
        request: Request<v1::ShowSecretsRequest>,
    ) -> Result<Response<v1::SealedSecrets>, Status> {
        let server = caller::agent(&request)?;
        let v1::ShowSecretsRequest { plan, step } = request.into_inner();
        let secrets = self.secrets.of_gate(&server, PlanId(plan), step).await?;
        let secrets = secrets.into_iter().map(v1::SealedSecret::from).collect();
        Ok(Response::new(v1::SealedSecrets { secrets }))
    }

    async fn secrets_shown(
        &self,
        request: Request<v1::SecretsShownRequest>,
    ) -> Result<Response<v1::SecretsShownReply>, Status> {
        let server = caller::agent(&request)?;
        let v1::SecretsShownRequest { plan, step, by } = request.into_inner();
        if by.is_empty() || by.chars().count() > ACCOUNT_CHARACTERS || by.chars().any(char::is_control) {
            return Err(Status::invalid_argument("the account that looks is not named"));
        }
        self.secrets.shown(&server, PlanId(plan), step, by).await?;
        Ok(Response::new(v1::SecretsShownReply {}))
    }

    async fn show_medium(
        &self,
        request: Request<v1::ShowMediumRequest>,
    ) -> Result<Response<v1::ShowMediumReply>, Status> {
        let server = caller::agent(&request)?;
        let sha256 = self.named(&server, &request.into_inner().sha256).await?;
        let size_bytes = self.media.size_bytes(sha256).await?;
        Ok(Response::new(v1::ShowMediumReply { size_bytes }))
    }

    /// One that the shelf has and the server does not need is as unknown to it as one that there is not. That is settled once
    /// for the whole stream, which ends with its connection: a revoked certificate's is cut.
    async fn fetch_medium(
        &self,
        request: Request<v1::FetchMediumRequest>,
    ) -> Result<Response<Self::FetchMediumStream>, Status> {
        let server = caller::agent(&request)?;
        let v1::FetchMediumRequest { sha256, offset_bytes } = request.into_inner();
        let sha256 = self.named(&server, &sha256).await?;
        let reading = self.media.open(sha256, offset_bytes).await?;
        let (to, pieces) = mpsc::channel(PIECES);
        let mut drain = self.drain.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = hand_out(reading, &to) => {}
                () = async { drop(drain.wait_for(|stop| *stop).await) } => {
                    drop(to.send(Err(Status::unavailable("the controller stops"))).await);
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(pieces)))
    }
}

/// Hands out what is left of a medium, for as long as somebody takes it.
async fn hand_out(mut reading: Reading, to: &mpsc::Sender<Result<v1::MediumPiece, Status>>) {
    while let Some(piece) = reading.next().await.transpose() {
        let last = piece.is_err();
        let piece = piece
            .map_err(Status::from)
            .map(|(content, sha256)| v1::MediumPiece { content, content_sha256: sha256.as_bytes().to_vec() });
        if to.send(piece).await.is_err() || last {
            return;
        }
    }
}

fn refused(error: &session::Error) -> Status {
    match error {
        session::Error::Connected(_) => Status::already_exists(error.to_string()),
        session::Error::OtherHost { .. } => Status::failed_precondition(error.to_string()),
        session::Error::Store(_) => Status::unavailable(with_causes(error)),
    }
}
