//! What each noun of the store promises: what was written is read, and what cannot be is refused whole.

use muster_model::digest::Digest;
use muster_model::event::RunEnd;
use muster_model::name::{Generation, PlanId, Revision, Role, ServerId};
use muster_model::outcome::{CommandId, End, Outcome, StepKey, StepTicket};

use super::*;

pub(super) fn document(key: &str, text: &str) -> Document {
    Document { key: key.to_owned(), path: format!("{key}.yaml"), text: text.to_owned() }
}

pub(super) async fn push(store: &Store, documents: Vec<Document>) -> Pushed {
    let new = NewRevision { by: "anne".to_owned(), ticket: None, reason: None, documents };
    store
        .transaction(|tx| Box::pin(async move { tx.add_revision(new).await }))
        .await
        .unwrap_or_else(|error: Error| panic!("{error}"))
}

pub(super) async fn plan(store: &Store, site: &str) -> (PlanId, Digest) {
    let site = slug(site);
    let write = store.transaction(move |tx| {
        Box::pin(async move {
            let plan = tx.next_plan().await?;
            let new = NewPlan {
                plan,
                site,
                revision: Revision(1),
                by: "anne".to_owned(),
                header: format!("header of {plan}").into_bytes(),
                steps: vec![PlanSteps { role: "web".parse().unwrap(), bytes: b"steps".to_vec() }],
                findings: Vec::new(),
                warnings: vec!["look".to_owned()],
                simulated: true,
            };
            Ok::<_, Error>((plan, tx.add_plan(&new).await?))
        })
    });
    write.await.unwrap()
}

fn approved(plan: PlanId, digest: Digest) -> EventBody {
    EventBody::PlanApproved {
        plan,
        digest,
        by: "anne".to_owned(),
        ticket: Some("CHG-1".to_owned()),
        reason: None,
    }
}

fn run_started(plan: PlanId) -> EventBody {
    EventBody::RunStarted { plan, by: "anne".to_owned() }
}

fn run_resumed(plan: PlanId) -> EventBody {
    EventBody::RunResumed { plan, by: "anne".to_owned(), restart: Vec::new(), reason: None }
}

fn ended(plan: PlanId, key: StepKey) -> EventBody {
    let outcome = Outcome {
        end: End::Done,
        evidence: "seen".to_owned(),
        rows: Vec::new(),
        because: None,
        ended_at: Timestamp::UNIX_EPOCH,
    };
    EventBody::StepEnded { plan, step: 1, key: Some(key), outcome }
}

#[tokio::test]
async fn a_push_lays_documents_over_those_before_and_deletes_none() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    let first = push(&store, vec![document("Site a", "1"), document("Site b", "1")]).await;
    assert_eq!(first, Pushed { revision: Revision(1), changed: 2 });
    let second = push(&store, vec![document("Site a", "2"), document("Client c", "1")]).await;
    assert_eq!(second, Pushed { revision: Revision(2), changed: 2 });
    // Nothing differs: no revision, no event.
    let same = push(&store, vec![document("Site b", "1")]).await;
    assert_eq!(same, Pushed { revision: Revision(2), changed: 0 });
    let mut snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.newest_sequence().await.unwrap(), Sequence(2));
    let newest = snapshot.documents(Revision(2)).await.unwrap();
    assert_eq!(newest, [document("Client c", "1"), document("Site a", "2"), document("Site b", "1")]);
    let before = snapshot.documents(Revision(1)).await.unwrap();
    assert_eq!(before, [document("Site a", "1"), document("Site b", "1")]);
    assert_eq!(snapshot.documents_changed_since(Revision(1)).await.unwrap(), ["Client c", "Site a"]);
    assert_eq!(snapshot.newest_revision().await.unwrap().unwrap().by, "anne");
}

