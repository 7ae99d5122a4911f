//! The agent as a service of Windows, on the machine itself and on no twin: from its installation to drift that is mended.
//!
//! Run by `tests/windows/run fleet`, which makes the two services. The machine is a Wine, which is not Windows: see
//! `deploy/docs/windows.md` for what that leaves open. The oracle is the machine: its files, and what its services wrote.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use muster_model::event::{EventBody, RunEnd};
use muster_model::name::PlanId;
use muster_model::view::{SiteState, StepState};
use muster_tests::cli::{Ran, code};
use muster_tests::daemon::await_until;
use muster_tests::field::{Field, Scene};
use muster_tests::programs::{Programs, root, shipped_for_windows, wine_drive};

/// The folder of the agent that is a service.
pub(crate) const DATA: &str = r"C:\ProgramData\MusterAgent";

/// Where the .NET Framework says which one it is; Wine has none.
const FRAMEWORK: &str = r"HKLM\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full";

/// A field whose agent is a service of the Wine; what it made there goes away with it.
pub(crate) struct Server {
    pub(crate) field: Field,
    _programs: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.agent(&["service", "uninstall"]);
        await_no_service("MusterAgent");
        clean();
    }
}

impl Server {
    /// Everything but the agent, which is not even installed.
    pub(crate) fn lay(documents: &str) -> Self {
        Self::lay_scene(Scene {
            documents: root().join("tests/scenes").join(documents),
            // A field has a twin; this one is never asked.
            twin: root().join("tests/scenes/kinds/twin.yaml"),
            site: "story-site".to_owned(),
            role: "web".to_owned(),
        })
    }

    /// The same, of any scene.
    pub(crate) fn lay_scene(scene: Scene) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = Programs::built().with_agent_for_windows(folder.path()).unwrap();
        let field = Field::lay(&programs, scene).unwrap();
        let server = Self { field, _programs: folder };
        server.agent(&["service", "uninstall"]);
        await_no_service("MusterAgent");
        clean();
        server
    }

    /// Everything, with an agent that is connected.
    pub(crate) fn joined(documents: &str) -> Self {
        Self::joined_after(documents, |_| {})
    }

    /// The same, after something was done to the documents.
    pub(crate) fn joined_after(documents: &str, edit: impl FnOnce(&Field)) -> Self {
        let mut server = Self::lay(documents);
        edit(&server.field);
        server.join();
        server
    }

    /// Starts the controller, and the agent as a service that is connected.
    pub(crate) fn join(&mut self) {
        self.serve();
        self.agent(&["service", "install"]).expect(code::OK);
        let token = self.field.invite("web.token");
        let token = token.to_str().unwrap();
        self.agent(&["enroll", "--data-dir", DATA, "--token-file", token]).expect(code::OK);
        let mut watch = self.field.watch_from_now();
        self.agent(&["service", "start"]).expect(code::OK);
        watch.until("the service is connected", |body| matches!(body, EventBody::ServerConnected { .. }));
    }

    /// A controller that knows this machine's name.
    pub(crate) fn serve(&mut self) {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        let name = name.trim().split('.').next().unwrap();
        self.field.edit("THIS-HOST", name);
        self.field.controller.serve().unwrap();
        self.field.push().expect(code::OK);
    }

    /// `muster-agent.exe`.
    pub(crate) fn agent(&self, words: &[&str]) -> Ran {
        Ran::of(Command::new(self.field.programs.agent()).args(words)).unwrap()
    }
}

/// A program of the Wine, which does what it is asked.
pub(crate) fn wine(words: &[&str]) -> Ran {
    attempt(words).expect(code::OK)
}

/// A program of the Wine, whatever it answers.
pub(crate) fn attempt(words: &[&str]) -> Ran {
    Ran::of(Command::new(root().join("tests/windows/wine")).args(words)).unwrap()
}

/// Stops a service with the machine's own tool, and waits: a service on its way down is not stopped yet.
pub(crate) fn stop_by_hand(service: &str) {
    wine(&["sc", "stop", service]);
    await_stopped(service);
}

