//! Databases: made, seen and changed, whatever they are called.

use super::*;
use crate::host::DatabaseChange;

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

/// As those of an Express are made. It is online, and has no collation until somebody comes into it.
#[test]
fn a_database_that_auto_close_has_closed_is_opened_and_never_said_to_have_no_collation() {
    let (server, host) = (with_database(), host());
    server.change(|state| state.closed.extend(["SXA".to_owned()]));
    assert_eq!(host.database(&endpoint(&server), "SXA").unwrap().unwrap().collation, "French_CI_AS");
    server.change(|state| state.databases.get_mut("SXA").unwrap().collation.clear());
    let unreadable = host.database(&endpoint(&server), "SXA").unwrap_err().to_string();
    assert!(unreadable.contains("does not say its collation"), "{unreadable}");
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
