//! What the store promises, on real files.

mod behind;
mod nouns;

use std::collections::BTreeSet;
use std::sync::Arc;

use muster_model::event::{Event, EventBody};
use muster_model::name::Slug;
use sqlx::Row as _;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;

async fn open(dir: &TempDir) -> Store {
    Store::open(&dir.path().join("muster.db"), Clock::system()).await.unwrap()
}

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

fn started(epoch: u64) -> EventBody {
    EventBody::ControllerStarted { epoch, instance: Uuid::nil() }
}

fn epoch_of(event: &[u8]) -> u64 {
    let event: Event = serde_json::from_slice(event).unwrap();
    let EventBody::ControllerStarted { epoch, .. } = event.body else { panic!("not a start: {event:?}") };
    epoch
}

async fn append(store: &Store, site: &str, body: EventBody) -> Result<Event, Error> {
    let site = slug(site);
    store.transaction(move |tx| Box::pin(async move { tx.append(Some(&site), body).await })).await
}

async fn schema_of(store: &Store) -> String {
    let mut snapshot = store.snapshot().await.unwrap();
    let rows = sqlx::query(
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name NOT LIKE '\\_sqlx%' ESCAPE '\\'
         ORDER BY tbl_name, type DESC, name",
    )
    .fetch_all(snapshot.connection().await.unwrap())
    .await
    .unwrap();
    rows.iter().map(|row| format!("{};\n", row.get::<String, _>(0))).collect()
}

/// `MUSTER_BLESS=1 cargo test -p muster-controller schema` writes the file anew.
#[tokio::test]
async fn the_migrations_make_the_schema_that_is_written_down() {
    let dir = TempDir::new().unwrap();
    let schema = schema_of(&open(&dir).await).await;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.sql");
    if std::env::var_os("MUSTER_BLESS").is_some() {
        std::fs::write(&file, &schema).unwrap();
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), schema);
}

#[tokio::test]
async fn of_two_hundred_writes_at_once_only_the_failing_one_is_undone_and_no_number_is_missing() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    let writes = (0..200u64).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .transaction(move |tx| {
                    Box::pin(async move {
                        let event = tx.append(Some(&slug("acme")), started(number)).await?;
                        if number == 77 { Err(Error::TooLarge(77)) } else { Ok(event.sequence) }
                    })
                })
                .await
        })
    });
    let mut answered = BTreeSet::new();
    for (number, write) in writes.collect::<Vec<_>>().into_iter().enumerate() {
        match write.await.unwrap() {
            Ok(sequence) => assert!(answered.insert(sequence)),
            Err(error) => assert!(number == 77 && matches!(error, Error::TooLarge(77)), "{number}: {error}"),
        }
    }
    assert_eq!(answered, (1..=199).map(Sequence).collect());
    store.close().await.unwrap();

    let store = open(&dir).await;
    let mut snapshot = store.snapshot().await.unwrap();
    let stored = snapshot.events(Sequence(0), &EventFilter::default(), 1_000).await.unwrap();
    assert_eq!(stored.iter().map(|event| event.sequence).collect::<BTreeSet<_>>(), answered);
    let epochs: BTreeSet<u64> = stored.iter().map(|event| epoch_of(&event.bytes)).collect();
    assert_eq!(epochs, (0..200).filter(|number| *number != 77).collect());
}

#[tokio::test]
async fn a_write_whose_caller_went_away_is_stored_all_the_same() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    let (begun_in, begun) = tokio::sync::oneshot::channel();
    let go = Arc::new(tokio::sync::Notify::new());
    let waiting = go.clone();
    let writing = store.clone();
    let caller = tokio::spawn(async move {
        writing
            .transaction(move |tx| {
                Box::pin(async move {
                    begun_in.send(()).unwrap();
                    waiting.notified().await;
                    tx.append(None, started(1)).await
                })
            })
            .await
    });
    begun.await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    go.notify_one();
    let mut committed = store.committed();
    committed.wait_for(|sequence| *sequence == Sequence(1)).await.unwrap();
    assert_eq!(store.snapshot().await.unwrap().newest_sequence().await.unwrap(), Sequence(1));
}

#[tokio::test]
async fn a_watcher_that_reads_and_then_waits_misses_no_event() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    let writer = store.clone();
    let writing = tokio::spawn(async move {
        for number in 0..50 {
            append(&writer, if number % 2 == 0 { "even" } else { "odd" }, started(number)).await.unwrap();
        }
    });
    let mut committed = store.committed();
    let mut seen = Vec::new();
    while seen.len() < 50 {
        let next = Sequence(seen.last().map_or(1, |sequence: &Sequence| sequence.0 + 1));
        let newest = *committed.borrow_and_update();
        let page = store.snapshot().await.unwrap().events(next, &EventFilter::default(), 7).await.unwrap();
        // Nothing is announced before it can be read.
        assert!(newest < next || !page.is_empty());
        if page.is_empty() {
            committed.changed().await.unwrap();
        }
        seen.extend(page.iter().map(|event| event.sequence));
    }
    writing.await.unwrap();
    assert_eq!(seen, (1..=50).map(Sequence).collect::<Vec<_>>());
    let odd = EventFilter { site: Some(slug("odd")), plan: None };
    assert_eq!(store.snapshot().await.unwrap().events(Sequence(0), &odd, 100).await.unwrap().len(), 25);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_that_fails_stops_the_writer_for_good_and_nobody_is_told_that_it_holds() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    append(&store, "acme", started(1)).await.unwrap();
    let broken = store.transaction(|tx| {
        Box::pin(async move {
            // SQLite judges these references at the commit, which then fails.
            sqlx::query("PRAGMA defer_foreign_keys = ON").execute(tx.connection().await?).await?;
            sqlx::query("INSERT INTO plan_steps (plan, role, digest, body) VALUES (9, 'web', '', '')")
                .execute(tx.connection().await?)
                .await?;
            Ok::<_, Error>(())
        })
    });
    let (broken, beside) = tokio::join!(broken, append(&store, "acme", started(2)));
    // Also the first to hear of it is told the cause.
    let told = |why: &Fatal| why.to_string().contains("FOREIGN KEY");
    assert!(matches!(&broken, Err(Error::Stopped(why)) if told(why)), "{broken:?}");
    assert!(matches!(&beside, Err(Error::Stopped(why)) if told(why)), "{beside:?}");
    assert!(store.stopped().await.to_string().contains("FOREIGN KEY"));
    assert!(matches!(append(&store, "acme", started(3)).await, Err(Error::Stopped(_))));
    assert_eq!(*store.committed().borrow(), Sequence(1));

    let store = open(&dir).await;
    assert_eq!(store.snapshot().await.unwrap().newest_sequence().await.unwrap(), Sequence(1));
    assert_eq!(append(&store, "acme", started(3)).await.unwrap().sequence, Sequence(2));
}
