//! Events as they come: how a test waits for what must happen, without a sleep.
//!
//! Neighbours: `field` opens them. It is `muster events --follow` itself, so that every wait also proves the watch: a gap
//! in the sequence fails the test.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use muster_model::event::{Event, EventBody};

use crate::cli::Cli;
use crate::daemon::{Daemon, PATIENCE};

/// A watch over all events, from one of them on.
#[derive(Debug)]
pub struct Watch {
    process: Daemon,
    read: usize,
    next: u64,
}

impl Watch {
    /// Opens a watch that begins with event number `from`.
    ///
    /// # Errors
    /// Where the command cannot be started.
    pub fn open(cli: &Cli, from: u64) -> Result<Self> {
        let words =
            ["--output", "json", "events", "--follow", "--from", &from.max(1).to_string()].map(String::from);
        let process = Daemon::start("events --follow", &mut cli.command(words))?;
        Ok(Self { process, read: 0, next: from.max(1) })
    }

    /// The next event; none when the stream ended, because its controller did.
    ///
    /// # Errors
    /// When nothing comes in time, or an event is missing in between.
    pub fn next_event(&mut self, patience: Duration) -> Result<Option<Event>> {
        let Some(line) = self.process.out.get(self.read, patience)? else { return Ok(None) };
        self.read += 1;
        let event: Event = serde_json::from_str(&line).with_context(|| format!("not an event: {line}"))?;
        ensure!(event.sequence.0 == self.next, "after event {} came {}", self.next - 1, event.sequence);
        self.next += 1;
        Ok(Some(event))
    }

    /// The number of the event that it waits for.
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// Waits for an event of which this holds.
    ///
    /// # Panics
    /// When it does not come in time, or the stream ends.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut wanted: impl FnMut(&EventBody) -> bool) -> Event {
        match self.find(&mut wanted) {
            Ok(event) => event,
            Err(error) => panic!("waiting until {what}: {error:#}"),
        }
    }

    fn find(&mut self, wanted: &mut dyn FnMut(&EventBody) -> bool) -> Result<Event> {
        loop {
            match self.next_event(PATIENCE)? {
                Some(event) if wanted(&event.body) => return Ok(event),
                Some(_) => {}
                None => bail!("the stream of events ended: {}", self.process.err.all().join("\n")),
            }
        }
    }
}
