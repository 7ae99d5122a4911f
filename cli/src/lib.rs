//! The operator's command line: `muster VERB`.
//!
//! `args` says what may be typed, `cmd` has a file per verb, `render` turns records into tables and diffs, `output` keeps
//! data on stdout and the rest on stderr, `exit` lists the exit codes. Neighbours: `muster-proto` dials the controller,
//! `muster-model` checks documents offline and gives every record its shape, `inspect` looks into installers. Never decides
//! what a server should be or when: it shows what it hashed, and passes on what a person said.

pub mod args;
mod cmd;
pub mod connect;
mod drill;
pub mod exit;
pub mod failure;
mod inspect;
mod known;
pub mod output;
mod read_plan;
mod recovery_key;
mod render;
pub mod shape;
mod typed;
mod watch;

use std::ffi::OsString;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::args::Args;
use crate::exit::Exit;
use crate::output::Output;

/// Runs one command line, program name first, and says how it ended. Never panics and never ends the process.
pub async fn run<I>(args: I, output: &mut Output) -> Exit
where
    I: IntoIterator<Item = OsString>,
{
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => return not_a_command(&error, output),
    };
    output.set_format(args.output);
    let result = cmd::run(args, output).await;
    output.end_progress();
    match result {
        Ok(exit) => exit,
        Err(failure) => failure.report(output),
    }
}

/// `--help` and `--version` are data; everything else that cannot be parsed is a usage error.
fn not_a_command(error: &clap::Error, output: &mut Output) -> Exit {
    let text = error.render().ansi().to_string();
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let written = if asked { output.data(text.trim_end()) } else { output.note(text.trim_end()) };
    match written {
        Ok(()) if asked => Exit::Ok,
        Ok(()) => Exit::Usage,
        Err(failure) => failure.report(output),
    }
}
