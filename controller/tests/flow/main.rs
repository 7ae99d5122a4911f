//! Stories of the flow: a real controller with a real store and real TLS on loopback, spoken to by a scripted agent and a
//! scripted operator.
//!
//! `harness` starts the controller and lets people in, `agent` is the agent's end of the stream. Each story says which
//! promise it proves and fails when that is broken. Nothing here sleeps: what is awaited is a message or an event.

#![expect(clippy::unwrap_used, reason = "a helper of a test that does not get what it needs ends the test")]

mod agent;
mod harness;
mod media;
mod plans;
mod pushes;
mod recovery;
mod runs;
mod secrets;
mod sessions;
mod status;
mod watches;
