//! The agent: makes its server what the controller's documents say, and reports.
//!
//! `session` speaks to the controller, `reception` answers it, `journal` keeps what was promised, `engine` carries it out
//! through `resource` on the `host`, `supervise` owns the installers that outlive it. What is decided is decided in
//! `muster-agent-core`; what the machine is, is known to `host` alone. Nothing here decides when something may happen.

pub mod check;
pub mod cli;
pub mod crash;
pub mod durable;
pub mod engine;
pub mod enroll;
pub mod host;
pub mod identity;
pub mod journal;
pub mod log;
pub mod media;
pub mod os;
pub mod outlet;
pub mod reception;
pub mod renew;
pub mod resource;
pub mod run;
pub mod selftest;
pub mod service;
pub mod session;
pub mod show;
pub mod supervise;
pub mod vault;
