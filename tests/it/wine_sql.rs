//! A SQL Server, as the agent for Windows reaches it: the service on a Wine, the server played on Linux, between them TLS and a
//! login whose password only the agent opens.
//!
//! Run by `tests/windows/run sql`. The oracle is the played server: what it holds and every batch that it was sent. What it
//! takes SQL Server to be is listed in `deploy/windows/ACCEPTANCE.md`.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use muster_model::digest::Digest;
use muster_model::event::{EventBody, RunEnd};
use muster_model::name::PlanId;
use muster_model::outcome::End;
use muster_model::view::StepState;
use muster_tds::{Moment, State, Trouble};
use muster_tests::cli::code;
use muster_tests::field::Field;
use muster_tests::programs::{played_for_windows, root, wine_drive};

use crate::wine_server::{Server, kill, sc_query, wine};

pub(crate) const PASSWORD: &str = "Corr3ct-hörse";
const SCRIPTS: [(&str, &str); 3] = [
    (
        "0100_tables.sql",
        "PRINT 'les tables'\nCREATE TABLE dbo.Payment (Id int)\nGO\nINSERT INTO dbo.Payment VALUES (1)\nGO\n",
    ),
    ("0200_data.sql", "INSERT INTO dbo.Payment VALUES (2)\nGO\n:r part\\0210_more.sql\n"),
    (
        "0300_backup.sql",
        "BACKUP DATABASE [Story] TO DISK = N'B:\\story.bak' WITH COPY_ONLY, CHECKSUM, INIT, STATS = 50\nGO\nRESTORE VERIFYONLY FROM DISK = N'B:\\story.bak' WITH CHECKSUM\nGO\n",
    ),
];

/// What the second script takes in.
const TAKEN: (&str, &str) = (
    r"part\0210_more.sql",
    "INSERT INTO dbo.Payment VALUES (3)\nGO\nINSERT INTO dbo.Payment VALUES (4)\nGO\n",
);

/// What the agent's own backup begins with; the script's is written otherwise.
const OWN_BACKUP: &str = r"TO DISK = N'B:\muster\";

/// How many batches with that text were sent.
fn sent_of(state: &State, text: &str) -> usize {
    state.journal.iter().filter(|entry| entry.text.contains(text)).count()
}

/// A site whose agent is connected, and its SQL Server. Its secret is set.
pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) sql: muster_tds::Server,
}

/// A named pipe of the Wine before the server that is played on Linux, until it is dropped.
struct Pipe {
    program: Child,
    /// Ends the program when it ends.
    control: Option<TcpStream>,
}

