//! What the agent does to a SQL Server that is played beside it, through TLS: batches and marks hold together or not at all.
//!
//! Neighbours: `muster_tds` plays it; what it takes SQL Server to be is listed in `deploy/windows/ACCEPTANCE.md`.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use muster_model::manifest::{Endpoint, SqlLogin};
use muster_model::name::SecretVersion;
use muster_model::secret::SecretRef;
use muster_proto::secret::SecretValue;
use muster_tds::pipe::Pipe;
use muster_tds::{Authority, Database, Moment, Server, Shown, State, Trouble};
use zeroize::Zeroizing;

use super::super::WindowsHost;
use crate::host::{
    DatabaseChange, Error, NewBackup, NewDatabase, SqlBatch, SqlError, SqlMessage, SqlPassed, SqlProgress,
    SqlServer as _, SqlSession,
};
use crate::vault::{self, Secrets};

const PASSWORD: &str = "Corr3ct-hörse";
const MARK: &str = "Muster:sql_scripts/new:0123";

/// Opens every secret as this one.
struct Opens(&'static str);

impl Secrets for Opens {
    fn open(&self, _secret: &SecretRef) -> Result<SecretValue, vault::Error> {
        Ok(SecretValue::new(Zeroizing::new(self.0.to_owned())))
    }
}

fn state() -> State {
    State::default().with_login("muster", PASSWORD)
}

fn host() -> WindowsHost {
    WindowsHost::new(Path::new(r"C:\logs")).with_secrets(Arc::new(Opens(PASSWORD)))
}

fn endpoint(server: &Server) -> Endpoint {
    let password = SecretRef {
        site: "dupont-prod".parse().unwrap(),
        secret: "sql_password".parse().unwrap(),
        version: SecretVersion(1),
    };
    Endpoint {
        login: Some(SqlLogin { name: "muster".to_owned(), password }),
        trust_certificate: true,
        ..Endpoint::new("main".parse().unwrap(), server.address().parse().unwrap())
    }
}

/// A server with the database SXA and a table in it.
fn with_database() -> Server {
    let server = Server::start(state());
    host().create_database(&endpoint(&server), "SXA", &NewDatabase::default()).unwrap();
    server.change(|state| {
        let sxa: &mut Database = state.databases.get_mut("SXA").unwrap();
        sxa.tables.insert("T".to_owned(), 0);
    });
    server
}

fn run(session: &mut dyn SqlSession, text: &str, mark: Option<&str>) -> Result<Vec<String>, SqlError> {
    session.execute(&SqlBatch { text, label: "a.sql#1", mark: mark.map(|value| (MARK, value)) })
}

#[track_caller]
fn refused(ran: Result<Vec<String>, SqlError>) -> SqlMessage {
    match ran {
        Err(SqlError::Server(message)) => message,
        Err(SqlError::Lost(lost)) => panic!("it was lost: {lost}"),
        Ok(_) => panic!("it went through"),
    }
}

/// Rows of T, and the mark.
fn seen(server: &Server) -> (u64, Option<String>) {
    let sxa = &server.state().databases["SXA"];
    (sxa.tables["T"], sxa.properties.get(MARK).cloned())
}

#[test]
fn a_database_is_made_seen_and_changed() {
    let (server, host) = (Server::start(state()), host());
    let endpoint = endpoint(&server);
    assert_eq!(host.database(&endpoint, "SXA").unwrap(), None);
    let new = NewDatabase {
        collation: Some("Latin1_General_CI_AS".to_owned()),
        data_folder: Some(r"G:\Data".to_owned()),
        log_size_mb: Some(16),
        ..NewDatabase::default()
    };
    host.create_database(&endpoint, "SXA", &new).unwrap();
    host.alter_database(&endpoint, "SXA", &DatabaseChange::DataSizeMb(64)).unwrap();
    host.alter_database(&endpoint, "SXA", &DatabaseChange::Recovery("simple".to_owned())).unwrap();
    let facts = host.database(&endpoint, "sxa").unwrap().unwrap();
    assert_eq!((facts.status.as_str(), facts.recovery.as_str()), ("online", "simple"));
    assert_eq!(facts.collation, "Latin1_General_CI_AS");
    assert_eq!((facts.data.folder.as_str(), facts.data.size_mb), (r"G:\Data", 64));
    assert_eq!(
        (facts.log.folder.as_str(), facts.log.size_mb),
        (r"E:\SQL\Log", 16),
        "the server's own folder"
    );
    let again = host.create_database(&endpoint, "SXA", &new).unwrap_err().to_string();
    assert!(again.contains("Msg 1801"), "{again}");
    server.change(|state| state.databases.get_mut("SXA").unwrap().status = "OFFLINE".to_owned());
    assert_eq!(host.database(&endpoint, "SXA").unwrap().unwrap().status, "offline");
    host.alter_database(&endpoint, "SXA", &DatabaseChange::Online).unwrap();
    assert_eq!(server.state().databases["SXA"].status, "ONLINE");
}

#[test]
fn a_login_that_is_shown_no_files_sees_them_inside_the_database() {
    let (server, host) = (with_database(), host());
    server.change(|state| state.hides_files = true);
    assert_eq!(host.database(&endpoint(&server), "SXA").unwrap().unwrap().data.size_mb, 8);
    server.change(|state| state.databases.get_mut("SXA").unwrap().status = "RESTORING".to_owned());
    let refused = host.database(&endpoint(&server), "SXA").unwrap_err().to_string();
    assert!(refused.contains("VIEW ANY DEFINITION"), "{refused}");
}

#[test]
fn names_end_nowhere_early() {
    let (server, host) = (Server::start(state()), host());
    let name = "a]; DROP DATABASE [master]; --'";
    host.create_database(&endpoint(&server), name, &NewDatabase::default()).unwrap();
    assert!(host.database(&endpoint(&server), name).unwrap().is_some());
    let mut session = host.connect(&endpoint(&server), name, false).unwrap();
    session.set_property("it's", "a'; PRINT 'b").unwrap();
    session.set_property("it's", "another").unwrap();
    assert_eq!(session.property("it's").unwrap().as_deref(), Some("another"));
    assert_eq!(server.state().databases.len(), 2);
}

#[test]
fn a_batch_and_its_mark_are_both_there_or_neither() {
    let (server, host) = (with_database(), host());
    let mut session = host.connect(&endpoint(&server), "SXA", false).unwrap();
    let said = run(session.as_mut(), "PRINT 'première'\nINSERT INTO T VALUES (1)", Some("1/3")).unwrap();
    assert_eq!(said, ["première"]);
    assert_eq!(seen(&server), (1, Some("1/3".to_owned())));

    let wrong = "INSERT INTO T VALUES (2)\nINSERT INTO Nothing VALUES (1)";
    let message = refused(run(session.as_mut(), wrong, Some("2/3")));
    assert_eq!((message.number, message.severity, message.line), (208, 16, 2));
    // What goes on after an error of its own goes back as well.
    let raised = "INSERT INTO T VALUES (2)\nRAISERROR('no', 16, 1)\nINSERT INTO T VALUES (3)";
    assert_eq!(refused(run(session.as_mut(), raised, Some("2/3"))).text, "no");
    assert_eq!(seen(&server), (1, Some("1/3".to_owned())));

    run(session.as_mut(), "USE master\nPRINT 'elsewhere'", Some("2/3")).unwrap();
    assert_eq!(seen(&server).1.as_deref(), Some("2/3"), "the mark is in its own database");
    let sessions = server.state().journal.into_iter().rev().map(|entry| entry.session).take(8);
    assert_eq!(sessions.collect::<std::collections::BTreeSet<_>>().len(), 1, "one session throughout");
}

#[test]
fn a_message_is_an_error_from_severity_11_on() {
    let (server, host) = (with_database(), host());
    let mut session = host.connect(&endpoint(&server), "SXA", false).unwrap();
    let raised = |severity: u8| format!("INSERT INTO T VALUES (1)\nRAISERROR('so far', {severity}, 1)");
    assert_eq!(run(session.as_mut(), &raised(10), Some("1/2")).unwrap(), ["so far"]);
    assert_eq!(seen(&server), (1, Some("1/2".to_owned())));
    let message = refused(run(session.as_mut(), &raised(11), Some("2/2")));
    assert_eq!((message.text.as_str(), message.severity), ("so far", 11));
    assert_eq!(seen(&server), (1, Some("1/2".to_owned())));
}

#[test]
fn errors_that_stop_nothing_are_all_given_and_what_was_done_beside_them_stays() {
    let (server, host) = (with_database(), host());
    let mut session = host.connect(&endpoint(&server), "SXA", false).unwrap();
    let text = "INSERT INTO T VALUES (1)\nRAISERROR('one', 16, 1)\nPRINT 'so far'\nRAISERROR('two', 18, 1)\nINSERT INTO T VALUES (2)";
    let SqlPassed { printed, errors } = session.pass(text, "a.sql#1").unwrap();
    let told: Vec<(&str, u8, u32)> =
        errors.iter().map(|error| (error.text.as_str(), error.severity, error.line)).collect();
    assert_eq!(
        (told.as_slice(), printed.as_slice()),
        ([("one", 16, 2), ("two", 18, 4)].as_slice(), ["so far".to_owned()].as_slice())
    );
    assert_eq!(seen(&server), (2, None));
    let SqlPassed { printed, errors } = session
        .pass("PRINT 'a'\nINSERT INTO T VALUES (3)\nINSERT INTO Nothing VALUES (1)", "a.sql#2")
        .unwrap();
    assert_eq!((errors[0].number, errors.len(), printed.len(), seen(&server).0), (208, 1, 1, 3));
    assert_eq!(session.pass("INSERT INTO T VALUES (4)", "a.sql#3").unwrap(), SqlPassed::default());

    let open = session.pass("BEGIN TRAN\nINSERT INTO T VALUES (5)\nRAISERROR('x', 16, 1)", "a.sql#4");
    let Err(SqlError::Server(open)) = open else { panic!("{open:?}") };
    assert!(open.text.contains("leaves a transaction open"), "{open}");
    assert_eq!(seen(&server), (4, None), "it was rolled back");
    run(session.as_mut(), "INSERT INTO T VALUES (6)", Some("1/9")).unwrap();
    server.arm("VALUES (7)", Moment::After, Trouble::Lose);
    let lost = session.pass("INSERT INTO T VALUES (7)", "a.sql#5");
    assert!(matches!(lost, Err(SqlError::Lost(_))), "{lost:?}");
}

#[test]
fn a_connection_that_breaks_is_lost_and_the_mark_says_what_holds() {
    let cases = [
        ("INSERT", Moment::Before, 0),
        ("INSERT", Moment::After, 0),
        ("@value", Moment::After, 0),
        ("COMMIT", Moment::Before, 0),
        ("COMMIT", Moment::After, 1),
    ];
    for (text, moment, rows) in cases {
        let (server, host) = (with_database(), host());
        let mut session = host.connect(&endpoint(&server), "SXA", false).unwrap();
        server.arm(text, moment, Trouble::Lose);
        let ran = run(session.as_mut(), "INSERT INTO T VALUES (1)", Some("1/1"));
        assert!(matches!(ran, Err(SqlError::Lost(_))), "{text} {moment:?}: {ran:?}");
        let mark = (rows == 1).then(|| "1/1".to_owned());
        assert_eq!(seen(&server), (rows, mark), "{text} {moment:?}");
        let inserts = server.state().journal.into_iter().filter(|entry| entry.text.contains("INSERT"));
        assert_eq!(inserts.count(), 1, "{text} {moment:?}: it was sent once");
    }
}

#[test]
fn a_connection_that_broke_is_never_made_anew_behind_anybodys_back() {
    let (server, host) = (with_database(), host());
    let mut session = host.connect(&endpoint(&server), "SXA", false).unwrap();
    run(session.as_mut(), "SET LANGUAGE French", None).unwrap();
    server.arm("PRINT 'a'", Moment::After, Trouble::Lose);
    assert!(matches!(run(session.as_mut(), "PRINT 'a'", None), Err(SqlError::Lost(_))));
    assert!(matches!(run(session.as_mut(), "PRINT 'b'", None), Err(SqlError::Lost(_))));
    assert!(matches!(session.property(MARK), Err(SqlError::Lost(_))));
    let sent: Vec<String> = server.state().journal.into_iter().map(|entry| entry.text).collect();
    assert!(!sent.contains(&"PRINT 'b'".to_owned()), "in a session without its settings: {sent:?}");
}

#[test]
fn what_may_not_stand_in_a_transaction_says_so_and_runs_alone() {
    let (server, host) = (with_database(), host());
    let mut session = host.connect(&endpoint(&server), "SXA", false).unwrap();
    for text in [
        "PRINT 'a'\nALTER DATABASE SXA SET RECOVERY SIMPLE",
        r"BACKUP DATABASE [SXA] TO DISK = N'B:\sxa.bak' WITH COPY_ONLY, CHECKSUM, INIT, STATS = 20",
        r"RESTORE VERIFYONLY FROM DISK = N'B:\sxa.bak' WITH CHECKSUM",
    ] {
        assert!(refused(run(session.as_mut(), text, Some("1/1"))).refuses_transaction(), "{text}");
    }
    assert_eq!(seen(&server), (0, None));
    run(session.as_mut(), "ALTER DATABASE SXA SET RECOVERY SIMPLE", None).unwrap();
    let backup = r"BACKUP DATABASE [SXA] TO DISK = N'B:\sxa.bak' WITH COPY_ONLY, CHECKSUM, INIT, STATS = 20";
    let said = run(session.as_mut(), backup, None).unwrap();
    assert_eq!(said[..2], ["20 percent processed.", "40 percent processed."]);
    let said =
        run(session.as_mut(), r"RESTORE VERIFYONLY FROM DISK = N'B:\sxa.bak' WITH CHECKSUM", None).unwrap();
    assert_eq!(said, ["The backup set on file 1 is valid."]);
    let missing = refused(run(session.as_mut(), r"RESTORE VERIFYONLY FROM DISK = N'B:\no.bak'", None));
    assert_eq!(missing.number, 3201);
}

fn backup() -> NewBackup {
    NewBackup {
        database: "SXA".to_owned(),
        file: r"B:\it's.bak".to_owned(),
        name: "Muster 1".to_owned(),
        description: "a task's".to_owned(),
    }
}

#[test]
fn a_backup_is_made_seen_in_the_history_and_read_back_and_its_percents_are_heard() {
    let (server, host) = (with_database(), host());
    let endpoint = endpoint(&server);
    let mut session = host.backups(&endpoint).unwrap();
    assert_eq!(session.recorded("SXA", "Muster 1").unwrap(), None);
    let mut heard = Vec::new();
    let mut listen = |SqlProgress { percent, waited_ms }: SqlProgress| {
        heard.push((percent, waited_ms > 0));
        server.release();
        ControlFlow::Continue(())
    };
    server.arm("BACKUP DATABASE", Moment::Before, Trouble::Pause);
    session.back_up(&backup(), &mut listen).unwrap();
    let facts = session.recorded("sxa", "Muster 1").unwrap().unwrap();
    assert!(facts.copy_only && facts.checksums, "{facts:?}");
    assert_eq!((facts.position, facts.size_bytes), (1, 8 * 1024 * 1024));
    session.verify(&backup().file, facts.position, &mut listen).unwrap();
    assert_eq!(heard, [(Some(40), true)], "nothing is heard of what ends at once");

    // How far it is read back is heard as well.
    let mut heard = Vec::new();
    let mut listen = |SqlProgress { percent, waited_ms }: SqlProgress| {
        heard.push((percent, waited_ms > 0));
        server.release();
        ControlFlow::Continue(())
    };
    server.arm("RESTORE VERIFYONLY", Moment::Before, Trouble::Pause);
    session.verify(&backup().file, facts.position, &mut listen).unwrap();
    assert_eq!(heard, [(Some(40), true)]);

    // What is in the file is kept, and the new one is found behind it.
    let second = NewBackup { name: "Muster 2".to_owned(), ..backup() };
    session.back_up(&second, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(session.recorded("SXA", "Muster 2").unwrap().unwrap().position, 2);
    server.change(|state| state.backups[1].damaged = true);
    session.verify(&second.file, 1, &mut |_| ControlFlow::Continue(())).unwrap();
    let Err(SqlError::Server(damage)) = session.verify(&second.file, 2, &mut |_| ControlFlow::Continue(()))
    else {
        panic!("it was found whole")
    };
    assert_eq!(damage.number, 3189);
    assert_eq!(server.state().backups[0].description, "a task's");
}

#[test]
fn a_backup_that_is_given_up_or_lost_is_known_by_the_history_alone() {
    let (server, host) = (with_database(), host());
    let endpoint = endpoint(&server);
    server.arm("BACKUP DATABASE", Moment::Before, Trouble::Hold);
    let mut session = host.backups(&endpoint).unwrap();
    let given_up = session.back_up(&backup(), &mut |_| ControlFlow::Break(()));
    assert!(matches!(given_up, Err(SqlError::Lost(_))), "{given_up:?}");
    drop(session);
    server.arm("BACKUP DATABASE", Moment::After, Trouble::Lose);
    let mut session = host.backups(&endpoint).unwrap();
    let lost = session.back_up(&backup(), &mut |_| ControlFlow::Continue(()));
    assert!(matches!(lost, Err(SqlError::Lost(_))), "{lost:?}");
    let mut session = host.backups(&endpoint).unwrap();
    assert!(session.recorded("SXA", "Muster 1").unwrap().is_some(), "it took place all the same");
    server.change(|state| state.hides_history = true);
    let Err(SqlError::Server(hidden)) = session.recorded("SXA", "Muster 1") else { panic!("it was shown") };
    assert_eq!(hidden.number, 229);
}

#[test]
fn transactions_of_a_batch_s_own_are_never_mistaken_for_muster_s() {
    let (server, host) = (with_database(), host());
    let mut session = host.connect(&endpoint(&server), "SXA", false).unwrap();
    run(session.as_mut(), "BEGIN TRAN\nINSERT INTO T VALUES (1)\nCOMMIT", Some("1/9")).unwrap();
    assert_eq!(seen(&server), (1, Some("1/9".to_owned())));
    let open = refused(run(session.as_mut(), "BEGIN TRAN\nINSERT INTO T VALUES (2)", Some("2/9")));
    assert!(open.text.contains("leaves a transaction open"), "{open}");
    refused(run(session.as_mut(), "BEGIN TRAN\nINSERT INTO T VALUES (2)", None));
    refused(run(session.as_mut(), "INSERT INTO T VALUES (2)\nSET NOEXEC ON", Some("2/9")));
    assert_eq!(seen(&server), (1, Some("1/9".to_owned())));
    run(session.as_mut(), "INSERT INTO T VALUES (2)\nCOMMIT", Some("2/9")).unwrap();
    assert_eq!(seen(&server), (2, Some("2/9".to_owned())), "what it committed is marked after it");
}

#[test]
fn a_question_has_one_value_and_settings_are_the_scripts() {
    let (server, host) = (with_database(), host());
    let mut session = host.connect(&endpoint(&server), "SXA", false).unwrap();
    let mut ask = |question: &str| session.scalar(question).unwrap();
    assert_eq!(ask("SELECT SERVERPROPERTY('ProductVersion')").as_deref(), Some("15.0.4355.3"));
    assert_eq!(ask("SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'CREATE ANY DATABASE')").as_deref(), Some("1"));
    assert_eq!(ask("SELECT NULL"), None);
    assert_eq!(ask("SELECT name FROM sys.databases WHERE name = 'none'"), None);
    assert_eq!(ask("SELECT COUNT(*) FROM dbo.T").as_deref(), Some("0"));
    let count = "SELECT COUNT(*) FROM sys.extended_properties WHERE class = 0 AND name LIKE 'Muster:%'";
    assert_eq!(ask(count).as_deref(), Some("0"));
    // With QUOTED_IDENTIFIER OFF a text may stand in these.
    assert_eq!(run(session.as_mut(), "PRINT \"text\"", None).unwrap(), ["text"]);
    let mut other = host.connect(&endpoint(&server), "SXA", true).unwrap();
    assert_eq!(run(other.as_mut(), "PRINT \"name\"", None).unwrap(), [""]);
}

#[test]
fn who_is_not_let_in_is_told_why_and_nothing_goes_in_clear() {
    let server = Server::start(state());
    let wrong = WindowsHost::new(Path::new(r"C:\logs")).with_secrets(Arc::new(Opens("another")));
    let refused = wrong.database(&endpoint(&server), "SXA").unwrap_err();
    assert!(
        matches!(refused, Error::Refused { .. }) && refused.to_string().contains("Msg 18456"),
        "{refused}"
    );
    let absent = host().connect(&endpoint(&server), "SXA", false).map(|_| ()).unwrap_err().to_string();
    assert!(absent.contains("Msg 4060"), "{absent}");

    // Without a login Windows is to say who it is. Wine cannot, and nobody is taken for somebody.
    let nobody = Endpoint { login: None, ..endpoint(&server) };
    let before = server.log_ons();
    let said = host().database(&nobody, "SXA").unwrap_err();
    assert_eq!(server.log_ons(), before, "no other log-on in its place: {said}");
    assert!(server.state().journal.is_empty(), "nobody was let in");
    let plain = Server::start_plain(state());
    let error = host().database(&endpoint(&plain), "SXA").unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(plain.state().journal.is_empty(), "nobody logged on");
    let closed = Endpoint::new("main".parse().unwrap(), "127.0.0.1,9".parse().unwrap());
    assert!(matches!(
        host().database(&Endpoint { login: endpoint(&plain).login, ..closed }, "SXA"),
        Err(Error::Unreachable { .. })
    ));
}

/// The same server behind a pipe of this computer.
fn piped(server: &Server, pipe: &str) -> Endpoint {
    Endpoint { address: format!(r"np:\\localhost\pipe\{pipe}").parse().unwrap(), ..endpoint(server) }
}

/// Long enough to be many packets and many messages of the pipe, and what is asked does not depend on how it travels.
#[test]
fn through_a_named_pipe_a_server_is_as_through_its_port() {
    let (server, host) = (with_database(), host());
    let pipe = Pipe::open(r"muster-story-whole\sql\query", 2, server.port()).unwrap();
    let piped = piped(&server, r"muster-story-whole\sql\query");
    let mut session = host.connect(&piped, "SXA", false).unwrap();
    let long = "é".repeat(20_000);
    assert!(run(session.as_mut(), &format!("PRINT N'{long}'"), None).unwrap() == [long.as_str()]);
    run(session.as_mut(), "INSERT INTO T VALUES (1)", Some("1/9")).unwrap();
    assert_eq!(seen(&server), (1, Some("1/9".to_owned())));
    let wrong = WindowsHost::new(Path::new(r"C:\logs")).with_secrets(Arc::new(Opens("another")));
    let refused = wrong.database(&piped, "SXA").unwrap_err().to_string();
    assert!(refused.contains("Msg 18456"), "{refused}");
    server.arm("VALUES (2)", Moment::Before, Trouble::Lose);
    let lost = run(session.as_mut(), "INSERT INTO T VALUES (2)", Some("2/9"));
    assert!(matches!(lost, Err(SqlError::Lost(_))), "{lost:?}");
    drop(pipe);
    let gone = host.database(&piped, "SXA").unwrap_err();
    let Error::Unreachable { message, .. } = &gone else { panic!("{gone}") };
    assert!(message.contains("there is no such pipe") && message.contains("Configuration Manager"), "{gone}");
}

#[test]
fn a_pipe_whose_instances_are_all_in_use_is_waited_for() {
    let (server, host) = (with_database(), host());
    let _pipe = Pipe::open("muster-story-busy", 1, server.port()).unwrap();
    let piped = piped(&server, "muster-story-busy");
    let first = host.connect(&piped, "SXA", false).unwrap();
    let busy = std::fs::File::options().read(true).write(true).open(r"\\.\pipe\muster-story-busy");
    assert_eq!(busy.unwrap_err().raw_os_error(), Some(231), "it is in use");
    std::thread::scope(|scope| {
        let second = scope.spawn(|| self::host().database(&piped, "SXA").unwrap());
        drop(first);
        assert!(second.join().unwrap().is_some());
    });
}

/// A server with that certificate, and its endpoint with that authority.
fn certified(shown: &[Shown], authority: &Authority) -> (Server, Endpoint) {
    let server = Server::start_certified(state(), shown.to_vec());
    let endpoint = Endpoint {
        trust_certificate: false,
        authority: Some(authority.pem().parse().unwrap()),
        ..endpoint(&server)
    };
    (server, endpoint)
}

#[test]
fn a_server_is_let_near_the_password_only_with_the_authority_s_certificate_for_its_name() {
    let (authority, other) = (Authority::new("Dupont CA"), Authority::new("Dupont CA"));
    let (server, endpoint) = certified(&[authority.server("127.0.0.1")], &authority);
    let host = host();
    host.create_database(&endpoint, "SXA", &NewDatabase::default()).unwrap();
    assert!(host.database(&endpoint, "SXA").unwrap().is_some());
    let mut session = host.connect(&endpoint, "SXA", false).unwrap();
    run(session.as_mut(), "PRINT 'a'", None).unwrap();
    assert!(!server.state().journal.is_empty());

    let (by_other, wrong) = (other.server("127.0.0.1"), authority.server("dup-sql02"));
    for (shown, told) in [(by_other, "not signed by certificate_authority"), (wrong, "dup-sql02")] {
        let (server, endpoint) = certified(&[shown], &authority);
        let refused = host.database(&endpoint, "SXA").unwrap_err();
        assert!(matches!(refused, Error::Unreachable { .. }), "{refused}");
        let refused = refused.to_string();
        assert!(refused.contains(told) && refused.contains(&server.address()), "{refused}");
        assert_eq!(server.log_ons(), 0, "{told}");
    }
}

/// Between the one connection and the other somebody else may answer, with a certificate that is good, too, or with none such.
#[test]
fn a_server_that_shows_another_certificate_to_the_client_is_refused() {
    let (authority, other) = (Authority::new("Dupont CA"), Authority::new("Dupont CA"));
    for second in [authority.server("127.0.0.1"), other.server("127.0.0.1")] {
        let (server, endpoint) = certified(&[authority.server("127.0.0.1"), second], &authority);
        let refused = host().database(&endpoint, "SXA").unwrap_err().to_string();
        assert!(refused.contains("another certificate than a moment ago"), "{refused}");
        assert_eq!(server.log_ons(), 0, "nothing was sent to it");
    }
}

#[test]
fn the_certificate_is_judged_through_a_named_pipe_as_well_and_no_copy_of_it_stays() {
    let copies = || {
        let names = std::fs::read_dir(std::env::temp_dir()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("muster-") && name.ends_with(".cer")).count()
    };
    let (authority, other) = (Authority::new("Dupont CA"), Authority::new("Dupont CA"));
    let (server, endpoint) = certified(&[authority.server("localhost")], &authority);
    let _pipe = Pipe::open("muster-story-certified", 1, server.port()).unwrap();
    let piped = Endpoint { authority: endpoint.authority, ..piped(&server, "muster-story-certified") };
    let piped = Endpoint { trust_certificate: false, ..piped };
    assert_eq!(host().database(&piped, "SXA").unwrap(), None);
    let refused = Endpoint { authority: Some(other.pem().parse().unwrap()), ..piped };
    let refused = host().database(&refused, "SXA").unwrap_err().to_string();
    assert!(refused.contains("not signed by certificate_authority"), "{refused}");
    assert_eq!((server.log_ons(), copies()), (1, 0));
}
