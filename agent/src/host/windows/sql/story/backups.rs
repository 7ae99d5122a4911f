//! Backups: made, found in the history, read back.

use std::ops::ControlFlow;

use super::*;
use crate::host::{NewBackup, SqlProgress};

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
