//! The dying: kills are dealt, found, counted, and the process is started again as a service manager would.
//!
//! Both programs read their orders from a file, so that a running one is told where to die and none is started for it. At
//! any time a point may be ordered of each, and a SIGKILL be due. Neighbours: `round` plays under it, `deck` deals. A process
//! that ends in any other way than by a kill of this harness, or of the modelled computer that starts again, fails the round.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;

use super::Tally;
use super::deck::{Deck, Victim};
use crate::cli::{Ran, code};
use crate::daemon::{Daemon, PATIENCE, signal};
use crate::field::Field;

/// The exit code of a command whose controller cannot be reached.
const UNREACHABLE: i32 = 6;
/// SIGKILL.
const KILL: i32 = 9;
/// SIGABRT: how a twin's computer ends the agent when it starts again.
const ABORT: i32 = 6;
/// How long nobody looks after the processes, where nothing else says when to.
const LOOK_MS: u64 = 10;
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
    /// Each start of the agent since the fire was opened.
    pub lives: Vec<Timestamp>,
    armed: Vec<Armed>,
    /// A SIGKILL to come.
    due: Option<(Victim, Instant)>,
    kills_left: u64,
    /// Lines of the ledger before this run.
    known: usize,
    /// Orders so far: each is another text.
    orders: u64,
    /// Starts of the modelled computer that were seen.
    boots_known: u32,
    /// How often it may start again, one more: a plan of the scene wants it once.
    boots_left: u32,
    /// Who was sent a SIGKILL and is not buried yet.
    struck: Vec<Victim>,
    /// Deaths of the controller: whoever watches it begins again.
    pub controllers_lost: u64,
}

impl<'a> Fire<'a> {
    /// Nobody dies yet; the programs of this field begin to listen.
    ///
    /// # Errors
    /// Where a process cannot be started.
    pub fn new(field: Field, deck: &'a mut Deck, tally: &'a mut Tally) -> Result<Self> {
        let (lives, armed) = (Vec::new(), Vec::new());
        let boots_known = field.agent.twin.state().boots;
        let mut fire = Self {
            field,
            deck,
            tally,
            lives,
            armed,
            due: None,
            kills_left: 0,
            known: 0,
            orders: 0,
            boots_known,
            boots_left: 0,
            struck: Vec::new(),
            controllers_lost: 0,
        };
        fire.restart(Victim::Controller)?;
        fire.restart(Victim::Agent)?;
        Ok(fire)
    }

