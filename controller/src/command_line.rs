//! The command line of `muster-controller`: `init`, `serve`, `backup`, `restore`, `recover`, `operator reset`.
//!
//! Neighbours: `main` calls [`run`] and does nothing else. What is asked for is printed to stdout, all else goes to stderr.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use muster_model::name::Slug;

use crate::clock::Clock;
use crate::intake::catalog::{self, Catalog};
use crate::{backup, init, os, recovery, reset, serve};

/// The controller of Muster: stores what every site should be, and carries out what was approved.
#[derive(Debug, Parser)]
#[command(name = "muster-controller", version)]
struct CommandLine {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a controller: authority, database, recovery keys, the first operator's profile.
    Init(Init),
    /// Serve. SIGTERM and SIGINT stop it in order.
    Serve(Serve),
    /// Make a backup, also while the controller serves. Its keys are sealed to the recovery keys.
    Backup(Backup),
    /// Make a data directory of a backup. The controller that serves it begins in recovery.
    Restore(Restore),
    /// Say that a data directory is an older copy, put back by hand: the next `serve` begins in recovery.
    Recover(Recover),
    /// Operators' profiles, on the controller's own machine.
    #[command(subcommand)]
    Operator(Operator),
}

#[derive(Debug, Subcommand)]
enum Operator {
    /// Make a new profile for an operator who lost his. Stop the controller first; his older profiles end.
    Reset(Reset),
}

#[derive(Debug, Args)]
struct Reset {
    /// The data directory; nothing may serve it.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// The operator's name.
    #[arg(long, value_name = "NAME")]
    operator: Slug,
    /// Where to write the profile. It holds a private key.
    #[arg(long, value_name = "FILE")]
    profile_out: PathBuf,
}

#[derive(Debug, Args)]
struct Init {
    /// The data directory to make; it must not exist, or be empty.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Where agents and operators will dial.
    #[arg(long, value_name = "HOST:PORT")]
    listen: String,
    /// The first operator's name: lower-case letters, digits and hyphens.
    #[arg(long, value_name = "NAME")]
    operator: Slug,
    /// Where to write that operator's profile. It holds a private key.
    #[arg(long, value_name = "FILE")]
    profile_out: PathBuf,
    /// The folder for the recovery keys, to be moved offline afterwards.
    #[arg(long, value_name = "DIR")]
    recovery_out: PathBuf,
}

#[derive(Debug, Args)]
struct Serve {
    /// The data directory that `init` made.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Listen there instead of where `init` said.
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
}

#[derive(Debug, Args)]
struct Backup {
    /// The controller's data directory.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// A folder to put the backup in, or the name of the backup's own new folder.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

#[derive(Debug, Args)]
struct Restore {
    /// The backup's folder.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The file of one recovery key, as `init` wrote it.
    #[arg(long, value_name = "FILE")]
    recovery_key: PathBuf,
    /// The data directory to make; it must not exist, or be empty.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Take secrets that do not open with the key for lost, and restore all else
    #[arg(long)]
    without_secrets: bool,
}

#[derive(Debug, Args)]
struct Recover {
    /// The data directory; nothing may serve it.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

/// Runs the command line and says how the process ends: 0 well, 1 not, 2 for a command line that cannot be read.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line = match CommandLine::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            return if error.print().is_ok() { ExitCode::from(code) } else { ExitCode::FAILURE };
        }
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("MUSTER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    match act(line.verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a command goes to the person who typed it")]
fn report(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

fn act(verb: Verb) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("the process cannot start its threads")?;
    match verb {
        Verb::Init(line) => runtime.block_on(make(line)),
        Verb::Serve(line) => runtime.block_on(async {
            let options = serve::Options { data_dir: line.data_dir, listen: line.listen };
            let until = os::terminated()?;
            Ok(serve::run(options, Clock::system(), catalog::host_of(Catalog::default()), until).await?)
        }),
        Verb::Backup(line) => runtime.block_on(back_up(line)),
        Verb::Restore(line) => runtime.block_on(restore(line)),
        Verb::Recover(line) => runtime.block_on(recover(&line.data_dir)),
        Verb::Operator(Operator::Reset(line)) => runtime.block_on(reset_operator(line)),
    }
}

