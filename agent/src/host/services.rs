//! The port to Windows services.
//!
//! Neighbours: `resource::service` waits for what is asked here.

use muster_proto::secret::SecretValue;

use super::Error;
use super::recovery::{FailureActions, Recovery};

/// How a service is started by Windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartMode {
    /// With Windows.
    Automatic,
    /// With Windows, once those that are `Automatic` have been started.
    AutomaticDelayed,
    /// By a person or a program.
    Manual,
    /// Never.
    Disabled,
}

/// The state of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// Not running.
    Stopped,
    /// On its way up.
    StartPending,
    /// Running.
    Running,
    /// On its way down.
    StopPending,
}

/// What a service on its way up or down says of it. Windows holds nobody to it, and many services never change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Counted up by the service as it comes on.
    pub checkpoint: u32,
    /// How long it asks to be given until its next checkpoint or state.
    pub wait_hint_ms: u32,
}

/// What Windows knows of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFacts {
    /// Its state.
    pub state: ServiceState,
    /// What it says of its way, where it is on one and says anything.
    pub pending: Option<Pending>,
    /// How it is started.
    pub start: StartMode,
    /// Why it stopped, in the machine's own words, where it is stopped and did not end well.
    pub failure: Option<String>,
    /// The account that it logs on as, as Windows writes it: `LocalSystem`, `.\name`, `DOMAIN\name`.
    pub account: String,
    /// What Windows starts, as it was written when the service was made.
    pub command_line: String,
}

/// Windows services.
pub trait Services {
    /// What there is of that name, or none.
    fn get(&self, name: &str) -> Result<Option<ServiceFacts>, Error>;
    /// Makes one that starts this when a person or a program asks for it, as LocalSystem; one that is there is an error.
    fn create(&self, name: &str, command_line: &str) -> Result<(), Error>;
    /// Marks it to go: it is gone once it has stopped and nobody looks at it. None is as good.
    fn remove(&self, name: &str) -> Result<(), Error>;
    /// Sets what Windows starts; nothing else of its configuration. It takes hold when the service starts next.
    fn set_command_line(&self, name: &str, command_line: &str) -> Result<(), Error>;
    /// Asks it to start; returns when the request is taken, not when it runs.
    fn start(&self, name: &str) -> Result<(), Error>;
    /// Asks it to stop; returns when the request is taken, not when it stopped.
    fn stop(&self, name: &str) -> Result<(), Error>;
    /// Sets how Windows starts it; nothing else of its configuration.
    fn set_start(&self, name: &str, start: StartMode) -> Result<(), Error>;
    /// Sets the account that it logs on as, with its password where it has one; nothing else of its configuration. It takes
    /// hold when the service starts next.
    fn set_logon(&self, name: &str, account: &str, password: Option<&SecretValue>) -> Result<(), Error>;
    /// What Windows does when it fails; an error where this machine keeps no such thing.
    fn recovery(&self, name: &str) -> Result<Recovery, Error>;
    /// Sets what is done at each failure, and when their count begins anew; of a program and of the words before a restart of
    /// the computer that are kept beside it, nothing.
    fn set_failure_actions(&self, name: &str, actions: &FailureActions) -> Result<(), Error>;
    /// Sets whether a stop in good order with an error code counts as a failure; nothing else of it.
    fn set_failures_include_errors(&self, name: &str, include: bool) -> Result<(), Error>;
}
