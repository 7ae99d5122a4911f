//! The vendor's guide whole, on the two servers of its example: two agents for Windows as they ship, each a service of a Wine of
//! its own that bears its server's name, from nothing to in sync.
//!
//! Run by `tests/windows/run guide`. In the place of the vendor's packages stand packages of Windows Installer, in that of the
//! wizard that a person goes through the story itself, in that of the SQL Server the one of `tests/tds`. What Wine has not is taken
//! out of the example and named in `example`. The oracle is the two machines, and what the SQL Server was sent.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use muster_model::digest::Digest;
use muster_model::event::EventBody;
use muster_model::name::PlanId;
use muster_model::node::NodeKind;
use muster_tds::State;
use muster_tests::cli::{Ran, code};
use muster_tests::field::{Field, Scene};
use muster_tests::programs::{laid_on, root, wine_drive};

use crate::wine_groups;
use crate::wine_iis;
use crate::wine_server::{DATA, Server, attempt, await_no_service, gone, started, wine};

const PASSWORD: &str = "Corr3ct-hörse";
const BATCH_PASSWORD: &str = "An0ther-hörse";
const SITES: [(&str, u16); 3] =
    [("Sage.XRT.Advanced", 1025), ("Sage.XRT.Advanced.OData", 1027), ("Sage.XRT.Advanced.PWA", 1028)];
const PACKAGES: [(&str, &str, &str); 3] = [
    ("1", "Bank Format Library", "6.0.0.0"),
    ("2", "Common Services", "6.0.0.1397"),
    ("3", "Treasury", "4.3.005"),
];
const BATCH: &str = "Sage.Next.BatchTasks";
/// What Windows lists of a program that a wizard has installed.
const ADVANCED: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\MusterStoryAdvanced";
/// What the example says of the scripts, and what they are.
const SCRIPTS: [(&str, &str); 2] = [
    (
        "0100_tables.sql",
        "PRINT 'tables'\nCREATE TABLE dbo.SchemaVersion (Version nvarchar(20))\nGO\nCREATE TABLE dbo.Payment (Id int)\nGO\n",
    ),
    ("0200_data.sql", "INSERT INTO dbo.SchemaVersion VALUES ('10.0')\nGO\n"),
];

/// The other server: a Wine beside the one that all stories share.
struct Other {
    home: PathBuf,
    /// Keeps it up: the name of a Wine lasts as long as the Wine does.
    held: Child,
}

impl Other {
    fn named(name: &str) -> Self {
        let home = root().join("target/wine/other");
        // A story that was cut off has left one, which is neither whole nor new.
        let mut stop = Command::new(root().join("tests/windows/wine"));
        Ran::of(stop.arg("--stop").env("MUSTER_WINE", &home)).unwrap().expect(code::OK);
        gone(fs::remove_dir_all(&home));
        let held = Command::new(root().join("tests/windows/wine"))
            .arg("cmd")
            .env("MUSTER_WINE", &home)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let other = Self { home, held };
        other.wine(&["reg", "add", NAME, "/v", "Hostname", "/d", name, "/f"]);
        let drives = other.home.join("prefix/dosdevices");
        fs::create_dir_all(other.home.join("d")).unwrap();
        if !drives.join("d:").exists() {
            std::os::unix::fs::symlink("../../d", drives.join("d:")).unwrap();
        }
        let program = "windows/system32/muster-story.exe";
        let drive = other.home.join("prefix/drive_c");
        fs::copy(wine_drive().join(program), drive.join(program)).unwrap();
        laid_on(&drive).unwrap();
        other
    }

    fn ran(&self, words: &[&str]) -> Ran {
        let mut command = Command::new(root().join("tests/windows/wine"));
        Ran::of(command.args(words).env("MUSTER_WINE", &self.home)).unwrap()
    }

    fn wine(&self, words: &[&str]) -> Ran {
        self.ran(words).expect(code::OK)
    }

    fn agent(&self, words: &[&str]) {
        let exe = self.home.join("prefix/drive_c/muster-program/muster-agent.exe");
        self.wine(&[&[exe.to_str().unwrap()], words].concat());
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.ran(&["--stop"]);
        let _ended = self.held.kill();
        let _code = self.held.wait();
        let _gone = fs::remove_dir_all(&self.home);
    }
}

/// Where a Wine keeps its computer's name, from its start to its end.
const NAME: &str = r"HKLM\System\CurrentControlSet\Services\Tcpip\Parameters";

/// The example on two servers, in operation.
struct Guide {
    server: Server,
    sql: muster_tds::Server,
    other: Other,
}

