//! The port to the computer's own certificates (LocalMachine, Personal) and to the rights on their private keys.
//!
//! Neighbours: `resource::certificate` chooses, `resource::private_key_access` grants. Never removes a certificate.

use jiff::Timestamp;
use muster_proto::secret::SecretValue;

use super::Error;

/// A certificate of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// SHA-1 of the certificate, 40 hexadecimal digits in capitals.
    pub thumbprint: String,
    /// Its subject.
    pub subject: String,
    /// When it ends.
    pub not_after: Timestamp,
    /// Whether its private key is there.
    pub has_key: bool,
}

/// What an account may do with a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyAccess {
    /// Use it.
    Read,
    /// Everything, rights included.
    Full,
}

/// Certificates and rights on their keys, CNG and CAPI alike.
pub trait Certificates {
    /// All of them.
    fn all(&self) -> Result<Vec<CertificateFacts>, Error>;
    /// Imports a PFX file with its key into the machine's key store. Where its password is another, or it has one and none is
    /// given, [`Error::Locked`], and nothing is imported.
    fn import(&self, pfx: &str, password: Option<&SecretValue>) -> Result<(), Error>;
    /// Accounts with an explicit right on the key of that certificate.
    fn key_rights(&self, thumbprint: &str) -> Result<Vec<(String, KeyAccess)>, Error>;
    /// Gives one account exactly this access; other accounts stay as they are.
    fn grant_key(&self, thumbprint: &str, account: &str, access: KeyAccess) -> Result<(), Error>;
    /// Takes one account's explicit access away.
    fn revoke_key(&self, thumbprint: &str, account: &str) -> Result<(), Error>;
}
