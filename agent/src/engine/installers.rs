//! The port to what owns installers: started at most once per key and phase, and never by the agent itself.
//!
//! Neighbours: `supervise` is the real one, tests have one in memory. Never ends an installer.

use std::path::{Path, PathBuf};

use muster_model::outcome::StepKey;

use crate::host::{Clock, CommandLine};
use crate::supervise::confidential::Confidential;
use crate::supervise::{Error, Phase, Probe, Supervisor};

/// What owns installers.
pub trait Installers: Send + Sync {
    /// What is known of this key and phase.
    fn probe(&self, key: &StepKey, phase: Phase) -> Result<Probe, Error>;
    /// Starts it, at most once; [`Error::AlreadyStarted`] otherwise.
    fn start(
        &self,
        key: &StepKey,
        phase: Phase,
        command: &CommandLine,
        confidential: &Confidential,
    ) -> Result<(), Error>;
    /// Waits until it no longer runs, at most this long; [`Probe::Running`] where it still does.
    fn wait(&self, key: &StepKey, phase: Phase, limit_ms: u64, clock: &dyn Clock) -> Result<Probe, Error>;
    /// Leaves nothing of what it was handed in secret, in its logs or on the disk.
    fn tidy(
        &self,
        key: &StepKey,
        phase: Phase,
        confidential: &Confidential,
        own_log: Option<&Path>,
    ) -> Result<(), Error>;
    /// In which start of the computer it was started, where that was told.
    fn boot(&self, key: &StepKey, phase: Phase) -> Result<Option<String>, Error>;
    /// Where its output is, for a person.
    fn log(&self, key: &StepKey, phase: Phase) -> PathBuf;
}

impl Installers for Supervisor {
    fn probe(&self, key: &StepKey, phase: Phase) -> Result<Probe, Error> {
        Self::probe(self, key, phase)
    }

    fn start(
        &self,
        key: &StepKey,
        phase: Phase,
        command: &CommandLine,
        confidential: &Confidential,
    ) -> Result<(), Error> {
        Self::start(self, key, phase, command, confidential)
    }

    fn wait(&self, key: &StepKey, phase: Phase, limit_ms: u64, clock: &dyn Clock) -> Result<Probe, Error> {
        Self::wait(self, key, phase, limit_ms, clock)
    }

    fn boot(&self, key: &StepKey, phase: Phase) -> Result<Option<String>, Error> {
        Self::boot(self, key, phase)
    }

    fn tidy(
        &self,
        key: &StepKey,
        phase: Phase,
        confidential: &Confidential,
        own_log: Option<&Path>,
    ) -> Result<(), Error> {
        Self::tidy(self, key, phase, confidential, own_log)
    }

    fn log(&self, key: &StepKey, phase: Phase) -> PathBuf {
        Self::log(self, key, phase)
    }
}