impl Guide {
    fn begin() -> Self {
        take_off();
        wine_iis::as_shipped();
        wine_groups::write(&["Administrators: Administrator"]);
        let story = wine_drive().join("windows/system32/dism-story");
        let features = "IIS-WebServerRole staged\nIIS-ASPNET45 staged needs=IIS-WebServerRole\n";
        for (name, text) in [("features.txt", features), ("faults.txt", ""), ("ledger.txt", "")] {
            fs::write(story.join(name), text).unwrap();
        }
        let sql = muster_tds::Server::start(State::default().with_login("muster", PASSWORD));
        let mut server = Server::lay_scene(Scene::guide("dupont-prod", "twin-dup-web01.yaml"));
        example(&server.field, &sql.address(), &console());
        server.field.controller.serve().unwrap();
        server.field.push().expect(code::OK);

        wine(&["reg", "add", NAME, "/v", "Hostname", "/d", "DUP-WEB01", "/f"]);
        let other = Other::named("DUP-SQL01");
        other.wine(&["sc", "create", "MSSQLSERVER", "binPath=", PROGRAM, "start=", "demand"]);
        let mut watch = server.field.watch_from_now();
        let connected = |body: &EventBody| matches!(body, EventBody::ServerConnected { .. });
        let token = server.field.folder().join("sql.token");
        server.field.cli.ok(&format!("server invite dupont-prod/sql --out {}", token.display()));
        other.agent(&["service", "install"]);
        other.agent(&["enroll", "--data-dir", DATA, "--token-file", token.to_str().unwrap()]);
        other.agent(&["service", "start"]);
        watch.until("the agent of DUP-SQL01 is connected", connected);
        let token = server.field.invite("web.token");
        server.agent(&["service", "install"]).expect(code::OK);
        let enroll = ["enroll", "--data-dir", DATA, "--token-file", token.to_str().unwrap()];
        server.agent(&enroll).expect(code::OK);
        server.agent(&["service", "start"]).expect(code::OK);
        watch.until("the agent of DUP-WEB01 is connected", connected);
        for (secret, value) in [
            ("sql_password", PASSWORD),
            ("batch_account_password", BATCH_PASSWORD),
            ("security_code", "0123456789"),
            ("encryption_password", "Th3-clients-own"),
        ] {
            server.field.set_secret(secret, value).expect(code::OK);
        }
        Self { server, sql, other }
    }

    /// A person's part, for as long as the run waits for one: the wizard of Advanced, and what only the vendor's console can do.
    fn go_through(&self, plan: PlanId) {
        let field = &self.server.field;
        let mut ran = field.cli.run(["run", &plan.to_string(), "--watch"]);
        while ran.code == code::WAITING {
            let step = field.waiting(plan);
            if step.node.kind == NodeKind::Package {
                install_advanced();
            }
            ran = field.done(plan, &step);
        }
        ran.expect(code::OK);
    }
}

impl Drop for Guide {
    fn drop(&mut self) {
        self.server.agent(&["service", "uninstall"]);
        take_off();
        let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        wine(&["reg", "add", NAME, "/v", "Hostname", "/d", name.trim(), "/f"]);
    }
}

const PROGRAM: &str = r"C:\windows\system32\muster-story.exe";

