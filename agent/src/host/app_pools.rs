//! The port to IIS application pools.
//!
//! Neighbours: `resource::iis_app_pool` calls it. Facts are the settings as they take effect, defaults included.

use super::Error;

/// The settings of an application pool, as they take effect.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PoolFacts {
    /// 32-bit applications are enabled.
    pub enable_32bit: bool,
    /// The identity's profile is loaded.
    pub load_user_profile: bool,
    /// Idle minutes before a worker is stopped; 0 is never.
    pub idle_timeout_minutes: i64,
    /// `v4.0`, `v2.0` or `none`.
    pub managed_runtime_version: String,
}

/// One setting of an application pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolSetting {
    /// 32-bit applications.
    Enable32bit(bool),
    /// The identity's profile.
    LoadUserProfile(bool),
    /// Idle minutes.
    IdleTimeoutMinutes(i64),
    /// The .NET CLR.
    ManagedRuntimeVersion(String),
}

/// IIS application pools.
pub trait AppPools {
    /// What there is of that name, or none.
    fn get(&self, name: &str) -> Result<Option<PoolFacts>, Error>;
    /// Makes a pool with these settings, in one commit, and IIS's defaults beside them.
    fn create(&self, name: &str, settings: &[PoolSetting]) -> Result<(), Error>;
    /// Sets these, in one commit, and nothing else.
    fn set(&self, name: &str, settings: &[PoolSetting]) -> Result<(), Error>;
    /// Takes the pool away.
    fn remove_pool(&self, name: &str) -> Result<(), Error>;
    /// Gives a pool new worker processes; one that is stopped stays so.
    fn recycle(&self, name: &str) -> Result<(), Error>;
    /// Stops a pool; returns when it is stopped.
    fn stop_pool(&self, name: &str) -> Result<(), Error>;
    /// Starts a pool.
    fn start_pool(&self, name: &str) -> Result<(), Error>;
}
