//! IIS on the machine itself: the agent for Windows, as it ships, with an IIS and an HTTP.SYS that the Wine of the stories plays.
//!
//! Run by `tests/windows/run fleet`, which installs both; `tests/windows/ahadmin` says what their files mean. Drift is made as a
//! person makes it, by an edit of `applicationHost.config`; the oracle is that file and what IIS was asked.

use std::fs;
use std::path::PathBuf;

use muster_model::outcome::End;
use muster_model::view::StepState;
use muster_tests::cli::code;
use muster_tests::programs::{root, wine_drive};

use crate::canary::search_folder;
use crate::wine_server::Server;

const THUMBPRINT: &str = "318194C463DB78A592A33B977F0F1C6C734E2FEF";
const OTHER: &str = "11220A2AB2CE33C9D0B241DA0962625C1909928E";
/// Of the PFX file that `tests/windows/run` makes with one.
const PASSWORD: &str = "Finkenschl@g 7";
const PROGRAM: &str = "{4dc3e181-e14b-4a21-b022-59fc669b0914}";

fn inetsrv() -> PathBuf {
    wine_drive().join("windows/system32/inetsrv")
}

fn config() -> String {
    fs::read_to_string(inetsrv().join("config/applicationHost.config")).unwrap()
}

/// Edits the configuration by hand.
pub(crate) fn edit(edits: &[(&str, &str)]) {
    let mut text = config();
    for (from, to) in edits {
        assert!(text.contains(from), "{from} is not in\n{text}");
        text = text.replacen(from, to, 1);
    }
    fs::write(inetsrv().join("config/applicationHost.config"), text).unwrap();
}

pub(crate) fn write(name: &str, lines: &str) {
    fs::write(inetsrv().join("story").join(name), lines).unwrap();
}

