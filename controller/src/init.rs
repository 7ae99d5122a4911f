//! Makes a controller: authority, database, recovery keys, the first operator's profile.
//!
//! Neighbours: `serve` starts from what is made here. The data directory appears whole, by one rename, after everything
//! else is on disk (`staging`); what a killed `init` left is removed by the next one. It overwrites nothing.

use std::io;
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret as _;
use muster_model::name::Slug;
use muster_proto::profile::Profile;
use thiserror::Error;

use crate::authority::{self, files};
use crate::clock::Clock;
use crate::crash;
use crate::os;
use crate::staging::{self, Staging};
use crate::store::{self, Store};

/// The file of the database in the data directory.
pub(crate) const DATABASE_FILE: &str = "muster.db";

/// How many recovery keys there are: one may be lost.
const RECOVERY_KEYS: usize = 2;

/// What to make, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data directory; it must not exist, or be empty.
    pub data_dir: PathBuf,
    /// Where agents and operators will dial, `host:port`.
    pub listen: String,
    /// The first operator.
    pub operator: Slug,
    /// Where that operator's profile is written.
    pub profile_out: PathBuf,
    /// The folder in which the recovery keys' private halves are written.
    pub recovery_out: PathBuf,
}

/// Why nothing was made.
#[derive(Debug, Error)]
pub enum Error {
    /// The data directory is in use.
    #[error(
        "{0} is not empty; choose another --data-dir, or start the controller that is there with `muster-controller serve`"
    )]
    NotEmpty(String),
    /// A file of an earlier try or of another controller is in the way.
    #[error(
        "{0} exists already and is not overwritten; move it away, or remove it if an earlier `init` did not finish"
    )]
    Exists(String),
    /// The address is not one that can be dialled.
    #[error(
        "{0:?} is not an address that agents can dial; write HOST:PORT with this machine's name and a port of your choice, as in muster.example.org:7400"
    )]
    Address(String),
    /// A file or folder cannot be written.
    #[error("{0} cannot be written")]
    File(String, #[source] io::Error),
    /// A certificate could not be made.
    #[error("the authority could not be made")]
    Authority(#[from] authority::Error),
    /// The database could not be made.
    #[error("the database could not be made")]
    Store(#[from] store::Error),
    /// The profile could not be written as JSON.
    #[error("the profile could not be written")]
    Profile(#[from] serde_json::Error),
}

/// The recovery key files that were written, to be moved offline.
#[derive(Debug)]
pub struct Made {
    /// Their paths.
    pub recovery_files: Vec<PathBuf>,
}

/// Makes a controller.
///
/// # Errors
/// Where something is in the way or cannot be written; then there is no data directory.
pub async fn run(options: &Options, clock: Clock) -> Result<Made, Error> {
    check(options)?;
    let staging = Staging::begin(&options.data_dir, "init").map_err(in_file(&options.data_dir))?;
    let mut written = Vec::new();
    if let Err(error) = make(options, &staging, clock, &mut written).await {
        staging.abandon();
        take_back(&written);
        return Err(error);
    }
    crash::point("init.before_publish");
    // Whether it is in its place is not known where this fails: its keys stay.
    staging.publish().map_err(in_file(&options.data_dir))?;
    Ok(Made { recovery_files: recovery_files(&options.recovery_out).collect() })
}

/// Removes what was written outside of the data directory: the keys of a controller that never was stand in the next one's way.
fn take_back(written: &[PathBuf]) {
    for path in written {
        if let Err(error) = std::fs::remove_file(path) {
            tracing::warn!(%error, file = %path.display(), "what was written could not be removed");
        }
    }
}

fn check(options: &Options) -> Result<(), Error> {
    let (host, port) =
        options.listen.rsplit_once(':').ok_or_else(|| Error::Address(options.listen.clone()))?;
    // Port 0 is whatever is free at each start: the profile and every token would name a port that nobody listens on.
    if matches!(host, "" | "0.0.0.0" | "[::]") || port.parse::<u16>().ok().is_none_or(|port| port == 0) {
        return Err(Error::Address(options.listen.clone()));
    }
    if !staging::is_free(&options.data_dir).map_err(in_file(&options.data_dir))? {
        return Err(Error::NotEmpty(shown(&options.data_dir)));
    }
    let outputs = recovery_files(&options.recovery_out).chain([options.profile_out.clone()]);
    for output in outputs {
        if output.symlink_metadata().is_ok() {
            return Err(Error::Exists(shown(&output)));
        }
    }
    Ok(())
}

/// The order is the promise: keys that only exist once are on disk before the directory that depends on them.
/// `written` takes what lies outside of it.
async fn make(
    options: &Options,
    staging: &Staging,
    clock: Clock,
    written: &mut Vec<PathBuf>,
) -> Result<(), Error> {
    let (issuer, ca_key_pem) = authority::new_authority(&clock)?;
    let private = |name: &str, content: &str| {
        let path = staging.path().join(name);
        files::create_private(&path, content).map_err(in_file(&path))
    };
    private(authority::CA_FILE, issuer.pem())?;
    private(authority::CA_KEY_FILE, &ca_key_pem)?;
    let store = Store::open(&staging.path().join(DATABASE_FILE), clock).await?;
    private(authority::CONTROLLER_FILE, &authority::new_controller_chain(&issuer, &store).await?)?;
    let (certificate_pem, key_pem) =
        authority::new_operator(&issuer, &store, options.operator.clone()).await?;
    write_recovery_keys(options, &store, written).await?;
    let listen = options.listen.clone();
    store
        .transaction(move |tx| Box::pin(async move { tx.set_listen(&listen).await }))
        .await
        .map_err(store_error)?;
    store.close().await?;
    let profile = Profile {
        format: 1,
        controller: options.listen.clone(),
        operator: options.operator.clone(),
        ca_pem: issuer.pem().to_owned(),
        certificate_pem,
        key_pem,
    };
    let profile_json = serde_json::to_string_pretty(&profile)?;
    files::create_private(&options.profile_out, &profile_json).map_err(in_file(&options.profile_out))?;
    written.push(options.profile_out.clone());
    files::sync_folder_of(&options.profile_out).map_err(in_file(&options.profile_out))
}

async fn write_recovery_keys(
    options: &Options,
    store: &Store,
    written: &mut Vec<PathBuf>,
) -> Result<(), Error> {
    os::make_private_folder(&options.recovery_out, true).map_err(in_file(&options.recovery_out))?;
    for path in recovery_files(&options.recovery_out) {
        let key = age::x25519::Identity::generate();
        let recipient = key.to_public().to_string();
        let content = format!(
            "# A recovery key of the Muster controller in {}, written once and stored nowhere else.\n\
             # Move this file to an offline medium and delete it here. Keep the other recovery key in another place.\n\
             # With one of them and a backup of the controller, the stock `age` tool opens every sealed secret.\n\
             # public key: {recipient}\n{}\n",
            options.data_dir.display(),
            key.to_string().expose_secret(),
        );
        files::create_private(&path, &content).map_err(in_file(&path))?;
        written.push(path);
        store
            .transaction(move |tx| Box::pin(async move { tx.add_recovery_key(&recipient).await }))
            .await
            .map_err(store_error)?;
    }
    files::sync_folder_of(&options.recovery_out.join("any")).map_err(in_file(&options.recovery_out))
}

fn recovery_files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    (1..=RECOVERY_KEYS).map(|number| folder.join(format!("muster-recovery-{number}.txt")))
}

fn in_file(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = shown(path);
    move |error| Error::File(path, error)
}

fn store_error(error: store::Error) -> Error {
    Error::Store(error)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
