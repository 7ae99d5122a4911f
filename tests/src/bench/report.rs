//! What the bench found, as a table in Markdown and as JSON.
//!
//! Neighbours: the tool fills it. A ratio stands beside every figure that has a bare one: it is what can be compared
//! between machines.

use serde::{Deserialize, Serialize};

use super::history::History;
use super::measure::{Machine, Spread};
use super::single::Single;

/// Everything.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// The shape of this record.
    pub shape: String,
    /// What it was taken on.
    pub machine: Machine,
    /// How often each fleet was measured.
    pub repetitions: usize,
    /// The fleets.
    pub fleets: Vec<Fleet>,
    /// One real agent.
    pub single: Single,
    /// A store with a long past.
    pub history: History,
}

/// One size of fleet.
#[derive(Debug, Serialize, Deserialize)]
pub struct Fleet {
    /// How many agents.
    pub agents: usize,
    /// The controller.
    pub muster: Measured,
    /// The bare server.
    pub bare: Measured,
    /// Seconds until the last agent had its command.
    pub commanded_s: Spread,
    /// Seconds of processor time for the fan-out: the controller's.
    pub controller_cpu_s: Spread,
    /// The load's.
    pub load_cpu_s: Spread,
}

/// What both servers are measured by.
#[derive(Debug, Serialize, Deserialize)]
pub struct Measured {
    /// Seconds until every agent is connected and greeted.
    pub connect_s: Spread,
    /// KiB for each idle agent.
    pub memory_kib: Spread,
    /// Seconds until every agent was sent something and every answer is back; at the controller on disk and acknowledged.
    pub fan_out_s: Spread,
}

impl Report {
    /// The tables.
    pub fn markdown(&self) -> String {
        let Machine { cores, cpu, kernel, commit } = &self.machine;
        let mut text = format!(
            "{cores} cores ({cpu}), Linux {kernel}, commit {commit}, {} repetitions; median (least to most)\n\n",
            self.repetitions
        );
        text.push_str(
            "| agents | | connect, s | idle memory per agent, KiB | fan-out, s |\n|---|---|---|---|---|\n",
        );
        for fleet in &self.fleets {
            let (muster, bare) = (&fleet.muster, &fleet.bare);
            let row = |measured: &Measured| {
                let Measured { connect_s, memory_kib, fan_out_s } = measured;
                format!("{} | {} | {}", shown(connect_s, 2), shown(memory_kib, 1), shown(fan_out_s, 2))
            };
            let ratio = |one: &Spread, other: &Spread| format!("{:.2}", one.median / other.median);
            text.push_str(&format!("| {} | Muster | {} |\n", fleet.agents, row(muster)));
            text.push_str(&format!("| | bare server | {} |\n", row(bare)));
            text.push_str(&format!(
                "| | ratio | {} | {} (+{:.1} KiB) | {} |\n",
                ratio(&muster.connect_s, &bare.connect_s),
                ratio(&muster.memory_kib, &bare.memory_kib),
                muster.memory_kib.median - bare.memory_kib.median,
                ratio(&muster.fan_out_s, &bare.fan_out_s)
            ));
        }
        text.push_str("\n| fan-out at the controller | last command arrived, s | all outcomes on disk, s | controller's CPU, s | load's CPU, s |\n|---|---|---|---|---|\n");
        for fleet in &self.fleets {
            text.push_str(&format!(
                "| {} agents | {} | {} | {} | {} |\n",
                fleet.agents,
                shown(&fleet.commanded_s, 2),
                shown(&fleet.muster.fan_out_s, 2),
                shown(&fleet.controller_cpu_s, 2),
                shown(&fleet.load_cpu_s, 2)
            ));
        }
        text.push_str(&self.single.markdown());
        text.push_str(&self.history.markdown());
        text
    }
}

impl Single {
    /// As a table.
    pub fn markdown(&self) -> String {
        let Self { connect_ms, memory_kib, own_memory_kib, idle_s, idle_cpu_s, accepted_ms, step_ms } = self;
        let mb = |kib: &Spread| kib.median * 1_024.0 / 1_000_000.0;
        format!(
            "\n| one real agent | |\n|---|---|\n| start to connected, ms | {} |\n| idle memory, KiB | {} |\n\
             | the same in MB, its own and pages of its program | {:.1} + {:.1} |\n\
             | processor time in {idle_s:.0} idle seconds, s | {idle_cpu_s:.2} |\n\
             | command to accepted, ms | {} |\n| a step that only sets or reads, ms | {} |\n",
            shown(connect_ms, 0),
            shown(memory_kib, 0),
            mb(own_memory_kib),
            mb(memory_kib) - mb(own_memory_kib),
            shown(accepted_ms, 0),
            shown(step_ms, 0)
        )
    }
}

/// `1.20 (1.10 to 1.31)`.
pub fn shown(spread: &Spread, digits: usize) -> String {
    let Spread { median, least, most } = spread;
    format!("{median:.digits$} ({least:.digits$} to {most:.digits$})")
}
