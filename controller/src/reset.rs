//! A new profile for an operator who lost his, made on the controller's own machine.
//!
//! Neighbours: `command_line` calls it. The controller must not serve: its revoked serials are in its memory. Whoever can
//! write the data directory can do this anyway; here it is an event with a name.

use std::io;
use std::path::{Path, PathBuf};

use muster_model::name::Slug;
use muster_proto::profile::Profile;
use thiserror::Error;

use crate::authority::{self, files};
use crate::clock::Clock;
use crate::init::DATABASE_FILE;
use crate::serve;
use crate::store::{self, Store};

/// Whose profile to make, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The controller's data directory.
    pub data_dir: PathBuf,
    /// The operator, known or new.
    pub operator: Slug,
    /// The file to write; it must not exist.
    pub profile_out: PathBuf,
}

/// Why there is no new profile.
#[derive(Debug, Error)]
pub enum Error {
    /// The data directory cannot be used.
    #[error(transparent)]
    Serve(#[from] serve::Error),
    /// A file is in the way.
    #[error("{0} exists and is not overwritten; name another file with --profile-out")]
    Exists(String),
    /// The profile cannot be written.
    #[error("{0} cannot be written")]
    File(String, #[source] io::Error),
    /// The certificate cannot be made.
    #[error("the certificate could not be made")]
    Authority(#[from] authority::Error),
    /// The store does not answer.
    #[error("the store cannot be used")]
    Store(#[from] store::Error),
    /// The profile could not be written as JSON.
    #[error("the profile could not be written")]
    Profile(#[from] serde_json::Error),
}

/// Makes the profile; the operator's older certificates are revoked.
///
/// # Errors
/// Where there is none afterwards. Where only its file could not be written, the older certificates are revoked all the
/// same: ask again.
pub async fn run(options: &Options, clock: Clock) -> Result<(), Error> {
    let Options { data_dir, operator, profile_out } = options;
    let database = data_dir.join(DATABASE_FILE);
    if !database.exists() {
        return Err(serve::Error::NotMade(data_dir.display().to_string()).into());
    }
    if profile_out.symlink_metadata().is_ok() {
        return Err(Error::Exists(profile_out.display().to_string()));
    }
    let _lock = serve::lock(data_dir)?;
    let store = Store::open(&database, clock).await?;
    let controller = store.snapshot().await?.listen().await?;
    let (certificate_pem, key_pem, ca_pem) = authority::reset(data_dir, &store, operator.clone()).await?;
    store.close().await?;
    let profile =
        Profile { format: 1, controller, operator: operator.clone(), ca_pem, certificate_pem, key_pem };
    let json = serde_json::to_string_pretty(&profile)?;
    files::create_private(profile_out, &json).map_err(in_file(profile_out))?;
    files::sync_folder_of(profile_out).map_err(in_file(profile_out))
}

fn in_file(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.display().to_string();
    move |error| Error::File(path, error)
}
