//! Who this agent is: the files that enrolment leaves in the data folder.
//!
//! `agent.pem` (key and certificate, replaced as one), `ca.crt`, `secrets.key` and, last, `identity.json`: without that one the
//! agent is not enrolled. `agent.next.key` is a key for which a certificate was asked and not yet kept: asked again with it, the
//! controller gives the same one; `secrets.next.key` is the age key that goes with it. Neighbours: `enroll` and `renew` write
//! them, `run`, `show` and `check` read them. No key leaves this folder, and none has a `Debug`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use muster_model::name::ServerId;
use muster_proto::dial::Credentials;
use muster_proto::secret::{self, Key};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{crash, durable, os};

/// The file of the agent's key and certificate, PEM.
const CREDENTIALS_FILE: &str = "agent.pem";
/// The file of a key that waits for its certificate, PEM.
const NEXT_KEY_FILE: &str = "agent.next.key";
/// The file of the age key, as the `age` tool writes one.
const SECRETS_KEY: &str = "secrets.key";
/// The file of an age key that waits for the certificate that names it.
const NEXT_SECRETS_KEY: &str = "secrets.next.key";

/// What `identity.json` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// 1.
    pub format: u32,
    /// Where the controller listens, `host:port`.
    pub controller: String,
    /// The server.
    pub server: ServerId,
}

/// An enrolled agent: who it is, and what it proves it with.
pub struct Enrolled {
    /// Who it is.
    pub identity: Identity,
    /// What it dials with.
    pub credentials: Credentials,
    /// The age key that secrets of its site are sealed to.
    pub secrets_key: Key,
}

/// Why the data folder cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// The folder holds no identity.
    #[error(
        "{0} holds no enrolled agent; run `muster-agent enroll` with a token from `muster server invite` first"
    )]
    NotEnrolled(String),
    /// A file cannot be read or written.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The identity is not of its shape.
    #[error("{path} is damaged; enrol again with `muster-agent enroll --force`")]
    Shape {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// Others may read the key or change the journal.
    #[error(
        "{path} can be reached by {}; leave it to administrators and SYSTEM alone, or name a folder that is not there yet",
        others.join(", ")
    )]
    Exposed {
        /// The folder.
        path: String,
        /// Who they are.
        others: Vec<String>,
    },
    /// The age key cannot be read.
    #[error("{path} is damaged; enrol again with `muster-agent enroll --force`")]
    Key {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: secret::Error,
    },
    /// Another agent uses the folder.
    #[error("an agent runs in {0} already; stop it first")]
    InUse(String),
}

/// The data folder of one agent.
#[derive(Debug, Clone)]
pub struct DataDir {
    dir: PathBuf,
}

