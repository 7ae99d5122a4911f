//! The cache in a folder, with a disk as large as a test says.

use tempfile::TempDir;

use super::*;

const CONTENT: &[u8] = b"an installer of some length";
const SIZE: u64 = 27;

fn cache(free_bytes: fn(&Path) -> io::Result<u64>) -> (TempDir, Cache) {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("media");
    (dir, Cache { folder, coming: Arc::default(), free_bytes })
}

fn plenty(_: &Path) -> io::Result<u64> {
    Ok(2 * limits::MEDIA_RESERVE_BYTES)
}

fn append(cache: &Cache, offset: u64, content: &[u8]) -> Result<Held, Error> {
    cache.append(Digest::of(CONTENT), SIZE, offset, content)
}

#[test]
fn a_medium_is_held_piece_by_piece_and_is_whole_once_it_was_compared() {
    let (_dir, cache) = cache(plenty);
    let sha256 = Digest::of(CONTENT);
    assert_eq!(cache.begin(sha256, SIZE).unwrap(), Held { bytes: 0, whole: false });
    assert_eq!(append(&cache, 0, &CONTENT[..9]).unwrap(), Held { bytes: 9, whole: false });
    // Doubled, too early, too long, nothing.
    assert!(matches!(append(&cache, 0, &CONTENT[..9]), Err(Error::Changed)));
    assert!(matches!(append(&cache, 12, &CONTENT[12..]), Err(Error::Changed)));
    assert!(matches!(append(&cache, 9, &[b'x'; 19]), Err(Error::Changed)));
    assert!(matches!(append(&cache, 9, b""), Err(Error::Changed)));
    assert_eq!(cache.begin(sha256, SIZE).unwrap(), Held { bytes: 9, whole: false }, "it goes on");
    assert_eq!(append(&cache, 9, &CONTENT[9..]).unwrap(), Held { bytes: SIZE, whole: true });
    assert_eq!(fs::read(cache.path(sha256)).unwrap(), CONTENT);
    assert_eq!(cache.begin(sha256, SIZE).unwrap(), Held { bytes: SIZE, whole: true });
}

#[test]
fn what_is_another_file_is_thrown_away_and_a_comparison_that_was_cut_short_is_made_up_for() {
    let (_dir, cache) = cache(plenty);
    let sha256 = Digest::of(CONTENT);
    cache.begin(sha256, SIZE).unwrap();
    assert!(matches!(append(&cache, 0, &[b'x'; 27]), Err(Error::Other)));
    assert_eq!(cache.begin(sha256, SIZE).unwrap(), Held { bytes: 0, whole: false });
    fs::write(cache.part(sha256), CONTENT).unwrap();
    assert_eq!(cache.begin(sha256, SIZE).unwrap(), Held { bytes: SIZE, whole: true });
}

#[test]
fn a_whole_that_was_changed_on_the_disk_comes_anew() {
    let (_dir, cache) = cache(plenty);
    let sha256 = Digest::of(CONTENT);
    cache.begin(sha256, SIZE).unwrap();
    append(&cache, 0, CONTENT).unwrap();
    fs::write(cache.path(sha256), [b'x'; 27]).unwrap();
    assert_eq!(cache.begin(sha256, SIZE).unwrap(), Held { bytes: 0, whole: false });
    assert_eq!(append(&cache, 0, CONTENT).unwrap(), Held { bytes: SIZE, whole: true });
    assert_eq!(fs::read(cache.path(sha256)).unwrap(), CONTENT);
}

#[test]
fn what_is_held_is_listed_and_removed() {
    let (dir, cache) = cache(plenty);
    assert_eq!(cache.all().unwrap(), BTreeMap::new());
    let file = dir.path().join("XCS.msi");
    fs::write(&file, CONTENT).unwrap();
    let (whole, _) = cache.copy(&file).unwrap();
    let part = Digest::of(b"another");
    fs::write(cache.part(part), b"ano").unwrap();
    fs::write(cache.folder.join("notes.txt"), b"a person's").unwrap();
    let held = |bytes, whole| Held { bytes, whole };
    assert_eq!(cache.all().unwrap(), BTreeMap::from([(whole, held(SIZE, true)), (part, held(3, false))]));
    assert!(cache.remove(whole).unwrap() && cache.remove(part).unwrap());
    assert!(!cache.remove(part).unwrap());
    assert_eq!(cache.all().unwrap(), BTreeMap::new());
}