/// The example, with where things are here: the packages, the SQL Server, the console. Taken out is what Wine has not: rights on
/// folders (G11, G14) and on a certificate's key (G16). Disks may be smaller than a server's (G1).
fn example(field: &Field, sql: &str, console: &str) {
    for (number, name, version) in PACKAGES {
        let medium = root().join("target/wine/media").join(format!("{name}.msi"));
        let sha256 = Digest::of(&fs::read(&medium).unwrap());
        let path = format!("Z:{}", medium.display()).replace('/', r"\");
        field.edit(
            &format!("    version: {version}\n"),
            &format!(
                "    version: {version}\n    upgrade_code: '{{5E1C7B0A-3B52-4C53-9C0D-3F6B2D9A2E0{number}}}'\n    medium: '{path}'\n    medium_sha256: {sha256}\n"
            ),
        );
    }
    field.edit("    version: 2022-r2\n", "    version: 2022-r2\n    display_name: Sage XRT Advanced\n");
    field.edit("  batch_account_password:", "  sql_password: {type: secret}\n  batch_account_password:");
    let endpoint = "login: muster, password: '{{ sql_password }}', trust_certificate: true";
    field.edit("{address: DUP-SQL01}", &format!("{{address: '{sql}', {endpoint}}}"));
    field.edit("http://localhost/SCPS\n    expect", &format!("{console}\n    expect"));
    field.edit("CN=sxa.dupont.example", "CN=sxa.dupont.example, O=Dupont");
    field.edit(r#"{"{{ data_path }}": 20}"#, r#"{"{{ data_path }}": 1}"#);
    field.edit(r#"{"{{ install_path }}": 10}"#, r#"{"{{ install_path }}": 1}"#);
    field.edit(r", rights: {'NT SERVICE\MSSQLSERVER': full}", "");
    field.edit(
        "    rights:\n      'IIS APPPOOL\\{{ app_pool }}': modify\n      '{{ batch_account }}': modify\n",
        "",
    );
    let access = "  - private_key_access: Sage.fcs.client\n    server: web\n    guide: G16\n    provided_by: common-services\n    rights: {'IIS APPPOOL\\{{ app_pool }}': read}\n    needs: [\"iis_app_pool/{{ app_pool }}\"]\n";
    field.edit(access, "");
    // What the grant would fire is fired by the pool's own change.
    field.edit("[private_key_access/Sage.fcs.client]", "[\"iis_app_pool/{{ app_pool }}\"]");
}

/// The console of Common Services, which asks for a login (G3); gives its address. It goes with the process.
fn console() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/SCPS", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut connection = connection;
            let mut request = [0; 4096];
            // Whoever hangs up before the answer has none.
            let _asked = connection.read(&mut request);
            let _answered = connection
                .write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    address
}

/// What the vendor's wizard leaves: a program in Windows' list, a pool with the switches the wrong way (G12), sites, a service that
/// is stopped (G15), and the scripts of the database (G14).
fn install_advanced() {
    wine(&["reg", "add", ADVANCED, "/v", "DisplayName", "/d", "Sage XRT Advanced", "/f"]);
    wine(&["reg", "add", ADVANCED, "/v", "DisplayVersion", "/d", "2022-r2", "/f"]);
    wine(&["sc", "create", BATCH, "binPath=", PROGRAM, "start=", "demand"]);
    let pool = r#"<add name="Sage.XRT.Advanced" enable32BitAppOnWin64="true"><processModel loadUserProfile="false" /></add><applicationPoolDefaults "#;
    let sites: String = (2..).zip(SITES).map(|(id, (name, _))| format!(
        r#"<site name="{name}" id="{id}"><application path="/"><virtualDirectory path="/" physicalPath="C:\Program Files\Sage\{name}" /></application></site>"#
    )).collect();
    wine_iis::edit(&[
        ("<applicationPoolDefaults ", pool),
        ("<siteDefaults>", &format!("{sites}<siteDefaults>")),
    ]);
    let folder = wine_drive().join("Program Files/Common Files/xrt/DBMS/SQLServer/NewDatabase");
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in SCRIPTS {
        fs::write(folder.join(name), text).unwrap();
    }
}

/// Takes off what is installed; what is not there is as good.
fn take_off() {
    attempt(&["sc", "stop", BATCH]);
    attempt(&["sc", "delete", BATCH]);
    await_no_service(BATCH);
    attempt(&["reg", "delete", ADVANCED, "/f"]);
    for (_, name, _) in PACKAGES {
        let medium = root().join("target/wine/media").join(format!("{name}.msi"));
        attempt(&["msiexec", "/x", medium.to_str().unwrap(), "/qn"]);
    }
}

/// G1 to G17, G21 to G23: every step of the guide on both servers, in its order, each batch of the scripts once; then nothing is
/// left to do.
#[test]
#[ignore = "needs Wine and the packages for Windows: ./tests/windows/run guide"]
fn the_whole_guide_comes_in_sync_on_its_two_servers() {
    let guide = Guide::begin();
    let field = &guide.server.field;
    let said = field.cli.run(["preflight", "dupont-prod"]).expect(code::MISSING);
    said.says(&[
        r"DUPONT\svc-sxa is no local administrator; wanted: a local administrator (G4)",
        r#"-> add it on this server: net localgroup Administrators "DUPONT\svc-sxa" /add"#,
        "on 2 servers, 1 missing",
    ]);
    wine_groups::write(&[r"Administrators: Administrator, DUPONT\svc-sxa"]);
    field.cli.ok("preflight dupont-prod").says(&["on 2 servers, 0 missing"]);
    let plan = field.approved_plan();
    guide.go_through(plan);
    field.assert_in_sync();
    assert!(!field.cli.ok("status dupont-prod").said().contains("SIMULATED"));

    assert_eq!(started(), ["SCPSServer", "SCASServer", "SCDTSServer", BATCH], "G13, G15");
    let running = |said: &Ran| assert!(said.out.contains("RUNNING"), "{}", said.out);
    running(&guide.other.wine(&["sc", "query", "MSSQLSERVER"]));
    assert!(guide.other.home.join("d/SQL/Data").is_dir(), "G14");
    let recycled = |line: &String| *line == "Recycle applicationPools/Sage.XRT.Advanced";
    assert_eq!(wine_iis::read("ledger.txt").iter().filter(|line| recycled(line)).count(), 1, "G16");
    let records = wine_iis::read("http_sys.txt");
    for (_, port) in SITES {
        let name = format!("sxa.dupont.example:{port} ");
        assert!(records.iter().any(|record| record.starts_with(&name)), "G7, G10: {records:?}");
    }
    let state = guide.sql.state();
    assert_eq!(state.databases["SXA"].data.path, r"D:\SQL\Data\SXA.mdf");
    for batch in SCRIPTS.iter().flat_map(|(_, text)| text.split("GO\n")).filter(|text| !text.is_empty()) {
        let sent = state.journal.iter().filter(|entry| entry.text.trim_end() == batch.trim_end()).count();
        assert_eq!(sent, 1, "{batch}");
    }
    assert_eq!(state.databases["SXA"].tables["SchemaVersion"], 1);
}
