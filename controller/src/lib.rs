//! The controller: stores what each site should be, asks its agents, and carries out what was approved.
//!
//! One direction: documents -> `intake` -> revision -> `planning` -> plan -> `dispatch` -> `session` -> events -> `watch`.
//! `store` remembers, `authority` issues certificates, `tls` and `access` guard the one door, `serve` starts and stops it
//! all. What is decided is decided in `muster-core`, which this crate calls; it compares nothing with a server itself.

pub mod access;
pub mod api;
pub mod authority;
pub mod backup;
pub mod clock;
pub mod command_line;
pub mod crash;
pub mod dispatch;
pub mod init;
pub mod intake;
pub mod media;
mod os;
pub mod planning;
pub mod progress;
pub mod recovery;
pub mod reset;
pub mod rooms;
pub mod secrets;
pub mod serve;
pub mod session;
pub mod stage;
mod staging;
pub mod store;
pub mod tls;
pub mod views;
pub mod watch;
