//! What really happened: the twin's ledger against what the plan ordered.
//!
//! Installers, batches and tasks are counted, and what can be made only once. Neighbours: `round` asks after each run. The
//! ledger is fsynced by the twin before an installer does anything, so that an effect without a line does not exist. Knows
//! nothing of the journal or the store: those are what is on trial.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_agent::host::twin::ledger::{Action, Deed, Entry};
use muster_model::node::NodeKind;
use muster_model::plan::{New, Old};
use muster_model::view::StepView;

/// A one-shot effect: the package, and what is done with it.
pub type Effect = (String, Action);

/// What a plan orders: each installer, once.
pub fn ordered(steps: &[StepView]) -> BTreeMap<Effect, u64> {
    let mut effects = BTreeMap::new();
    for step in steps.iter().filter(|step| step.node.kind == NodeKind::Package) {
        let name = step.node.name.to_string();
        for row in step.rows.iter().filter(|row| row.attribute.name == "version") {
            if matches!(row.old, Old::Exact(_)) {
                *effects.entry((name.clone(), Action::Uninstall)).or_default() += 1;
            }
            if matches!(row.new, New::Exact(_)) {
                *effects.entry((name.clone(), Action::Install)).or_default() += 1;
            }
        }
    }
    effects
}

/// The installers that began their work, each with how often, and the step keys that did so more than once.
pub fn started(entries: &[Entry]) -> (BTreeMap<Effect, u64>, Vec<String>) {
    let mut effects = BTreeMap::new();
    let mut keys: BTreeMap<String, u64> = BTreeMap::new();
    for entry in entries {
        if let Deed::InstallerStarted { package, action, .. } = &entry.deed {
            *effects.entry((package.clone(), *action)).or_default() += 1;
            *keys.entry(entry.by.clone()).or_default() += 1;
        }
    }
    let twice = keys.into_iter().filter(|(_, count)| *count > 1).map(|(key, _)| key);
    (effects, twice.collect())
}

/// The batches of the scene's script, in order; the one that stands in no transaction may be ordered anew by a person.
const BATCHES: [&str; 5] = ["kill.sql#1", "kill.sql#2", "kill.sql#3", ALONE, "kill.sql#5"];
const ALONE: &str = "kill.sql#4";

/// Compares the batches of a plan that orders the script with those that took place. `restarted` as in [`judge`].
pub fn judge_batches(ordered: bool, ran: &[String], restarted: u64) -> Verdict {
    let mut verdict = Verdict::default();
    for label in BATCHES {
        let got = ran.iter().filter(|other| *other == label).count() as u64;
        let wanted = u64::from(ordered);
        let anew = if label == ALONE { restarted } else { 0 };
        verdict.ordered += wanted;
        verdict.effects += got;
        verdict.lost += wanted.saturating_sub(got);
        verdict.doubled += got.saturating_sub(wanted + anew);
    }
    verdict
}

/// The tasks that a plan runs.
pub fn tasks(steps: &[StepView]) -> Vec<NodeKind> {
    let kinds = steps.iter().map(|step| step.node.kind);
    kinds.filter(|kind| TASKS.iter().any(|(task, _)| task == kind)).collect()
}

/// Whether a line of the ledger shows a run of a task.
type Shows = fn(&Deed) -> bool;

/// The tasks of the scene, one of each kind and each with a service or a pool that nothing else touches, with what the
/// ledger shows for each run.
const TASKS: [(NodeKind, Shows); 5] = [
    (NodeKind::ApplicationStop, |deed| matches!(deed, Deed::PoolStopped { .. })),
    (NodeKind::ApplicationStart, |deed| matches!(deed, Deed::PoolStarted { .. })),
    (NodeKind::ServiceRestart, |deed| matches!(deed, Deed::ServiceStarted { service } if service == "Base")),
    (NodeKind::PoolRecycle, |deed| matches!(deed, Deed::PoolRecycled { .. })),
    (NodeKind::Reboot, |deed| matches!(deed, Deed::Rebooted { .. })),
];

/// Compares the tasks of a plan with those that ran: each at least once. One that was cut off may run again, in another
/// life of the agent (`lives` are its starts) and before its outcome was stored (`ended`), and never else; a computer that
/// started again is never asked again.
pub fn judge_tasks(
    ordered: &[NodeKind],
    entries: &[Entry],
    lives: &[Timestamp],
    ended: &BTreeMap<NodeKind, Timestamp>,
) -> Verdict {
    let mut verdict = Verdict::default();
    for (task, shows) in TASKS {
        let times: Vec<Timestamp> =
            entries.iter().filter(|entry| shows(&entry.deed)).map(|entry| entry.time).collect();
        let wanted = u64::from(ordered.contains(&task));
        let ran = times.len() as u64;
        verdict.ordered += wanted;
        verdict.effects += ran;
        verdict.lost += wanted.saturating_sub(ran);
        let life = |time: &Timestamp| lives.iter().filter(|begin| *begin <= time).count();
        let mut in_life: BTreeMap<usize, u64> = BTreeMap::new();
        times.iter().for_each(|time| *in_life.entry(life(time)).or_default() += 1);
        let late = times.iter().filter(|time| ended.get(&task).is_some_and(|end| *time > end)).count() as u64;
        let most = if wanted == 0 || task == NodeKind::Reboot { wanted } else { in_life.len() as u64 };
        verdict.doubled += late.max(ran.saturating_sub(most));
    }
    verdict
}

