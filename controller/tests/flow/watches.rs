//! Watches: every event, once, in order, from any place on.

use futures_util::{StreamExt as _, pin_mut};
use muster_controller::clock::Clock;
use muster_controller::progress::{Progress, StepProgress};
use muster_controller::store::{self, EventFilter, Store};
use muster_controller::watch::{Options, Shown, events};
use muster_model::event::EventBody;
use muster_model::name::{Sequence, Slug};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::harness::in_time;

async fn open(dir: &TempDir) -> Store {
    Store::open(&dir.path().join("muster.db"), Clock::system()).await.unwrap()
}

async fn append(store: &Store, site: &'static str, number: u64) {
    let site: Slug = site.parse().unwrap();
    let body = EventBody::ControllerStarted { epoch: number, instance: uuid::Uuid::new_v4() };
    let write =
        store.transaction(move |tx| Box::pin(async move { tx.append(Some(&site), body).await.map(|_| ()) }));
    let written: Result<(), store::Error> = write.await;
    written.unwrap();
}

fn number(shown: Result<Shown, store::Error>) -> u64 {
    match shown.unwrap() {
        Shown::Event(event) => event.sequence.0,
        Shown::Progress(progress) => panic!("{progress:?}"),
    }
}

#[tokio::test]
async fn a_thousand_events_appended_at_once_are_all_seen_in_order() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    let (_drain_in, drain) = watch::channel(false);
    let options = Options { from: Sequence(1), follow: true, filter: EventFilter::default(), progress: None };
    let seen = events(store.clone(), options, drain).take(1_000).map(number);
    let seen = tokio::spawn(seen.collect::<Vec<_>>());
    let appends: Vec<_> = (0..1_000_u64)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { append(&store, "acme", number).await })
        })
        .collect();
    for append in appends {
        append.await.unwrap();
    }
    assert_eq!(in_time(seen).await.unwrap(), (1..=1_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn without_follow_it_ends_after_the_newest_whatever_the_filter_hides() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    for number in 0..10 {
        append(&store, if number % 5 == 0 { "acme" } else { "nord" }, number).await;
    }
    let (_drain_in, drain) = watch::channel(false);
    let filter = EventFilter { site: Some("acme".parse().unwrap()), plan: None };
    let options = Options { from: Sequence(2), follow: false, filter, progress: None };
    let seen = events(store, options, drain).map(number);
    assert_eq!(seen.collect::<Vec<_>>().await, [6]);
}

#[tokio::test]
async fn a_watch_ends_when_the_controller_stops() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    append(&store, "acme", 1).await;
    let (drain_in, drain) = watch::channel(false);
    let options = Options { from: Sequence(0), follow: true, filter: EventFilter::default(), progress: None };
    let seen = events(store, options, drain);
    pin_mut!(seen);
    assert_eq!(number(seen.next().await.unwrap()), 1);
    drain_in.send_replace(true);
    assert!(in_time(seen.next()).await.is_none());
}

#[tokio::test]
async fn how_far_a_step_is_comes_between_events_and_of_the_site_alone() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir).await;
    append(&store, "acme", 1).await;
    let (_drain_in, drain) = watch::channel(false);
    let board = Progress::default();
    let of = |server: &str, text: &str| StepProgress {
        server: server.parse().unwrap(),
        step: 3,
        text: text.to_owned(),
    };
    let progress = Some(("acme".parse().unwrap(), board.listen()));
    let options = Options { from: Sequence(1), follow: true, filter: EventFilter::default(), progress };
    let seen = events(store.clone(), options, drain);
    pin_mut!(seen);
    assert_eq!(number(seen.next().await.unwrap()), 1);
    board.tell(of("nord/web", "theirs"));
    board.tell(of("acme/web", "ours"));
    assert_eq!(in_time(seen.next()).await.unwrap().unwrap(), Shown::Progress(of("acme/web", "ours")));
    append(&store, "acme", 2).await;
    assert_eq!(number(in_time(seen.next()).await.unwrap()), 2);
}
