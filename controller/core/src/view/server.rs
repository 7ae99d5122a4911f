//! A server, as it stands.
//!
//! Neighbours: `super::site` lists a site's servers, `muster server list` all of them.

use jiff::Timestamp;
use muster_model::name::{Generation, HostName, ServerId};
use muster_model::view::{ServerState, ServerView};

/// What the controller knows of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// The server.
    pub server: ServerId,
    /// The computer's name in the site's document.
    pub host: HostName,
    /// The serial number of its newest certificate, in hexadecimal; none before it enrolled.
    pub serial: Option<String>,
    /// Whether that certificate was revoked.
    pub revoked: bool,
    /// Whether a token is out that was not used and has not expired.
    pub invited: bool,
    /// Whether its agent's stream is open.
    pub connected: bool,
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
}

/// The server, as it stands.
pub fn server(facts: &ServerFacts) -> ServerView {
    let ServerFacts {
        server,
        host,
        serial,
        revoked,
        invited,
        connected,
        simulated,
        agent_version,
        clock_offset_ms,
        generation,
        since,
    } = facts.clone();
    let state = match serial {
        Some(_) if connected && !revoked => ServerState::Connected,
        // A revoked server that was invited again is on its way back.
        Some(_) | None if invited && (revoked || serial.is_none()) => ServerState::Invited,
        Some(_) if revoked => ServerState::Revoked,
        Some(_) => ServerState::Offline,
        None => ServerState::Unknown,
    };
    ServerView { server, host, state, simulated, agent_version, clock_offset_ms, generation, since, serial }
}
