//! One look at IIS's configuration, and one change of it: read, agree with what was read first, change, commit.
//!
//! Neighbours: `pools` and `sites` say what is read and changed. A conflict drops the manager, because what it holds cannot be
//! taken back, and begins again; but where the thing itself was changed by somebody else meanwhile, nothing is done: the rows
//! that were agreed do not hold any more. Never changes more than one thing, and never commits twice.

use std::thread;
use std::time::Duration;

use muster_model::limits;

use super::config::Manager;
use super::fault::Fault;
use super::turn::Turn;
use crate::host::Error;

/// What is done to which thing, as errors say it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deed<'name> {
    pub(super) operation: &'static str,
    pub(super) name: &'name str,
}

impl Deed<'_> {
    pub(super) fn refused(&self, message: impl Into<String>) -> Error {
        Error::Refused { operation: self.operation, name: self.name.to_owned(), message: message.into() }
    }
}

/// Why a look or a change came to nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// IIS's answer.
    Fault(Fault),
    /// The port's own.
    Port(Error),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Port(error)
    }
}

impl Failure {
    pub(super) fn told(&self, deed: Deed<'_>) -> Error {
        match self {
            Self::Fault(fault) => fault.told(deed.operation, deed.name),
            Self::Port(error) => error.clone(),
        }
    }
}

/// Reads from a configuration that is opened for it.
pub(super) fn look<T>(deed: Deed<'_>, read: impl Fn(&Manager) -> Result<T, Failure>) -> Result<T, Error> {
    again(deed, || read(&Manager::open()?))
}

/// Changes one thing, in one commit: `read` says how it is, `make` changes it and says whether there was anything to change.
/// Gives what it was before.
pub(super) fn change<T: PartialEq>(
    deed: Deed<'_>,
    read: impl Fn(&Manager) -> Result<T, Failure>,
    make: impl Fn(&Manager) -> Result<bool, Failure>,
) -> Result<T, Error> {
    let _turn = Turn::take()?;
    let mut first: Option<T> = None;
    again(deed, || {
        let manager = Manager::open()?;
        let seen = read(&manager)?;
        match &first {
            Some(first) if *first != seen => {
                let message = "it was changed by somebody else at the same moment; plan again";
                return Err(deed.refused(message).into());
            }
            Some(_) => {}
            None => first = Some(seen),
        }
        if make(&manager)? {
            manager.commit()?;
        }
        Ok(())
    })?;
    first.ok_or_else(|| deed.refused("nothing was read"))
}

/// Tries again while somebody else writes the configuration.
fn again<T>(deed: Deed<'_>, mut once: impl FnMut() -> Result<T, Failure>) -> Result<T, Error> {
    let mut tries = 1;
    loop {
        match once() {
            Ok(done) => return Ok(done),
            Err(Failure::Fault(fault)) if fault.is_conflict() && tries < limits::IIS_COMMIT_TRIES => {
                tracing::debug!(operation = deed.operation, name = deed.name, %fault, tries, "trying again");
                pause(pause_ms(tries));
                tries += 1;
            }
            Err(Failure::Fault(fault)) if fault.is_conflict() => {
                return Err(deed.refused(format!(
                    "{fault}; other programs still held or wrote IIS's configuration after {tries} tries: end what does \
                     (IIS Manager, a deployment, a backup), then try again"
                )));
            }
            Err(failure) => return Err(failure.told(deed)),
        }
    }
}

/// The wait after so many tries.
fn pause_ms(tries: u64) -> u64 {
    (limits::IIS_COMMIT_PAUSE_MS * tries).min(limits::IIS_COMMIT_PAUSE_MAX_MS)
}

/// Stories have no minute to wait: what they play does not get better by it.
fn pause(pause_ms: u64) {
    if !cfg!(test) {
        thread::sleep(Duration::from_millis(pause_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::Story;
    use super::*;
    use crate::host::{AppPools, PoolSetting};

    const POOL: &str = "DefaultAppPool";

    #[test]
    fn the_waits_grow_to_their_longest_and_are_a_minute_together() {
        let pauses: Vec<u64> = (1..limits::IIS_COMMIT_TRIES).map(pause_ms).collect();
        assert_eq!((pauses[0], pauses[1], pauses.last()), (200, 400, Some(&2_000)));
        assert!((30_000..60_000).contains(&pauses.iter().sum::<u64>()), "{pauses:?}");
    }

    #[test]
    #[ignore = "needs the IIS that tests/windows/run installs"]
    fn conflicts_that_never_end_are_a_failure_after_so_many_tries() {
        let story = Story::begin();
        let tries = usize::try_from(limits::IIS_COMMIT_TRIES).unwrap();
        let before = story.text();
        for conflict in ["0x800703ee", "0x80071a90", "0x80070020"] {
            story.faults(&format!("commit {conflict} 1000\n"));
            let told = AppPools::set(&story.host(), POOL, &[PoolSetting::IdleTimeoutMinutes(5)]);
            let told = told.unwrap_err().to_string();
            for words in [&format!("error {conflict} at "), "after 30 tries: end what does"] {
                assert!(told.contains(words), "{told}");
            }
            assert_eq!(story.done(), vec![format!("commit {conflict}"); tries]);
            assert_eq!(story.text(), before);
        }
        // The same for a look, which writes nothing.
        story.faults("open 0x80070020 1000\n");
        let told = AppPools::get(&story.host(), POOL).unwrap_err().to_string();
        assert!(told.contains("error 0x80070020 at ") && told.contains("after 30 tries"), "{told}");
        assert!(story.faults_left().ends_with(&format!(" {}\n", 1000 - tries)), "{}", story.faults_left());
    }
}
