//! Takes secret values out of what installers wrote: their own logs, and what they said.
//!
//! Each value is written over where it stands, by as many asterisks as it has characters, so that a cut in the middle leaves
//! nothing torn and no older file beside it. It is looked for as it is, in UTF-8, in UTF-16 and in Western Windows' code
//! page, with its quotes doubled, and as XML writes it. What an installer encodes otherwise is not found. Neighbours:
//! supervisors scrub before they record an end, and the engine again before it reads one. Never says what it found.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use muster_proto::secret::SecretValue;
use zeroize::Zeroizing;

/// How much is read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// The bytes of a value in one form, and the asterisk of that form.
struct Form {
    bytes: Zeroizing<Vec<u8>>,
    star: &'static [u8],
}

/// Writes over every one of these values in a file; one that is not there is as good.
///
/// # Errors
/// Where the file cannot be read or written: it may hold them still.
pub(super) fn scrub(path: &Path, values: &[SecretValue]) -> io::Result<()> {
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
    let mut dirty = false;
    loop {
        let kept = held.len();
        (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut held)?;
        if held.len() == kept {
            break;
        }
        if cover(&mut held, &forms) {
            file.seek(SeekFrom::Start(start))?;
            file.write_all(&held)?;
            dirty = true;
        }
        let done = held.len().saturating_sub(longest - 1);
        held.drain(..done);
        start += done as u64;
        file.seek(SeekFrom::Start(start + held.len() as u64))?;
    }
    if dirty { file.sync_all() } else { Ok(()) }
}

/// Writes over every form in these bytes; whether there was one. All are found before one is written over: a value may be
/// a part of another.
fn cover(bytes: &mut [u8], forms: &[Form]) -> bool {
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
    !found.is_empty()
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

    fn scrubbed(content: &[u8], secrets: &[&str]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, content).unwrap();
        scrub(&path, &values(secrets)).unwrap();
        fs::read(&path).unwrap()
    }

    #[test]
    fn a_value_is_written_over_in_each_of_its_forms() {
        for form in forms(VALUE) {
            let content = [b"before ".as_slice(), &form.bytes, b" after"].concat();
            let after = scrubbed(&content, &[VALUE]);
            assert_eq!(after.len(), content.len());
            assert!(after.starts_with(b"before ") && after.ends_with(b" after"));
            assert!(!after.windows(form.bytes.len()).any(|window| window == &**form.bytes));
            assert!(after[7..].contains(&b'*'));
        }
        assert_eq!(scrubbed(b"nothing", &[VALUE]), b"nothing");
        assert_eq!(scrubbed(b"nothing", &[]), b"nothing");
        scrub(Path::new("/nowhere/log"), &values(&[VALUE])).unwrap();
    }

    #[test]
    fn values_that_overlap_or_hold_each_other_are_all_gone() {
        assert_eq!(scrubbed(b"-abcabcd-", &["abc", "abcd"]), b"-*******-");
        assert_eq!(scrubbed(b"aaa", &["aa"]), b"***");
    }

    #[test]
    fn a_value_that_lies_across_two_chunks_is_found() {
        for before in CHUNK_BYTES - 7..=CHUNK_BYTES + 1 {
            let content = [vec![b'.'; before], b"secret".to_vec(), vec![b'.'; CHUNK_BYTES]].concat();
            let after = scrubbed(&content, &["secret"]);
            assert_eq!(&after[before..before + 6], b"******", "{before}");
            assert_eq!(after.len(), content.len());
            assert_eq!(after.iter().filter(|byte| **byte == b'.').count(), before + CHUNK_BYTES);
        }
    }
}
