//! The machine's clock: the one place of the agent that reads the wall clock and waits.
//!
//! Neighbours: hosts hand it out as the [`Clock`] port. Never judges a time: expiry and offset are the core's.

use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use super::Clock;

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
