//! Events from any place of the sequence on, without a gap, and then as they come; in between, how far steps are.
//!
//! Neighbours: `store` has the events and says how far the disk is, `progress` what agents say meanwhile, `api::operator`
//! streams both. Reads a page, then waits
//! for the next commit: an event that was committed in between is on the next page, so none can be missed.

use std::collections::VecDeque;

use futures_util::stream::{self, Stream};
use muster_model::limits;
use muster_model::name::Sequence;
use muster_model::name::Slug;
use tokio::sync::{broadcast, watch};

use crate::progress::StepProgress;
use crate::store::{Error, EventFilter, Store, StoredEvent};

/// Which events a watch shows.
#[derive(Debug)]
pub struct Options {
    /// The first sequence number to show.
    pub from: Sequence,
    /// Whether to go on after the newest.
    pub follow: bool,
    /// Whose events.
    pub filter: EventFilter,
    /// How far the steps of a site are, where that is shown, too.
    pub progress: Option<(Slug, broadcast::Receiver<StepProgress>)>,
}

/// What a watch shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// An event, in its order.
    Event(StoredEvent),
    /// How far a step is.
    Progress(StepProgress),
}

enum Turn {
    Page,
    Progress(StepProgress),
    Over,
}

struct Watch {
    store: Store,
    options: Options,
    committed: watch::Receiver<Sequence>,
    drain: watch::Receiver<bool>,
    /// The first sequence number that was not looked at.
    next: Sequence,
    page: VecDeque<StoredEvent>,
    /// Whether everything up to the newest commit was looked at.
    caught_up: bool,
}

/// The events, in order. Ends after the newest where they are not to be followed, and when the controller stops.
pub fn events(
    store: Store,
    options: Options,
    drain: watch::Receiver<bool>,
) -> impl Stream<Item = Result<Shown, Error>> + Send {
    let next = Sequence(options.from.0.max(1));
    let committed = store.committed();
    let watch = Watch { store, options, committed, drain, next, page: VecDeque::new(), caught_up: false };
    stream::try_unfold(watch, |mut watch| async move { Ok(watch.next().await?.map(|shown| (shown, watch))) })
}

impl Watch {
    async fn next(&mut self) -> Result<Option<Shown>, Error> {
        loop {
            if let Some(event) = self.page.pop_front() {
                return Ok(Some(Shown::Event(event)));
            }
            match self.turn().await {
                Turn::Page => self.read().await?,
                Turn::Progress(progress) => return Ok(Some(Shown::Progress(progress))),
                Turn::Over => return Ok(None),
            }
        }
    }

    /// Reads the next page. What was committed before is in it, so a page that is not full ends no earlier than that.
    async fn read(&mut self) -> Result<(), Error> {
        let committed = *self.committed.borrow_and_update();
        let limit = limits::STATUS_EVENTS_PAGE;
        let page = self.store.snapshot().await?.events(self.next, &self.options.filter, limit).await?;
        self.caught_up = u64::try_from(page.len()).unwrap_or(limit) < limit;
        if let Some(last) = page.last() {
            self.next = Sequence(last.sequence.0 + 1);
        }
        if self.caught_up {
            self.next = self.next.max(Sequence(committed.0 + 1));
        }
        self.page = page.into();
        Ok(())
    }

    /// Waits for a commit or for progress, once all that is stored was looked at.
    async fn turn(&mut self) -> Turn {
        if !self.caught_up {
            return Turn::Page;
        }
        if !self.options.follow {
            return Turn::Over;
        }
        tokio::select! {
            _ = self.drain.wait_for(|drain| *drain) => Turn::Over,
            changed = self.committed.changed() => if changed.is_ok() { Turn::Page } else { Turn::Over },
            progress = told(&mut self.options.progress) => Turn::Progress(progress),
        }
    }
}

/// The next progress of the site; never, where none is wanted or can come any more.
async fn told(progress: &mut Option<(Slug, broadcast::Receiver<StepProgress>)>) -> StepProgress {
    while let Some((site, listener)) = progress {
        match listener.recv().await {
            Ok(told) if told.server.site == *site => return told,
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => *progress = None,
        }
    }
    std::future::pending().await
}