fn await_stopped(service: &str) {
    let stopped = || Ok(wine(&["sc", "query", service]).out.contains("STOPPED"));
    await_until("the service has stopped", stopped).unwrap();
}

/// Takes a service away with the machine's own tool, and waits: until its process has ended it is only marked.
pub(crate) fn delete_by_hand(service: &str) {
    wine(&["sc", "delete", service]);
    await_no_service(service);
}

/// Waits until the service manager knows no service of this name, so that one can be made.
pub(crate) fn await_no_service(service: &str) {
    let gone = || Ok(attempt(&["sc", "query", service]).code != code::OK);
    await_until("the service is gone", gone).unwrap();
}

/// Takes away what a story before has left.
fn clean() {
    for folder in ["ProgramData/MusterAgent", "muster-story"] {
        gone(fs::remove_dir_all(wine_drive().join(folder)));
    }
    gone(fs::remove_file(ledger()));
    gone(fs::remove_file(stops()));
    gone(fs::remove_file(hold()));
    // What is stopped or gone already says so, and that is as good.
    for service in ["muster-story-first", "muster-story-second"] {
        if attempt(&["sc", "stop", service]).code == code::OK {
            await_stopped(service);
        }
    }
    for service in ["muster-story-made-first", "muster-story-made-second"] {
        attempt(&["sc", "stop", service]);
        attempt(&["sc", "delete", service]);
        await_no_service(service);
    }
    attempt(&["reg", "delete", r"HKLM\SOFTWARE\Muster Story", "/f"]);
    attempt(&["reg", "delete", FRAMEWORK, "/f"]);
}

/// What was not there need not be taken away.
pub(crate) fn gone(removed: std::io::Result<()>) {
    if let Err(error) = removed {
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
    }
}

/// While it is there a service that is started stays on its way up.
fn hold() -> std::path::PathBuf {
    wine_drive().join("windows/temp/muster-story-hold")
}

/// What the services wrote when they started.
fn ledger() -> std::path::PathBuf {
    wine_drive().join("windows/temp/muster-story.txt")
}

/// What they wrote when they stopped.
pub(crate) fn stops() -> std::path::PathBuf {
    wine_drive().join("windows/temp/muster-story-stops.txt")
}

pub(crate) fn started() -> Vec<String> {
    lines(&ledger())
}

/// The lines of a file that may not be there yet.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// What the machine's own tool says of the agent's service.
pub(crate) fn sc_query() -> String {
    wine(&["sc", "query", "MusterAgent"]).out
}

/// Ends the service's process at once; Wine does not start it again by itself.
pub(crate) fn kill(server: &Server) {
    let said = server.agent(&["service", "status"]).expect(code::OK).out;
    let pid = said.split("process ").nth(1).and_then(|rest| rest.trim().strip_suffix('.')).unwrap();
    wine(&["taskkill", "/f", "/pid", pid]);
}

pub(crate) fn run(field: &Field, plan: PlanId) {
    field.cli.ok(&format!("approve {plan}"));
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
}

