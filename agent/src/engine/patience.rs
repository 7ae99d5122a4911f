//! Waiting that ends when the agent is asked to stop.
//!
//! Neighbours: `resource` and `engine` wait with it. What a wait was for is observed again after a restart, so cutting one
//! short loses nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

use crate::host::Clock;

/// The agent was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the agent was asked to stop")]
pub struct Stopped;

/// A clock to wait on, and the wish to stop.
pub struct Patience<'a> {
    /// The clock.
    pub clock: &'a dyn Clock,
    /// Set when the agent is to stop.
    pub stop: &'a AtomicBool,
}

impl Patience<'_> {
    /// Waits for the shorter of what is left and one interval; gives what is left then.
    ///
    /// # Errors
    /// Where the agent is to stop.
    pub fn pause_ms(&self, left_ms: u64, interval_ms: u64) -> Result<u64, Stopped> {
        if self.stop.load(Ordering::SeqCst) {
            return Err(Stopped);
        }
        let pause_ms = left_ms.min(interval_ms);
        self.clock.sleep_ms(pause_ms);
        Ok(left_ms - pause_ms)
    }
}
