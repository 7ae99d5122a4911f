//! The reader of scripts under libFuzzer: any bytes, any pieces.
//!
//! Neighbours: `promises` is shared with the ordinary test over the seeds; `../run` builds and starts this.
#![no_main]

#[path = "../../../agent/core/tests/promises/mod.rs"]
mod promises;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| promises::hold(bytes));
