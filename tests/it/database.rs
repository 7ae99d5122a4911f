//! A database, both ways of the guide, and the tasks around it: scripts, a wizard, a restart of the computer.

use std::collections::BTreeSet;

use anyhow::Context as _;
use muster_agent::host::twin::ledger::Deed;
use muster_agent::host::twin::sql::state::{Database, Happened};
use muster_model::digest::Digest;
use muster_model::event::{EventBody, RunEnd};
use muster_model::name::PlanId;
use muster_model::outcome::End;
use muster_model::view::{SiteState, StepState};
use muster_tests::cli::code;
use muster_tests::daemon::await_until;
use muster_tests::field::Field;

const SCRIPTS: &str = "sql_scripts/new-database";
const ALL: [&str; 8] = [
    "0100_tables.sql#1",
    "0100_tables.sql#2",
    "0200_data.sql#1",
    "0200_data.sql#2",
    "0200_data.sql#3",
    "0200_data.sql#4",
    "0200_data.sql#5",
    "0300_views.sql#1",
];

/// Waits until the agent has gone down with its computer, and starts it as Windows' service manager would.
fn start_again(field: &mut Field) {
    await_until("the computer goes down", || {
        let process = field.agent.process().context("it was not started")?;
        Ok(process.ended()?.is_some())
    })
    .unwrap();
    field.start_agent().unwrap();
}

/// Runs a plan in which the computer starts again, to its end.
fn run(field: &mut Field, plan: PlanId) -> RunEnd {
    field.cli.ok(&format!("run {plan}"));
    start_again(field);
    ended(field, plan)
}

fn ended(field: &Field, plan: PlanId) -> RunEnd {
    let is_end = |body: &EventBody| matches!(body, EventBody::RunEnded { plan: of, .. } if *of == plan);
    let EventBody::RunEnded { end, .. } = field.watch().until("the run has ended", is_end).body else {
        panic!("{plan} has no end");
    };
    end
}

fn end_of(field: &Field, plan: PlanId, node: &str) -> StepState {
    field.step(plan, node).state
}

const DONE: StepState = StepState::Ended(End::Done);

/// G14, G21, G22: the database is made, each batch runs once, what is there before and after is looked at, and nothing is
/// left to do. G1: the computer starts again in the middle, once.
#[test]
fn g14_the_scripts_make_the_database_on_one_approval_and_the_next_plan_is_empty() {
    let mut field = Field::database();
    let plan = field.plan();
    let rows = field.rows(plan);
    let wanted = [
        format!("{SCRIPTS} run (absent) -> run (not run yet)"),
        r"service_restart/w3svc run[file/C:\Sage\sage.ini] (absent) -> run (runs with that change)"
            .to_owned(),
        "reboot/after-common-services run[package/common-services] (absent) -> run (runs with that change)"
            .to_owned(),
    ];
    wanted.iter().for_each(|row| assert!(rows.contains(row), "{row}\n{rows:#?}"));
    field.cli.ok(&format!("plan show {plan}")).says(&["> ", "run  ", "not run yet"]);
    field.cli.ok(&format!("approve {plan}"));
    assert_eq!(run(&mut field, plan), RunEnd::Done);
    field.assert_in_sync();

    assert_eq!(field.agent.twin.batches(), ALL);
    assert_eq!(field.agent.twin.state().boots, 2);
    let evidence = |node: &str| field.step(plan, node).evidence.unwrap();
    assert!(evidence("sql_query/server-version").contains("15.0.4355.3"));
    assert!(evidence("sql_query/common-services").contains("6.0.0.1397"), "G22: what must be there");
    assert!(evidence("sql_query/version").contains("2022-r2"), "G21: what is there now");
    assert!(evidence(SCRIPTS).contains("tables of SXA"), "what was printed: {}", evidence(SCRIPTS));
    let restart = evidence("reboot/after-common-services");
    assert!(restart.contains("start 1 before, start 2 now"), "{restart}");
    let deeds: Vec<Deed> = field.agent.twin.ledger().into_iter().map(|entry| entry.deed).collect();
    let place = |wanted: fn(&Deed) -> bool| deeds.iter().position(wanted).unwrap();
    let after = |deed: &Deed| matches!(deed, Deed::FileWritten { path, .. } if path.ends_with("after.ini"));
    let boot = place(|deed| matches!(deed, Deed::Rebooted { .. }));
    assert!(boot < deeds.iter().position(after).unwrap(), "what needs the restart came after it");
}

