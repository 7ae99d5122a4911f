//! The file itself: its size, its SHA-256, what it is by its first bytes, and in a program what made it and where packages lie.
//!
//! Neighbours: `mod` decides what to do with it. One pass from the first byte to the last, of any size, in a buffer of 1 MiB.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use muster_model::digest::{Digest, Hasher};
use muster_model::limits;

use super::Error;
use super::found::Kind;

/// What a compound file begins with (MS-CFB 2.2).
const COMPOUND: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
/// How much is read at once.
const BUFFER_BYTES: usize = 1024 * 1024;
/// A program's headers end before this place.
const HEADERS_BYTES: usize = 4_096;
/// What is neither package nor program, by its first bytes.
const ARCHIVES: [(&[u8], &str); 5] = [
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"MSCF", "a cabinet (.cab)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
];

/// A file that is a package or a program.
pub(super) struct Medium {
    pub(super) name: String,
    pub(super) size_bytes: u64,
    pub(super) sha256: Digest,
    pub(super) content: Content,
}

/// What it is.
pub(super) enum Content {
    /// A compound file, whatever is in it.
    Package,
    /// A program.
    Program {
        /// What made it, if that is known.
        kind: Option<Kind>,
        /// Where compound files begin in it, in order.
        packages_at_bytes: Vec<u64>,
        /// An archive that is in it.
        archive: Option<&'static str>,
    },
}

impl Medium {
    /// Reads a file to its end.
    ///
    /// # Errors
    /// Where it cannot be read, or is neither a compound file nor a program.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let meta = std::fs::metadata(path)?;
        if meta.is_dir() {
            return Err(Error::NoFile("a folder"));
        }
        if !meta.is_file() {
            return Err(Error::NoFile("a device or a pipe"));
        }
        let most_bytes = limits::INSPECT_FILE_SIZE_BYTES;
        if meta.len() > most_bytes {
            return Err(Error::Large { size_bytes: meta.len(), most_bytes });
        }
        let mut file = File::open(path)?;
        let mut first = Vec::new();
        file.by_ref().take(HEADERS_BYTES as u64).read_to_end(&mut first)?;
        let is_program = known(&first)?;
        let mut search = Search::default();
        let mut hash = Hasher::default();
        let mut size_bytes = 0;
        let mut buffer = first.clone();
        while !buffer.is_empty() {
            hash.update(&buffer);
            size_bytes += buffer.len() as u64;
            if is_program {
                search.go_on(&buffer);
            }
            buffer.clear();
            file.by_ref().take(BUFFER_BYTES as u64).read_to_end(&mut buffer)?;
        }
        let content = if is_program {
            let kind = search.kind(&first);
            Content::Program { kind, packages_at_bytes: search.packages_at_bytes, archive: search.archive }
        } else {
            Content::Package
        };
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Self { name, size_bytes, sha256: hash.finish(), content })
    }
}

/// Whether it is a program; otherwise it is a compound file.
fn known(first: &[u8]) -> Result<bool, Error> {
    if first.is_empty() {
        return Err(Error::Empty);
    }
    if let Some((_, what)) = ARCHIVES.iter().find(|(begins, _)| first.starts_with(begins)) {
        return Err(Error::Archive(what));
    }
    match (first.starts_with(COMPOUND), first.starts_with(b"MZ")) {
        (true, _) => Ok(false),
        (false, true) => Ok(true),
        (false, false) => Err(Error::Other(shown(first))),
    }
}

/// The first bytes, as a person recognises them.
fn shown(first: &[u8]) -> String {
    let first = &first[..first.len().min(16)];
    if first.iter().all(|byte| byte.is_ascii_graphic() || b" \t\r\n".contains(byte)) {
        return format!("the text {:?}", String::from_utf8_lossy(first));
    }
    let bytes: Vec<String> = first.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("the bytes {}", bytes.join(" "))
}

