//! The package for Windows: from a bare server to one in sync with one command, drift of every sort that is mended, a newer
//! version over it, and off again.
//!
//! Run by `tests/windows/run fleet`, which builds the package and one of a later version, and installs an IIS of the stories'.
//! Windows Installer is Wine's. Drift is made with the machine's own tools and by an edit of IIS's file; the oracle is the machine.

use std::fs;
use std::process::Command;

use muster_model::event::EventBody;
use muster_model::name::PlanId;
use muster_tests::cli::{Ran, code};
use muster_tests::field::Field;
use muster_tests::programs::{root, wine_drive};

use crate::wine_iis;
use crate::wine_server::{Server, delete_by_hand, lines, run, started, stop_by_hand, stops, wine};

const FIRST: &str = "muster-story-made-first";
const SECOND: &str = "muster-story-made-second";
/// The computer's own certificates.
const STORE: &str = r"HKLM\Software\Microsoft\SystemCertificates\MY\Certificates";

/// A package, as Windows sees it.
fn package(name: &str) -> String {
    format!(r"Z:{}", root().join("target/package").join(name).display()).replace('/', r"\")
}

/// Windows Installer, without a window.
fn msiexec(words: &[&str]) {
    let mut command = Command::new(root().join("tests/windows/wine"));
    Ran::of(command.arg("msiexec").args(words).arg("/qn")).unwrap().expect(code::OK);
}

/// Takes the package off again, whatever became of the story.
struct Installed;

impl Drop for Installed {
    fn drop(&mut self) {
        // One that is off already is what is wanted.
        let _answer = std::panic::catch_unwind(|| msiexec(&["/x", &package("muster-agent-later.msi")]));
    }
}

#[test]
#[ignore = "needs Wine and the packages for Windows: ./tests/windows/run fleet"]
fn a_package_with_a_token_makes_a_bare_server_one_that_is_in_sync() {
    wine_iis::as_shipped();
    forget_imported();
    let mut server = Server::lay("whole");
    server.serve();
    let token = format!(r"TOKENFILE=Z:{}", server.field.invite("web.token").display()).replace('/', r"\");
    let mut watch = server.field.watch_from_now();
    let connected = |body: &EventBody| matches!(body, EventBody::ServerConnected { .. });
    let _installed = Installed;
    // By another name than the token's.
    let controller = server.field.controller.address.replace("127.0.0.1", "localhost");
    msiexec(&["/i", &package("muster-agent.msi"), &token, &format!("CONTROLLER={controller}")]);
    watch.until("the service of the package is connected", connected);
    let programs = wine_drive().join("Program Files/Muster");
    assert!(programs.join("muster-agent.exe").exists() && programs.join("muster.exe").exists());
    server.agent(&["service", "status"]).expect(code::OK).says(&["running, process"]);
    let identity = fs::read_to_string(wine_drive().join("ProgramData/MusterAgent/identity.json")).unwrap();
    assert!(identity.contains(&controller), "{identity}");

    let field = &server.field;
    let plan = field.plan();
    run(field, plan);
    field.assert_in_sync();
    assert_eq!(started(), [FIRST, SECOND]);
    let [thumbprint] = imported().try_into().unwrap();
    assert!(wine_iis::read("http_sys.txt")[0].contains(&thumbprint));

    drift(&thumbprint);
    let plan = field.plan();
    assert_shown(field, plan);
    run(field, plan);
    field.assert_in_sync();
    assert_eq!(started(), [FIRST, SECOND, FIRST, SECOND]);
    assert_eq!(imported(), [thumbprint]);

    stand_still_for_a_change(field);
    assert_eq!(started()[4..], [FIRST, SECOND], "G13");

    // A later version takes the place of this one: stopped, replaced, started; it is the same agent.
    msiexec(&["/i", &package("muster-agent-later.msi")]);
    watch.until("the later version is connected", connected);
    server.agent(&["service", "status"]).expect(code::OK).says(&["running, process"]);
    field.assert_in_sync();

    // Off again: no service and no program, and the agent's folder stays, with its key and its journal.
    msiexec(&["/x", &package("muster-agent-later.msi")]);
    watch.until("the service is gone", |body| matches!(body, EventBody::ServerDisconnected { .. }));
    server.agent(&["service", "status"]).expect(1).says(&["There is no service MusterAgent"]);
    assert!(!programs.join("muster-agent.exe").exists());
    assert!(wine_drive().join("ProgramData/MusterAgent/agent.db").exists());
}

/// A change for which the application must stand still: its services and its pool are stopped before it, from the last to the first,
/// and started after it.
fn stand_still_for_a_change(field: &Field) {
    let of_all = format!("services: [{FIRST}, {SECOND}], pools: [Sage]");
    let stop =
        format!("{{application_stop: app, {of_all}, before_change_of: ['file/C:\\muster-story\\sxa.ini']}}");
    let start = format!("{{application_start: app, {of_all}, on_change_of: [application_stop/app]}}");
    for (before, task) in
        [(r"  - {file: 'C:\muster-story\sxa.ini'", stop), ("  - {iis_app_pool: Sage,", start)]
    {
        field.edit(before, &format!("  - {task}\n{before}"));
    }
    field.edit(r"port=1025\r\n", r"port=1026\r\n");
    field.push().expect(code::OK);
    wine_iis::write("ledger.txt", "");
    fs::remove_file(stops()).unwrap();
    run(field, field.plan());
    field.assert_in_sync();
    assert_eq!(lines(&stops()), [SECOND, FIRST], "G13, backwards");
    let file = wine_drive().join("muster-story/sxa.ini");
    assert_eq!(fs::read_to_string(file).unwrap(), "port=1026\r\n");
    let of_the_pool = |line: &String| line.ends_with("applicationPools/Sage");
    let orders: Vec<String> = wine_iis::read("ledger.txt").into_iter().filter(of_the_pool).collect();
    assert_eq!(orders, ["Stop applicationPools/Sage", "Start applicationPools/Sage"]);
}

/// One thing of each kind, as a person spoils it.
fn drift(thumbprint: &str) {
    stop_by_hand(SECOND);
    stop_by_hand(FIRST);
    delete_by_hand(FIRST);
    wine(&["reg", "add", r"HKLM\SOFTWARE\Muster Story", "/v", "Port", "/t", "REG_DWORD", "/d", "80", "/f"]);
    wine(&["reg", "delete", r"HKLM\SOFTWARE\Muster Story", "/v", "Path", "/f"]);
    wine(&["reg", "delete", &format!(r"{STORE}\{thumbprint}"), "/f"]);
    fs::write(wine_drive().join("muster-story/sxa.ini"), "port=80\r\n").unwrap();
    fs::remove_dir(wine_drive().join("muster-story/Données")).unwrap();
    wine_iis::edit(&[
        (r#"enable32BitAppOnWin64="false""#, r#"enable32BitAppOnWin64="true""#),
        (r#"physicalPath="C:\Sage\web""#, r#"physicalPath="D:\elsewhere""#),
        (r#"<binding protocol="http" bindingInformation="*:1080:" />"#, ""),
    ]);
    wine_iis::write("state.txt", "sites/Sage=Stopped\n");
}

/// Each of them is a row of its own, and nothing else is.
fn assert_shown(field: &Field, plan: PlanId) {
    let about = [
        r"folder/C:\muster-story\Données exists",
        r"file/C:\muster-story\sxa.ini content",
        r"registry_value/HKLM\SOFTWARE\Muster Story\Port dword 80 -> 1025",
        r"registry_value/HKLM\SOFTWARE\Muster Story\Path expand_string (absent)",
        "service/muster-story-made-first command_line (absent)",
        "service/muster-story-made-first start (absent)",
        "service/muster-story-made-first state (absent)",
        "service/muster-story-made-second state stopped -> running",
        "iis_app_pool/Sage enable_32bit true -> false",
        r"iis_site/Sage physical_path D:\elsewhere -> C:\Sage\web",
        "iis_site/Sage state stopped until IIS starts again -> started",
        "certificate/pfx.muster.example exists",
        "iis_binding/Sage/http/*:1080: exists",
        // What the name stood for is not there any more.
        "iis_binding/Sage/https/*:1025:pfx.muster.example certificate",
    ];
    let rows = field.rows(plan);
    assert_eq!(rows.len(), about.len(), "{rows:#?}");
    for (row, about) in rows.iter().zip(about) {
        assert!(row.starts_with(about) && row.ends_with("(drift)"), "{row} is not about {about}");
    }
}

/// The thumbprints of the computer's certificates that a story has imported, beside those that it always has.
fn imported() -> Vec<String> {
    let always = fs::read_to_string(root().join("tests/windows/certificates.reg")).unwrap();
    let listed = wine(&["reg", "query", STORE]).out;
    let thumbprints = listed.lines().filter_map(|line| line.trim().rsplit('\\').next());
    let is_one = |word: &&str| word.len() == 40 && word.chars().all(|digit| digit.is_ascii_hexdigit());
    thumbprints.filter(is_one).filter(|word| !always.contains(*word)).map(str::to_owned).collect()
}

fn forget_imported() {
    for thumbprint in imported() {
        wine(&["reg", "delete", &format!(r"{STORE}\{thumbprint}"), "/f"]);
    }
}
