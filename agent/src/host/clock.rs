//! The port to the clock, and the machine's own: the one place of the agent that reads the wall clock and waits.
//!
//! Neighbours: hosts hand it out. Never judges a time: expiry and offset are the core's.

use std::thread;
use std::time::Duration;

use jiff::Timestamp;

/// The clock.
pub trait Clock: Send + Sync {
    /// Wall time.
    fn now(&self) -> Timestamp;
    /// Waits; on monotonic time.
    fn sleep_ms(&self, duration_ms: u64);
}

/// The clock of the machine that this process runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep_ms(&self, duration_ms: u64) {
        thread::sleep(Duration::from_millis(duration_ms));
    }
}