/// What a mark tells.
#[derive(Debug, Clone, Copy)]
enum Tells {
    /// A compound file begins.
    Package,
    /// What made the program.
    Made(Kind),
    /// The program unpacks that.
    Archive(&'static str),
}

/// What is looked for, and what it tells; the text of a version's resource has two bytes for each letter. Of a ZIP archive its
/// end: its beginning is in programs that only read some.
const MARKS: [(&[u8], Tells); 9] = [
    (COMPOUND, Tells::Package),
    (b"Inno Setup", Tells::Made(Kind::InnoSetup)),
    (b"Nullsoft", Tells::Made(Kind::Nullsoft)),
    (b"InstallShield", Tells::Made(Kind::InstallShield)),
    (b"I\0n\0s\0t\0a\0l\0l\0S\0h\0i\0e\0l\0d\0", Tells::Made(Kind::InstallShield)),
    (b"PK\x05\x06", Tells::Archive("a ZIP archive")),
    (b"MSCF\0\0\0\0", Tells::Archive("a cabinet")),
    (b"7z\xbc\xaf\x27\x1c", Tells::Archive("a 7-Zip archive")),
    (b"Rar!\x1a\x07", Tells::Archive("a RAR archive")),
];
/// One less than the longest mark: what is kept of one buffer for the next.
const KEPT_BYTES: usize = 25;

/// A search that goes on from buffer to buffer.
#[derive(Default)]
struct Search {
    kept: Vec<u8>,
    passed_bytes: u64,
    kinds: Vec<Kind>,
    packages_at_bytes: Vec<u64>,
    archive: Option<&'static str>,
}

impl Search {
    fn go_on(&mut self, buffer: &[u8]) {
        let mut bytes = std::mem::take(&mut self.kept);
        let seen = bytes.len();
        bytes.extend_from_slice(buffer);
        for (place, byte) in bytes.iter().enumerate() {
            if !matches!(byte, 0xd0 | b'I' | b'N' | b'P' | b'M' | b'7' | b'R') {
                continue;
            }
            for (mark, tells) in MARKS {
                // What ends within the kept part was found before.
                if bytes[place..].starts_with(mark) && place + mark.len() > seen {
                    self.found(tells, self.passed_bytes + place as u64);
                }
            }
        }
        let kept_from = bytes.len().saturating_sub(KEPT_BYTES);
        self.passed_bytes += kept_from as u64;
        self.kept = bytes.split_off(kept_from);
    }

    fn found(&mut self, tells: Tells, at_bytes: u64) {
        match tells {
            Tells::Made(kind) if !self.kinds.contains(&kind) => self.kinds.push(kind),
            Tells::Package if (self.packages_at_bytes.len() as u64) < limits::INSPECT_PACKAGES => {
                self.packages_at_bytes.push(at_bytes);
            }
            Tells::Archive(what) => self.archive = self.archive.or(Some(what)),
            Tells::Made(_) | Tells::Package => {}
        }
    }

    /// A bundle of WiX has a section of its own, and may hold what any other made; the others in the order of `MARKS`.
    fn kind(&self, headers: &[u8]) -> Option<Kind> {
        if headers.windows(8).any(|bytes| bytes == b".wixburn") {
            return Some(Kind::WixBurn);
        }
        let made = |(_, tells): &(_, Tells)| match tells {
            Tells::Made(kind) if self.kinds.contains(kind) => Some(*kind),
            Tells::Made(_) | Tells::Package | Tells::Archive(_) => None,
        };
        MARKS.iter().find_map(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_once_wherever_the_buffers_part() {
        let mut bytes = b"MZ...".to_vec();
        bytes.extend(COMPOUND);
        bytes.extend(b"..I\0n\0s\0t\0a\0l\0l\0S\0h\0i\0e\0l\0d\0..");
        bytes.extend(COMPOUND);
        for parted in 0..bytes.len() {
            let mut search = Search::default();
            for part in [&bytes[..parted], &bytes[parted..]] {
                search.go_on(part);
            }
            let second = bytes.len() as u64 - 8;
            assert_eq!(search.packages_at_bytes, [5, second], "parted at {parted}");
            assert_eq!(search.kind(&[]), Some(Kind::InstallShield), "parted at {parted}");
        }
        for byte in &bytes {
            let mut search = Search::default();
            search.go_on(std::slice::from_ref(byte));
            assert_eq!(search.kind(&[]), None);
        }
    }

    #[test]
    fn enough_is_kept_for_the_longest_mark() {
        let longest = MARKS.iter().map(|(mark, _)| mark.len()).max();
        assert_eq!(longest, Some(KEPT_BYTES + 1));
    }
}
