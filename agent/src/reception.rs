//! The reception: answers what a controller says, one message at a time. What is promised is in the journal before it is
//! said.
//!
//! Neighbours: `session` carries the messages, `muster_agent_core::inbox` judges commands, `engine` carries them out.
//! Blocking, and never a change to the server: it stores, observes and answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use muster_agent_core::inbox::{self, Standing, Verdict};
use muster_agent_core::journal::Record;
use muster_agent_core::observation::Observations;
use muster_agent_core::{diff, due};
use muster_model::command::Command;
use muster_model::digest::Digest;
use muster_model::manifest::Manifest;
use muster_model::name::{HostName, NodeId, ServerId};
use muster_model::node::NodeClass;
use muster_model::outcome::{CommandId, StepKey};
use muster_model::report::ServerReport;
use muster_proto::session::{
    CommandAnswer, FromAgent, Hello, Observe, Observed, StepEnded, StepStarted, ToAgent, Welcome,
};

use crate::host::{self, Host};
use crate::journal::{Error, Journal};
use crate::media::Stager;
use crate::resource::preflight;
use crate::vault::Vault;
use crate::{crash, resource};

/// The reception of one agent.
pub struct Reception {
    server: ServerId,
    host_name: HostName,
    host: Arc<dyn Host>,
    vault: Arc<Vault>,
    journal: Arc<Journal>,
    stager: Stager,
    /// Messages of a session that has just ended may still be in work when the next one begins: one at a time.
    connection: Mutex<Connection>,
}

/// What the last welcome said.
#[derive(Debug, Default)]
struct Connection {
    heard: Option<Heard>,
    /// Whether the controller's epoch is obeyed. Otherwise it gets answers, but no outcome: one that it acknowledged would
    /// never reach the controller that has taken over. It cancels nothing and settles nothing either.
    obeyed: bool,
}

/// The controller's time when it said it. A stream lives for months, and a wall clock is set in between: how far it is off
/// is worked out anew each time, by monotonic time.
#[derive(Debug, Clone, Copy)]
struct Heard {
    controller: Timestamp,
    at: Instant,
}

impl Heard {
    /// This machine's clock less the controller's, in milliseconds.
    fn offset_ms(self, now: Timestamp) -> i64 {
        let elapsed_ms = i64::try_from(self.at.elapsed().as_millis()).unwrap_or(i64::MAX);
        let controller_ms = self.controller.as_millisecond().saturating_add(elapsed_ms);
        now.as_millisecond().saturating_sub(controller_ms)
    }
}

impl Reception {
    /// The reception of that server's agent.
    ///
    /// # Errors
    /// Where the machine does not say its name.
    pub fn new(
        server: ServerId,
        host: Arc<dyn Host>,
        vault: Arc<Vault>,
        journal: Arc<Journal>,
        stager: Stager,
    ) -> Result<Self, host::Error> {
        let host_name = host.host_name()?;
        Ok(Self { server, host_name, host, vault, journal, stager, connection: Mutex::default() })
    }

    /// Who the agent is.
    pub fn hello(&self) -> Hello {
        Hello {
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            kinds: self.host.kinds().iter().copied().collect(),
            simulated: self.host.simulated(),
            now: self.host.clock().now(),
            journal: self.journal.position(),
            epoch: self.journal.read(|state| state.epoch()).map_or(0, |epoch| epoch.number),
            host: self.host_name.clone(),
        }
    }

    /// The machine's clock.
    pub fn now(&self) -> Timestamp {
        self.host.clock().now()
    }

