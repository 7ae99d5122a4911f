//! The vault: the agent's age key, and the one place in which sealed secrets are opened.
//!
//! Neighbours: `identity` keeps the key, `enroll` hands out its public half, `engine` gives a resource the means to open
//! what its command brought, at the moment of use. A value lives as long as the call that uses it and is wiped then.

use muster_model::secret::{SealedSecret, SecretRef};
use muster_proto::secret::{self, Key, SecretValue};
use thiserror::Error;

/// Why a secret cannot be used. Never says anything of its value.
#[derive(Debug, Error)]
pub enum Error {
    /// The command does not bring it.
    #[error("the command does not bring the secret {} {}", .0.secret, .0.version)]
    Missing(SecretRef),
    /// It does not open.
    #[error(transparent)]
    Sealed(#[from] secret::Error),
}

/// What opens the secrets of one step.
pub trait Secrets {
    /// The value of a secret at its version.
    ///
    /// # Errors
    /// Where it is not here, or not sealed to this agent for this place.
    fn open(&self, secret: &SecretRef) -> Result<SecretValue, Error>;
}

/// The agent's key.
pub struct Vault {
    key: Key,
}

/// The sealed secrets of one command, and the key to them.
pub struct Opener<'a> {
    vault: &'a Vault,
    sealed: &'a [SealedSecret],
}

impl Vault {
    /// A vault with that key.
    pub fn new(key: Key) -> Self {
        Self { key }
    }

    /// What opens these.
    pub fn opener<'a>(&'a self, sealed: &'a [SealedSecret]) -> Opener<'a> {
        Opener { vault: self, sealed }
    }
}

impl Secrets for Opener<'_> {
    fn open(&self, secret: &SecretRef) -> Result<SecretValue, Error> {
        let sealed = self.sealed.iter().find(|sealed| sealed.secret == *secret);
        let sealed = sealed.ok_or_else(|| Error::Missing(secret.clone()))?;
        Ok(secret::open(sealed.sealed.bytes(), &self.vault.key, secret)?)
    }
}
