//! Orders to end a process at a named point, as tests give them to controllers and agents.
//!
//! Neighbours: both programs have a room `crash` with the points that they pass and the way in which they end; whether this
//! visit is the one is said here. It is there with the feature `crash-points` alone, never in a release.

use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Whether the process must end now, at its visit of this point. `MUSTER_CRASH_AT` names the visit: `name:count`, or
/// `name:count:stall_ms` to hold this one thread before, as a slow disk would, while all others go on. `@FILE` reads the
/// order from that file at every visit, so that a running process can be told; another text there is another order.
pub fn strikes(name: &str) -> bool {
    /// The order that is followed, and how many visits it still lets pass.
    static FOLLOWED: Mutex<(String, u64)> = Mutex::new((String::new(), 0));
    let Some(order) = order() else { return false };
    let mut parts = order.trim().split(':');
    let (Some(wanted), Some(count)) = (parts.next(), parts.next().and_then(|count| count.parse().ok()))
    else {
        return false;
    };
    if wanted != name {
        return false;
    }
    let stall_ms = parts.next().and_then(|stall| stall.parse().ok()).unwrap_or_default();
    let mut followed = FOLLOWED.lock().unwrap_or_else(PoisonError::into_inner);
    if followed.0 != order {
        *followed = (order.clone(), count);
    }
    if followed.1 == 0 {
        return false;
    }
    followed.1 -= 1;
    if followed.1 > 0 || !is_taken() {
        return false;
    }
    std::thread::sleep(Duration::from_millis(stall_ms));
    true
}

/// What is ordered now.
fn order() -> Option<String> {
    match file() {
        // No file is no order.
        Some(file) => std::fs::read_to_string(file).ok(),
        None => at().map(str::to_owned),
    }
}

/// Takes an order out of its file, so that whoever gave it sees that this process is about to die; false where it was taken
/// back a moment before.
fn is_taken() -> bool {
    file().is_none_or(|file| std::fs::rename(file, file.with_extension("taken")).is_ok())
}

fn file() -> Option<&'static Path> {
    at()?.strip_prefix('@').map(Path::new)
}

fn at() -> Option<&'static str> {
    static AT: OnceLock<Option<String>> = OnceLock::new();
    AT.get_or_init(|| std::env::var("MUSTER_CRASH_AT").ok()).as_deref()
}
