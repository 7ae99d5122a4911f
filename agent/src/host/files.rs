//! The port to files and the rights on them.
//!
//! Neighbours: `resource::file` calls it. Rights are explicit ones, account by account.

use std::io::{Read, Seek};

use super::Error;

/// What an account may do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Read and execute.
    Read,
    /// Read, write, delete.
    Modify,
    /// Everything, rights included.
    Full,
    /// Some other set of rights, or a denial. It is seen and never given.
    Special,
}

/// A text file and the rights on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// Its bytes.
    pub content: Vec<u8>,
    /// Accounts with an explicit right, as (account, access).
    pub rights: Vec<(String, Access)>,
}

/// The bytes of a file, wherever they are.
pub trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// Files and rights.
pub trait Files {
    /// What there is at that path, or none.
    fn get(&self, path: &str) -> Result<Option<FileFacts>, Error>;
    /// Opens a file of any size to be read, or none where there is none. As long as it is open nobody changes it, where the
    /// machine can keep them from it.
    fn open(&self, path: &str) -> Result<Option<Box<dyn Source>>, Error>;
    /// Puts this content there whole: readers see the old or the new. Rights that exist stay.
    fn write(&self, path: &str, content: &[u8]) -> Result<(), Error>;
    /// Takes the file away.
    fn remove(&self, path: &str) -> Result<(), Error>;
    /// Gives one account exactly this access; other accounts stay as they are.
    fn grant(&self, path: &str, account: &str, access: Access) -> Result<(), Error>;
    /// Takes one account's explicit access away.
    fn revoke(&self, path: &str, account: &str) -> Result<(), Error>;
    /// Whether two names mean one account. Names have no case, and Windows knows some accounts by several.
    fn is_same_account(&self, a: &str, b: &str) -> bool {
        a.to_lowercase() == b.to_lowercase()
    }
}
