//! The agent's command line.
//!
//! Neighbours: `main` hands its arguments here. Data goes to `out`; what a person should know goes to the log on standard
//! error.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::{Parser, Subcommand};
use muster_model::digest::Digest;
use muster_model::name::StepName;

use crate::enroll::enroll;
use crate::host::{self, twin};
use crate::identity::{self, DataDir};
use crate::media::{self, Cache};
use crate::run::Agent;
use crate::selftest::report::Report;
use crate::selftest::{self, stand_in};
use crate::service::PlaceArgs;
use crate::{check, service, show, supervise, vault};

/// Muster's agent: makes its server what the controller's documents say, and reports.
#[derive(Debug, Parser)]
#[command(name = "muster-agent", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Spend a token for this server's certificate, once.
    Enroll(EnrollArgs),
    /// Do the controller's work until SIGTERM.
    Run(PlaceArgs),
    /// Look at what stands between this server and its controller.
    Check(PlaceArgs),
    /// The agent as a service of Windows.
    #[command(subcommand)]
    Service(service::Verb),
    /// Show the secrets that a person types at a step, once, on this server alone.
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Media that packages are installed from.
    #[command(subcommand)]
    Media(MediaCommand),
    /// Make, show and break a modelled Windows server (SIMULATED).
    Twin(twin::cli::TwinArgs),
    /// Put the promises of the ports to the proof, and take away all that was made for it.
    Selftest(SelftestArgs),
    /// Play a service of a self-test. The service manager alone calls this.
    #[command(hide = true, name = stand_in::VERB)]
    SelftestStandIn,
    /// Play an installer on a twin.
    #[command(hide = true)]
    TwinInstaller(twin::installer::InstallerArgs),
    /// Own one installer from its start to its end.
    #[command(hide = true)]
    Supervise(supervise::run::SuperviseArgs),
}

#[derive(Debug, Subcommand)]
enum SecretCommand {
    /// Show them; to a local administrator, and recorded with the controller.
    Show(SecretArgs),
}

#[derive(Debug, Subcommand)]
enum MediaCommand {
    /// Take the files of a folder in, as from a disk that was carried here; they need not come over the link then.
    Import(ImportArgs),
    /// List what is held here.
    List(CacheArgs),
    /// Remove one, to make room; a package that wants it has it fetched again.
    Remove(RemoveArgs),
}

#[derive(Debug, clap::Args)]
struct CacheArgs {
    /// The agent's folder.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

#[derive(Debug, clap::Args)]
struct RemoveArgs {
    /// Its SHA-256, as `media list` shows it.
    #[arg(value_name = "SHA-256")]
    sha256: Digest,
    #[command(flatten)]
    cache: CacheArgs,
}

#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// The folder with the installers.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// The agent's folder.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

#[derive(Debug, clap::Args)]
struct SecretArgs {
    /// The step, as in P-204/18; `muster steps PLAN` shows which one waits.
    #[arg(value_name = "PLAN/STEP")]
    step: StepName,
    /// The agent's folder: its key, its journal.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

#[derive(Debug, clap::Args)]
struct SelftestArgs {
    /// The modelled server (SIMULATED); without it the Windows server that this runs on.
    #[arg(long, value_name = "DIR")]
    twin: Option<PathBuf>,
    /// Write what was seen into this file as well, to send back.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct EnrollArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// The token, from `muster server invite`.
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Where this server reaches the controller, where it is not where the token says.
    #[arg(long, value_name = "HOST:PORT")]
    controller: Option<String>,
    /// Throw the identity away that is there.
    #[arg(long)]
    force: bool,
}

/// Runs a command line and gives the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>, out: &mut dyn Write) -> anyhow::Result<i32> {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            error.print().context("cannot write the help")?;
            return Ok(error.exit_code());
        }
    };
    match cli.command {
        Command::Enroll(args) => enroll_here(&args, out),
        Command::Run(args) => run_here(&args),
        Command::Check(args) => check_here(&args, out),
        Command::Service(verb) => service::run(&verb, out),
        Command::Secret(SecretCommand::Show(args)) => {
            runtime()?.block_on(show::show(&DataDir::new(&args.data_dir), args.step, out)).map(|()| 0)
        }
        Command::Media(command) => media_here(&command, out).map(|()| 0),
        Command::Twin(args) => twin::cli::run(&args, out).map(|()| 0).map_err(Into::into),
        Command::Selftest(args) => selftest_here(&args, out),
        Command::SelftestStandIn => stand_in::serve().map(|()| 0),
        Command::TwinInstaller(args) => Ok(twin::installer::run(&args, out)?),
        Command::Supervise(args) => Ok(supervise::run::run(&args, out)?),
    }
}

