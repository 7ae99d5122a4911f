//! A whole Muster for one site: controller, agent on a twin, operator's command line, documents that a test may edit.
//!
//! Neighbours: stories and the crash harness begin here. What it does, it does by typed commands and files, in the order
//! of the runbook; it takes no short way.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use muster_model::event::{Event, EventBody};
use muster_model::name::PlanId;
use muster_model::node::NodeKind;
use muster_model::plan::{New, Row};
use muster_model::view::{SiteState, SiteView, StatusView, StepState, StepView, StepsView, WhyView};
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use crate::agent::Agent;
use crate::cli::{Cli, Ran, code};
use crate::controller::Controller;
use crate::programs::{Programs, root};
use crate::twin::Twin;
use crate::watch::Watch;

/// What a field is made from.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The folder with the documents.
    pub documents: PathBuf,
    /// The twin's declaration.
    pub twin: PathBuf,
    /// The site.
    pub site: String,
    /// The role of its one server.
    pub role: String,
}

impl Scene {
    /// `tests/scenes/kinds`: every kind with every attribute.
    pub fn kinds() -> Self {
        let folder = root().join("tests/scenes/kinds");
        Self {
            twin: folder.join("twin.yaml"),
            documents: folder,
            site: "kinds-site".to_owned(),
            role: "web".to_owned(),
        }
    }

    /// `tests/scenes/database`: a database on a SQL Server without an agent, tasks, and a restart of the computer.
    pub fn database() -> Self {
        let folder = root().join("tests/scenes/database");
        Self {
            twin: folder.join("twin.yaml"),
            documents: folder,
            site: "nord-prod".to_owned(),
            role: "web".to_owned(),
        }
    }

    /// `tests/scenes/preflight`: everything is asked before anything runs.
    pub fn preflight() -> Self {
        let folder = root().join("tests/scenes/preflight");
        Self {
            twin: folder.join("twin.yaml"),
            documents: folder,
            site: "pre-site".to_owned(),
            role: "web".to_owned(),
        }
    }

    /// `tests/scenes/secrets`: a service that logs on with a password, a code that a person types.
    pub fn secrets() -> Self {
        let folder = root().join("tests/scenes/secrets");
        Self {
            twin: folder.join("twin.yaml"),
            documents: folder,
            site: "acme-prod".to_owned(),
            role: "web".to_owned(),
        }
    }

    /// `tests/scenes/guided`: a package that a person installs, with a password and a code to type.
    pub fn guided() -> Self {
        let folder = root().join("tests/scenes/guided");
        Self {
            twin: folder.join("twin.yaml"),
            documents: folder,
            site: "acme-prod".to_owned(),
            role: "web".to_owned(),
        }
    }

    /// `deploy/examples/guide`: the guide whole, on the web server of one of its sites.
    pub fn guide(site: &str, twin: &str) -> Self {
        let folder = root().join("deploy/examples/guide");
        Self { twin: folder.join(twin), documents: folder, site: site.to_owned(), role: "web".to_owned() }
    }

    /// `deploy/examples/sxa`: the guide, thin, on one server.
    pub fn sxa() -> Self {
        let folder = root().join("deploy/examples/sxa");
        Self {
            twin: folder.join("twin-dup-web01.yaml"),
            documents: folder,
            site: "dupont-prod".to_owned(),
            role: "web".to_owned(),
        }
    }
}

/// Everything, in a folder that goes away with it.
#[derive(Debug)]
pub struct Field {
    /// What it was made from.
    pub scene: Scene,
    /// The programs that it runs.
    pub programs: Programs,
    /// The controller.
    pub controller: Controller,
    /// The agent of the one server.
    pub agent: Agent,
    /// The operator.
    pub cli: Cli,
    folder: TempDir,
}

impl Drop for Field {
    /// Installers outlive their agent on purpose; they must not outlive their test.
    fn drop(&mut self) {
        for pid in self.installers().unwrap_or_default() {
            // One that ended in between is what is wanted.
            drop(crate::daemon::signal(pid, rustix::process::Signal::KILL));
        }
    }
}

