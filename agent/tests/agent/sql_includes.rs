//! G14: a script that takes other files in (`:r`), each of them as it was approved, on a SQL Server without an agent.

use muster_model::manifest::Manifest;
use muster_model::outcome::End;
use muster_model::plan::Old;
use muster_model::value::Value;

use crate::manifest::manifest;
use crate::sql::{DATA, at, batches, cut_short, database, put, run, script, scripts, server, stage};
use crate::stage::{Agent, Cut, Stage};

/// A script of a vendor that says what to take in, in files beside it and further down; one batch spans three of them.
const MAIN: &str = ":setvar Table Payment\n:r schema\\tables.sql\n\n:r schema\\rows.sql\nINSERT INTO $(Table) VALUES (2)\nGO\n:r schema\\rows.sql\n";
const MADE: &str = "CREATE TABLE dbo.Payment (Id int)\nGO\nINSERT INTO dbo.Payment\nVALUES (0)\nGO 2\n\nINSERT INTO Payment VALUES (8)";
const ROWS: &str = "-- rows\nINSERT INTO $(Table)\nVALUES (1)\n";
const TAKEN: [&str; 5] = ["main.sql#1", "main.sql#2", "main.sql#3", "main.sql#4", "main.sql#5"];

/// The script, its list of what it takes in as these files are.
fn taking(files: &[(&str, &str)]) -> Manifest {
    let includes = files.iter().map(|(name, content)| script(name, content)).collect();
    let list = vec![script("main.sql", MAIN), Value::List(includes), script("0200_data.sql", DATA)];
    manifest(1, vec![database("muster", &[]), scripts(list)])
}

fn taken(rows: &str) -> Manifest {
    taking(&[(r"schema\tables.sql", MADE), (r"schema\rows.sql", rows)])
}

fn stage_that_takes() -> (Stage, Agent) {
    let (stage, agent) = stage();
    for (name, content) in [("main.sql", MAIN), (r"schema\tables.sql", MADE), (r"schema\rows.sql", ROWS)] {
        put(&stage, name, content);
    }
    (stage, agent)
}

#[test]
fn g14_a_script_takes_in_the_files_that_are_listed_with_it() {
    let (stage, agent) = stage_that_takes();
    let manifest = taken(ROWS);
    let outcomes = run(&agent, 1, &manifest);
    assert!(outcomes.iter().all(|outcome| outcome.end == End::Done), "{outcomes:#?}");
    assert_eq!(batches(&stage), [&TAKEN[..], &["0200_data.sql#1", "0200_data.sql#2"]].concat());
    assert_eq!(server(&stage).databases["SXA"].tables["Payment"], 7);
    assert!(agent.in_sync(&manifest), "the marks are in the database");
    assert_eq!(server(&stage).databases["SXA"].properties.len(), 2, "one for each script");
}

/// The batch has its first lines from one file, its next from another, its last from the script.
#[test]
fn an_error_is_told_in_the_file_that_its_line_is_from() {
    for (line, told) in [
        (1, r"schema\tables.sql:7 (taken in by main.sql) batch 4 of 5"),
        (6, r"schema\rows.sql:3 (taken in by main.sql) batch 4 of 5"),
        (7, "main.sql:5 batch 4 of 5"),
    ] {
        let (stage, agent) = stage_that_takes();
        let words = format!("fail=Msg 9002, Level 17, State 2, Line {line}: the log of SXA is full");
        stage.fault(&["sql.execute", "main.sql#4", &words]);
        let said = run(&agent, 1, &taken(ROWS)).remove(1);
        assert!(said.end == End::Failed && said.evidence.starts_with(told), "line {line}: {}", said.evidence);
        assert_eq!(batches(&stage), TAKEN[..3]);
        let outcomes = run(&agent, 2, &taken(ROWS));
        assert!(outcomes.iter().all(|outcome| outcome.end == End::Done), "{outcomes:#?}");
        assert_eq!(batches(&stage)[..5], TAKEN);
    }
}

