//! What the story tests and the crash harness stand on: a whole Muster of real processes in one temporary folder.
//!
//! `programs` finds and builds the three binaries, `daemon` owns one process, `controller`, `agent`, `twin` and `cli` drive
//! each program as a person would, `field` puts them together for one site, `link` breaks between them; `crash`
//! kills them; `desk` types what `page` reads in the pages. Nothing here reaches inside a program: what it knows, it read from a
//! command's output, a file that an operator may read, or the twin's ledger.

pub mod agent;
pub mod bench;
pub mod cli;
pub mod controller;
pub mod crash;
pub mod daemon;
pub mod desk;
pub mod field;
pub mod link;
pub mod page;
pub mod programs;
pub mod twin;
pub mod watch;