impl Field {
    /// The example in operation: pushed, enrolled, connected, never planned.
    ///
    /// # Panics
    /// Where that cannot be reached.
    pub fn sxa() -> Self {
        Self::open(Programs::built(), Scene::sxa()).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Every kind in operation: pushed, enrolled, connected, never planned.
    ///
    /// # Panics
    /// Where that cannot be reached.
    pub fn kinds() -> Self {
        Self::open(Programs::built(), Scene::kinds()).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// The scene of a database in operation: pushed, enrolled, connected, never planned.
    ///
    /// # Panics
    /// Where that cannot be reached.
    pub fn database() -> Self {
        Self::open(Programs::built(), Scene::database()).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// The scene of a preflight in operation: pushed, enrolled, connected, never planned.
    ///
    /// # Panics
    /// Where that cannot be reached.
    pub fn preflight() -> Self {
        Self::open(Programs::built(), Scene::preflight()).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Any scene in operation.
    ///
    /// # Errors
    /// Where that cannot be reached.
    pub fn open(programs: &Programs, scene: Scene) -> Result<Self> {
        let mut field = Self::lay(programs, scene)?;
        field.begin()?;
        Ok(field)
    }

    /// Brings a scene that was laid into operation: a controller that serves, documents pushed, an agent connected.
    ///
    /// # Errors
    /// Where that cannot be reached.
    pub fn begin(&mut self) -> Result<()> {
        self.controller.serve()?;
        self.push().expect(code::OK);
        let token = self.invite("web.token");
        let ran = self.agent.enroll(&token)?;
        ensure!(ran.code == 0, "enroll: {}", ran.said());
        self.start_agent()
    }

    /// A scene with nothing started: a controller's data, a twin, documents.
    ///
    /// # Errors
    /// Where that cannot be made.
    pub fn lay(programs: &Programs, scene: Scene) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("muster-").tempdir()?;
        let controller = Controller::init(programs, folder.path())?;
        let cli = Cli::new(programs, &folder.path().join("anne.profile"));
        let twin = Twin::init(programs, &folder.path().join("twin"), &scene.twin)?;
        let agent = Agent::new(programs, &folder.path().join("agent"), twin);
        let documents = folder.path().join("documents");
        std::fs::create_dir(&documents)?;
        for entry in std::fs::read_dir(&scene.documents)? {
            let path = entry?.path();
            let name = path.file_name().context("a document without a name")?;
            // Declarations of twins lie beside the documents and are none of them.
            let is_twin = name.to_string_lossy().starts_with("twin");
            let is_document = path.extension().is_some_and(|ending| ending == "yaml") && !is_twin;
            if is_document {
                std::fs::copy(&path, documents.join(name))?;
            }
        }
        Ok(Self { scene, programs: programs.clone(), controller, agent, cli, folder })
    }

    /// The folder of everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the documents.
    pub fn documents(&self) -> PathBuf {
        self.folder.path().join("documents")
    }

    /// The server, `site/role`.
    pub fn server(&self) -> String {
        format!("{}/{}", self.scene.site, self.scene.role)
    }

    /// Replaces a text in whatever document holds it.
    ///
    /// # Panics
    /// Where none does.
    #[track_caller]
    pub fn edit(&self, old: &str, new: &str) {
        let mut found = false;
        for entry in std::fs::read_dir(self.documents()).into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            if text.contains(old) {
                found = true;
                let written = std::fs::write(entry.path(), text.replace(old, new));
                written.unwrap_or_else(|error| panic!("{}: {error}", entry.path().display()));
            }
        }
        assert!(found, "no document holds {old:?}");
    }

    /// Pushes the documents.
    pub fn push(&self) -> Ran {
        let documents = self.documents();
        self.cli.run(["push".as_ref(), "-f".as_ref(), documents.as_os_str()])
    }

    /// Sets a secret of the site, typed through standard input.
    pub fn set_secret(&self, secret: &str, value: &str) -> Ran {
        self.cli.run_with(["secret", "set", &self.scene.site, secret], value)
    }

    /// A recovery key file, 1 or 2.
    pub fn recovery_key(&self, number: u32) -> PathBuf {
        self.folder.path().join(format!("recovery/muster-recovery-{number}.txt"))
    }

    /// Invites the server; gives the token's file.
    ///
    /// # Panics
    /// Where the controller refuses.
    #[track_caller]
    pub fn invite(&self, name: &str) -> PathBuf {
        let token = self.folder.path().join(name);
        self.cli.ok(&format!("server invite {} --out {}", self.server(), token.display()));
        token
    }

    /// Starts the agent and waits until the controller has its stream.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start_agent(&mut self) -> Result<()> {
        let mut watch = self.watch_from_now();
        self.agent.run()?;
        watch.until("the agent is connected", |body| matches!(body, EventBody::ServerConnected { .. }));
        Ok(())
    }

    /// Stops the agent and waits until the controller knows.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn kill_agent(&mut self) -> Result<()> {
        let mut watch = self.watch_from_now();
        self.agent.kill()?;
        watch.until("the agent is gone", |body| matches!(body, EventBody::ServerDisconnected { .. }));
        Ok(())
    }

