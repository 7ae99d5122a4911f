//! Security descriptors in one piece, as far as a key needs them: an access list, and whether it is protected.
//!
//! Layout: [MS-DTYP] 2.4.6. Neighbours: `key` reads and writes them, `acl` is the list. Owner and group are left out of what is
//! written, so that they stay.

use super::super::acl::Acl;

const HEAD_BYTES: usize = 20;
const REVISION: u8 = 1;
const DACL_PRESENT: u16 = 0x0004;
const DACL_PROTECTED: u16 = 0x1000;
const SELF_RELATIVE: u16 = 0x8000;

/// Who may do what with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyProtection {
    pub(super) list: Acl,
    /// Whether nothing is inherited.
    pub(super) apart: bool,
}

impl KeyProtection {
    /// None where it is no descriptor with a list: one without would give everybody everything.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<HEAD_BYTES>()?;
        let control = u16::from_le_bytes([head[2], head[3]]);
        let at = u32::from_le_bytes([head[16], head[17], head[18], head[19]]);
        let is_there = control & DACL_PRESENT != 0 && at != 0;
        let list = bytes.get(usize::try_from(at).ok()?..).filter(|_| is_there)?;
        Some(Self { list: Acl::parse(list)?, apart: control & DACL_PROTECTED != 0 })
    }

    /// In words of four bytes, so that it is aligned; none where it is longer than Windows allows.
    pub(super) fn words(&self) -> Option<Vec<u32>> {
        let apart = if self.apart { DACL_PROTECTED } else { 0 };
        let control = u32::from(SELF_RELATIVE | DACL_PRESENT | apart);
        let mut words = vec![u32::from(REVISION) | control << 16, 0, 0, 0, 20];
        words.extend(self.list.words()?);
        Some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sid::Sid;
    use super::*;

    #[test]
    fn a_descriptor_comes_back_as_it_was_written_and_half_of_one_is_none() {
        let mut list = Acl::empty();
        list.grant(&Sid::read("S-1-5-18").unwrap(), 0x001f_01ff, 0).unwrap();
        for apart in [true, false] {
            let wanted = KeyProtection { list: list.clone(), apart };
            let bytes: Vec<u8> = wanted.words().unwrap().iter().flat_map(|word| word.to_le_bytes()).collect();
            assert_eq!(KeyProtection::parse(&bytes), Some(wanted));
            for length in 0..bytes.len() {
                assert_eq!(KeyProtection::parse(&bytes[..length]), None, "{length} bytes");
            }
        }
        assert_eq!(KeyProtection::parse(&[0; 40]), None, "no list");
    }
}
