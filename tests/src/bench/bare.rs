//! The yardstick: a gRPC server that does what any such server must, and nothing else.
//!
//! The controller's own acceptor and TLS settings, mutual TLS, one stream per agent, a greeting, a kibibyte to each, an
//! answer from each. Nothing is stored, nobody is looked up. Neighbours: `load` connects to it as to a controller.

use std::io::BufRead as _;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use futures_util::Stream;
use jiff::Timestamp;
use muster_controller::authority::Revocations;
use muster_controller::clock::Clock;
use muster_controller::tls::{self, Acceptor};
use muster_model::command::{Command, Epoch};
use muster_model::digest::Digest;
use muster_model::limits;
use muster_model::outcome::{CommandId, StepKey, StepTicket};
use muster_proto::session::{ToAgent, Welcome};
use muster_proto::v1;
use muster_proto::v1::agent_server::{Agent, AgentServer};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use super::child::answer;
use super::measure;

/// What is sent to each agent.
const PAYLOAD_BYTES: usize = 1_024;

/// Where it listens.
#[derive(Debug, Serialize, Deserialize)]
pub struct Listening {
    /// `host:port`.
    pub address: String,
}

/// How long all answers took.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answered {
    /// Seconds from the first message to the last answer.
    pub all_s: f64,
}

/// The way to one agent.
type Link = mpsc::Sender<Result<v1::ToAgent, Status>>;

#[derive(Clone)]
struct Bare {
    streams: Arc<Mutex<Vec<Link>>>,
    answers: watch::Sender<usize>,
}

/// Serves with the key and certificate of a controller's data until the asker goes away.
///
/// # Errors
/// Where it cannot serve.
pub async fn run(data: &Path) -> Result<()> {
    let chain = std::fs::read_to_string(data.join("controller.pem"))?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let listening = Listening { address: listener.local_addr()?.to_string() };
    let (_never, cut) = watch::channel(false);
    let acceptor = Acceptor {
        config: tls::config(&chain)?,
        revocations: Revocations::new([]),
        clock: Clock::system(),
        cut,
    };
    let bare = Bare { streams: Arc::default(), answers: watch::Sender::new(0) };
    // As the controller's own server, line by line: see its `serve`.
    let server = Server::builder()
        .http2_keepalive_interval(Some(Duration::from_millis(limits::KEEPALIVE_INTERVAL_MS)))
        .http2_keepalive_timeout(Some(Duration::from_millis(limits::KEEPALIVE_TIMEOUT_MS)))
        .max_concurrent_streams(u32::try_from(limits::STREAMS).ok())
        .serve_with_incoming(AgentServer::new(bare.clone()), acceptor.accept(listener));
    tokio::spawn(server);
    loop {
        let order = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line).map(|_| line)
        });
        match order.await??.trim() {
            "address" => answer(&listening)?,
            "fan-out" => answer(&Answered { all_s: bare.fan_out().await? })?,
            "" => return Ok(()),
            other => bail!("no such order: {other}"),
        }
    }
}

impl Bare {
    async fn fan_out(&self) -> Result<f64> {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.answers.send_replace(0);
        let begin = Instant::now();
        let message = v1::ToAgent::from(ToAgent::Command(Box::new(command())));
        for stream in &streams {
            stream.send(Ok(message.clone())).await.context("an agent is gone")?;
        }
        self.answers.subscribe().wait_for(|answers| *answers >= streams.len()).await?;
        Ok(measure::seconds(begin.elapsed()))
    }
}

fn command() -> Command {
    let header_json = vec![b'x'; PAYLOAD_BYTES];
    let key = StepKey(uuid(1));
    Command {
        id: CommandId(uuid(2)),
        epoch: Epoch { number: 1, instance: uuid(3) },
        digest: Digest::of(&header_json),
        header_json,
        steps_json: Vec::new(),
        manifest_json: Vec::new(),
        steps: vec![StepTicket { number: 1, key }],
        start_by: Timestamp::now(),
        restart: Vec::new(),
        secrets: Vec::new(),
    }
}

fn uuid(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(number)
}

#[tonic::async_trait]
impl Agent for Bare {
    type SessionStream = Pin<Box<dyn Stream<Item = Result<v1::ToAgent, Status>> + Send>>;
    type FetchMediumStream = ReceiverStream<Result<v1::MediumPiece, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<v1::FromAgent>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let mut messages = request.into_inner();
        messages.message().await?.ok_or_else(|| Status::invalid_argument("no hello"))?;
        let (out, answers) = mpsc::channel(4);
        let welcome = Welcome {
            epoch: Epoch { number: 1, instance: uuid(3) },
            now: Timestamp::now(),
            reconnect_spread_ms: 0,
            journal: 0,
        };
        let welcome = v1::ToAgent::from(ToAgent::Welcome(welcome));
        out.try_send(Ok(welcome)).map_err(|_| Status::internal("no room"))?;
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).push(out);
        let counted = self.answers.clone();
        tokio::spawn(async move {
            while let Some(Ok(_)) = messages.next().await {
                counted.send_modify(|answers| *answers += 1);
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn renew(&self, _: Request<v1::RenewRequest>) -> Result<Response<v1::RenewReply>, Status> {
        Err(Status::unimplemented("a bare server"))
    }

    async fn show_secrets(
        &self,
        _: Request<v1::ShowSecretsRequest>,
    ) -> Result<Response<v1::SealedSecrets>, Status> {
        Err(Status::unimplemented("a bare server"))
    }

    async fn show_medium(
        &self,
        _: Request<v1::ShowMediumRequest>,
    ) -> Result<Response<v1::ShowMediumReply>, Status> {
        Err(Status::unimplemented("a bare server"))
    }

    async fn fetch_medium(
        &self,
        _: Request<v1::FetchMediumRequest>,
    ) -> Result<Response<Self::FetchMediumStream>, Status> {
        Err(Status::unimplemented("a bare server"))
    }

    async fn secrets_shown(
        &self,
        _: Request<v1::SecretsShownRequest>,
    ) -> Result<Response<v1::SecretsShownReply>, Status> {
        Err(Status::unimplemented("a bare server"))
    }
}
