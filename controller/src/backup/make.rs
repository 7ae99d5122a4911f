//! Makes a backup while the controller serves.
//!
//! Neighbours: `store::copy` copies the database as of one moment, `seal` closes the keys, the record is written last. What
//! is in the folder is read back before the record names it; the folder appears by one rename with everything on disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use muster_model::FORMAT;
use muster_model::backup::{
    AUTHORITY_KEY_PART, AUTHORITY_PART, Backup, CONTROLLER_PART, DATABASE_PART, Part, RECORD_FILE,
    SECRETS_PART,
};
use muster_model::digest::Digest;
use sha2::Digest as _;
use thiserror::Error;

use super::seal::{self, seal};
use super::secrets;
use crate::authority::{self, CA_FILE, CA_KEY_FILE, CONTROLLER_FILE, Issuer, files};
use crate::clock::Clock;
use crate::crash;
use crate::init::DATABASE_FILE;
use crate::staging::{self, Staging};
use crate::store;

/// What to back up, and where to.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data directory of the controller, whether it serves or not.
    pub data_dir: PathBuf,
    /// A folder that is there: the backup is made inside it, named after the moment. Otherwise the backup's own name.
    pub to: PathBuf,
}

/// Why there is no backup.
#[derive(Debug, Error)]
pub enum Error {
    /// No controller was made there.
    #[error("{0} holds no controller; name its data directory with --data-dir")]
    NotMade(String),
    /// The place is taken.
    #[error("{0} exists already and is not overwritten; name a folder to put the backup in, or a new name")]
    Exists(String),
    /// A file cannot be read or written.
    #[error("{0} cannot be used")]
    File(String, #[source] io::Error),
    /// The database cannot be copied, or the copy is damaged.
    #[error("the database cannot be copied")]
    Store(#[from] store::Error),
    /// The keys cannot be sealed.
    #[error(transparent)]
    Seal(#[from] seal::Error),
    /// The keys do not belong together.
    #[error("the authority's files in {0} cannot be used")]
    Authority(String, #[source] authority::Error),
    /// The record cannot be written.
    #[error("the backup's record cannot be written")]
    Record(#[from] serde_json::Error),
}

/// A backup that was made.
#[derive(Debug)]
pub struct Made {
    /// Its folder.
    pub folder: PathBuf,
    /// What it holds.
    pub backup: Backup,
}

/// Makes a backup.
///
/// # Errors
/// Where there is none afterwards.
pub async fn run(options: &Options, clock: Clock) -> Result<Made, Error> {
    if !options.data_dir.join(DATABASE_FILE).exists() {
        return Err(Error::NotMade(options.data_dir.display().to_string()));
    }
    let target = target(&options.to, &clock);
    if !staging::is_free(&target).map_err(in_file(&target))? {
        return Err(Error::Exists(target.display().to_string()));
    }
    let staging = Staging::begin(&target, "backup").map_err(in_file(&target))?;
    match make(&options.data_dir, staging.path(), &clock).await {
        Ok(backup) => {
            crash::point("backup.before_publish");
            staging.publish().map_err(in_file(&target))?;
            Ok(Made { folder: target, backup })
        }
        Err(error) => {
            staging.abandon();
            Err(error)
        }
    }
}

/// A folder that is there and holds something takes the backup inside.
fn target(to: &Path, clock: &Clock) -> PathBuf {
    if to.is_dir() {
        to.join(format!("muster-backup-{}", clock.now().strftime("%Y%m%dT%H%M%SZ")))
    } else {
        to.to_owned()
    }
}

async fn make(data_dir: &Path, folder: &Path, clock: &Clock) -> Result<Backup, Error> {
    let copy = folder.join(DATABASE_PART);
    // Made first, for its owner alone; SQLite fills an empty file.
    files::create_private(&copy, b"").map_err(in_file(&copy))?;
    store::copy(&data_dir.join(DATABASE_FILE), &copy).await?;
    let contents = store::contents(&copy).await?;
    let [ca_pem, ca_key_pem, controller_pem] = [CA_FILE, CA_KEY_FILE, CONTROLLER_FILE].map(|name| {
        let path = data_dir.join(name);
        fs::read_to_string(&path).map_err(in_file(&path))
    });
    let (ca_pem, ca_key_pem, controller_pem) = (ca_pem?, ca_key_pem?, controller_pem?);
    let issuer = Issuer::load(ca_pem, &ca_key_pem)
        .map_err(|error| Error::Authority(data_dir.display().to_string(), error))?;
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        files::create_private(&path, bytes).map_err(in_file(&path))
    };
    write(AUTHORITY_PART, issuer.pem().as_bytes())?;
    write(AUTHORITY_KEY_PART, &seal(&contents.recipients, &ca_key_pem)?)?;
    write(CONTROLLER_PART, &seal(&contents.recipients, &controller_pem)?)?;
    let lines = contents.secrets.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    write(SECRETS_PART, lines.into_iter().map(|line| line + "\n").collect::<String>().as_bytes())?;
    let parts = [DATABASE_PART, AUTHORITY_PART, AUTHORITY_KEY_PART, CONTROLLER_PART, SECRETS_PART];
    let parts = parts.map(|name| part(folder, name));
    let backup = Backup {
        format: FORMAT,
        made_at: clock.now(),
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        schema: contents.schema,
        epoch: contents.epoch,
        sequence: contents.sequence,
        revision: contents.revision,
        ca_pin: issuer.pin(),
        recipients: contents.recipients,
        secrets: secrets::held(&contents.secrets),
        parts: parts.into_iter().collect::<Result<_, _>>()?,
    };
    write(RECORD_FILE, &serde_json::to_vec_pretty(&backup)?)?;
    Ok(backup)
}

/// What the record says of a file, as it is read back.
fn part(folder: &Path, name: &str) -> Result<Part, Error> {
    let path = folder.join(name);
    let (size_bytes, sha256) =
        File::open(&path).and_then(|file| hash(file, io::sink())).map_err(in_file(&path))?;
    Ok(Part { name: name.to_owned(), size_bytes, sha256 })
}

/// Reads to the end, writes what was read, and gives its size and digest.
pub(super) fn hash(mut from: impl io::Read, mut to: impl io::Write) -> io::Result<(u64, Digest)> {
    let (mut hasher, mut buffer, mut size_bytes) = (sha2::Sha256::new(), vec![0; 1024 * 1024], 0);
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok((size_bytes, Digest::from_bytes(hasher.finalize().into()))),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
        size_bytes += u64::try_from(read).unwrap_or(u64::MAX);
    }
}

fn in_file(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.display().to_string();
    move |error| Error::File(path, error)
}
