//! G14: a script that orders that errors are ignored (`:on error ignore`), where its task allows it; and errors that end more than a batch.

use muster_agent::host::twin::sql::state::Happened;
use muster_model::manifest::Manifest;
use muster_model::outcome::End;
use muster_model::value::Value;

use crate::manifest::manifest;
use crate::sql::{at, cut_short, database, put, run, script, scripts, server, stage};
use crate::stage::{Agent, Cut, Stage, ends, plan};

/// A script whose middle may fail, and whose end may not. One batch raises an error and goes on after it.
const PAST: &str = "CREATE TABLE Payment (Id int)\nGO\n:on error ignore\nDROP TABLE Former\nGO\nINSERT INTO Payment VALUES (1)\n\
    RAISERROR('so far', 16, 1)\nINSERT INTO Payment VALUES (2)\nGO\n:on error exit\nINSERT INTO Payment VALUES (3)\nGO\n";

/// The script's task, which allows what it orders or does not.
fn past(may_ignore_errors: bool) -> Manifest {
    let mut task = scripts(vec![script("past.sql", PAST)]);
    task.attributes.insert("may_ignore_errors".to_owned(), Value::Boolean(may_ignore_errors));
    manifest(1, vec![database("muster", &[]), task])
}

fn stage_past_errors() -> (Stage, Agent) {
    let (stage, agent) = stage();
    put(&stage, "past.sql", PAST);
    (stage, agent)
}

/// The batches that were sent and answered, whatever of them failed.
fn answered(stage: &Stage) -> Vec<String> {
    let mut labels = Vec::new();
    for line in server(stage).ledger {
        if let Happened::BatchRun { label, .. } | Happened::BatchBroken { label, .. } = line.happened {
            labels.push(label);
        }
    }
    labels
}

fn mark_of_past(stage: &Stage) -> Vec<String> {
    server(stage).databases["SXA"].properties.values().cloned().collect()
}

