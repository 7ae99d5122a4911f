//! The reference of the command line against what it prints: each verb the shape of its row, each shape the fields of its
//! own.
//!
//! Neighbours: `cli/tests/cli/reference.rs` compares verbs, options and exit codes with the program; here is what the
//! programs really say, for a site that was planned and is under way.

use std::collections::BTreeSet;

use muster_tests::desk::Desk;
use muster_tests::page;
use serde_json::Value;

use crate::manual::with_the_guide_at_work;

/// What is typed, in order, and how it ends.
const TYPED: [(&str, i32); 35] = [
    ("validate -f documents", 0),
    ("diff -f documents", 0),
    ("push -f documents --dry-run", 0),
    ("render dupont-prod", 0),
    ("explain dupont-prod odata", 0),
    ("preflight dupont-prod", 9),
    ("secret set dupont-prod batch_account_password", 0),
    ("secret set dupont-prod security_code", 0),
    ("secret set dupont-prod encryption_password", 0),
    ("secret list dupont-prod", 0),
    ("plan dupont-prod", 0),
    ("plan show P-1", 0),
    ("approve P-1", 0),
    ("run P-1 --watch", 8),
    ("steps P-1", 0),
    ("steps P-1/1", 0),
    ("status", 0),
    ("status --problems", 0),
    ("why dupont-prod", 0),
    ("events", 0),
    ("handout nordbank-prod --for dba", 0),
    ("inspect setup.exe", 0),
    ("cancel P-1", 0),
    ("server invite martin-prod/web --out martin.token", 0),
    ("server list", 0),
    ("server show dupont-prod/web", 0),
    ("server revoke dupont-prod/web", 0),
    ("operator invite bruno --out bruno.token", 0),
    ("operator list", 0),
    ("operator revoke bruno", 0),
    ("secret drill --backup backups/muster-backup-20261125T010000Z --recovery-key muster-recovery-1.txt", 0),
    ("recover status", 0),
    ("media add documents/site-dupont-prod.yaml", 0),
    ("media list", 0),
    ("stage dupont-prod", 0),
];

/// The code spans of a text.
fn spans(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The cells of the row that begins so.
fn row<'a>(page: &'a str, begins: &str) -> Vec<&'a str> {
    let row = page.lines().find(|line| line.starts_with(begins));
    row.unwrap_or_else(|| panic!("no row {begins}")).trim_matches('|').split(" | ").collect()
}

/// The shapes that a command prints, as its row says.
fn shapes_of<'a>(page: &'a str, typed: &str) -> BTreeSet<&'a str> {
    let (verb, rest) = typed.split_once(' ').unwrap_or((typed, ""));
    // A verb of two words has a row of its own, as `plan show` beside `plan`.
    let two = format!("| `muster {verb} {} ", rest.split(' ').next().unwrap_or_default());
    let has_two = page.lines().any(|line| line.replace('`', " ").starts_with(&two.replace('`', " ")));
    let begins = if has_two { two.trim_end().to_owned() } else { format!("| `muster {verb} ") };
    let says = row(page, &begins)[2];
    let same = says.strip_prefix("as `").and_then(|rest| rest.split('`').next());
    let says = same.map_or(says, |verb| row(page, &format!("| `muster {verb} "))[2]);
    spans(says).into_iter().filter(|span| span.starts_with("muster.")).collect()
}

/// Every field at the top of a record, and in the records of a list there, is named in the row of its shape.
fn check_fields(page: &str, shape: &str, record: &Value) {
    let cells = row(page, &format!("| `{shape}` |"));
    let named = spans(cells[1]);
    for (field, value) in record.as_object().unwrap() {
        assert!(field == "shape" || named.contains(&**field), "{shape}: `{field}` is not in cli.md");
        for inner in value.as_array().into_iter().flatten().filter_map(Value::as_object) {
            for field in inner.keys() {
                // A manifest, a step and a server of a site are shapes of their own, and their rows name their fields.
                let elsewhere =
                    [STEP, SERVER, DIAGNOSTIC].map(|other| row(page, &format!("| `{other}` |"))[1]);
                let known =
                    named.contains(&**field) || elsewhere.iter().any(|row| spans(row).contains(&**field));
                assert!(known || shape == "muster.render/1", "{shape}: `{field}` is not in cli.md");
            }
        }
    }
}

const STEP: &str = "muster.step/1";
const SERVER: &str = "muster.server/1";
const DIAGNOSTIC: &str = "muster.validate/1";

#[test]
fn every_verb_prints_the_shape_of_its_row_with_the_fields_that_the_page_names() {
    let page = page::text("deploy/docs/cli.md");
    let mut desk = Desk::new();
    with_the_guide_at_work(&mut desk);
    std::fs::write(desk.folder().join("setup.exe"), "MZ and the words Inno Setup").unwrap();
    let mut seen = BTreeSet::new();
    for (typed, code) in TYPED {
        if typed.starts_with("secret drill") {
            desk.ok("muster-controller backup --data-dir controller --to backups");
        }
        let ran = desk.ends(&format!("muster --output json {typed}"), code);
        let whole = serde_json::from_str(&ran.out).map(|record: Value| vec![record]);
        let records = whole.unwrap_or_else(|_| {
            ran.out
                .lines()
                .map(|line| {
                    serde_json::from_str(line).unwrap_or_else(|error| panic!("{typed}: {error}: {line}"))
                })
                .collect()
        });
        assert!(!records.is_empty(), "{typed} prints nothing");
        let wanted = shapes_of(&page, typed);
        for record in &records {
            let shape = record["shape"].as_str().unwrap_or_else(|| panic!("{typed}: no shape in {record}"));
            assert!(wanted.contains(shape), "{typed} prints {shape}; its row says {wanted:?}");
            check_fields(&page, shape, record);
            seen.insert(shape.to_owned());
        }
    }
    let named = muster_cli::shape::ALL.map(str::to_owned);
    assert_eq!(seen, BTreeSet::from(named), "every shape was printed");
}
