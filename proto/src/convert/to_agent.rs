//! What a controller says: `v1::ToAgent` to [`ToAgent`] and back.
//!
//! Neighbours: `from_agent` is the other direction of the stream. Never parses a command's records: their digests are over
//! the bytes, and a refusal for what is in them is the agent's to say.

use muster_model::command::{Command, Epoch};
use muster_model::outcome::{CommandId, StepKey, StepTicket};
use muster_model::secret::SealedSecret;

use super::{Invalid, digest, moment, uuid};
use crate::session::{Observe, StageMedium, ToAgent, Welcome};
use crate::v1;

impl TryFrom<v1::ToAgent> for ToAgent {
    type Error = Invalid;
    fn try_from(wire: v1::ToAgent) -> Result<Self, Invalid> {
        use v1::to_agent::Message;
        let v1::ToAgent { message } = wire;
        Ok(match message.ok_or(Invalid::Empty("ToAgent"))? {
            Message::Welcome(welcome) => Self::Welcome(Welcome::try_from(welcome)?),
            Message::Observe(v1::Observe { request, manifest_json, secrets }) => {
                let secrets = secrets.into_iter().map(SealedSecret::try_from).collect::<Result<_, _>>()?;
                Self::Observe(Observe { request, manifest_json, secrets })
            }
            Message::Command(command) => Self::Command(Box::new(command_from(command)?)),
            Message::Cancel(v1::Cancel { command }) => {
                Self::Cancel(CommandId(uuid("Cancel.command", command)?))
            }
            Message::Stored(v1::OutcomeStored { key }) => {
                Self::Stored(StepKey(uuid("OutcomeStored.key", key)?))
            }
            Message::Recall(v1::Recall {}) => Self::Recall,
            Message::Stage(v1::Stage { media }) => {
                Self::Stage(media.into_iter().map(StageMedium::try_from).collect::<Result<_, _>>()?)
            }
        })
    }
}

impl From<ToAgent> for v1::ToAgent {
    fn from(message: ToAgent) -> Self {
        use v1::to_agent::Message;
        let message = match message {
            ToAgent::Welcome(welcome) => Message::Welcome(v1::Welcome::from(welcome)),
            ToAgent::Observe(Observe { request, manifest_json, secrets }) => {
                let secrets = secrets.into_iter().map(v1::SealedSecret::from).collect();
                Message::Observe(v1::Observe { request, manifest_json, secrets })
            }
            ToAgent::Command(command) => Message::Command(command_into(*command)),
            ToAgent::Cancel(command) => Message::Cancel(v1::Cancel { command: command.to_string() }),
            ToAgent::Stored(key) => Message::Stored(v1::OutcomeStored { key: key.to_string() }),
            ToAgent::Recall => Message::Recall(v1::Recall {}),
            ToAgent::Stage(media) => {
                Message::Stage(v1::Stage { media: media.into_iter().map(v1::StageMedium::from).collect() })
            }
        };
        Self { message: Some(message) }
    }
}

impl TryFrom<v1::StageMedium> for StageMedium {
    type Error = Invalid;
    fn try_from(wire: v1::StageMedium) -> Result<Self, Invalid> {
        let v1::StageMedium { sha256, size_bytes } = wire;
        Ok(Self { sha256: digest("StageMedium.sha256", &sha256)?, size_bytes })
    }
}

impl From<StageMedium> for v1::StageMedium {
    fn from(medium: StageMedium) -> Self {
        let StageMedium { sha256, size_bytes } = medium;
        Self { sha256: sha256.to_string(), size_bytes }
    }
}

impl TryFrom<v1::Welcome> for Welcome {
    type Error = Invalid;
    fn try_from(wire: v1::Welcome) -> Result<Self, Invalid> {
        let v1::Welcome { epoch, now_ms, reconnect_spread_ms, journal } = wire;
        Ok(Self {
            epoch: epoch_from("Welcome.epoch", epoch)?,
            now: moment("Welcome.now_ms", now_ms)?,
            reconnect_spread_ms,
            journal,
        })
    }
}

impl From<Welcome> for v1::Welcome {
    fn from(welcome: Welcome) -> Self {
        let Welcome { epoch, now, reconnect_spread_ms, journal } = welcome;
        Self { epoch: Some(epoch_into(epoch)), now_ms: now.as_millisecond(), reconnect_spread_ms, journal }
    }
}

fn epoch_from(field: &'static str, wire: Option<v1::Epoch>) -> Result<Epoch, Invalid> {
    let v1::Epoch { number, instance } = wire.ok_or(Invalid::Missing(field))?;
    Ok(Epoch { number, instance: uuid(field, instance)? })
}

fn epoch_into(epoch: Epoch) -> v1::Epoch {
    let Epoch { number, instance } = epoch;
    v1::Epoch { number, instance: instance.to_string() }
}

fn command_from(wire: v1::Command) -> Result<Command, Invalid> {
    let v1::Command {
        command,
        epoch,
        digest,
        header_json,
        steps_json,
        manifest_json,
        steps,
        start_by_ms,
        restart,
        secrets,
    } = wire;
    Ok(Command {
        id: CommandId(uuid("Command.command", command)?),
        epoch: epoch_from("Command.epoch", epoch)?,
        digest: super::digest("Command.digest", &digest)?,
        header_json,
        steps_json,
        manifest_json,
        steps: steps.into_iter().map(ticket_from).collect::<Result<_, _>>()?,
        start_by: moment("Command.start_by_ms", start_by_ms)?,
        restart,
        secrets: secrets.into_iter().map(SealedSecret::try_from).collect::<Result<_, _>>()?,
    })
}

fn command_into(command: Command) -> v1::Command {
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
    v1::Command {
        command: id.to_string(),
        epoch: Some(epoch_into(epoch)),
        digest: digest.to_string(),
        header_json,
        steps_json,
        manifest_json,
        steps: steps.into_iter().map(ticket_into).collect(),
        start_by_ms: start_by.as_millisecond(),
        restart,
        secrets: secrets.into_iter().map(v1::SealedSecret::from).collect(),
    }
}

fn ticket_from(wire: v1::StepTicket) -> Result<StepTicket, Invalid> {
    let v1::StepTicket { number, key } = wire;
    Ok(StepTicket { number, key: StepKey(uuid("StepTicket.key", key)?) })
}

fn ticket_into(ticket: StepTicket) -> v1::StepTicket {
    let StepTicket { number, key } = ticket;
    v1::StepTicket { number, key: key.to_string() }
}
