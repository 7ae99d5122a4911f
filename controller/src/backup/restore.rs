//! Makes a data directory of a backup and one recovery key.
//!
//! Neighbours: `make` wrote the backup, `recovery` is what the next `serve` begins in. Every part is checked against the
//! record while it is copied; the directory appears whole, by one rename, and nothing that is there is touched.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use muster_model::backup::{
    AUTHORITY_KEY_PART, AUTHORITY_PART, Backup, CONTROLLER_PART, DATABASE_PART, Invalid, Part, RECORD_FILE,
    SECRETS_PART,
};
use muster_proto::secret::Key;
use thiserror::Error;

use super::make::hash;
use super::{seal, secrets};
use crate::authority::{self, CA_FILE, CA_KEY_FILE, CONTROLLER_FILE, Issuer, files};
use crate::clock::Clock;
use crate::crash;
use crate::init::DATABASE_FILE;
use crate::staging::{self, Staging};
use crate::store::{self, Store};
use crate::tls;

/// What to restore, and where to.
#[derive(Debug, Clone)]
pub struct Options {
    /// The backup's folder.
    pub from: PathBuf,
    /// The file of one recovery key, as `init` wrote it.
    pub recovery_key: PathBuf,
    /// The data directory to make; it must not exist, or be empty.
    pub data_dir: PathBuf,
    /// Whether secrets that do not open are taken for lost, and all else is restored.
    pub without_secrets: bool,
}

