//! A defect of a library that reads damaged files, caught where it happens.
//!
//! Neighbours: `package` reads behind it. It says nothing on stderr of what it caught: the command says it in its own words.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static CAUGHT_HERE: Cell<bool> = const { Cell::new(false) };
}

/// What the work gives, or none where it panicked. Everything that the work used is dropped with it.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    static QUIET: Once = Once::new();
    // The process's own hook prints; on a thread that catches, there is nothing to print.
    QUIET.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !CAUGHT_HERE.get() {
                loud(info);
            }
        }));
    });
    CAUGHT_HERE.set(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    CAUGHT_HERE.set(false);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_value() {
        let empty: &[i32] = std::hint::black_box(&[]);
        assert_eq!(caught(|| empty[0]), None);
        assert_eq!(caught(|| 7), Some(7));
    }
}
