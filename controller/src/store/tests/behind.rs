//! Rows that are written behind: a write reads itself, one that fails takes its own rows with it and no other's, and a batch
//! whose rows cannot be written takes place for nobody.

use jiff::Timestamp;
use muster_model::name::PlanId;
use muster_model::outcome::{CommandId, StepKey, StepTicket};

use super::*;

fn issued(plan: PlanId, key: StepKey) -> EventBody {
    EventBody::CommandIssued {
        plan,
        command: CommandId(Uuid::from_u128(8)),
        segment: 1,
        role: "web".parse().unwrap(),
        steps: vec![StepTicket { number: 1, key }],
        start_by: Timestamp::UNIX_EPOCH,
    }
}

/// Everything in the tables that are written behind, as this write or reader sees it.
async fn seen(snapshot: &mut Snapshot, plan: PlanId, key: StepKey) -> (usize, usize, bool, u64, u64) {
    let filter = EventFilter::default();
    (
        snapshot.events(Sequence(0), &filter, 100).await.unwrap().len(),
        snapshot.plan_events(plan).await.unwrap().len(),
        snapshot.step_key(key).await.unwrap().is_some(),
        snapshot.journal(&"a/web".parse().unwrap()).await.unwrap(),
        snapshot.newest_sequence().await.unwrap().0,
    )
}

#[tokio::test]
async fn a_write_reads_what_it_has_written_and_so_does_the_next_of_its_batch() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    nouns::push(&store, vec![nouns::document("Site a", "1")]).await;
    let (plan, _) = nouns::plan(&store, "a").await;
    let before = store.snapshot().await.unwrap().newest_sequence().await.unwrap().0;
    let key = StepKey(Uuid::from_u128(7));
    let writing = store.clone();
    let inside = writing.transaction(move |tx| {
        Box::pin(async move {
            tx.append(Some(&slug("a")), issued(plan, key)).await?;
            tx.raise_journal(&"a/web".parse().unwrap(), 5)?;
            let inside = seen(tx, plan, key).await;
            // Written once more, after what stood behind was written already.
            tx.append(Some(&slug("a")), started(1)).await?;
            Ok::<_, Error>(inside)
        })
    });
    let beside =
        store.transaction(move |tx| Box::pin(async move { Ok::<_, Error>(tx.newest_sequence().await?.0) }));
    let (inside, beside) = tokio::join!(inside, beside);
    let inside = inside.unwrap();
    assert_eq!((inside.2, inside.3, inside.4), (true, 5, before + 1));
    assert_eq!(beside.unwrap(), before + 2);
    let mut after = store.snapshot().await.unwrap();
    let after = seen(&mut after, plan, key).await;
    assert_eq!(after, (inside.0 + 1, inside.1, true, 5, before + 2));
}

/// Whatever the failing write had read and written by then, those before it in the batch keep their rows.
#[tokio::test]
async fn a_write_that_fails_takes_its_own_rows_with_it_wherever_they_stand() {
    for reads in [false, true] {
        let dir = TempDir::new().unwrap();
        let store = open(&dir).await;
        let go = Arc::new(tokio::sync::Notify::new());
        let (begun_in, begun) = tokio::sync::oneshot::channel();
        // The first write waits until all others stand in one batch behind it.
        let waiting = go.clone();
        let first = store.transaction(move |tx| {
            Box::pin(async move {
                begun_in.send(()).unwrap();
                waiting.notified().await;
                tx.append(Some(&slug("a")), started(1)).await
            })
        });
        let others = async {
            begun.await.unwrap();
            let failing = store.transaction(move |tx| {
                Box::pin(async move {
                    tx.append(Some(&slug("a")), started(3)).await?;
                    if reads {
                        tx.newest_sequence().await?;
                        tx.append(Some(&slug("a")), started(4)).await?;
                    }
                    Err::<(), _>(Error::TooLarge(9))
                })
            });
            let release = async { go.notify_one() };
            tokio::join!(append(&store, "a", started(2)), failing, append(&store, "a", started(5)), release)
        };
        let (first, (second, failing, third, ())) = tokio::join!(first, others);
        assert!(matches!(failing, Err(Error::TooLarge(9))), "{failing:?}");
        let given = [first, second, third].map(|event| event.unwrap().sequence);
        assert_eq!(given, [1, 2, 3].map(Sequence));
        let events = store.snapshot().await.unwrap().events(Sequence(0), &EventFilter::default(), 100).await;
        let epochs = events.unwrap().iter().map(|event| epoch_of(&event.bytes)).collect::<Vec<_>>();
        assert_eq!(epochs, [1, 2, 5], "reads: {reads}");
    }
}

#[tokio::test]
async fn a_batch_whose_rows_cannot_be_written_takes_place_for_nobody_and_the_next_one_does() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    append(&store, "a", started(1)).await.unwrap();
    let sql = async |statement: &'static str| {
        let work = store.transaction(move |tx| {
            Box::pin(async move {
                sqlx::query(statement).execute(tx.connection().await?).await?;
                Ok::<_, Error>(())
            })
        });
        work.await.unwrap();
    };
    sql("CREATE TRIGGER no_room BEFORE INSERT ON events BEGIN SELECT RAISE(FAIL, 'no room'); END").await;
    let undone = append(&store, "a", started(2)).await.unwrap_err();
    assert!(matches!(&undone, Error::Undone(why) if why.to_string().contains("no room")), "{undone}");
    assert_eq!(*store.committed().borrow(), Sequence(1));
    sql("DROP TRIGGER no_room").await;
    assert_eq!(append(&store, "a", started(3)).await.unwrap().sequence, Sequence(2));
}