    /// Takes one message in and gives the answers.
    ///
    /// # Errors
    /// Where the journal does not take a record: the agent must stop.
    pub fn handle(&self, message: ToAgent) -> Result<Vec<FromAgent>, Error> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        match message {
            ToAgent::Welcome(welcome) => self.welcome(&welcome, &mut connection),
            ToAgent::Observe(observe) => Ok(vec![self.observe(observe, connection.obeyed)?]),
            ToAgent::Command(command) => Ok(vec![self.command(*command, connection.heard)?]),
            ToAgent::Cancel(command) if connection.obeyed => self.cancel(command),
            ToAgent::Stored(key) if connection.obeyed => self.stored(key),
            ToAgent::Recall => Ok(vec![self.recall()]),
            ToAgent::Stage(media) if connection.obeyed => {
                media.into_iter().for_each(|medium| self.stager.stage(medium));
                Ok(Vec::new())
            }
            ToAgent::Cancel(_) | ToAgent::Stored(_) | ToAgent::Stage(_) => Ok(Vec::new()),
        }
    }

    /// The epoch is stored before anything of it is done; then everything that may have been lost is said again.
    fn welcome(&self, welcome: &Welcome, connection: &mut Connection) -> Result<Vec<FromAgent>, Error> {
        let heard = Heard { controller: welcome.now, at: Instant::now() };
        let have = self.journal.read(|state| state.epoch());
        let refusal = inbox::epoch(welcome.epoch, have);
        *connection = Connection { heard: Some(heard), obeyed: refusal.is_none() };
        if let Some(refusal) = refusal {
            tracing::error!(%refusal, "this controller is not obeyed");
            return Ok(Vec::new());
        }
        if have != Some(welcome.epoch) {
            self.journal.append(Record::Epoch { epoch: welcome.epoch })?;
        }
        let have = self.journal.position();
        if welcome.journal > have {
            tracing::error!(known = welcome.journal, have, "the journal went back: the disk was restored");
            self.journal.append(Record::Regressed { known: welcome.journal, have })?;
        }
        crash::point("session.welcomed");
        Ok(self.outbox())
    }

    fn outbox(&self) -> Vec<FromAgent> {
        self.journal.read(|state| {
            let ended = state.outbox().map(|(journal, waiting)| {
                FromAgent::Ended(StepEnded {
                    command: waiting.command,
                    step: waiting.step,
                    key: waiting.key,
                    outcome: waiting.outcome.clone(),
                    journal,
                })
            });
            let mut messages: Vec<FromAgent> = ended.collect();
            if let Some(open) = state.open()
                && let Some(key) = open.begun
                && let Some(ticket) = open.work.stored.tickets.iter().find(|ticket| ticket.key == key)
            {
                let (command, step) = (open.work.stored.id, ticket.number);
                messages.push(FromAgent::Started(StepStarted { command, step, key }));
            }
            messages
        })
    }

    /// Whoever asks is told: a restored controller must know what it is not obeyed for.
    fn recall(&self) -> FromAgent {
        let position = self.journal.position();
        FromAgent::Recalled(Box::new(self.journal.read(|state| state.memory(self.server.clone(), position))))
    }

    fn observe(&self, observe: Observe, obeyed: bool) -> Result<FromAgent, Error> {
        let Observe { request, manifest_json, secrets } = observe;
        self.vault.keep(&secrets);
        let result = self.compare(&manifest_json);
        if obeyed && result.is_ok() && self.journal.read(|state| state.regressed().is_some()) {
            self.journal.append(Record::Reobserved)?;
        }
        if let Err(problem) = &result {
            tracing::warn!(%problem, "the server was not compared");
        }
        Ok(FromAgent::Observed(Observed { request, result }))
    }

    fn compare(&self, manifest_json: &[u8]) -> Result<ServerReport, String> {
        let manifest: Manifest = serde_json::from_slice(manifest_json).map_err(|error| {
            format!("the manifest cannot be read by agent {}: {error}", env!("CARGO_PKG_VERSION"))
        })?;
        if manifest.format != muster_model::FORMAT {
            return Err(format!(
                "the manifest has format {}; this agent reads {}",
                manifest.format,
                muster_model::FORMAT
            ));
        }
        if manifest.server != self.server {
            return Err(format!("the manifest is of {}, this is {}", manifest.server, self.server));
        }
        if !manifest.host.as_str().eq_ignore_ascii_case(self.host_name.as_str()) {
            return Err(format!(
                "this computer is {}, the site's document says {}",
                self.host_name, manifest.host
            ));
        }
        if self.journal.read(|state| state.open().is_some()) {
            return Err("a run is under way on this server; wait for its end, then plan again".to_owned());
        }
        let ledger = self.journal.read_ledger(Clone::clone);
        let host = self.host.as_ref();
        let resources = manifest.nodes.iter().filter(|node| node.id.kind.class() == NodeClass::Resource);
        let mut observations: Observations =
            resources.map(|node| (node.id.clone(), resource::observe(node, host))).collect();
        let strangers: BTreeMap<_, _> = ledger
            .nodes()
            .filter(|id| manifest.node(id).is_none())
            .map(|id| (id.clone(), resource::observe_orphan(id, host)))
            .collect();
        observations.extend(strangers);
        let tasks = manifest.nodes.iter().filter(|node| node.id.kind.class() == NodeClass::Task);
        observations
            .extend(tasks.filter_map(|task| Some((task.id.clone(), resource::observe_marker(task, host)?))));
        let resources = diff::diff(&manifest, &observations, &ledger);
        let nodes = self.journal.read(|state| due::add(&manifest, resources, &observations, state));
        // What a finding keeps from being planned is to be changed all the same, once that is mended.
        let changes = |id: &NodeId| nodes.iter().any(|entry| entry.node == *id);
        let scope = preflight::Scope { manifest: &manifest, ledger: &ledger, changes: &changes };
        let preflight = preflight::look_at_all(&scope, host);
        Ok(ServerReport {
            format: muster_model::FORMAT,
            server: self.server.clone(),
            generation: manifest.generation,
            manifest: Digest::of(manifest_json),
            observed_at: host.clock().now(),
            simulated: host.simulated(),
            orphans: diff::orphans(&manifest, &observations, &ledger),
            preflight,
            nodes,
        })
    }

    fn command(&self, command: Command, heard: Option<Heard>) -> Result<FromAgent, Error> {
        let id = command.id;
        let now = self.host.clock().now();
        let standing = Standing {
            server: self.server.clone(),
            host: self.host_name.clone(),
            clock_offset_ms: heard.map(|heard| heard.offset_ms(now)),
            now,
        };
        let answer = match self.journal.read(|state| inbox::judge(command, &standing, state)) {
            Verdict::Known => Ok(()),
            Verdict::Refuse(refusal) => {
                tracing::warn!(command = %id, %refusal, "a command is refused");
                Err(refusal)
            }
            Verdict::Accept(work) => {
                tracing::info!(command = %id, plan = %work.header.plan, "a command is accepted");
                self.journal.append(Record::Accepted { command: Box::new(work.stored) })?;
                Ok(())
            }
        };
        Ok(FromAgent::Answer(CommandAnswer { command: id, answer }))
    }

    fn cancel(&self, command: CommandId) -> Result<Vec<FromAgent>, Error> {
        let due = self
            .journal
            .read(|state| state.open().is_some_and(|open| open.work.stored.id == command && !open.cancelled));
        if due {
            self.journal.append(Record::Cancelled { command })?;
        }
        Ok(Vec::new())
    }

    fn stored(&self, key: StepKey) -> Result<Vec<FromAgent>, Error> {
        if self.journal.read(|state| state.outbox().any(|(_, waiting)| waiting.key == key)) {
            self.journal.append(Record::Acknowledged { key })?;
        }
        Ok(Vec::new())
    }
}
