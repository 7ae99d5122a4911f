//! FreeTDS's own client reads this server's answers: what both take for TDS is not one program's opinion.

use std::io::Write as _;
use std::process::{Command, Stdio};

use muster_tds::{Server, State};

/// What FreeTDS's client says to a batch.
fn say(server: &Server, password: &str, batch: &str) -> String {
    let mut client = Command::new("tsql")
        .args(["-H", "127.0.0.1", "-p", &server.port().to_string(), "-U", "muster", "-P", password])
        .env("TDSVER", "7.4")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tsql of Debian's freetds-bin starts");
    let input = format!("{batch}\ngo\nexit\n");
    let mut typed = client.stdin.take().expect("its input is a pipe");
    typed.write_all(input.as_bytes()).expect("it reads");
    drop(typed);
    let output = client.wait_with_output().expect("it ends");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn freetds_reads_rows_messages_and_errors_through_tls_and_without() {
    let state = || State::default().with_login("muster", "a password");
    for server in [Server::start(state()), Server::start_plain(state())] {
        let batch = "PRINT 'one'\nSELECT state_desc FROM sys.databases WHERE name = N'master'\nSELECT COUNT(*) FROM Nothing";
        let said = say(&server, "a password", batch);
        assert!(said.contains("one\n") && said.contains("ONLINE"), "{said}");
        assert!(said.contains("Msg 208 (severity 16, state 1)") && said.contains("Line 3"), "{said}");
        let refused = say(&server, "another", "PRINT 'two'");
        assert!(refused.contains("18456") && !refused.contains("two"), "{refused}");
    }
}

#[test]
fn what_a_transaction_did_is_seen_once_it_is_committed_and_goes_with_its_connection() {
    let server = Server::start_plain(State::default().with_login("muster", "a password"));
    say(
        &server,
        "a password",
        "CREATE TABLE T (Id int)\nBEGIN TRANSACTION\nINSERT INTO T VALUES (1)\nCOMMIT",
    );
    say(&server, "a password", "BEGIN TRANSACTION\nINSERT INTO T VALUES (2)");
    assert_eq!(server.state().databases["master"].tables["T"], 1);
    let batches: Vec<String> = server.state().journal.into_iter().map(|entry| entry.text).collect();
    assert!(batches.iter().any(|text| text.contains("VALUES (2)")), "{batches:?}");
}
