//! Batches: their marks, their messages, their transactions, and what holds where a connection broke.

use super::*;
use crate::host::SqlPassed;

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

/// Its lines are not those of the batch.
#[test]
fn an_error_of_a_procedure_is_told_with_its_name_and_its_own_line() {
    let (server, host) = (with_database(), host());
    server.change(|state| {
        drop(state.procedures.insert("post".to_owned(), vec![(547, 40, "it conflicted".to_owned())]));
    });
    let mut session = host.connect(&endpoint(&server), "SXA", false).unwrap();
    let message = refused(run(session.as_mut(), "PRINT 'a'\nEXEC dbo.Post", Some("1/1")));
    assert_eq!((message.procedure.as_deref(), message.line), (Some("post"), 40));
    let message = refused(run(session.as_mut(), "PRINT 'a'\nINSERT INTO Nothing VALUES (1)", Some("1/1")));
    assert_eq!((message.procedure, message.line), (None, 2));
}

/// What decides is that the transaction is gone; what a person needs is why.
#[test]
fn an_error_that_ended_the_transaction_tells_the_one_before_it() {
    let (server, host) = (with_database(), host());
    let count =
        "Transaction count after EXECUTE indicates a mismatch. Previous count = 1, current count = 0.";
    let said = vec![(547, 40, "it conflicted".to_owned()), (266, 41, count.to_owned())];
    server.change(|state| drop(state.procedures.insert("post".to_owned(), said)));
    let mut session = host.connect(&endpoint(&server), "SXA", false).unwrap();
    let message = refused(run(session.as_mut(), "EXEC dbo.Post", Some("1/1")));
    assert!(message.number == 266 && message.ended_transaction(), "{message}");
    let cause =
        "(after Msg 547, Level 16, State 1, Procedure post, Line 40: it conflicted) Transaction count";
    assert!(message.text.starts_with(cause), "{message}");
}

/// It may be all that says how far the batch came.
#[test]
fn what_a_batch_printed_before_it_failed_is_in_the_log() {
    let (server, host) = (with_database(), host());
    let mut session = host.connect(&endpoint(&server), "SXA", false).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let to = std::sync::Mutex::new(std::fs::File::create(&file).unwrap());
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(to).finish();
    tracing::subscriber::with_default(log, || {
        refused(run(session.as_mut(), "PRINT 'half way'\nINSERT INTO Nothing VALUES (1)", Some("1/1")));
    });
    let log = std::fs::read_to_string(&file).unwrap();
    assert!(log.contains("half way") && log.contains("printed by a batch that failed"), "{log}");
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

/// The client takes 10,000 statements in a row that answer nothing for an attack. Where the batch has answered before, it goes on.
#[test]
fn a_batch_of_very_many_silent_statements_goes_through_where_it_speaks_first_and_is_told_where_not() {
    let (server, host) = (with_database(), host());
    let mut session = host.connect(&endpoint(&server), "SXA", false).unwrap();
    let silent = "SET NOCOUNT ON\n".repeat(25_000) + "INSERT INTO T VALUES (1)";
    assert_eq!(run(session.as_mut(), &format!("PRINT 'a'\n{silent}"), Some("1/2")).unwrap(), ["a"]);
    assert_eq!(seen(&server), (1, Some("1/2".to_owned())));

    let Err(SqlError::Lost(told)) = run(session.as_mut(), &silent, Some("2/2")) else {
        panic!("it was read")
    };
    assert!(told.contains("10,000 statements") && told.contains("PRINT"), "{told}");
    assert_eq!(seen(&server), (1, Some("1/2".to_owned())), "its transaction goes with the connection");
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
    let ended = run(session.as_mut(), "INSERT INTO T VALUES (2)\nCOMMIT", Some("2/9"));
    assert_eq!(ended, Err(SqlError::Ended), "whether it committed or rolled back, its mark is not set");
    assert_eq!(seen(&server), (2, Some("1/9".to_owned())));
    let ended = run(session.as_mut(), "INSERT INTO T VALUES (3)\nROLLBACK", Some("2/9"));
    assert_eq!((ended, seen(&server)), (Err(SqlError::Ended), (2, Some("1/9".to_owned()))));
    run(session.as_mut(), "INSERT INTO T VALUES (3)", Some("2/9")).unwrap();
    assert_eq!(seen(&server), (3, Some("2/9".to_owned())), "the session goes on");
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
