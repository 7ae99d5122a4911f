//! Named points at which a test may end this process as a power cut would.
//!
//! Neighbours: the store's writer, start-up and enrolment stand on the edges named here; `tests/crash` lists them. Without
//! the feature `crash-points` a point is nothing at all.

/// Every point, so that a harness can visit each.
pub const POINTS: &[&str] = &[
    "store.before_commit",
    "store.after_commit",
    "serve.before_epoch",
    "serve.after_epoch",
    "enroll.before_reply",
    "init.before_publish",
    "backup.before_publish",
    "restore.before_publish",
    "planning.after_manifests",
    "dispatch.after_commit",
    "dispatch.before_send",
    "dispatch.after_send",
    "session.before_outcome",
    "session.before_acknowledge",
    "session.after_acknowledge",
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
pub fn point(_name: &str) {}
