//! What a twin holds of Windows itself: folders, registry values, features.
//!
//! Neighbours: `state` holds them all. Names are compared without regard to case, as everywhere on Windows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::host::{Access, FeatureState, RegistryData};

/// A folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// Accounts with an explicit right.
    #[serde(default)]
    pub rights: BTreeMap<String, Access>,
    /// The package that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

/// A registry value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryValue {
    /// Its type and what it holds, as in `{"dword": 1025}`.
    pub data: RegistryData,
    /// The package that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

/// A role or feature of Windows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// Where it stands.
    #[serde(default = "absent")]
    pub state: FeatureState,
    /// Features that must be installed before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Whether Windows wants a restart after each change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restarts: bool,
}

fn absent() -> FeatureState {
    FeatureState::Absent
}

impl Feature {
    /// Whether it is installed, or will be after the restart.
    pub fn is_installed(&self) -> bool {
        matches!(self.state, FeatureState::Installed | FeatureState::InstallPending)
    }

    /// What a restart of Windows makes of it.
    pub(super) fn restarted(&mut self) {
        self.state = if self.is_installed() { FeatureState::Installed } else { FeatureState::Absent };
    }
}
