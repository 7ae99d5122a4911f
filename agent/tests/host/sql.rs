//! A modelled SQL Server without an agent: several twins reach the same one, with the rights that it gives each.

use std::path::Path;

use muster_agent::host::twin::Twin;
use muster_agent::host::{Host as _, NewDatabase, SqlBatch, SqlError, SqlServer as _};
use muster_model::manifest::Endpoint;

use crate::ended::ended;

fn twin(folder: &Path, host: &str, logins: &str) -> Twin {
    let declaration = folder.join(format!("{host}.yaml"));
    let text = format!(
        "kind: Twin\nhost_name: {host}\nsql_servers:\n  'DUP-SQL01,1433':\n    dir: ../sql\n    free_mb: 100\n    logins: {logins}\npackages: {{}}\n"
    );
    std::fs::write(&declaration, text).unwrap();
    let dir = folder.join(host);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_muster-agent"));
    command.args(["twin", "init", "--dir"]).arg(&dir).arg("--from").arg(&declaration);
    let output = ended(&mut command).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Twin::open(&dir, Path::new(env!("CARGO_BIN_EXE_muster-agent"))).unwrap()
}

fn endpoint() -> Endpoint {
    Endpoint::new("main".parse().unwrap(), "DUP-SQL01,1433".parse().unwrap())
}

#[test]
fn twins_share_one_sql_server_and_what_one_does_the_other_sees() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (twin(folder.path(), "WEB-A", "{}"), twin(folder.path(), "WEB-B", "{}"));
    one.sql().create_database(&endpoint(), "SXA", &NewDatabase::default()).unwrap();
    assert!(other.database(&endpoint(), "sxa").unwrap().is_some());
    let mut session = one.connect(&endpoint(), "SXA", false).unwrap();
    let batch =
        SqlBatch { text: "CREATE TABLE T (Id int)", label: "a.sql#1", mark: Some(("Muster:a", "1/1")) };
    session.execute(&batch).unwrap();
    let mut session = other.connect(&endpoint(), "SXA", false).unwrap();
    assert_eq!(session.property("Muster:a").unwrap().as_deref(), Some("1/1"));
    let SqlError::Server(message) = session.execute(&batch).unwrap_err() else { panic!("it was lost") };
    assert_eq!((message.number, message.line), (2714, 1));
    assert_eq!(session.scalar("select count(*) from t").unwrap().as_deref(), Some("0"));
}

#[test]
fn rights_and_space_are_the_server_s_to_give() {
    let folder = tempfile::tempdir().unwrap();
    let logins = "{'WEB-A$': [execute], 'WEB-C$': [create_database]}";
    let (executes, stranger) = (twin(folder.path(), "WEB-A", logins), twin(folder.path(), "WEB-B", logins));
    let creates = twin(folder.path(), "WEB-C", logins);
    let refused = stranger.database(&endpoint(), "SXA").unwrap_err().to_string();
    assert!(refused.contains("18456"), "{refused}");
    let refused =
        executes.create_database(&endpoint(), "SXA", &NewDatabase::default()).unwrap_err().to_string();
    assert!(refused.contains("262"), "{refused}");
    let large = NewDatabase { data_size_mb: Some(200), ..NewDatabase::default() };
    let refused = creates.create_database(&endpoint(), "SXA", &large).unwrap_err().to_string();
    assert!(refused.contains("not enough space"), "{refused}");
    creates.create_database(&endpoint(), "SXA", &NewDatabase::default()).unwrap();
    let mut session = creates.connect(&endpoint(), "SXA", false).unwrap();
    let batch = SqlBatch { text: "PRINT 'a'", label: "a.sql#1", mark: None };
    let SqlError::Server(message) = session.execute(&batch).unwrap_err() else { panic!("it was lost") };
    assert_eq!(message.number, 229);
}
