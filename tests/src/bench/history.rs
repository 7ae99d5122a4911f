//! A store with a long past, and how long an operator's questions take in it.
//!
//! The store is that of a fleet that has worked. Up to the wanted number of servers, documents of sites are pushed that
//! nobody enrolled; up to the wanted number of events, renewals are appended through the store's own door, ten thousand to
//! a transaction. Then the controller's rooms are asked in this process, without the wire: what is measured is what the
//! controller does, from the question to the bytes of the answer. Neighbours: `fleet` made the store, `report` prints.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use muster_controller::clock::Clock;
use muster_controller::intake::catalog::Catalog;
use muster_controller::intake::{Answer, Intake, Push};
use muster_controller::store::{self, EventFilter, Store};
use muster_controller::views::Views;
use muster_controller::watch;
use muster_model::document::Source;
use muster_model::event::EventBody;
use muster_model::name::{Sequence, ServerId, Slug};
use serde::{Deserialize, Serialize};
use tokio_stream::StreamExt as _;

use super::{fleet, measure};

/// Events of one transaction.
const BATCH: u64 = 10_000;
/// Documents of one push, below the limit.
const PUSH: usize = 1_900;

/// What came out.
#[derive(Debug, Serialize, Deserialize)]
pub struct History {
    /// How many servers the documents name.
    pub servers: usize,
    /// How many events there are.
    pub events: u64,
    /// The questions.
    pub questions: Vec<Question>,
}

/// A question, asked many times.
#[derive(Debug, Serialize, Deserialize)]
pub struct Question {
    /// As an operator types it.
    pub asked: String,
    /// How often.
    pub times: usize,
    /// The first time, when nothing of it is in memory, in milliseconds.
    pub first_ms: f64,
    /// Half of the others took no longer.
    pub p50_ms: f64,
    /// 99 of a hundred took no longer.
    pub p99_ms: f64,
    /// Bytes of the answer.
    pub bytes: usize,
}

impl History {
    pub(super) fn markdown(&self) -> String {
        let Self { servers, events, questions } = self;
        let mut text = format!(
            "\n| {servers} servers, {events} events | first, ms | p50, ms | p99, ms | answer, KiB |\n|---|---|---|---|---|\n"
        );
        for Question { asked, times, first_ms, p50_ms, p99_ms, bytes } in questions {
            let kib = bytes.div_ceil(1_024);
            text.push_str(&format!(
                "| `{asked}` ({times} times) | {first_ms:.1} | {p50_ms:.1} | {p99_ms:.1} | {kib} |\n"
            ));
        }
        text
    }
}

/// Fills the store of a controller that does not serve, and asks.
///
/// # Errors
/// Where the store cannot be filled or asked.
pub async fn measure(data: &Path, servers: usize, events: u64, times: usize) -> Result<History> {
    let store = Store::open(&data.join("muster.db"), Clock::system()).await?;
    let catalog = Catalog::default();
    push(&Intake::new(store.clone(), catalog.clone()), servers).await?;
    let newest = store.snapshot().await?.newest_sequence().await?.0;
    // Each site needs one, or whoever follows it waits.
    let least = newest + u64::try_from(servers)?;
    ensure!(events >= least, "{servers} servers need {least} events or more, not {events}");
    append(&store, newest, events, servers).await?;
    let newest = store.snapshot().await?.newest_sequence().await?.0;

    let views = Views::new(store.clone(), catalog);
    let site: Slug = fleet::site(servers / 3).parse()?;
    let mut questions = Vec::new();
    questions.push(
        ask("muster status", times, || async { Ok(serde_json::to_vec(&views.status(None).await?)?.len()) })
            .await?,
    );
    questions.push(
        ask("muster status SITE", times, || async {
            Ok(serde_json::to_vec(&views.status(Some(&site)).await?)?.len())
        })
        .await?,
    );
    questions.push(
        ask("muster why SITE", times, || async { Ok(serde_json::to_vec(&views.why(&site).await?)?.len()) })
            .await?,
    );
    questions.push(
        ask("muster server list", times, || async { Ok(serde_json::to_vec(&views.servers().await?)?.len()) })
            .await?,
    );
    for (asked, from, site) in [
        ("muster events --follow", 1, None),
        ("muster events --from NEWEST --follow", newest, None),
        ("muster events --site SITE --follow", 1, Some(site.clone())),
    ] {
        let first = || async {
            let filter = EventFilter { site: site.clone(), plan: None };
            let options = watch::Options { from: Sequence(from), follow: true, filter, progress: None };
            let (_running, drain) = tokio::sync::watch::channel(false);
            let events = watch::events(store.clone(), options, drain);
            tokio::pin!(events);
            match events.next().await.context("no event")?? {
                watch::Shown::Event(event) => Ok(event.bytes.len()),
                watch::Shown::Progress(_) => bail!("nothing moves here"),
            }
        };
        questions.push(ask(asked, times, first).await?);
    }
    store.close().await?;
    Ok(History { servers, events: newest, questions })
}

async fn ask<F>(asked: &str, times: usize, mut question: impl FnMut() -> F) -> Result<Question>
where
    F: Future<Output = Result<usize>>,
{
    let (mut taken, mut bytes) = (Vec::new(), 0);
    for _ in 0..=times {
        let begin = Instant::now();
        bytes = question().await?;
        taken.push(measure::seconds(begin.elapsed()) * 1_000.0);
    }
    let first_ms = taken.remove(0);
    taken.sort_by(f64::total_cmp);
    let of_hundred = |part| measure::percentile(&taken, part).context("it was never asked");
    Ok(Question {
        asked: asked.to_owned(),
        times,
        first_ms,
        p50_ms: of_hundred(50)?,
        p99_ms: of_hundred(99)?,
        bytes,
    })
}

async fn push(intake: &Intake, servers: usize) -> Result<()> {
    let numbers: Vec<usize> = (0..servers).collect();
    for numbers in numbers.chunks(PUSH) {
        let files = numbers.iter().map(|number| {
            let (path, text) = fleet::document(*number);
            Source { path, content: text.into_bytes() }
        });
        let push = Push {
            by: "bench".to_owned(),
            files: files.collect(),
            base: None,
            ticket: None,
            reason: None,
            dry_run: false,
        };
        match intake.push(push).await? {
            Answer::Pushed { .. } => {}
            refused @ (Answer::Rejected(_) | Answer::Stale(_)) => {
                bail!("the documents were refused: {refused:?}")
            }
        }
    }
    Ok(())
}

async fn append(store: &Store, newest: u64, wanted: u64, servers: usize) -> Result<()> {
    let mut next = newest;
    while next < wanted {
        let until = wanted.min(next + BATCH);
        let names = (next..until).map(|number| server(number, servers)).collect::<Result<Vec<_>>>()?;
        let write = store.transaction(move |tx| {
            Box::pin(async move {
                for (number, server) in (next..until).zip(names) {
                    let site = server.site.clone();
                    let body = EventBody::CertificateRenewed { server, serial: format!("{number:032x}") };
                    tx.append(Some(&site), body).await?;
                }
                Ok::<_, store::Error>(())
            })
        });
        write.await?;
        next = until;
    }
    Ok(())
}

/// One server after the other, so that each has as long a past.
fn server(number: u64, servers: usize) -> Result<ServerId> {
    let number = usize::try_from(number)? % servers;
    Ok(format!("{}/web", fleet::site(number)).parse()?)
}