#[test]
fn a_disk_without_room_takes_nothing() {
    let (_dir, cache) = cache(|_| Ok(limits::MEDIA_RESERVE_BYTES + SIZE - 1));
    let refused = cache.begin(Digest::of(CONTENT), SIZE);
    assert!(matches!(refused, Err(Error::Room { room_bytes: 26, wanted_bytes: SIZE, .. })));
}

#[test]
fn two_that_come_at_once_have_room_for_both() {
    let (_dir, cache) = cache(|_| Ok(limits::MEDIA_RESERVE_BYTES + SIZE + 9));
    let other = Digest::of(b"another");
    cache.begin(Digest::of(CONTENT), SIZE).unwrap();
    cache.begin(Digest::of(CONTENT), SIZE).unwrap();
    // What of it is on the disk already was counted by the disk.
    append(&cache, 0, &CONTENT[..2]).unwrap();
    let clone = cache.clone();
    let refused = clone.begin(other, 12).unwrap_err();
    assert_eq!(
        refused.to_string().split(';').next().unwrap(),
        "the disk has room for 11 more bytes of media beside 25 that are on their way, and 12 are to come"
    );
    clone.begin(other, 11).unwrap();
    clone.ends(other);
    cache.ends(Digest::of(CONTENT));
    clone.begin(other, SIZE + 9).unwrap();
}

#[test]
fn a_medium_is_supplied_where_it_does_not_lie_where_the_documents_say() {
    let (dir, cache) = cache(plenty);
    let file = dir.path().join("XCS.msi");
    let (path, sha256) = (file.to_str().unwrap().to_owned(), Digest::of(CONTENT));
    let command = CommandLine {
        medium: Some(Medium { path: path.clone(), sha256 }),
        ..CommandLine::plain("msiexec".into(), vec!["/i".to_owned(), format!("\"{path}\"")])
    };
    assert_eq!(cache.supply(command.clone()), command, "nothing is held");
    fs::write(&file, CONTENT).unwrap();
    cache.copy(&file).unwrap();
    assert_eq!(cache.supply(command.clone()), command, "it lies there");
    fs::remove_file(&file).unwrap();
    let own = cache.folder.join("named").join(sha256.to_string()).join("XCS.msi");
    let own = own.to_str().unwrap().to_owned();
    for _ in 0..2 {
        let supplied = cache.supply(command.clone());
        assert_eq!(supplied.arguments, ["/i".to_owned(), format!("\"{own}\"")]);
        assert_eq!(supplied.medium, Some(Medium { path: own.clone(), sha256 }));
    }
    assert_eq!(fs::read(&own).unwrap(), CONTENT);
    // It is no medium of its own, and goes with the one that it is.
    assert_eq!(cache.all().unwrap().len(), 1);
    assert!(cache.remove(sha256).unwrap());
    assert!(!Path::new(&own).exists());
    assert_eq!(cache.supply(command.clone()), command);
}

/// As a Windows path, in which this machine sees no folders.
#[test]
fn a_medium_keeps_the_ending_that_the_documents_give_it() {
    let (dir, cache) = cache(plenty);
    let file = dir.path().join("carried");
    fs::write(&file, CONTENT).unwrap();
    let (sha256, _) = cache.copy(&file).unwrap();
    let path = r"\\nas\media\Sage XRT Advanced Setup.exe".to_owned();
    let command = CommandLine {
        medium: Some(Medium { path: path.clone(), sha256 }),
        ..CommandLine::plain(path.into(), vec!["/s".to_owned()])
    };
    let program = cache.supply(command).program;
    assert_eq!(program.file_name().unwrap(), "Sage XRT Advanced Setup.exe");
    assert_eq!(fs::read(program).unwrap(), CONTENT);
}

#[test]
fn a_file_that_was_carried_here_is_taken_in_once() {
    let (dir, cache) = cache(plenty);
    let file = dir.path().join("XCS.msi");
    fs::write(&file, CONTENT).unwrap();
    let sha256 = Digest::of(CONTENT);
    cache.begin(sha256, SIZE).unwrap();
    append(&cache, 0, &CONTENT[..9]).unwrap();
    assert_eq!(cache.copy(&file).unwrap(), (sha256, true), "after half of it was fetched");
    assert_eq!(cache.copy(&file).unwrap(), (sha256, false));
    assert_eq!(fs::read(cache.path(sha256)).unwrap(), CONTENT);
}
