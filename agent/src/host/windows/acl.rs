//! Access lists: who may do what with an object, and one account's share of it changed.
//!
//! Layout: [MS-DTYP] 2.4.4 and 2.4.5. Only explicit entries that plainly allow or deny are read or changed; inherited
//! ones and entries of any other type stay as they are, byte for byte. Neighbours: `security` gets and sets lists, `files`
//! says what an access means. Pure.

use super::sid::Sid;

/// `ACCESS_ALLOWED_ACE_TYPE`.
const ALLOW: u8 = 0;
/// `ACCESS_DENIED_ACE_TYPE`.
const DENY: u8 = 1;
/// `INHERITED_ACE`.
const INHERITED: u8 = 0x10;
/// The flags that say what is inherited from an entry: by files, by folders, once only, and not here.
const SPREAD: u8 = 0x0f;
/// `INHERIT_ONLY_ACE`: an entry for what is made below, and not for the object itself.
const NOT_HERE: u8 = 0x08;
/// Type, flags, size; then the mask, then the identifier.
const ENTRY_HEAD_BYTES: usize = 4;
const MASK_BYTES: usize = 4;
const LIST_HEAD_BYTES: usize = 8;
/// `ACL_REVISION`, for a list that is made from nothing.
const REVISION: u8 = 2;

/// One entry, in the bytes that Windows keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry(Vec<u8>);

impl Entry {
    fn allow(sid: &Sid, mask: u32, spread: u8) -> Option<Self> {
        let size = u16::try_from(ENTRY_HEAD_BYTES + MASK_BYTES + sid.bytes().len()).ok()?;
        let mut bytes = vec![ALLOW, spread & SPREAD];
        bytes.extend(size.to_le_bytes());
        bytes.extend(mask.to_le_bytes());
        bytes.extend(sid.bytes());
        Some(Self(bytes))
    }

    fn spread(&self) -> u8 {
        self.0[1] & SPREAD
    }

    fn is_inherited(&self) -> bool {
        self.0[1] & INHERITED != 0
    }

    /// Whether it allows, the mask and whose it is, where it is an explicit entry that plainly allows or denies.
    fn plain(&self) -> Option<(bool, u32, Sid)> {
        let (head, rest) = self.0.split_first_chunk::<ENTRY_HEAD_BYTES>()?;
        let (mask, sid) = rest.split_first_chunk::<MASK_BYTES>()?;
        let allows = match head[0] {
            ALLOW => true,
            DENY => false,
            _ => return None,
        };
        let sid = Sid::parse(sid)?;
        (!self.is_inherited()).then(|| (allows, u32::from_le_bytes(*mask), sid))
    }

    /// Where it stands in the order that Windows wants: what denies, what allows, what is inherited.
    fn place(&self) -> u8 {
        match self.0[0] {
            _ if self.is_inherited() => 2,
            DENY => 0,
            _ => 1,
        }
    }
}

/// What one account is given explicitly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Share {
    /// Whose.
    pub(super) sid: Sid,
    /// All that it is allowed.
    pub(super) allowed: u32,
    /// All that it is denied.
    pub(super) denied: u32,
    /// What is inherited from its entries, where that is the same for all of them.
    pub(super) spread: Option<u8>,
}

/// An access list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Acl {
    revision: u8,
    entries: Vec<Entry>,
}

impl Acl {
    /// A list that gives nobody anything.
    #[cfg(test)]
    pub(super) fn empty() -> Self {
        Self { revision: REVISION, entries: Vec::new() }
    }

