//! G1: a backup is made once, in a file of its own, read back, and settled by looking where nobody saw it end.

use muster_agent::host::twin::sql::state::{Backup, Happened};
use muster_model::manifest::{Manifest, Moment, Node, Trigger};
use muster_model::outcome::End;
use muster_model::plan::Old;
use muster_model::value::Value;

use crate::manifest::{manifest, node};
use crate::sql::{ADDRESS, endpoint, run, server};
use crate::stage::{Agent, Cut, Stage, ends, plan};

fn backup(more: &[(&str, Value)]) -> Node {
    let given = [("database", "main/SXA".into()), ("folder", r"E:\Backups\".into())];
    endpoint(node("sql_backup/before", &[&given, more].concat(), None))
}

/// A database of Muster's, and a backup of it.
fn wanted(generation: u64, more: &[(&str, Value)]) -> Manifest {
    let attributes = [("managed_by", "muster".into()), ("status", "online".into())];
    let database = endpoint(node("sql_database/main/SXA", &attributes, None));
    manifest(generation, vec![database, backup(more)])
}

fn backups(stage: &Stage) -> Vec<Backup> {
    server(stage).backups
}

/// How often a backup was found whole.
fn read_back(stage: &Stage) -> usize {
    let ledger = server(stage).ledger;
    ledger.iter().filter(|line| matches!(line.happened, Happened::BackupRead { .. })).count()
}

/// A server with an agent that is connected.
fn stage() -> (Stage, Agent) {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    (stage, agent)
}

/// One whose database is there.
fn with_database() -> (Stage, Agent) {
    let (stage, agent) = stage();
    let mut database = wanted(1, &[]);
    database.nodes.truncate(1);
    assert_eq!(ends(&agent.run(&plan(&agent, 1, &database).command())), [End::Done]);
    (stage, agent)
}

#[test]
fn g1_a_backup_is_made_once_for_its_key_and_its_evidence_names_what_a_receipt_needs() {
    let (stage, agent) = stage();
    let first = wanted(1, &[("for", "2022-r2".into())]);
    let report = agent.report(&first).unwrap();
    assert_eq!(report.nodes[1].rows[0].old, Old::Absent);
    let outcomes = run(&agent, 1, &first);
    assert!(outcomes.iter().all(|outcome| outcome.end == End::Done), "{outcomes:#?}");
    let [made] = backups(&stage).try_into().unwrap();
    assert!(made.file.starts_with(r"E:\Backups\SXA_muster_") && made.file.ends_with(".bak"), "{}", made.file);
    let said = &outcomes[1].evidence;
    for part in
        [made.file.as_str(), "8388608 bytes", "COPY_ONLY with CHECKSUM", "VERIFYONLY", &made.facts.set]
    {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(read_back(&stage), 1);
    assert!(agent.in_sync(&first), "the journal knows that it ran");

    // Another folder is no reason for another one, another version is.
    assert!(agent.in_sync(&wanted(2, &[("for", "2022-r2".into()), ("folder", r"F:\".into())])));
    let second = wanted(3, &[("for", "2023".into())]);
    assert_eq!(run(&agent, 2, &second)[0].end, End::Done);
    let files: Vec<String> = backups(&stage).into_iter().map(|backup| backup.file).collect();
    assert!(files.len() == 2 && files[0] != files[1], "{files:?}");
}

#[test]
fn g1_a_backup_before_a_change_is_due_for_each_such_change_and_for_no_other() {
    let (stage, agent) = with_database();
    let before = |generation, content: &str| {
        let trigger = Trigger { moment: Moment::Before, cause: r"file/C:\Sage\m.ini".parse().unwrap() };
        let backup = Node { triggers: Some(vec![trigger]), ..backup(&[]) };
        manifest(generation, vec![backup, node(r"file/C:\Sage\m.ini", &[("content", content.into())], None)])
    };
    for (number, content) in [(2, "one"), (3, "two")] {
        let outcomes = run(&agent, number, &before(number, content));
        assert_eq!(outcomes.iter().map(|outcome| outcome.end).collect::<Vec<_>>(), [End::Done; 2]);
        assert!(agent.in_sync(&before(number, content)));
    }
    assert_eq!(backups(&stage).len(), 2);
}

#[test]
fn a_backup_that_is_not_read_back_whole_is_none_and_run_anew_it_makes_another() {
    let (stage, agent) = with_database();
    stage.fault(&["sql.verify", "SXA", "fail"]);
    let manifest = wanted(2, &[]);
    let first = plan(&agent, 2, &manifest);
    let outcomes = agent.run(&first.command());
    assert_eq!(ends(&outcomes), [End::Failed], "{outcomes:#?}");
    let said = &outcomes[&1].evidence;
    assert!(said.contains("Msg 3189") && said.contains("do not rely on that file"), "{said}");
    assert_eq!(read_back(&stage), 0);
    assert_eq!(ends(&agent.run(&first.command_for(&[1]))), [End::Done]);
    let files: Vec<String> = backups(&stage).into_iter().map(|backup| backup.file).collect();
    assert!(files.len() == 2 && files[0] != files[1], "{files:?}");
    assert!(agent.in_sync(&manifest));
}

#[test]
fn a_backup_that_the_server_refuses_is_no_backup() {
    let (stage, agent) = with_database();
    stage.fault(&["sql.backup", "SXA", "fail"]);
    let outcomes = run(&agent, 2, &wanted(2, &[]));
    assert!(outcomes[0].end == End::Failed && outcomes[0].evidence.contains("Msg 3202"), "{outcomes:#?}");
    stage.fault(&["sql.query", "msdb", "fail=Msg 229, Level 14, State 5, Line 1: no SELECT on backupset"]);
    let outcomes = run(&agent, 3, &wanted(3, &[]));
    assert_eq!(outcomes[0].end, End::Failed);
    assert!(outcomes[0].evidence.ends_with("no backup was begun"), "{}", outcomes[0].evidence);
    assert!(backups(&stage).is_empty());
}

#[test]
fn a_reply_that_never_came_is_settled_by_the_server_s_history() {
    let (stage, agent) = with_database();
    stage.fault(&["sql.backup", "SXA", "fail", "--after"]);
    assert_eq!(run(&agent, 2, &wanted(2, &[]))[0].end, End::Done);
    assert_eq!((backups(&stage).len(), read_back(&stage)), (1, 1));
}

#[test]
fn a_backup_whose_agent_ended_after_it_is_read_back_and_not_made_again() {
    let (stage, agent) = with_database();
    let command = plan(&agent, 2, &wanted(2, &[])).command();
    drop(agent);
    // Accepted and intent are stored, the outcome is not.
    let (failed, agent) = stage.finish_after(Cut::Before(2), &command);
    assert!(failed);
    assert_eq!(ends(&agent.outcomes(&command)), [End::Done], "{:#?}", agent.outcomes(&command));
    assert_eq!((backups(&stage).len(), read_back(&stage)), (1, 2));
}

#[test]
fn a_backup_that_no_history_knows_is_unknown_and_only_an_operator_has_another_made() {
    let (stage, agent) = with_database();
    let first = plan(&agent, 2, &wanted(2, &[]));
    let command = first.command();
    drop(agent);
    // The intent is stored, and the agent ends before it does anything.
    let (failed, agent) = stage.finish_after(Cut::After(2), &command);
    assert!(failed);
    let outcomes = agent.outcomes(&command);
    assert_eq!(ends(&outcomes), [End::Unknown], "{outcomes:#?}");
    assert!(outcomes[&1].evidence.contains("--restart 1"), "{}", outcomes[&1].evidence);
    let again = agent.run(&first.command_for(&[1]));
    assert_eq!(ends(&again), [End::Unknown], "{again:#?}");
    assert!(backups(&stage).is_empty());
    let mut ordered = first.command_for(&[1]);
    ordered.restart = vec![1];
    assert_eq!(ends(&agent.run(&ordered)), [End::Done]);
    assert_eq!(backups(&stage).len(), 1);
}

/// What the history knows is read back and counts, also where an operator orders another attempt.
#[test]
fn a_backup_of_unknown_outcome_that_was_made_is_found_when_another_is_ordered() {
    let (stage, agent) = with_database();
    let first = plan(&agent, 2, &wanted(2, &[]));
    let command = first.command();
    drop(agent);
    // Accepted and intent are stored, the outcome is not; then the history cannot be read.
    let agent = stage.agent_until(Cut::Before(2));
    agent.connect();
    agent.command(&command).answer.unwrap();
    agent.engine.catch_up().unwrap_err();
    stage.fault(&["sql.query", "msdb", "fail=Msg 229, Level 14, State 5, Line 1: no SELECT on backupset"]);
    let agent = stage.agent();
    agent.connect();
    agent.engine.catch_up().unwrap();
    assert_eq!(ends(&agent.outcomes(&command)), [End::Unknown], "{:#?}", agent.outcomes(&command));
    let mut ordered = first.command_for(&[1]);
    ordered.restart = vec![1];
    assert_eq!(ends(&agent.run(&ordered)), [End::Done]);
    assert_eq!(backups(&stage).len(), 1);
}

#[test]
fn a_backup_that_takes_too_long_is_given_up_and_unknown_until_somebody_looked() {
    let (stage, agent) = with_database();
    stage.set(&["sql_server", ADDRESS, "backup_ms=4000"]);
    let limit = wanted(2, &[("time_limit_seconds", Value::Integer(1))]);
    let first = plan(&agent, 2, &limit);
    let outcomes = agent.run(&first.command());
    assert_eq!(ends(&outcomes), [End::Unknown], "{outcomes:#?}");
    assert!(outcomes[&1].evidence.contains("longer than its time limit"), "{}", outcomes[&1].evidence);
    assert!(backups(&stage).is_empty());
}
