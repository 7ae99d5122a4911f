//! One agent of the load: a real certificate, a real stream, real messages; in the place of a server, a row that is always
//! to be set.
//!
//! Neighbours: `load` has thousands of these. What an agent promises is in the shared journal, on the disk, before it is
//! said: acceptance, intent, outcome, each for itself. Not here is what costs a real agent time on its own machine: the
//! judgement of a command beyond its digest, and the work.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use muster_agent::journal::store::Store as _;
use muster_agent_core::journal::{Chain, Record};
use muster_agent_core::work::StoredCommand;
use muster_model::command::Command;
use muster_model::digest::Digest;
use muster_model::manifest::Manifest;
use muster_model::name::ServerId;
use muster_model::node::{NodeClass, NodeKind};
use muster_model::outcome::{End, Outcome, StepTicket};
use muster_model::plan::{AttributePath, New, Old, Reason, Row};
use muster_model::report::{NodeReport, ServerReport};
use muster_proto::dial::Dialer;
use muster_proto::session::{
    CommandAnswer, FromAgent, Hello, Observe, Observed, StepEnded, StepStarted, ToAgent,
};
use muster_proto::v1;
use muster_proto::v1::agent_client::AgentClient;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::journal::{Group, Member};

/// Messages that wait for the link: a command of one step has three answers.
const QUEUE: usize = 8;

/// Something that happened to an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It was welcomed.
    Welcomed,
    /// A command came.
    Commanded,
    /// An outcome of it is stored at the controller.
    Stored,
    /// It is gone, and why.
    Lost(String),
}

/// What an agent is and knows.
pub struct Agent {
    server: ServerId,
    host: String,
    dialer: Dialer,
    chain: Chain,
    door: Member,
    group: Group,
    seen: mpsc::UnboundedSender<Seen>,
    /// Whether it writes nothing down, as beside the bare server.
    bare: bool,
}

impl Agent {
    /// An agent that was never connected.
    pub fn new(
        server: ServerId,
        host: String,
        dialer: Dialer,
        group: &Group,
        seen: mpsc::UnboundedSender<Seen>,
        bare: bool,
    ) -> Self {
        let (chain, door, group) = (Chain::default(), group.member(), group.clone());
        Self { server, host, dialer, chain, door, group, seen, bare }
    }

