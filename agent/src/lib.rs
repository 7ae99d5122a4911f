//! (skeleton)
pub mod host;