impl Pipe {
    fn open(name: &str, sql: &muster_tds::Server) -> Self {
        let control = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let program = Command::new(root().join("tests/windows/wine"))
            .arg(played_for_windows("muster-tds-pipe").unwrap())
            // One for the session of a task, one for the question how far its backup is, one to come.
            .args([name, "3", &sql.port().to_string(), &control.local_addr().unwrap().port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (control, _) = control.accept().unwrap();
        Self { program, control: Some(control) }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        drop(self.control.take());
        // Whatever it says, it has ended, and its pipe with it.
        let _ended = self.program.wait();
    }
}

impl Scene {
    fn begin() -> Self {
        Self::begin_at(muster_tds::Server::address)
    }

    /// The same, whose documents have that address.
    fn begin_at(address: impl FnOnce(&muster_tds::Server) -> String) -> Self {
        let sql = muster_tds::Server::start(State::default().with_login("muster", PASSWORD));
        let address = address(&sql);
        Self::begin_before(sql, |field| field.edit("SQL-ADDRESS", &address))
    }

    /// The same before that server, after something was done to the documents: its address is theirs to write.
    pub(crate) fn begin_before(sql: muster_tds::Server, edit: impl FnOnce(&Field)) -> Self {
        let server = Server::joined_after("sql", |field| {
            edit(field);
            for (name, text) in SCRIPTS {
                field.edit(&format!("SHA-{}", &name[..4]), &Digest::of(text.as_bytes()).to_string());
            }
            field.edit("SHA-0210", &Digest::of(TAKEN.1.as_bytes()).to_string());
        });
        let folder = wine_drive().join("muster-story");
        fs::create_dir_all(folder.join("part")).unwrap();
        for (name, text) in SCRIPTS.into_iter().chain([TAKEN]) {
            fs::write(folder.join(name.replace('\\', "/")), text).unwrap();
        }
        server.field.set_secret("sql_password", PASSWORD).expect(code::OK);
        Self { server, sql }
    }

    /// Rows of the table, marks, and how often each of the scripts' batches was sent.
    fn seen(&self) -> (u64, Vec<String>, Vec<usize>) {
        let state = self.sql.state();
        let story = &state.databases["Story"];
        let whole = SCRIPTS.map(|(_, text)| text.replace(&format!(":r {}\n", TAKEN.0), TAKEN.1));
        let texts = whole.iter().flat_map(|text| text.split("GO\n")).filter(|text| !text.is_empty());
        let sent = texts.map(|text| {
            state.journal.iter().filter(|entry| entry.text.trim_end() == text.trim_end()).count()
        });
        (story.tables["Payment"], story.properties.values().cloned().collect(), sent.collect())
    }

    /// Runs a plan to its end, with the agent's own backup held until the agent has asked twice how far it is.
    fn run_and_see_percents(&self) {
        let field = &self.server.field;
        self.sql.arm(OWN_BACKUP, Moment::Before, Trouble::Pause);
        let plan = field.approved_plan();
        let shown = std::thread::scope(|scope| {
            let run = scope.spawn(|| field.cli.run(["run", &plan.to_string(), "--watch"]));
            self.sql.wait_until_held(OWN_BACKUP);
            // The agent asks at its own pace.
            self.sql.wait_until_sent(2, "dm_exec_requests");
            self.sql.release();
            run.join().unwrap()
        });
        shown.expect(code::OK).says(&["backing up, 40 percent"]);
    }

    /// How many backups the agent's own statement made.
    fn own_backups(&self) -> usize {
        let state = self.sql.state();
        state.backups.iter().filter(|backup| backup.file.starts_with(r"B:\muster\")).count()
    }

    /// Starts the run, kills the agent once the batch is held, starts it again, and waits for the end.
    fn killed_at(&self, batch: &str, moment: Moment) -> (PlanId, RunEnd) {
        let field = &self.server.field;
        let plan = field.approved_plan();
        let mut watch = field.watch_from_now();
        self.sql.arm(batch, moment, Trouble::Hold);
        field.cli.ok(&format!("run {plan}"));
        self.sql.wait_until_held(batch);
        kill(&self.server);
        watch.until("the service is gone", |body| matches!(body, EventBody::ServerDisconnected { .. }));
        self.server.agent(&["service", "start"]).expect(code::OK);
        let is_end = |body: &EventBody| matches!(body, EventBody::RunEnded { .. });
        let EventBody::RunEnded { end, .. } = watch.until("the run has ended", is_end).body else {
            panic!("{plan} has no end")
        };
        (plan, end)
    }
}

/// G1, G14, G21: from plan to in sync; the second plan is empty; each batch was sent once but those that the server refuses in a
/// transaction; the password is nowhere to be seen.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run sql"]
fn g14_a_database_its_scripts_and_a_verified_backup_come_in_sync_through_tds() {
    let scene = Scene::begin();
    let field = &scene.server.field;
    let preflight = field.cli.ok("preflight story-site");
    preflight.says(&["5 checks on 1 server, 0 missing"]);
    let plan = field.approved_plan();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    field.assert_in_sync();
    assert!(field.rows(field.plan()).is_empty(), "nothing is left to do");

    let (rows, marks, sent) = scene.seen();
    assert_eq!(rows, 4);
    assert_eq!(marks.len(), 3, "{marks:?}");
    assert!(marks.iter().all(|mark| ["2/2", "3/3"].contains(&mark.as_str())), "{marks:?}");
    assert_eq!(sent, [1, 1, 1, 1, 1, 2, 2], "a backup is refused in a transaction, and sent again without");
    let state = scene.sql.state();
    let story = &state.databases["Story"];
    assert_eq!((story.collation.as_str(), story.recovery.as_str()), ("Latin1_General_CI_AS", "SIMPLE"));
    assert_eq!(story.data.pages, 64 * 128);
    let [by_script, own] = state.backups.as_slice() else { panic!("{:?}", state.backups) };
    assert_eq!(by_script.file, r"B:\story.bak");
    assert!(own.file.starts_with(r"B:\muster\Story_muster_") && own.copy_only && own.checksums, "{own:?}");
    assert_eq!(sent_of(&state, "RESTORE VERIFYONLY"), 3, "by the script twice, by the task once");
    let evidence = |node: &str| field.step(plan, node).evidence.unwrap();
    assert!(evidence("sql_scripts/tables").contains("les tables"), "{}", evidence("sql_scripts/tables"));
    let backup = evidence("sql_scripts/backup");
    assert!(backup.contains("50 percent") && backup.contains("backup set on file 1 is valid"), "{backup}");
    let own_evidence = evidence("sql_backup/after");
    assert!(own_evidence.contains(&own.file) && own_evidence.contains("read back whole"), "{own_evidence}");
    assert!(evidence("sql_query/rows").contains("`4`"));
    assert!(!field.cli.ok("status story-site").said().contains("SIMULATED"));

    // By hand: drift of the database is seen and mended, as it is one that Muster manages.
    scene.sql.change(|state| {
        state.databases.get_mut("Story").unwrap().recovery = "FULL".to_owned();
    });
    let plan = field.approved_plan();
    assert_eq!(field.rows(plan).len(), 1, "{:?}", field.rows(plan));
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    field.assert_in_sync();
    let log = wine_drive().join("ProgramData/MusterAgent/logs/agent.log");
    let log = fs::read_to_string(log).unwrap();
    assert!(
        !log.contains(PASSWORD) && !log.contains("BEGIN TRANSACTION"),
        "the client of SQL Server is silent"
    );
}

/// G1: the same through the pipe of a named instance, TLS and login and all, with a second connection while it backs up.
/// The document names the computer, whose own agent finds the pipe without file sharing. Where there is no pipe, it says
/// what to do.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run sql"]
fn g1_a_database_its_scripts_and_its_backup_come_in_sync_through_a_named_pipe() {
    let scene = Scene::begin_at(|_| r"np:THIS-HOST\TRESO".to_owned());
    let field = &scene.server.field;
    let absent = field.cli.run(["preflight", "story-site"]).expect(code::MISSING);
    absent.says(&["cannot be reached", r"\TRESO: there is no such pipe", "Protocols, Named Pipes"]);
    assert!(scene.sql.state().journal.is_empty(), "another way was taken");

    let pipe = Pipe::open(r"MSSQL$TRESO\sql\query", &scene.sql);
    field.cli.ok("preflight story-site").says(&["5 checks on 1 server, 0 missing"]);
    scene.run_and_see_percents();
    field.assert_in_sync();
    assert!(field.rows(field.plan()).is_empty(), "nothing is left to do");
    let (rows, marks, sent) = scene.seen();
    assert_eq!((rows, marks.len(), &sent[..5]), (4, 3, [1, 1, 1, 1, 1].as_slice()));
    drop(pipe);
}

/// Promise 4: an agent that is killed while a batch runs, or right after its commit, runs no batch twice; its successor has the
/// password from its own disk.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run sql"]
fn an_agent_that_is_killed_in_the_middle_of_a_script_runs_no_batch_twice() {
    // Within the transaction: the server takes it back, and the batch is sent again.
    let scene = Scene::begin();
    let (_, end) = scene.killed_at("VALUES (3)", Moment::After);
    assert_eq!(end, RunEnd::Done);
    let (rows, _, sent) = scene.seen();
    assert_eq!((rows, &sent[..5]), (4, [1, 1, 1, 2, 1].as_slice()));
    scene.server.field.assert_in_sync();
    drop(scene);

    // After the commit, of which the agent never heard: the mark is there, and the batch is not sent again.
    let scene = Scene::begin();
    let (_, end) = scene.killed_at("COMMIT", Moment::After);
    assert_eq!(end, RunEnd::Done);
    let (rows, _, sent) = scene.seen();
    assert_eq!((rows, &sent[..5]), (4, [1, 1, 1, 1, 1].as_slice()));
}

/// A batch has no time limit and is not cut short: asked to stop meanwhile the agent's service says at once that it is stopping, and
/// is stopped when the batch has ended. Started again it goes on behind that batch.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run sql"]
fn the_agent_s_service_answers_a_stop_while_a_batch_runs_and_runs_none_twice() {
    let scene = Scene::begin();
    let field = &scene.server.field;
    let plan = field.approved_plan();
    let mut watch = field.watch_from_now();
    scene.sql.arm("VALUES (2)", Moment::Before, Trouble::Pause);
    field.cli.ok(&format!("run {plan}"));
    scene.sql.wait_until_held("VALUES (2)");

    // The service manager hands the control over and comes back with its answer; nobody lets the batch go before.
    wine(&["sc", "stop", "MusterAgent"]);
    assert!(sc_query().contains("STOP_PENDING"), "{}", sc_query());
    assert_eq!(field.step(plan, "sql_scripts/tables").state, StepState::Running);
    std::thread::scope(|scope| {
        // Whoever asks once more waits with it.
        let stop = scope.spawn(|| scene.server.agent(&["service", "stop"]));
        scene.sql.release();
        stop.join().unwrap().expect(code::OK).says(&["Service MusterAgent is stopped."]);
    });
    watch.until("the agent is gone", |body| matches!(body, EventBody::ServerDisconnected { .. }));
    assert_eq!(
        field.step(plan, "sql_scripts/tables").state,
        StepState::Running,
        "its other batches are to come"
    );

    scene.server.agent(&["service", "start"]).expect(code::OK);
    let end = watch.until("the run has ended", |body| matches!(body, EventBody::RunEnded { .. }));
    assert_eq!(end.body, EventBody::RunEnded { plan, end: RunEnd::Done });
    let (rows, _, sent) = scene.seen();
    assert_eq!((rows, &sent[..5]), (4, [1, 1, 1, 1, 1].as_slice()));
    field.assert_in_sync();
}

/// G1: how far a backup is is shown while it is made. An agent that is killed right after it finds it in the server's history and
/// reads it back; one that is killed in the midst of it says that nobody knows, and only an operator has another made.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run sql"]
fn a_backup_shows_its_percents_and_is_settled_by_the_server_s_history_after_a_kill() {
    let scene = Scene::begin();
    scene.run_and_see_percents();
    assert_eq!(scene.sql.state().backups.len(), 2);
    drop(scene);

    let scene = Scene::begin();
    let (plan, end) = scene.killed_at(OWN_BACKUP, Moment::After);
    assert_eq!(end, RunEnd::Done, "{:?}", scene.server.field.step(plan, "sql_backup/after").evidence);
    assert_eq!((scene.own_backups(), sent_of(&scene.sql.state(), OWN_BACKUP)), (1, 1));
    scene.server.field.assert_in_sync();
    drop(scene);

    let scene = Scene::begin();
    let (plan, end) = scene.killed_at(OWN_BACKUP, Moment::Before);
    let field = &scene.server.field;
    let step = field.step(plan, "sql_backup/after");
    assert_eq!(step.state, StepState::Ended(End::Unknown), "{end:?} {:?}", step.evidence);
    let again = format!("resume {plan} --restart {} --watch", step.number);
    field.cli.run(again.split(' ')).expect(code::OK);
    field.assert_in_sync();
    assert_eq!((scene.own_backups(), sent_of(&scene.sql.state(), OWN_BACKUP)), (1, 2));
}

/// G1: what is not read back whole is no backup, and what the history does not show is not begun.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run sql"]
fn a_backup_that_is_damaged_fails_and_one_that_cannot_be_looked_for_is_not_begun() {
    let scene = Scene::begin();
    let field = &scene.server.field;
    scene.sql.change(|state| state.hides_history = true);
    let plan = field.approved_plan();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    let evidence = || field.step(plan, "sql_backup/after").evidence.unwrap();
    assert!(evidence().contains("Msg 229") && evidence().ends_with("no backup was begun"), "{}", evidence());
    assert_eq!(scene.own_backups(), 0);

    scene.sql.change(|state| {
        state.hides_history = false;
        state.damages = true;
    });
    field.cli.run(["resume", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    assert!(evidence().contains("Msg 3189") && evidence().contains("do not rely"), "{}", evidence());
    scene.sql.change(|state| state.damages = false);
    field.cli.run(["resume", &plan.to_string(), "--watch"]).expect(code::OK);
    field.assert_in_sync();
    assert_eq!(scene.own_backups(), 2, "each attempt has a file of its own");
}

/// A batch outside a transaction whose end nobody saw is unknown, and only an operator has it run again.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run sql"]
fn a_backup_that_nobody_saw_end_waits_for_an_operator() {
    let scene = Scene::begin();
    let field = &scene.server.field;
    let plan = field.approved_plan();
    // The first time it is refused in a transaction; then it is announced, and runs.
    scene.sql.arm_after(1, "BACKUP", Moment::After, Trouble::Lose);
    let mut watch = field.watch_from_now();
    field.cli.ok(&format!("run {plan}"));
    watch.until("the run has ended", |body| matches!(body, EventBody::RunEnded { .. }));
    let step = field.step(plan, "sql_scripts/backup");
    assert_eq!(step.state, StepState::Ended(End::Unknown), "{:?}", step.evidence);
    let sent = scene.seen().2;
    let again = format!("resume {plan} --restart {} --watch", step.number);
    field.cli.run(again.split(' ')).expect(code::OK);
    field.assert_in_sync();
    // The first time it was refused in a transaction before, which does nothing; what is ordered anew runs alone at once.
    assert_eq!((sent[5], scene.seen().2[5]), (2, 3), "once more, by an operator's order");
}
