//! The port to the computer itself: its starts.
//!
//! Neighbours: `engine::task` restarts it where a plan says so. Never ends a process by itself: Windows does.

use super::Error;

/// The computer itself.
pub trait Machine {
    /// A mark of the present start of the computer: another one after each start, the same until then.
    fn boot(&self) -> Result<String, Error>;
    /// Asks the computer to start again. May not return.
    fn reboot(&self, why: &str) -> Result<(), Error>;
}
