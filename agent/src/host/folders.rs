//! The port to folders and the rights on them.
//!
//! Neighbours: `resource::folder` calls it. Rights are explicit ones, account by account; what is made below inherits them.

use super::{Access, Error};

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderFacts {
    /// Accounts with an explicit right, as (account, access).
    pub rights: Vec<(String, Access)>,
}

/// Folders and rights.
pub trait Folders {
    /// What there is at that path, or none.
    fn get(&self, path: &str) -> Result<Option<FolderFacts>, Error>;
    /// Makes it, and those above it that are missing.
    fn create(&self, path: &str) -> Result<(), Error>;
    /// Takes the folder away; refuses where anything lies in it.
    fn remove(&self, path: &str) -> Result<(), Error>;
    /// Gives one account exactly this access; other accounts stay as they are.
    fn grant(&self, path: &str, account: &str, access: Access) -> Result<(), Error>;
    /// Takes one account's explicit access away.
    fn revoke(&self, path: &str, account: &str) -> Result<(), Error>;
}
