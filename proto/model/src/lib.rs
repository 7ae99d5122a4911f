//! The vocabulary of Muster: what every other room may name.
//!
//! Documents become values here (`document`, `parameter`, `expression`, `check`), values become the nodes of a
//! [`manifest::Manifest`], and the records that travel and are stored (manifest, plan, event, view) have their one shape
//! here. Neighbours: `muster-proto` carries these records, `muster-core` decides with them, `muster-agent-core` compares
//! with them. This crate does no I/O, reads no clock and draws no random number; Cargo and `clippy.toml` hold it to that.

pub mod authority;
pub mod backup;
pub mod binding;
pub mod causes;
pub mod certificate;
pub mod check;
mod claims;
pub mod command;
pub mod diagnostic;
pub mod digest;
pub mod document;
pub mod event;
mod expression;
pub mod graph;
pub mod handout;
pub mod identity;
pub mod json_schema;
pub mod limits;
pub mod manifest;
pub mod media;
pub mod memory;
pub mod name;
mod near;
pub mod node;
pub mod outcome;
pub mod package;
pub mod parameter;
pub mod plan;
pub mod preflight;
pub mod registry;
pub mod report;
pub mod resolve;
pub mod secret;
pub mod sql_address;
pub mod to_type;
pub mod token;
pub mod value;
pub mod variable;
pub mod view;

/// The format number of every stored JSON record. A reader refuses a number that it does not know.
pub const FORMAT: u32 = 1;