/// Installed as a service, the agent enrols, brings services in order, files and registry values to their state, has nothing
/// left to do, mends what was changed behind its back, attribute by attribute, and goes on after it was killed.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run fleet"]
fn the_agent_as_a_service_brings_a_server_in_sync_and_mends_its_drift() {
    let mut server = Server::lay("server");
    server.serve();

    // A service that is not enrolled says so, and what to type.
    server.agent(&["service", "status"]).expect(1).says(&["muster-agent service install"]);
    server.agent(&["service", "install"]).expect(code::OK).says(&["muster-agent enroll --data-dir"]);
    server.agent(&["service", "start"]).expect(1).says(&["its own error 1"]);
    let log = wine_drive().join(r"ProgramData/MusterAgent/logs/agent.log");
    assert!(fs::read_to_string(&log).unwrap().contains("holds no enrolled agent"));

    let token = server.field.invite("web.token");
    let token = token.to_str().unwrap();
    let ran = server.agent(&["enroll", "--data-dir", DATA, "--token-file", token]).expect(code::OK);
    assert!(!ran.said().contains("SIMULATED"), "{}", ran.said());
    let mut watch = server.field.watch_from_now();
    server.agent(&["service", "start"]).expect(code::OK);
    watch.until("the service is connected", |body| matches!(body, EventBody::ServerConnected { .. }));
    server.agent(&["service", "status"]).expect(code::OK).says(&["running, process"]);

    // G1: what the machine says of itself, asked of a real host. Wine answers it.
    let field = &server.field;
    let said = field.cli.run(["preflight", "story-site"]).expect(code::MISSING);
    said.says(&["the .NET Framework 4.5 or later is not installed", "6 checks on 1 server, 1 missing."]);
    wine(&["reg", "add", FRAMEWORK, "/v", "Release", "/t", "REG_DWORD", "/d", "528049", "/f"]);
    field.cli.ok("preflight story-site").says(&["6 checks on 1 server, 0 missing."]);

    // From plan to in sync.
    let plan = field.plan();
    run(field, plan);
    field.assert_in_sync();
    assert!(!field.cli.ok("status story-site").said().contains("SIMULATED"));
    assert_eq!(started(), ["muster-story-first", "muster-story-second"]);
    let file = wine_drive().join("muster-story/sxa.ini");
    assert_eq!(fs::read_to_string(&file).unwrap(), "port=1025\r\n");

    // Drift, made with the machine's own tools.
    stop_by_hand("muster-story-second");
    wine(&["reg", "add", r"HKLM\SOFTWARE\Muster Story", "/v", "Port", "/t", "REG_DWORD", "/d", "80", "/f"]);
    fs::write(&file, "port=80\r\n").unwrap();
    let plan = field.plan();
    let rows = field.rows(plan);
    let about = ["file/", "registry_value/", "service/muster-story-second state"];
    assert_eq!(rows.len(), 3, "{rows:#?}");
    for (row, about) in rows.iter().zip(about) {
        assert!(row.starts_with(about) && row.ends_with("(drift)"), "{row}");
    }
    run(field, plan);
    field.assert_in_sync();
    assert_eq!(started(), ["muster-story-first", "muster-story-second", "muster-story-second"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "port=1025\r\n");

    // Killed while a service is on its way up, it is started again and the run ends; nothing is started twice.
    stop_by_hand("muster-story-second");
    let plan = field.approved_plan();
    let mut watch = field.watch_from_now();
    field.cli.ok(&format!("run {plan}"));
    let after_the_preflight = |body: &EventBody| matches!(body, EventBody::StepStarted { step: 2, .. });
    watch.until("the step has begun", after_the_preflight);
    kill(&server);
    watch.until("the service is gone", |body| matches!(body, EventBody::ServerDisconnected { .. }));
    server.agent(&["service", "start"]).expect(code::OK);
    let end = watch.until("the run has ended", |body| matches!(body, EventBody::RunEnded { .. }));
    assert_eq!(end.body, EventBody::RunEnded { plan, end: RunEnd::Done });
    field.assert_in_sync();
    assert_eq!(started().len(), 4, "{:?}", started());

    // Asked to stop it ends well, and the controller knows.
    let mut watch = field.watch_from_now();
    server.agent(&["service", "stop"]).expect(code::OK);
    watch.until("the service is gone", |body| matches!(body, EventBody::ServerDisconnected { .. }));
    server.agent(&["service", "status"]).expect(1).says(&["is stopped."]);
    assert_eq!(field.status().state, SiteState::InSync);

    it_checks_itself_and_starts_in_no_open_folder(&server);
    server.agent(&["service", "uninstall"]).expect(code::OK);
    server.agent(&["service", "status"]).expect(1).says(&["There is no service MusterAgent"]);
}

/// Stopped, it says whether anything stands between the server and its controller. With a folder that everybody may write to it does not
/// start, nor writes its log there; with one of its own again it does.
fn it_checks_itself_and_starts_in_no_open_folder(server: &Server) {
    let well = server.agent(&["check", "--data-dir", DATA]).expect(code::OK);
    well.says(&["dns         ok", "tls         ok, not intercepted", "clock       ok", "controller  ok"]);
    let data = wine_drive().join("ProgramData/MusterAgent");
    let log = data.join("logs/agent.log");
    let said = fs::read_to_string(&log).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777)).unwrap();
    server.agent(&["service", "start"]).expect(1).says(&["its own error 1"]);
    assert_eq!(fs::read_to_string(&log).unwrap(), said);
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    server.agent(&["service", "start"]).expect(code::OK);
    server.agent(&["service", "stop"]).expect(code::OK);
}