    /// Connects, once there is a place for its handshake, and answers until the stream ends. Says what it sees.
    pub async fn live(&mut self, address: Arc<str>, handshakes: &Semaphore) {
        let why = match self.converse(&address, handshakes).await {
            Ok(()) => "its stream ended".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        self.tell(Seen::Lost(format!("{}: {why}", self.server)));
    }

    fn tell(&self, seen: Seen) {
        // Nobody listens once the load ends.
        drop(self.seen.send(seen));
    }

    async fn converse(&mut self, address: &str, handshakes: &Semaphore) -> Result<()> {
        let place = handshakes.acquire().await?;
        let channel = self.dialer.dial(address).await?;
        drop(place);
        let (to, messages) = mpsc::channel(QUEUE);
        to.try_send(v1::FromAgent::try_from(FromAgent::Hello(self.hello()?))?)?;
        let stream = AgentClient::new(channel).session(ReceiverStream::new(messages)).await?;
        let mut from = stream.into_inner();
        while let Some(message) = next(&mut from).await? {
            self.take(message, &to).await?;
        }
        Ok(())
    }

    fn hello(&self) -> Result<Hello> {
        Ok(Hello {
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            kinds: NodeKind::ALL.iter().copied().collect(),
            simulated: true,
            now: Timestamp::now(),
            journal: self.chain.position(),
            epoch: 0,
            host: self.host.parse()?,
        })
    }

    async fn take(&mut self, message: ToAgent, to: &mpsc::Sender<v1::FromAgent>) -> Result<()> {
        match message {
            ToAgent::Welcome(welcome) => {
                if !self.bare {
                    self.write(Record::Epoch { epoch: welcome.epoch })?;
                }
                self.tell(Seen::Welcomed);
            }
            ToAgent::Observe(observe) => say(to, FromAgent::Observed(compare(observe)?)).await?,
            ToAgent::Command(command) => self.command(*command, to).await?,
            ToAgent::Stored(key) => {
                if !self.bare {
                    self.write(Record::Acknowledged { key })?;
                }
                self.tell(Seen::Stored);
            }
            ToAgent::Cancel(_) | ToAgent::Recall | ToAgent::Stage(_) => {
                bail!("the load was asked for what it does not do")
            }
        }
        Ok(())
    }

    async fn command(&mut self, command: Command, to: &mpsc::Sender<v1::FromAgent>) -> Result<()> {
        self.tell(Seen::Commanded);
        let (id, tickets) = (command.id, command.steps.clone());
        if !self.bare {
            ensure!(Digest::of(&command.header_json) == command.digest, "not what was approved");
            self.write(Record::Accepted { command: Box::new(kept(command)?) })?;
            self.group.durable().await?;
            say(to, FromAgent::Answer(CommandAnswer { command: id, answer: Ok(()) })).await?;
        }
        for StepTicket { number: step, key } in tickets {
            let outcome = Outcome {
                end: End::Done,
                evidence: "load_user_profile is true".to_owned(),
                rows: Vec::new(),
                because: None,
                ended_at: Timestamp::now(),
            };
            if !self.bare {
                let at = outcome.ended_at;
                self.write(Record::Intent { command: id, step, key, rows: Vec::new(), at, boot: None })?;
                self.group.durable().await?;
                say(to, FromAgent::Started(StepStarted { command: id, step, key })).await?;
                let outcome = outcome.clone();
                self.write(Record::Outcome {
                    command: id,
                    step,
                    key,
                    outcome,
                    fires: Vec::new(),
                    restart: None,
                })?;
                self.group.durable().await?;
            }
            let journal = self.chain.position();
            say(to, FromAgent::Ended(StepEnded { command: id, step, key, outcome, journal })).await?;
        }
        Ok(())
    }

    fn write(&mut self, record: Record) -> Result<()> {
        let sealed = self.chain.seal(record)?;
        self.door.append(&sealed, &[])?;
        self.chain.follow(&sealed)?;
        Ok(())
    }
}

async fn next(from: &mut Streaming<v1::ToAgent>) -> Result<Option<ToAgent>> {
    Ok(from.message().await?.map(ToAgent::try_from).transpose()?)
}

async fn say(to: &mpsc::Sender<v1::FromAgent>, message: FromAgent) -> Result<()> {
    to.send(v1::FromAgent::try_from(message)?).await.context("the stream is gone")
}

fn kept(command: Command) -> Result<StoredCommand> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).context("a record is not text");
    Ok(StoredCommand {
        id: command.id,
        epoch: command.epoch,
        digest: command.digest,
        header: text(command.header_json)?,
        steps: text(command.steps_json)?,
        manifest: text(command.manifest_json)?,
        tickets: command.steps,
        start_by: command.start_by,
        restart: command.restart,
        secrets: command.secrets,
    })
}

/// A server on which every pool has the other setting, again and again.
fn compare(Observe { request, manifest_json, .. }: Observe) -> Result<Observed> {
    let manifest: Manifest = serde_json::from_slice(&manifest_json)?;
    let resources = manifest.nodes.iter().filter(|node| node.id.kind.class() == NodeClass::Resource);
    let nodes = resources.map(|node| {
        let row = Row {
            node: node.id.clone(),
            attribute: AttributePath { name: "load_user_profile".to_owned(), member: None },
            old: Old::Exact(false.into()),
            new: New::Exact(true.into()),
            reason: Reason::Drift,
        };
        NodeReport { node: node.id.clone(), rows: vec![row], finding: None }
    });
    let report = ServerReport {
        format: muster_model::FORMAT,
        server: manifest.server.clone(),
        generation: manifest.generation,
        manifest: Digest::of(&manifest_json),
        observed_at: Timestamp::now(),
        simulated: true,
        nodes: nodes.collect(),
        orphans: Vec::new(),
        preflight: Vec::new(),
    };
    Ok(Observed { request, result: Ok(report) })
}