/// G14: whoever approves scripts that may go on after errors has read so; one who allows nothing reads nothing.
#[test]
fn g14_a_plan_warns_of_scripts_that_may_go_on_after_errors() {
    let field = Field::database();
    let shown = || field.cli.ok(&format!("plan show {}", field.plan()));
    let before = shown().said();
    assert!(!before.contains("go on after errors"), "{before}");
    let scripts = "  - sql_scripts: new-database\n";
    field.edit(scripts, &format!("{scripts}    may_ignore_errors: true\n"));
    field.push().expect(code::OK);
    let warning =
        "nord-prod/web sql_scripts/new-database: its scripts may go on after errors (`:on error ignore`)";
    shown().says(&["WARNINGS:", warning]);
}

/// G1: an installer wants a restart. What depends on its package is refused until it has come; here the plan's own reboot comes
/// later in the file, so that the run is resumed after it.
#[test]
fn g1_what_depends_on_a_package_that_wants_a_restart_waits_for_the_reboot_of_the_plan() {
    let mut field = Field::database();
    field.agent.twin.fault(&["package.install", "common-services", "exit-code=3010"]);
    let plan = field.approved_plan();
    assert_eq!(run(&mut field, plan), RunEnd::Blocked);
    for node in ["service/SCPSServer", "iis_app_pool/Sage", SCRIPTS] {
        assert_eq!(end_of(&field, plan, node), StepState::Ended(End::Blocked), "{node}");
        let evidence = field.step(plan, node).evidence.unwrap();
        assert!(evidence.contains("package/common-services ended with 3010"), "{evidence}");
    }
    assert_eq!(end_of(&field, plan, "reboot/after-common-services"), DONE);
    field.cli.run(["resume", &plan.to_string(), "--watch"]).expect(code::OK);
    field.assert_in_sync();
    assert_eq!(field.agent.twin.state().boots, 2);
}

/// The same with the reboot right behind the package: one run, and nobody is asked.
#[test]
fn g1_a_reboot_right_behind_the_package_takes_the_run_to_its_end() {
    let mut field = Field::database();
    let reboot = "  - {reboot: after-common-services, guide: G1, on_change_of: [package/common-services]}\n";
    let package = "  - {package: common-services, guide: G2, version: \"{{ common_services }}\"}\n";
    field.edit(reboot, "");
    field.edit(package, &format!("{package}{reboot}"));
    let needs = "needs: [reboot/after-common-services";
    field.edit("provided_by: common-services,", &format!("provided_by: common-services, {needs}],"));
    field.edit(
        "on_change_of: [application_stop/sage]",
        &format!("on_change_of: [application_stop/sage], {needs}]"),
    );
    field.edit("needs: [package/common-services,", &format!("{needs}, package/common-services,"));
    field.push().expect(code::OK);
    field.agent.twin.fault(&["package.install", "common-services", "exit-code=3010"]);
    let plan = field.approved_plan();
    assert_eq!(run(&mut field, plan), RunEnd::Done);
    field.assert_in_sync();
    assert_eq!(field.agent.twin.state().boots, 2);
}

