//! A certificate from a PFX file with a password: a secret like any other, used in the moment in which the file is opened.
//!
//! Neighbours: `kinds` has the rules of certificates, `canary` the search for a value in every form.

use muster_agent::host::twin::ledger::Deed;
use muster_model::outcome::End;
use muster_model::view::StepState;
use muster_tests::cli::code;
use muster_tests::field::{Field, Scene};
use muster_tests::programs::{Programs, root};

use crate::canary::{search_folder, search_for};

/// As the scene's twin declares it.
const PASSWORD: &str = "Am5el&Drossel/42";
const WRONG: &str = "Am5el&Drossel/43";
const NODE: &str = "certificate/CN=shop.acme.example";
const THUMBPRINT: &str = "5A0B5A0B5A0B5A0B5A0B5A0B5A0B5A0B5A0B5A0B";

fn lay() -> Field {
    let folder = root().join("tests/scenes/pfx");
    let scene = Scene {
        twin: folder.join("twin.yaml"),
        documents: folder,
        site: "acme-prod".to_owned(),
        role: "web".to_owned(),
    };
    Field::lay(Programs::built(), scene).unwrap()
}

/// A run whose certificate fails, and what it says of it.
#[track_caller]
fn failed(field: &Field) -> String {
    let plan = field.approved_plan();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    let step = field.step(plan, NODE);
    assert_eq!(step.state, StepState::Ended(End::Failed));
    assert!(field.agent.twin.state().certificates.is_empty(), "something was imported");
    step.evidence.unwrap()
}

/// G8, G16: not approved before it is set; a wrong one imports nothing and says so; with the right one it is in sync, and a
/// newer one imports nothing again. Its value is nowhere, with every log at its loudest.
#[test]
fn g16_a_pfx_with_a_password_is_imported_with_its_secret_alone() {
    let mut field = lay();
    (field.controller.log, field.agent.log) = (Some("trace"), Some("trace"));
    field.begin().unwrap();
    let plan = field.plan();
    field.cli.ok(&format!("plan show {plan}")).says(&["tls_password is not set"]);
    field.cli.run(["approve", &plan.to_string()]).expect(code::REFUSED);

    let mut said = vec![field.set_secret("tls_password", WRONG).expect(code::OK)];
    let plan = field.plan();
    assert_eq!(
        field.rows(plan),
        [
            &format!("{NODE} exists (absent) -> true (missing)"),
            &format!("{NODE} pfx_password (absent) -> v1 (opens its file)"),
            r"private_key_access/CN=shop.acme.example rights[IIS APPPOOL\Shop] (absent) -> read (missing)",
        ]
    );
    let evidence = failed(&field);
    for part in [
        r"D:\Handed over\shop.pfx does not open with the password that was given: error 86: ",
        "nothing was imported; that was tls_password v1",
        "muster secret set acme-prod tls_password",
    ] {
        assert!(evidence.contains(part), "{part} is not in {evidence}");
    }
    said.push(field.cli.ok("why acme-prod"));

    said.push(field.set_secret("tls_password", PASSWORD).expect(code::OK));
    let known = field.agent.twin.ledger().len();
    let plan = field.approved_plan();
    assert!(field.rows(plan)[1].ends_with("pfx_password (absent) -> v2 (opens its file)"));
    said.push(field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK));
    let imported = |deed: &Deed| matches!(deed, Deed::Altered { thing, .. } if thing == "certificate");
    let imports = || field.agent.twin.effects_after(known).into_iter().filter(imported).count();
    assert_eq!(imports(), 1);
    assert!(field.agent.twin.state().certificates[THUMBPRINT].has_key);
    let evidence = field.step(plan, NODE).evidence.unwrap();
    assert!(evidence.contains("seen: exists is true; certificate 5A0B"), "{evidence}");
    field.assert_in_sync();
    // The certificate is what is compared: nobody has to be told that a password could have changed.
    assert!(!field.cli.ok("plan acme-prod").said().contains("cannot be read back"));
    said.push(field.set_secret("tls_password", "N3wer&Drossel/44").expect(code::OK));
    field.assert_in_sync();
    assert_eq!(imports(), 1);

    for line in ["status", "events", "render acme-prod", "secret list acme-prod", &format!("steps {plan}")] {
        said.push(field.cli.ok(line));
        said.push(field.cli.ok(&format!("--output json {line}")));
    }
    let values = [PASSWORD, WRONG];
    said.iter().for_each(|ran| search_for(&values, &ran.typed, ran.said().as_bytes()));
    for process in [field.controller.process().unwrap(), field.agent.process().unwrap()] {
        let log = [process.out.all(), process.err.all()].concat().join("\n");
        assert!(log.contains("TRACE"), "it was not at its loudest");
        search_for(&values, "a log", log.as_bytes());
    }
    field.agent.kill().unwrap();
    field.controller.kill().unwrap();
    search_folder(&values, field.folder());
}

/// A file that wants a password and is given none says what to write; what is imported already is never asked for one.
#[test]
fn g16_a_pfx_that_wants_a_password_says_what_to_write() {
    let mut field = lay();
    field.edit(", pfx_password: \"{{ tls_password }}\"", "");
    field.begin().unwrap();
    let evidence = failed(&field);
    for part in ["does not open without a password: error 86: ", "nothing was imported", "`pfx_password`"] {
        assert!(evidence.contains(part), "{part} is not in {evidence}");
    }
    field.edit("shop.pfx'}", "shop.pfx', pfx_password: \"{{ tls_password }}\"}");
    field.push().expect(code::OK);
    field.set_secret("tls_password", PASSWORD).expect(code::OK);
    field.bring_in_sync();
    field.assert_in_sync();
}

/// It is a secret, and it opens a file.
#[test]
fn a_password_of_a_pfx_is_a_secret_beside_its_file() {
    let mut field = lay();
    field.begin().unwrap();
    for (before, wrong, told) in [
        (r#""{{ tls_password }}""#, "hunter2-plain", "muster secret set"),
        (r"pfx: 'D:\Handed over\shop.pfx', ", "", "set together with `pfx`"),
    ] {
        field.edit(before, wrong);
        let ran = field.push().expect(code::REJECTED);
        ran.says(&[told]);
        assert!(!ran.said().contains("hunter2"), "{}", ran.said());
        if wrong.is_empty() {
            continue;
        }
        field.edit(wrong, before);
    }
}
