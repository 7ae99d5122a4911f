//! At most one start for a key and phase, and an installer that outlives everybody.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;

use muster_agent::host::clock::SystemClock;
use muster_agent::host::process::Process;
#[cfg(unix)]
use muster_agent::host::twin::installer::EXIT_CODE_VARIABLE;
use muster_agent::host::twin::ledger::Deed;
use muster_agent::host::{CommandLine, ExitMeaning, Packages};
use muster_agent::supervise::confidential::Confidential;
use muster_agent::supervise::record::Records;
use muster_agent::supervise::{Error, Phase, Probe, RunId};
use muster_model::outcome::StepKey;
use muster_model::package::Package;

use crate::{Stage, exe, group, key, until};

/// A supervisor that was started and not yet told what to do.
pub(crate) fn late_supervisor(stage: &Stage, key: &StepKey) -> Child {
    let dir = stage.supervisor().dir;
    std::fs::create_dir_all(&dir).unwrap();
    Command::new(exe())
        .args(["supervise", "--dir", dir.to_str().unwrap(), "--run", &format!("{key}.install")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

pub(crate) fn tell(supervisor: &mut Child, command: &CommandLine) {
    let line = format!("{{\"command\":{}}}\n", serde_json::to_string(command).unwrap());
    supervisor.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
}

fn answer(mut supervisor: Child) -> String {
    let mut line = String::new();
    supervisor.stdout.take().unwrap().read_to_string(&mut line).unwrap();
    supervisor.wait().unwrap();
    line.trim_end().to_owned()
}

pub(crate) fn records(stage: &Stage, key: &StepKey) -> Records {
    Records::new(&stage.supervisor().dir, RunId { key: *key, phase: Phase::Install })
}

#[test]
fn an_installation_runs_from_never_started_to_its_exit_code() {
    let (stage, key) = (Stage::new(), key());
    let supervisor = stage.supervisor();
    assert_eq!(supervisor.probe(&key, Phase::Install).unwrap(), Probe::NeverStarted);
    supervisor
        .start(&key, Phase::Install, &stage.installer("quick", "1.0"), &Confidential::default())
        .unwrap();
    assert_eq!(stage.end(&key), Probe::Exited { code: 0 });
    assert_eq!(supervisor.probe(&key, Phase::Uninstall).unwrap(), Probe::NeverStarted, "phases are apart");
    let by = format!("installer {key}.install");
    assert!(stage.ledger().iter().any(|entry| entry.by == by), "the ledger says for which step it ran");
}

#[test]
fn a_key_and_phase_start_once_for_all_time() {
    let (stage, key) = (Stage::new(), key());
    let supervisor = stage.supervisor();
    let command = stage.installer("quick", "1.0");
    supervisor.start(&key, Phase::Install, &command, &Confidential::default()).unwrap();
    assert!(matches!(
        supervisor.start(&key, Phase::Install, &command, &Confidential::default()),
        Err(Error::AlreadyStarted { .. })
    ));
    stage.end(&key);
    assert!(matches!(
        supervisor.start(&key, Phase::Install, &command, &Confidential::default()),
        Err(Error::AlreadyStarted { .. })
    ));
    assert_eq!(stage.starts().len(), 1);
}

#[test]
fn of_twenty_supervisors_for_one_key_exactly_one_starts_the_installer() {
    let (stage, key) = (Stage::new(), key());
    let command = stage.installer("quick", "1.0");
    let mut supervisors: Vec<Child> = (0..20).map(|_| late_supervisor(&stage, &key)).collect();
    supervisors.iter_mut().for_each(|supervisor| tell(supervisor, &command));
    let mut answers: Vec<String> = supervisors.into_iter().map(answer).collect();
    answers.sort();
    assert_eq!(answers[0], "started");
    assert!(answers[1..].iter().all(|answer| answer == "taken"), "{answers:?}");
    assert_eq!(stage.end(&key), Probe::Exited { code: 0 });
    assert_eq!(stage.starts().len(), 1);
}

#[test]
fn of_twenty_agents_that_start_one_key_one_starts_and_the_others_adopt() {
    let (stage, key) = (Stage::new(), key());
    let (supervisor, command) = (stage.supervisor(), stage.installer("quick", "1.0"));
    let together = Barrier::new(20);
    let started = std::thread::scope(|scope| {
        let start = || {
            together.wait();
            match supervisor.start(&key, Phase::Install, &command, &Confidential::default()) {
                Ok(()) => 1,
                Err(Error::AlreadyStarted { .. }) => 0,
                Err(error) => panic!("{error}"),
            }
        };
        let agents: Vec<_> = (0..20).map(|_| scope.spawn(start)).collect();
        agents.into_iter().map(|agent| agent.join().unwrap()).sum::<u32>()
    });
    assert_eq!(started, 1);
    assert_eq!(stage.end(&key), Probe::Exited { code: 0 });
    assert_eq!(stage.starts().len(), 1);
}

#[test]
fn a_supervisor_that_comes_late_finds_the_ticket_taken_and_leaves() {
    let (stage, key) = (Stage::new(), key());
    let (supervisor, command) = (stage.supervisor(), stage.installer("quick", "1.0"));
    // The first agent spawned it and was killed; the second one sees no ticket and starts its own.
    let mut late = late_supervisor(&stage, &key);
    assert_eq!(supervisor.probe(&key, Phase::Install).unwrap(), Probe::NeverStarted);
    supervisor.start(&key, Phase::Install, &command, &Confidential::default()).unwrap();
    tell(&mut late, &command);
    assert_eq!(answer(late), "taken");
    stage.end(&key);
    assert_eq!(stage.starts().len(), 1);
}

#[test]
fn a_supervisor_that_wins_late_is_adopted_by_the_agent_that_came_second() {
    let (stage, key) = (Stage::new(), key());
    let (supervisor, command) = (stage.supervisor(), stage.installer("quick", "1.0"));
    let mut late = late_supervisor(&stage, &key);
    assert_eq!(supervisor.probe(&key, Phase::Install).unwrap(), Probe::NeverStarted);
    tell(&mut late, &command);
    assert_eq!(answer(late), "started");
    assert!(matches!(
        supervisor.start(&key, Phase::Install, &command, &Confidential::default()),
        Err(Error::AlreadyStarted { .. })
    ));
    assert_eq!(stage.end(&key), Probe::Exited { code: 0 });
    assert_eq!(stage.starts().len(), 1);
}

#[test]
fn a_supervisor_whose_agent_died_before_the_command_starts_nothing() {
    let (stage, key) = (Stage::new(), key());
    let mut orphan = late_supervisor(&stage, &key);
    orphan.stdin.take().unwrap().write_all(b"{\"program\":\"/bin/").unwrap();
    assert!(!orphan.wait().unwrap().success());
    assert_eq!(stage.supervisor().probe(&key, Phase::Install).unwrap(), Probe::NeverStarted);
}

#[test]
fn a_gate_whose_supervisor_died_before_the_hand_over_becomes_nothing() {
    let (stage, key) = (Stage::new(), key());
    let run = format!("{key}.install");
    let dir = stage.supervisor().dir;
    let mut gate = Command::new(exe())
        .args(["supervise", "--dir", dir.to_str().unwrap(), "--run", &run, "--gate"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let command = serde_json::to_string(&stage.installer("quick", "1.0")).unwrap();
    gate.stdin.take().unwrap().write_all(command.as_bytes()).unwrap();
    assert!(!gate.wait().unwrap().success());
    assert_eq!(stage.starts().len(), 0);
}

/// Plays an agent that starts an installation and is killed while it waits for it.
#[test]
#[ignore = "run by other tests as a process of its own"]
fn agent_process() {
    let var = |name| std::env::var(name).unwrap();
    let supervisor =
        muster_agent::supervise::Supervisor { dir: var("STAGE_RECORDS").into(), exe: exe().to_owned() };
    let key = StepKey(var("STAGE_KEY").parse().unwrap());
    let twin = muster_agent::host::twin::Twin::open(var("STAGE_TWIN").as_ref(), exe()).unwrap();
    let command = twin.installer(&Package::named(&var("STAGE_PACKAGE")), &"1.0".parse().unwrap()).unwrap();
    supervisor.start(&key, Phase::Install, &command, &Confidential::default()).unwrap();
    writeln!(std::io::stderr(), "started").unwrap();
    supervisor.wait(&key, Phase::Install, u64::MAX, &SystemClock).unwrap();
}

/// Such an agent, from the moment that it has started its installation.
pub(crate) fn agent(stage: &Stage, key: &StepKey, package: &str) -> Child {
    let mut agent = Command::new(std::env::current_exe().unwrap());
    agent
        .args(["--ignored", "--exact", "supervise::agent_process", "--nocapture", "--quiet"])
        .env("STAGE_TWIN", stage.dir())
        .env("STAGE_RECORDS", stage.supervisor().dir)
        .env("STAGE_KEY", key.to_string())
        .env("STAGE_PACKAGE", package)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut agent = group::spawn(&mut agent).unwrap();
    let mut line = String::new();
    BufReader::new(agent.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "started\n");
    agent
}

#[test]
fn an_installer_outlives_its_agent_and_the_next_agent_adopts_it() {
    let (stage, key) = (Stage::new(), key());
    stage.fault("package.install", "quick", "hang");
    let mut first = agent(&stage, &key, "quick");
    stage.await_deed(|deed| matches!(deed, Deed::FaultStruck { .. }));
    // As Ctrl-C and service managers do: the whole group of the agent's processes.
    group::kill(&mut first).unwrap();
    first.wait().unwrap();
    let supervisor = stage.supervisor();
    assert_eq!(
        supervisor.probe(&key, Phase::Install).unwrap(),
        Probe::Running { pid: stage.starts()[0] },
        "the process that the ledger names is the one that is adopted"
    );
    let again =
        supervisor.start(&key, Phase::Install, &stage.installer("quick", "1.0"), &Confidential::default());
    assert!(matches!(again, Err(Error::AlreadyStarted { .. })));
    let waited = supervisor.wait(&key, Phase::Install, 50, &SystemClock).unwrap();
    assert!(matches!(waited, Probe::Running { .. }), "it still runs at the limit");
    stage.ok(&["twin", "fault", "clear"]);
    assert_eq!(stage.end(&key), Probe::Exited { code: 0 });
    assert_eq!(stage.twin().installed(&Package::named("quick")).unwrap().unwrap().as_str(), "1.0");
    assert_eq!(stage.starts().len(), 1);
}

#[test]
fn an_installer_whose_supervisor_died_still_runs_and_is_lost_when_it_ends() {
    let (stage, key) = (Stage::new(), key());
    stage.fault("package.install", "quick", "hang");
    stage
        .supervisor()
        .start(&key, Phase::Install, &stage.installer("quick", "1.0"), &Confidential::default())
        .unwrap();
    stage.await_deed(|deed| matches!(deed, Deed::FaultStruck { .. }));
    let ticket = records(&stage, &key).ticket().unwrap().unwrap();
    ticket.supervisor.kill().unwrap();
    until("the supervisor's end", || !ticket.supervisor.is_alive().unwrap());
    let probe = stage.supervisor().probe(&key, Phase::Install).unwrap();
    assert_eq!(probe, Probe::Running { pid: stage.starts()[0] });
    stage.ok(&["twin", "fault", "clear"]);
    assert_eq!(stage.end(&key), Probe::Lost);
    assert!(
        stage.twin().installed(&Package::named("quick")).unwrap().is_some(),
        "the observation settles it"
    );
}

#[test]
fn an_installer_that_cannot_be_recorded_is_not_started() {
    let (stage, key) = (Stage::new(), key());
    let dir = stage.supervisor().dir;
    // A folder lies where the installer's process is to be recorded.
    std::fs::create_dir_all(dir.join(format!("{key}.install.installer"))).unwrap();
    let mut supervisor = late_supervisor(&stage, &key);
    tell(&mut supervisor, &stage.installer("quick", "1.0"));
    supervisor.wait().unwrap();
    assert_eq!(records(&stage, &key).exit().unwrap().unwrap().code, 127, "what failed is recorded as that");
    let log = stage.supervisor().log(&key, Phase::Install);
    // Where the installer is created with its first thread stopped there is no gate that could say so.
    if cfg!(unix) {
        until("the gate's leaving", || std::fs::read_to_string(&log).unwrap().contains("nothing was done"));
    }
    assert_eq!(stage.starts().len(), 0);
}

/// Promise 4: an exit code of nobody's would be believed, and a second installer started.
#[cfg(unix)]
#[test]
fn an_installer_that_ran_and_whose_end_cannot_be_read_is_lost_and_not_failed() {
    let (stage, key) = (Stage::new(), key());
    let script = format!("echo no-number > \"${EXIT_CODE_VARIABLE}\"");
    let command = CommandLine::plain("/bin/sh".into(), vec!["-c".to_owned(), script]);
    stage.supervisor().start(&key, Phase::Install, &command, &Confidential::default()).unwrap();
    assert_eq!(stage.end(&key), Probe::Lost);
    assert_eq!(records(&stage, &key).exit().unwrap().map(|exit| exit.code), None);
}

#[test]
fn a_process_that_got_the_installer_s_number_later_is_not_taken_for_it() {
    let (stage, key) = (Stage::new(), key());
    let records = records(&stage, &key);
    std::fs::create_dir_all(stage.supervisor().dir).unwrap();
    let other = Process { started: "another boot/1".to_owned(), ..Process::current().unwrap() };
    let ticket = muster_agent::supervise::record::Ticket {
        supervisor: other.clone(),
        program: exe().to_owned(),
        boot: None,
        time: jiff::Timestamp::now(),
    };
    records.claim(&ticket).unwrap();
    records.set_installer(&other).unwrap();
    assert_eq!(stage.supervisor().probe(&key, Phase::Install).unwrap(), Probe::Lost);
}

#[test]
fn an_exit_code_of_more_than_eight_bits_arrives_whole() {
    let (stage, key) = (Stage::new(), key());
    stage.fault("package.install", "quick", "exit-code=3010");
    stage
        .supervisor()
        .start(&key, Phase::Install, &stage.installer("quick", "1.0"), &Confidential::default())
        .unwrap();
    assert_eq!(stage.end(&key), Probe::Exited { code: 3010 });
    assert_eq!(stage.twin().exit_meaning(3010), ExitMeaning::RestartNeeded);
    assert!(stage.twin().installed(&Package::named("quick")).unwrap().is_some(), "3010 is a success");
}

#[test]
fn an_installer_that_is_ended_from_outside_is_a_failure_that_says_so() {
    let (stage, key) = (Stage::new(), key());
    stage
        .supervisor()
        .start(&key, Phase::Install, &stage.installer("endless", "1.0"), &Confidential::default())
        .unwrap();
    stage.await_deed(|deed| matches!(deed, Deed::InstallerStarted { .. }));
    records(&stage, &key).installer().unwrap().unwrap().kill().unwrap();
    let Probe::Exited { code } = stage.end(&key) else { panic!() };
    assert!(code < 0, "{code} would be a code of the installer's own");
    let ExitMeaning::Failure(why) = stage.twin().exit_meaning(code) else { panic!() };
    assert!(why.contains("ended from outside"), "{why}");
}

#[test]
fn a_program_that_is_not_there_is_a_failure_and_the_log_says_why() {
    let (stage, key) = (Stage::new(), key());
    let command = CommandLine::plain("/nowhere/Setup.exe".into(), Vec::new());
    stage.supervisor().start(&key, Phase::Install, &command, &Confidential::default()).unwrap();
    assert_eq!(stage.end(&key), Probe::Exited { code: 127 });
    let log = std::fs::read_to_string(stage.supervisor().log(&key, Phase::Install)).unwrap();
    assert!(log.contains("/nowhere/Setup.exe"), "{log}");
}

#[test]
fn an_agent_whose_program_is_gone_has_started_nothing_and_may_try_again() {
    let (stage, key) = (Stage::new(), key());
    let command = stage.installer("quick", "1.0");
    let broken =
        muster_agent::supervise::Supervisor { exe: "/nowhere/muster-agent".into(), ..stage.supervisor() };
    let error = broken.start(&key, Phase::Install, &command, &Confidential::default()).unwrap_err();
    assert!(matches!(error, Error::NotStarted { .. }), "{error}");
    stage.supervisor().start(&key, Phase::Install, &command, &Confidential::default()).unwrap();
    assert_eq!(stage.end(&key), Probe::Exited { code: 0 });
}

/// 1618: an installer that says so has done nothing, so that its turn is waited for, within bounds.
#[test]
fn an_installer_that_finds_another_in_progress_gets_its_turn() {
    let (stage, key) = (Stage::new(), key());
    stage.fault("package.install", "quick", "exit-code=1618");
    let command = CommandLine { busy_limit_ms: 20_000, ..stage.installer("quick", "1.0") };
    stage.supervisor().start(&key, Phase::Install, &command, &Confidential::default()).unwrap();
    assert_eq!(stage.end(&key), Probe::Exited { code: 0 });
    let ends = |code| {
        stage
            .ledger()
            .iter()
            .filter(|entry| matches!(entry.deed, Deed::InstallerEnded { code: ended, .. } if ended == code))
            .count()
    };
    assert_eq!((ends(1618), ends(0)), (1, 1));
}

#[test]
fn an_installer_whose_turn_does_not_come_in_time_says_so() {
    let (stage, key) = (Stage::new(), key());
    stage.ok(&["twin", "fault", "add", "package.install", "quick", "exit-code=1618", "--always"]);
    let command = CommandLine { busy_limit_ms: 1, ..stage.installer("quick", "1.0") };
    stage.supervisor().start(&key, Phase::Install, &command, &Confidential::default()).unwrap();
    assert_eq!(stage.end(&key), Probe::Exited { code: 1618 });
    assert_eq!(stage.starts().len(), 2, "once more at its end, and no more");
}
