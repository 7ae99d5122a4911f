//! `muster completions SHELL`: prints a completion script.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Context;
use crate::args::Args;
use crate::exit::Exit;
use crate::failure::Failure;

pub(super) fn run(context: &mut Context<'_>, shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "muster", &mut script);
    context.output.data(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Ok)
}
