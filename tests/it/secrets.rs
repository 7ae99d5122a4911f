//! Secrets: typed once, sealed on the way, used on one server, seen by nobody.

use std::path::Path;
use std::process::Command;

use muster_agent::host::twin::ledger::Deed;
use muster_agent::host::twin::state::logon_digest;
use muster_model::event::EventBody;
use muster_model::name::PlanId;
use muster_tests::agent::Agent;
use muster_tests::cli::{Ran, code};
use muster_tests::field::{Field, Scene};
use muster_tests::programs::Programs;

const PASSWORD: &str = "Corr3ct-horse";
const CODE: &str = "0123456789";
const GATE: &str = "manual_step/type-the-code";

fn open() -> Field {
    Field::open(Programs::built(), Scene::secrets()).unwrap()
}

/// Both secrets are set and the site is in sync.
fn in_sync(field: &Field) -> PlanId {
    field.set_secret("batch_password", PASSWORD).expect(code::OK);
    field.set_secret("code", CODE).expect(code::OK);
    field.bring_in_sync()
}

#[track_caller]
fn assert_logs_on_with(field: &Field, password: &str) {
    let state = field.agent.twin.state();
    let service = &state.services["Batch"];
    assert_eq!(service.account, r".\svc-batch");
    assert_eq!(service.password, Some(logon_digest("Batch", password)));
}

/// G4: the plan wants the password before it is approved, the row shows its version, the service gets its value.
#[test]
fn a_service_logs_on_with_a_password_that_was_typed_once() {
    let field = open();
    let plan = field.plan();
    let shown = field.cli.ok(&format!("plan show {plan}"));
    shown.says(&[
        "batch_password is not set",
        "muster secret set acme-prod batch_password",
        "code is not set",
    ]);
    field.cli.run(["approve", &plan.to_string()]).expect(code::REFUSED);
    field.cli.ok("secret list acme-prod").says(&["batch_password", "NOT SET"]);

    let set = field.set_secret("batch_password", PASSWORD).expect(code::OK);
    assert!(!set.said().contains(PASSWORD));
    field.set_secret("code", CODE).expect(code::OK);
    let list = field.cli.ok("secret list acme-prod");
    list.says(&["v1", "anne", "a recovery key", "acme-prod/web"]);
    assert!(!list.said().contains("not yet readable"), "{}", list.said());

    let plan = field.approved_plan();
    let rows = field.rows(plan);
    assert!(rows.iter().any(|row| row.contains("password (known after package/batch) -> v1")), "{rows:?}");
    let header = field.cli.json(&format!("plan show {plan}"));
    assert_eq!(header["header"]["servers"]["web"]["secrets"]["batch_password"], 1, "{header}");
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::WAITING);
    assert_logs_on_with(&field, PASSWORD);
    field.confirm_gates(plan, ran).expect(code::OK);
    field.assert_in_sync();
    // Nobody can see whether it was changed by hand, and the plan that says "in sync" says that, too.
    field.cli.ok("plan acme-prod").says(&["in sync", "cannot be read back"]);
}

/// A new version is one row, `v1 -> v2`, and one effect; a changed account brings its password along.
#[test]
fn a_new_version_is_one_row_and_drift_of_the_account_sets_both_again() {
    let field = open();
    in_sync(&field);
    field.set_secret("batch_password", "An0ther-horse").expect(code::OK);
    let known = field.agent.twin.ledger().len();
    let plan = field.approved_plan();
    assert_eq!(field.rows(plan), ["service/Batch password v1 -> v2 (documents changed)"]);
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let logon = Deed::ServiceLogonSet { service: "Batch".to_owned(), account: r".\svc-batch".to_owned() };
    assert_eq!(field.agent.twin.effects_after(known), [logon]);
    assert_logs_on_with(&field, "An0ther-horse");
    field.assert_in_sync();

    field.agent.twin.set(&["service", "Batch", "account=LocalSystem"]);
    let plan = field.approved_plan();
    assert_eq!(
        field.rows(plan),
        [
            r"service/Batch account LocalSystem -> .\svc-batch (drift)",
            "service/Batch password (absent) -> v2 (drift)"
        ]
    );
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    assert_logs_on_with(&field, "An0ther-horse");
    field.assert_in_sync();
}

/// G18: a replaced package makes the service anew; its password is set again without a second approval.
#[test]
fn a_replaced_package_gets_its_service_s_password_again() {
    let field = open();
    in_sync(&field);
    field.edit("version: \"1.0\"", "version: \"2.0\"");
    field.push().expect(code::OK);
    let plan = field.approved_plan();
    let rows = field.rows(plan);
    assert!(rows.iter().any(|row| row.contains("password (known after package/batch) -> v1")), "{rows:?}");
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    assert_logs_on_with(&field, PASSWORD);
    field.assert_in_sync();
}

