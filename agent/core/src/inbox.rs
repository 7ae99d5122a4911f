//! Acceptance of a command: every reason not to, in the order in which they count.
//!
//! Neighbours: `journal::State` is what the agent knows, `work` what the command says; the agent stores what is accepted
//! before it answers. Never acts, and never answers differently for the same command and state.

use jiff::Timestamp;
use muster_model::command::{Command, Epoch};
use muster_model::digest::Digest;
use muster_model::limits;
use muster_model::name::{HostName, ServerId};
use muster_model::outcome::Refusal;

use crate::journal::State;
use crate::work::{Unreadable, Work};

/// What the agent is, beside its journal.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The server, from the agent's own certificate.
    pub server: ServerId,
    /// The computer's name.
    pub host: HostName,
    /// The agent's clock less the controller's at the last welcome, in milliseconds; none before the first.
    pub clock_offset_ms: Option<i64>,
    /// The agent's clock.
    pub now: Timestamp,
}

/// What to do with a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Store it, then answer *accepted*, then carry it out.
    Accept(Box<Work>),
    /// It is in the journal: answer *accepted* again, whatever its epoch and expiry are by now.
    Known,
    /// Answer why not. Nothing was done.
    Refuse(Refusal),
}

/// Judges a command.
pub fn judge(command: Command, standing: &Standing, state: &State) -> Verdict {
    if state.knows(&command.id) {
        return Verdict::Known;
    }
    let header_digest = Digest::of(&command.header_json);
    let approved = command.digest;
    let work = match Work::from_command(command) {
        Ok(work) => work,
        // Bytes that nobody approved are that first; what is wrong inside them is of no interest.
        Err(_) if header_digest != approved => {
            return Verdict::Refuse(altered("plan's header"));
        }
        Err(Unreadable { part, problem }) => {
            return Verdict::Refuse(Refusal::Unreadable { part: part.to_owned(), problem });
        }
    };
    let reasons = [
        mine(&work, standing),
        epoch(work.stored.epoch, state.epoch()),
        clock(standing),
        regressed(state),
        expired(&work, standing),
        digests(&work, header_digest),
        generation(&work, state),
        spent(&work, state),
        busy(state),
    ];
    match reasons.into_iter().flatten().next() {
        Some(refusal) => Verdict::Refuse(refusal),
        None => Verdict::Accept(Box::new(work)),
    }
}

/// Why an epoch is not to be obeyed, given the highest that was. A higher one is, once it is stored.
pub fn epoch(got: Epoch, have: Option<Epoch>) -> Option<Refusal> {
    let have = have?;
    if got.number < have.number {
        Some(Refusal::OldEpoch { got: got.number, have: have.number })
    } else if got.number == have.number && got.instance != have.instance {
        Some(Refusal::TwinEpoch { epoch: got.number })
    } else {
        None
    }
}

fn mine(work: &Work, standing: &Standing) -> Option<Refusal> {
    let manifest = &work.manifest;
    let refuse = |wanted: String, mine: String| Some(Refusal::NotMine { wanted, mine });
    if manifest.server != standing.server || work.header.site != standing.server.site {
        refuse(format!("server {}", manifest.server), format!("server {}", standing.server))
    } else if !manifest.host.as_str().eq_ignore_ascii_case(standing.host.as_str()) {
        refuse(format!("computer {}", manifest.host), format!("computer {}", standing.host))
    } else {
        None
    }
}

/// An agent that never heard the controller's time cannot judge an expiry, and starts nothing.
fn clock(standing: &Standing) -> Option<Refusal> {
    let limit_ms = i64::try_from(limits::CLOCK_OFFSET_MS).unwrap_or(i64::MAX);
    let offset_ms = standing.clock_offset_ms.unwrap_or(i64::MAX);
    (offset_ms.saturating_abs() > limit_ms).then_some(Refusal::ClockOff { offset_ms, limit_ms })
}

fn regressed(state: &State) -> Option<Refusal> {
    state.regressed().map(|gap| Refusal::Regressed { known: gap.known, have: gap.have })
}

fn expired(work: &Work, standing: &Standing) -> Option<Refusal> {
    let start_by = work.stored.start_by.min(work.header.valid_until);
    (standing.now > start_by).then_some(Refusal::Expired { start_by })
}

fn digests(work: &Work, header: Digest) -> Option<Refusal> {
    if header != work.stored.digest {
        return Some(altered("plan's header"));
    }
    let Some(planned) = work.header.servers.get(&work.manifest.server.role) else {
        return Some(altered("list of servers"));
    };
    if Digest::of(work.stored.steps.as_bytes()) != planned.steps {
        Some(altered("steps"))
    } else if Digest::of(work.stored.manifest.as_bytes()) != planned.manifest
        || work.manifest.generation != planned.generation
    {
        Some(altered("manifest"))
    } else {
        None
    }
}

fn generation(work: &Work, state: &State) -> Option<Refusal> {
    let (got, have) = (work.manifest.generation, state.generation()?);
    (got < have).then_some(Refusal::StaleGeneration { got: got.0, have: have.0 })
}

/// A key stands for one attempt; one that was used cannot start anything again.
fn spent(work: &Work, state: &State) -> Option<Refusal> {
    let ticket = work.stored.tickets.iter().find(|ticket| state.has_key(&ticket.key))?;
    Some(Refusal::Unreadable {
        part: "list of steps".to_owned(),
        problem: format!("the key of step {} was used by an earlier command", ticket.number),
    })
}

fn busy(state: &State) -> Option<Refusal> {
    state.open().map(|open| Refusal::Busy { running: open.work.stored.id })
}

fn altered(part: &str) -> Refusal {
    Refusal::Altered { part: part.to_owned() }
}

#[cfg(test)]
mod tests;
