//! Secrets for installers: in a file of answers that only they may read, or, where the product says so, on their command
//! line; in no log that is kept, whoever dies meanwhile.
//!
//! The twin's installer is a careless one: it writes all that it is told, and all that it reads, into its log.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use muster_agent::host::twin::ledger::Deed;
use muster_model::event::{EventBody, RunEnd};
use muster_model::outcome::End;
use muster_model::view::StepState;
use muster_tests::cli::code;
use muster_tests::daemon::{await_until, signal};
use muster_tests::field::{Field, Scene};
use muster_tests::programs::Programs;

const PASSWORD: &str = "Corr3ct-horse";
const CODE: &str = "Zeisig+Fink/9";

/// A vault whose package takes the password from a file of answers, and the code on its command line.
fn open() -> Field {
    let mut field = Field::lay(Programs::built(), Scene::secrets()).unwrap();
    field.edit(
        "  - {package: batch, version: \"1.0\"}\n",
        "  - package: batch\n    version: \"1.0\"\n    arguments: ['/f1%RESPONSE_FILE%']\n    response_file: |\n      [Service]\n      \
         Password={{ batch_password }}\n      Account={{ account }}\n    secret_arguments: {'/CODE=': \"{{ code }}\"}\n",
    );
    field.begin().unwrap();
    field.set_secret("batch_password", PASSWORD).expect(code::OK);
    field.set_secret("code", CODE).expect(code::OK);
    field
}

/// The files of the agent about installers whose names end so.
fn files(field: &Field, ending: &str) -> Vec<PathBuf> {
    // There is no folder before the first installer.
    let all = fs::read_dir(field.agent.data().join("installers")).into_iter().flatten();
    let all = all.map(|entry| entry.unwrap().path());
    all.filter(|path| path.display().to_string().ends_with(ending)).collect()
}

/// What installers wrote.
pub(crate) fn installer_logs(field: &Field) -> String {
    files(field, ".log").iter().map(|log| fs::read_to_string(log).unwrap()).collect()
}

/// Each secret is a row with its version; the installer gets it, its log keeps none, and a new version alone installs nothing.
#[test]
fn an_installer_is_handed_its_secrets_and_its_log_keeps_none() {
    let field = open();
    let plan = field.approved_plan();
    assert_eq!(
        field.rows(plan)[..3],
        [
            "package/batch version (absent) -> 1.0 (missing)",
            "package/batch response_file[batch_password] (absent) -> v1 (handed to the installer)",
            "package/batch secret_arguments[/CODE=] (absent) -> v1 (secret on the command line)",
        ]
    );
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::WAITING);
    field.confirm_gates(plan, ran).expect(code::OK);
    field.assert_in_sync();

    let log = installer_logs(&field);
    assert!(log.contains("Password=***\r\nAccount=.\\svc-batch\r\n"), "{log}");
    assert!(log.contains("told: /CODE=***\n"), "{log}");
    assert_eq!(files(&field, ".answers"), [] as [PathBuf; 0]);
    let ledger = field.agent.twin.ledger();
    let told = ledger.iter().find_map(|entry| {
        if let Deed::InstallerStarted { arguments, .. } = &entry.deed {
            Some(arguments.clone())
        } else {
            None
        }
    });
    assert_eq!(told.unwrap()[1..], ["(a secret)"]);

    field.set_secret("batch_password", "Corr3ct-h0rse-2").expect(code::OK);
    let plan = field.plan();
    assert_eq!(field.rows(plan), ["service/Batch password v1 -> v2 (documents changed)"]);
}

/// The agent, the supervisor and the installer all die while the installer has its answers open: what is left of them is
/// taken away at the next start, and the log is scrubbed all the same.
#[test]
fn what_a_crash_leaves_of_answers_and_in_logs_is_gone_after_the_next_start() {
    let mut field = open();
    let plan = field.approved_plan();
    field.agent.twin.fault(&["package.install", "batch", "hang"]);
    field.cli.ok(&format!("run {plan}"));
    await_until("the installer has read", || Ok(installer_logs(&field).contains(CODE))).unwrap();
    assert!(installer_logs(&field).contains(PASSWORD), "only a scrub takes it out");
    let answers = files(&field, ".answers");
    assert_eq!(answers.len(), 1);
    assert_eq!(fs::metadata(&answers[0]).unwrap().permissions().mode() & 0o777, 0o600);

    field.kill_agent().unwrap();
    assert!(answers[0].exists(), "the installer still runs");
    for pid in field.installers().unwrap() {
        signal(pid, rustix::process::Signal::KILL).unwrap();
    }
    await_until("nothing runs", || Ok(field.installers()?.is_empty())).unwrap();
    let mut watch = field.watch_from_now();
    field.start_agent().unwrap();
    let end = watch.until("the run has ended", |body| matches!(body, EventBody::RunEnded { .. }));
    assert!(!matches!(end.body, EventBody::RunEnded { end: RunEnd::Done, .. }));
    assert_eq!(field.step(plan, "package/batch").state, StepState::Ended(End::Unknown));
    assert_eq!(files(&field, ".answers"), [] as [PathBuf; 0]);
    let log = installer_logs(&field);
    assert!(!log.contains(PASSWORD) && !log.contains(CODE), "{log}");
    assert!(log.contains("Password=***\r\n") && log.contains("told: /CODE=***\n"), "{log}");
}

/// What a command line cannot hold for sure starts nothing, and is not shown.
#[test]
fn a_secret_that_a_command_line_cannot_hold_starts_nothing() {
    let field = open();
    field.set_secret("code", "Zeisig\"Fink").expect(code::OK);
    let plan = field.approved_plan();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    let evidence = field.step(plan, "package/batch").evidence.unwrap();
    assert!(evidence.contains("the install was not started: the secret code has a quote"), "{evidence}");
    assert_eq!(field.agent.twin.installer_starts(), []);
    assert_eq!(files(&field, ".answers"), [] as [PathBuf; 0]);
}

/// A value is never written into a document, and a secret is no part of an expression or of an open argument.
#[test]
fn a_secret_stands_in_answers_by_its_name_alone() {
    for (before, wrong, rule) in [
        ("{'/CODE=': \"{{ code }}\"}", "{'/CODE=': plain}", "takes a secret by its name"),
        (
            "Password={{ batch_password }}",
            "Password={{ batch_password ~ '' }}",
            "names the secret `batch_password`",
        ),
        ("['/f1%RESPONSE_FILE%']", "['/f1%RESPONSE_FILE%', '/P={{ code }}']", "names the secret `code`"),
        ("['/f1%RESPONSE_FILE%']", "[/S]", "none of its `arguments` names it"),
    ] {
        let field = open();
        field.edit(before, wrong);
        field.push().expect(code::REJECTED).says(&[rule]);
    }
}