    /// Opens fire: so many kills at most. Where a first point is given, nobody else dies before its first visit.
    ///
    /// # Errors
    /// Where an order cannot be given.
    pub fn open(&mut self, kills: u64, first: Option<(Victim, &'static str)>) -> Result<()> {
        self.begin(kills);
        match first {
            Some((victim, name)) => self.arm(victim, name, 1, true),
            None => self.deal(),
        }
    }

    /// Opens fire, at the point that was tried least among others; with no installer to come, not at an installer's.
    ///
    /// # Errors
    /// Where an order cannot be given.
    pub fn open_anywhere(&mut self, kills: u64, installers: bool) -> Result<()> {
        self.begin(kills);
        let mut points = self.deck.points().to_vec();
        points.retain(|(_, name)| installers || !name.starts_with("installer."));
        if let Some((victim, name)) = self.least_tried(&points) {
            let count = self.deck.count(name);
            self.arm(victim, name, count, false)?;
        }
        self.deal()
    }

    fn begin(&mut self, kills: u64) {
        (self.kills_left, self.boots_left) = (kills, 2);
        self.known = self.field.agent.twin.ledger().len();
    }

    /// Of these points the one that was tried least.
    pub fn least_tried(&self, points: &[(Victim, &'static str)]) -> Option<(Victim, &'static str)> {
        points.iter().copied().min_by_key(|(_, name)| self.tally.tried.get(name).copied().unwrap_or_default())
    }

    /// Fills what is empty: a point of each program, a moment.
    fn deal(&mut self) -> Result<()> {
        if self.kills_left == 0 {
            return self.disarm();
        }
        for victim in [Victim::Controller, Victim::Agent] {
            let idle = !self.armed.iter().any(|armed| armed.victim == victim);
            if let (true, Some((name, count))) = (idle, self.deck.point(victim)) {
                self.arm(victim, name, count, false)?;
            }
        }
        if self.due.is_none() {
            let (victim, after_ms) = self.deck.moment();
            self.due = Some((victim, Instant::now() + Duration::from_millis(after_ms)));
        }
        Ok(())
    }

    fn arm(&mut self, victim: Victim, name: &'static str, count: u64, first: bool) -> Result<()> {
        self.order(victim, name, count)?;
        self.armed.push(Armed { victim, name, first });
        // An agent stores an epoch only when a controller comes with a new one.
        if name.starts_with("journal.epoch.") { self.strike(Victim::Controller) } else { Ok(()) }
    }

    /// Tells a program where to die.
    fn order(&mut self, victim: Victim, name: &'static str, count: u64) -> Result<()> {
        *self.tally.tried.entry(name).or_default() += 1;
        self.orders += 1;
        // One death in four stalls first: what was sent too early gets out, and its receiver acts on it.
        let stall_ms = if self.deck.below(4) == 0 { STALL_MS } else { 0 };
        // Renamed into its place: a half order is none.
        let file = self.order_file(victim);
        let draft = file.with_extension("draft");
        std::fs::write(&draft, format!("{name}:{count}:{stall_ms}:{}", self.orders))?;
        Ok(std::fs::rename(draft, file)?)
    }

    fn order_file(&self, victim: Victim) -> PathBuf {
        let name = if victim == Victim::Controller { "controller.order" } else { "agent.order" };
        self.field.folder().join(name)
    }

    /// Takes every order back, but for those that were taken: who took one dies of it in a moment.
    fn disarm(&mut self) -> Result<()> {
        self.due = None;
        for armed in std::mem::take(&mut self.armed) {
            if !self.take_back(armed.victim)? {
                self.armed.push(armed);
            }
        }
        Ok(())
    }

    /// False where there is none to take back.
    fn take_back(&self, victim: Victim) -> Result<bool> {
        match std::fs::remove_file(self.order_file(victim)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn restart(&mut self, victim: Victim) -> Result<()> {
        match victim {
            Victim::Controller => self.field.controller.kill()?,
            Victim::Agent => self.field.agent.kill()?,
            Victim::Supervisor => bail!("a supervisor is started by its agent"),
        }
        self.launch(victim)
    }

    fn launch(&mut self, victim: Victim) -> Result<()> {
        let orders = format!("@{}", self.order_file(victim).display());
        match victim {
            Victim::Controller => self.field.controller.launch(Some(&orders)),
            Victim::Agent | Victim::Supervisor => {
                self.lives.push(Timestamp::now());
                self.field.agent.launch(Some(&orders))
            }
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
            match status.signal() {
                Some(KILL) => self.buried(victim)?,
                // Its computer starts again, which is no kill of this harness. An order that was taken went down with it.
                Some(ABORT) if victim == Victim::Agent && self.started_again() => {
                    self.armed.retain(|armed| armed.victim != victim);
                    self.take_back(victim)?;
                    self.launch(victim)?;
                    self.deal()?;
                }
                Some(_) | None => {
                    self.process(victim)?.show();
                    bail!("{victim:?} ended by itself with {status}");
                }
            }
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

    /// Whether the modelled computer has started again since the last look.
    fn started_again(&mut self) -> bool {
        let boots = self.field.agent.twin.state().boots;
        let again = std::mem::replace(&mut self.boots_known, boots) < boots;
        self.boots_left = self.boots_left.saturating_sub(u32::from(again));
        again && self.boots_left > 0
    }

    /// Counts a death and starts the process again.
    fn buried(&mut self, victim: Victim) -> Result<()> {
        let struck = self.struck.contains(&victim);
        self.struck.retain(|other| *other != victim);
        let index = self.armed.iter().position(|armed| armed.victim == victim);
        match index.map(|index| self.armed.remove(index)) {
            Some(armed) if !struck => {
                self.count(&format!("{victim:?} at {}", armed.name));
                if armed.first && armed.name == BEFORE_INTENT {
                    let effects = self.field.agent.twin.effects_after(self.known);
                    ensure!(
                        effects.is_empty(),
                        "no intent was stored, and yet there are effects: {effects:?}"
                    );
                }
            }
            // What was ordered of the dead is dealt anew.
            Some(_) | None => self.count(&format!("{victim:?} at a random moment")),
        }
        self.controllers_lost += u64::from(victim == Victim::Controller);
        self.take_back(victim)?;
        self.launch(victim)?;
        self.deal()
    }

    fn count(&mut self, place: &str) {
        self.tally.killed(place);
        self.kills_left = self.kills_left.saturating_sub(1);
    }

    /// SIGKILL, now. What died is found and counted by the next look.
    fn strike(&mut self, victim: Victim) -> Result<()> {
        if victim != Victim::Supervisor {
            let process = self.process(victim)?;
            // One that died at its point a moment ago was not struck, and is counted there.
            if process.ended()?.is_some() {
                return Ok(());
            }
            signal(process.pid(), rustix::process::Signal::KILL)?;
            // Dead before anything else is looked at; the status stays to be found.
            process.wait()?;
            self.struck.push(victim);
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
    pub fn forget(&mut self, (victim, name): (Victim, &'static str)) -> Result<()> {
        self.order(victim, name, 1)?;
        let orders = format!("@{}", self.order_file(victim).display());
        self.lives.push(Timestamp::now());
        self.field.agent.forget(Some(&orders))?;
        self.armed.push(Armed { victim, name, first: false });
        Ok(())
    }

    /// Ceases fire: every process runs, none will end itself, and the server is connected.
    ///
    /// # Errors
    /// Where that does not come about.
    pub fn cease(&mut self) -> Result<()> {
        self.kills_left = 0;
        self.tend()?;
        self.disarm()?;
        let (server, begin) = (self.field.server(), Instant::now());
        loop {
            // A process that was struck a moment ago may have died only now.
            self.tend()?;
            if !self.armed.is_empty() {
                if begin.elapsed() > PATIENCE {
                    self.show();
                    bail!("who took an order to die lives on: {:?}", self.armed);
                }
                std::thread::sleep(Duration::from_millis(LOOK_MS));
                continue;
            }
            let ran = self.field.cli.run(["--output", "json", "server", "show", &server]);
            if ran.code == code::OK && ran.out.contains("\"connected\"") {
                return Ok(());
            }
            if begin.elapsed() > PATIENCE {
                self.show();
                bail!("{server} is not connected: {}", ran.said());
            }
            std::thread::sleep(Duration::from_millis(LOOK_MS));
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
            std::thread::sleep(Duration::from_millis(LOOK_MS));
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
