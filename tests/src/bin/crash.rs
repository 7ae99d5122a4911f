//! `tests/crash -n N [--seed S]`: see [`muster_tests::crash`].
#![expect(clippy::print_stdout, reason = "a tool prints what it counted")]

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use muster_tests::crash::deck::{Deck, Victim};
use muster_tests::crash::round::{Change, OF_THEIR_OWN, Round};
use muster_tests::crash::{Tally, setup};
use muster_tests::programs::Programs;

/// Changes of one field after its first installation: enough to meet old journals, few enough to start afresh often.
const CHANGES: [Change; 5] = [Change::Replace, Change::Drift, Change::Cancel, Change::Drift, Change::Regress];

struct Wanted {
    kills: u64,
    seed: u64,
}

fn main() -> ExitCode {
    let wanted = match arguments() {
        Ok(wanted) => wanted,
        Err(error) => {
            println!("{error:#}\nusage: ./tests/crash -n KILLS [--seed SEED]");
            return ExitCode::from(2);
        }
    };
    println!("seed {}: ./tests/crash -n {} --seed {}", wanted.seed, wanted.kills, wanted.seed);
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
        "\n{} kills in {} runs, seed {}, {} s: {} one-shot effects ordered, {} took place, \
         {} lost, {} doubled, {} unknown, {} of them not shown",
        tally.kills,
        tally.runs,
        wanted.seed,
        begin.elapsed().as_secs(),
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
            println!("BROKEN with seed {}: {error:#}", wanted.seed);
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Wanted> {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let mut wanted = Wanted { kills: 100, seed: u64::from(time.subsec_nanos()) ^ time.as_secs() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let target = match word.as_str() {
            "-n" => &mut wanted.kills,
            "--seed" => &mut wanted.seed,
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
    let mut deck = Deck::new(wanted.seed, late.into_iter().filter(|(_, name)| !is_own(name)).collect());
    while tally.kills < wanted.kills {
        let mut round = Round::open(&programs, &mut deck, tally)?;
        round.play(Change::Install)?;
        for change in CHANGES {
            round.play(change)?;
        }
        drop(round);
        println!("{:>6} kills, {} runs", tally.kills, tally.runs);
    }
    Ok(())
}

fn points() -> Vec<(Victim, &'static str)> {
    let controller = muster_controller::crash::POINTS.iter().map(|name| (Victim::Controller, *name));
    let agent = muster_agent::crash::POINTS.iter().map(|name| (Victim::Agent, *name));
    controller.chain(agent).collect()
}
