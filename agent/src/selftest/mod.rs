//! The promises of the host ports, as one suite of stories that is run against a host.
//!
//! `rows` are the promises, `bench` puts one to the proof with the engine's own functions, `own` has the names of all that is
//! made. Neighbours: tests run it on a twin. Never touches what it did not make, and takes all away, when a promise fails too.

mod bench;
mod own;
mod rows;

use muster_model::node::NodeKind;

pub use self::bench::{Bench, Broken};
use crate::host::{Capability, Provable};

/// A promise of a port.
pub struct Promise {
    /// Its name, which never changes.
    pub id: &'static str,
    /// What is promised.
    pub promise: &'static str,
    kind: NodeKind,
    needs: &'static [Capability],
    show: fn(&Bench<'_>) -> Result<(), Broken>,
}

/// What was seen of a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It holds.
    Held,
    /// It does not, and how.
    Failed(String),
    /// This host cannot show it, and why. Never taken for held.
    NotShown(String),
}

/// Every promise with what was seen of it.
pub fn run(host: &dyn Provable) -> Vec<(&'static Promise, Seen)> {
    rows::ALL.iter().map(|promise| (promise, prove(promise, host))).collect()
}

/// What was left by a run before goes first, and what this one made goes last, whatever was seen.
fn prove(promise: &Promise, host: &dyn Provable) -> Seen {
    match lacking(promise, host) {
        Ok(None) => {}
        Ok(Some(reason)) => return Seen::NotShown(reason),
        Err(error) => return Seen::Failed(error.to_string()),
    }
    let before = own::sweep(host);
    if !before.is_empty() {
        return Seen::Failed(format!("what a run before left does not go: {}", before.join("; ")));
    }
    let shown = (promise.show)(&Bench::new(host));
    let left = own::sweep(host);
    match shown {
        Err(error) => Seen::Failed(error.to_string()),
        Ok(()) if left.is_empty() => Seen::Held,
        Ok(()) => Seen::Failed(format!("it holds, and this does not go: {}", left.join("; "))),
    }
}

fn lacking(promise: &Promise, host: &dyn Provable) -> Result<Option<String>, crate::host::Error> {
    if !host.kinds().contains(&promise.kind) {
        return Ok(Some(format!("this host has no {}", promise.kind)));
    }
    for capability in promise.needs {
        if let Some(reason) = host.lacks(*capability)? {
            return Ok(Some(reason));
        }
    }
    Ok(None)
}
