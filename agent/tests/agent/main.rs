//! The agent on a twin, with real installers, and a controller that is played by the test. Each test is a story; its name is
//! the promise.

#![expect(clippy::unwrap_used, reason = "what a test stands on fails by a panic, as the test itself does")]

mod crash;
mod door;
#[path = "../host/ended.rs"]
mod ended;
mod generated;
mod guided;
mod manifest;
mod packages;
mod restart;
mod run;
mod sql;
mod sql_backup;
mod sql_errors;
mod sql_includes;
mod sql_resumption;
mod sql_transactions;
mod stage;
mod tasks;