/// Things that are looked for before they are made and that nobody takes away: made twice, they are doubled.
pub fn made_twice(entries: &[Entry]) -> u64 {
    let mut made: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in entries {
        if let Deed::Altered { thing, name, changes } = &entry.deed
            && thing == "certificate"
            && changes.contains_key("imported")
        {
            *made.entry(name).or_default() += 1;
        }
    }
    made.values().map(|count| count - 1).sum()
}

/// What the ledger says about one change.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// One-shot effects that were ordered.
    pub ordered: u64,
    /// One-shot effects that took place.
    pub effects: u64,
    /// Ordered and never done.
    pub lost: u64,
    /// Done beyond what was ordered, or twice under one key.
    pub doubled: u64,
}

/// Compares what was ordered with what took place. `restarted` is how often a person ordered a package's unknown step anew.
pub fn judge(
    ordered: &BTreeMap<Effect, u64>,
    entries: &[Entry],
    restarted: &BTreeMap<String, u64>,
) -> Verdict {
    let (started, twice) = started(entries);
    let mut verdict = Verdict { doubled: twice.len() as u64, ..Verdict::default() };
    for ((package, action), wanted) in ordered {
        let got = started.get(&(package.clone(), *action)).copied().unwrap_or_default();
        let anew = restarted.get(package).copied().unwrap_or_default();
        verdict.ordered += wanted;
        verdict.effects += got;
        verdict.doubled += got.saturating_sub(wanted + anew);
        // One that a person ordered anew may have needed no second start: it was there after all.
        verdict.lost += if anew == 0 { wanted.saturating_sub(got) } else { 0 };
    }
    let unordered = started.iter().filter(|(effect, _)| !ordered.contains_key(*effect));
    verdict.doubled += unordered.map(|(_, count)| count).sum::<u64>();
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(by: &str, package: &str) -> Entry {
        let text = format!(
            r#"{{"time":"2026-11-24T12:00:00Z","by":"{by}","what":"installer_started","package":"{package}",
               "version":"1.0","action":"install","arguments":[],"pid":1}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_key_that_started_twice_is_named() {
        let entries = [start("installer k1.install", "alpha"), start("installer k1.install", "alpha")];
        let (effects, twice) = started(&entries);
        assert_eq!(effects.get(&("alpha".to_owned(), Action::Install)), Some(&2));
        assert_eq!(twice, ["installer k1.install"]);
    }

    #[test]
    fn a_batch_that_ran_twice_is_doubled_unless_a_person_ordered_it() {
        let all: Vec<String> = BATCHES.iter().map(|label| (*label).to_owned()).collect();
        let count = |ran: &[String], anew| {
            let verdict = judge_batches(true, ran, anew);
            (verdict.lost, verdict.doubled)
        };
        assert_eq!(count(&all, 0), (0, 0));
        assert_eq!(count(&all[1..], 0), (1, 0));
        assert_eq!(count(&[all.clone(), vec![ALONE.to_owned()]].concat(), 0), (0, 1));
        assert_eq!(count(&[all.clone(), vec![ALONE.to_owned()]].concat(), 1), (0, 0));
        assert_eq!(count(&[all.clone(), all[..1].to_vec()].concat(), 1), (0, 1));
        assert_eq!(judge_batches(false, &all[..1], 0).doubled, 1);
    }

    #[test]
    fn a_task_may_run_again_in_another_life_and_only_before_its_outcome() {
        let time = |second| Timestamp::from_second(second).unwrap();
        let run = |second, deed: &Deed| Entry {
            time: time(second),
            by: "agent".to_owned(),
            deed: deed.clone(),
            state: None,
        };
        let recycled = Deed::PoolRecycled { pool: "Worker".to_owned() };
        let boot = Deed::Rebooted { boots: 2 };
        let lives = [time(10), time(20)];
        let count = |entries: &[Entry], ended| {
            let ordered = [NodeKind::PoolRecycle, NodeKind::Reboot];
            let ended = [(NodeKind::PoolRecycle, time(ended))].into();
            let verdict = judge_tasks(&ordered, entries, &lives, &ended);
            (verdict.lost, verdict.doubled)
        };
        assert_eq!(count(&[run(11, &recycled), run(21, &recycled), run(22, &boot)], 30), (0, 0));
        assert_eq!(count(&[run(11, &recycled), run(21, &recycled)], 30), (1, 0));
        assert_eq!(count(&[run(11, &recycled), run(12, &recycled), run(22, &boot)], 30), (0, 1));
        assert_eq!(count(&[run(11, &recycled), run(21, &recycled), run(22, &boot)], 15), (0, 1));
        assert_eq!(count(&[run(11, &recycled), run(12, &boot), run(22, &boot)], 30), (0, 1));
        assert_eq!(judge_tasks(&[], &[run(11, &recycled)], &lives, &BTreeMap::new()).doubled, 1);
    }

    #[test]
    fn lost_doubled_and_unordered_effects_are_told_apart() {
        let once = [(("alpha".to_owned(), Action::Install), 1)].into();
        let none = BTreeMap::new();
        let count = |entries: &[Entry], anew: &BTreeMap<String, u64>| {
            let verdict = judge(&once, entries, anew);
            (verdict.lost, verdict.doubled)
        };
        let (one, two) = (start("installer k1.install", "alpha"), start("installer k2.install", "alpha"));
        assert_eq!(count(std::slice::from_ref(&one), &none), (0, 0));
        assert_eq!(count(&[], &none), (1, 0));
        assert_eq!(count(&[one.clone(), two.clone()], &none), (0, 1));
        assert_eq!(count(&[one.clone(), two], &[("alpha".to_owned(), 1)].into()), (0, 0));
        assert_eq!(count(&[one, start("installer k3.install", "beta")], &none), (0, 1));
    }
}
