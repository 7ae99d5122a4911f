//! The supervisor's own process, `muster-agent supervise`, and the process that becomes the installer.
//!
//! Between starting a process and recording its id lies a moment in which a supervisor can die and leave an installer
//! that nobody knows. So what it starts is first a gate: this program again, waiting for its command on standard input.
//! The id is recorded, then the command is handed over, and the gate becomes the installer and keeps its id. If the
//! supervisor dies before, the input ends and the gate leaves. (On Windows: a process created suspended.)
//! Neighbours: `record` keeps what is learnt. Never ends an installer, never starts a second.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::record::{Exit, Records, Ticket};
use super::{Error, RunId, STARTED, TAKEN, hand_over, take_over};
use crate::host::clock::SystemClock;
use crate::host::process::Process;
use crate::host::twin::installer::{EXIT_CODE_VARIABLE, RUN_VARIABLE, SUPERVISOR_VARIABLE};
use crate::host::{Clock, CommandLine};
use crate::os;

/// What is recorded of an installer that could not be started, and what a gate exits with; shells use it for the same.
const NOT_STARTABLE: i32 = 127;

/// `muster-agent supervise`.
#[derive(Debug, clap::Args)]
pub struct SuperviseArgs {
    /// Where the records lie.
    #[arg(long)]
    dir: PathBuf,
    /// The step's key and phase.
    #[arg(long)]
    run: RunId,
    /// Wait for the command and become it.
    #[arg(long)]
    gate: bool,
}

/// Runs a supervisor, or a gate. `out` is for the one-line answer alone; what else there is to say goes to the log.
pub fn run(args: &SuperviseArgs, out: &mut dyn Write) -> Result<i32, Error> {
    let records = Records::new(&args.dir, args.run);
    let stdin = |source| Error::Io { action: "read the command of", path: args.dir.clone(), source };
    let Some(command) = take_over(io::stdin().lock()).map_err(stdin)? else {
        tracing::warn!(run = %args.run, "whoever started this ended before it said what to do; nothing was done");
        return Ok(1);
    };
    if args.gate {
        return Ok(become_installer(&command));
    }
    let here = |source| Error::Io { action: "look at a process of", path: args.dir.clone(), source };
    let supervisor = Process::current().map_err(here)?;
    let ticket =
        Ticket { supervisor: supervisor.clone(), program: command.program.clone(), time: SystemClock.now() };
    let claimed = records.claim(&ticket)?;
    // The agent may be gone by now. That changes nothing: the ticket is what counts.
    if let Err(error) = writeln!(out, "{}", if claimed { STARTED } else { TAKEN }).and_then(|()| out.flush())
    {
        tracing::warn!(run = %args.run, %error, "nobody waits for the answer");
    }
    if !claimed {
        return Ok(0);
    }
    let code = match install(args, &records, &supervisor, &command) {
        Ok(status) => exit_code(status, records.said_code()?),
        Err(error) => {
            tracing::error!(run = %args.run, error = &error as &dyn std::error::Error, "the installer was not started");
            NOT_STARTABLE
        }
    };
    records.set_exit(&Exit { code, time: SystemClock.now() })?;
    Ok(0)
}

/// Starts the installer behind its gate and waits for it.
fn install(
    args: &SuperviseArgs,
    records: &Records,
    me: &Process,
    command: &CommandLine,
) -> Result<ExitStatus, Error> {
    let failed = |source| Error::Io { action: "start the installer of", path: args.dir.clone(), source };
    let mut gate = spawn_gate(args, records, me).map_err(failed)?;
    let stdin = gate.stdin.take().ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
    // On any error from here to the hand-over the input is dropped, and the gate leaves without effect.
    let process = Process::of(gate.id()).map_err(failed)?;
    records.set_installer(&process)?;
    hand_over(stdin, command).map_err(failed)?;
    gate.wait().map_err(failed)
}

fn spawn_gate(args: &SuperviseArgs, records: &Records, me: &Process) -> io::Result<Child> {
    let log = records.open_log().map_err(io::Error::other)?;
    Command::new(std::env::current_exe()?)
        .arg("supervise")
        .arg("--dir")
        .arg(&args.dir)
        .args(["--run", &args.run.to_string(), "--gate"])
        .env(RUN_VARIABLE, args.run.to_string())
        .env(SUPERVISOR_VARIABLE, serde_json::to_string(me)?)
        .env(EXIT_CODE_VARIABLE, records.code())
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

/// Becomes the installer; returns only where that is not possible.
fn become_installer(command: &CommandLine) -> i32 {
    let mut program = Command::new(&command.program);
    let error = os::become_program(program.args(&command.arguments).stdin(Stdio::null()));
    tracing::error!(program = %command.program.display(), %error, "the installer cannot be started");
    NOT_STARTABLE
}

/// The code to record: what the process said whole, where it ended by itself and its eight bits agree.
fn exit_code(status: ExitStatus, said: Option<i32>) -> i32 {
    match (status.code(), said) {
        (Some(code), Some(said)) if said & 0xff == code => said,
        (Some(code), _) => code,
        (None, _) => -os::ending_signal(status).unwrap_or(NOT_STARTABLE),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn the_code_is_the_one_that_was_said_only_where_the_process_ended_with_it() {
        let exited = |code: i32| ExitStatus::from_raw(code << 8);
        assert_eq!(exit_code(exited(194), Some(3010)), 3010);
        assert_eq!(exit_code(exited(1), Some(3010)), 1, "it said one thing and did another");
        assert_eq!(exit_code(exited(7), None), 7);
        assert_eq!(exit_code(ExitStatus::from_raw(9), Some(0)), -9, "killed after it said that it was done");
    }
}
