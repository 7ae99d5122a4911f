//! The agent's command line.
//!
//! Neighbours: `main` hands its arguments here. Data goes to `out`; what a person should know goes to the log on standard
//! error.

use std::ffi::OsString;
use std::io::Write;

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::host::twin;
use crate::supervise;

/// Muster's agent: makes its server what the controller's documents say, and reports.
#[derive(Debug, Parser)]
#[command(name = "muster-agent", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make, show and break a modelled Windows server (SIMULATED).
    Twin(twin::cli::TwinArgs),
    /// Play an installer on a twin.
    #[command(hide = true)]
    TwinInstaller(twin::installer::InstallerArgs),
    /// Own one installer from its start to its end.
    #[command(hide = true)]
    Supervise(supervise::run::SuperviseArgs),
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
        Command::Twin(args) => twin::cli::run(&args, out).map(|()| 0).map_err(Into::into),
        Command::TwinInstaller(args) => Ok(twin::installer::run(&args, out)?),
        Command::Supervise(args) => Ok(supervise::run::run(&args, out)?),
    }
}
