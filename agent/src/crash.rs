//! Named points at which a test may end this process as a power cut would.
//!
//! `muster_proto::crash` knows what is ordered. Neighbours: the journal, the engine, the session and enrolment stand on the
//! edges named here; `tests/crash` lists them. Without the feature `crash-points` a point is nothing at all.

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

/// Ends the process at once, as SIGKILL does, at the visit that a test ordered.
#[cfg(feature = "crash-points")]
pub fn point(name: &str) {
    debug_assert!(POINTS.contains(&name), "{name} is not listed");
    if muster_proto::crash::strikes(name) {
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

/// A wait before the next try to reach the controller: a twentieth where crashes are played, so that a harness spends its
/// time on work and not on waiting.
pub fn hurried(wait_ms: u64) -> u64 {
    if cfg!(feature = "crash-points") { wait_ms / 20 } else { wait_ms }
}
