//! One real agent on a twin, measured by itself: the program that ships, its own journal with its own fsyncs.
//!
//! Neighbours: the harness of the stories starts it; times are those of the controller's events.

use std::collections::BTreeMap;
use std::time::Duration;

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
    /// That part of it which is no file's.
    pub own_memory_kib: Spread,
    /// Seconds for which it was left alone then.
    pub idle_s: f64,
    /// The processor time that it used meanwhile, in seconds; the kernel counts hundredths.
    pub idle_cpu_s: f64,
    /// Milliseconds from a stored command to the agent's stored word of it: there, judged, on its disk, back, on disk.
    pub accepted_ms: Spread,
    /// Milliseconds from a stored intent to a stored outcome of a step that had nothing to install.
    pub step_ms: Spread,
}

/// Starts it a few times, and lets it bring a server in sync.
///
/// # Errors
/// Where it cannot be started.
pub fn measure(programs: &Programs, idle: Duration) -> Result<Single> {
    let mut field = Field::open(programs, Scene::kinds())?;
    let (mut connect, mut memory, mut own_memory) = (Vec::new(), Vec::new(), Vec::new());
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
        own_memory.push(measure::own_memory_kib(pid)?);
    }
    let pid = field.agent.process().context("it does not run")?.pid();
    let before_s = measure::cpu_s(pid)?;
    std::thread::sleep(idle);
    let idle_cpu_s = measure::cpu_s(pid)? - before_s;
    field.bring_in_sync();
    let events = field.events();
    Ok(Single {
        connect_ms: Spread::of(&connect).context("it was never started")?,
        memory_kib: Spread::of(&memory).context("it was never started")?,
        own_memory_kib: Spread::of(&own_memory).context("it was never started")?,
        idle_s: measure::seconds(idle),
        idle_cpu_s,
        accepted_ms: Spread::of(&accepted(&events)).context("no command was accepted")?,
        step_ms: Spread::of(&steps(&events)).context("no step ended")?,
    })
}

/// From each stored command to the agent's first stored word of it: that it has it, or that it began, which may overtake it.
fn accepted(events: &[Event]) -> Vec<f64> {
    let mut issued = BTreeMap::new();
    let mut command_of = BTreeMap::new();
    let mut readings = Vec::new();
    for event in events {
        let mut word = None;
        if let EventBody::CommandIssued { command, steps, .. } = &event.body {
            issued.insert(*command, event.at);
            command_of.extend(steps.iter().map(|step| (step.key, *command)));
        } else if let EventBody::CommandAccepted { command, .. } = &event.body {
            word = Some(*command);
        } else if let EventBody::StepStarted { key, .. } = &event.body {
            word = command_of.get(key).copied();
        }
        if let Some(at) = word.and_then(|command| issued.remove(&command)) {
            readings.push(ms(at, event.at));
        }
    }
    readings
}

/// From each stored intent to its outcome.
fn steps(events: &[Event]) -> Vec<f64> {
    let mut started = BTreeMap::new();
    let mut readings = Vec::new();
    for event in events {
        if let EventBody::StepStarted { key, .. } = &event.body {
            started.insert(*key, event.at);
        } else if let EventBody::StepEnded { key: Some(key), .. } = &event.body
            && let Some(at) = started.remove(key)
        {
            readings.push(ms(at, event.at));
        }
    }
    readings
}

fn last(events: &[Event], wanted: impl Fn(&EventBody) -> bool) -> Option<Timestamp> {
    events.iter().rev().find(|event| wanted(&event.body)).map(|event| event.at)
}

fn ms(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() * 1_000.0
}