/// G1: what is there is backed up and read back before the scripts of the same plan, and another text under `for` makes a backup
/// by itself.
#[test]
fn g1_a_database_is_backed_up_before_the_scripts_and_once_for_each_text() {
    let mut field = Field::database();
    let scripts = "  - sql_scripts: new-database\n";
    let of = r"database: main/CommonServices, folder: 'E:\Backups'";
    let before =
        format!("  - {{sql_backup: before, {of}, before_change_of: [sql_scripts/new-database]}}\n{scripts}");
    field.edit(scripts, &before);
    field.push().expect(code::OK);
    let plan = field.plan();
    let due = "sql_backup/before run[sql_scripts/new-database] (absent) -> run (runs with that change)";
    assert!(field.rows(plan).contains(&due.to_owned()), "{:#?}", field.rows(plan));
    field.cli.ok(&format!("approve {plan}"));
    assert_eq!(run(&mut field, plan), RunEnd::Done);
    field.assert_in_sync();
    let server = field.agent.twin.sql();
    let place =
        |wanted: fn(&Happened) -> bool| server.ledger.iter().position(|line| wanted(&line.happened)).unwrap();
    let made = place(|happened| matches!(happened, Happened::BackedUp { .. }));
    let read = place(|happened| matches!(happened, Happened::BackupRead { .. }));
    let first = place(|happened| matches!(happened, Happened::BatchRun { .. }));
    assert!(made < read && read < first, "made {made}, read back {read}, first batch {first}");
    let evidence = field.step(plan, "sql_backup/before").evidence.unwrap();
    assert!(evidence.contains(&server.backups[0].file) && evidence.contains("read back whole"), "{evidence}");

    field.edit(scripts, &format!("  - {{sql_backup: weekly, {of}, for: week 1}}\n{scripts}"));
    field.push().expect(code::OK);
    for (plans, text) in [("week 1", "week 2"), ("week 2", "week 3")] {
        let plan = field.approved_plan();
        assert_eq!(field.rows(plan).len(), 1, "{plans}: {:?}", field.rows(plan));
        let ran = field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
        ran.says(&["backing up, 50 percent", "reading back, 100 percent"]);
        field.assert_in_sync();
        field.edit(plans, text);
        field.push().expect(code::OK);
    }
    let files: BTreeSet<String> =
        field.agent.twin.sql().backups.into_iter().map(|backup| backup.file).collect();
    assert_eq!(files.len(), 3, "{files:?}");
}

/// G14: the vendor's wizard. Checks before and after; the gate opens only on a server that is fit, and the database is seen.
#[test]
fn g14_a_person_makes_the_database_between_two_checks() {
    let mut field = Field::database();
    field.edit("guided: false", "guided: true");
    field.push().expect(code::OK);
    let plan = field.approved_plan();
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::WAITING);
    ran.says(&[&format!("muster done {plan}/")]);
    assert_eq!(end_of(&field, plan, "sql_query/common-services"), DONE, "looked at before");
    let gate = field.step(plan, "manual_step/new-database");
    assert_eq!(gate.state, StepState::Waiting);

    field.agent.twin.change_sql(|server| {
        let made = Database {
            answers: [("SELECT Version FROM dbo.Version".to_owned(), "2022-r2".to_owned())].into(),
            ..server.databases["CommonServices"].clone()
        };
        server.databases.insert("SXA".to_owned(), made);
    });
    field.cli.ok(&format!("done {plan}/{}", gate.number));
    start_again(&mut field);
    assert_eq!(ended(&field, plan), RunEnd::Done);
    assert_eq!(end_of(&field, plan, "sql_query/version"), DONE);
    assert_eq!(field.agent.twin.batches(), Vec::<String>::new(), "the person did it all");
    field.assert_in_sync();
}

/// G22: without the Common Services database nobody is sent to the wizard.
#[test]
fn g22_a_missing_precondition_closes_the_gate() {
    let mut field = Field::database();
    field.edit("guided: false", "guided: true");
    field.push().expect(code::OK);
    field.agent.twin.change_sql(|server| drop(server.databases.remove("CommonServices")));
    let plan = field.approved_plan();
    assert_eq!(run(&mut field, plan), RunEnd::Failed);
    let check = field.step(plan, "sql_query/common-services");
    assert_eq!(check.state, StepState::Ended(End::Failed));
    assert!(check.evidence.unwrap().contains("'CommonServices' does not exist"));
    assert_eq!(end_of(&field, plan, "manual_step/new-database"), StepState::Ended(End::Skipped));
    assert_eq!(end_of(&field, plan, r"file/C:\Sage\sage.ini"), DONE, "what does not depend on it goes on");
}