/// Why nothing was restored.
#[derive(Debug, Error)]
pub enum Error {
    /// The data directory is in use.
    #[error("{0} is not empty; a restore never overwrites, choose another --data-dir")]
    NotEmpty(String),
    /// There is no record.
    #[error(
        "{0} holds no backup: it has no {RECORD_FILE}; name the folder that `muster-controller backup` made"
    )]
    NoBackup(String),
    /// The record cannot be used.
    #[error("the backup in {0} cannot be used")]
    Record(String, #[source] Invalid),
    /// A newer version made it.
    #[error("version {made_by} made this backup; this version, {}, cannot read its database", env!("CARGO_PKG_VERSION"))]
    Newer {
        /// The version.
        made_by: String,
    },
    /// A part is not what was backed up.
    #[error(
        "{path} is damaged: it has {got}, the record says {wanted}; use another backup or another copy of this one"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What it has.
        got: String,
        /// What the record says.
        wanted: String,
    },
    /// The file of the recovery key holds none.
    #[error(
        "{0} holds no recovery key; it is a file that `muster-controller init` wrote, as muster-recovery-1.txt"
    )]
    NoKey(String),
    /// The key is not one of this controller's.
    #[error("the recovery key in {key} does not open this backup; it is sealed to {}", .recipients.join(" and "))]
    WrongKey {
        /// The key's file.
        key: String,
        /// The public halves of those that do.
        recipients: Vec<String>,
        /// Why not.
        #[source]
        source: Box<seal::Error>,
    },
    /// The key does not open secrets that the record names (G25).
    #[error(
        "these secrets, without which servers' data cannot be opened, do not open with this key:\n  {}\nTry the other recovery key and \
         an earlier backup. With --without-secrets all else is restored, and these are lost", .0.join("\n  ")
    )]
    Secrets(Vec<String>),
    /// The list of secrets is not what it should be.
    #[error("{SECRETS_PART} in the backup cannot be read")]
    SecretList(#[source] serde_json::Error),
    /// A file cannot be read or written.
    #[error("{0} cannot be used")]
    File(String, #[source] io::Error),
    /// The keys do not belong together.
    #[error("the authority's files in the backup cannot be used")]
    Authority(#[from] authority::Error),
    /// The controller's own key and certificates are not what they should be.
    #[error("the controller's certificate in the backup cannot be used")]
    Tls(#[from] tls::Error),
    /// The database cannot be opened.
    #[error("the database in the backup cannot be used")]
    Store(#[from] store::Error),
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// The backup's record.
    pub backup: Backup,
    /// The secrets that do not open, a sentence each; there are some only where they were taken for lost.
    pub lost: Vec<String>,
}

/// Restores a backup. The next `serve` begins in recovery.
///
/// # Errors
/// Where something is in the way, damaged or not to be opened; then there is no data directory.
pub async fn run(options: &Options, clock: Clock) -> Result<Restored, Error> {
    let Options { from, recovery_key, data_dir, without_secrets } = options;
    if !staging::is_free(data_dir).map_err(in_file(data_dir))? {
        return Err(Error::NotEmpty(shown(data_dir)));
    }
    let backup = read_record(from)?;
    if backup.schema > store::newest_schema() {
        return Err(Error::Newer { made_by: backup.made_by });
    }
    let text = fs::read_to_string(recovery_key).map_err(in_file(recovery_key))?;
    let no_key = || Error::NoKey(shown(recovery_key));
    let key = seal::recovery_key(&text).ok_or_else(no_key)?;
    let secrets_key = Key::parse(&text).map_err(|_| no_key())?;
    let staging = Staging::begin(data_dir, "restore").map_err(in_file(data_dir))?;
    let open = |part: &Part| {
        let sealed = checked(from, part)?;
        seal::open(&key, &sealed).map_err(|source| Error::WrongKey {
            key: shown(recovery_key),
            recipients: backup.recipients.clone(),
            source: Box::new(source),
        })
    };
    let made = async {
        fill(from, &backup, staging.path(), open)?;
        // After the keys: a key that opens nothing at all is the wrong one, and no secret is lost.
        let lost = closed(from, &backup, &secrets_key)?;
        if !lost.is_empty() && !without_secrets {
            return Err(Error::Secrets(lost));
        }
        settle(&backup, staging.path(), clock).await.map(|()| lost)
    };
    let lost = match made.await {
        Ok(lost) => lost,
        Err(error) => {
            staging.abandon();
            return Err(error);
        }
    };
    crash::point("restore.before_publish");
    staging.publish().map_err(in_file(data_dir))?;
    Ok(Restored { backup, lost })
}

/// The secrets that the record names and the key does not open.
fn closed(from: &Path, backup: &Backup, key: &Key) -> Result<Vec<String>, Error> {
    let bytes = match backup.part(SECRETS_PART) {
        Some(part) => checked(from, part)?,
        None => Vec::new(),
    };
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines = lines.map(serde_json::from_slice).collect::<Result<_, _>>().map_err(Error::SecretList)?;
    Ok(secrets::closed(&backup.secrets, lines, key))
}

fn read_record(from: &Path) -> Result<Backup, Error> {
    let path = from.join(RECORD_FILE);
    let json = match fs::read(&path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Err(Error::NoBackup(shown(from)));
        }
        read => read.map_err(in_file(&path))?,
    };
    Backup::read(&json).map_err(|error| Error::Record(shown(from), error))
}

/// Copies and opens every part, checked, and tries whether the keys fit together.
fn fill(
    from: &Path,
    backup: &Backup,
    folder: &Path,
    open: impl Fn(&Part) -> Result<String, Error>,
) -> Result<(), Error> {
    let part = |name: &'static str| {
        backup.part(name).ok_or_else(|| Error::Record(shown(from), Invalid::Missing(name)))
    };
    let write = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        files::create_private(&path, content).map_err(in_file(&path))
    };
    let ca_pem = String::from_utf8_lossy(&checked(from, part(AUTHORITY_PART)?)?).into_owned();
    let (ca_key_pem, controller_pem) = (open(part(AUTHORITY_KEY_PART)?)?, open(part(CONTROLLER_PART)?)?);
    let issuer = Issuer::load(ca_pem, &ca_key_pem)?;
    tls::config(&controller_pem)?;
    write(CA_FILE, issuer.pem().as_bytes())?;
    write(CA_KEY_FILE, ca_key_pem.as_bytes())?;
    write(CONTROLLER_FILE, controller_pem.as_bytes())?;
    let path = folder.join(DATABASE_FILE);
    files::create_private(&path, b"").map_err(in_file(&path))?;
    let mut copy = File::options().write(true).open(&path).map_err(in_file(&path))?;
    check(from, part(DATABASE_PART)?, &mut copy)?;
    copy.sync_all().map_err(in_file(&path))?;
    // What this version does not know is kept out, but damage there is damage of the backup.
    let mut others =
        backup.parts.iter().filter(|part| !muster_model::backup::NEEDED_PARTS.contains(&&*part.name));
    others.try_for_each(|part| check(from, part, io::sink()))
}

/// Brings the database to this version and marks it as restored.
async fn settle(backup: &Backup, folder: &Path, clock: Clock) -> Result<(), Error> {
    let store = Store::open(&folder.join(DATABASE_FILE), clock).await?;
    store.snapshot().await?.check_integrity().await?;
    let made_at = backup.made_at;
    store
        .transaction(move |tx| Box::pin(async move { tx.begin_recovery(Some(made_at)).await }))
        .await
        .map_err(|error: store::Error| Error::Store(error))?;
    store.close().await?;
    Ok(())
}

/// A small part, read whole and checked.
fn checked(from: &Path, part: &Part) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    check(from, part, &mut bytes)?;
    Ok(bytes)
}

/// Copies a part and compares what was copied with the record.
fn check(from: &Path, part: &Part, to: impl io::Write) -> Result<(), Error> {
    let path = from.join(&part.name);
    let file = File::open(&path).map_err(in_file(&path))?;
    let (size_bytes, sha256) = hash(file, to).map_err(in_file(&path))?;
    if (size_bytes, sha256) == (part.size_bytes, part.sha256) {
        return Ok(());
    }
    let said = |size_bytes, sha256| format!("{size_bytes} bytes with SHA-256 {sha256}");
    Err(Error::Damaged {
        path: shown(&path),
        got: said(size_bytes, sha256),
        wanted: said(part.size_bytes, part.sha256),
    })
}

fn in_file(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = shown(path);
    move |error| Error::File(path, error)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
