//! A command and the records in it: as it is kept in the journal, and as it is read.
//!
//! Neighbours: `inbox` checks it against what was approved, `journal` keeps it, the engine carries it out. Its text is kept as
//! it came, because digests are over bytes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use muster_model::command::{Command, Epoch};
use muster_model::digest::Digest;
use muster_model::manifest::{Manifest, Node};
use muster_model::node::NodeClass;
use muster_model::outcome::{CommandId, StepTicket};
use muster_model::plan::{PlanHeader, ServerSteps, Step};
use muster_model::secret::SealedSecret;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A command as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredCommand {
    /// Its identity.
    pub id: CommandId,
    /// The epoch under which it was accepted.
    pub epoch: Epoch,
    /// The digest that was approved.
    pub digest: Digest,
    /// The plan's header, as it was stored.
    pub header: String,
    /// This server's steps, as they were stored.
    pub steps: String,
    /// This server's manifest, as it was stored.
    pub manifest: String,
    /// The steps to carry out, in order.
    pub tickets: Vec<StepTicket>,
    /// The latest moment at which it could be accepted.
    pub start_by: Timestamp,
    /// Steps of unknown outcome that an operator ordered to be started anew.
    pub restart: Vec<u32>,
    /// The secrets that its steps set, sealed: the work goes on without the controller.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SealedSecret>,
}

/// A command that was read: all its records agree in shape and with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The command as it is kept.
    pub stored: StoredCommand,
    /// The plan's header.
    pub header: PlanHeader,
    /// This server's steps.
    pub steps: ServerSteps,
    /// This server's manifest.
    pub manifest: Manifest,
}

/// A part of a command that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the {part} cannot be read: {problem}")]
pub struct Unreadable {
    /// Which part.
    pub part: &'static str,
    /// Why not.
    pub problem: String,
}

impl Work {
    /// Reads a command that arrived.
    ///
    /// # Errors
    /// Where a record is not of its shape, or the records contradict each other.
    pub fn from_command(command: Command) -> Result<Self, Unreadable> {
        let Command {
            id,
            epoch,
            digest,
            header_json,
            steps_json,
            manifest_json,
            steps,
            start_by,
            restart,
            secrets,
        } = command;
        Self::from_stored(StoredCommand {
            id,
            epoch,
            digest,
            header: text("plan's header", header_json)?,
            steps: text("steps", steps_json)?,
            manifest: text("manifest", manifest_json)?,
            tickets: steps,
            start_by,
            restart,
            secrets,
        })
    }

    /// Reads a command that is kept.
    ///
    /// # Errors
    /// Where a record is not of its shape, or the records contradict each other.
    pub fn from_stored(stored: StoredCommand) -> Result<Self, Unreadable> {
        let header: PlanHeader = parse("plan's header", &stored.header)?;
        let manifest: Manifest = parse("manifest", &stored.manifest)?;
        let steps: ServerSteps = parse("steps", &stored.steps)?;
        format("plan's header", header.format)?;
        format("manifest", manifest.format)?;
        let work = Self { stored, header, steps, manifest };
        work.check_tickets()?;
        Ok(work)
    }

    /// The approved step of that number on this server.
    pub fn step(&self, number: u32) -> Option<&Step> {
        self.steps.steps.iter().find(|step| step.number == number)
    }

    /// The manifest's node of a step.
    pub fn node(&self, step: &Step) -> Option<&Node> {
        self.manifest.node(&step.node)
    }

    /// The steps that come directly before that one.
    pub fn before(&self, number: u32) -> impl Iterator<Item = u32> {
        self.header.edges.iter().filter(move |(_, later)| *later == number).map(|(earlier, _)| *earlier)
    }

    /// The tickets name steps of one segment of this server, each once, in order, with keys of their own.
    fn check_tickets(&self) -> Result<(), Unreadable> {
        let wrong = |problem: String| Unreadable { part: "list of steps", problem };
        let tickets = &self.stored.tickets;
        let Some(first) = tickets.first() else { return Err(wrong("it is empty".to_owned())) };
        let segment = self.header.segments.iter().find(|segment| segment.steps.contains(&first.number));
        let segment = segment.ok_or_else(|| wrong(format!("step {} is in no segment", first.number)))?;
        if segment.role != self.manifest.server.role || self.steps.role != segment.role {
            return Err(wrong(format!("segment {} is of role {}", segment.number, segment.role)));
        }
        let keys: BTreeSet<_> = tickets.iter().map(|ticket| ticket.key).collect();
        if keys.len() != tickets.len() {
            return Err(wrong("two steps have one key".to_owned()));
        }
        if !tickets.is_sorted_by(|one, next| one.number < next.number) {
            return Err(wrong("the steps are not in order".to_owned()));
        }
        for StepTicket { number, .. } in tickets {
            let step = self.step(*number).filter(|_| segment.steps.contains(number));
            let step =
                step.ok_or_else(|| wrong(format!("step {number} is not in segment {}", segment.number)))?;
            let kind = step.node.kind;
            let effect = self.node(step).map_or(kind.spec().effect, Node::effect);
            if step.class != kind.class() || step.effect != effect {
                return Err(wrong(format!(
                    "step {number} does not treat {} as it is to be treated",
                    step.node
                )));
            }
            if step.class == NodeClass::Gate {
                return Err(wrong(format!("step {number}, {}, is not carried out by an agent", step.node)));
            }
            if step.rows.iter().any(|row| row.node != step.node) {
                return Err(wrong(format!("step {number} has a row of another node")));
            }
            if self.node(step).is_none() {
                return Err(wrong(format!("{} of step {number} is not in the manifest", step.node)));
            }
        }
        Ok(())
    }
}

fn text(part: &'static str, bytes: Vec<u8>) -> Result<String, Unreadable> {
    String::from_utf8(bytes).map_err(|error| Unreadable { part, problem: error.to_string() })
}

fn parse<T: DeserializeOwned>(part: &'static str, text: &str) -> Result<T, Unreadable> {
    serde_json::from_str(text).map_err(|error| Unreadable { part, problem: error.to_string() })
}

fn format(part: &'static str, format: u32) -> Result<(), Unreadable> {
    if format == muster_model::FORMAT {
        return Ok(());
    }
    let problem = format!("it has format {format}, this version reads {}", muster_model::FORMAT);
    Err(Unreadable { part, problem })
}
