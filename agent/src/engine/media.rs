//! The port to what fetches media, and the wait for one before its installer's command line is built.
//!
//! A medium that lies neither where the documents say nor in the cache is fetched from the controller, before anything runs and
//! before an old version goes. Neighbours: `media::fetch` is the real one and alone knows how it comes; `package` asks. Never
//! looks into a medium: whoever executes it compares it.

use muster_model::causes::with_causes;
use muster_model::digest::Digest;
use muster_model::package::Medium;

use super::patience::Patience;
use super::{Engine, Error, Task};
use crate::resource;

/// How often it is asked how far a medium is.
const POLL_MS: u64 = 200;

/// What fetches media.
pub trait Fetching: Send + Sync {
    /// Has a medium fetched, unless it waits for its turn already. One that is held is looked at and no more.
    fn want(&self, sha256: Digest);
    /// How far that is; none where nobody asked.
    fn how_far(&self, sha256: Digest) -> Option<Far>;
}

/// How far a medium is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Far {
    /// Others come before it.
    Waits,
    /// It comes, or waits for the link.
    Comes {
        /// Held of it.
        held_bytes: u64,
        /// All of it; none where the controller was not asked yet.
        size_bytes: Option<u64>,
        /// Why nothing comes at this moment.
        lost: Option<String>,
    },
    /// All of it is held.
    Here,
    /// It does not come, and nobody tries any more.
    Ended {
        /// Why, and what to do.
        problem: String,
        /// Whether another try may go better.
        passes: bool,
    },
}

impl Engine {
    /// Waits until a package's medium lies where its installer finds it; at most for the step's time limit. Why not, where it
    /// does not come.
    pub(super) fn bring(&self, task: &Task, limit_ms: u64) -> Result<Result<(), String>, Error> {
        let Ok(package) = resource::package::read(&task.node) else { return Ok(Ok(())) };
        let Some(Medium { path, sha256 }) = package.medium else { return Ok(Ok(())) };
        match self.host.packages().has_medium(&path) {
            Ok(false) if !self.media.path(sha256).is_file() => {}
            Ok(_) => return Ok(Ok(())),
            Err(error) => return Ok(Err(with_causes(&error))),
        }
        let not_there = format!(
            "the medium {path} lies neither there nor in this server's cache, and does not come from the controller"
        );
        let tell = |waited_ms: u64| {
            let far = self.fetching.how_far(sha256);
            self.progress(task, format!("{}, {} s so far", words(far.as_ref()), waited_ms / 1_000));
        };
        let patience = Patience::new(self.host.clock(), &self.stop, tell);
        let mut left_ms = limit_ms;
        let mut told = String::new();
        let mut why = None;
        self.fetching.want(sha256);
        loop {
            let far = self.fetching.how_far(sha256);
            match &far {
                Some(Far::Here) => return Ok(Ok(())),
                Some(Far::Ended { problem, passes: false }) => {
                    let site = &self
                        .journal
                        .read(|state| state.open().map(|open| open.work.manifest.server.site.to_string()));
                    let site = site.as_deref().unwrap_or("SITE");
                    return Ok(Err(format!(
                        "{not_there}: {problem}; `muster stage {site}` fetches it ahead of a run"
                    )));
                }
                Some(Far::Ended { problem, passes: true }) => {
                    why = Some(problem.clone());
                    self.fetching.want(sha256);
                }
                Some(Far::Comes { lost: Some(lost), .. }) => why = Some(lost.clone()),
                Some(Far::Comes { lost: None, .. }) => why = None,
                Some(Far::Waits) | None => {}
            }
            let now = words(far.as_ref());
            if now != told {
                self.progress(task, now.clone());
                told = now;
            }
            if left_ms == 0 {
                let limit_s = limit_ms / 1_000;
                let last = why.unwrap_or(told);
                return Ok(Err(format!("{not_there} within the step's time limit of {limit_s} s: {last}")));
            }
            left_ms = patience.pause_ms(left_ms, POLL_MS)?;
        }
    }
}

/// What whoever watches reads.
fn words(far: Option<&Far>) -> String {
    match far {
        Some(Far::Comes { held_bytes, size_bytes: Some(size_bytes), lost }) => {
            let percent = held_bytes.saturating_mul(100) / (*size_bytes).max(1);
            let waits = if lost.is_some() { ", waits for the link to the controller" } else { "" };
            format!("fetching its medium, {percent} % of {} MiB{waits}", size_bytes.div_ceil(1024 * 1024))
        }
        Some(Far::Comes { lost: Some(_), .. }) => {
            "fetching its medium, waits for the link to the controller".to_owned()
        }
        Some(Far::Comes { .. } | Far::Here | Far::Ended { .. }) => "fetching its medium".to_owned(),
        Some(Far::Waits) | None => "waiting for its medium".to_owned(),
    }
}
