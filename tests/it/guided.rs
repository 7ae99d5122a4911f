//! Guided packages: a person installs in the vendor's own dialogs, Muster says what to type and looks before and after (G4,
//! G14, G18).

use muster_agent::host::twin::ledger::Deed;
use muster_model::event::EventBody;
use muster_model::name::PlanId;
use muster_model::outcome::End;
use muster_model::view::{RunView, StepState, StepView};
use muster_tests::cli::{Ran, code};
use muster_tests::field::{Field, Scene};
use muster_tests::programs::Programs;

const PASSWORD: &str = "Corr3ct-horse";
const CODE: &str = "0123456789";
const PACKAGE: &str = "package/app";

fn open() -> Field {
    let field = Field::open(Programs::built(), Scene::guided()).unwrap();
    field.set_secret("account_password", PASSWORD).expect(code::OK);
    field.set_secret("code", CODE).expect(code::OK);
    field
}

/// A run that waits for the person, and what was said then.
fn waiting(field: &Field) -> (PlanId, Ran) {
    let plan = field.approved_plan();
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::WAITING);
    (plan, ran)
}

fn package(field: &Field, plan: PlanId) -> StepView {
    field.step(plan, PACKAGE)
}

/// The person says that the step is done.
fn done(field: &Field, plan: PlanId) -> Ran {
    field.cli.run(["done", &name(field, plan), "--note", "as shown", "--watch"])
}

fn name(field: &Field, plan: PlanId) -> String {
    format!("{plan}/{}", package(field, plan).number)
}

/// Who started an installer of the package, in order.
fn installers(field: &Field) -> Vec<String> {
    let is_app = |deed: &Deed| matches!(deed, Deed::InstallerStarted { package, .. } if package == "app");
    let entries = field.agent.twin.ledger().into_iter().filter(|entry| is_app(&entry.deed));
    entries.map(|entry| entry.by).collect()
}

/// G4: the plan says what a person does; the step says what is typed where; what is said is looked at; then it goes on.
#[test]
fn g4_a_person_installs_with_the_values_that_are_shown_and_muster_looks_before_and_after() {
    let field = open();
    let plan = field.plan();
    field.cli.ok(&format!("plan show {plan}")).says(&[
        "1 by hand",
        "!  package app",
        "(absent) -> 1.0",
        "by a person",
    ]);
    let rows = field.rows(plan);
    assert!(rows.contains(&"package/app version (absent) -> 1.0 (missing)".to_owned()), "{rows:?}");
    assert!(
        rows.iter().any(|row| row.contains("load_user_profile (known after package/app) -> true")),
        "{rows:?}"
    );
    field.cli.ok(&format!("approve {plan}"));
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::WAITING);
    ran.says(&[
        "no version is installed; install 1.0 by hand, then say done",
        "Run App Setup.exe as administrator",
        "Site name (site_name)",
        "Port Number (port)",
        "1025",
        "Password (account_password)",
        "secret v1, see below",
        "type these secrets: account_password v1, code v1",
        &format!("muster-agent secret show {}", name(&field, plan)),
        &format!("muster done {}", name(&field, plan)),
    ]);
    field.cli.ok("why acme-prod").says(&["waits for the client", "Security Code (code)"]);
    // What it needs was looked at before anybody was asked; nothing that it provides was touched.
    assert_eq!(field.step(plan, "http_probe/console").state, StepState::Ended(End::Done));
    assert_eq!(field.step(plan, "service/App.Batch").state, StepState::Pending);

    let shown = field.agent.show_secrets(&name(&field, plan));
    shown.says(&[&format!("account_password v1: {PASSWORD}"), &format!("code v1: {CODE}")]);
    // Said and not done: it stays open, and the answer says what was found.
    done(&field, plan).expect(code::WAITING).says(&["still, no version is installed", "install 1.0 by hand"]);
    field.agent.twin.install("app", "1.0");
    done(&field, plan).expect(code::OK);
    let step = package(&field, plan);
    assert_eq!(step.evidence.as_deref(), Some("confirmed by anne: as shown; version 1.0 is installed"));
    assert_eq!(installers(&field), ["installer by hand"], "the agent started none");
    let state = field.agent.twin.state();
    assert_eq!(state.services["App.Batch"].account, r".\svc-app");
    field.assert_in_sync();
}

/// The values were typed otherwise than shown: the version is there, and the pool that the documents name is not.
#[test]
fn g4_what_was_typed_otherwise_than_shown_is_found_before_anything_goes_on() {
    let field = open();
    let (plan, _) = waiting(&field);
    field.agent.twin.install("app", "1.0");
    field.agent.twin.set(&["app_pool", "Ledger", "absent"]);
    let said = done(&field, plan).expect(code::WAITING);
    said.says(&[
        "version 1.0 is installed, but",
        "iis_app_pool/Ledger",
        "were the values typed as they are shown",
    ]);
    assert_eq!(field.step(plan, "iis_app_pool/Ledger").state, StepState::Pending);
    field.agent.twin.uninstall("app");
    field.agent.twin.install("app", "1.0");
    done(&field, plan).expect(code::OK);
    field.assert_in_sync();
}