#[test]
fn g14_batches_go_on_after_errors_that_a_script_ignores_and_each_is_told_and_counted() {
    let (stage, agent) = stage_past_errors();
    let outcomes = run(&agent, 1, &past(true));
    assert!(outcomes.iter().all(|outcome| outcome.end == End::Done), "{outcomes:#?}");
    let said = &outcomes[1].evidence;
    for told in [
        "4 batches run now; errors ignored: 2",
        "past.sql:4 batch 2: Msg 3701, Level 16, State 1: cannot drop the table 'Former'",
        "past.sql:7 batch 3: Msg 50000, Level 16, State 1: so far",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    assert_eq!(server(&stage).databases["SXA"].tables["Payment"], 3, "what stands after an error is run");
    assert_eq!(mark_of_past(&stage), ["4/4, errors ignored: 2"]);
    assert!(agent.in_sync(&past(true)), "an ignored error makes nothing due");
}

#[test]
fn a_script_that_ignores_errors_runs_only_where_its_task_allows_it() {
    for task in [past(false), {
        let mut task = past(false);
        task.nodes[1].attributes.remove("may_ignore_errors");
        task
    }] {
        let (stage, agent) = stage_past_errors();
        let refused = run(&agent, 1, &task).remove(1);
        let told = format!("{}:3: `:on error ignore`", at("past.sql"));
        assert!(refused.end == End::Failed && refused.evidence.contains(&told), "{}", refused.evidence);
        assert!(refused.evidence.contains("`may_ignore_errors: true`"), "{}", refused.evidence);
        assert_eq!(answered(&stage), Vec::<String>::new(), "not even the batch before it");
    }
}

/// What is the server's own trouble, and what comes after `:on error exit`, ends the script; what was ignored before is told.
#[test]
fn an_error_that_is_not_the_script_s_own_ends_it_and_so_does_one_after_exit() {
    for (batch, severity, told) in
        [("past.sql#3", 19, "past.sql:6 batch 3 of 4"), ("past.sql#4", 16, "past.sql:11 batch 4 of 4")]
    {
        let (stage, agent) = stage_past_errors();
        let words = format!("fail=Msg 823, Level {severity}, State 2, Line 1: the disk");
        stage.fault(&["sql.execute", batch, &words]);
        let said = run(&agent, 1, &past(true)).remove(1);
        assert!(said.end == End::Failed && said.evidence.starts_with(told), "{}", said.evidence);
        let before = if batch == "past.sql#3" { 1 } else { 2 };
        assert!(said.evidence.contains(&format!("; errors ignored: {before}, of")), "{}", said.evidence);
        let again = run(&agent, 2, &past(true)).pop().unwrap();
        assert_eq!(again.end, End::Done, "{}", again.evidence);
        assert_eq!(mark_of_past(&stage), ["4/4, errors ignored: 2"], "those of both runs");
        assert!(answered(&stage).iter().filter(|label| *label == "past.sql#3").count() == 1);
    }
    let (stage, agent) = stage_past_errors();
    stage.fault(&["sql.execute", "past.sql#3", "fail=Msg 9002, Level 18, State 2, Line 1: the log"]);
    assert_eq!(run(&agent, 1, &past(true))[1].end, End::Done, "18 is the script's own");
}

/// From severity 20 on the server ends the session, so that nothing is marked any more; its words are told all the same.
#[test]
fn an_error_that_ends_the_session_is_told_and_its_batch_is_unknown_outside_a_transaction() {
    let ends = "COMMIT\n";
    let alone = manifest(1, vec![database("muster", &[]), scripts(vec![script("ends.sql", ends)])]);
    for (batch, list, mark) in [("past.sql#3", past(true), "2?/4"), ("ends.sql#1", alone, "0?/1")] {
        let (stage, agent) = stage_past_errors();
        put(&stage, "ends.sql", ends);
        stage.fault(&["sql.execute", batch, "fail=Msg 823, Level 24, State 2, Line 1: the disk"]);
        let said = run(&agent, 1, &list).remove(1);
        assert_eq!(said.end, End::Unknown, "{}", said.evidence);
        assert!(said.evidence.contains("Msg 823, Level 24, State 2: the disk"), "{}", said.evidence);
        assert!(mark_of_past(&stage)[0].starts_with(mark), "{:?}", mark_of_past(&stage));
    }
}

/// In a transaction an error could undo what stays where sqlcmd runs it: so there is none, and what nobody saw end is unknown.
#[test]
fn a_batch_whose_errors_are_ignored_is_announced_and_never_run_again_by_itself() {
    let (stage, agent) = stage_past_errors();
    stage.fault(&["sql.execute", "past.sql#3", "fail", "--after"]);
    let first = plan(&agent, 1, &past(true));
    let outcomes = agent.run(&first.command());
    assert_eq!(outcomes[&2].end, End::Unknown, "{outcomes:#?}");
    assert!(outcomes[&2].evidence.contains("errors ignored: 1"), "{}", outcomes[&2].evidence);
    assert_eq!(mark_of_past(&stage), ["2?/4, errors ignored: 1"]);
    drop(agent);
    let agent = stage.agent();
    agent.connect();
    let again = agent.run(&first.command_for(&[2]));
    assert_eq!(again[&2].end, End::Unknown, "{again:#?}");
    assert!(again[&2].evidence.contains("N'3/4, errors ignored: 1'"), "{}", again[&2].evidence);
    assert_eq!(answered(&stage), ["past.sql#1", "past.sql#3"], "the second one did nothing but fail");
    let mut ordered = first.command_for(&[2]);
    ordered.restart = vec![2];
    assert_eq!(ends(&agent.run(&ordered)), [End::Done]);
    assert_eq!(answered(&stage), ["past.sql#1", "past.sql#3", "past.sql#3", "past.sql#4"]);
}

#[test]
fn no_batch_whose_errors_are_ignored_runs_twice_after_a_crash() {
    for number in 0..5 {
        let (stage, agent) = stage_past_errors();
        let all = ["past.sql#1", "past.sql#4"];
        assert!(cut_short(&stage, agent, Cut::Before(number), &past(true), &all), "before record {number}");
        assert_eq!(answered(&stage), ["past.sql#1", "past.sql#3", "past.sql#4"], "before record {number}");
    }
}