/// A failed script stops what depends on it and nothing else; the report names file, line, batch and the server's message;
/// `resume` goes on where it stopped.
#[test]
fn g14_a_failed_script_is_told_with_file_line_batch_and_message_and_resume_goes_on_there() {
    let mut field = Field::database();
    field.agent.twin.fault(&[
        "sql.execute",
        "0200_data.sql#5",
        "fail=Msg 9002, Level 17, State 2, Line 1: the transaction log for database SXA is full",
    ]);
    let plan = field.approved_plan();
    assert_eq!(run(&mut field, plan), RunEnd::Failed);
    assert_eq!(end_of(&field, plan, SCRIPTS), StepState::Ended(End::Failed));
    assert_eq!(end_of(&field, plan, "sql_query/version"), StepState::Ended(End::Skipped));
    assert_eq!(end_of(&field, plan, r"file/C:\Sage\after.ini"), DONE, "nothing else stops");
    let why = field.cli.ok("why nord-prod");
    why.says(&[
        "0200_data.sql:7",
        "batch 5 of 5",
        "Msg 9002",
        "SXA is full",
        &format!("muster resume {plan}"),
    ]);
    assert_eq!(field.agent.twin.batches(), ALL[..6]);

    field.cli.run(["resume", &plan.to_string(), "--watch"]).expect(code::OK);
    assert_eq!(field.agent.twin.batches(), ALL, "no batch twice");
    field.assert_in_sync();
}

/// What the script of the next story takes in; the first batch after them has lines of all three files.
const MAIN: &str =
    ":setvar Table Client\n:r schema\\tables.sql\n:r schema\\rows.sql\nINSERT INTO $(Table) VALUES (2)\nGO\n";
const TABLES: &str = "CREATE TABLE dbo.Account (Id int)\nGO\nINSERT INTO dbo.Account VALUES (1)\nGO 2\nCREATE TABLE dbo.Client (Id int)\nGO\n";
const ROWS: &str = "INSERT INTO $(Table) VALUES (1)\n";

fn laid(field: &Field, name: &str, text: &str) -> String {
    let path = format!(r"C:\Program Files\Common Files\xrt\DBMS\SQLServer\Client\{name}");
    field.agent.twin.set(&["file", &path, &format!("content={text}")]);
    path
}