#[tokio::test]
async fn of_pushes_from_one_base_the_first_wins_and_the_others_are_told_in_the_same_transaction() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    let pushes = (0..20).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let documents = vec![document("Site a", &number.to_string())];
            let new = NewRevision { by: "anne".to_owned(), ticket: None, reason: None, documents };
            let write = store.transaction(move |tx| {
                Box::pin(async move {
                    if tx.newest_revision().await?.is_some() {
                        return Ok::<_, Error>(None);
                    }
                    tx.add_revision(new).await.map(Some)
                })
            });
            write.await.unwrap().is_some()
        })
    });
    let mut won = 0;
    for push in pushes.collect::<Vec<_>>() {
        won += u32::from(push.await.unwrap());
    }
    assert_eq!(won, 1);
    assert_eq!(*store.committed().borrow(), Sequence(1));
}

#[tokio::test]
async fn only_the_stored_digest_is_approved_and_only_once() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    push(&store, vec![document("Site a", "1")]).await;
    let (plan, digest) = plan(&store, "a").await;
    assert_eq!(plan, PlanId(1));
    let wrong = append(&store, "a", approved(plan, Digest::of(b"another"))).await;
    assert!(matches!(wrong, Err(Error::IllegalForPlan(PlanId(1)))));
    append(&store, "a", approved(plan, digest)).await.unwrap();
    let again = append(&store, "a", approved(plan, digest)).await;
    assert!(matches!(again, Err(Error::IllegalForPlan(PlanId(1)))));
    let stored = store.snapshot().await.unwrap().plan(plan).await.unwrap().unwrap();
    assert_eq!(stored.approved.unwrap().0, "anne");
    assert_eq!(stored.ticket.as_deref(), Some("CHG-1"));
    assert_eq!((stored.header, stored.warnings), (b"header of P-1".to_vec(), vec!["look".to_owned()]));
}

#[tokio::test]
async fn one_run_of_a_site_at_a_time_and_never_of_a_plan_that_nobody_approved() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    push(&store, vec![document("Site a", "1")]).await;
    let (one, one_digest) = plan(&store, "a").await;
    let (two, two_digest) = plan(&store, "a").await;
    let (other, other_digest) = plan(&store, "b").await;
    assert!(matches!(append(&store, "a", run_started(one)).await, Err(Error::IllegalForPlan(_))));
    for (plan, digest) in [(one, one_digest), (two, two_digest), (other, other_digest)] {
        append(&store, "a", approved(plan, digest)).await.unwrap();
    }
    assert!(matches!(append(&store, "a", run_resumed(one)).await, Err(Error::IllegalForPlan(_))));
    append(&store, "a", run_started(one)).await.unwrap();
    assert!(matches!(append(&store, "a", run_started(one)).await, Err(Error::IllegalForPlan(_))));
    assert!(
        matches!(append(&store, "a", run_started(two)).await, Err(Error::RunActive(site)) if site == slug("a"))
    );
    append(&store, "b", run_started(other)).await.unwrap();
    append(&store, "a", EventBody::RunEnded { plan: one, end: RunEnd::Failed }).await.unwrap();
    append(&store, "a", run_started(two)).await.unwrap();
    assert!(matches!(append(&store, "a", run_resumed(one)).await, Err(Error::RunActive(_))));
    let mut snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.plan(one).await.unwrap().unwrap().run_end, Some(RunEnd::Failed));
    let running: Vec<_> = snapshot.running_plans().await.unwrap().iter().map(|plan| plan.plan).collect();
    assert_eq!(running, [two, other]);
}

