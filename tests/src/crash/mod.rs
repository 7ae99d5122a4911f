//! The crash harness: kills controller and agent at every listed point and at random moments, and counts effects.
//!
//! `deck` says whom to kill next and where, `fire` does it, `round` keeps one field in operation meanwhile, `setup` covers
//! what comes before the first plan, `oracle` asks the twin's ledger what really happened. `tests/crash` is the command
//! line. A run is judged by three rules: every one-shot effect of the plan took place exactly once per order given; nothing
//! of the plan is left to do; whatever could not be settled was shown to the operator as unknown.

pub mod deck;
pub mod fire;
pub mod oracle;
pub mod round;
pub mod setup;

use std::collections::BTreeMap;

use self::deck::Victim;
use self::oracle::Verdict;

/// What was counted over all rounds.
#[derive(Debug, Default)]
pub struct Tally {
    /// Processes that ended at a point or by a random SIGKILL.
    pub kills: u64,
    /// The same, by where they were killed.
    pub by_place: BTreeMap<String, u64>,
    /// How often each point was set, whether it came to a kill or not.
    pub tried: BTreeMap<&'static str, u64>,
    /// Runs that were brought to their end.
    pub runs: u64,
    /// One-shot effects that the plans ordered.
    pub ordered: u64,
    /// One-shot effects in the ledgers.
    pub effects: u64,
    /// Effects that an order did not get.
    pub lost: u64,
    /// Effects beyond what was ordered.
    pub doubled: u64,
    /// Steps of unknown outcome that were shown to the operator.
    pub unknown: u64,
    /// Unknown outcomes that were not shown.
    pub hidden: u64,
}

impl Tally {
    /// Counts a kill.
    pub fn killed(&mut self, place: &str) {
        self.kills += 1;
        *self.by_place.entry(place.to_owned()).or_default() += 1;
    }

    /// The points at which nothing was killed, of these.
    pub fn missed(&self, points: &[(Victim, &'static str)]) -> Vec<String> {
        let places = points.iter().map(|(victim, name)| format!("{victim:?} at {name}"));
        places.filter(|place| !self.by_place.contains_key(place)).collect()
    }

    /// Adds what the ledger says about one change.
    pub fn add(&mut self, verdict: &Verdict) {
        self.ordered += verdict.ordered;
        self.effects += verdict.effects;
        self.lost += verdict.lost;
        self.doubled += verdict.doubled;
    }

    /// Adds what another world counted.
    pub fn join(&mut self, other: Self) {
        let Self { kills, by_place, tried, runs, ordered, effects, lost, doubled, unknown, hidden } = other;
        by_place.into_iter().for_each(|(place, count)| *self.by_place.entry(place).or_default() += count);
        tried.into_iter().for_each(|(point, count)| *self.tried.entry(point).or_default() += count);
        self.kills += kills;
        self.runs += runs;
        self.ordered += ordered;
        self.effects += effects;
        self.lost += lost;
        self.doubled += doubled;
        self.unknown += unknown;
        self.hidden += hidden;
    }

    /// Whether every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.hidden == 0
    }
}
