//! Named points at which a test may end this process as a power cut would.
//!
//! Neighbours: the journal, the engine, the session and enrolment stand on the edges named here; `tests/crash` lists them.
//! Without the feature `crash-points` a point is nothing at all.

/// Every point, so that a harness can visit each.
pub const POINTS: &[&str] = &[
    "journal.epoch.before_commit",
    "journal.epoch.stored",
    "journal.accepted.before_commit",
    "journal.accepted.stored",
    "journal.intent.before_commit",
    "journal.intent.stored",
    "journal.outcome.before_commit",
    "journal.outcome.stored",
    "journal.acknowledged.before_commit",
    "journal.acknowledged.stored",
    "journal.cancelled.before_commit",
    "journal.cancelled.stored",
    "journal.regressed.before_commit",
    "journal.regressed.stored",
    "journal.reobserved.before_commit",
    "journal.reobserved.stored",
    "effect.before",
    "effect.after",
    "installer.before_start",
    "installer.after_start",
    "installer.ended",
    "session.welcomed",
    "session.before_send",
    "session.after_send",
    "enroll.before_request",
    "enroll.after_reply",
    "enroll.before_publish",
];

/// Ends the process at once, as SIGKILL does, where `MUSTER_CRASH_AT` is `name:count` and this is that visit of that point.
#[cfg(feature = "crash-points")]
pub fn point(name: &str) {
    use std::sync::{Mutex, OnceLock, PoisonError};
    static WANTED: OnceLock<Option<(String, Mutex<u64>)>> = OnceLock::new();
    debug_assert!(POINTS.contains(&name), "{name} is not listed");
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("MUSTER_CRASH_AT").ok()?;
        let (name, count) = text.rsplit_once(':')?;
        Some((name.to_owned(), Mutex::new(count.parse().ok()?)))
    });
    let Some((wanted, left)) = wanted else { return };
    if wanted != name {
        return;
    }
    let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
    if *left == 0 {
        return;
    }
    *left -= 1;
    if *left == 0 {
        // Nothing may run after this line: no destructor, no flush.
        let me = rustix::process::getpid();
        if let Err(error) = rustix::process::kill_process(me, rustix::process::Signal::KILL) {
            tracing::error!(%error, "the process could not end itself");
        }
        loop {
            std::thread::park();
        }
    }
}

/// Nothing: the feature `crash-points` is off.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn point(_name: &str) {}
