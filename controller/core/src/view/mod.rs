//! Views: where everything stands, in words that an administrator understands and with commands to type.
//!
//! `steps` shows a plan and its run, `site` a site's state and why, `server` a server. Neighbours: the controller gathers
//! the facts, the CLI prints what comes out. Nothing is decided here: a view says what a fold holds.

mod server;
mod site;
mod steps;
#[cfg(test)]
mod tests;

pub use server::{ServerFacts, server};
pub use site::{PlanFacts, SiteFacts, site, why};
pub use steps::{Servers, steps};

use muster_model::event::RunEnd;
use muster_model::outcome::End;
use muster_model::view::StepState;

/// Where a step stands, in one or two words.
pub fn state_word(state: StepState) -> &'static str {
    match state {
        StepState::Pending => "pending",
        StepState::Issued => "sent",
        StepState::Running => "running",
        StepState::Waiting | StepState::Ended(End::Waiting) => "waiting for a person",
        StepState::Ended(End::Done) => "done",
        StepState::Ended(End::Failed) => "failed",
        StepState::Ended(End::Blocked) => "blocked",
        StepState::Ended(End::Unknown) => "unknown",
        StepState::Ended(End::Skipped) => "skipped",
        StepState::Ended(End::Superseded) => "superseded",
        StepState::Ended(End::Cancelled) => "cancelled",
    }
}

/// How a step ended, as the rest of a sentence that begins with it.
pub(crate) fn end_phrase(end: End) -> &'static str {
    match end {
        End::Done => "is done",
        End::Failed => "failed",
        End::Blocked => "is blocked",
        End::Unknown => "has an unknown outcome",
        End::Skipped => "was skipped",
        End::Superseded => "was superseded",
        End::Cancelled => "was cancelled",
        End::Waiting => "waits for a person",
    }
}

/// How a run ended, in one word.
pub fn end_word(end: RunEnd) -> &'static str {
    match end {
        RunEnd::Done => "done",
        RunEnd::Failed => "failed",
        RunEnd::Blocked => "blocked",
        RunEnd::Unknown => "unknown",
        RunEnd::Refused => "refused",
        RunEnd::Cancelled => "cancelled",
        RunEnd::Expired => "expired",
    }
}