/// A script of a vendor with `:r`: what it takes in stands in the document with its SHA-256, and is run where it is that
/// and nothing else. An agent that is killed within goes on behind the last batch; another file is another script, and the
/// plan says so.
#[test]
fn g14_a_script_takes_in_what_its_document_lists_and_nothing_else() {
    let mut field = Field::database();
    let [main, tables, rows] =
        [("main.sql", MAIN), (r"schema\tables.sql", TABLES), (r"schema\rows.sql", ROWS)]
            .map(|(name, text)| (laid(&field, name, text), Digest::of(text.as_bytes())));
    let item =
        |(path, sha256): &(String, Digest)| format!("          - {{file: '{path}', sha256: {sha256}}}\n");
    let listed = format!(
        "    scripts:\n      - file: '{}'\n        sha256: {}\n        includes:\n{}{}",
        main.0,
        main.1,
        item(&tables),
        item(&(r"schema\rows.sql".to_owned(), rows.1)),
    );
    field.edit("    scripts:\n", &listed);
    field.push().expect(code::REJECTED).says(&["product.yaml:36:20", "no absolute path"]);
    field.edit(r"'schema\rows.sql'", &format!("'{}'", rows.0));
    field.push().expect(code::OK);

    let plan = field.approved_plan();
    field.agent.twin.fault(&["sql.execute", "main.sql#3", "hang", "--after"]);
    field.cli.ok(&format!("run {plan}"));
    let main_batches = ["main.sql#1", "main.sql#2", "main.sql#3", "main.sql#4", "main.sql#5"];
    await_until("the batch took place", || Ok(field.agent.twin.batches() == main_batches[..3])).unwrap();
    field.kill_agent().unwrap();
    field.agent.twin.clear_faults();
    field.start_agent().unwrap();
    start_again(&mut field);
    assert_eq!(ended(&field, plan), RunEnd::Done);
    let all = [&main_batches[..], &ALL].concat();
    assert_eq!(field.agent.twin.batches(), all, "no batch twice");
    field.assert_in_sync();
    assert!(field.rows(field.plan()).is_empty(), "nothing is left to do");

    let other = "INSERT INTO $(Table) VALUES (1), (2)\n";
    field.edit(&rows.1.to_string(), &Digest::of(other.as_bytes()).to_string());
    field.push().expect(code::OK);
    let plan = field.approved_plan();
    assert_eq!(field.rows(plan), [format!("{SCRIPTS} run 3 of 4 scripts -> run (not run yet)")]);
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    let why = field.cli.ok("why nord-prod");
    why.says(&[r"schema\rows.sql", &format!("its SHA-256 is {}", rows.1), "nothing was done"]);
    assert_eq!(field.agent.twin.batches(), all, "the file on the server is not the one that was approved");

    laid(&field, r"schema\rows.sql", other);
    laid(&field, r"schema\tables.sql", "CREATE TABLE dbo.Other (Id int)\n");
    field.cli.run(["resume", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    assert_eq!(field.agent.twin.batches(), all, "nor is another one");
    laid(&field, r"schema\tables.sql", TABLES);
    field.cli.run(["resume", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    field
        .cli
        .ok("why nord-prod")
        .says(&[r"schema\tables.sql:1 (taken in by main.sql) batch 1 of 5", "Msg 2714"]);

    // Another script runs whole, so that it must not make what the first one made.
    let kept = "INSERT INTO dbo.Account VALUES (3)\nGO 2\n";
    laid(&field, r"schema\tables.sql", kept);
    field.edit(&tables.1.to_string(), &Digest::of(kept.as_bytes()).to_string());
    field.push().expect(code::OK);
    let plan = field.approved_plan();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    field.assert_in_sync();
    assert_eq!(field.agent.twin.batches(), [&all[..], &main_batches[..3]].concat(), "from its beginning");
}

/// G1, G13, G18: before a package is replaced its application is stopped, and started after it; tasks that nothing fires
/// are not in the plan.
#[test]
fn g18_the_application_is_stopped_before_its_package_is_replaced_and_started_after_it() {
    let mut field = Field::database();
    let plan = field.approved_plan();
    assert_eq!(run(&mut field, plan), RunEnd::Done);
    let known = field.agent.twin.ledger().len();
    field.edit("common_services: 6.0.0.1397", "common_services: 6.0.0.1400");
    field.push().expect(code::OK);
    let plan = field.approved_plan();
    let tasks = ["service_restart", "sql_scripts"];
    let steps = field.steps(plan).steps;
    assert!(steps.iter().all(|step| !tasks.contains(&step.node.kind.as_str())), "{steps:#?}");
    assert_eq!(run(&mut field, plan), RunEnd::Done);
    let effects = field.agent.twin.effects_after(known);
    let place = |is: fn(&Deed) -> bool| effects.iter().position(is).unwrap();
    let order = [
        place(|deed| matches!(deed, Deed::PoolStopped { .. })),
        place(|deed| matches!(deed, Deed::ServiceStopped { .. })),
        place(|deed| matches!(deed, Deed::PackageRemoved { .. })),
        place(|deed| matches!(deed, Deed::PackageInstalled { .. })),
        place(|deed| matches!(deed, Deed::PoolStarted { .. })),
        place(|deed| matches!(deed, Deed::PoolRecycled { .. })),
        place(|deed| matches!(deed, Deed::Rebooted { .. })),
    ];
    assert!(order.is_sorted(), "{order:?} {effects:#?}");
    field.assert_in_sync();
    assert_eq!(field.status().state, SiteState::InSync);
}

/// A login of SQL Server's own: its password is a secret, sealed to the agent, brought to it where it looks and where it
/// works; after a start without a controller the agent has it from its own disk.
#[test]
fn a_sql_server_is_logged_on_to_with_a_secret_that_only_the_agent_opens() {
    let mut field = Field::database();
    let known = r"{address: 'NORD-SQL01\TRESO'}";
    let login = r#"{address: 'NORD-SQL01\TRESO', login: muster, password: "{{ sql_password }}"}"#;
    field.edit(known, login);
    field.edit("  guided: {type: boolean}", "  guided: {type: boolean}\n  sql_password: {type: secret}");
    field.push().expect(code::OK);
    let plan = field.plan();
    field.cli.ok(&format!("plan show {plan}")).says(&["sql_password is not set"]);
    field.cli.run(["approve", &plan.to_string()]).expect(code::REFUSED);

    let set = field.set_secret("sql_password", "Corr3ct-horse").expect(code::OK);
    assert!(!set.said().contains("Corr3ct-horse"));
    let plan = field.approved_plan();
    assert_eq!(run(&mut field, plan), RunEnd::Done);
    field.assert_in_sync();
    assert_eq!(field.agent.twin.batches(), ALL);
    let by = field.agent.twin.sql().ledger.into_iter().map(|line| line.by);
    assert!(by.into_iter().all(|by| by == "muster"), "the computer's own account was not asked for");
}
