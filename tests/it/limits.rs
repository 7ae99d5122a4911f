//! Promise 12: every limit is in one table, and the operators' page shows that table.

use std::fmt::Write as _;
use std::path::Path;

use muster_model::limits::LIMITS;

/// The page, from the table.
fn page() -> String {
    let mut text = String::from(
        "# Limits\n\n\
         Every limit of Muster, with its reason. The name ends with the unit; one without a unit is a count. This page is made\n\
         from `proto/model/src/limits.rs`: after a change there, `MUSTER_WRITE=1 cargo test -p muster-tests --test it limits`\n\
         writes it anew.\n\n\
         | limit | value | reason |\n|---|---:|---|\n",
    );
    for limit in LIMITS {
        let name = limit.name.to_lowercase();
        writeln!(text, "| `{name}` | {} | {} |", grouped(limit.value), limit.reason).unwrap();
    }
    text
}

/// A number in groups of three digits, for people.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap()).collect();
    groups.join(" ")
}

#[test]
fn the_page_of_limits_shows_every_limit_with_its_reason() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/docs/limits.md");
    let wanted = page();
    if std::env::var_os("MUSTER_WRITE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let shown = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        shown, wanted,
        "deploy/docs/limits.md is older than the table; its first paragraph says how to write it"
    );
}

#[test]
fn every_limit_has_a_value_and_a_reason() {
    for limit in LIMITS {
        assert!(limit.value > 0, "{} limits everything away", limit.name);
        assert!(limit.reason.len() > 20, "{} does not say why", limit.name);
    }
}
