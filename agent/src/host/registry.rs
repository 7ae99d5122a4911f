//! The port to the registry, in both of its views.
//!
//! Neighbours: `resource::registry_value` calls it. Never lists a key and never removes one: only values go.

use muster_model::registry::RegistryName;

use super::Error;

/// What a value holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryData {
    /// REG_SZ.
    String(String),
    /// REG_EXPAND_SZ, not expanded.
    ExpandString(String),
    /// REG_MULTI_SZ.
    MultiString(Vec<String>),
    /// REG_DWORD.
    Dword(u32),
    /// REG_QWORD.
    Qword(u64),
    /// Another type, in words, as in `REG_BINARY, 12 bytes`. Never set.
    Other(String),
}

/// The registry.
pub trait Registry {
    /// What the value holds, or none.
    fn get(&self, name: &RegistryName) -> Result<Option<RegistryData>, Error>;
    /// Sets the value and its type; makes the key where it is missing.
    fn set(&self, name: &RegistryName, data: &RegistryData) -> Result<(), Error>;
    /// Takes the value away; its key stays.
    fn remove(&self, name: &RegistryName) -> Result<(), Error>;
}
