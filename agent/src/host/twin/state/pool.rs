//! What a twin holds of IIS application pools: what each says itself, and the defaults that it inherits.
//!
//! Neighbours: `state` holds them all, `app_pools` answers from them.

use serde::{Deserialize, Serialize};

use crate::host::PoolFacts;

/// The pool settings of `applicationPoolDefaults`.
///
/// IIS 10 ships `enable32BitAppOnWin64` false, an idle time-out of 20 minutes and .NET 4; `loadUserProfile` is false in
/// the schema and true in the file that Windows installs, so that a declaration may say which
/// (<https://learn.microsoft.com/en-us/iis/configuration/system.applicationhost/applicationpools/>).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoolDefaults {
    /// 32-bit applications are enabled.
    pub enable_32bit: bool,
    /// The identity's profile is loaded.
    pub load_user_profile: bool,
    /// Idle minutes before a worker is stopped; 0 is never.
    pub idle_timeout_minutes: i64,
    /// The .NET CLR.
    pub managed_runtime_version: String,
}

impl Default for PoolDefaults {
    fn default() -> Self {
        Self {
            enable_32bit: false,
            load_user_profile: true,
            idle_timeout_minutes: 20,
            managed_runtime_version: "v4.0".to_owned(),
        }
    }
}

/// An application pool; a setting that it does not say itself is inherited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pool {
    /// 32-bit applications are enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_32bit: Option<bool>,
    /// The identity's profile is loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_user_profile: Option<bool>,
    /// Idle minutes before a worker is stopped; 0 is never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout_minutes: Option<i64>,
    /// The .NET CLR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_runtime_version: Option<String>,
    /// Whether it was stopped and answers nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// The package that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

impl Pool {
    /// Its settings as they take effect.
    pub fn facts(&self, defaults: &PoolDefaults) -> PoolFacts {
        let version = self.managed_runtime_version.as_ref().unwrap_or(&defaults.managed_runtime_version);
        PoolFacts {
            enable_32bit: self.enable_32bit.unwrap_or(defaults.enable_32bit),
            load_user_profile: self.load_user_profile.unwrap_or(defaults.load_user_profile),
            idle_timeout_minutes: self.idle_timeout_minutes.unwrap_or(defaults.idle_timeout_minutes),
            managed_runtime_version: version.clone(),
        }
    }
}
