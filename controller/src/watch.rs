//! Events from any place of the sequence on, without a gap, and then as they come.
//!
//! Neighbours: `store` has the events and says how far the disk is, `api::operator` streams them. Reads a page, then waits
//! for the next commit: an event that was committed in between is on the next page, so none can be missed.

use std::collections::VecDeque;

use futures_util::stream::{self, Stream};
use muster_model::limits;
use muster_model::name::Sequence;
use tokio::sync::watch;

use crate::store::{Error, EventFilter, Store, StoredEvent};

/// Which events a watch shows.
#[derive(Debug, Clone)]
pub struct Options {
    /// The first sequence number to show.
    pub from: Sequence,
    /// Whether to go on after the newest.
    pub follow: bool,
    /// Whose events.
    pub filter: EventFilter,
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
) -> impl Stream<Item = Result<StoredEvent, Error>> + Send {
    let next = Sequence(options.from.0.max(1));
    let committed = store.committed();
    let watch = Watch { store, options, committed, drain, next, page: VecDeque::new(), caught_up: false };
    stream::try_unfold(watch, |mut watch| async move { Ok(watch.event().await?.map(|event| (event, watch))) })
}

impl Watch {
    async fn event(&mut self) -> Result<Option<StoredEvent>, Error> {
        loop {
            if let Some(event) = self.page.pop_front() {
                return Ok(Some(event));
            }
            if self.caught_up && !(self.options.follow && self.newer().await) {
                return Ok(None);
            }
            self.read().await?;
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

    /// Waits for a commit; false where the controller stops.
    async fn newer(&mut self) -> bool {
        tokio::select! {
            _ = self.drain.wait_for(|drain| *drain) => false,
            changed = self.committed.changed() => changed.is_ok(),
        }
    }
}
