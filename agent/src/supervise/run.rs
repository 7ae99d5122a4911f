//! The supervisor's own process, `muster-agent supervise`, and the process that becomes the installer.
//!
//! Between starting a process and recording its id lies a moment in which a supervisor can die and leave an installer
//! that nobody knows. So what it starts is held: it does nothing until its id is recorded, and nothing at all where the
//! supervisor dies before. On Windows the installer is created with its first thread stopped. Elsewhere it is first a
//! gate: this program again, waiting for its command on standard input, which then becomes the installer and keeps its id.
//! Neighbours: `record` keeps what is learnt, `medium` what is executed. Never ends an installer, and starts a second only
//! after the first has said that it did nothing, because another one had its turn (1618).

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use muster_model::limits;

use super::confidential::Confidential;
use super::medium::HeldMedium;
use super::record::{Exit, Records, Ticket};
use super::scrub::Mask;
use super::{Error, REFUSED, RunId, STARTED, TAKEN, take_over};
use crate::host::clock::SystemClock;
use crate::host::process::Process;
use crate::host::twin::installer::{EXIT_CODE_VARIABLE, RUN_VARIABLE, SUPERVISOR_VARIABLE};
use crate::host::{Clock, CommandLine, exit_code};
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
    let Some((command, confidential)) = take_over(io::stdin().lock()).map_err(stdin)? else {
        tracing::warn!(run = %args.run, "whoever started this ended before it said what to do; nothing was done");
        return Ok(1);
    };
    if args.gate {
        return Ok(become_installer(&command, &confidential));
    }
    // Held until the installer has ended. No ticket is claimed for a wrong one: nothing was started.
    let medium = match command.medium.as_ref().map(HeldMedium::take).transpose() {
        Ok(medium) => medium,
        Err(error) => {
            answer(args, out, &format!("{REFUSED}{error}"));
            return Ok(1);
        }
    };
    let command = match &medium {
        Some(medium) => medium.named_in(command),
        None => command,
    };
    let here = |source| Error::Io { action: "look at a process of", path: args.dir.clone(), source };
    let supervisor = Process::current().map_err(here)?;
    let ticket = Ticket {
        supervisor: supervisor.clone(),
        program: command.program.clone(),
        boot: command.boot.clone(),
        time: SystemClock.now(),
    };
    let claimed = records.claim(&ticket)?;
    answer(args, out, if claimed { STARTED } else { TAKEN });
    if !claimed {
        return Ok(0);
    }
    let command = confidential.named_in(command, &records.answers());
    let code = match in_turn(args, &records, &supervisor, &command, &confidential) {
        Ok(code) => code,
        Err(Unended::NotStarted(error)) => {
            tracing::error!(run = %args.run, error = &error as &dyn std::error::Error, "the installer was not started");
            NOT_STARTABLE
        }
        // Whatever is recorded now would be believed, and another one started beside this one.
        Err(Unended::OutOfSight(error)) => {
            tracing::error!(run = %args.run, error = &error as &dyn std::error::Error, "what became of the installer is not known");
            return Ok(1);
        }
    };
    drop(medium);
    // Before anybody is told of the end, and reads what there is.
    let scrubbed = records.scrub(&confidential, command.own_log.as_deref(), Mask::Fixed);
    for tidied in [records.remove_answers(), scrubbed] {
        if let Err(error) = tidied {
            tracing::error!(run = %args.run, error = &error as &dyn std::error::Error, "the agent must tidy up");
        }
    }
    records.set_exit(&Exit { code, time: SystemClock.now() })?;
    Ok(0)
}

/// The agent may be gone by now. That changes nothing: the ticket is what counts.
fn answer(args: &SuperviseArgs, out: &mut dyn Write, line: &str) {
    if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
        tracing::warn!(run = %args.run, %error, "nobody waits for the answer");
    }
}

/// Why there is no exit code.
enum Unended {
    /// It did nothing and does nothing.
    NotStarted(Error),
    /// It was released, and may still work.
    OutOfSight(Error),
}

