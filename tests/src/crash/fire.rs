//! The dying: kills are dealt, found, counted, and the process is started again as a service manager would.
//!
//! Neighbours: `round` plays under it, `deck` deals. A process that ends in any other way than by a kill of this harness
//! fails the round.

use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::Tally;
use super::deck::{Card, Deck, Victim};
use crate::cli::{Ran, code};
use crate::daemon::{Daemon, PATIENCE, signal};
use crate::field::Field;

/// The exit code of a command whose controller cannot be reached.
const UNREACHABLE: i32 = 6;
/// SIGKILL.
const KILL: i32 = 9;
/// How long a thread is held before its process dies: time enough for the other side to hear and to store.
const STALL_MS: u64 = 150;
/// The point before an intent is on the disk.
const BEFORE_INTENT: &str = "journal.intent.before_commit";

/// A point that was set.
#[derive(Debug, Clone, Copy)]
struct Armed {
    victim: Victim,
    name: &'static str,
    /// Set at its first visit before anything of the run was done: nothing may have been done when it kills.
    first: bool,
}

/// A field under fire.
pub struct Fire<'a> {
    /// The field.
    pub field: Field,
    /// Who deals.
    pub deck: &'a mut Deck,
    /// Who counts.
    pub tally: &'a mut Tally,
    armed: Option<Armed>,
    /// A SIGKILL to come.
    due: Option<(Victim, Instant)>,
    kills_left: u64,
    /// Lines of the ledger before this run.
    known: usize,
}

impl<'a> Fire<'a> {
    /// Nobody dies yet.
    pub fn new(field: Field, deck: &'a mut Deck, tally: &'a mut Tally) -> Self {
        Self { field, deck, tally, armed: None, due: None, kills_left: 0, known: 0 }
    }

