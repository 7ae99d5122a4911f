//! Takes secret values out of what installers wrote: their own logs, and what they said.
//!
//! Each value is first written over where it stands, so that a cut in the middle leaves nothing torn and no older file beside
//! it; then what is more than three asterisks is taken out, so that nobody sees how long it was. It is looked for as it is,
//! in UTF-8, in UTF-16 and in Western Windows' code page, with its quotes doubled, and as XML writes it. What an installer
//! encodes otherwise is not found. Neighbours: supervisors scrub before they record an end, and the engine again before it
//! reads one. Never says what it found.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use muster_proto::secret::SecretValue;
use zeroize::Zeroizing;

/// How much is read at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// How many asterisks stand for a value of any length.
const MASK_UNITS: u64 = 3;

/// What stands where a value stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mask {
    /// As many asterisks as it had characters: in a file that is being written nothing can move.
    AsLong,
    /// Three.
    Fixed,
}

/// Where a value stood.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u64,
    end: u64,
    unit_bytes: u64,
}

/// The bytes of a value in one form, and the asterisk of that form.
struct Form {
    bytes: Zeroizing<Vec<u8>>,
    star: &'static [u8],
}

/// Writes over every one of these values in a file; one that is not there is as good.
///
/// # Errors
/// Where the file cannot be read or written: it may hold them still.
pub(super) fn scrub(path: &Path, values: &[SecretValue], mask: Mask) -> io::Result<()> {
    let forms: Vec<Form> = values.iter().flat_map(|value| forms(value.expose())).collect();
    let Some(longest) = forms.iter().map(|form| form.bytes.len()).max() else { return Ok(()) };
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    // The end of each chunk is looked at again with the next one: a value may lie across.
    let mut held = Zeroizing::new(Vec::with_capacity(CHUNK_BYTES + longest));
    let mut start = 0_u64;
    let mut places = Vec::new();
    loop {
        let kept = held.len();
        (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut held)?;
        if held.len() == kept {
            break;
        }
        let found = cover(&mut held, &forms, start);
        if !found.is_empty() {
            file.seek(SeekFrom::Start(start))?;
            file.write_all(&held)?;
            places.extend(found);
        }
        let done = held.len().saturating_sub(longest - 1);
        held.drain(..done);
        start += done as u64;
        file.seek(SeekFrom::Start(start + held.len() as u64))?;
    }
    if places.is_empty() {
        return Ok(());
    }
    file.sync_all()?;
    match mask {
        Mask::AsLong => Ok(()),
        Mask::Fixed => shorten(&mut file, places),
    }
}

/// Takes out of each place what is more than a mask; places that touch are one.
fn shorten(file: &mut File, mut places: Vec<Place>) -> io::Result<()> {
    places.sort_by_key(|place| place.start);
    let mut apart: Vec<Place> = Vec::new();
    for place in places {
        match apart.last_mut() {
            Some(last) if place.start <= last.end => {
                last.end = last.end.max(place.end);
                last.unit_bytes = last.unit_bytes.max(place.unit_bytes);
            }
            _ => apart.push(place),
        }
    }
    let goes = apart.iter().filter_map(|place| {
        let length = place.end - place.start;
        // What follows keeps its place within a unit: otherwise nobody reads the rest of a UTF-16 file.
        let stays = MASK_UNITS * place.unit_bytes + length % place.unit_bytes;
        (length > stays).then_some((place.start + stays, place.end))
    });
    let goes: Vec<(u64, u64)> = goes.collect();
    let Some((mut to, _)) = goes.first().copied() else { return Ok(()) };
    let end = file.metadata()?.len();
    let nexts = goes.iter().skip(1).map(|(start, _)| *start).chain([end]);
    for ((_, from), until) in goes.iter().zip(nexts) {
        to = move_up(file, *from, until, to)?;
    }
    file.set_len(to)?;
    file.sync_all()
}

/// Moves a part of a file nearer to its beginning; gives where it ends then.
fn move_up(file: &mut File, mut from: u64, until: u64, mut to: u64) -> io::Result<u64> {
    let mut bytes = Vec::new();
    while from < until {
        bytes.clear();
        file.seek(SeekFrom::Start(from))?;
        (&mut *file).take((until - from).min(CHUNK_BYTES as u64)).read_to_end(&mut bytes)?;
        if bytes.is_empty() {
            break;
        }
        file.seek(SeekFrom::Start(to))?;
        file.write_all(&bytes)?;
        from += bytes.len() as u64;
        to += bytes.len() as u64;
    }
    Ok(to)
}

/// Writes over every form in these bytes, which begin at `start` of the file; gives where. All are found before one is
/// written over: a value may be a part of another.
fn cover(bytes: &mut [u8], forms: &[Form], start: u64) -> Vec<Place> {
    let mut found: Vec<(usize, &Form)> = Vec::new();
    for form in forms {
        let Some(first) = form.bytes.first() else { continue };
        for at in 0..(bytes.len() + 1).saturating_sub(form.bytes.len()) {
            if bytes[at] == *first && bytes[at..].starts_with(&form.bytes) {
                found.push((at, form));
            }
        }
    }
    for (at, form) in &found {
        let place = bytes[*at..at + form.bytes.len()].chunks_mut(form.star.len());
        place.for_each(|unit| unit.copy_from_slice(&form.star[..unit.len()]));
    }
    let place = |(at, form): &(usize, &Form)| {
        let start = start + *at as u64;
        Place { start, end: start + form.bytes.len() as u64, unit_bytes: form.star.len() as u64 }
    };
    found.iter().map(place).collect()
}

