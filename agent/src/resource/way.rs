//! How a service on its way comes on, as whoever waits for it sees it.
//!
//! Neighbours: `service` and `restart` wait, and say this where the time limit has passed. The limit alone ends a wait: what a
//! service asks for is shown and never heeded, because it is often wrong.

use crate::host::{Pending, ServiceFacts, ServiceState};

/// What was seen last of a service, and since when it is so.
#[derive(Debug, Default)]
pub(super) struct Way {
    last: Option<(ServiceState, Pending)>,
    since_ms: u64,
    now_ms: u64,
}

impl Way {
    /// Notes what was seen after that wait.
    pub(super) fn note(&mut self, facts: &ServiceFacts, waited_ms: u64) {
        let seen = facts.pending.map(|pending| (facts.state, pending));
        if seen != self.last {
            self.since_ms = waited_ms;
        }
        (self.last, self.now_ms) = (seen, waited_ms);
    }

    /// What goes behind the state of a service on its way; nothing behind another, or one that says nothing of it.
    pub(super) fn words(&self) -> String {
        let Some((_, Pending { checkpoint, wait_hint_ms })) = self.last else { return String::new() };
        let asked = in_words(wait_hint_ms.into());
        match self.now_ms.saturating_sub(self.since_ms) {
            // Seen so for the first time: whether it stands still nobody knows.
            0 => format!(" (checkpoint {checkpoint}; it asked for {asked})"),
            still => {
                let still = in_words(still);
                format!(", no progress for {still} (checkpoint {checkpoint}; it asked for {asked})")
            }
        }
    }
}

fn in_words(wait_ms: u64) -> String {
    if wait_ms < 1_000 { format!("{wait_ms} ms") } else { format!("{} s", wait_ms / 1_000) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::StartMode;

    fn facts(state: ServiceState, pending: Option<Pending>) -> ServiceFacts {
        let (account, command_line) = (String::new(), String::new());
        ServiceFacts { state, pending, start: StartMode::Manual, failure: None, account, command_line }
    }

    #[test]
    fn a_service_stands_still_since_its_last_checkpoint_or_state() {
        let mut way = Way::default();
        let pending = |checkpoint| Some(Pending { checkpoint, wait_hint_ms: 2_000 });
        let stopping = |checkpoint| facts(ServiceState::StopPending, pending(checkpoint));
        way.note(&facts(ServiceState::Running, None), 0);
        assert_eq!(way.words(), "");
        way.note(&stopping(2), 500);
        way.note(&stopping(3), 2_000);
        way.note(&stopping(3), 60_000);
        assert_eq!(way.words(), ", no progress for 58 s (checkpoint 3; it asked for 2 s)");
        way.note(&stopping(4), 60_200);
        way.note(&stopping(4), 60_450);
        assert_eq!(way.words(), ", no progress for 250 ms (checkpoint 4; it asked for 2 s)");
        way.note(&facts(ServiceState::StartPending, pending(4)), 70_000);
        assert_eq!(way.words(), " (checkpoint 4; it asked for 2 s)", "seen so only once");
        way.note(&facts(ServiceState::Stopped, None), 71_000);
        assert_eq!(way.words(), "");
    }
}
