//! Whether a pool or a site runs, as IIS says it, and the way from one to the other.
//!
//! Neighbours: `pools` and `sites`. What was committed a moment ago has no state yet, and a pool on its way takes no orders:
//! both pass, and are waited for. An order that was taken is not given twice, so that a pool that fails at its start is not
//! started over and over, which would lock an account.

use std::thread;
use std::time::{Duration, Instant};

use muster_model::limits;

use super::commit::{Deed, Failure, look};
use super::config::{Element, Manager};
use super::fault::Fault;
use crate::host::Error;

/// What can run: application pools and sites.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) section: &'static str,
    pub(super) words: &'static str,
    /// Whether it opens ports when it starts.
    pub(super) listens: bool,
}

impl Kind {
    /// The one of that name, or none.
    pub(super) fn find<'manager>(
        self,
        manager: &'manager Manager,
        name: &str,
    ) -> Result<Option<Element<'manager>>, Fault> {
        manager.section(self.section)?.list(self.section)?.find("name", name)
    }

    /// The one of that name, which must be there.
    pub(super) fn named<'manager>(
        self,
        manager: &'manager Manager,
        name: &str,
    ) -> Result<Element<'manager>, Failure> {
        let absent = || Error::Absent { kind: self.words, name: name.to_owned() };
        self.find(manager, name)?.ok_or_else(|| absent().into())
    }
}

/// What IIS says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Started,
    Stopped,
    /// Starting or stopping.
    OnItsWay,
    /// It says nothing, or that it does not know.
    Unknown,
}

impl State {
    /// The word or the number of `ObjectState`.
    fn read(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "started" | "1" => Self::Started,
            "stopped" | "3" => Self::Stopped,
            "starting" | "stopping" | "0" | "2" => Self::OnItsWay,
            _ => Self::Unknown,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::OnItsWay => "on its way",
            Self::Unknown => "unknown",
        }
    }
}

/// The state now, and why IIS does not say it where it does not.
fn state(deed: Deed<'_>, kind: Kind) -> Result<(State, Option<String>), Error> {
    look(deed, |manager| {
        Ok(match kind.named(manager, deed.name)?.text("state") {
            Ok(text) => (State::read(&text), None),
            Err(fault) => (State::Unknown, Some(fault.to_string())),
        })
    })
}

/// Whether it is started or stopped, after a short while where it is on its way.
pub(super) fn seen(deed: Deed<'_>, kind: Kind) -> Result<State, Error> {
    reached(deed, kind, None, limits::IIS_LOOK_LIMIT_MS)
}

/// Waits until it is stopped or started, or for the one that is wanted; says which.
pub(super) fn settled(deed: Deed<'_>, kind: Kind, wanted: Option<State>) -> Result<State, Error> {
    reached(deed, kind, wanted, limits::IIS_STATE_LIMIT_MS)
}

fn reached(deed: Deed<'_>, kind: Kind, wanted: Option<State>, limit_ms: u64) -> Result<State, Error> {
    let until = Instant::now() + Duration::from_millis(limit_ms);
    loop {
        let (now, why) = state(deed, kind)?;
        let is_settled = matches!(now, State::Started | State::Stopped);
        if wanted.map_or(is_settled, |wanted| now == wanted) {
            return Ok(now);
        }
        if Instant::now() >= until {
            let words = now.words();
            let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
            let look = "see whether the World Wide Web Publishing Service runs, and the event log";
            return Err(deed.refused(format!("its state is {words} after {limit_ms} ms{why}; {look}")));
        }
        thread::sleep(Duration::from_millis(limits::IIS_POLL_MS));
    }
}

/// Gives an order, again where it comes at a moment at which IIS takes none; says whether it was taken. It is not where the
/// thing is meanwhile in a state in which nothing is left of the order.
pub(super) fn order(deed: Deed<'_>, kind: Kind, method: &str, without: State) -> Result<bool, Error> {
    let until = Instant::now() + Duration::from_millis(limits::IIS_STATE_LIMIT_MS);
    loop {
        let told = look(deed, |manager| match kind.named(manager, deed.name)?.call(method) {
            Err(fault) if fault.is_not_yet() && Instant::now() < until => Ok(Err(fault)),
            Err(fault) => Err(refusal(deed, kind, &fault).into()),
            Ok(()) => Ok(Ok(())),
        })?;
        match told {
            Ok(()) => return Ok(true),
            Err(fault) => tracing::debug!(operation = deed.operation, name = deed.name, %fault, "not yet"),
        }
        thread::sleep(Duration::from_millis(limits::IIS_POLL_MS));
        // It may have been on its way there without this order.
        if settled(deed, kind, None)? == without {
            return Ok(false);
        }
    }
}

/// Never a conflict of two writers, whatever the code: an order writes no configuration, and is not given again for one.
fn refusal(deed: Deed<'_>, kind: Kind, fault: &Fault) -> Error {
    if !kind.listens || !fault.is_in_use() {
        return fault.told(deed.operation, deed.name);
    }
    deed.refused(format!(
        "{fault}; another program listens on a port of its bindings: `netstat -abno` names it; stop it, or give one of the two another \
         port"
    ))
}

/// Brings it there, and waits until it is.
pub(super) fn bring(deed: Deed<'_>, kind: Kind, wanted: State, method: &str) -> Result<(), Error> {
    if settled(deed, kind, None)? != wanted && order(deed, kind, method, wanted)? {
        settled(deed, kind, Some(wanted))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_a_word_and_as_a_number() {
        for (text, state) in [
            ("Started", State::Started),
            ("1", State::Started),
            ("stopped", State::Stopped),
            ("3", State::Stopped),
            ("Starting", State::OnItsWay),
            ("2", State::OnItsWay),
            ("Unknown", State::Unknown),
            ("4", State::Unknown),
            ("", State::Unknown),
        ] {
            assert_eq!(State::read(text), state, "{text}");
        }
    }
}