/// Somebody did it between the plan and the run: nobody is asked.
#[test]
fn what_was_installed_before_anybody_was_asked_is_already_in_state() {
    let field = open();
    let plan = field.approved_plan();
    field.agent.twin.install("app", "1.0");
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    assert_eq!(package(&field, plan).evidence.as_deref(), Some("version 1.0 is installed"));
    field.assert_in_sync();
}

/// G18: uninstalling and installing are both the person's; what the installer resets is set again on the one approval.
#[test]
fn g18_a_guided_replacement_is_uninstalled_and_installed_by_the_person() {
    let field = open();
    let (plan, _) = waiting(&field);
    field.agent.twin.install("app", "1.0");
    done(&field, plan).expect(code::OK);
    field.edit("version: \"1.0\"\n    guide: G4", "version: \"2.0\"\n    guide: G4");
    field.push().expect(code::OK);
    let (plan, ran) = waiting(&field);
    ran.says(&["version 1.0 is installed; uninstall that by hand, install 2.0"]);
    let rows = field.rows(plan);
    assert!(rows.contains(&"package/app version 1.0 -> 2.0 (documents changed)".to_owned()), "{rows:?}");
    assert!(rows.iter().any(|row| row.contains("password (known after package/app) -> v1")), "{rows:?}");
    field.agent.twin.uninstall("app");
    done(&field, plan).expect(code::WAITING).says(&["no version is installed; install 2.0"]);
    field.agent.twin.install("app", "2.0");
    done(&field, plan).expect(code::OK);
    assert_eq!(field.agent.twin.state().services["App.Batch"].account, r".\svc-app");
    field.assert_in_sync();
}

/// Promise 2: where the server is not as it was approved, nobody is sent to it.
#[test]
fn nobody_is_asked_where_the_old_version_is_not_the_approved_one() {
    let field = open();
    let plan = field.approved_plan();
    field.agent.twin.install("app", "2.0");
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    ran.says(&["BLOCKED", "nobody was asked to install it"]);
}

/// Promise 3: the agent and then the controller die between what the person says and the look at it.
#[test]
fn what_a_person_said_is_looked_at_after_agent_and_controller_were_killed() {
    let mut field = open();
    let (plan, _) = waiting(&field);
    field.agent.twin.install("app", "1.0");
    field.kill_agent().unwrap();
    let step = name(&field, plan);
    let said = field.cli.run(["done", &step]).expect(code::OK);
    said.says(&["is said to be done, and its agent looks", "not connected"]);
    field.controller.kill().unwrap();
    field.controller.serve().unwrap();
    assert_eq!(field.steps(plan).run, Some(RunView::Offline), "the person is not asked a second time");
    field.start_agent().unwrap();
    field.watch().until("the run has ended", |body| matches!(body, EventBody::RunEnded { .. }));
    let looks = field.events().into_iter().filter(|event| {
        matches!(&event.body, EventBody::StepEnded { step, .. } if *step == package(&field, plan).number)
    });
    assert_eq!(looks.count(), 2, "before he was asked, and after he said so");
    field.assert_in_sync();
}

/// A guided step that waits stops with its run; after `resume` it is looked at and asked for again, its secrets anew.
#[test]
fn a_cancelled_guided_step_is_asked_for_again_by_resume() {
    let field = open();
    let (plan, _) = waiting(&field);
    let step = name(&field, plan);
    assert_eq!(field.agent.show_secrets(&step).code, 0);
    assert_ne!(field.agent.show_secrets(&step).code, 0, "shown once");
    field.cli.ok(&format!("cancel {plan}"));
    assert_eq!(package(&field, plan).state, StepState::Ended(End::Cancelled));
    assert_ne!(field.agent.show_secrets(&step).code, 0, "nobody is asked now");
    field.cli.run(["resume", &plan.to_string(), "--watch"]).expect(code::WAITING);
    assert_eq!(field.agent.show_secrets(&step).code, 0, "asked anew, shown anew");
    let shown =
        field.events().into_iter().filter(|event| matches!(event.body, EventBody::SecretsShown { .. }));
    assert_eq!(shown.count(), 2, "each is on record");
    field.agent.twin.install("app", "1.0");
    done(&field, plan).expect(code::OK);
    field.assert_in_sync();
}

/// Bad input: what belongs to an installer, what belongs to a person, and a field without a name.
#[test]
fn a_package_that_is_half_guided_is_refused_with_its_place() {
    let field = open();
    field.edit("    install: guided\n", "");
    field.push().expect(code::REJECTED).says(&["product.yaml:19", "no use for", "install: guided"]);
    field.edit("    done_by: client\n", "    install: guided\n    arguments: [/quiet]\n");
    field.push().expect(code::REJECTED).says(&["no use for `arguments`"]);
    field.edit("    arguments: [/quiet]\n", "");
    field.edit("port as Port Number", "prt as Port = Number");
    field.push().expect(code::REJECTED).says(&["`type_these` names `prt`", "did you mean", "equals sign"]);
}
