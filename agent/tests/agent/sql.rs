//! G14: databases and scripts on a SQL Server without an agent, batch by batch, each at most once.

use std::collections::BTreeSet;

use muster_agent::host::twin::sql::state::{Happened, SqlState};
use muster_model::digest::Digest;
use muster_model::manifest::{Endpoint, Manifest, Node, SqlLogin};
use muster_model::name::SecretVersion;
use muster_model::outcome::{End, Outcome};
use muster_model::plan::Old;
use muster_model::secret::{Sealed, SealedSecret, SecretRef};
use muster_model::value::Value;
use muster_proto::secret::{Key, SecretValue, seal};
use muster_proto::session::ToAgent;
use zeroize::Zeroizing;

use crate::manifest::{manifest, node};
use crate::stage::{Agent, Cut, Plan, Stage, ends, plan};

pub(crate) const ADDRESS: &str = r"DUP-SQL01\TRESO";

const TABLES: &str =
    "PRINT 'tables'\nCREATE TABLE dbo.Payment (\n  Id int\n)\nGO\n\nINSERT INTO Payment\nVALUES (1)\nGO 2\n";
pub(crate) const DATA: &str = "-- l'extension\nALTER DATABASE SXA SET RECOVERY SIMPLE\nGO\nINSERT INTO [dbo].[Payment] VALUES (3)\nGO\n";

pub(crate) fn at(name: &str) -> String {
    format!(r"C:\Program Files\Common Files\xrt\DBMS\SQLServer\NewDatabase\{name}")
}

pub(crate) fn put(stage: &Stage, name: &str, content: &str) {
    stage.set(&["file", &at(name), &format!("content={content}")]);
}