#[expect(clippy::print_stdout, reason = "what `init` made is what was asked for")]
async fn make(line: Init) -> anyhow::Result<()> {
    let options = init::Options {
        data_dir: line.data_dir,
        listen: line.listen,
        operator: line.operator,
        profile_out: line.profile_out,
        recovery_out: line.recovery_out,
    };
    let made = init::run(&options, Clock::system()).await?;
    println!("The controller is made in {}.", options.data_dir.display());
    println!(
        "The profile of {} is {}. It holds a private key.",
        options.operator,
        options.profile_out.display()
    );
    println!("The recovery keys are written once, and stored nowhere else:");
    for file in &made.recovery_files {
        println!("  {}", file.display());
    }
    println!("Move each to an offline medium, to two different places, and delete them here.");
    println!("Next: muster-controller serve --data-dir {}", options.data_dir.display());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what was backed up is what was asked for")]
async fn back_up(line: Backup) -> anyhow::Result<()> {
    let options = backup::Options { data_dir: line.data_dir, to: line.to };
    let backup::Made { folder, backup } = backup::run(&options, Clock::system()).await?;
    let size_bytes: u64 = backup.parts.iter().map(|part| part.size_bytes).sum();
    let revision =
        backup.revision.map_or_else(|| "no revision".to_owned(), |revision| format!("revision {revision}"));
    println!("The backup is {}.", folder.display());
    println!(
        "It holds {revision} and the events up to {}, {} KiB.",
        backup.sequence,
        size_bytes.div_ceil(1024)
    );
    match backup.secrets.len() {
        0 => println!("No secret was set yet."),
        count => println!("Every secret that was set is in it, {}.", versions(count)),
    }
    println!("Any one of these recovery keys opens its keys and its secrets:");
    for recipient in &backup.recipients {
        println!("  {recipient}");
    }
    println!("Next: copy the whole folder to another machine.");
    Ok(())
}

fn versions(count: usize) -> String {
    if count == 1 { "1 version".to_owned() } else { format!("{count} versions") }
}

#[expect(clippy::print_stdout, reason = "what was restored is what was asked for")]
async fn restore(line: Restore) -> anyhow::Result<()> {
    let Restore { from, recovery_key, data_dir, without_secrets } = line;
    let options = backup::restore::Options { from, recovery_key, data_dir, without_secrets };
    let backup::restore::Restored { backup, lost } = backup::restore::run(&options, Clock::system()).await?;
    println!("The backup of {} is restored to {}.", backup.made_at, options.data_dir.display());
    if !backup.secrets.is_empty() {
        println!("{} of secrets open with this key.", versions(backup.secrets.len() - lost.len()));
    }
    if !lost.is_empty() {
        println!("These do not, and are lost; data that stand on them stay closed (G25):");
        lost.iter().for_each(|secret| println!("  {secret}"));
    }
    println!("What happened after it is not in it: pushes, plans, runs, enrolments, revocations.");
    next_in_recovery(&options.data_dir);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what now holds is what was asked for")]
async fn recover(data_dir: &Path) -> anyhow::Result<()> {
    recovery::begin(data_dir, Clock::system()).await?;
    println!("{} begins in recovery at its next start.", data_dir.display());
    next_in_recovery(data_dir);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what to type next ends every answer")]
fn next_in_recovery(data_dir: &Path) {
    println!("Next: muster-controller serve --data-dir {}", data_dir.display());
    println!(
        "Nothing starts then until an operator typed `muster recover status` and `muster recover confirm`."
    );
}

#[expect(clippy::print_stdout, reason = "what was made is what was asked for")]
async fn reset_operator(line: Reset) -> anyhow::Result<()> {
    let Reset { data_dir, operator, profile_out } = line;
    let options = reset::Options { data_dir, operator, profile_out };
    reset::run(&options, Clock::system()).await?;
    println!(
        "The new profile of {} is {}. It holds a private key.",
        options.operator,
        options.profile_out.display()
    );
    println!("His older profiles are good no more.");
    println!("Next: muster-controller serve --data-dir {}", options.data_dir.display());
    Ok(())
}
