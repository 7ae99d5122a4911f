//! Views of servers and whether they are there.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{Generation, HostName, ServerId};

/// The shape `muster.servers/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServersView {
    /// Every server of every site, by name.
    pub servers: Vec<ServerView>,
}

/// One server, as it stands. The list of these is the shape `muster.servers/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerView {
    /// The server.
    pub server: ServerId,
    /// The computer's name in the site's document.
    pub host: HostName,
    /// Whether and how it is there.
    pub state: ServerState,
    /// Whether its agent stands on a twin; unknown before it first connected.
    pub simulated: Option<bool>,
    /// The agent's version.
    pub agent_version: Option<String>,
    /// The agent's clock less the controller's, in milliseconds.
    pub clock_offset_ms: Option<i64>,
    /// The generation of its newest manifest.
    pub generation: Option<Generation>,
    /// When its stream last opened or ended.
    pub since: Option<Timestamp>,
    /// The serial number of its certificate.
    pub serial: Option<String>,
}

/// Whether and how a server is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerState {
    /// Its document names it; no token was made.
    Unknown,
    /// A token was made and not yet used.
    Invited,
    /// Its agent's stream is open.
    Connected,
    /// It is enrolled and its agent's stream is not open.
    Offline,
    /// Its certificates were revoked.
    Revoked,
}