fn enroll_here(args: &EnrollArgs, out: &mut dyn Write) -> anyhow::Result<i32> {
    let EnrollArgs { place, token_file, controller, force } = args;
    let exe = std::env::current_exe().context("this program cannot find itself")?;
    let (data, twin) = (place.data()?, &place.twin);
    let data_dir = data.path();
    let host =
        host::open(twin.as_deref(), &exe, &data.installers(), Arc::new(vault::Nothing))?.host_name()?;
    let enrolled =
        runtime()?.block_on(enroll(&data, token_file, controller.as_deref(), host.clone(), *force))?;
    let run = format!("muster-agent run --data-dir {}", data_dir.display());
    let (label, next) = match twin {
        Some(twin) => (" (SIMULATED)", format!("{run} --twin {}", twin.display())),
        None if service::is_for(data_dir) => ("", "muster-agent service start".to_owned()),
        None => ("", run),
    };
    writeln!(out, "{host} is enrolled as {} with {}{label}.", enrolled.server, enrolled.controller)?;
    writeln!(out, "Next: {next}")?;
    Ok(0)
}

fn run_here(place: &PlaceArgs) -> anyhow::Result<i32> {
    let data = place.data()?;
    let runtime = runtime()?;
    data.enrolled()?;
    let _lock = data.lock()?;
    let agent = Agent::open(&data, place.twin.as_deref(), &runtime)?;
    runtime.block_on(agent.work())?;
    Ok(0)
}

/// Beside an agent that runs: each file gets its name once it is whole.
fn media_here(command: &MediaCommand, out: &mut dyn Write) -> anyhow::Result<()> {
    let (MediaCommand::Import(ImportArgs { data_dir, .. })
    | MediaCommand::List(CacheArgs { data_dir })
    | MediaCommand::Remove(RemoveArgs { cache: CacheArgs { data_dir }, .. })) = command;
    let data = DataDir::new(data_dir);
    data.enrolled()?;
    data.check_private()?;
    let cache = Cache::new(data.media());
    match command {
        MediaCommand::Import(args) => media::import(&cache, &args.folder, out),
        MediaCommand::List(_) => media::list(&cache, out),
        MediaCommand::Remove(args) => media::remove(&cache, args.sha256, out),
    }
}

fn check_here(place: &PlaceArgs, out: &mut dyn Write) -> anyhow::Result<i32> {
    let data = place.data()?;
    let runtime = runtime()?;
    data.enrolled()?;
    let _lock = match data.lock() {
        Ok(lock) => lock,
        Err(error @ identity::Error::InUse(_)) => {
            anyhow::bail!("{error}, or ask: muster server list")
        }
        Err(error) => return Err(error.into()),
    };
    let agent = Agent::open(&data, place.twin.as_deref(), &runtime)?;
    let findings = runtime.block_on(check::check(&agent));
    out.write_all(findings.lines.as_bytes())?;
    Ok(i32::from(!findings.ok))
}

fn selftest_here(args: &SelftestArgs, out: &mut dyn Write) -> anyhow::Result<i32> {
    let exe = std::env::current_exe().context("this program cannot find itself")?;
    let host = host::open_provable(args.twin.as_deref(), &exe)?;
    let began = host.clock().now();
    let report = Report::new(&*host, began, selftest::run(&*host)?)?;
    out.write_all(report.words().as_bytes())?;
    if let Some(path) = &args.report {
        let written = std::fs::write(path, report.json()?);
        written.with_context(|| format!("the report cannot be written to {}", path.display()))?;
        writeln!(out, "The report is in {}.", path.display())?;
    }
    Ok(i32::from(report.is_broken()))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Runtime::new().context("the runtime cannot be started")
}
