//! What is read of a process and of the machine, and what many readings come to.
//!
//! Neighbours: everything that measures. Linux: all of it is under /proc.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// Several readings of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The one in the middle.
    pub median: f64,
    /// The lowest.
    pub least: f64,
    /// The highest.
    pub most: f64,
}

impl Spread {
    /// Of these readings; none of none.
    pub fn of(readings: &[f64]) -> Option<Self> {
        let mut sorted = readings.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self { median: percentile(&sorted, 50)?, least: *sorted.first()?, most: *sorted.last()? })
    }
}

/// The reading that so many of a hundred do not exceed, of sorted ones.
pub fn percentile(sorted: &[f64], of_hundred: usize) -> Option<f64> {
    let index = (sorted.len() * of_hundred).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied()
}

/// The memory that a process holds, in KiB.
///
/// # Errors
/// Where there is no such process.
pub fn memory_kib(pid: u32) -> Result<f64> {
    status_kib(pid, "VmRSS:")
}

/// That part of it which is no file's: the rest are pages of the program and its libraries, which the system can drop at any time.
///
/// # Errors
/// Where there is no such process.
pub fn own_memory_kib(pid: u32) -> Result<f64> {
    status_kib(pid, "RssAnon:")
}

fn status_kib(pid: u32, what: &'static str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(what)).context(what)?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// The processor time that a process has used, in seconds. The kernel counts hundredths.
///
/// # Errors
/// Where there is no such process.
pub fn cpu_s(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name is in parentheses and may hold spaces.
    let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next().and_then(|field| field.parse::<f64>().ok());
    Ok(ticks().zip(ticks()).map(|(user, system)| user + system).context("no times in stat")? / 100.0)
}

/// What the figures were taken on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    /// Processors that this process may use.
    pub cores: usize,
    /// Their model.
    pub cpu: String,
    /// The kernel's release.
    pub kernel: String,
    /// The commit of the tree, with `+` where it was changed since.
    pub commit: String,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpu = read("/proc/cpuinfo");
        let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
        let git = |words: &[&str]| {
            let output =
                std::process::Command::new("git").args(words).current_dir(crate::programs::root()).output();
            output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
        };
        let changed = if git(&["status", "--porcelain"]).is_empty() { "" } else { "+" };
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            cpu: cpu.trim_start_matches([' ', '\t', ':']).to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            commit: format!("{}{changed}", git(&["rev-parse", "--short=10", "HEAD"])),
        }
    }
}

/// Seconds, as the tables have them.
pub fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_ends_of_readings_are_told() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, least: 1.0, most: 3.0 }));
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 99)), (Some(50.0), Some(99.0)));
        assert_eq!(percentile(&[7.0], 99), Some(7.0));
    }
}
