//! `init`: what it makes, with which rights, and what it refuses.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use muster_controller::clock::Clock;
use muster_controller::init;
use muster_controller::store::Store;
use tempfile::TempDir;

use crate::fixture::options;

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        dir.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn keys_are_readable_by_their_owner_alone_and_nothing_is_left_beside_them() {
    let dir = TempDir::new().unwrap();
    let made = init::run(&options(dir.path()), Clock::system()).await.unwrap();
    assert_eq!(names(dir.path()), ["anne.profile", "data", "recovery"]);
    assert_eq!(names(&dir.path().join("data")), ["ca.key", "ca.pem", "controller.pem", "muster.db"]);
    for folder in ["data", "recovery"] {
        assert_eq!(mode(&dir.path().join(folder)), 0o700, "{folder}");
    }
    for file in ["data/ca.key", "data/controller.pem", "anne.profile"] {
        assert_eq!(mode(&dir.path().join(file)), 0o600, "{file}");
    }
    for file in &made.recovery_files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn the_database_knows_the_recovery_keys_public_halves_and_no_file_of_it_the_private_ones() {
    let dir = TempDir::new().unwrap();
    let made = init::run(&options(dir.path()), Clock::system()).await.unwrap();
    let mut public = Vec::new();
    for file in &made.recovery_files {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains("offline medium"), "{text}");
        let secret = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
        let key: age::x25519::Identity = secret.parse().unwrap();
        public.push(key.to_public().to_string());
        for stored in names(&dir.path().join("data")) {
            let bytes = std::fs::read(dir.path().join("data").join(&stored)).unwrap();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{stored}");
        }
    }
    public.sort();
    assert_eq!(public.len(), 2);
    let store = Store::open(&dir.path().join("data/muster.db"), Clock::system()).await.unwrap();
    assert_eq!(store.snapshot().await.unwrap().recovery_keys().await.unwrap(), public);
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let dir = TempDir::new().unwrap();
    let options = options(dir.path());
    std::fs::create_dir(&options.data_dir).unwrap();
    std::fs::write(options.data_dir.join("precious"), "data").unwrap();
    let error = init::run(&options, Clock::system()).await.unwrap_err();
    assert!(matches!(error, init::Error::NotEmpty(_)), "{error}");
    std::fs::remove_file(options.data_dir.join("precious")).unwrap();

    std::fs::write(&options.profile_out, "another").unwrap();
    let error = init::run(&options, Clock::system()).await.unwrap_err();
    assert!(matches!(error, init::Error::Exists(_)), "{error}");
    assert_eq!(names(dir.path()), ["anne.profile", "data"]);
    std::fs::remove_file(&options.profile_out).unwrap();

    // An empty folder is taken.
    init::run(&options, Clock::system()).await.unwrap();
    let error = init::run(&options, Clock::system()).await.unwrap_err();
    assert!(matches!(error, init::Error::NotEmpty(_)), "{error}");
}

#[tokio::test]
async fn an_init_that_fails_half_way_leaves_no_controller() {
    let dir = TempDir::new().unwrap();
    let mut options = options(dir.path());
    options.profile_out = dir.path().join("missing").join("anne.profile");
    let error = init::run(&options, Clock::system()).await.unwrap_err();
    assert!(matches!(error, init::Error::File(..)), "{error}");
    assert_eq!(names(dir.path()), ["recovery"]);
}

#[tokio::test]
async fn an_address_that_nobody_can_dial_is_refused() {
    for listen in [
        "0.0.0.0:7400",
        "[::]:7400",
        "muster.example.org",
        "muster.example.org:port",
        ":7400",
        "127.0.0.1:0",
        "127.0.0.1:00",
    ] {
        let dir = TempDir::new().unwrap();
        let options = init::Options { listen: listen.to_owned(), ..options(dir.path()) };
        let error = init::run(&options, Clock::system()).await.unwrap_err();
        assert!(matches!(error, init::Error::Address(_)), "{listen}: {error}");
        assert_eq!(names(dir.path()), Vec::<String>::new());
    }
}
