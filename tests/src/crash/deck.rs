//! Whom to kill next, and where: every listed point in turn, mixed with random moments. Seeded, so that it can be replayed.
//!
//! Neighbours: `round` draws from it. The same seed deals the same cards; what the processes make of them depends on the
//! machine, so that a replay repeats the pressure and not each instant.

/// A small generator (SplitMix64): the harness needs replay, not quality.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit.max(1)
    }
}

/// A program that may be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// `muster-controller serve`
    Controller,
    /// `muster-agent run`
    Agent,
    /// The process that owns an installer, and the installer with it: the one thing that leaves an outcome unknown.
    Supervisor,
}

/// One order to kill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Card {
    /// The process ends itself at the count-th visit of a point.
    Point {
        /// Whose point it is.
        victim: Victim,
        /// Its name.
        name: &'static str,
        /// Which visit.
        count: u64,
    },
    /// SIGKILL, that many milliseconds after now.
    Moment {
        /// Whom.
        victim: Victim,
        /// When.
        after_ms: u64,
    },
}

/// How often a point is visited before it kills, at most: a run of the scene has six steps.
const COUNT_MOST: u64 = 8;
/// The same for the points of the controller's store, which commits a few dozen times in a run.
const COMMITS_MOST: u64 = 24;
/// How far into a run a random kill may come; a run without kills takes about this long.
const MOMENT_MOST_MS: u64 = 400;

/// The cards.
#[derive(Debug)]
pub struct Deck {
    random: Random,
    points: Vec<(Victim, &'static str)>,
    next: usize,
}

impl Deck {
    /// Over these points.
    pub fn new(seed: u64, points: Vec<(Victim, &'static str)>) -> Self {
        Self { random: Random::new(seed), points, next: 0 }
    }

    /// The points.
    pub fn points(&self) -> &[(Victim, &'static str)] {
        &self.points
    }

    /// The next card: half of them are points, each in turn.
    pub fn draw(&mut self) -> Card {
        if self.random.below(2) == 0 && !self.points.is_empty() {
            let (victim, name) = self.points[self.next % self.points.len()];
            self.next += 1;
            return Card::Point { victim, name, count: self.count(name) };
        }
        let victim = match self.random.below(16) {
            0 => Victim::Supervisor,
            1..=7 => Victim::Controller,
            _ => Victim::Agent,
        };
        Card::Moment { victim, after_ms: self.random.below(MOMENT_MOST_MS) }
    }

    /// At which visit of a point to kill.
    pub fn count(&mut self, name: &str) -> u64 {
        if name.starts_with("store.") {
            return 1 + self.random.below(COMMITS_MOST);
        }
        // Early visits are drawn more often: a run that was killed before has fewer left.
        let most = 1 + self.random.below(COUNT_MOST);
        1 + self.random.below(most)
    }

    /// A number below this one, from the same seed.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.random.below(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_deals_the_same_cards_and_every_point_comes_up() {
        let points = vec![(Victim::Agent, "a"), (Victim::Controller, "b"), (Victim::Agent, "c")];
        let deal = |seed| {
            let mut deck = Deck::new(seed, points.clone());
            (0..200).map(|_| deck.draw()).collect::<Vec<_>>()
        };
        assert_eq!(deal(7), deal(7));
        assert_ne!(deal(7), deal(8));
        for (_, name) in &points {
            assert!(deal(7).iter().any(|card| matches!(card, Card::Point { name: n, .. } if n == name)));
        }
    }
}
