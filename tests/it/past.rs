//! A controller whose clock is behind, for what takes months: certificates that end, licences that end.
//!
//! The one call of a program's function in these stories: no command sets a controller's clock back.

use std::sync::Arc;

use jiff::{Timestamp, ToSpan as _};
use muster_controller::clock::Clock;
use muster_controller::intake::catalog::{self, Catalog};
use muster_controller::serve::{Options, Running};
use muster_tests::field::Field;

/// Does something while the field's controller, which must not be running, serves as it would have so many days ago.
pub(crate) fn days_ago(field: &Field, days: i64, work: impl FnOnce()) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let then = Clock::from_fn(move || Timestamp::now().checked_sub((days * 24).hours()).unwrap());
    let options = Options {
        data_dir: field.controller.data().to_owned(),
        listen: Some(field.controller.address.clone()),
    };
    let host_of = catalog::host_of(Catalog::default());
    let running = runtime.block_on(Running::start(options, then, Arc::clone(&host_of))).unwrap();
    work();
    runtime.block_on(running.stop()).unwrap();
}
