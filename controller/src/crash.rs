//! Named points at which a test may end this process as a power cut would.
//!
//! `muster_proto::crash` knows what is ordered. Neighbours: the store's writer, start-up and enrolment stand on the edges
//! named here; `tests/crash` lists them. Without the feature `crash-points` a point is nothing at all.

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

/// Ends the process at once, as SIGKILL does, at the visit that a test ordered.
#[cfg(feature = "crash-points")]
pub fn point(name: &str) {
    debug_assert!(POINTS.contains(&name), "{name} is not listed");
    if muster_proto::crash::strikes(name) {
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