/// The right to use a data folder, as long as it lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl DataDir {
    /// That folder, which may not exist yet.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Where the journal is.
    pub fn database(&self) -> PathBuf {
        self.dir.join("agent.db")
    }

    /// Where the supervisors keep their records.
    pub fn installers(&self) -> PathBuf {
        self.dir.join("installers")
    }

    /// Where media lie.
    pub fn media(&self) -> PathBuf {
        self.dir.join("media")
    }

    /// Makes the folder, for its owner alone.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn create(&self) -> Result<(), Error> {
        os::make_private_folder(&self.dir).map_err(|source| io_error("make", &self.dir, source))
    }

    /// Where the service writes its log.
    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// Makes sure that nobody else reaches into it.
    ///
    /// # Errors
    /// Where somebody does, or it cannot be told.
    pub fn check_private(&self) -> Result<(), Error> {
        let others = os::who_else(&self.dir).map_err(|source| io_error("look at", &self.dir, source))?;
        let path = || self.dir.display().to_string();
        if others.is_empty() { Ok(()) } else { Err(Error::Exposed { path: path(), others }) }
    }

    /// Takes the folder for this process.
    ///
    /// # Errors
    /// Where another agent has it, or others reach into it.
    pub fn lock(&self) -> Result<Lock, Error> {
        self.check_private()?;
        let path = self.dir.join("agent.lock");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let file = os::make_private(&mut options).and_then(|options| options.open(&path));
        let file = file.map_err(|source| io_error("open", &path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(fs::TryLockError::WouldBlock) => Err(Error::InUse(self.dir.display().to_string())),
            Err(fs::TryLockError::Error(source)) => Err(io_error("lock", &path, source)),
        }
    }

    /// Whether an agent is enrolled here.
    pub fn is_enrolled(&self) -> bool {
        self.dir.join("identity.json").exists()
    }

    /// Reads who the agent is.
    ///
    /// # Errors
    /// Where it is not enrolled, or a file cannot be read.
    pub fn enrolled(&self) -> Result<Enrolled, Error> {
        if !self.is_enrolled() {
            return Err(Error::NotEnrolled(self.dir.display().to_string()));
        }
        let path = self.dir.join("identity.json");
        let identity = serde_json::from_str(&self.read("identity.json")?)
            .map_err(|source| Error::Shape { path: path.display().to_string(), source })?;
        // Each reader takes the part that it looks for.
        let both = self.read(CREDENTIALS_FILE)?;
        let credentials =
            Credentials { ca_pem: self.read("ca.crt")?, certificate_pem: both.clone(), key_pem: both };
        let secrets_key = Key::parse(&Zeroizing::new(self.read(SECRETS_KEY)?)).map_err(|source| {
            Error::Key { path: self.dir.join(SECRETS_KEY).display().to_string(), source }
        })?;
        Ok(Enrolled { identity, credentials, secrets_key })
    }

    /// Writes who the agent is, each file whole and on the disk; the one that says so comes last.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn publish(&self, enrolled: &Enrolled) -> Result<(), Error> {
        let Enrolled { identity, credentials: Credentials { ca_pem, certificate_pem, key_pem }, secrets_key } =
            enrolled;
        let identity_path = self.dir.join("identity.json");
        let json = serde_json::to_vec_pretty(identity)
            .map_err(|source| Error::Shape { path: identity_path.display().to_string(), source })?;
        match fs::remove_file(&identity_path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(io_error("remove", &identity_path, source)),
        }
        self.replace_credentials(certificate_pem, key_pem)?;
        self.write("ca.crt", ca_pem.as_bytes())?;
        self.write(SECRETS_KEY, secrets_key.to_line().as_bytes())?;
        crash::point("enroll.before_publish");
        self.write("identity.json", &json)?;
        self.forget_next_key()
    }

    /// Puts a key and its certificate in the place of those that are there; a crash leaves the old pair or the new one.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn replace_credentials(&self, certificate_pem: &str, key_pem: &str) -> Result<(), Error> {
        self.write(CREDENTIALS_FILE, format!("{key_pem}{certificate_pem}").as_bytes())
    }

    /// The key for which a certificate is asked next, PEM: the one that waits, or that one, kept from now on.
    ///
    /// # Errors
    /// Where it cannot be read or written.
    pub fn next_key(&self, fresh_pem: &str) -> Result<String, Error> {
        let path = self.dir.join(NEXT_KEY_FILE);
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.write(NEXT_KEY_FILE, fresh_pem.as_bytes())?;
                Ok(fresh_pem.to_owned())
            }
            read => read.map_err(|source| io_error("read", &path, source)),
        }
    }

    /// The age key that goes with it: the one that waits, or a new one, kept from now on.
    ///
    /// # Errors
    /// Where it cannot be read or written.
    pub fn next_secrets_key(&self) -> Result<Key, Error> {
        let path = self.dir.join(NEXT_SECRETS_KEY);
        if !path.exists() {
            self.write(NEXT_SECRETS_KEY, Key::generate().to_line().as_bytes())?;
        }
        Key::parse(&Zeroizing::new(self.read(NEXT_SECRETS_KEY)?))
            .map_err(|source| Error::Key { path: path.display().to_string(), source })
    }

    /// Nothing waits any more: the certificate is kept.
    ///
    /// # Errors
    /// Where a file cannot be removed.
    pub fn forget_next_key(&self) -> Result<(), Error> {
        for name in [NEXT_KEY_FILE, NEXT_SECRETS_KEY] {
            let path = self.dir.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io_error("remove", &path, error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn read(&self, name: &str) -> Result<String, Error> {
        let path = self.dir.join(name);
        fs::read_to_string(&path).map_err(|source| io_error("read", &path, source))
    }

    /// Readable by its owner alone from the first byte on.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.dir.join(name);
        let next = durable::beside(&path, "tmp");
        let written = (|| {
            let mut options = OpenOptions::new();
            options.create(true).truncate(true).write(true);
            let mut file = os::make_private(&mut options)?.open(&next)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            durable::put_in_place(&next, &path)
        })();
        written.map_err(|source| io_error("write", &path, source))
    }
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io { action, path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enrolled() -> Enrolled {
        let identity = Identity {
            format: 1,
            controller: "127.0.0.1:7400".to_owned(),
            server: "dupont-prod/web".parse().unwrap(),
        };
        let text = |text: &str| text.to_owned();
        let credentials =
            Credentials { ca_pem: text("ca"), certificate_pem: text("certificate"), key_pem: text("key") };
        Enrolled { identity, credentials, secrets_key: Key::generate() }
    }

    #[test]
    fn what_was_published_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(&folder.path().join("data"));
        data.create().unwrap();
        assert!(matches!(data.enrolled(), Err(Error::NotEnrolled(_))));
        let published = enrolled();
        data.publish(&published).unwrap();
        let read = data.enrolled().unwrap();
        assert_eq!(read.secrets_key.recipient().unwrap(), published.secrets_key.recipient().unwrap());
        assert_eq!(read.identity, enrolled().identity);
        assert_eq!(
            (read.credentials.key_pem.as_str(), read.credentials.ca_pem.as_str()),
            ("keycertificate", "ca")
        );
    }

    /// An answer that was lost is asked for again with the same key, and only with that one.
    #[test]
    fn a_key_waits_until_its_certificate_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        assert_eq!(data.next_key("first").unwrap(), "first");
        assert_eq!(data.next_key("second").unwrap(), "first");
        data.publish(&enrolled()).unwrap();
        assert_eq!(data.next_key("third").unwrap(), "third");
    }

    /// On Windows a file takes its rights from the folder, which `host::windows::disk` makes private.
    #[cfg(unix)]
    #[test]
    fn what_was_published_only_the_owner_may_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(&folder.path().join("data"));
        data.create().unwrap();
        data.publish(&enrolled()).unwrap();
        for entry in fs::read_dir(data.path()).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    /// On Windows `host::windows::guard` judges the access list.
    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_can_reach_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let error = data.lock().unwrap_err().to_string();
        assert!(error.contains("its group, everybody"), "{error}");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        data.lock().unwrap();
    }

    #[test]
    fn a_second_agent_in_the_folder_is_refused_while_the_first_lives() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(&folder.path().join("data"));
        data.create().unwrap();
        let first = data.lock().unwrap();
        assert!(matches!(data.lock(), Err(Error::InUse(_))));
        drop(first);
        data.lock().unwrap();
    }
}