/// Installs, and waits for its turn where another installation is in progress: an installer that says so has done nothing.
/// Gives the exit code.
fn in_turn(
    args: &SuperviseArgs,
    records: &Records,
    me: &Process,
    command: &CommandLine,
    confidential: &Confidential,
) -> Result<i32, Unended> {
    let answers = records.answers();
    let unwritten =
        |source| Unended::NotStarted(Error::Io { action: "write", path: answers.clone(), source });
    confidential.write_answers(&answers).map_err(unwritten)?;
    let mut left_ms = command.busy_limit_ms;
    loop {
        let ended = install(args, records, me, command, confidential)?;
        let said = records.said_code().map_err(Unended::OutOfSight)?;
        let code = told(code_of(ended.status, said), ended.left);
        if code != exit_code::INSTALL_ALREADY_RUNNING || left_ms == 0 {
            // `msiexec`, which alone writes a log of its own, has waited for what it had done.
            if command.own_log.is_none() {
                let waited_ms = left_ms - wait_while(left_ms, os::windows_installer_works, &SystemClock);
                if waited_ms > 0 {
                    tracing::info!(run = %args.run, waited_ms, "Windows Installer was waited for");
                }
            }
            return Ok(code);
        }
        let pause_ms = left_ms.min(limits::INSTALLER_BUSY_PAUSE_MS);
        tracing::info!(run = %args.run, pause_ms, "another installation is in progress; waiting for its end");
        SystemClock.sleep_ms(pause_ms);
        left_ms -= pause_ms;
    }
}

/// What a setup program has Windows Installer do, a service of Windows does, which is no process of its own and may go on
/// after its end. Waits until nothing is carried out any more, for whomever it is; gives what is left of the time. One that
/// is not to be asked is not waited for: looking at the package settles the step.
fn wait_while(left_ms: u64, works: impl Fn() -> io::Result<bool>, clock: &dyn Clock) -> u64 {
    let mut left_ms = left_ms;
    while left_ms > 0 {
        match works() {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                tracing::warn!(%error, "whether Windows Installer still works is not known");
                break;
            }
        }
        let pause_ms = left_ms.min(limits::INSTALLER_POLL_MS);
        clock.sleep_ms(pause_ms);
        left_ms -= pause_ms;
    }
    left_ms
}

/// How an installer ended.
struct Ended {
    status: ExitStatus,
    /// What the last of what it left behind ended with that did not end with 0.
    left: Option<i32>,
}

/// Starts the installer, held until it is recorded, and waits for it and for what it left behind: a bootstrapper copies
/// itself elsewhere, starts the copy and ends. Each is recorded in its turn, so that a later agent knows it.
fn install(
    args: &SuperviseArgs,
    records: &Records,
    me: &Process,
    command: &CommandLine,
    confidential: &Confidential,
) -> Result<Ended, Unended> {
    let failed = |action| move |source| Error::Io { action, path: args.dir.clone(), source };
    let unstarted = |source| Unended::NotStarted(failed("start the installer of")(source));
    let unseen = |source| Unended::OutOfSight(failed("watch the installer of")(source));
    let held = hold(args, records, me, command, confidential).map_err(Unended::NotStarted)?;
    // On any error from here to the release the process ends without effect.
    let process = Process::of(held.id()).map_err(unstarted)?;
    records.set_installer(&process).map_err(Unended::NotStarted)?;
    let mut installer = held.release().map_err(unstarted)?;
    let status = installer.wait().map_err(unseen)?;
    let held_behind = installer.hold_left_behind();
    while let Some(pid) = installer.left_behind().map_err(unseen)? {
        let left = match Process::of(pid) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            left => left.map_err(unseen)?,
        };
        // A later agent would not know it. As long as this supervisor lives it is waited for all the same.
        if let Err(error) = records.set_installer(&left) {
            tracing::error!(run = %args.run, pid, error = &error as &dyn std::error::Error, "a process cannot be recorded");
        }
        tracing::info!(run = %args.run, pid, "the installer ended and left this process behind; waiting for its end");
        while left.is_alive().map_err(unseen)? {
            SystemClock.sleep_ms(limits::INSTALLER_POLL_MS);
        }
    }
    // Not to know it is no reason to give up what was waited for: looking at the package settles the step.
    let left = held_behind.and_then(|held| held.code()).unwrap_or_else(|error| {
        tracing::warn!(run = %args.run, %error, "what the processes left behind ended with is not known");
        None
    });
    Ok(Ended { status, left })
}