#[tokio::test]
async fn an_outcome_that_comes_twice_is_recognised_inside_the_transaction_and_stored_once() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    push(&store, vec![document("Site a", "1")]).await;
    let (plan, _) = plan(&store, "a").await;
    let key = StepKey(Uuid::from_u128(7));
    let command = CommandId(Uuid::from_u128(8));
    assert!(matches!(append(&store, "a", ended(plan, key)).await, Err(Error::NeverIssued(_))));
    let issued = EventBody::CommandIssued {
        plan,
        command,
        segment: 1,
        role: "web".parse::<Role>().unwrap(),
        steps: vec![StepTicket { number: 1, key }],
        start_by: Timestamp::UNIX_EPOCH,
    };
    append(&store, "a", issued).await.unwrap();
    let both = (0..2).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { append(&store, "a", ended(plan, key)).await })
    });
    let mut stored = Vec::new();
    for one in both.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Ok(event) => stored.push(event.sequence),
            Err(error) => assert!(matches!(error, Error::AlreadyEnded(ended) if ended == key), "{error}"),
        }
    }
    let record = store.snapshot().await.unwrap().step_key(key).await.unwrap().unwrap();
    assert_eq!(vec![record.ended.unwrap()], stored);
    assert_eq!((record.server.to_string(), record.command), ("a/web".to_owned(), command));
    let events = store.snapshot().await.unwrap().plan_events(plan).await.unwrap();
    assert_eq!(events.iter().filter(|event| matches!(event.body, EventBody::StepEnded { .. })).count(), 1);
}

#[tokio::test]
async fn generations_only_rise_by_one_and_a_journal_position_never_falls() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    let server: ServerId = "a/web".parse().unwrap();
    for (generation, taken) in [(2, false), (1, true), (1, false), (3, false), (2, true)] {
        let server = server.clone();
        let write = store.transaction(move |tx| {
            Box::pin(async move {
                tx.add_manifest(&server, Generation(generation), generation.to_string().as_bytes()).await
            })
        });
        let outcome = write.await;
        assert_eq!(outcome.is_ok(), taken, "generation {generation}");
        assert!(taken || matches!(outcome, Err(Error::Generation { .. })));
    }
    let newest = store.snapshot().await.unwrap().newest_manifest(&server).await.unwrap().unwrap();
    assert_eq!((newest.generation, newest.bytes.as_slice()), (Generation(2), b"2".as_slice()));
    for position in [5, 9, 7] {
        let server = server.clone();
        let write = store.transaction(move |tx| Box::pin(async move { tx.raise_journal(&server, position) }));
        write.await.unwrap_or_else(|error: Error| panic!("{error}"));
    }
    assert_eq!(store.snapshot().await.unwrap().journal(&server).await.unwrap(), 9);
}

#[tokio::test]
async fn a_servers_row_is_what_its_events_last_said() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    let server: ServerId = "a/web".parse().unwrap();
    let bodies = [
        EventBody::ServerInvited {
            server: server.clone(),
            by: "anne".to_owned(),
            expires_at: Timestamp::UNIX_EPOCH,
        },
        EventBody::ServerEnrolled {
            server: server.clone(),
            host: "WEB01".parse().unwrap(),
            serial: "40".to_owned(),
        },
        EventBody::ServerConnected {
            server: server.clone(),
            agent_version: "0.1.0".to_owned(),
            simulated: true,
            clock_offset_ms: -3,
            journal: 4,
        },
    ];
    for body in bodies {
        append(&store, "a", body).await.unwrap();
    }
    let row = store.snapshot().await.unwrap().server(&server).await.unwrap().unwrap();
    assert!(row.connected && row.simulated == Some(true) && row.clock_offset_ms == Some(-3));
    assert_eq!(row.host.unwrap().as_str(), "WEB01");
    // A controller that starts anew knows of no open stream.
    append(&store, "a", started(1)).await.unwrap();
    append(
        &store,
        "a",
        EventBody::ServerRevoked { server: server.clone(), by: "anne".to_owned(), reason: None },
    )
    .await
    .unwrap();
    let row = store.snapshot().await.unwrap().servers_of(&slug("a")).await.unwrap().pop().unwrap();
    assert!(!row.connected && row.revoked_at.is_some());
    assert!(store.snapshot().await.unwrap().servers_of(&slug("b")).await.unwrap().is_empty());
}
