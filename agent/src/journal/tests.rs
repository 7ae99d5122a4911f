//! Promises 3 and 4 on a real disk: what was stored is there after a restart, and a damaged journal starts nothing.

use std::path::Path;

use muster_agent_core::ledger::Owned;
use muster_model::command::Epoch;
use muster_model::outcome::StepKey;
use muster_model::plan::AttributePath;
use muster_model::value::Value;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::sqlite::SqliteStore;
use super::*;

fn epoch(number: u64) -> Record {
    Record::Epoch { epoch: Epoch { number, instance: Uuid::from_u128(1) } }
}

fn open(runtime: &Runtime, folder: &Path) -> Result<Journal, Error> {
    let server = "dupont-prod/web".parse().unwrap();
    let store = SqliteStore::open(&folder.join("agent.db"), &server, runtime.handle().clone())?;
    Journal::open(Box::new(store))
}

fn sql(runtime: &Runtime, folder: &Path, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(folder.join("agent.db"));
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    });
}

fn right(member: &str) -> AttributePath {
    AttributePath { name: "rights".to_owned(), member: Some(member.to_owned()) }
}

#[test]
fn what_was_stored_is_there_after_a_restart() {
    let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let node: muster_model::name::NodeId = "file/C:\\m.ini".parse().unwrap();
    let owned = |value: &str| Owned { value: Value::from(value), generation: "3".parse().unwrap() };
    let change = |member: &str, owned| Change { node: node.clone(), attribute: right(member), owned };
    {
        let journal = open(&runtime, folder.path()).unwrap();
        assert_eq!(journal.position(), 0);
        assert_eq!(journal.append(epoch(4)).unwrap(), 1);
        let changes = vec![change("svc", Some(owned("read"))), change("bob", Some(owned("full")))];
        journal.append_owning(epoch(5), changes).unwrap();
        journal
            .append_owning(epoch(6), vec![change("svc", Some(owned("modify"))), change("bob", None)])
            .unwrap();
    }
    let journal = open(&runtime, folder.path()).unwrap();
    assert_eq!(journal.position(), 3);
    assert_eq!(journal.read(|state| state.epoch()).unwrap().number, 6);
    journal.read_ledger(|ledger| {
        assert_eq!(ledger.last(&node, &right("svc")), Some(&owned("modify")));
        assert_eq!(ledger.last(&node, &right("bob")), None);
    });
    assert_eq!(journal.append(epoch(7)).unwrap(), 4);
}

#[test]
fn a_record_that_contradicts_is_refused_before_it_is_written() {
    let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let journal = open(&runtime, folder.path()).unwrap();
    journal.append(epoch(4)).unwrap();
    assert!(matches!(journal.append(epoch(3)), Err(Error::Illegal(_))));
    assert_eq!(journal.append(epoch(5)).unwrap(), 2, "the journal goes on");
    drop(journal);
    assert_eq!(open(&runtime, folder.path()).unwrap().position(), 2);
}

#[test]
fn a_journal_that_was_touched_starts_nothing_and_says_so() {
    let check = |statement: &'static str| {
        let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
        let journal = open(&runtime, folder.path()).unwrap();
        for number in 1..=4 {
            journal.append(epoch(number)).unwrap();
        }
        drop(journal);
        sql(&runtime, folder.path(), statement);
        let error = open(&runtime, folder.path()).err().unwrap();
        assert!(matches!(error, Error::Broken(_)), "{statement}: {error}");
    };
    check(
        "UPDATE record SET bytes = CAST(replace(CAST(bytes AS TEXT), ':2', ':9') AS BLOB) WHERE position = 2",
    );
    check("UPDATE record SET digest = zeroblob(32) WHERE position = 4");
    check("DELETE FROM record WHERE position = 3");
    check("DELETE FROM record WHERE position = 1");
}

#[test]
fn the_journal_of_another_server_is_refused() {
    let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    drop(open(&runtime, folder.path()).unwrap());
    let other = "martin-prod/web".parse().unwrap();
    let store = SqliteStore::open(&folder.path().join("agent.db"), &other, runtime.handle().clone());
    assert!(matches!(store.err().unwrap(), store::Error::Foreign { .. }));
}

#[test]
fn every_commit_is_fsynced() {
    let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let server = "dupont-prod/web".parse().unwrap();
    let mut store =
        SqliteStore::open(&folder.path().join("agent.db"), &server, runtime.handle().clone()).unwrap();
    // 2 is FULL: a commit is on the disk when it returns, also in WAL mode.
    assert_eq!(store.pragma("PRAGMA synchronous"), "2");
    assert_eq!(store.pragma("PRAGMA journal_mode"), "wal");
}

/// A disk that is full from the n-th record on.
struct Full {
    room: u64,
}

impl Store for Full {
    fn records(&mut self) -> Result<Vec<muster_agent_core::journal::Sealed>, store::Error> {
        Ok(Vec::new())
    }

    fn ownership(&mut self) -> Result<Vec<Change>, store::Error> {
        Ok(Vec::new())
    }

    fn append(
        &mut self,
        sealed: &muster_agent_core::journal::Sealed,
        _: &[Change],
    ) -> Result<(), store::Error> {
        if sealed.position <= self.room {
            return Ok(());
        }
        // Room comes back at once: a second try would succeed, and must not be made.
        self.room = u64::MAX;
        Err(store::Error::Row { path: "disk".to_owned(), table: "record", problem: "full".to_owned() })
    }
}

#[test]
fn after_one_failed_write_nothing_more_is_written() {
    let journal = Journal::open(Box::new(Full { room: 1 })).unwrap();
    journal.append(epoch(1)).unwrap();
    assert!(matches!(journal.append(epoch(2)), Err(Error::Store(_))));
    // Whoever hears of it second is told the cause as well.
    let second = journal.append(epoch(3)).unwrap_err();
    assert!(matches!(&second, Error::GivenUp(why) if why.contains("full")), "{second}");
    assert_eq!(journal.read(|state| state.epoch()).unwrap().number, 1, "what failed did not happen");
    assert_eq!(journal.wait(&AtomicBool::new(false)), None, "the engine is told");
    let acknowledged = Record::Acknowledged { key: StepKey(Uuid::nil()) };
    assert!(matches!(journal.append(acknowledged), Err(Error::GivenUp(_))));
}
