//! G14: a script that goes on in a new session: what its batches before had set is in force there, or the reason is told.

use muster_agent::host::twin::sql::state::Happened;
use muster_model::digest::Digest;
use muster_model::manifest::Manifest;
use muster_model::outcome::End;

use crate::manifest::manifest;
use crate::sql::{batches, database, put, run, script, scripts, server, stage};
use crate::stage::{Agent, Stage};

fn stage_with(text: &str) -> (Stage, Agent, Manifest) {
    let (stage, agent) = stage();
    put(&stage, "long.sql", text);
    let list = scripts(vec![script("long.sql", text)]);
    (stage, agent, manifest(1, vec![database("muster", &[]), list]))
}

/// Whether a batch of exactly this text ran under that label.
fn ran(stage: &Stage, label: &str, text: &str) -> bool {
    let digest = Digest::of(text.as_bytes());
    let is = |happened| matches!(happened, Happened::BatchRun { label: known, text, .. } if known == label && text == digest);
    server(stage).ledger.into_iter().any(|line| is(line.happened))
}

#[test]
fn g14_what_batches_set_is_set_again_before_the_one_that_a_resumption_begins_with() {
    let text = "SET QUOTED_IDENTIFIER ON\nGO\nCREATE TABLE T (Id int)\nSET IDENTITY_INSERT T ON\nGO\nUSE SXA\nGO\n\
        INSERT INTO T VALUES (1)\nGO\nINSERT INTO T VALUES (2)\nGO\n";
    let (stage, agent, manifest) = stage_with(text);
    stage.fault(&["sql.execute", "long.sql#4", "fail=Msg 9002, Level 17, State 2, Line 1: the log is full"]);
    assert_eq!(run(&agent, 1, &manifest)[1].end, End::Failed);
    assert!(!batches(&stage).contains(&"long.sql#settings".to_owned()), "the session had them itself");
    let outcomes = run(&agent, 2, &manifest);
    assert!(outcomes.iter().all(|outcome| outcome.end == End::Done), "{outcomes:#?}");
    let labels = ["long.sql#1", "long.sql#2", "long.sql#3", "long.sql#settings", "long.sql#4", "long.sql#5"];
    assert_eq!(batches(&stage), labels, "once, and before the first");
    let again = "SET QUOTED_IDENTIFIER ON\nSET IDENTITY_INSERT T ON\nUSE SXA";
    assert!(ran(&stage, "long.sql#settings", again), "{:#?}", server(&stage).ledger);
    assert!(agent.in_sync(&manifest), "what is set again has no mark of its own");
}

#[test]
fn g14_what_a_new_session_cannot_be_given_is_told_with_its_place_before_a_batch_that_needs_it() {
    let last = "INSERT INTO T VALUES (1)";
    let cases = [
        ("IF 1 = 1 SET DATEFORMAT dmy", last, "whether DATEFORMAT of long.sql:3 batch 2 was carried out"),
        (
            "CREATE TABLE #Keys (Id int)",
            "INSERT INTO T SELECT Id FROM #keys",
            "it needs #keys of long.sql:3 batch 2",
        ),
    ];
    for (before, last, told) in cases {
        let text = format!("CREATE TABLE T (Id int)\nGO\n{before}\nGO\n{last}\nGO\n");
        let (stage, agent, manifest) = stage_with(&text);
        stage.fault(&[
            "sql.execute",
            "long.sql#3",
            "fail=Msg 1205, Level 13, State 2, Line 1: chosen as the victim",
        ]);
        assert_eq!(run(&agent, 1, &manifest)[1].end, End::Failed);
        let said = run(&agent, 2, &manifest).remove(0);
        assert!(said.end == End::Failed && said.evidence.contains(told), "{told}: {}", said.evidence);
        assert!(said.evidence.contains("long.sql:5 batch 3 of 3 on SXA"), "{}", said.evidence);
        assert_eq!(batches(&stage), ["long.sql#1", "long.sql#2"], "nothing was done");
    }
}

/// A table that is gone cannot have it any more, say.
#[test]
fn g14_a_setting_that_the_server_refuses_now_ends_the_resumption_with_its_words() {
    let text = "USE SXA\nGO\nCREATE TABLE T (Id int)\nGO\n";
    let (stage, agent, manifest) = stage_with(text);
    stage.fault(&[
        "sql.execute",
        "long.sql#2",
        "fail=Msg 1205, Level 13, State 2, Line 1: chosen as the victim",
    ]);
    assert_eq!(run(&agent, 1, &manifest)[1].end, End::Failed);
    stage.fault(&[
        "sql.execute",
        "long.sql#settings",
        "fail=Msg 911, Level 16, State 1, Line 1: no such database",
    ]);
    let said = run(&agent, 2, &manifest).remove(0);
    assert!(said.end == End::Failed && said.evidence.contains("(USE SXA): Msg 911"), "{}", said.evidence);
    assert_eq!(batches(&stage), ["long.sql#1"]);
}