pub(crate) fn script(name: &str, content: &str) -> Value {
    let pairs = [("file", at(name)), ("sha256", Digest::of(content.as_bytes()).to_string())];
    Value::Members(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

pub(crate) fn endpoint(mut node: Node) -> Node {
    node.endpoint = Some(Endpoint::new("main".parse().unwrap(), ADDRESS.parse().unwrap()));
    node
}

pub(crate) fn database(managed_by: &str, more: &[(&str, Value)]) -> Node {
    let attributes = [&[("managed_by", managed_by.into()), ("status", "online".into())], more].concat();
    endpoint(node("sql_database/main/SXA", &attributes, None))
}

pub(crate) fn scripts(list: Vec<Value>) -> Node {
    let attributes = [("database", "main/SXA".into()), ("scripts", Value::List(list))];
    endpoint(node("sql_scripts/new", &attributes, None))
}

fn query(attributes: &[(&str, Value)]) -> Node {
    let attributes = [&[("database", "main/SXA".into())], attributes].concat();
    endpoint(node("sql_query/look", &attributes, None))
}

/// A database of Muster's, two scripts, and a look at what they made.
fn wanted() -> Manifest {
    let count =
        query(&[("query", "SELECT COUNT(*) FROM Payment".into()), ("expect", Value::List(vec!["3".into()]))]);
    let list = vec![script("0100_tables.sql", TABLES), script("0200_data.sql", DATA)];
    manifest(1, vec![database("muster", &[("collation", "French_CI_AS".into())]), scripts(list), count])
}

/// A server with both files, and an agent that is connected.
pub(crate) fn stage() -> (Stage, Agent) {
    let stage = Stage::new();
    put(&stage, "0100_tables.sql", TABLES);
    put(&stage, "0200_data.sql", DATA);
    let agent = stage.agent();
    agent.connect();
    (stage, agent)
}

pub(crate) fn run(agent: &Agent, id: u64, manifest: &Manifest) -> Vec<Outcome> {
    agent.run(&plan(agent, id, manifest).command()).into_values().collect()
}

pub(crate) fn server(stage: &Stage) -> SqlState {
    let text = std::fs::read_to_string(stage.twin_dir().join("sql/0/server.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The batches that took place, as `label`, in order.
pub(crate) fn batches(stage: &Stage) -> Vec<String> {
    let mut labels = Vec::new();
    for line in server(stage).ledger {
        if let Happened::BatchRun { label, .. } = line.happened {
            labels.push(label);
        }
    }
    labels
}

const ALL: [&str; 5] =
    ["0100_tables.sql#1", "0100_tables.sql#2", "0100_tables.sql#3", "0200_data.sql#1", "0200_data.sql#2"];

#[test]
fn g14_a_database_is_made_and_each_batch_runs_once() {
    let (stage, agent) = stage();
    let manifest = wanted();
    let report = agent.report(&manifest).unwrap();
    let task = report.nodes.iter().find(|node| node.node.to_string() == "sql_scripts/new").unwrap();
    assert_eq!((&task.rows[0].old, task.rows[0].attribute.to_string().as_str()), (&Old::Absent, "run"));
    let outcomes = run(&agent, 1, &manifest);
    assert!(outcomes.iter().all(|outcome| outcome.end == End::Done), "{outcomes:#?}");
    assert!(outcomes[1].evidence.contains("it printed: tables"), "{}", outcomes[1].evidence);
    assert!(outcomes[2].evidence.contains("answered `3`"), "{}", outcomes[2].evidence);
    assert_eq!(batches(&stage), ALL);
    assert!(agent.in_sync(&manifest), "the marks are in the database");
    let sxa = &server(&stage).databases["SXA"];
    assert_eq!(sxa.collation, "French_CI_AS");
    assert_eq!(sxa.properties.values().cloned().collect::<Vec<_>>().len(), 2);
}

/// A line of a procedure is none of the script.
#[test]
fn g14_an_error_of_a_procedure_is_told_at_the_batch_that_called_it() {
    let (stage, agent) = stage();
    let raised = "Msg 547, Level 16, State 0, Procedure dbo.Post, Line 40: it conflicted";
    stage.fault(&["sql.execute", "0200_data.sql#2", &format!("fail={raised}")]);
    let said = &run(&agent, 1, &wanted())[1].evidence;
    assert!(said.contains("0200_data.sql:4 batch 2 of 2") && said.contains(raised), "{said}");
}

#[test]
fn g14_a_failed_batch_names_file_line_batch_and_message_and_resume_goes_on_there() {
    let (stage, agent) = stage();
    let manifest = wanted();
    stage.fault(&[
        "sql.execute",
        "0200_data.sql#2",
        "fail=Msg 9002, Level 17, State 2, Line 1: the log of SXA is full",
    ]);
    let outcomes = run(&agent, 1, &manifest);
    assert_eq!(
        outcomes.iter().map(|outcome| outcome.end).collect::<Vec<_>>(),
        [End::Done, End::Failed, End::Skipped]
    );
    let said = &outcomes[1].evidence;
    assert!(
        said.contains(r"0200_data.sql:4 batch 2 of 2 on SXA on DUP-SQL01\TRESO: Msg 9002, Level 17, State 2: the log of SXA is full"),
        "{said}"
    );
    assert_eq!(batches(&stage), ALL[..4]);

    let report = agent.report(&manifest).unwrap();
    let old = &report.nodes[0].rows[0].old;
    assert_eq!(*old, Old::Exact("1 of 2 scripts and 1 of 2 batches of 0200_data.sql".into()));
    let outcomes = run(&agent, 2, &manifest);
    assert!(outcomes.iter().all(|outcome| outcome.end == End::Done), "{outcomes:#?}");
    assert_eq!(batches(&stage), ALL, "marked batches are not run again");
}

/// G14: one script of a vendor for all clients, which is given each client's own names; with another name it is another script.
#[test]
fn g14_a_script_is_given_its_variables_and_with_another_value_it_is_due_again() {
    let (stage, agent) = stage();
    let text = "USE [$(SQLCMDDBNAME)]\nGO\nCREATE TABLE dbo.$(Table) (Id int)\nGO\n";
    put(&stage, "0100_tables.sql", text);
    let wanted = |table: &str| {
        let Value::Members(mut file) = script("0100_tables.sql", text) else { panic!("a file is a map") };
        file.insert("$(Table)".to_owned(), table.to_owned());
        manifest(1, vec![database("muster", &[]), scripts(vec![Value::Members(file)])])
    };
    let done =
        |id, manifest: &Manifest| run(&agent, id, manifest).iter().all(|outcome| outcome.end == End::Done);
    assert!(done(1, &wanted("Payment")));
    assert!(agent.in_sync(&wanted("Payment")));
    assert!(!agent.in_sync(&wanted("Loan")), "its batches would be others");
    assert!(done(2, &wanted("Loan")));
    let tables: Vec<String> = server(&stage).databases["SXA"].tables.keys().cloned().collect();
    assert_eq!(tables, ["Loan", "Payment"]);
}

#[test]
fn a_file_that_is_not_the_one_that_was_approved_runs_nothing() {
    let (stage, agent) = stage();
    put(&stage, "0200_data.sql", "DROP TABLE Payment\n");
    let outcomes = run(&agent, 1, &wanted());
    assert_eq!(outcomes[1].end, End::Failed);
    assert!(outcomes[1].evidence.contains("its SHA-256 is"), "{}", outcomes[1].evidence);
    assert_eq!(batches(&stage), Vec::<String>::new(), "not even the file before it");
}

#[test]
fn an_error_in_a_batch_takes_the_batch_back() {
    let (stage, agent) = stage();
    let wrong = "INSERT INTO Payment VALUES (9)\nINSERT INTO Nothing VALUES (1)\n";
    put(&stage, "0300_wrong.sql", wrong);
    let list = vec![script("0100_tables.sql", TABLES), script("0300_wrong.sql", wrong)];
    let manifest = manifest(1, vec![database("muster", &[]), scripts(list)]);
    let outcomes = run(&agent, 1, &manifest);
    assert!(outcomes[1].evidence.contains("0300_wrong.sql:2 batch 1 of 1"), "{}", outcomes[1].evidence);
    assert!(outcomes[1].evidence.contains("Msg 208"), "{}", outcomes[1].evidence);
    assert_eq!(server(&stage).databases["SXA"].tables["Payment"], 2, "its first statement too");
}

#[test]
fn a_database_of_a_dba_is_never_made_and_the_finding_says_what_to_ask() {
    let (stage, agent) = stage();
    let manifest = manifest(1, vec![database("dba", &[("collation", "French_CI_AS".into())])]);
    let report = agent.report(&manifest).unwrap();
    assert!(report.nodes[0].rows.is_empty());
    let finding = report.nodes[0].finding.clone().unwrap();
    assert_eq!(finding.problem, r"database SXA on DUP-SQL01\TRESO is absent, and a DBA makes it");
    assert!(finding.advice.contains("CREATE DATABASE [SXA] COLLATE French_CI_AS"), "{}", finding.advice);
    assert_eq!(server(&stage).databases.len(), 1, "master alone");
}

#[test]
fn what_cannot_be_changed_in_place_is_a_finding_and_sizes_are_least_sizes() {
    let (_stage, agent) = stage();
    let made = manifest(1, vec![database("muster", &[("data_size_mb", Value::Integer(64))])]);
    assert_eq!(run(&agent, 1, &made)[0].end, End::Done);
    let less = manifest(2, vec![database("muster", &[("data_size_mb", Value::Integer(16))])]);
    assert!(agent.in_sync(&less), "a file that is larger is large enough");
    let more = manifest(3, vec![database("muster", &[("data_size_mb", Value::Integer(99))])]);
    assert_eq!(run(&agent, 2, &more)[0].end, End::Done);
    assert!(agent.in_sync(&more));
    let other = manifest(4, vec![database("muster", &[("collation", "Latin1_General_CI_AS".into())])]);
    let finding = agent.report(&other).unwrap().nodes[0].finding.clone().unwrap();
    assert!(finding.problem.contains("collation is French_CI_AS"), "{}", finding.problem);
}

#[test]
fn g22_a_question_is_compared_with_what_counts() {
    let (_stage, agent) = stage();
    let version = "SELECT SERVERPROPERTY('ProductVersion')";
    let ask = |attributes: &[(&str, Value)], database: &str| {
        let mut node = query(&[&[("query", version.into())], attributes].concat());
        node.attributes.insert("database".to_owned(), database.into());
        run(&agent, u64::from(rand()), &manifest(1, vec![node])).remove(0)
    };
    assert_eq!(ask(&[("at_least", "14.0".into())], "main/master").end, End::Done);
    assert_eq!(ask(&[("at_least", "16.0".into())], "main/master").end, End::Failed);
    let read = ask(&[], "main/master");
    assert!(read.evidence.contains("answered `15.0.4355.3`"), "{}", read.evidence);
    let none = ask(&[], "main/SXA");
    assert!(none.end == End::Failed && none.evidence.contains("does not exist"), "{}", none.evidence);
}

/// A number for a plan that no other has.
fn rand() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(100);
    NEXT.fetch_add(1, Ordering::SeqCst)
}

#[test]
fn a_server_that_cannot_be_reached_is_a_finding() {
    let (stage, agent) = stage();
    stage.fault(&["sql.get", "SXA", "fail"]);
    let report = agent.report(&wanted()).unwrap();
    assert!(
        report.nodes[0].finding.as_ref().unwrap().problem.contains("error 10060"),
        "{:?}",
        report.nodes[0]
    );
}

/// Runs with a disk that fails, then again as a fresh process.
fn crash(cut: Cut) -> bool {
    let (stage, agent) = stage();
    cut_short(&stage, agent, cut, &wanted(), &ALL)
}

pub(crate) fn cut_short(stage: &Stage, agent: Agent, cut: Cut, manifest: &Manifest, all: &[&str]) -> bool {
    let command = plan(&agent, 1, manifest).command();
    drop(agent);
    let (failed, agent) = stage.finish_after(cut, &command);
    let outcomes = agent.outcomes(&command);
    assert!(outcomes.values().all(|outcome| outcome.end == End::Done), "{outcomes:#?}");
    assert_eq!(batches(stage), all, "no batch twice");
    failed
}

/// The password of a login comes with what asks to look and with what is to be done. An agent that starts in the middle has it
/// from its own disk, before any controller is there.
#[test]
fn a_login_s_password_is_brought_and_kept_over_a_start() {
    let (stage, agent) = stage();
    let password = SecretRef {
        site: "dupont-prod".parse().unwrap(),
        secret: "sql_password".parse().unwrap(),
        version: SecretVersion(1),
    };
    let mut manifest = wanted();
    for endpoint in manifest.nodes.iter_mut().filter_map(|node| node.endpoint.as_mut()) {
        endpoint.login = Some(SqlLogin { name: "muster".to_owned(), password: password.clone() });
    }
    let without = agent.report(&manifest).unwrap();
    let problem = &without.nodes[0].finding.as_ref().unwrap().problem;
    assert!(problem.contains("no controller has brought the secret sql_password v1"), "{problem}");

    let to = BTreeSet::from([Key::parse(&stage.key).unwrap().recipient().unwrap()]);
    let value = SecretValue::new(Zeroizing::new("a password".to_owned()));
    let sealed = Sealed::new(seal(&password, &value, &to).unwrap());
    let secrets = vec![SealedSecret { secret: password, sealed }];
    let report = agent.report_with(&manifest, secrets.clone()).unwrap();
    let mut plan = Plan::new(1, &manifest, &report);
    plan.edges = vec![(1, 2), (2, 3)];
    let mut command = plan.command();
    command.secrets = secrets;
    drop(agent);
    let agent = stage.agent_until(Cut::After(2));
    agent.connect();
    assert!(
        agent.reception.handle(ToAgent::Command(Box::new(command.clone()))).is_err()
            || agent.engine.catch_up().is_err()
    );
    drop(agent);
    let agent = stage.agent();
    agent.engine.catch_up().unwrap();
    assert_eq!(ends(&agent.outcomes(&command)), [End::Done; 3], "{:#?}", agent.outcomes(&command));
    assert_eq!(batches(&stage), ALL);
    assert!(server(&stage).ledger.iter().all(|line| line.by == "muster"));
}

#[test]
fn no_batch_runs_twice_after_a_crash_before_or_after_any_record() {
    for number in 0..7 {
        assert!(crash(Cut::Before(number)), "before record {number}");
        assert!(crash(Cut::After(number + 1)), "after record {number}");
    }
    assert!(!crash(Cut::Before(7)), "there is no eighth record");
}

#[test]
fn a_reply_that_never_came_is_settled_by_the_mark() {
    let (stage, agent) = stage();
    stage.fault(&["sql.execute", "0100_tables.sql#2", "fail", "--after"]);
    let manifest = wanted();
    let outcomes = run(&agent, 1, &manifest);
    assert_eq!(outcomes[1].end, End::Failed, "{outcomes:#?}");
    let outcomes = run(&agent, 2, &manifest);
    assert!(outcomes.iter().all(|outcome| outcome.end == End::Done), "{outcomes:#?}");
    assert_eq!(batches(&stage), ALL);
}

#[test]
fn a_batch_outside_a_transaction_that_nobody_saw_end_is_unknown_and_only_an_operator_starts_it_anew() {
    let (stage, agent) = stage();
    stage.fault(&["sql.execute", "0200_data.sql#1", "fail", "--after"]);
    let manifest = wanted();
    let first = plan(&agent, 1, &manifest);
    let outcomes = agent.run(&first.command());
    assert_eq!(outcomes[&2].end, End::Unknown, "{outcomes:#?}");
    let again = agent.run(&first.command_for(&[2]));
    assert_eq!(again[&2].end, End::Unknown, "{again:#?}");
    assert!(again[&2].evidence.contains("--restart 2"), "{}", again[&2].evidence);
    assert_eq!(batches(&stage), ALL[..4]);
    let mut ordered = first.command_for(&[2]);
    ordered.restart = vec![2];
    assert_eq!(ends(&agent.run(&ordered)), [End::Done]);
    assert_eq!(batches(&stage), [&ALL[..4], &ALL[3..]].concat());
}

/// It would end the transaction that holds it and its mark together.
#[test]
fn a_batch_that_ends_a_transaction_is_announced_before_it_runs_and_marked_after() {
    let (stage, agent) = stage();
    let ends = "INSERT INTO Payment VALUES (4)\nCOMMIT\n";
    put(&stage, "0300_ends.sql", ends);
    let list = vec![script("0100_tables.sql", TABLES), script("0300_ends.sql", ends)];
    let manifest = manifest(1, vec![database("muster", &[]), scripts(list)]);
    stage.fault(&["sql.execute", "0300_ends.sql#1", "fail", "--after"]);
    let outcomes = run(&agent, 1, &manifest);
    assert_eq!(outcomes[1].end, End::Unknown, "{outcomes:#?}");
    let marks: Vec<String> = server(&stage).databases["SXA"].properties.values().cloned().collect();
    assert!(marks.contains(&"0?/1".to_owned()), "{marks:?}");
}

/// A vendor's procedure that commits whatever is open, and then fails: nothing of it was rolled back.
#[test]
fn a_batch_that_called_what_ends_its_transaction_is_unknown_and_only_an_operator_starts_it_anew() {
    let (stage, agent) = stage();
    let words = "Msg 266, Level 16, State 2, Line 1: Previous count = 1, current count = 0.";
    stage.fault(&["sql.execute", "0200_data.sql#1", &format!("fail={words}")]);
    let first = plan(&agent, 1, &wanted());
    let outcomes = agent.run(&first.command());
    assert_eq!(outcomes[&2].end, End::Unknown, "{outcomes:#?}");
    let evidence = &outcomes[&2].evidence;
    assert!(
        evidence.contains("ended the transaction around it") && evidence.contains("Msg 266"),
        "{evidence}"
    );
    let again = agent.run(&first.command_for(&[2]));
    assert_eq!(again[&2].end, End::Unknown, "{again:#?}");
    assert_eq!(batches(&stage), ALL[..3]);
    let mut ordered = first.command_for(&[2]);
    ordered.restart = vec![2];
    assert_eq!(ends(&agent.run(&ordered)), [End::Done]);
    assert_eq!(batches(&stage), ALL);
}

#[test]
fn a_task_that_somebody_else_finished_is_refused_and_not_taken_for_done() {
    let (stage, agent) = stage();
    let manifest = wanted();
    let command = plan(&agent, 1, &manifest).command();
    assert_eq!(run(&agent, 2, &manifest)[1].end, End::Done);
    let outcomes = agent.run(&command);
    assert_eq!(outcomes[&2].end, End::Blocked, "{outcomes:#?}");
    assert_eq!(batches(&stage), ALL);
}
