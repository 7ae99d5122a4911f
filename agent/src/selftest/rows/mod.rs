//! The promises: what is set is seen again, what is not named stays, what is impossible is an error. A file for each part.
//!
//! Neighbours: `bench` has the engine's steps.

mod certificates;
mod files;
mod iis;
mod programs;
mod registry;
mod server;
mod services;

use muster_model::value::Value;

use super::Promise;

/// All of them, in the order of a report.
pub(super) fn all() -> impl Iterator<Item = &'static Promise> {
    let parts =
        [services::ALL, files::ALL, registry::ALL, iis::ALL, certificates::ALL, server::ALL, programs::ALL];
    parts.into_iter().flatten()
}

fn members(list: &[(&str, &str)]) -> Value {
    Value::Members(list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
}
