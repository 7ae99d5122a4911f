//! Waiting that ends when the agent is asked to stop, and that says in between how long it has lasted.
//!
//! Neighbours: `resource` and `engine` wait with it; whoever watches the run hears of it. What a wait was for is observed
//! again after a restart, so cutting one short loses nothing.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use muster_model::limits;
use thiserror::Error;

use crate::host::Clock;

/// The agent was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the agent was asked to stop")]
pub struct Stopped;

/// A clock to wait on, the wish to stop, and who is told how long it takes.
pub struct Patience<'a> {
    clock: &'a dyn Clock,
    stop: &'a AtomicBool,
    tell: Box<dyn Fn(u64) + 'a>,
    waited_ms: Cell<u64>,
}

impl<'a> Patience<'a> {
    /// Waits on that clock until `stop` is set. `tell` is called with the milliseconds waited so far, every
    /// [`limits::PROGRESS_MS`].
    pub fn new(clock: &'a dyn Clock, stop: &'a AtomicBool, tell: impl Fn(u64) + 'a) -> Self {
        Self { clock, stop, tell: Box::new(tell), waited_ms: Cell::new(0) }
    }

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
        self.waited(pause_ms).map(|()| left_ms - pause_ms)
    }

    /// Counts a wait that was made elsewhere.
    ///
    /// # Errors
    /// Where the agent is to stop.
    pub fn waited(&self, wait_ms: u64) -> Result<(), Stopped> {
        let before_ms = self.waited_ms.get();
        let now_ms = before_ms + wait_ms;
        self.waited_ms.set(now_ms);
        if now_ms / limits::PROGRESS_MS > before_ms / limits::PROGRESS_MS {
            (self.tell)(now_ms);
        }
        if self.stop.load(Ordering::SeqCst) { Err(Stopped) } else { Ok(()) }
    }
}