/// A value in every form that is looked for, each once.
fn forms(value: &str) -> Vec<Form> {
    let xml = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut texts = vec![
        value.to_owned(),
        value.replace('"', "\"\""),
        value.replace('\\', "\\\\").replace('"', "\\\""),
        xml.replace('"', "&quot;"),
        xml,
    ];
    texts.sort();
    texts.dedup();
    texts.into_iter().map(Zeroizing::new).flat_map(|text| encodings(&text)).collect()
}

fn encodings(text: &str) -> Vec<Form> {
    let form = |bytes: Vec<u8>, star| Form { bytes: Zeroizing::new(bytes), star };
    let mut forms = vec![
        form(text.as_bytes().to_vec(), b"*".as_slice()),
        form(text.encode_utf16().flat_map(u16::to_le_bytes).collect(), b"*\0"),
        form(text.encode_utf16().flat_map(u16::to_be_bytes).collect(), b"\0*"),
    ];
    let western: Option<Vec<u8>> = text.chars().map(|letter| u8::try_from(letter).ok()).collect();
    forms.extend(western.filter(|_| !text.is_ascii()).map(|bytes| form(bytes, b"*")));
    forms
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const VALUE: &str = "Kanari\u{e9}\"&<7\\x";

    fn values(texts: &[&str]) -> Vec<SecretValue> {
        texts.iter().map(|text| SecretValue::new(Zeroizing::new((*text).to_owned()))).collect()
    }

    fn scrubbed(content: &[u8], secrets: &[&str], mask: Mask) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, content).unwrap();
        scrub(&path, &values(secrets), mask).unwrap();
        fs::read(&path).unwrap()
    }

    #[test]
    fn a_value_is_written_over_in_each_of_its_forms() {
        for form in forms(VALUE) {
            let content = [b"before ".as_slice(), &form.bytes, b" after"].concat();
            let after = scrubbed(&content, &[VALUE], Mask::AsLong);
            assert_eq!(after.len(), content.len());
            assert!(after.starts_with(b"before ") && after.ends_with(b" after"));
            assert!(!after.windows(form.bytes.len()).any(|window| window == &**form.bytes));
            assert!(after[7..].contains(&b'*'));
        }
        for mask in [Mask::AsLong, Mask::Fixed] {
            assert_eq!(scrubbed(b"nothing", &[VALUE], mask), b"nothing");
            assert_eq!(scrubbed(b"nothing", &[], mask), b"nothing");
            scrub(Path::new("/nowhere/log"), &values(&[VALUE]), mask).unwrap();
        }
    }

    #[test]
    fn nobody_sees_how_long_a_value_was() {
        for secret in ["abcd", "Canary-0123456789", VALUE, &"x".repeat(1_024)] {
            for form in forms(secret) {
                let content =
                    [b"PWD=".as_slice(), &form.bytes, b" USER=sa\r\nPWD=", &form.bytes, b"\r\n"].concat();
                let after = scrubbed(&content, &[secret], Mask::Fixed);
                let mask = form.star.repeat(3);
                let wanted = [b"PWD=".as_slice(), &mask, b" USER=sa\r\nPWD=", &mask, b"\r\n"].concat();
                assert_eq!(after, wanted, "{secret:.20}, {:?}", form.star);
            }
        }
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let after = scrubbed(&utf16("PWD=secret, USER=sa"), &["secret"], Mask::Fixed);
        assert_eq!(after, utf16("PWD=***, USER=sa"), "both orders of bytes fit, one byte apart");
        // What is far behind moves as a whole.
        let rest: Vec<u8> =
            (0..5 * CHUNK_BYTES / 2).map(|at| b'a' + u8::try_from(at % 23).unwrap()).collect();
        let content = [b"Secret1 ".as_slice(), &rest, b" Secret1", &rest].concat();
        let wanted = [b"*** ".as_slice(), &rest, b" ***", &rest].concat();
        assert!(scrubbed(&content, &["Secret1"], Mask::Fixed) == wanted);
    }

    #[test]
    fn values_that_overlap_or_hold_each_other_are_all_gone() {
        assert_eq!(scrubbed(b"-abcabcd-", &["abc", "abcd"], Mask::AsLong), b"-*******-");
        assert_eq!(scrubbed(b"-abcabcd-", &["abc", "abcd"], Mask::Fixed), b"-***-");
        assert_eq!(scrubbed(b"aaa", &["aa"], Mask::AsLong), b"***");
    }

    #[test]
    fn a_value_that_lies_across_two_chunks_is_found() {
        for before in CHUNK_BYTES - 7..=CHUNK_BYTES + 1 {
            let content = [vec![b'.'; before], b"secret".to_vec(), vec![b'.'; CHUNK_BYTES]].concat();
            let after = scrubbed(&content, &["secret"], Mask::Fixed);
            assert_eq!(&after[before..before + 4], b"***.", "{before}");
            assert_eq!(after.len(), content.len() - 3);
            assert_eq!(after.iter().filter(|byte| **byte == b'.').count(), before + CHUNK_BYTES);
        }
    }
}
