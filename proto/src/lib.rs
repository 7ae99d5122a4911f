//! The contract between operators, controller and agents: gRPC bindings and their conversion to the model.
//!
//! `gen/` is generated from `fleet/v1/*.proto` and checked in; `convert` turns wire messages into checked values and back.
//! Wire types stop here and at the doors that use them: no room further inside names one.

#[expect(unused_qualifications, reason = "generated code spells out its paths")]
#[rustfmt::skip]
#[path = "gen/muster.fleet.v1.rs"]
pub mod v1;

#[rustfmt::skip]
#[path = "gen/methods.rs"]
mod methods;

pub mod dial;
pub mod profile;

pub use methods::Method;
