//! `backup`: whole, readable without Muster, and closed to whoever has no recovery key.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use muster_controller::backup::{self, Error, Made};
use muster_controller::clock::Clock;
use muster_controller::store::{self, Store};
use muster_model::backup::{Backup, NEEDED_PARTS};
use muster_model::digest::Digest;
use tempfile::TempDir;

use crate::fixture::Fixture;

async fn make(dir: &Path, to: &Path) -> Result<Made, Error> {
    let options = backup::Options { data_dir: dir.join("data"), to: to.to_owned() };
    backup::run(&options, Clock::system()).await
}

fn recovery_key(dir: &Path, number: u32) -> age::x25519::Identity {
    let text = std::fs::read_to_string(dir.join(format!("recovery/muster-recovery-{number}.txt"))).unwrap();
    text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap().parse().unwrap()
}

fn open(key: &age::x25519::Identity, path: &Path) -> Result<String, age::DecryptError> {
    let sealed = std::fs::read(path).unwrap();
    let mut text = String::new();
    let decryptor = age::Decryptor::new(sealed.as_slice())?;
    decryptor.decrypt(std::iter::once(key as &dyn age::Identity))?.read_to_string(&mut text).unwrap();
    Ok(text)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// With the controller lost, its keys come back from a backup and one recovery key.
#[tokio::test]
async fn each_recovery_key_alone_opens_the_keys_of_a_backup_that_was_made_while_serving() {
    let fixture = Fixture::start().await;
    let to = fixture.dir.path().join("monday");
    let made = make(fixture.dir.path(), &to).await.unwrap();
    assert_eq!(made.folder, to);
    for number in [1, 2] {
        let key = recovery_key(fixture.dir.path(), number);
        for (part, file) in [("ca.key.age", "ca.key"), ("controller.pem.age", "controller.pem")] {
            let kept = std::fs::read_to_string(fixture.data(file)).unwrap();
            assert_eq!(open(&key, &to.join(part)).unwrap(), kept, "{part} with key {number}");
        }
    }
    let stranger = age::x25519::Identity::generate();
    assert!(open(&stranger, &to.join("ca.key.age")).is_err());
}

#[tokio::test]
async fn no_file_of_a_backup_holds_a_private_key_in_the_clear_and_all_are_their_owners_alone() {
    let fixture = Fixture::start().await;
    let to = fixture.dir.path().join("monday");
    make(fixture.dir.path(), &to).await.unwrap();
    assert_eq!(to.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    for file in files(&to) {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
        let bytes = std::fs::read(&file).unwrap();
        let found = bytes.windows(11).any(|window| window == b"PRIVATE KEY");
        assert!(!found, "{} holds a key", file.display());
    }
}

#[tokio::test]
async fn the_record_names_every_file_with_its_digest_and_says_what_the_copy_holds() {
    let fixture = Fixture::start().await;
    fixture.agent("dupont-prod/web").await;
    let to = fixture.dir.path().join("monday");
    make(fixture.dir.path(), &to).await.unwrap();
    let record = Backup::read(&std::fs::read(to.join("backup.json")).unwrap()).unwrap();
    assert_eq!(files(&to).len(), record.parts.len() + 1);
    for part in &record.parts {
        let bytes = std::fs::read(to.join(&part.name)).unwrap();
        assert_eq!((part.size_bytes, part.sha256), (bytes.len() as u64, Digest::of(&bytes)), "{}", part.name);
    }
    assert!(record.part("secrets.jsonl").is_some(), "what a drill reads");
    assert_eq!(record.parts.len(), NEEDED_PARTS.len() + 1);
    let mut snapshot = fixture.running.store().snapshot().await.unwrap();
    assert_eq!(record.sequence, snapshot.newest_sequence().await.unwrap());
    assert_eq!(record.epoch, fixture.running.epoch().number);
    assert_eq!(record.schema, store::newest_schema());
    assert_eq!(record.recipients, snapshot.recovery_keys().await.unwrap());
    let pin = fixture.invite("dupont-prod/db").await.token.ca_pin;
    assert_eq!(record.ca_pin, pin);

    // The copy opens as a database of its own and holds what the original held then.
    let copy = Store::open(&to.join("muster.db"), Clock::system()).await.unwrap();
    let copied = copy.snapshot().await.unwrap().server(&"dupont-prod/web".parse().unwrap()).await.unwrap();
    assert!(copied.unwrap().serial.is_some());
}

#[tokio::test]
async fn a_folder_takes_backups_inside_and_nothing_is_overwritten() {
    let fixture = Fixture::start().await;
    let folder = TempDir::new().unwrap();
    let made = make(fixture.dir.path(), folder.path()).await.unwrap();
    assert_eq!(made.folder.parent(), Some(folder.path()));
    assert!(made.folder.join("backup.json").exists());
    let file = folder.path().join("file");
    std::fs::write(&file, "precious").unwrap();
    let error = make(fixture.dir.path(), &file).await.unwrap_err();
    assert!(matches!(error, Error::Exists(_)), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
}

#[tokio::test]
async fn a_folder_without_a_controller_is_refused_and_gets_none() {
    let dir = TempDir::new().unwrap();
    let error = make(dir.path(), &dir.path().join("monday")).await.unwrap_err();
    assert!(matches!(error, Error::NotMade(_)), "{error}");
    assert_eq!(files(dir.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_backup_that_fails_half_way_leaves_nothing_behind() {
    let fixture = Fixture::start().await;
    std::fs::write(fixture.data("ca.key"), "not a key").unwrap();
    let folder = TempDir::new().unwrap();
    let error = make(fixture.dir.path(), &folder.path().join("monday")).await.unwrap_err();
    assert!(matches!(error, Error::Authority(..)), "{error}");
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}
