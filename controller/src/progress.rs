//! How far steps are, passed on to whoever watches at this moment.
//!
//! Neighbours: `api::agent` hears it from agents, `watch` hands it to operators. Stored nowhere and never waited for: a
//! watcher who is slow misses some, and an agent that speaks to nobody loses nothing.

use muster_model::limits;
use muster_model::name::ServerId;
use tokio::sync::broadcast;

/// How far a step is, in an agent's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepProgress {
    /// The server, by its certificate.
    pub server: ServerId,
    /// The step's number in the plan that runs there.
    pub step: u32,
    /// In words.
    pub text: String,
}

/// Where agents' words meet those who watch. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress {
    listeners: broadcast::Sender<StepProgress>,
}

impl Default for Progress {
    fn default() -> Self {
        let kept = usize::try_from(limits::PROGRESS_KEPT).unwrap_or(usize::MAX);
        Self { listeners: broadcast::Sender::new(kept) }
    }
}

impl Progress {
    /// Passes it on, where somebody listens.
    pub fn tell(&self, progress: StepProgress) {
        let heard_by = self.listeners.send(progress).unwrap_or(0);
        tracing::trace!(heard_by, "progress");
    }

    /// All that is told from now on.
    pub fn listen(&self) -> broadcast::Receiver<StepProgress> {
        self.listeners.subscribe()
    }
}
