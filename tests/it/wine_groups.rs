//! Local groups on the machine itself: the agent for Windows, as it ships and as a service, with groups that the Wine of the
//! stories plays.
//!
//! Run by `tests/windows/run fleet`, which installs them; `tests/windows/netapi` says what their file means. Members are made and
//! taken out by an edit of that file.

use std::fs;

use muster_model::preflight::Verdict;
use muster_tests::cli::code;
use muster_tests::field::Field;
use muster_tests::programs::wine_drive;

use crate::preflight::look_at;
use crate::wine_server::{Server, wine};

/// The groups from now on.
pub(crate) fn write(groups: &[&str]) {
    let text: String = groups.iter().map(|line| format!("{line}\n")).collect();
    fs::write(wine_drive().join("windows/system32/netapi-story/groups.txt"), text).unwrap();
}

/// The accounts that are no administrators.
fn missing(field: &Field, expected: i32) -> Vec<String> {
    let view = look_at(field, "story-site", expected);
    let items = view.items().map(|(_, item)| item).filter(|item| item.check == "local_administrators");
    let items = items.filter(|item| item.verdict != Verdict::Passed);
    items.map(|item| item.found.replace(" is no local administrator", "")).collect()
}

/// G4: the agent's service sees who is an administrator, by himself and by a group of his domain; who is in another group, is
/// nobody, or bears the name of one in another domain, is none.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run fleet"]
fn a_local_administrator_is_told_from_whoever_is_none() {
    write(&["Administrators: Administrator"]);
    let server = Server::joined_after("server", |field| {
        let accounts = r"['.\batch', 'STORY\batch', 'STORY\anne', 'OTHER\batch', Administrator]";
        field.edit("elevated: true", &format!("elevated: true, local_administrators: {accounts}"));
        field.edit(" net_framework_at_least: \"4.8\",", "");
    });
    let field = &server.field;
    let all = [r".\batch", r"STORY\batch", r"STORY\anne", r"OTHER\batch"];
    assert_eq!(missing(field, code::MISSING), all);

    write(&["Administrators: Administrator, STORY\\batch", "Users: batch, STORY\\anne"]);
    assert_eq!(missing(field, code::MISSING), [r".\batch", r"STORY\anne", r"OTHER\batch"]);
    write(&["Administrators: Administrator, batch, STORY\\staff", "STORY\\staff: STORY\\anne, STORY\\batch"]);
    assert_eq!(missing(field, code::MISSING), [r"OTHER\batch"]);
    write(&[
        "Administrators: Administrator, batch, STORY\\staff, OTHER\\batch",
        "STORY\\staff: STORY\\anne, STORY\\batch",
    ]);
    assert_eq!(missing(field, code::OK), [""; 0]);

    // Wine's programs have Wine's own library still.
    wine(&["net", "use"]);
}
