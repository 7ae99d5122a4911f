//! From a script's bytes to its text.
//!
//! Neighbours: `split` reads the text. A byte-order mark decides; without one, what is UTF-8 is read as that, and anything
//! else as Windows-1252, in which French scripts of that age are written.

use super::ScriptError;

/// The upper half of Windows-1252 that differs from Latin-1, from 0x80 (WHATWG Encoding, index windows-1252).
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The text of a script.
///
/// # Errors
/// Where the bytes are not what their mark says, or hold a NUL: UTF-16 without a mark, or no text at all.
pub fn decode(bytes: &[u8]) -> Result<String, ScriptError> {
    let text = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest)
            .map(str::to_owned)
            .map_err(|error| wrong(rest, error.valid_up_to(), "its mark says UTF-8, and this is none"))?,
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| windows_1252(*byte)).collect(),
        },
    };
    match text.find('\0') {
        Some(place) => Err(wrong(
            text.as_bytes(),
            place,
            "there is a NUL: save the script as UTF-8, or as UTF-16 with a byte-order mark",
        )),
        None => Ok(text),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, ScriptError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    let text = String::from_utf16(&units).ok().filter(|_| rest.is_empty());
    text.ok_or_else(|| ScriptError {
        line: 1,
        problem: "its mark says UTF-16, and it is none: save it again".to_owned(),
    })
}

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

fn wrong(bytes: &[u8], place: usize, problem: &str) -> ScriptError {
    let before = bytes.get(..place).unwrap_or_default();
    let lines = before.iter().filter(|byte| **byte == b'\n').count();
    ScriptError { line: u32::try_from(lines + 1).unwrap_or(u32::MAX), problem: problem.to_owned() }
}
