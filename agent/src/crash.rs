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
    "sql.batch.before",
    "sql.batch.after",
    "sql.announced",
    "sql.alone",
    "session.welcomed",
    "session.before_send",
    "session.after_send",
    "enroll.before_request",
    "enroll.after_reply",
    "enroll.before_publish",
];

/// Ends the process at once, as SIGKILL does, at the visit that `MUSTER_CRASH_AT` names: `name:count`, or
/// `name:count:stall_ms` to hold this one thread before, as a slow disk would, while all others go on.
#[cfg(feature = "crash-points")]
pub fn point(name: &str) {
    use std::sync::{Mutex, OnceLock, PoisonError};
    static WANTED: OnceLock<Option<(String, u64, Mutex<u64>)>> = OnceLock::new();
    debug_assert!(POINTS.contains(&name), "{name} is not listed");
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("MUSTER_CRASH_AT").ok()?;
        let mut parts = text.split(':');
        let (name, count) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?);
        let stall_ms = parts.next().map_or(Some(0), |stall| stall.parse().ok())?;
        Some((name, stall_ms, Mutex::new(count)))
    });
    let Some((wanted, stall_ms, left)) = wanted else { return };
    if wanted != name {
        return;
    }
    let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
    if *left == 0 {
        return;
    }
    *left -= 1;
    if *left == 0 {
        std::thread::sleep(std::time::Duration::from_millis(*stall_ms));
        // Nothing may run after this line: no destructor, no flush.
        if let Err(error) = crate::os::end(std::process::id()) {
            tracing::error!(%error, "the process could not end itself");
        }
        loop {
            std::thread::park();
        }
    }
}

/// Nothing: the feature `crash-points` is off.
#[cfg(not(feature = "crash-points"))]
pub fn point(_name: &str) {}
