//! Security identifiers: what Windows means by an account, whatever it is called on this server.
//!
//! Layout and text: [MS-DTYP] 2.4.2. Neighbours: `account` finds them for names, `acl` keeps them in access lists.

use std::fmt;

/// The identifier of one account, in the bytes that Windows keeps.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Sid(Vec<u8>);

impl Sid {
    /// Revision, count, six bytes of authority.
    const HEAD_BYTES: usize = 8;
    const REVISION: u8 = 1;
    /// `SID_MAX_SUB_AUTHORITIES`.
    const PARTS: usize = 15;

    /// From an authority and what stands after it.
    pub(super) fn new(authority: u8, parts: &[u32]) -> Option<Self> {
        let count = u8::try_from(parts.len()).ok().filter(|_| parts.len() <= Self::PARTS)?;
        let mut bytes = vec![Self::REVISION, count, 0, 0, 0, 0, 0, authority];
        parts.iter().for_each(|part| bytes.extend(part.to_le_bytes()));
        Some(Self(bytes))
    }

    /// From the beginning of bytes; none where they hold no whole one.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let [Self::REVISION, count, ..] = bytes else { return None };
        let count = usize::from(*count);
        let whole = bytes.get(..Self::HEAD_BYTES + 4 * count)?;
        (count <= Self::PARTS).then(|| Self(whole.to_vec()))
    }

    /// From Windows' memory; none where it is none.
    ///
    /// # Safety
    /// `start` points to an identifier that is whole, and nobody changes it meanwhile.
    pub(super) unsafe fn read_at(start: *const u8) -> Option<Self> {
        // SAFETY: every identifier has at least these bytes.
        let head = unsafe { std::slice::from_raw_parts(start, Self::HEAD_BYTES) };
        let length = Self::HEAD_BYTES + 4 * usize::from(head[1]);
        // SAFETY: it is as long as the count of its parts says, which is its second byte.
        let bytes = unsafe { std::slice::from_raw_parts(start, length) };
        Self::parse(bytes)
    }

    /// From its text, `S-1-5-18`; none where it is not one. Authorities above 255 are not used by Windows.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix("S-1-").or_else(|| text.strip_prefix("s-1-"))?.split('-');
        let authority = numbers.next()?.parse().ok()?;
        let parts: Option<Vec<u32>> = numbers.map(|number| number.parse().ok()).collect();
        Self::new(authority, &parts?)
    }

    /// The bytes that Windows keeps.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (head, parts) = self.0.split_at(Self::HEAD_BYTES);
        let authority = head[2..].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        write!(f, "S-1-{authority}")?;
        for part in parts.chunks_exact(4) {
            let part = part.iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
            write!(f, "-{part}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_read_as_it_is_written_and_as_windows_keeps_it() {
        for text in ["S-1-5-18", "S-1-1-0", "S-1-5-21-3623811015-3361044348-30300820-1013"] {
            let sid = Sid::read(text).unwrap();
            assert_eq!(sid.to_string(), text);
            let mut more = sid.bytes().to_vec();
            more.extend([7, 7, 7]);
            assert_eq!(Sid::parse(&more), Some(sid), "what follows it is left");
        }
    }

    #[test]
    fn what_is_no_identifier_is_none() {
        for text in [
            "",
            "S-1",
            "S-1-x",
            "S-1-5-4294967296",
            "Everyone",
            "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
        ] {
            assert_eq!(Sid::read(text), None, "{text}");
        }
        let sid = Sid::read("S-1-5-18").unwrap();
        for length in 0..sid.bytes().len() {
            assert_eq!(Sid::parse(&sid.bytes()[..length]), None, "{length} bytes");
        }
    }
}
