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

/// How often a point is visited before it kills, at most: few processes live for more of the thirty steps of a run.
const COUNT_MOST: u64 = 8;
/// The same for the points of the controller's store, which commits more than once for each step.
const COMMITS_MOST: u64 = 24;
/// How long after the last death a random kill may come; a program needs a part of it to be at work again.
const MOMENT_MOST_MS: u64 = 1_200;

/// The cards.
#[derive(Debug)]
pub struct Deck {
    random: Random,
    points: Vec<(Victim, &'static str)>,
    next_of_controller: usize,
    next_of_agent: usize,
}

impl Deck {
    /// Over these points.
    pub fn new(seed: u64, points: Vec<(Victim, &'static str)>) -> Self {
        Self { random: Random::new(seed), points, next_of_controller: 0, next_of_agent: 0 }
    }

    /// The points.
    pub fn points(&self) -> &[(Victim, &'static str)] {
        &self.points
    }

    /// The next point of this program, each in turn, and at which visit to kill; none in one of four draws.
    pub fn point(&mut self, victim: Victim) -> Option<(&'static str, u64)> {
        if self.random.below(4) == 0 {
            return None;
        }
        let next = match victim {
            Victim::Controller => &mut self.next_of_controller,
            Victim::Agent | Victim::Supervisor => &mut self.next_of_agent,
        };
        let own: Vec<&'static str> =
            self.points.iter().filter(|(whose, _)| *whose == victim).map(|(_, name)| *name).collect();
        let name = *own.get(*next % own.len().max(1))?;
        *next += 1;
        Some((name, self.count(name)))
    }

    /// Whom to kill at a moment, and how many milliseconds from now.
    pub fn moment(&mut self) -> (Victim, u64) {
        let victim = match self.random.below(24) {
            0 => Victim::Supervisor,
            1..=10 => Victim::Controller,
            _ => Victim::Agent,
        };
        (victim, self.random.below(MOMENT_MOST_MS))
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
            let card = |_| (deck.point(Victim::Agent), deck.point(Victim::Controller), deck.moment());
            (0..200).map(card).collect::<Vec<_>>()
        };
        assert_eq!(deal(7), deal(7));
        assert_ne!(deal(7), deal(8));
        for (victim, name) in &points {
            let mut drawn = deal(7).into_iter().map(|(agent, controller, _)| match victim {
                Victim::Agent => agent,
                Victim::Controller | Victim::Supervisor => controller,
            });
            assert!(drawn.any(|point| point.is_some_and(|(drawn, _)| drawn == *name)), "{name}");
        }
    }
}
