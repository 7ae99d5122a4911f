//! What a controller sends to be carried out: a command, and the epoch under which it was sent.
//!
//! Neighbours: `muster-proto` carries it, `muster-agent-core` decides whether it is accepted. Its records stay the bytes
//! that were approved: nothing here parses them, because a digest is over bytes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::digest::Digest;
use crate::outcome::{CommandId, StepTicket};
use crate::secret::SealedSecret;

/// One start of one controller. The number rises with each start; the instance is random, so that two controllers that
/// were started from one copied database are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epoch {
    /// Rises; 0 is before the first start.
    pub number: u64,
    /// The random identity of this start.
    pub instance: Uuid,
}

/// A segment of an approved plan, or what is left of it. May arrive any number of times; the agent starts it once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its identity.
    pub id: CommandId,
    /// The epoch under which it was sent.
    pub epoch: Epoch,
    /// The digest that was approved.
    pub digest: Digest,
    /// A [`crate::plan::PlanHeader`], as it was stored; `digest` is over these bytes.
    pub header_json: Vec<u8>,
    /// This server's [`crate::plan::ServerSteps`], as they were stored; the header names their digest.
    pub steps_json: Vec<u8>,
    /// This server's [`crate::manifest::Manifest`], as it was stored; the header names its digest.
    pub manifest_json: Vec<u8>,
    /// The steps to carry out now, in order, each with the key of this attempt.
    pub steps: Vec<StepTicket>,
    /// The latest moment at which it may start.
    pub start_by: Timestamp,
    /// Numbers of steps of unknown outcome that an operator ordered to be started anew.
    pub restart: Vec<u32>,
    /// The secrets that its steps set, sealed. Not under the digest, which names their versions: they may be sealed anew.
    pub secrets: Vec<SealedSecret>,
}