    /// Every event so far.
    pub fn events(&self) -> Vec<Event> {
        let ran = self.cli.ok("--output json events");
        let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        ran.out.lines().map(read).collect()
    }

    /// The ids of the supervisors and installers that run on this field now.
    ///
    /// # Errors
    /// Where the process table cannot be read.
    pub fn installers(&self) -> Result<Vec<u32>> {
        // By the folder's own name: under Wine the path to it is written in another way.
        let folder = self.folder.path().file_name().context("the folder has no name")?.to_string_lossy();
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let path = entry?.path();
            let pid = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            // A process that ended in between has no command line any more.
            if let (Some(pid), Ok(line)) = (pid, std::fs::read(path.join("cmdline"))) {
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                let is_one = line.contains(" supervise ") || line.contains(" twin-installer ");
                if is_one && line.contains(&*folder) {
                    found.push(pid);
                }
            }
        }
        Ok(found)
    }

    /// A watch from the first event on.
    pub fn watch(&self) -> Watch {
        self.watch_from(1)
    }

    /// A watch over what happens from now on.
    pub fn watch_from_now(&self) -> Watch {
        self.watch_from(self.events().last().map_or(1, |event| event.sequence.0 + 1))
    }

    fn watch_from(&self, from: u64) -> Watch {
        Watch::open(&self.cli, from).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Plans the site; gives the plan's number.
    ///
    /// # Panics
    /// Where no plan is made.
    #[track_caller]
    pub fn plan(&self) -> PlanId {
        let plan = self.cli.json(&format!("plan {}", self.scene.site));
        let id = plan.get("plan").and_then(serde_json::Value::as_u64);
        PlanId(id.unwrap_or_else(|| panic!("no plan in {plan}")))
    }

    /// Plans and approves.
    ///
    /// # Panics
    /// Where either is refused.
    #[track_caller]
    pub fn approved_plan(&self) -> PlanId {
        let plan = self.plan();
        self.cli.ok(&format!("approve {plan}"));
        plan
    }

    /// Plans, approves, runs, confirms what a person must, to the end.
    ///
    /// # Panics
    /// Where the run does not end done.
    #[track_caller]
    pub fn bring_in_sync(&self) -> PlanId {
        let plan = self.approved_plan();
        let ran = self.cli.run(["run", &plan.to_string(), "--watch"]);
        self.confirm_gates(plan, ran).expect(code::OK);
        plan
    }

    /// Does what a person must, for as long as a watched run waits for one: installs a guided package on the server, says
    /// `done`, gives an end date where one is asked for.
    #[track_caller]
    pub fn confirm_gates(&self, plan: PlanId, mut ran: Ran) -> Ran {
        while ran.code == code::WAITING {
            ran = self.do_by_hand(plan, &self.waiting(plan));
        }
        ran
    }

    /// A person's part of a step: a guided package is installed, `done` is said.
    #[track_caller]
    pub fn do_by_hand(&self, plan: PlanId, step: &StepView) -> Ran {
        if step.node.kind == NodeKind::Package {
            self.install_by_hand(step);
        }
        self.done(plan, step)
    }

    /// The step of a run that waits for a person.
    ///
    /// # Panics
    /// Where none does.
    #[track_caller]
    pub fn waiting(&self, plan: PlanId) -> StepView {
        let steps = self.steps(plan).steps.into_iter();
        let mut waiting = steps.filter(|step| step.state == StepState::Waiting);
        waiting.next().unwrap_or_else(|| panic!("{plan} waits for nobody"))
    }

    /// Says that a step is done, and watches what comes of it.
    pub fn done(&self, plan: PlanId, step: &StepView) -> Ran {
        let number = format!("{plan}/{}", step.number);
        let mut words = vec!["done", &number, "--watch"];
        if step.end_date_of.is_some() {
            words.extend(["--ends", "2099-12-31"]);
        }
        self.cli.run(words)
    }

    /// What a person does of a guided package: its installer, with the version that the step shows.
    #[track_caller]
    fn install_by_hand(&self, step: &StepView) {
        let version = step.rows.iter().find(|row| row.attribute.name.as_str() == "version");
        match version.map(|row| &row.new) {
            Some(New::Exact(version)) => {
                self.agent.twin.install(step.node.name.as_str(), &version.to_string());
            }
            other => panic!("{} shows no version to install: {other:?}", step.node),
        }
    }

    /// The plan's steps.
    #[track_caller]
    pub fn steps(&self, plan: PlanId) -> StepsView {
        self.view(&format!("steps {plan}"))
    }

    /// The step of a node, `kind/name`.
    ///
    /// # Panics
    /// Where the plan has none.
    #[track_caller]
    pub fn step(&self, plan: PlanId, node: &str) -> StepView {
        let steps = self.steps(plan).steps;
        let found = steps.into_iter().find(|step| step.node.to_string() == node);
        found.unwrap_or_else(|| panic!("{plan} has no step for {node}"))
    }

    /// The plan's rows, each as a person reads it: `node attribute old -> new (reason)`.
    #[track_caller]
    pub fn rows(&self, plan: PlanId) -> Vec<String> {
        self.steps(plan).steps.iter().flat_map(|step| &step.rows).map(row_text).collect()
    }

    /// Where the site stands.
    #[track_caller]
    pub fn status(&self) -> SiteView {
        let view: StatusView = self.view(&format!("status {}", self.scene.site));
        view.sites.into_iter().next().unwrap_or_else(|| panic!("status shows no site"))
    }

    /// Why it stands there.
    #[track_caller]
    pub fn why(&self) -> WhyView {
        self.view(&format!("why {}", self.scene.site))
    }

    /// Asserts that the site is in sync, by status and by a new plan without rows.
    ///
    /// # Panics
    /// Where it is not.
    #[track_caller]
    pub fn assert_in_sync(&self) {
        let plan = self.plan();
        assert_eq!(self.rows(plan), Vec::<String>::new(), "{plan} is not empty");
        assert_eq!(self.steps(plan).steps.len(), 0, "an empty plan has no step");
        assert_eq!(self.status().state, SiteState::InSync);
    }

    #[track_caller]
    fn view<T: DeserializeOwned>(&self, line: &str) -> T {
        let json = self.cli.json(line);
        serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("`{line}`: {error}\n{json:#}"))
    }
}

/// A row as a person reads it.
pub fn row_text(row: &Row) -> String {
    format!("{} {} {} -> {} ({})", row.node, row.attribute, row.old, row.new, row.reason)
}
