//! How a session begins: what each side says of encryption (MS-TDS 2.2.6.5), and who logs on (2.2.6.4).
//!
//! Neighbours: `session` compares the password. A log-on by Windows has none here: this server knows no domain.

use crate::token::from_utf16;

/// Encryption is not known to this server.
const NOT_SUPPORTED: u8 = 2;
/// The feature of a client that connects anew by itself (MS-TDS 2.2.6.4).
const SESSION_RECOVERY: u8 = 1;
/// Encryption is wanted.
const ON: u8 = 1;

/// Who logs on, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) database: String,
    /// Whether Windows is to say who it is.
    pub(crate) integrated: bool,
    /// Whether the client wants to connect anew by itself where its connection breaks.
    pub(crate) recovers: bool,
}

/// This server's half of what comes before the log-on.
pub(crate) fn before(with_tls: bool) -> Vec<u8> {
    let encryption = if with_tls { ON } else { NOT_SUPPORTED };
    // Version, encryption, instance, thread, several results at once: number, offset, length each.
    let parts: [(u8, Vec<u8>); 5] = [
        (0, vec![15, 0, 0x11, 0x03, 0, 0]),
        (1, vec![encryption]),
        (2, vec![0]),
        (3, Vec::new()),
        (4, vec![0]),
    ];
    let mut offset = u16::try_from(parts.len() * 5 + 1).unwrap_or_default();
    let (mut head, mut body) = (Vec::new(), Vec::new());
    for (number, value) in parts {
        let length = u16::try_from(value.len()).unwrap_or_default();
        head.push(number);
        head.extend(offset.to_be_bytes());
        head.extend(length.to_be_bytes());
        body.extend(value);
        offset += length;
    }
    head.push(0xFF);
    head.extend(body);
    head
}

/// Reads a log-on; none where it is not of its shape.
pub(crate) fn read(bytes: &[u8]) -> Option<Login> {
    let number = |at: usize| Some(usize::from(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?])));
    let part = |at: usize| {
        let (start, characters) = (number(at)?, number(at + 2)?);
        bytes.get(start..start + characters * 2)
    };
    // Its bits are turned over and its halves exchanged, which hides nothing.
    let password: Vec<u8> = part(44)?.iter().map(|byte| (byte ^ 0xA5).rotate_left(4)).collect();
    Some(Login {
        user: from_utf16(part(40)?),
        password: from_utf16(&password),
        database: from_utf16(part(68)?),
        integrated: bytes.get(25)? & 0x80 != 0,
        recovers: features(bytes).is_some_and(|features| features.contains(&SESSION_RECOVERY)),
    })
}

/// The numbers of the features that the client asks for: a list of number, length and data, which ends with 0xFF.
fn features(bytes: &[u8]) -> Option<Vec<u8>> {
    let has_any = bytes.get(27)? & 0x10 != 0;
    let number = |at: usize| {
        let four = bytes.get(at..at + 4)?.first_chunk()?;
        usize::try_from(u32::from_le_bytes(*four)).ok()
    };
    let place = usize::from(u16::from_le_bytes([*bytes.get(56)?, *bytes.get(57)?]));
    let mut at = if has_any { number(place)? } else { return None };
    let mut found = Vec::new();
    while let Some(feature) = bytes.get(at).filter(|feature| **feature != 0xFF) {
        found.push(*feature);
        at += 5 + number(at + 1)?;
    }
    Some(found)
}
