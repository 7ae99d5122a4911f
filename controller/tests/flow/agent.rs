//! The agent's end of the stream, moved by a story: it compares, accepts, starts and ends exactly what it is told to.

use jiff::Timestamp;
use muster_model::command::Command;
use muster_model::digest::Digest;
use muster_model::manifest::Manifest;
use muster_model::name::NodeId;
use muster_model::node::{AttributeRole, NodeClass, NodeKind};
use muster_model::outcome::{CommandId, End, Outcome, StepKey, StepTicket};
use muster_model::plan::{AttributePath, New, Old, Reason, Row};
use muster_model::report::{Finding, NodeReport, ServerReport};
use muster_proto::dial::{self, Credentials};
use muster_proto::session::{
    CommandAnswer, FromAgent, Hello, Observe, Observed, StepEnded, StepStarted, ToAgent, Welcome,
};
use muster_proto::v1;
use muster_proto::v1::agent_client::AgentClient;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::harness::in_time;

/// A connected agent.
pub(crate) struct Agent {
    out: mpsc::Sender<v1::FromAgent>,
    messages: Streaming<v1::ToAgent>,
    pub(crate) welcome: Welcome,
}

/// What an agent says of itself unless a story wants otherwise.
pub(crate) fn hello(now: Timestamp) -> Hello {
    Hello {
        agent_version: "0.1.0".to_owned(),
        kinds: NodeKind::ALL.iter().copied().collect(),
        simulated: true,
        now,
        journal: 0,
        epoch: 0,
        host: "DUP-WEB01".parse().unwrap(),
    }
}

impl Agent {
    /// Dials and is welcomed.
    pub(crate) async fn connect(
        address: &str,
        credentials: &Credentials,
        hello: Hello,
    ) -> Result<Self, Status> {
        let channel = dial::dial(address, credentials).await.unwrap();
        let (out, said) = mpsc::channel(64);
        out.send(v1::FromAgent::try_from(FromAgent::Hello(hello)).unwrap()).await.unwrap();
        let stream = AgentClient::new(channel).session(ReceiverStream::new(said)).await?;
        let mut messages = stream.into_inner();
        let welcome = match read(&mut messages).await {
            Some(ToAgent::Welcome(welcome)) => welcome,
            other => panic!("{other:?}"),
        };
        Ok(Self { out, messages, welcome })
    }

    /// The next message; none where the controller ended the stream.
    pub(crate) async fn next(&mut self) -> Option<ToAgent> {
        read(&mut self.messages).await
    }

    pub(crate) async fn command(&mut self) -> Command {
        match self.next().await {
            Some(ToAgent::Command(command)) => *command,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn stored(&mut self) -> StepKey {
        match self.next().await {
            Some(ToAgent::Stored(key)) => key,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn say(&self, message: FromAgent) {
        self.out.send(v1::FromAgent::try_from(message).unwrap()).await.unwrap();
    }

    /// Answers one comparison with what `found` makes of the manifest.
    pub(crate) async fn compare(&mut self, found: impl Fn(&Manifest) -> Vec<NodeReport>) -> Manifest {
        let Some(ToAgent::Observe(Observe { request, manifest_json, .. })) = self.next().await else {
            panic!("no comparison was asked for")
        };
        let manifest: Manifest = serde_json::from_slice(&manifest_json).unwrap();
        let report = ServerReport {
            format: muster_model::FORMAT,
            server: manifest.server.clone(),
            generation: manifest.generation,
            manifest: Digest::of(&manifest_json),
            observed_at: Timestamp::now(),
            simulated: true,
            nodes: found(&manifest),
            orphans: Vec::new(),
            preflight: Vec::new(),
        };
        self.say(FromAgent::Observed(Observed { request, result: Ok(report) })).await;
        manifest
    }

    pub(crate) async fn accept(&self, command: CommandId) {
        self.say(FromAgent::Answer(CommandAnswer { command, answer: Ok(()) })).await;
    }

    pub(crate) async fn start(&self, command: CommandId, ticket: &StepTicket) {
        let StepTicket { number: step, key } = *ticket;
        self.say(FromAgent::Started(StepStarted { command, step, key })).await;
    }

    /// Says how a step ended, with the position of its journal.
    pub(crate) async fn end(&self, command: CommandId, ticket: &StepTicket, end: End, journal: u64) {
        let StepTicket { number: step, key } = *ticket;
        let outcome = Outcome {
            end,
            evidence: "seen by the story".to_owned(),
            rows: Vec::new(),
            because: None,
            ended_at: Timestamp::now(),
        };
        self.say(FromAgent::Ended(StepEnded { command, step, key, outcome, journal })).await;
    }

    /// Accepts a command and ends all of its steps well, waiting for each acknowledgement.
    pub(crate) async fn carry_out(&mut self, command: &Command) {
        self.accept(command.id).await;
        for (position, ticket) in (1..).zip(&command.steps) {
            self.start(command.id, ticket).await;
            self.end(command.id, ticket, End::Done, position).await;
            assert_eq!(self.stored().await, ticket.key);
        }
    }
}

async fn read(messages: &mut Streaming<v1::ToAgent>) -> Option<ToAgent> {
    let message = in_time(messages.message()).await.ok()??;
    Some(ToAgent::try_from(message).unwrap())
}

/// What a server shows on which nothing was ever installed.
pub(crate) fn fresh(manifest: &Manifest) -> Vec<NodeReport> {
    let resources = manifest.nodes.iter().filter(|node| node.id.kind.class() == NodeClass::Resource);
    let reports = resources.map(|node| {
        let state = node.id.kind.spec().attributes.iter().filter(|spec| spec.role == AttributeRole::State);
        let rows = state.filter_map(|spec| {
            let wanted = node.attributes.get(spec.name)?.clone();
            let old = match &node.provided_by {
                Some(package) => Old::KnownAfter(package.clone()),
                None => Old::Absent,
            };
            let attribute = AttributePath { name: spec.name.to_owned(), member: None };
            let (node, new) = (node.id.clone(), New::Exact(wanted));
            Some(Row { node, attribute, old, new, reason: Reason::Missing })
        });
        NodeReport { node: node.id.clone(), rows: rows.collect(), finding: None }
    });
    reports.collect()
}

/// What a server shows that is as it should be.
pub(crate) fn in_sync(_: &Manifest) -> Vec<NodeReport> {
    Vec::new()
}

/// A server on which one node cannot be brought to its state.
pub(crate) fn with_finding(node: &str) -> impl Fn(&Manifest) -> Vec<NodeReport> {
    let node: NodeId = node.parse().unwrap();
    move |_| {
        let finding = Finding { problem: "the disk is full".to_owned(), advice: "make room".to_owned() };
        vec![NodeReport { node: node.clone(), rows: Vec::new(), finding: Some(finding) }]
    }
}
