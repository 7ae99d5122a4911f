//! `tests/bench [--quick] [-n REPETITIONS] [--agents N,N,..] [--events N] [--out FILE]`,
//! `tests/bench media [MIB [MIB]]` and `tests/bench agent [windows]`: see [`muster_tests::bench`].
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool prints what it measured")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use muster_tests::bench::bare::{self, Answered, Listening};
use muster_tests::bench::child::Child;
use muster_tests::bench::load::{self, FannedOut, Took};
use muster_tests::bench::measure::{self, Machine, Spread};
use muster_tests::bench::report::{Fleet, Measured, Report};
use muster_tests::bench::{fleet, history, medium, single};
use muster_tests::controller::Controller;
use muster_tests::programs::{Programs, root};

/// How long a server is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(2);

/// How long one agent is left alone.
const AGENT_IDLE: Duration = Duration::from_secs(60);

/// What to measure.
struct Wanted {
    repetitions: usize,
    agents: Vec<usize>,
    servers: usize,
    events: u64,
    questions: usize,
    quick: bool,
    out: PathBuf,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["load", folder] => block_on(load::run(Path::new(folder))),
        ["bare", data] => block_on(bare::run(Path::new(data))),
        ["media", sizes @ ..] => media(sizes),
        ["agent"] => agent(Programs::with_agent_that_ships),
        ["agent", "windows"] => agent(|folder| Programs::beside()?.with_agent_for_windows(folder)),
        words => match wanted(words) {
            Ok(wanted) => whole(&wanted),
            Err(error) => {
                eprintln!(
                    "{error:#}\nusage: ./tests/bench [--quick] [-n REPETITIONS] [--agents N,N,..] [--events N] [--out FILE]"
                );
                return ExitCode::from(2);
            }
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn block_on(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// One real agent alone, as it ships.
fn agent(programs: impl Fn(&Path) -> Result<Programs>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let programs = programs(folder.path())?;
    println!("{}", single::measure(&programs, AGENT_IDLE)?.markdown());
    Ok(())
}

/// One medium, of so many MiB, over a link that breaks after so many.
fn media(sizes: &[&str]) -> Result<()> {
    let mib = |at: usize, otherwise: u64| match sizes.get(at) {
        Some(size) => Ok(size.parse::<u64>().with_context(|| format!("{size} is no number of MiB"))? << 20),
        None => Ok::<_, anyhow::Error>(otherwise),
    };
    let (size_bytes, every_bytes) = (mib(0, medium::SIZE_BYTES)?, mib(1, medium::CUT_EVERY_BYTES)?);
    let programs = Programs::beside()?;
    block_on(async {
        println!("{}", medium::measure(&programs, size_bytes, every_bytes).await?);
        Ok(())
    })
}

fn wanted(words: &[&str]) -> Result<Wanted> {
    let mut wanted = Wanted {
        repetitions: 3,
        agents: vec![100, 1_000, 9_500],
        servers: 10_000,
        events: 1_000_000,
        questions: 300,
        quick: false,
        out: root().join("target/bench/bench.json"),
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match *word {
            "--quick" => {
                let out = wanted.out.clone();
                wanted = Wanted {
                    repetitions: 1,
                    agents: vec![50],
                    servers: 100,
                    events: 5_000,
                    questions: 20,
                    quick: true,
                    out,
                };
            }
            "-n" => wanted.repetitions = value()?.parse()?,
            "--agents" => wanted.agents = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--events" => wanted.events = value()?.parse()?,
            "--out" => wanted.out = PathBuf::from(value()?),
            other => bail!("there is no {other}"),
        }
    }
    Ok(wanted)
}

fn whole(wanted: &Wanted) -> Result<()> {
    let programs = Programs::beside()?;
    let machine = Machine::here();
    let place = root().join("target/bench");
    std::fs::create_dir_all(&place)?;
    let mut fleets = Vec::new();
    let mut history = None;
    for agents in &wanted.agents {
        let folder = tempfile::Builder::new().prefix("fleet-").tempdir_in(&place)?;
        let mut tried = Tried::prepare(&programs, folder.path(), *agents)?;
        fleets.push(tried.measure(wanted.repetitions)?);
        if wanted.agents.last() == Some(agents) {
            let data = tried.controller.data().to_owned();
            eprintln!("a past of {} events", wanted.events);
            block_on(async {
                let measured =
                    history::measure(&data, wanted.servers, wanted.events, wanted.questions).await?;
                history = Some(measured);
                Ok(())
            })?;
        }
    }
    eprintln!("one real agent");
    let folder = tempfile::tempdir()?;
    let programs = if wanted.quick { programs } else { Programs::with_agent_that_ships(folder.path())? };
    let single = single::measure(&programs, if wanted.quick { IDLE } else { AGENT_IDLE })?;
    let report = Report {
        shape: "muster.bench/1".to_owned(),
        machine,
        repetitions: wanted.repetitions,
        fleets,
        single,
        history: history.context("no fleet was wanted")?,
    };
    std::fs::write(&wanted.out, serde_json::to_vec_pretty(&report)?)?;
    println!("{}", report.markdown());
    eprintln!("written to {}", wanted.out.display());
    Ok(())
}

/// A fleet under measurement: its data, its agents' certificates, the controller's program.
struct Tried {
    controller: Controller,
    folder: PathBuf,
    agents: usize,
}

/// The readings of one fleet, one after the other.
#[derive(Default)]
struct Readings {
    connect_s: Vec<f64>,
    memory_kib: Vec<f64>,
    fan_out_s: Vec<f64>,
    commanded_s: Vec<f64>,
    controller_cpu_s: Vec<f64>,
    load_cpu_s: Vec<f64>,
}

impl Tried {
    fn prepare(programs: &Programs, folder: &Path, agents: usize) -> Result<Self> {
        eprintln!("{agents} agents: documents and certificates");
        let mut controller = Controller::init(programs, folder)?;
        controller.log = Some("warn");
        controller.serve()?;
        let (address, profile) = (controller.address.clone(), folder.join("anne.profile"));
        block_on(fleet::make(&address, folder, &profile, agents))?;
        controller.terminate()?;
        Ok(Self { controller, folder: folder.to_owned(), agents })
    }

    /// One repetition after the other, the controller and the bare server by turns, so that both see the same machine.
    fn measure(&mut self, repetitions: usize) -> Result<Fleet> {
        let folder = self.folder.display().to_string();
        let mut load = Child::start(&["load", &folder])?;
        let (mut muster, mut bare) = (Readings::default(), Readings::default());
        for repetition in 1..=repetitions {
            eprintln!("{} agents: {repetition} of {repetitions}", self.agents);
            self.bare(&mut load, &mut bare)?;
            self.muster(&mut load, &mut muster)?;
        }
        let spread = |readings: &[f64]| Spread::of(readings).context("nothing was measured");
        let measured = |readings: &Readings| {
            Ok::<_, anyhow::Error>(Measured {
                connect_s: spread(&readings.connect_s)?,
                memory_kib: spread(&readings.memory_kib)?,
                fan_out_s: spread(&readings.fan_out_s)?,
            })
        };
        Ok(Fleet {
            agents: self.agents,
            commanded_s: spread(&muster.commanded_s)?,
            controller_cpu_s: spread(&muster.controller_cpu_s)?,
            load_cpu_s: spread(&muster.load_cpu_s)?,
            muster: measured(&muster)?,
            bare: measured(&bare)?,
        })
    }

    fn bare(&self, load: &mut Child, readings: &mut Readings) -> Result<()> {
        let data = self.controller.data().display().to_string();
        let mut bare = Child::start(&["bare", &data])?;
        let Listening { address } = bare.ask("address")?;
        let before_kib = measure::memory_kib(bare.pid())?;
        let Took { all_s } = load.ask(&format!("connect {address}"))?;
        readings.connect_s.push(all_s);
        readings.memory_kib.push(self.memory_kib(bare.pid(), before_kib)?);
        let Answered { all_s } = bare.ask("fan-out")?;
        readings.fan_out_s.push(all_s);
        let Took { .. } = load.ask("disconnect")?;
        Ok(())
    }

    fn muster(&mut self, load: &mut Child, readings: &mut Readings) -> Result<()> {
        self.controller.serve()?;
        let pid = self.controller.process().context("it does not run")?.pid();
        let profile = self.folder.join("anne.profile").display().to_string();
        let before_kib = measure::memory_kib(pid)?;
        let Took { all_s } =
            load.ask(&format!("connect-as-operator {} {profile}", self.controller.address))?;
        readings.connect_s.push(all_s);
        readings.memory_kib.push(self.memory_kib(pid, before_kib)?);
        let Took { all_s } = load.ask("plan")?;
        eprintln!("planned and approved in {all_s:.1} s");
        let before_s = measure::cpu_s(pid)?;
        let FannedOut { all_s, commanded_s, load_cpu_s } = load.ask("fan-out")?;
        readings.controller_cpu_s.push(measure::cpu_s(pid)? - before_s);
        readings.fan_out_s.push(all_s);
        readings.commanded_s.push(commanded_s);
        readings.load_cpu_s.push(load_cpu_s);
        let Took { .. } = load.ask("disconnect")?;
        self.controller.terminate()?;
        Ok(())
    }

    /// What each idle agent adds to what the server held before the first one.
    fn memory_kib(&self, pid: u32, before_kib: f64) -> Result<f64> {
        std::thread::sleep(IDLE);
        #[expect(clippy::cast_precision_loss, reason = "a fleet has thousands of agents")]
        let agents = self.agents as f64;
        Ok((measure::memory_kib(pid)? - before_kib) / agents)
    }
}
