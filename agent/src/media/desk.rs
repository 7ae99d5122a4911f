//! Where media are asked for: what waits in which lane, and how far it is.
//!
//! A run's own medium must not wait behind a long staging, so each has a lane: two media come at a time at most, and no medium
//! twice. Neighbours: `fetch` carries out what waits here. It is in memory only: the controller asks for its stagings again at
//! each connection, and the engine at each start.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_model::digest::Digest;
use muster_proto::session::StageMedium;
use tokio::sync::Notify;

use crate::engine::media::{Far, Fetching};

/// A medium that was asked for. The engine does not know how large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) sha256: Digest,
    pub(super) size_bytes: Option<u64>,
}

/// Whom a medium is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// A run, whose step waits for it.
    Run,
    /// Whoever stages ahead of time.
    Staging,
}

/// The desk.
#[derive(Debug, Default)]
pub(super) struct Desk {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    runs: VecDeque<Request>,
    stagings: VecDeque<Request>,
    /// How far those are that were begun since the agent started.
    far: BTreeMap<Digest, Far>,
}

impl State {
    fn waits(&self, sha256: Digest) -> bool {
        self.runs.iter().chain(&self.stagings).any(|request| request.sha256 == sha256)
    }

    fn comes(&self, sha256: Digest) -> bool {
        matches!(self.far.get(&sha256), Some(Far::Comes { .. }))
    }

    fn lane(&mut self, lane: Lane) -> &mut VecDeque<Request> {
        match lane {
            Lane::Run => &mut self.runs,
            Lane::Staging => &mut self.stagings,
        }
    }

    /// The first of a lane that does not come by the other already; it comes from now on.
    fn take(&mut self, lane: Lane) -> Option<Request> {
        let place = match lane {
            Lane::Run => self.runs.iter().position(|request| !self.comes(request.sha256)),
            Lane::Staging => self.stagings.iter().position(|request| !self.comes(request.sha256)),
        };
        let request = self.lane(lane).remove(place?)?;
        let size_bytes = request.size_bytes;
        self.far.insert(request.sha256, Far::Comes { held_bytes: 0, size_bytes, lost: None });
        Some(request)
    }
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to come next in a lane, once there is something.
    pub(super) async fn next(&self, lane: Lane) -> Request {
        loop {
            // Made before the look, so that no change after it is missed.
            let changed = self.changed.notified();
            if let Some(request) = self.state().take(lane) {
                return request;
            }
            changed.await;
        }
    }

    /// How far a medium is that comes.
    pub(super) fn comes(
        &self,
        sha256: Digest,
        held_bytes: u64,
        size_bytes: Option<u64>,
        lost: Option<String>,
    ) {
        self.state().far.insert(sha256, Far::Comes { held_bytes, size_bytes, lost });
    }

    /// It comes no more; whether nobody asked for it meanwhile, who would take this for the end of what he asked for.
    pub(super) fn ends(&self, sha256: Digest, far: Far) -> bool {
        let mut state = self.state();
        state.far.insert(sha256, far);
        let is_last = !state.waits(sha256);
        drop(state);
        self.changed.notify_waiters();
        is_last
    }
}

/// Where requests go in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stager {
    desk: Arc<Desk>,
}

impl Stager {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }

    /// Asks for a medium, unless it waits for its turn already. One that is under way is looked at once more after its end, so
    /// that whoever asked hears of it.
    pub fn stage(&self, medium: StageMedium) {
        let StageMedium { sha256, size_bytes } = medium;
        let mut state = self.desk.state();
        if !state.waits(sha256) {
            state.stagings.push_back(Request { sha256, size_bytes: Some(size_bytes) });
        }
        drop(state);
        self.desk.changed.notify_waiters();
    }
}

impl Fetching for Stager {
    fn want(&self, sha256: Digest) {
        let mut state = self.desk.state();
        // One that is under way is on its way for whoever wants it.
        if state.comes(sha256) || state.runs.iter().any(|request| request.sha256 == sha256) {
            return;
        }
        // One that waits behind other stagings waits no longer.
        let staged = state.stagings.iter().position(|request| request.sha256 == sha256);
        let staged = staged.and_then(|place| state.stagings.remove(place));
        state.runs.push_back(staged.unwrap_or(Request { sha256, size_bytes: None }));
        drop(state);
        self.desk.changed.notify_waiters();
    }

    fn how_far(&self, sha256: Digest) -> Option<Far> {
        let state = self.desk.state();
        match state.far.get(&sha256) {
            Some(comes @ Far::Comes { .. }) => Some(comes.clone()),
            _ if state.waits(sha256) => Some(Far::Waits),
            far => far.cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk() -> (Stager, Arc<Desk>) {
        let desk = Arc::<Desk>::default();
        (Stager::new(Arc::clone(&desk)), desk)
    }

    fn medium(content: &[u8]) -> StageMedium {
        StageMedium { sha256: Digest::of(content), size_bytes: 1 }
    }

    fn next(desk: &Desk, lane: Lane) -> Option<Digest> {
        desk.state().take(lane).map(|request| request.sha256)
    }

    #[test]
    fn what_waits_for_its_turn_is_not_taken_twice() {
        let (stager, desk) = desk();
        let [one, two] = [medium(b"one"), medium(b"two")];
        for medium in [one, two, one] {
            stager.stage(medium);
            assert_eq!(stager.how_far(medium.sha256), Some(Far::Waits));
        }
        assert_eq!(next(&desk, Lane::Run), None);
        assert_eq!(next(&desk, Lane::Staging), Some(one.sha256));
        assert_eq!(next(&desk, Lane::Staging), Some(two.sha256));
        assert_eq!(next(&desk, Lane::Staging), None);
    }

    #[test]
    fn what_a_run_wants_goes_by_a_lane_of_its_own_and_comes_once() {
        let (stager, desk) = desk();
        let [long, short] = [medium(b"long"), medium(b"short")];
        stager.stage(long);
        stager.stage(short);
        assert_eq!(next(&desk, Lane::Staging), Some(long.sha256));
        // Both ways at once: the one under way is waited for, the other goes ahead with the size that is known.
        stager.want(long.sha256);
        stager.want(short.sha256);
        stager.want(short.sha256);
        let taken = desk.state().take(Lane::Run);
        assert_eq!(taken, Some(Request { sha256: short.sha256, size_bytes: Some(1) }));
        assert_eq!(next(&desk, Lane::Run), None);
        assert_eq!(next(&desk, Lane::Staging), None, "it is no staging any more");
        // Asked for again while it comes for the run, it is looked at once more, and not before that has ended.
        stager.stage(short);
        assert_eq!(next(&desk, Lane::Staging), None);
        assert!(!desk.ends(short.sha256, Far::Here));
        assert_eq!(next(&desk, Lane::Staging), Some(short.sha256));
        assert!(desk.ends(short.sha256, Far::Here));
        assert_eq!(stager.how_far(short.sha256), Some(Far::Here));
    }
}
