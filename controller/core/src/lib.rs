//! What the controller decides, and nothing of how it does it: manifests, plans, runs and views as pure functions.
//!
//! `compile` makes manifests, `change` says what documents would change of them, `plan` orders what the agents found into
//! steps and segments, `run` folds a plan's events and says what is due, `status` is the record of that, `view` says where
//! everything stands. Neighbours: `muster-controller` loads, calls and stores; `muster-model` has the records. This crate
//! does no I/O, reads no clock and draws no random number: time and identities are passed in; Cargo and `clippy.toml` hold
//! it to that.

pub mod change;
pub mod compile;
pub mod fingerprint;
pub mod plan;
pub mod preflight;
pub mod record;
pub mod recovery;
pub mod run;
pub mod status;
#[cfg(test)]
mod testing;
pub mod view;
