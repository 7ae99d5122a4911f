//! The contract between operators, controller and agents: gRPC bindings and their conversion to the model.
//!
//! `gen/` is generated from `fleet/v1/*.proto` and checked in; `convert` turns wire messages into checked values and back.
//! Wire types stop here and at the doors that use them: no room further inside names one.

#[expect(
    unused_qualifications,
    clippy::allow_attributes,
    clippy::too_many_lines,
    reason = "generated code has habits of its own"
)]
#[rustfmt::skip]
#[path = "gen/muster.fleet.v1.rs"]
pub mod v1;

#[rustfmt::skip]
#[path = "gen/methods.rs"]
mod methods;

pub mod convert;
#[cfg(feature = "crash-points")]
pub mod crash;
pub mod dial;
pub mod profile;
pub mod secret;
pub mod session;

pub use methods::Method;
