//! Features of Windows on the machine itself: the agent for Windows, as it ships, with a servicing library that the Wine of the
//! stories plays.
//!
//! Run by `tests/windows/run features`, which installs it; `tests/windows/dismapi` says what its files mean. Drift is made by an
//! edit of `features.txt`; the oracle is that file and what the library was asked.

use std::fs;
use std::path::PathBuf;

use muster_model::outcome::End;
use muster_model::view::StepState;
use muster_tests::cli::code;
use muster_tests::programs::wine_drive;

use crate::wine_server::{Server, run};

/// What Windows knows: a role, what stands on it, and what is none of Muster's business.
const FEATURES: [&str; 4] = [
    "IIS-WebServerRole staged",
    "IIS-ASPNET45 staged needs=IIS-WebServerRole restart",
    "IIS-FTPServer installed",
    "NetFx3 removed without-files",
];

fn story() -> PathBuf {
    wine_drive().join("windows/system32/dism-story")
}

fn write(name: &str, lines: &[&str]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(story().join(name), text).unwrap();
}

fn read(name: &str) -> Vec<String> {
    let text = fs::read_to_string(story().join(name)).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// What the library was asked to change since the last time; all that it gave was given back.
fn changed() -> Vec<String> {
    let lines = read("ledger.txt");
    write("ledger.txt", &[]);
    let left: Vec<&String> = lines.iter().filter(|line| line.contains("not given back")).collect();
    assert!(left.is_empty(), "{left:?}");
    let change = |line: &String| line.starts_with("enable ") || line.starts_with("disable ");
    lines.into_iter().filter(change).collect()
}

/// A Windows that nothing was done to yet, with an agent on it.
fn begin() -> Server {
    fs::create_dir_all(story()).unwrap();
    write("features.txt", &FEATURES);
    write("faults.txt", &[]);
    write("ledger.txt", &[]);
    Server::joined("features")
}

/// From plan to in sync, each feature by a call of its own and once; a restart that Windows wants is said and not made; drift by
/// hand is seen and mended; what is not Muster's stays.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run features"]
fn g1_features_of_windows_come_in_sync_and_their_drift_is_mended() {
    let server = begin();
    let field = &server.field;
    let plan = field.plan();
    let rows = field.rows(plan);
    let wanted = [
        "windows_feature/IIS-WebServerRole state absent -> installed",
        "windows_feature/IIS-ASPNET45 state absent -> installed",
    ];
    assert_eq!(rows.len(), 2, "{rows:#?}");
    for (row, wanted) in rows.iter().zip(wanted) {
        assert!(row.starts_with(wanted), "{row}");
    }
    assert_eq!(changed(), Vec::<String>::new(), "a plan changes nothing");
    run(field, plan);
    assert_eq!(changed(), ["enable IIS-WebServerRole 0x0", "enable IIS-ASPNET45 0xbc2"]);
    field.cli.run(["steps", &plan.to_string()]).says(&["Windows wants a restart before it can be used"]);
    field.assert_in_sync();
    assert_eq!(read("features.txt")[1], "IIS-ASPNET45 install-pending needs=IIS-WebServerRole restart");
    assert!(!field.cli.ok("status story-site").said().contains("SIMULATED"));

    // Windows has started again, and somebody took the role off.
    let by_hand = ["IIS-WebServerRole removed", "IIS-ASPNET45 installed needs=IIS-WebServerRole"];
    write("features.txt", &[by_hand[0], by_hand[1], FEATURES[2], FEATURES[3]]);
    let plan = field.plan();
    let drift = "windows_feature/IIS-WebServerRole state absent -> installed (drift)";
    assert_eq!(field.rows(plan), [drift]);
    run(field, plan);
    field.assert_in_sync();
    assert_eq!(changed(), ["enable IIS-WebServerRole 0x0"]);
    let mended = ["IIS-WebServerRole installed", by_hand[1], FEATURES[2], FEATURES[3]];
    assert_eq!(read("features.txt"), mended);
}

/// G1: what this Windows does not know is a finding; what it cannot do fails with its code and what to do, and brings nothing
/// along; what others stand on is not taken off.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run features"]
fn g1_features_that_windows_refuses_say_why_and_change_nothing() {
    let server = begin();
    let field = &server.field;
    let push = |from: &str, to: &str| {
        field.edit(from, to);
        field.push().expect(code::OK);
    };
    let fails = |words: &[&str]| {
        let plan = field.approved_plan();
        field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
        field.cli.ok("why story-site").says(words);
        plan
    };

    push("IIS-ASPNET45", "IIS-ASPNET54");
    let plan = field.plan().to_string();
    field.cli.run(["plan", "show", &plan]).says(&["this Windows has no feature IIS-ASPNET54"]);
    field.cli.run(["approve", &plan]).expect(code::REFUSED);

    // No administrator: nothing can be looked at.
    push("IIS-ASPNET54", "IIS-ASPNET45");
    write("faults.txt", &["initialize 0x800702e4", "initialize 0x800702e4"]);
    let plan = field.plan().to_string();
    field.cli.run(["plan", "show", &plan]).says(&["error 0x800702e4", "the agent is no administrator here"]);
    write("faults.txt", &[]);

    // Its parent is not brought along.
    push("  - {windows_feature: IIS-WebServerRole, state: installed}\n", "");
    let plan = fails(&["error 0xc004000d", "give it a node above it for IIS-WebServerRole"]);
    assert_eq!(field.step(plan, "windows_feature/IIS-ASPNET45").state, StepState::Ended(End::Failed));
    assert_eq!(changed(), ["enable IIS-ASPNET45 0xc004000d"], "once");

    push("IIS-ASPNET45", "NetFx3");
    fails(&["error 0x800f081f", "/source:"]);
    assert_eq!(changed(), ["enable NetFx3 0x800f081f"]);

    // Windows itself would take both off.
    write("features.txt", &["IIS-WebServerRole installed", "IIS-ASPNET45 installed needs=IIS-WebServerRole"]);
    push("NetFx3, state: installed", "IIS-WebServerRole, state: absent");
    fails(&["feature IIS-ASPNET45 needs it"]);
    assert_eq!(changed(), Vec::<String>::new());
    write("features.txt", &["IIS-WebServerRole installed", "IIS-ASPNET45 staged needs=IIS-WebServerRole"]);
    run(field, field.plan());
    assert_eq!(changed(), ["disable IIS-WebServerRole 0x0"]);
    field.assert_in_sync();
}
