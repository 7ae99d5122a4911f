//! G14: batches that meddle with transactions: what the server did of them is known, or said to be unknown.

use muster_model::manifest::Manifest;
use muster_model::outcome::End;

use crate::manifest::manifest;
use crate::sql::{database, put, run, script, scripts, server, stage};
use crate::stage::{Agent, Stage, ends, plan};

/// A vendor's way to undo what it began itself, and nothing else: sqlcmd keeps the first row.
const OWN: &str = "INSERT INTO Payment VALUES (4)\nBEGIN TRAN\nINSERT INTO Payment VALUES (5)\nIF @@ERROR <> 0 ROLLBACK ELSE COMMIT\n";
/// The twin's procedure of that name ends the transaction around it and catches what the server says of that.
const SETTLES: &str = "EXEC dbo.SettleInSilence\n";

fn stage_with(batch: &str) -> (Stage, Agent, Manifest) {
    let (stage, agent) = stage();
    let text = format!("CREATE TABLE Payment (Id int)\nGO\n{batch}");
    put(&stage, "ends.sql", &text);
    let list = scripts(vec![script("ends.sql", &text)]);
    (stage, agent, manifest(1, vec![database("muster", &[]), list]))
}

fn mark(stage: &Stage) -> Vec<String> {
    server(stage).databases["SXA"].properties.values().cloned().collect()
}

/// Within Muster's transaction its rollback would go to the outermost one, and take the first row along.
#[test]
fn a_batch_that_rolls_back_what_it_began_runs_as_sqlcmd_runs_it_announced() {
    let (stage, agent, manifest) = stage_with(OWN);
    stage.fault(&["sql.execute", "ends.sql#2", "fail", "--after"]);
    let outcomes = run(&agent, 1, &manifest);
    assert_eq!(outcomes[1].end, End::Unknown, "{outcomes:#?}");
    assert_eq!(mark(&stage), ["1?/2"], "it was announced");
    assert_eq!(server(&stage).databases["SXA"].tables["Payment"], 2);
}

/// Its errors were caught where it was called, so that no word of the server's says what became of the transaction.
#[test]
fn a_batch_that_ended_its_transaction_without_a_word_is_unknown_and_is_not_marked_as_through() {
    let (stage, agent, manifest) = stage_with(SETTLES);
    let first = plan(&agent, 1, &manifest);
    let outcomes = agent.run(&first.command());
    let Some(outcome) = outcomes.get(&2) else { panic!("{outcomes:#?}") };
    assert_eq!(outcome.end, End::Unknown, "{outcome:#?}");
    assert!(outcome.evidence.contains("ended the transaction around it without an error"), "{outcome:#?}");
    assert_eq!(mark(&stage), ["1?/2"]);
    let again = agent.run(&first.command_for(&[2]));
    assert_eq!(again[&2].end, End::Unknown, "nothing but an operator runs it again");
    let mut ordered = first.command_for(&[2]);
    ordered.restart = vec![2];
    assert_eq!(ends(&agent.run(&ordered)), [End::Done], "outside a transaction, as sqlcmd runs it");
    assert_eq!(mark(&stage), ["2/2"]);
}
