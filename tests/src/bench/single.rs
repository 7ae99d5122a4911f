//! One real agent on a twin, measured by itself: the program that ships, its own journal with its own fsyncs.
//!
//! Neighbours: the harness of the stories starts it; times are those of the controller's events.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use muster_model::event::{Event, EventBody};
use serde::{Deserialize, Serialize};

use super::measure::{self, Spread};
use crate::field::{Field, Scene};
use crate::programs::Programs;

/// How often it is started.
const STARTS: usize = 5;

/// One agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Single {
    /// Milliseconds from the start of the program to its stored connection.
    pub connect_ms: Spread,
    /// What it holds once it is connected and idle, in KiB.
    pub memory_kib: Spread,
    /// Milliseconds from a stored command to its stored acceptance: there, judged, on the agent's disk, back, on disk.
    pub accepted_ms: Spread,
    /// Milliseconds from a stored intent to a stored outcome of a step that had nothing to install.
    pub step_ms: Spread,
}

/// Starts it a few times, and lets it bring a server in sync.
///
/// # Errors
/// Where it cannot be started.
pub fn measure(programs: &Programs) -> Result<Single> {
    let mut field = Field::open(programs, Scene::kinds())?;
    let (mut connect, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        field.kill_agent()?;
        let begin = Timestamp::now();
        field.start_agent()?;
        let connected = last(&field.events(), |body| matches!(body, EventBody::ServerConnected { .. }));
        connect.push(ms(begin, connected.context("it never connected")?));
        // Whatever it does after the welcome is over when it answers the next call: a plan.
        field.plan();
        let pid = field.agent.process().context("it does not run")?.pid();
        memory.push(measure::memory_kib(pid)?);
    }
    field.bring_in_sync();
    let events = field.events();
    let (mut accepted, mut steps) = (Vec::new(), Vec::new());
    for pair in events.windows(2) {
        let [before, after] = pair else { continue };
        match (&before.body, &after.body) {
            (EventBody::CommandIssued { .. }, EventBody::CommandAccepted { .. }) => {
                accepted.push(ms(before.at, after.at));
            }
            (EventBody::StepStarted { .. }, EventBody::StepEnded { .. }) => {
                steps.push(ms(before.at, after.at));
            }
            _ => {}
        }
    }
    let spread = |readings: &[f64]| Spread::of(readings).context("it did nothing");
    Ok(Single {
        connect_ms: spread(&connect)?,
        memory_kib: spread(&memory)?,
        accepted_ms: spread(&accepted)?,
        step_ms: spread(&steps)?,
    })
}

fn last(events: &[Event], wanted: impl Fn(&EventBody) -> bool) -> Option<Timestamp> {
    events.iter().rev().find(|event| wanted(&event.body)).map(|event| event.at)
}

fn ms(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() * 1_000.0
}
