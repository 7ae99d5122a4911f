//! The vault: the agent's age key, and the one place in which sealed secrets are opened.
//!
//! Neighbours: `identity` keeps the key, `enroll` hands out its public half, `engine` gives a resource the means to open
//! what its command brought, at the moment of use; `reception` and `engine` have kept what the host logs on with. A value
//! lives as long as the call that uses it and is wiped then.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use muster_model::secret::{Sealed, SealedSecret, SecretRef};
use muster_proto::secret::{self, Key, SecretValue};
use thiserror::Error;

/// Why a secret cannot be used. Never says anything of its value.
#[derive(Debug, Error)]
pub enum Error {
    /// The command does not bring it.
    #[error("the command does not bring the secret {} {}", .0.secret, .0.version)]
    Missing(SecretRef),
    /// No controller has brought it since this agent started.
    #[error("no controller has brought the secret {} {} yet; plan again", .0.secret, .0.version)]
    NotKept(SecretRef),
    /// It does not open.
    #[error(transparent)]
    Sealed(#[from] secret::Error),
}

/// What opens secrets.
pub trait Secrets: Send + Sync {
    /// The value of a secret at its version.
    ///
    /// # Errors
    /// Where it is not here, or not sealed to this agent for this place.
    fn open(&self, secret: &SecretRef) -> Result<SecretValue, Error>;
}

/// The agent's key, and the sealed secrets that the host logs on with.
pub struct Vault {
    key: Key,
    /// As they were brought, sealed, and never written anywhere.
    kept: Mutex<BTreeMap<SecretRef, Sealed>>,
}

/// What opens nothing, for a host that is asked for its name alone.
pub struct Nothing;

/// The sealed secrets of one command, and the key to them.
pub struct Opener<'a> {
    vault: &'a Vault,
    sealed: &'a [SealedSecret],
}

impl Vault {
    /// A vault with that key.
    pub fn new(key: Key) -> Self {
        Self { key, kept: Mutex::default() }
    }

    /// Keeps these for the host, in place of what it had of them.
    pub fn keep(&self, sealed: &[SealedSecret]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(sealed.iter().map(|sealed| (sealed.secret.clone(), sealed.sealed.clone())));
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

impl Secrets for Vault {
    fn open(&self, secret: &SecretRef) -> Result<SecretValue, Error> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(secret).cloned();
        let sealed = kept.ok_or_else(|| Error::NotKept(secret.clone()))?;
        Ok(secret::open(sealed.bytes(), &self.key, secret)?)
    }
}

impl Secrets for Nothing {
    fn open(&self, secret: &SecretRef) -> Result<SecretValue, Error> {
        Err(Error::NotKept(secret.clone()))
    }
}
