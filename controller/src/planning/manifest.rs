//! A server's manifest as the newest documents make it, beside the newest one that is stored.
//!
//! Neighbours: `create` stores what is new, `intake` and `views` only ask whether it is. Stores nothing itself.

use muster_core::compile::{self, Wanted};
use muster_core::record::{self, Record};
use muster_model::manifest::Manifest;
use muster_model::name::ServerId;
use thiserror::Error;

use crate::store::{self, Snapshot};

/// Why a manifest cannot be had.
#[derive(Debug, Error)]
pub enum Error {
    /// The store does not answer.
    #[error("the manifest cannot be read from the store")]
    Store(#[from] store::Error),
    /// A stored manifest is damaged, or a new one has no bytes.
    #[error("the manifest has no bytes")]
    Record(#[from] record::Error),
    /// The compiler said that nothing changed where nothing was before: a defect.
    #[error("no manifest was compiled for {0}, which has none")]
    Nothing(ServerId),
}

/// A manifest, and whether it is stored.
pub(crate) enum Current {
    /// It is the newest that is stored.
    Stored(Record<Manifest>),
    /// It has the next generation and is not stored.
    New(Record<Manifest>),
}

impl Current {
    pub(crate) fn is_new(&self) -> bool {
        matches!(self, Self::New(_))
    }

    pub(crate) fn into_record(self) -> Record<Manifest> {
        let (Self::Stored(record) | Self::New(record)) = self;
        record
    }
}

/// The manifest that a server has from now on, given what it should be; secrets at their newest versions.
pub(crate) async fn current(snapshot: &mut Snapshot, wanted: Wanted) -> Result<Current, Error> {
    let versions = snapshot.secret_versions(&wanted.server.site).await?;
    let wanted = wanted.with_secrets(&versions);
    let newest = snapshot.newest_manifest(&wanted.server).await?;
    let newest: Option<Record<Manifest>> = newest.map(|newest| Record::read(newest.bytes)).transpose()?;
    let server = wanted.server.clone();
    let below = snapshot.old_generations(&server).await?;
    match (compile::manifest(wanted, newest.as_ref().map(Record::value), below)?, newest) {
        (Some(new), _) => Ok(Current::New(new)),
        (None, Some(newest)) => Ok(Current::Stored(newest)),
        (None, None) => Err(Error::Nothing(server)),
    }
}
