//! The port to the roles and features of Windows.
//!
//! Neighbours: `resource::windows_feature` calls it. One feature at a time: what it needs is installed by its own call, so
//! that nothing comes along that no row named.

use super::Error;

/// Where a feature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureState {
    /// Not installed.
    Absent,
    /// Installed.
    Installed,
    /// Installed once Windows was restarted.
    InstallPending,
    /// Gone once Windows was restarted.
    RemovePending,
}

/// Roles and features of Windows.
pub trait Features {
    /// Where it stands; none where this Windows does not know the name.
    fn get(&self, name: &str) -> Result<Option<FeatureState>, Error>;
    /// Installs it alone, or removes it. Never restarts Windows.
    fn set(&self, name: &str, installed: bool) -> Result<(), Error>;
}
