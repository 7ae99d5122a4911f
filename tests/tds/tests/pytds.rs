//! A client in Python that shares no code with FreeTDS reads this server's answers: several result sets, PRINT, errors with their
//! severity and line, states of databases, backups.
//!
//! Neighbours: `client.py` is the client, `freetds` the other one. This one knows no TLS without more packages.

use std::io::Write as _;
use std::process::{Command, Stdio};

use muster_agent_core::tsql::{back_up, backup_set, verify};
use muster_tds::{Server, State};

/// What the client says to these batches, a line of JSON each.
fn say(server: &Server, password: &str, batches: &[&str]) -> String {
    // Debian's own: python3-tds belongs to it, whatever else is called python3 on the machine.
    let mut client = Command::new("/usr/bin/python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/client.py"))
        .args([&server.port().to_string(), password])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Debian's python3 starts");
    let quoted: Vec<String> = batches.iter().map(|batch| format!("{batch:?}")).collect();
    let mut typed = client.stdin.take().expect("its input is a pipe");
    typed.write_all(format!("[{}]", quoted.join(", ")).as_bytes()).expect("it reads");
    drop(typed);
    let output = client.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_client_in_python_reads_result_sets_messages_errors_and_states() {
    let server = Server::start_plain(State::default().with_login("muster", "a password"));
    let state = |name: &str| format!("SELECT state_desc FROM sys.databases WHERE name = N'{name}'");
    let said = say(
        &server,
        "a password",
        &[
            &format!("{}\nPRINT 'between'\nSELECT COUNT(*) FROM Nothing", state("master")),
            "CREATE DATABASE [SXA]",
            &format!("{}\n{}", state("SXA"), state("none")),
            "CREATE DATABASE [sxa]",
            "EXEC [SXA].sys.sp_addextendedproperty @name = N'Muster', @value = N'an \u{e9}'",
            "SELECT CAST(value AS nvarchar(4000)) FROM [SXA].sys.extended_properties WHERE class = 0 AND name = N'Muster'",
            &back_up("SXA", r"E:\a.bak", "Muster 1", "before"),
            &verify(r"E:\a.bak", 1),
            &backup_set("SXA", "Muster 1"),
            &verify(r"E:\b.bak", 1),
        ],
    );
    let said: Vec<&str> = said.lines().collect();
    let [mixed, created, sets, twice, added, property, made, read_back, listed, nowhere] = said.as_slice()
    else {
        panic!("{said:?}")
    };
    let online = r#"{"columns": ["state_desc"], "rows": [["ONLINE"]]}"#;
    let printed = r#"{"number": 0, "severity": 0, "line": 2, "text": "between"}"#;
    assert!(mixed.contains(online) && mixed.contains(printed), "{mixed}");
    assert!(mixed.contains(r#""error": {"number": 208, "severity": 16, "line": 3"#), "{mixed}");
    let nothing = r#"{"sets": [], "messages": [], "error": null}"#;
    assert_eq!((*created, *added), (nothing, nothing));
    let none = r#"{"columns": ["state_desc"], "rows": []}"#;
    assert_eq!(*sets, format!(r#"{{"sets": [{online}, {none}], "messages": [], "error": null}}"#));
    assert!(twice.contains(r#""error": {"number": 1801, "severity": 16, "line": 1"#), "{twice}");
    assert!(property.contains(r#""rows": [["an \u00e9"]]"#), "{property}");
    // What the agent says of backups.
    assert!(made.contains("100 percent processed.") && made.ends_with(r#""error": null}"#), "{made}");
    assert!(read_back.contains("The backup set on file 1 is valid."), "{read_back}");
    assert!(listed.contains(r#""1", "8388608""#), "{listed}");
    assert!(nowhere.contains(r#""error": {"number": 3201, "severity": 16"#), "{nowhere}");
}

#[test]
fn a_client_in_python_is_refused_with_another_password() {
    let server = Server::start_plain(State::default().with_login("muster", "a password"));
    let refused = say(&server, "another", &["PRINT 'two'"]);
    assert!(refused.contains(r#"{"refused": {"number": 18456"#) && !refused.contains("two"), "{refused}");
}
