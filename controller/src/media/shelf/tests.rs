//! The shelf on a folder, with a disk as large as a test says.

use tempfile::TempDir;

use super::*;

const GIB: u64 = 1024 * 1024 * 1024;

fn shelf(free_bytes: fn(&Path) -> io::Result<u64>) -> (TempDir, Shelf) {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("media");
    (dir, Shelf { folder, free_bytes })
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn medium(content: &[u8]) -> Medium {
    Medium {
        sha256: Digest::of(content),
        name: "XCS.msi".parse().unwrap(),
        size_bytes: content.len() as u64,
        added_by: "anne".parse().unwrap(),
        added_at: at(1_000),
    }
}

fn piece(sha256: Digest, offset_bytes: u64, content: &[u8]) -> Piece {
    Piece { sha256, offset_bytes, content: content.to_vec(), content_sha256: Digest::of(content) }
}

fn held(held_bytes: u64) -> Slot {
    Slot { held_bytes, whole: false }
}

#[test]
fn a_medium_comes_in_pieces_goes_on_where_it_broke_and_is_compared_as_a_whole() {
    let (_dir, shelf) = shelf(|_| Ok(8 * GIB));
    let content = b"an installer of some length";
    let medium = medium(content);
    let sha256 = medium.sha256;
    assert!(matches!(shelf.put(&piece(sha256, 0, b"an")), Err(Error::Unknown(_))), "nobody announced it");
    assert_eq!(shelf.announce(&medium, at(1_000)).unwrap(), held(0));
    assert_eq!(shelf.put(&piece(sha256, 0, b"an inst")).unwrap(), held(7));
    // Doubled, early, changed on its way, too long.
    assert_eq!(shelf.put(&piece(sha256, 0, b"an inst")).unwrap(), held(7));
    assert_eq!(shelf.put(&piece(sha256, 20, b"length")).unwrap(), held(7));
    let changed = Piece { content: b"allfr".to_vec(), ..piece(sha256, 7, b"aller") };
    assert!(matches!(shelf.put(&changed), Err(Error::Changed(_))));
    assert!(matches!(shelf.put(&piece(sha256, 7, &[b'x'; 21])), Err(Error::Piece { .. })));
    assert!(matches!(shelf.put(&piece(sha256, 7, b"")), Err(Error::Piece { .. })));
    let list = shelf.list().unwrap().media;
    assert_eq!(list, [MediumView { medium: medium.clone(), held_bytes: 7, whole: false }]);
    // The link broke: announced again, it goes on.
    assert_eq!(shelf.announce(&medium, at(2_000)).unwrap(), held(7));
    let whole = Slot { held_bytes: 27, whole: true };
    assert_eq!(shelf.put(&piece(sha256, 7, &content[7..])).unwrap(), whole);
    assert_eq!(shelf.announce(&medium, at(3_000)).unwrap(), whole);
    assert_eq!(fs::read(shelf.whole(sha256)).unwrap(), content);
    assert_eq!(shelf.list().unwrap().media[0].medium.added_at, at(1_000));
    let other = Medium { size_bytes: 5, ..medium };
    assert!(matches!(shelf.announce(&other, at(3_000)), Err(Error::OtherSize { .. })));
}

#[test]
fn what_is_not_the_announced_file_is_thrown_away() {
    let (_dir, shelf) = shelf(|_| Ok(8 * GIB));
    let medium = medium(b"right");
    shelf.announce(&medium, at(0)).unwrap();
    assert!(matches!(shelf.put(&piece(medium.sha256, 0, b"wrong")), Err(Error::Other(_))));
    assert!(shelf.list().unwrap().media.is_empty());
    assert!(!shelf.part(medium.sha256).exists() && !shelf.whole(medium.sha256).exists());
    for size_bytes in [0, limits::MEDIUM_SIZE_BYTES + 1] {
        let refused = shelf.announce(&Medium { size_bytes, ..medium.clone() }, at(0));
        assert!(matches!(refused, Err(Error::Size { .. })), "{size_bytes}");
    }
}

/// Killed after the last piece and before its comparison, it is compared when it is announced again.
#[test]
fn a_comparison_that_was_cut_short_is_made_up_for() {
    let (_dir, shelf) = shelf(|_| Ok(8 * GIB));
    let medium = medium(b"right");
    shelf.announce(&medium, at(0)).unwrap();
    shelf.append(medium.sha256, 0, b"right").unwrap();
    assert_eq!(shelf.announce(&medium, at(0)).unwrap(), held(5), "held, and not whole");
    assert_eq!(shelf.finish(medium.sha256).unwrap(), Slot { held_bytes: 5, whole: true });
}

/// Whoever has the file mends what a disk has spoilt, by announcing it again.
#[test]
fn a_medium_that_changed_on_the_shelf_comes_anew() {
    let (_dir, shelf) = shelf(|_| Ok(8 * GIB));
    let medium = medium(b"right");
    let whole = Slot { held_bytes: 5, whole: true };
    shelf.announce(&medium, at(0)).unwrap();
    assert_eq!(shelf.put(&piece(medium.sha256, 0, b"right")).unwrap(), whole);
    assert_eq!(shelf.finish(medium.sha256).unwrap(), whole);
    fs::write(shelf.whole(medium.sha256), b"wrong").unwrap();
    assert_eq!(shelf.finish(medium.sha256).unwrap(), held(0));
    assert_eq!(shelf.put(&piece(medium.sha256, 0, b"right")).unwrap(), whole);
    assert_eq!(fs::read(shelf.whole(medium.sha256)).unwrap(), b"right");
}

#[test]
fn room_is_kept_free_and_promised_once() {
    let (_dir, shelf) = shelf(|_| Ok(limits::MEDIA_RESERVE_BYTES + 100));
    let sized = |content: &[u8], size_bytes| Medium { size_bytes, ..medium(content) };
    let first = sized(b"first", 60);
    let refused = shelf.announce(&sized(b"huge", 101), at(0));
    assert!(matches!(refused, Err(Error::Room { room_bytes: 100, wanted_bytes: 101 })));
    shelf.announce(&first, at(0)).unwrap();
    assert_eq!(shelf.list().unwrap().free_bytes, 40);
    let second = sized(b"second", 41);
    let refused = shelf.announce(&second, at(0));
    assert!(matches!(refused, Err(Error::Room { room_bytes: 40, wanted_bytes: 41 })));
    // Announced again, a medium does not stand in its own way.
    shelf.announce(&first, at(0)).unwrap();
    // One that nobody goes on with gives its room back.
    let week = i64::try_from(limits::MEDIA_PARTS_MS / 1_000).unwrap();
    shelf.announce(&second, at(1_000 + week + 1)).unwrap();
    assert_eq!(shelf.list().unwrap().media.len(), 1);
}

#[test]
fn a_disk_that_fills_up_meanwhile_takes_no_piece() {
    let (_dir, mut shelf) = shelf(|_| Ok(8 * GIB));
    let medium = medium(b"right");
    shelf.announce(&medium, at(0)).unwrap();
    shelf.free_bytes = |_| Ok(limits::MEDIA_RESERVE_BYTES);
    assert!(matches!(shelf.put(&piece(medium.sha256, 0, b"rig")), Err(Error::Room { .. })));
    let refused = shelf.announce(&medium, at(0)).unwrap_err().to_string();
    assert!(refused.contains("has room for 0 more bytes"), "{refused}");
}

#[test]
fn a_medium_that_is_removed_leaves_nothing_and_can_come_again() {
    let (_dir, shelf) = shelf(|_| Ok(8 * GIB));
    let (whole, part) = (medium(b"right"), medium(b"half of one"));
    for medium in [&whole, &part] {
        shelf.announce(medium, at(0)).unwrap();
        shelf.put(&piece(medium.sha256, 0, &b"right"[..])).ok();
        assert_eq!(shelf.remove(medium.sha256).unwrap(), *medium);
        assert!(matches!(shelf.remove(medium.sha256), Err(Error::Unknown(_))));
    }
    assert_eq!(fs::read_dir(&shelf.folder).unwrap().count(), 0);
    assert_eq!(shelf.announce(&whole, at(1)).unwrap(), held(0));
}