    /// From the bytes that Windows keeps; none where they are not a whole list.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (head, mut rest) = bytes.split_first_chunk::<LIST_HEAD_BYTES>()?;
        let count = u16::from_le_bytes([head[4], head[5]]);
        let mut entries = Vec::new();
        for _ in 0..count {
            let size = usize::from(u16::from_le_bytes([*rest.get(2)?, *rest.get(3)?]));
            if size < ENTRY_HEAD_BYTES {
                return None;
            }
            let (entry, after) = rest.split_at_checked(size)?;
            entries.push(Entry(entry.to_vec()));
            rest = after;
        }
        Some(Self { revision: head[0].max(REVISION), entries })
    }

    /// In words of four bytes, so that it is aligned as Windows wants it; none where it is longer than Windows allows.
    pub(super) fn words(&self) -> Option<Vec<u32>> {
        let size = LIST_HEAD_BYTES + self.entries.iter().map(|entry| entry.0.len()).sum::<usize>();
        let mut bytes = vec![self.revision, 0];
        bytes.extend(u16::try_from(size.next_multiple_of(4)).ok()?.to_le_bytes());
        bytes.extend(u16::try_from(self.entries.len()).ok()?.to_le_bytes());
        bytes.extend([0, 0]);
        self.entries.iter().for_each(|entry| bytes.extend(&entry.0));
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        Some(bytes.chunks_exact(4).map(word).collect())
    }

    /// Whom any entry, explicit or inherited, allows some of this on the object itself. An entry of another type than plain
    /// ones counts where it begins as they do, as those with a condition: better one too many.
    pub(super) fn allowed_here(&self, mask: u32) -> Vec<Sid> {
        let here = self.entries.iter().filter(|entry| entry.0[0] != DENY && entry.0[1] & NOT_HERE == 0);
        let allowed = here.filter_map(|entry| {
            let (given, sid) = entry.0.get(ENTRY_HEAD_BYTES..)?.split_first_chunk::<MASK_BYTES>()?;
            (u32::from_le_bytes(*given) & mask != 0).then(|| Sid::parse(sid)).flatten()
        });
        allowed.collect()
    }

    /// What each account is given explicitly, in the order of the list.
    pub(super) fn shares(&self) -> Vec<Share> {
        let mut shares: Vec<Share> = Vec::new();
        for entry in &self.entries {
            let Some((allows, mask, sid)) = entry.plain() else { continue };
            let spread = entry.spread();
            let at = shares.iter().position(|share| share.sid == sid).unwrap_or_else(|| {
                shares.push(Share { sid, allowed: 0, denied: 0, spread: Some(spread) });
                shares.len() - 1
            });
            shares[at].spread = shares[at].spread.filter(|other| *other == spread);
            if allows { shares[at].allowed |= mask } else { shares[at].denied |= mask }
        }
        shares
    }

    /// Takes an account's explicit entries away.
    pub(super) fn revoke(&mut self, sid: &Sid) {
        self.entries.retain(|entry| entry.plain().is_none_or(|(_, _, whose)| whose != *sid));
    }

    /// Gives an account exactly this; none where the entry cannot be made.
    pub(super) fn grant(&mut self, sid: &Sid, mask: u32, spread: u8) -> Option<()> {
        let entry = Entry::allow(sid, mask, spread)?;
        self.revoke(sid);
        let at = self.entries.iter().position(|other| other.place() > entry.place());
        self.entries.insert(at.unwrap_or(self.entries.len()), entry);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: u32 = 0x0012_00a9;
    const FULL: u32 = 0x001f_01ff;

    fn sid(text: &str) -> Sid {
        Sid::read(text).unwrap()
    }

    fn entry(kind: u8, flags: u8, whose: &str, mask: u32) -> Entry {
        let mut entry = Entry::allow(&sid(whose), mask, 0).unwrap();
        (entry.0[0], entry.0[1]) = (kind, flags);
        entry
    }

    /// One of each: denied, allowed, conditional, inherited.
    fn list() -> Acl {
        const CONDITIONAL: u8 = 9;
        let entries = vec![
            entry(DENY, 0, "S-1-5-21-1", READ),
            entry(ALLOW, 0, "S-1-5-18", FULL),
            entry(CONDITIONAL, 0, "S-1-5-18", FULL),
            entry(ALLOW, INHERITED, "S-1-5-18", FULL),
            entry(ALLOW, INHERITED, "S-1-5-32-545", READ),
        ];
        Acl { revision: REVISION, entries }
    }

    fn bytes(acl: &Acl) -> Vec<u8> {
        acl.words().unwrap().iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn a_list_is_read_as_it_is_written_and_never_from_less_than_the_whole() {
        for acl in [list(), Acl::empty()] {
            let bytes = bytes(&acl);
            assert_eq!(usize::from(u16::from_le_bytes([bytes[2], bytes[3]])), bytes.len());
            assert_eq!(Acl::parse(&bytes), Some(acl));
        }
        let bytes = bytes(&list());
        for length in 0..bytes.len() {
            assert_eq!(Acl::parse(&bytes[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn only_explicit_plain_entries_are_an_account_s_share() {
        let share = |whose, allowed, denied| Share { sid: sid(whose), allowed, denied, spread: Some(0) };
        assert_eq!(list().shares(), [share("S-1-5-21-1", 0, READ), share("S-1-5-18", FULL, 0)]);
    }

    #[test]
    fn a_grant_gives_exactly_that_and_leaves_every_other_entry_as_it_is() {
        let mut acl = list();
        let pool = "S-1-5-82-1-2-3-4-5";
        acl.grant(&sid(pool), FULL, 3).unwrap();
        acl.grant(&sid(pool), READ, 0).unwrap();
        let mut wanted = list();
        wanted.entries.insert(3, entry(ALLOW, 0, pool, READ));
        assert_eq!(acl, wanted, "after what is explicit, before what is inherited");
        acl.revoke(&sid(pool));
        assert_eq!(acl, list());
    }

    #[test]
    fn whoever_is_allowed_something_here_is_found_and_nobody_else() {
        let mut acl = list();
        acl.entries.push(entry(ALLOW, INHERITED | NOT_HERE, "S-1-3-0", FULL));
        let found = acl.allowed_here(READ);
        assert_eq!(found, ["S-1-5-18", "S-1-5-18", "S-1-5-18", "S-1-5-32-545"].map(sid));
        assert_eq!(acl.allowed_here(0x0001_0000).len(), 3, "the last one may only read");
    }

    #[test]
    fn a_share_says_what_is_inherited_only_where_its_entries_agree() {
        let mut acl = Acl::empty();
        acl.grant(&sid("S-1-5-18"), FULL, 3).unwrap();
        assert_eq!(acl.shares()[0].spread, Some(3));
        acl.entries.push(entry(ALLOW, 0, "S-1-5-18", READ));
        assert_eq!(acl.shares()[0].spread, None);
    }

    #[test]
    fn a_grant_takes_a_denial_of_the_same_account_away() {
        let mut acl = list();
        acl.grant(&sid("S-1-5-21-1"), READ, 0).unwrap();
        let share = acl.shares().into_iter().find(|share| share.sid == sid("S-1-5-21-1")).unwrap();
        assert_eq!((share.allowed, share.denied), (READ, 0));
    }
}
