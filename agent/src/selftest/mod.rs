//! The promises of the host ports, as one suite of stories that is run against a host.
//!
//! `rows` are the promises, `bench` puts one to the proof with the engine's own functions, `own` has the names of all that
//! is made, `report` says what was seen, `stand_in` plays a service, `throwaway` is a certificate to import. Neighbours:
//! `cli` runs it on a twin or on the Windows server itself, tests on both. Never touches what it did not make, and takes all
//! away, when a promise fails too.

mod bench;
mod own;
pub mod report;
mod rows;
pub mod stand_in;
pub mod throwaway;

use muster_model::node::NodeKind;
use thiserror::Error;

pub use self::bench::{Bench, Broken};
use crate::host::{self, Capability, Provable};

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

/// A promise with what was seen of it.
pub struct Proof {
    /// The promise.
    pub promise: &'static Promise,
    /// What was seen.
    pub seen: Seen,
}

/// Why nothing was put to the proof.
#[derive(Debug, Error)]
pub enum Unfit {
    /// Two would take each other's things away.
    #[error("another self-test is under way on this machine; wait until it has ended")]
    Busy,
    /// Nothing could be made.
    #[error("it makes services and folders of the computer; type it in a window of an administrator")]
    NotElevated,
    /// The machine cannot be asked.
    #[error(transparent)]
    Host(#[from] host::Error),
}

/// Puts every promise to the proof, one self-test at a time on a machine.
///
/// # Errors
/// Where none was.
pub fn run(host: &dyn Provable) -> Result<Vec<Proof>, Unfit> {
    let _held = host.hold()?.ok_or(Unfit::Busy)?;
    if !host.inventory().elevated()? {
        return Err(Unfit::NotElevated);
    }
    Ok(rows::all().map(|promise| Proof { promise, seen: prove(promise, host) }).collect())
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

fn lacking(promise: &Promise, host: &dyn Provable) -> Result<Option<String>, host::Error> {
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
