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
/// `name:count:stall_ms` to hold this one thread before, as a slow disk would, while all others go on. `@FILE` reads the
/// order from that file at every visit, so that a running process can be told; another text there is another order.
#[cfg(feature = "crash-points")]
pub fn point(name: &str) {
    use std::sync::{Mutex, PoisonError};
    /// The order that is followed, and how many visits it still lets pass.
    static FOLLOWED: Mutex<(String, u64)> = Mutex::new((String::new(), 0));
    debug_assert!(POINTS.contains(&name), "{name} is not listed");
    let Some(order) = order() else { return };
    let mut parts = order.trim().split(':');
    let (Some(wanted), Some(count)) = (parts.next(), parts.next().and_then(|count| count.parse().ok()))
    else {
        return;
    };
    if wanted != name {
        return;
    }
    let stall_ms = parts.next().and_then(|stall| stall.parse().ok()).unwrap_or_default();
    let mut followed = FOLLOWED.lock().unwrap_or_else(PoisonError::into_inner);
    if followed.0 != order {
        *followed = (order.clone(), count);
    }
    if followed.1 == 0 {
        return;
    }
    followed.1 -= 1;
    if followed.1 == 0 && is_taken() {
        std::thread::sleep(std::time::Duration::from_millis(stall_ms));
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

/// What is ordered now.
#[cfg(feature = "crash-points")]
fn order() -> Option<String> {
    match file() {
        // No file is no order.
        Some(file) => std::fs::read_to_string(file).ok(),
        None => at().map(str::to_owned),
    }
}

/// Takes an order out of its file, so that whoever gave it sees that this process is about to die; false where it was taken
/// back a moment before.
#[cfg(feature = "crash-points")]
fn is_taken() -> bool {
    file().is_none_or(|file| std::fs::rename(file, file.with_extension("taken")).is_ok())
}

#[cfg(feature = "crash-points")]
fn file() -> Option<&'static std::path::Path> {
    at()?.strip_prefix('@').map(std::path::Path::new)
}

#[cfg(feature = "crash-points")]
fn at() -> Option<&'static str> {
    use std::sync::OnceLock;
    static AT: OnceLock<Option<String>> = OnceLock::new();
    AT.get_or_init(|| std::env::var("MUSTER_CRASH_AT").ok()).as_deref()
}

/// Nothing: the feature `crash-points` is off.
#[cfg(not(feature = "crash-points"))]
pub fn point(_name: &str) {}
