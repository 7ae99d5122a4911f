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
    "planning.after_manifests",
    "dispatch.after_commit",
    "dispatch.before_send",
    "dispatch.after_send",
    "session.before_outcome",
    "session.before_acknowledge",
    "session.after_acknowledge",
];

/// Ends the process at once, as SIGKILL does, where `MUSTER_CRASH_AT` is `name:count` and this is that visit of that point.
#[cfg(feature = "crash-points")]
pub fn point(name: &str) {
    use std::sync::Mutex;
    use std::sync::OnceLock;
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
    let mut left = left.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    *left = left.saturating_sub(1);
    if *left == 0 {
        // Nothing may run after this line: no destructor, no flush.
        if let Err(error) =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
        {
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