/// Starts the installer such that it has done nothing yet.
fn hold(
    args: &SuperviseArgs,
    records: &Records,
    me: &Process,
    command: &CommandLine,
    confidential: &Confidential,
) -> Result<os::Held, Error> {
    let log = records.open_log()?;
    let held = (|| {
        let mut gate = Command::new(std::env::current_exe()?);
        gate.arg("supervise").arg("--dir").arg(&args.dir).args(["--run", &args.run.to_string(), "--gate"]);
        let mut program = program(command, confidential);
        for either in [&mut gate, &mut program] {
            either
                .env(RUN_VARIABLE, args.run.to_string())
                .env(SUPERVISOR_VARIABLE, serde_json::to_string(me)?)
                .env(EXIT_CODE_VARIABLE, records.code())
                .stdout(log.try_clone()?)
                .stderr(log.try_clone()?);
        }
        let line = confidential.to_line(command)?;
        os::hold(&mut program, &mut gate, &line)
    })();
    held.map_err(|source| Error::Io { action: "start", path: command.program.clone(), source })
}

fn program(command: &CommandLine, confidential: &Confidential) -> Command {
    let mut program = Command::new(&command.program);
    let secret = confidential.arguments.iter().map(|argument| argument.as_str());
    let arguments = command.arguments.iter().map(String::as_str).chain(secret);
    if command.verbatim {
        arguments.for_each(|argument| os::add_verbatim(&mut program, argument));
    } else {
        program.args(arguments);
    }
    program.stdin(Stdio::null());
    program
}

/// Becomes the installer; returns only where that is not possible.
fn become_installer(command: &CommandLine, confidential: &Confidential) -> i32 {
    let error = os::become_program(&mut program(command, confidential));
    tracing::error!(program = %command.program.display(), %error, "the installer cannot be started");
    NOT_STARTABLE
}

/// The code that counts: that of the installer itself, unless it ended with 0 and left others to do its work. What failed at
/// once has a reason of its own; a 0 that came before the work was done says nothing of it.
fn told(first: i32, left: Option<i32>) -> i32 {
    if first == exit_code::SUCCESS { left.unwrap_or(first) } else { first }
}

/// The code of the process itself: what it said whole, where it ended by itself and its eight bits agree.
fn code_of(status: ExitStatus, said: Option<i32>) -> i32 {
    match (status.code(), said) {
        (Some(code), Some(said)) if said & 0xff == code => said,
        (Some(code), _) => code,
        (None, _) => -os::ending_signal(status).unwrap_or(NOT_STARTABLE),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn the_code_is_the_one_that_was_said_only_where_the_process_ended_with_it() {
        let exited = |code: i32| ExitStatus::from_raw(code << 8);
        assert_eq!(code_of(exited(194), Some(3010)), 3010);
        assert_eq!(code_of(exited(1), Some(3010)), 1, "it said one thing and did another");
        assert_eq!(code_of(exited(7), None), 7);
        assert_eq!(code_of(ExitStatus::from_raw(9), Some(0)), -9, "killed after it said that it was done");
    }

    /// A clock that only counts.
    #[derive(Default)]
    struct Counted(std::sync::atomic::AtomicU64);

    impl Clock for Counted {
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::UNIX_EPOCH
        }

        fn sleep_ms(&self, duration_ms: u64) {
            self.0.fetch_add(duration_ms, std::sync::atomic::Ordering::SeqCst);
        }
    }

    #[test]
    fn windows_installer_is_waited_for_as_long_as_it_works_and_no_longer_than_the_limit() {
        let waited = |works: &dyn Fn(u64) -> io::Result<bool>| {
            let (clock, asked) = (Counted::default(), std::cell::Cell::new(0));
            let works = || {
                asked.set(asked.get() + 1);
                works(asked.get())
            };
            let left_ms = wait_while(10 * limits::INSTALLER_POLL_MS, works, &clock);
            let slept_ms = clock.0.into_inner();
            assert_eq!(left_ms + slept_ms, 10 * limits::INSTALLER_POLL_MS);
            slept_ms / limits::INSTALLER_POLL_MS
        };
        assert_eq!(waited(&|_| Ok(false)), 0);
        assert_eq!(waited(&|asked| Ok(asked < 4)), 3);
        assert_eq!(waited(&|_| Ok(true)), 10);
        assert_eq!(waited(&|_| Err(io::Error::other("not told"))), 0);
    }

    #[test]
    fn what_was_left_behind_tells_only_where_the_installer_ended_with_0() {
        assert_eq!(told(0, Some(3010)), 3010);
        assert_eq!(told(0, None), 0);
        assert_eq!(told(1618, Some(1)), 1618);
    }
}
