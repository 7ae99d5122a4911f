//! SIGKILL at any moment: the ledger and the state agree, and no installer is unknown.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use muster_agent::host::Services;
use muster_agent::host::twin::ledger::Deed;
use muster_agent::supervise::{Phase, Probe};
use muster_model::outcome::StepKey;

use crate::supervise::{late_supervisor, records, tell};
use crate::{Stage, key, started_by, until};

/// Moments spread over half as long again as that takes undisturbed: it is hit early, in its midst and too late.
fn moments(count: u32, that: impl Fn()) -> impl Iterator<Item = Duration> {
    let took = || {
        let begun = Instant::now();
        that();
        begun.elapsed()
    };
    // The first times are slower than those that follow.
    let step = (0..3).map(|_| took()).min().unwrap_or_default() * 3 / 2 / count;
    (0..count).map(move |index| step * index)
}

#[test]
fn every_effect_has_a_line_and_every_line_its_effect_whenever_a_process_is_killed() {
    let stage = Stage::new();
    let twin = stage.twin();
    let (mut done, mut undone) = (0, 0);
    let set = |name: &str| stage.command(&["twin", "set", "service", name, "state=stopped"]).spawn().unwrap();
    let moments = moments(120, || assert!(set("Undisturbed").wait().unwrap().success()));
    for (index, moment) in moments.enumerate() {
        let name = format!("S{index}");
        let mut child = set(&name);
        std::thread::sleep(moment);
        child.kill().unwrap();
        child.wait().unwrap();
        let there = twin.get(&name).unwrap().is_some();
        let line = |deed: &Deed| matches!(deed, Deed::SetByHand { name: set, .. } if *set == name);
        let counted = stage.ledger().iter().filter(|entry| line(&entry.deed)).count();
        assert_eq!(counted, usize::from(there), "{name}");
        if there { done += 1 } else { undone += 1 }
    }
    assert!(done > 0 && undone > 0, "the kills fell on both sides: {done} and {undone}");
}

#[test]
fn no_installer_ever_runs_that_its_records_do_not_name() {
    let stage = Stage::new();
    let command = stage.installer("quick", "1.0");
    let mut ends = BTreeSet::new();
    let supervise = |key: &StepKey| {
        let mut supervisor = late_supervisor(&stage, key);
        tell(&mut supervisor, &command);
        supervisor
    };
    let moments = moments(60, || assert!(supervise(&key()).wait().unwrap().success()));
    for moment in moments {
        let key = key();
        let mut supervisor = supervise(&key);
        std::thread::sleep(moment);
        supervisor.kill().unwrap();
        supervisor.wait().unwrap();
        let records = records(&stage, &key);
        let probe = stage.supervisor();
        let running = || matches!(probe.probe(&key, Phase::Install).unwrap(), Probe::Running { .. });
        until("the installer's end", || !running());
        let by = format!("installer {key}.install");
        let started = stage.ledger().iter().filter(|entry| entry.by == by).find_map(started_by);
        let end = probe.probe(&key, Phase::Install).unwrap();
        if let Some(pid) = started {
            assert_eq!(records.installer().unwrap().map(|process| process.pid), Some(pid));
            assert_ne!(end, Probe::NeverStarted);
        }
        ends.insert(format!("{end:?} {}", started.is_some()));
    }
    assert!(ends.contains("NeverStarted false") && ends.len() > 1, "the kills fell on both sides: {ends:?}");
}

#[test]
fn changes_made_at_once_by_many_processes_are_all_kept() {
    let stage = Stage::new();
    let names: Vec<String> = (0..20).map(|index| format!("S{index}")).collect();
    let set =
        |name: &String| stage.command(&["twin", "set", "service", name, "state=stopped"]).spawn().unwrap();
    let children: Vec<_> = names.iter().map(set).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let twin = stage.twin();
    assert!(names.iter().all(|name| twin.get(name).unwrap().is_some()));
    assert_eq!(
        stage.ledger().iter().filter(|entry| matches!(entry.deed, Deed::SetByHand { .. })).count(),
        20
    );
}