/// G8: a code of 9 characters, or with an accent, is refused before it is sealed, and shown nowhere.
#[test]
fn a_code_of_the_wrong_form_is_refused_and_shown_nowhere() {
    let field = open();
    for wrong in ["Nine-char", "Pass\u{e9}-partout-long"] {
        for arguments in [&[][..], &["--output", "json"]] {
            let words = arguments.iter().chain(&["secret", "set", "acme-prod", "code"]);
            let ran = field.cli.run_with(words, wrong).expect(code::USAGE);
            ran.says(&["at least 10 characters or symbols without accents", "G8"]);
            assert!(!ran.said().contains(wrong), "{}", ran.said());
        }
    }
    field.cli.ok("secret list acme-prod").says(&["NOT SET"]);
    field.set_secret("code", "default").expect(code::OK);
    // One that is fixed is set as often as one likes, as long as nothing was installed with it.
    field.set_secret("code", CODE).expect(code::OK);
    in_sync_after(&field);
    let ran = field.set_secret("code", "9876543210").expect(code::REFUSED);
    ran.says(&["fixed"]);
}

fn in_sync_after(field: &Field) {
    field.set_secret("batch_password", PASSWORD).expect(code::OK);
    field.bring_in_sync();
}

/// A document that gives a secret a value is refused with file, line and column, and its line is not shown.
#[test]
fn a_value_in_a_document_is_refused_at_its_place_and_not_shown() {
    let field = open();
    field.edit("client: acme\n", &format!("client: acme\nparameters: {{batch_password: {PASSWORD}}}\n"));
    let ran = field.push().expect(code::REJECTED);
    ran.says(&["site.yaml:4:30", "is a secret", "muster secret set"]);
    assert!(!ran.said().contains(PASSWORD), "{}", ran.said());
}

/// Before enrolment: sealed to recovery alone; afterwards sealed anew with a recovery key, on the operator's machine.
#[test]
fn a_secret_set_before_enrolment_is_not_yet_readable_until_it_is_sealed_anew() {
    let mut field = Field::lay(Programs::built(), Scene::secrets()).unwrap();
    field.controller.serve().unwrap();
    field.push().expect(code::OK);
    field.set_secret("batch_password", PASSWORD).expect(code::OK);
    field.set_secret("code", CODE).expect(code::OK);
    let token = field.invite("web.token");
    assert_eq!(field.agent.enroll(&token).unwrap().code, 0);
    field.start_agent().unwrap();
    field
        .cli
        .ok("secret list acme-prod")
        .says(&["not yet readable by acme-prod/web", "muster secret reseal"]);
    let plan = field.plan();
    field
        .cli
        .ok(&format!("plan show {plan}"))
        .says(&["not yet readable by ACME-WEB01", "muster secret reseal"]);
    field.cli.run(["approve", &plan.to_string()]).expect(code::REFUSED);

    // A key of somebody else opens nothing and changes nothing.
    let stranger = field.agent.data().join("secrets.key");
    let reseal = |key: &Path| {
        let key = key.display().to_string();
        field.cli.run(["secret", "reseal", "acme-prod", "--recovery-key", &key])
    };
    reseal(&stranger).expect(code::REFUSED).says(&["not sealed to this key"]);
    reseal(&field.recovery_key(2)).expect(code::OK).says(&["2 secrets of acme-prod are sealed anew"]);
    field.bring_in_sync();
    assert_logs_on_with(&field, PASSWORD);
    // The version is what it was: the value did not change.
    assert_eq!(field.cli.json("secret list acme-prod")["secrets"][0]["versions"][0]["version"], 1);
}

/// G17: what a person types is shown once, on its server alone, and that is an event.
#[test]
fn a_code_to_type_is_shown_once_on_its_server_and_recorded() {
    let field = open();
    field.set_secret("batch_password", PASSWORD).expect(code::OK);
    field.set_secret("code", CODE).expect(code::OK);
    let plan = field.approved_plan();
    let gate = format!("{plan}/{}", field.step(plan, GATE).number);
    assert_ne!(field.agent.show_secrets(&gate).code, 0, "nothing is shown before it is to be typed");
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::WAITING);
    ran.says(&[
        "type these secrets: code v1",
        &format!("muster-agent secret show {gate}"),
        "acme-prod/web alone",
    ]);
    assert!(!ran.said().contains(CODE), "{}", ran.said());

    let shown = field.agent.show_secrets(&gate);
    assert_eq!(shown.code, 0, "{}", shown.said());
    shown.says(&[&format!("code v1: {CODE}")]);
    let again = field.agent.show_secrets(&gate);
    assert_ne!(again.code, 0);
    again.says(&["are shown once"]);
    assert!(!again.said().contains(CODE), "{}", again.said());
    let recorded = field.events().into_iter().any(|event| {
        matches!(event.body, EventBody::SecretsShown { plan: of, by, secrets, .. }
            if of == plan && !by.is_empty() && secrets.len() == 1)
    });
    assert!(recorded, "that it was shown is an event");
    let step = field.cli.ok(&format!("steps {gate}"));
    step.says(&["shown on acme-prod/web to"]);
    field.confirm_gates(plan, ran).expect(code::OK);
}

