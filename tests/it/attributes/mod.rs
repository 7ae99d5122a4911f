//! Every attribute of every kind: its drift is one row, is mended by one effect, and nothing else is touched.
//!
//! The list of what must be shown is the table of kinds itself: an attribute that is compared and has no drift here fails the
//! story. Neighbours: `drift` has how plans and runs treat drift, `kinds` the rules of certificates and records.

mod data;
mod iis;
mod windows;

use std::collections::{BTreeMap, BTreeSet};

use muster_agent::host::Access;
use muster_agent::host::twin::ledger::Deed;
use muster_model::name::PlanId;
use muster_model::node::{AttributeRole, NodeClass, NodeKind};
use muster_tests::cli::code;
use muster_tests::field::Field;

/// What a hand does, the row that shows it, and what the agent does about it.
type Drift = (&'static [&'static str], &'static str, Deed);

/// An attribute of a kind, as `kind attribute`.
type Attribute = String;

const OWN: &str = "1A2B3C4D5E6F1A2B3C4D5E6F1A2B3C4D5E6F1A2B";
const EXTRA: &str = "Kinds.Extra";

/// What is compared and is not mended from drift, with the reason.
const OTHERWISE: [(&str, &str); 4] = [
    (
        "service password",
        "nothing reads it back: `secrets` has a changed version, and an account that drifted",
    ),
    ("sql_database collation", "never changed once it is there: a finding, in `data`"),
    ("sql_database data_folder", "never changed once it is there: a finding, in `data`"),
    ("sql_database log_folder", "never changed once it is there: a finding, in `data`"),
];

fn altered(thing: &str, name: &str, attribute: &str, value: &str) -> Deed {
    Deed::Altered {
        thing: thing.to_owned(),
        name: name.to_owned(),
        changes: BTreeMap::from([(attribute.to_owned(), value.to_owned())]),
    }
}

/// The attributes that a plan has rows about.
fn attributes(field: &Field, plan: PlanId) -> BTreeSet<Attribute> {
    let steps = field.steps(plan).steps;
    let rows = steps.iter().flat_map(|step| &step.rows);
    rows.map(|row| format!("{} {}", row.node.kind, row.attribute.name)).collect()
}

/// One round after the other. Gives the attributes that were mended.
#[track_caller]
fn mend(field: &Field, rounds: Vec<Vec<Drift>>) -> BTreeSet<Attribute> {
    let mut seen = BTreeSet::new();
    for drifts in rounds {
        seen.extend(mend_round(field, drifts));
    }
    seen
}

/// All of them at once, in the order of the file: a row for each and no other, an effect for each and no other, and a server
/// in sync after them.
#[track_caller]
fn mend_round(field: &Field, drifts: Vec<Drift>) -> BTreeSet<Attribute> {
    drifts.iter().for_each(|(hand, ..)| field.agent.twin.set(hand));
    let known = field.agent.twin.ledger().len();
    let plan = field.approved_plan();
    let rows: Vec<&str> = drifts.iter().map(|(_, row, _)| *row).collect();
    assert_eq!(field.rows(plan), rows);
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let effects: Vec<Deed> = drifts.into_iter().map(|(.., effect)| effect).collect();
    assert_eq!(field.agent.twin.effects_after(known), effects);
    field.assert_in_sync();
    attributes(field, plan)
}

/// G1, G4, G7, G10 to G16: whatever is compared is shown alone and mended alone. Foreign rights, a foreign binding, a foreign
/// application, record and site are as they were.
#[test]
fn drift_of_every_attribute_of_every_kind_is_one_row_each_and_mended_alone() {
    let field = Field::kinds();
    let twin = &field.agent.twin;
    field.bring_in_sync();
    twin.set(&["site", "Kinds", "binding:http/*:9999:=plain", r"application:/foreign=C:\f"]);
    twin.set(&["certificate", OWN, r"right:KIND-01\foreign=read"]);
    twin.set(&["file", r"D:\Import\kinds.ini", r"right:KIND-01\foreign=read"]);
    twin.set(&[
        "service",
        EXTRA,
        "first_failure=program",
        "later_failures=reboot",
        "failures_include_errors=true",
    ]);
    field.assert_in_sync();
    let (before, database) = (twin.state(), twin.sql().databases);
    assert_eq!(before.folders[r"D:\Import"].rights.get(r"KIND-01\foreign"), Some(&Access::Read));

    let mut seen = windows::features_folders_and_registry(&field);
    seen.extend(windows::services_and_files(&field));
    seen.extend(windows::failures(&field));
    seen.extend(iis::pools_and_sites(&field));
    iis::stores(&field);
    assert_eq!(twin.state(), before, "and everything foreign is as it was");
    seen.extend(data::databases(&field));
    assert_eq!(twin.sql().databases, database);
    seen.extend(data::packages(&field));

    let mut wanted = BTreeSet::new();
    for kind in NodeKind::ALL.iter().filter(|kind| kind.spec().class == NodeClass::Resource) {
        let compared = kind.spec().attributes.iter().filter(|spec| spec.role == AttributeRole::State);
        wanted.extend(compared.map(|spec| format!("{kind} {}", spec.name)));
    }
    for (attribute, why) in OTHERWISE {
        assert!(wanted.remove(attribute), "{attribute} is not compared ({why})");
    }
    let missing: Vec<&Attribute> = wanted.difference(&seen).collect();
    assert!(missing.is_empty(), "no drift of these is shown: {missing:?}");
}