#[test]
fn what_is_taken_in_is_what_was_approved_or_nothing_runs() {
    let refused = |stage: &Stage, agent: &Agent, manifest: &Manifest, words: &[&str]| {
        let said = run(agent, 1, manifest).remove(1);
        assert_eq!(said.end, End::Failed);
        for words in words {
            assert!(said.evidence.contains(words), "{words}: {}", said.evidence);
        }
        assert_eq!(batches(stage), Vec::<String>::new(), "not even the batches before it");
    };
    let (stage, agent) = stage_that_takes();
    put(&stage, r"schema\rows.sql", "DROP TABLE Payment\n");
    refused(&stage, &agent, &taken(ROWS), &[r"schema\rows.sql: its SHA-256 is", "nothing was done"]);

    let (stage, agent) = stage_that_takes();
    let main = format!("{}:4", at("main.sql"));
    let rows = at(r"schema\rows.sql");
    let listed = taking(&[(r"schema\tables.sql", MADE)]);
    let wanted = format!("{rows}, which the document does not list: add {{file: '{rows}', sha256: DIGEST}}");
    refused(&stage, &agent, &listed, &[&main, &wanted]);

    let (stage, agent) = stage_that_takes();
    stage.set(&["file", &at(r"schema\rows.sql"), "absent"]);
    refused(&stage, &agent, &taken(ROWS), &[r"schema\rows.sql: there is no such file"]);

    let (stage, agent) = stage_that_takes();
    let circle = "\n:r main.sql\n";
    put(&stage, r"schema\rows.sql", circle);
    let place = format!("{}:2", at(r"schema\rows.sql"));
    refused(
        &stage,
        &agent,
        &taken(circle),
        &[&place, "main.sql:4 takes in rows.sql, rows.sql:2 takes in main.sql"],
    );
}

/// Its own text is the same: without what it takes in, its mark would say that it is through.
#[test]
fn another_file_that_is_taken_in_is_another_script() {
    let (stage, agent) = stage_that_takes();
    stage.fault(&["sql.execute", "main.sql#4", "fail"]);
    assert_eq!(run(&agent, 1, &taken(ROWS))[1].end, End::Failed);
    assert_eq!(batches(&stage), TAKEN[..3]);

    let other = "INSERT INTO $(Table) VALUES (9)\n";
    put(&stage, r"schema\rows.sql", other);
    put(&stage, r"schema\tables.sql", "SELECT 1\nGO\n");
    let changed = taking(&[(r"schema\tables.sql", "SELECT 1\nGO\n"), (r"schema\rows.sql", other)]);
    let rows = agent.report(&changed).unwrap().nodes[0].rows.clone();
    assert_eq!((rows.len(), &rows[0].old), (1, &Old::Absent), "nothing of it ran: {rows:?}");
    let outcomes = run(&agent, 2, &changed);
    assert!(outcomes.iter().all(|outcome| outcome.end == End::Done), "{outcomes:#?}");
    assert_eq!(batches(&stage)[3..6], TAKEN[..3], "from its beginning");
    assert!(agent.in_sync(&changed));
    let report = agent.report(&taken(ROWS)).unwrap();
    assert_eq!(report.nodes[0].rows[0].old.to_string(), "1 of 2 scripts and 3 of 5 batches of main.sql");
}

#[test]
fn no_batch_of_a_file_that_is_taken_in_runs_twice_after_a_crash() {
    let all = [&TAKEN[..], &["0200_data.sql#1", "0200_data.sql#2"]].concat();
    for number in 0..5 {
        let (stage, agent) = stage_that_takes();
        assert!(cut_short(&stage, agent, Cut::Before(number), &taken(ROWS), &all), "before record {number}");
    }
    for lost in &TAKEN[1..] {
        let (stage, agent) = stage_that_takes();
        stage.fault(&["sql.execute", lost, "fail", "--after"]);
        assert_eq!(run(&agent, 1, &taken(ROWS))[1].end, End::Failed);
        drop(agent);
        let agent = stage.agent();
        agent.connect();
        let outcomes = run(&agent, 2, &taken(ROWS));
        assert!(outcomes.iter().all(|outcome| outcome.end == End::Done), "{outcomes:#?}");
        assert_eq!(batches(&stage), all, "{lost} took place and its answer was lost");
    }
}
