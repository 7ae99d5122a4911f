//! Events as they come: how a test waits for what must happen, without a sleep.
//!
//! Neighbours: `field` opens them. It is `muster events --follow` itself, so that every wait also proves the watch: a gap
//! in the sequence fails the test.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use muster_model::event::{Event, EventBody};

use crate::cli::Cli;
use crate::daemon::{Daemon, Line, patience};

/// What came of waiting for an event.
#[derive(Debug)]
pub enum Came {
    /// The next one.
    Event(Box<Event>),
    /// The stream ended: its controller did.
    Ended,
    /// None yet.
    Nothing,
}

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

    /// Waits for the next event.
    ///
    /// # Errors
    /// When an event is missing in between, or a line is none.
    pub fn poll(&mut self, patience: Duration) -> Result<Came> {
        let line = match self.process.out.get(self.read, patience) {
            Line::Text(line) => line,
            Line::Ended => return Ok(Came::Ended),
            Line::Late => return Ok(Came::Nothing),
        };
        self.read += 1;
        let event: Event = serde_json::from_str(&line).with_context(|| format!("not an event: {line}"))?;
        ensure!(event.sequence.0 == self.next, "after event {} came {}", self.next - 1, event.sequence);
        self.next += 1;
        Ok(Came::Event(Box::new(event)))
    }

    /// The next event.
    ///
    /// # Panics
    /// When it does not come in time, or the stream ends.
    #[track_caller]
    pub fn next_event(&mut self) -> Event {
        match self.poll(patience()) {
            Ok(Came::Event(event)) => *event,
            other => panic!("waiting for event {}: {other:?}", self.next),
        }
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
        loop {
            match self.poll(patience()) {
                Ok(Came::Event(event)) if wanted(&event.body) => return *event,
                Ok(Came::Event(_)) => {}
                other => panic!("waiting until {what}: {other:?} {}", self.process.err.all().join("\n")),
            }
        }
    }
}