pub(crate) fn read(name: &str) -> Vec<String> {
    let text = fs::read_to_string(inetsrv().join("story").join(name)).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// What IIS was asked since the last time.
fn asked() -> Vec<String> {
    let lines = read("ledger.txt");
    write("ledger.txt", "");
    lines
}

/// An IIS that nothing was done to yet, with an agent on it.
fn begin() -> Server {
    as_shipped();
    let server = Server::joined("iis");
    server.field.set_secret("tls_password", PASSWORD).expect(code::OK);
    server
}

/// An IIS that nothing was done to yet.
pub(crate) fn as_shipped() {
    let shipped = root().join("tests/windows/ahadmin/applicationHost.config");
    fs::copy(shipped, inetsrv().join("config/applicationHost.config")).unwrap();
    for name in ["state.txt", "faults.txt", "ledger.txt", "http_sys.txt", "without-key.txt"] {
        write(name, "");
    }
}

fn run(server: &Server) {
    let plan = server.field.approved_plan();
    server.field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    server.field.assert_in_sync();
}

fn record(endpoint: &str) -> String {
    format!("{endpoint} {THUMBPRINT} {PROGRAM} MY 0")
}

/// From plan to in sync, one commit for each thing; drift by hand is seen attribute by attribute and mended; what is not Muster's
/// survives; conflicts, a file that is held, orders that come at the wrong moment and states that are not known pass by.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run fleet"]
fn pools_sites_and_bindings_of_iis_come_in_sync_and_their_drift_is_mended() {
    let server = begin();
    let field = &server.field;
    run(&server);
    let commits = asked();
    assert_eq!(commits.iter().filter(|line| *line == "commit").count(), 6, "{commits:?}");
    assert!(commits.contains(&"Recycle applicationPools/Sage".to_owned()), "{commits:?}");
    let records = [record("sxa.dupont.example:1025"), record("0.0.0.0:1026")];
    assert_eq!(read("http_sys.txt"), records);
    assert!(!field.cli.ok("status story-site").said().contains("SIMULATED"));
    // What opened a PFX is in no log and no journal (G8).
    search_folder(&[PASSWORD], &wine_drive().join("ProgramData/MusterAgent"));

    // By hand, and beside it what is none of Muster's business.
    let foreign = r#"<binding protocol="http" bindingInformation="*:8080:" /><binding protocol="net.pipe" bindingInformation="*" />"#;
    edit(&[
        (r#"enable32BitAppOnWin64="false""#, r#"enable32BitAppOnWin64="true""#),
        (r#"loadUserProfile="true" idleTimeout="00:00:00""#, r#"idleTimeout="00:05:00""#),
        // What the pool does not say itself any more, it inherits.
        (r#"loadUserProfile="true" setProfile"#, r#"loadUserProfile="false" setProfile"#),
        (r#"physicalPath="C:\Sage\api""#, r#"physicalPath="D:\api""#),
        (r#"serverAutoStart="true""#, r#"serverAutoStart="false""#),
        (r#"<virtualDirectory path="/help" physicalPath="C:\Sage\help" />"#, ""),
        (r#"<binding protocol="http" bindingInformation="*:1080:" />"#, foreign),
        (
            r#"bindingInformation="*:1025:sxa.dupont.example" sslFlags="1""#,
            r#"bindingInformation="*:1025:sxa.dupont.example" sslFlags="4""#,
        ),
    ]);
    write("state.txt", "sites/Sage=Stopped\n");
    write("http_sys.txt", &format!("{}\nother.example:1025 {OTHER} {PROGRAM} MY 0\n", records[0]));
    let plan = field.plan();
    let rows = field.rows(plan);
    let about = [
        "iis_app_pool/Sage enable_32bit true -> false",
        "iis_app_pool/Sage idle_timeout_minutes 5 -> 0",
        "iis_app_pool/Sage load_user_profile false -> true",
        "iis_site/Sage applications",
        "iis_site/Sage state stopped -> started",
        "iis_site/Sage virtual_directories",
        "iis_binding/Sage/http/*:1080:",
        "iis_binding/Sage/https/*:1025:sxa.dupont.example sni false -> true",
        "iis_binding/Sage/https/*:1026: certificate",
    ];
    for about in about {
        assert!(rows.iter().any(|row| row.starts_with(about)), "{about} is not in {rows:#?}");
    }
    // Another program writes at the same time; IIS holds its file, is slow to say its states, and takes no orders for a while.
    write(
        "faults.txt",
        "commit 0x800703ee 2\nopen 0x80070020 1\nstate Unknown 2\nStart 0x80070425 2\nstate 0x800710d8 1\n",
    );
    field.cli.ok(&format!("approve {plan}"));
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    field.assert_in_sync();
    assert!(read("faults.txt").is_empty(), "{:?}", read("faults.txt"));
    let done = asked();
    // One for each of the pool, the site and two of its bindings.
    assert_eq!(done.iter().filter(|line| *line == "commit").count(), 4, "{done:?}");
    for line in ["commit 0x800703ee", "Start sites/Sage 0x80070425", "Start sites/Sage"] {
        assert!(done.contains(&line.to_owned()), "{line} is not in {done:?}");
    }
    let text = config();
    for kept in [r#"bindingInformation="*:8080:""#, r#"protocol="net.pipe""#, r#"sslFlags="5""#] {
        assert!(text.contains(kept), "{kept} is not in\n{text}");
    }
    let neighbour = format!("other.example:1025 {OTHER} {PROGRAM} MY 0");
    assert_eq!(read("http_sys.txt"), [records[0].clone(), neighbour, records[1].clone()]);
}

/// G7: a record that a neighbour shares, or that another program made, is a finding and stays; a lock is named, by the step.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run fleet"]
fn g7_shared_records_and_locked_sections_of_iis_are_said_and_left() {
    let server = begin();
    let field = &server.field;
    run(&server);
    let site = r#"<site name="Other" id="9"><application path="/"><virtualDirectory path="/" physicalPath="C:\other" /></application><bindings><binding protocol="https" bindingInformation="*:1026:other.example" /></bindings></site><siteDefaults>"#;
    edit(&[("<siteDefaults>", site)]);
    let sni = record("sxa.dupont.example:1025");
    let refused = |lines: &str, words: &[&str]| {
        write("http_sys.txt", &format!("{sni}\n{lines}\n"));
        let plan = field.plan();
        field.cli.run(["plan", "show", &plan.to_string()]).says(words);
        field.cli.run(["approve", &plan.to_string()]).expect(code::REFUSED);
        assert_eq!(read("http_sys.txt"), [sni.as_str(), lines]);
    };
    let shared = format!("0.0.0.0:1026 {OTHER} {PROGRAM} MY 0");
    refused(&shared, &["0.0.0.0:1026", "binding Other/https/*:1026:other.example shares the record"]);
    let foreign = format!("0.0.0.0:1026 {OTHER} {{00000000-0000-0000-0000-0000000000aa}} MY 0");
    refused(&foreign, &["the record belongs to another program"]);
    // Clients that come to this address are shown the other certificate, whatever name they ask for.
    let first = format!("10.1.2.3:1025 {OTHER} {PROGRAM} MY 0");
    refused(&first, &["the record of 10.1.2.3:1025 comes before it, and answers with certificate", OTHER]);
    write("http_sys.txt", &format!("{sni}\n{}\n", record("0.0.0.0:1026")));

    edit(&[(r#"enable32BitAppOnWin64="false""#, r#"enable32BitAppOnWin64="true""#)]);
    write("faults.txt", "set:system.applicationHost/applicationPools 0x80070021 9\n");
    let plan = field.approved_plan();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    assert_eq!(field.step(plan, "iis_app_pool/Sage").state, StepState::Ended(End::Failed));
    field.cli.ok("why story-site").says(&["error 0x80070021 at enable32BitAppOnWin64", "it is locked"]);
    assert_eq!(read("faults.txt"), ["set:system.applicationHost/applicationPools 0x80070021 8"], "once");
    write("faults.txt", "");
    field.cli.run(["resume", &plan.to_string(), "--watch"]).expect(code::OK);
    field.assert_in_sync();
}