/// A program that others may replace is refused by name: no service is made of it, and one that was made before does not start.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run fleet"]
fn the_agent_is_no_service_where_others_may_put_another_program_in_its_place() {
    let server = Server::lay("server");
    let folder = wine_drive().join("muster-story");
    fs::create_dir_all(&folder).unwrap();
    let exe = folder.join("muster-agent.exe");
    fs::copy(shipped_for_windows("muster-agent").unwrap(), &exe).unwrap();
    let open_to_all =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let agent = |words: &[&str]| {
        let mut command = Command::new(root().join("tests/windows/wine"));
        Ran::of(command.arg(&exe).args(words)).unwrap()
    };
    let refusal = |path: &str| format!("{path} can be changed by Everyone, who would be SYSTEM by that");

    open_to_all(&folder, 0o777);
    let refused = agent(&["service", "install"]).expect(1);
    refused.says(&[&refusal(r"C:\muster-story"), r"%ProgramFiles%\Muster"]);
    server.agent(&["service", "status"]).expect(1).says(&["There is no service MusterAgent"]);
    assert!(!wine_drive().join("ProgramData/MusterAgent").exists(), "nothing was made");

    open_to_all(&folder, 0o755);
    agent(&["service", "install"]).expect(code::OK);
    open_to_all(&exe, 0o777);
    agent(&["service", "start"]).expect(1).says(&["its own error 1"]);
    let log = fs::read_to_string(wine_drive().join("ProgramData/MusterAgent/logs/agent.log")).unwrap();
    let escaped = refusal(r"C:\muster-story\muster-agent.exe").replace('\\', r"\\");
    assert!(log.contains(&escaped), "{log}");
}

/// Asked to stop while a service that it has started does not come up, the agent is stopped and the step has not ended; started
/// again it goes on with that step, and starts nothing twice.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run fleet"]
fn the_agent_stops_in_the_midst_of_a_step_that_waits_and_goes_on_with_it() {
    let server = Server::joined_after("server", |_| {
        wine(&["reg", "add", FRAMEWORK, "/v", "Release", "/t", "REG_DWORD", "/d", "528049", "/f"]);
    });
    let field = &server.field;
    fs::write(hold(), "").unwrap();
    let plan = field.approved_plan();
    let held = field.step(plan, "service/muster-story-first").number;
    let mut watch = field.watch_from_now();
    field.cli.ok(&format!("run {plan}"));
    await_until("a service is on its way up", || Ok(started() == ["muster-story-first"])).unwrap();

    wine(&["sc", "stop", "MusterAgent"]);
    watch.until("the agent is gone", |body| matches!(body, EventBody::ServerDisconnected { .. }));
    await_until("the agent's service is stopped", || Ok(sc_query().contains("STOPPED"))).unwrap();
    server.agent(&["service", "status"]).expect(1).says(&["Service MusterAgent is stopped."]);
    assert_eq!(field.step(plan, "service/muster-story-first").state, StepState::Running, "it has not ended");

    server.agent(&["service", "start"]).expect(code::OK);
    watch.until("the agent is back", |body| matches!(body, EventBody::ServerConnected { .. }));
    fs::remove_file(hold()).unwrap();
    let ended = |body: &EventBody| matches!(body, EventBody::StepEnded { step, .. } if *step == held);
    watch.until("the step has ended", ended);
    let end = watch.until("the run has ended", |body| matches!(body, EventBody::RunEnded { .. }));
    assert_eq!(end.body, EventBody::RunEnded { plan, end: RunEnd::Done });
    assert_eq!(started(), ["muster-story-first", "muster-story-second"]);
    field.assert_in_sync();
}
