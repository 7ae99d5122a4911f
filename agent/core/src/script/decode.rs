//! From a script's bytes to its text, line by line, so that a script of any size needs the memory of its longest line.
//!
//! Neighbours: `lines` cuts the lines. A byte-order mark decides the encoding; without one, what is UTF-8 from its first byte
//! to its last is read as that, and anything else as Windows-1252, in which French scripts of that age are written.

use super::{Place, ScriptError};

/// The upper half of Windows-1252 that differs from Latin-1, from 0x80 (WHATWG Encoding, index windows-1252).
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// What bytes mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 behind its mark.
    MarkedUtf8,
    /// UTF-8 without a mark.
    Utf8,
    /// UTF-16, the lower half of a unit first, behind its mark.
    Utf16Le,
    /// UTF-16, the upper half first, behind its mark.
    Utf16Be,
    /// Windows-1252.
    Windows1252,
}

/// Finds out the encoding of bytes that come in pieces.
#[derive(Debug, Default)]
pub struct Sniffer {
    /// The first three bytes.
    head: Vec<u8>,
    /// The beginning of a character whose rest has not come.
    open: Vec<u8>,
    is_other: bool,
}

impl Sniffer {
    /// Takes the bytes that follow.
    pub fn push(&mut self, bytes: &[u8]) {
        let missing = 3 - self.head.len().min(3);
        self.head.extend(bytes.iter().take(missing));
        if self.is_other {
            return;
        }
        let mut text = std::mem::take(&mut self.open);
        text.extend(bytes);
        if let Err(error) = std::str::from_utf8(&text) {
            match error.error_len() {
                Some(_) => self.is_other = true,
                None => self.open = text.split_off(error.valid_up_to()),
            }
        }
    }

    /// What they are, all of them seen.
    pub fn finish(self) -> Encoding {
        match self.head.as_slice() {
            [0xef, 0xbb, 0xbf] => Encoding::MarkedUtf8,
            [0xff, 0xfe, ..] => Encoding::Utf16Le,
            [0xfe, 0xff, ..] => Encoding::Utf16Be,
            _ if self.is_other || !self.open.is_empty() => Encoding::Windows1252,
            _ => Encoding::Utf8,
        }
    }
}

impl Encoding {
    /// How many bytes its mark has.
    pub(super) fn mark_bytes(self) -> usize {
        match self {
            Self::MarkedUtf8 => 3,
            Self::Utf16Le | Self::Utf16Be => 2,
            Self::Utf8 | Self::Windows1252 => 0,
        }
    }

    /// How many bytes a unit of its text has.
    pub(super) fn unit_bytes(self) -> usize {
        match self {
            Self::Utf16Le | Self::Utf16Be => 2,
            Self::MarkedUtf8 | Self::Utf8 | Self::Windows1252 => 1,
        }
    }

    /// Where the line ends that begins these bytes: the place after its line feed.
    pub(super) fn line_end(self, bytes: &[u8]) -> Option<usize> {
        let unit = |unit: [u8; 2]| {
            bytes.as_chunks::<2>().0.iter().position(|pair| *pair == unit).map(|index| 2 * (index + 1))
        };
        match self {
            Self::Utf16Le => unit([b'\n', 0]),
            Self::Utf16Be => unit([0, b'\n']),
            Self::MarkedUtf8 | Self::Utf8 | Self::Windows1252 => {
                bytes.iter().position(|byte| *byte == b'\n').map(|index| index + 1)
            }
        }
    }

    /// The text of a line.
    ///
    /// # Errors
    /// Where the bytes are not what their mark says, or hold a NUL: UTF-16 without a mark, or no text at all.
    pub(super) fn decode(self, bytes: &[u8], place: Place) -> Result<String, ScriptError> {
        let wrong = |problem: &str| ScriptError { place, problem: problem.to_owned() };
        let text = match self {
            Self::MarkedUtf8 | Self::Utf8 => std::str::from_utf8(bytes)
                .map(str::to_owned)
                .map_err(|_| wrong("its mark says UTF-8, and this is none"))?,
            Self::Utf16Le => utf16(bytes, u16::from_le_bytes).ok_or_else(|| wrong(NO_UTF16))?,
            Self::Utf16Be => utf16(bytes, u16::from_be_bytes).ok_or_else(|| wrong(NO_UTF16))?,
            Self::Windows1252 => bytes.iter().map(|byte| windows_1252(*byte)).collect(),
        };
        if text.contains('\0') {
            return Err(wrong(
                "there is a NUL: save the script as UTF-8, or as UTF-16 with a byte-order mark",
            ));
        }
        Ok(text)
    }
}

const NO_UTF16: &str = "its mark says UTF-16, and it is none: save it again";

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    String::from_utf16(&units).ok().filter(|_| rest.is_empty())
}

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}