/// Only the owner of the agent's folder is shown anything: here, whoever is not is refused before anybody is asked.
#[test]
fn nobody_but_the_owner_of_the_agents_folder_is_shown_anything() {
    let field = open();
    let is_root = rustix::process::geteuid().is_root();
    assert!(is_root, "this story gives a folder away, which only root can");
    let ran = Ran::of(Command::new("chown").arg("65534").arg(field.agent.data())).unwrap();
    assert_eq!(ran.code, 0, "{}", ran.said());
    let shown = field.agent.show_secrets("P-1/1");
    assert_ne!(shown.code, 0);
    shown.says(&["only a local administrator"]);
}

/// Promise 7: with controller and agent lost, every secret opens from a backup, by a drill and by the stock `age` tool.
#[test]
fn with_controller_and_agent_lost_every_secret_opens_from_a_backup() {
    let mut field = open();
    in_sync(&field);
    field.set_secret("batch_password", "An0ther-horse").expect(code::OK);
    field.plan();
    let backup = field.folder().join("saved");
    let mut command = Command::new(field.programs.controller());
    command.arg("backup").arg("--data-dir").arg(field.controller.data()).arg("--to").arg(&backup);
    assert_eq!(Ran::of(&mut command).unwrap().code, 0);
    field.agent.kill().unwrap();
    field.controller.kill().unwrap();
    std::fs::remove_dir_all(field.agent.data()).unwrap();
    std::fs::remove_dir_all(field.controller.data()).unwrap();

    let drill = |key: &Path, folder: &Path| {
        let (key, folder) = (key.display().to_string(), folder.display().to_string());
        field.cli.run(["secret", "drill", "--backup", &folder, "--recovery-key", &key])
    };
    for number in [1, 2] {
        let ran = drill(&field.recovery_key(number), &backup).expect(code::OK);
        ran.says(&["3 of 3 open with this key", "needed by acme-prod/web"]);
        assert!(![PASSWORD, CODE, "An0ther-horse"].iter().any(|value| ran.said().contains(value)));
    }
    let foreign = field.folder().join("foreign.txt");
    std::fs::write(&foreign, &*muster_proto::secret::Key::generate().to_line()).unwrap();
    drill(&foreign, &backup).expect(code::NOT_DONE).says(&["0 of 3 open", "not sealed to this key"]);

    // The stock tool: the second line is the value.
    let mut opened = Vec::new();
    for line in std::fs::read_to_string(backup.join("secrets.jsonl")).unwrap().lines() {
        let line: muster_model::backup::SecretLine = serde_json::from_str(line).unwrap();
        let sealed = field.folder().join("one.age");
        std::fs::write(&sealed, line.sealed.unwrap().bytes()).unwrap();
        let mut age = Command::new("age");
        age.arg("--decrypt").arg("-i").arg(field.recovery_key(1)).arg(&sealed);
        let ran = Ran::of(&mut age).unwrap().expect(0);
        opened.push(ran.out.lines().nth(1).unwrap().to_owned());
    }
    assert_eq!(opened, [PASSWORD, "An0ther-horse", CODE]);

    // An altered list is not believed.
    let list = backup.join("secrets.jsonl");
    let text = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, text.replace("\"version\":2", "\"version\":3")).unwrap();
    drill(&field.recovery_key(1), &backup).expect(code::USAGE).says(&["altered"]);
}

/// A server that enrols anew, as one on a new machine does, has a new key: what was sealed to the old one is a finding, not a
/// failure in the run, and nothing is approved before it can read it.
#[test]
fn g25_a_server_that_enrolled_anew_is_sealed_to_before_it_is_planned_for() {
    let mut field = open();
    in_sync(&field);
    field.agent.kill().unwrap();
    let token = field.invite("again.token");
    let fresh = field.folder().join("agent-again");
    field.agent = Agent::new(&field.programs, &fresh, field.agent.twin.clone());
    assert_eq!(field.agent.enroll(&token).unwrap().code, 0);
    field.start_agent().unwrap();
    let plan = field.plan();
    field.cli.ok(&format!("plan show {plan}")).says(&["not yet readable by ACME-WEB01"]);
    field.cli.run(["approve", &plan.to_string()]).expect(code::REFUSED).says(&["finding"]);
    let key = field.recovery_key(1).display().to_string();
    field.cli.run(["secret", "reseal", "acme-prod", "--recovery-key", &key]).expect(code::OK);
    let plan = field.approved_plan();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    assert_logs_on_with(&field, PASSWORD);
}
