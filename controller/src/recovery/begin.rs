//! `muster-controller recover`: says of a data directory that it is an older copy.
//!
//! Neighbours: `restore` does the same to what it makes; this is for a machine or a disk that was put back whole. The
//! controller must not serve.

use std::path::Path;

use crate::clock::Clock;
use crate::init::DATABASE_FILE;
use crate::serve::{self, Error};
use crate::store::{self, Store};

/// Has the next `serve` of the directory begin in recovery.
///
/// # Errors
/// Where the directory holds no controller, or a process serves it.
pub async fn begin(data_dir: &Path, clock: Clock) -> Result<(), Error> {
    let database = data_dir.join(DATABASE_FILE);
    if !database.exists() {
        return Err(Error::NotMade(data_dir.display().to_string()));
    }
    let _lock = serve::lock(data_dir)?;
    let store = Store::open(&database, clock).await?;
    store
        .transaction(|tx| Box::pin(async move { tx.begin_recovery(None).await }))
        .await
        .map_err(|error: store::Error| Error::Store(error))?;
    store.close().await?;
    Ok(())
}
