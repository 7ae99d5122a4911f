//! `tests/crash -n N [--seed S] [--worlds W]`: see [`muster_tests::crash`].
#![expect(clippy::print_stdout, reason = "a tool prints what it counted")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use muster_tests::crash::deck::{Deck, Victim};
use muster_tests::crash::round::{Change, OF_THEIR_OWN, Round};
use muster_tests::crash::{Tally, setup};
use muster_tests::programs::Programs;

/// Changes of one field after its first installation: enough to meet old journals, few enough to start afresh often.
const CHANGES: [Change; 7] = [
    Change::Replace,
    Change::Drift,
    Change::Leave,
    Change::Cancel,
    Change::Leave,
    Change::Drift,
    Change::Regress,
];

/// Fields that are under fire side by side: one waits while the other works.
const WORLDS: u64 = 3;

struct Wanted {
    kills: u64,
    seed: u64,
    worlds: u64,
}

/// What the worlds know of each other.
struct Shared {
    begin: Instant,
    kills: AtomicU64,
    broken: AtomicBool,
}

fn main() -> ExitCode {
    let wanted = match arguments() {
        Ok(wanted) => wanted,
        Err(error) => {
            println!("{error:#}\nusage: ./tests/crash -n KILLS [--seed SEED] [--worlds WORLDS]");
            return ExitCode::from(2);
        }
    };
    let Wanted { kills, seed, worlds } = wanted;
    println!("seed {seed}: ./tests/crash -n {kills} --seed {seed} --worlds {worlds}");
    let begin = Instant::now();
    let mut tally = Tally::default();
    let result = play(&wanted, &mut tally);
    println!("\n{:>6}  killed at", "kills");
    for (place, count) in &tally.by_place {
        println!("{count:>6}  {place}");
    }
    let missed = tally.missed(&points());
    println!(
        "points that never came to a kill: {}",
        if missed.is_empty() { "none".to_owned() } else { missed.join(", ") }
    );
    println!(
        "\n{} kills in {} runs, seed {seed}, {worlds} worlds, {} s, {} kills a minute: {} installers, batches and tasks \
         ordered, {} took place, {} lost, {} doubled, {} unknown, {} of them not shown",
        tally.kills,
        tally.runs,
        begin.elapsed().as_secs(),
        a_minute(tally.kills, begin),
        tally.ordered,
        tally.effects,
        tally.lost,
        tally.doubled,
        tally.unknown,
        tally.hidden
    );
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("BROKEN with seed {seed}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Wanted> {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let mut wanted =
        Wanted { kills: 100, seed: u64::from(time.subsec_nanos()) ^ time.as_secs(), worlds: WORLDS };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let target = match word.as_str() {
            "-n" => &mut wanted.kills,
            "--seed" => &mut wanted.seed,
            "--worlds" => &mut wanted.worlds,
            other => bail!("{other} is not known"),
        };
        *target = words.next().context("a number is missing")?.parse().context("not a number")?;
    }
    Ok(wanted)
}

fn play(wanted: &Wanted, tally: &mut Tally) -> Result<()> {
    let exe = std::env::current_exe()?;
    let folder = exe.parent().and_then(|debug| debug.parent()).context("no target folder")?;
    // A folder of its own: two harnesses may run at once, and none replaces what another one runs.
    let own = tempfile::Builder::new().prefix("crash-points-").tempdir_in(folder)?;
    let programs = Programs::with_crash_points(own.path())?;
    let points = points();
    let (early, late): (Vec<_>, Vec<_>) = points.iter().copied().partition(|(_, name)| setup::is_setup(name));
    if wanted.kills > early.len() as u64 {
        setup::play(&programs, &early, tally)?;
    }
    let is_own = |name: &str| OF_THEIR_OWN.iter().any(|prefix| name.starts_with(prefix));
    let late: Vec<_> = late.into_iter().filter(|(_, name)| !is_own(name)).collect();
    let shared =
        Shared { begin: Instant::now(), kills: AtomicU64::new(tally.kills), broken: AtomicBool::new(false) };
    let played: Vec<(Tally, Result<()>)> = std::thread::scope(|scope| {
        let play = |world| {
            let deck = Deck::new(wanted.seed.wrapping_add(world << 32), late.clone());
            let (programs, shared) = (&programs, &shared);
            scope.spawn(move || world_of(programs, deck, wanted.kills, shared))
        };
        let worlds: Vec<_> = (0..wanted.worlds.max(1)).map(play).collect();
        worlds.into_iter().map(|world| world.join().unwrap_or_else(|_| died())).collect()
    });
    let mut result = Ok(());
    for (counted, came) in played {
        tally.join(counted);
        result = result.and(came);
    }
    result
}

/// One world after another until all of them together have had their kills, or one is broken.
fn world_of(programs: &Programs, mut deck: Deck, kills: u64, shared: &Shared) -> (Tally, Result<()>) {
    let mut tally = Tally::default();
    let is_enough = || shared.kills.load(Ordering::SeqCst) >= kills || shared.broken.load(Ordering::SeqCst);
    let mut known = 0;
    let mut count = |tally: &Tally| {
        let now = tally.kills - known;
        known = tally.kills;
        let all = shared.kills.fetch_add(now, Ordering::SeqCst) + now;
        println!("{all:>6} kills, {} a minute", a_minute(all, shared.begin));
    };
    let mut play = || -> Result<()> {
        while !is_enough() {
            let mut round = Round::open(programs, &mut deck, &mut tally)?;
            for change in [Change::Install].into_iter().chain(CHANGES) {
                round.play(change).with_context(|| format!("{change:?}"))?;
                count(round.tally());
                if is_enough() {
                    return Ok(());
                }
            }
        }
        Ok(())
    };
    let came = play();
    shared.broken.fetch_or(came.is_err(), Ordering::SeqCst);
    (tally, came)
}

fn died() -> (Tally, Result<()>) {
    (Tally::default(), Err(anyhow::anyhow!("a world of the harness panicked")))
}

fn a_minute(kills: u64, begin: Instant) -> u64 {
    kills * 60 / begin.elapsed().as_secs().max(1)
}

fn points() -> Vec<(Victim, &'static str)> {
    let controller = muster_controller::crash::POINTS.iter().map(|name| (Victim::Controller, *name));
    let agent = muster_agent::crash::POINTS.iter().map(|name| (Victim::Agent, *name));
    controller.chain(agent).collect()
}
