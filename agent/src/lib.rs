//! (skeleton)
pub mod cli;
pub mod durable;
pub mod host;
pub mod supervise;