    /// Opens fire: so many kills at most, the first at the first visit of this point where one is given.
    ///
    /// # Errors
    /// Where a process cannot be started again.
    pub fn open(&mut self, kills: u64, first: Option<(Victim, &'static str)>) -> Result<()> {
        self.kills_left = kills;
        self.known = self.field.agent.twin.ledger().len();
        match first {
            Some((victim, name)) => self.arm(victim, name, 1, true),
            None => self.deal(),
        }
    }

    /// Opens fire at the point that was tried least; with no installer to come, not at an installer's.
    ///
    /// # Errors
    /// Where a process cannot be started again.
    pub fn open_anywhere(&mut self, kills: u64, installers: bool) -> Result<()> {
        let mut points = self.deck.points().to_vec();
        points.retain(|(_, name)| installers || !name.starts_with("installer."));
        let Some((victim, name)) = self.least_tried(&points) else { return self.open(kills, None) };
        self.kills_left = kills;
        let count = self.deck.count(name);
        self.arm(victim, name, count, false)
    }

    /// Of these points the one that was tried least.
    pub fn least_tried(&self, points: &[(Victim, &'static str)]) -> Option<(Victim, &'static str)> {
        points.iter().copied().min_by_key(|(_, name)| self.tally.tried.get(name).copied().unwrap_or_default())
    }

    fn deal(&mut self) -> Result<()> {
        if self.kills_left == 0 {
            return Ok(());
        }
        match self.deck.draw() {
            Card::Point { victim, name, count } => self.arm(victim, name, count, false),
            Card::Moment { victim, after_ms } => {
                self.due = Some((victim, Instant::now() + Duration::from_millis(after_ms)));
                Ok(())
            }
        }
    }

    fn arm(&mut self, victim: Victim, name: &'static str, count: u64, first: bool) -> Result<()> {
        *self.tally.tried.entry(name).or_default() += 1;
        // Every other death stalls first: what was sent too early gets out, and its receiver acts on it.
        let stall_ms = self.deck.below(2) * STALL_MS;
        self.restart(victim, Some(&format!("{name}:{count}:{stall_ms}")))?;
        self.armed = Some(Armed { victim, name, first });
        // An agent stores an epoch only when a controller comes with a new one.
        if name.starts_with("journal.epoch.") { self.restart(Victim::Controller, None) } else { Ok(()) }
    }

    fn restart(&mut self, victim: Victim, crash_at: Option<&str>) -> Result<()> {
        match victim {
            Victim::Controller => {
                self.field.controller.kill()?;
                self.field.controller.launch(crash_at)
            }
            Victim::Agent => {
                self.field.agent.kill()?;
                self.field.agent.launch(crash_at)
            }
            Victim::Supervisor => bail!("a supervisor has no points of its own"),
        }
    }

    /// Looks after the processes: a kill that is due, those that died, the next card.
    ///
    /// # Errors
    /// Where a process ended by itself, or had an effect before it may.
    pub fn tend(&mut self) -> Result<()> {
        if let Some((victim, at)) = self.due
            && at <= Instant::now()
        {
            self.due = None;
            self.strike(victim)?;
        }
        for victim in [Victim::Controller, Victim::Agent] {
            let process = self.process(victim)?;
            let Some(status) = process.ended()? else { continue };
            if status.signal() != Some(KILL) {
                process.show();
                bail!("{victim:?} ended by itself with {status}");
            }
            self.buried(victim)?;
        }
        Ok(())
    }

    fn process(&mut self, victim: Victim) -> Result<&mut Daemon> {
        let process = match victim {
            Victim::Controller => self.field.controller.process(),
            Victim::Agent | Victim::Supervisor => self.field.agent.process(),
        };
        process.context("a process was not started again")
    }

    /// Counts a death and starts the process again.
    fn buried(&mut self, victim: Victim) -> Result<()> {
        match self.armed.take_if(|armed| armed.victim == victim) {
            Some(armed) => {
                self.count(&format!("{victim:?} at {}", armed.name));
                if armed.first && armed.name == BEFORE_INTENT {
                    let effects = self.field.agent.twin.effects_after(self.known);
                    ensure!(
                        effects.is_empty(),
                        "no intent was stored, and yet there are effects: {effects:?}"
                    );
                }
            }
            None => self.count(&format!("{victim:?} at a random moment")),
        }
        match victim {
            Victim::Controller => self.field.controller.launch(None)?,
            Victim::Agent | Victim::Supervisor => self.field.agent.launch(None)?,
        }
        if self.armed.is_none() && self.due.is_none() { self.deal() } else { Ok(()) }
    }

    fn count(&mut self, place: &str) {
        self.tally.killed(place);
        self.kills_left = self.kills_left.saturating_sub(1);
    }

    /// SIGKILL, now. What died is found and counted by the next look.
    fn strike(&mut self, victim: Victim) -> Result<()> {
        if victim != Victim::Supervisor {
            let process = self.process(victim)?;
            signal(process.pid(), rustix::process::Signal::KILL)?;
            // Dead before anything else is looked at; the status stays to be found.
            process.wait()?;
            return Ok(());
        }
        let pids = self.field.installers()?;
        for pid in &pids {
            // One that ended in between is gone, and that is all that was wanted.
            signal(*pid, rustix::process::Signal::KILL).or_else(gone)?;
        }
        if !pids.is_empty() {
            self.count("Supervisor and installer at a random moment");
        }
        self.deal()
    }

    /// The agent loses its journal and dies at this point of its next start.
    ///
    /// # Errors
    /// Where it has none.
    pub fn forget(&mut self, at: (Victim, &'static str)) -> Result<()> {
        *self.tally.tried.entry(at.1).or_default() += 1;
        self.field.agent.forget(Some(&format!("{}:1", at.1)))?;
        self.armed = Some(Armed { victim: at.0, name: at.1, first: false });
        Ok(())
    }

    /// Ceases fire: every process runs, none will end itself, and the server is connected.
    ///
    /// # Errors
    /// Where that does not come about.
    pub fn cease(&mut self) -> Result<()> {
        self.kills_left = 0;
        self.due = None;
        self.tend()?;
        if let Some(armed) = self.armed.take() {
            self.restart(armed.victim, None)?;
        }
        let (server, begin) = (self.field.server(), Instant::now());
        loop {
            // A process that was struck a moment ago may have died only now.
            self.tend()?;
            let ran = self.field.cli.run(["--output", "json", "server", "show", &server]);
            if ran.code == code::OK && ran.out.contains("\"connected\"") {
                return Ok(());
            }
            if begin.elapsed() > PATIENCE {
                self.show();
                bail!("{server} is not connected: {}", ran.said());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Types a command, again and again while the controller is not there to take it.
    ///
    /// # Errors
    /// Where it is refused, or no controller comes.
    pub fn type_in(&mut self, words: &[&str]) -> Result<Ran> {
        let begin = Instant::now();
        let mut tried = false;
        loop {
            let ran = self.field.cli.run(words);
            match ran.code {
                code::OK => return Ok(ran),
                // The first attempt was taken and its answer lost: now there is nothing left to do.
                code::REFUSED if tried => return Ok(ran),
                UNREACHABLE => tried = true,
                _ => bail!("`{}` ended with {}: {}", ran.typed, ran.code, ran.said()),
            }
            ensure!(begin.elapsed() < PATIENCE, "`{}` finds no controller: {}", ran.typed, ran.said());
            self.tend()?;
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Shows what the processes said.
    pub fn show(&mut self) {
        for process in [self.field.controller.process(), self.field.agent.process()].into_iter().flatten() {
            process.show();
        }
    }
}

fn gone(error: anyhow::Error) -> Result<()> {
    match error.downcast_ref::<rustix::io::Errno>() {
        Some(&rustix::io::Errno::SRCH) => Ok(()),
        _ => Err(error),
    }
}
