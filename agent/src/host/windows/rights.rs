//! Rights on files and folders: three words for masks, entry by entry.
//!
//! Rights are explicit entries by identifier; inherited ones and those of other accounts are never touched. Neighbours:
//! `files` and `folders` say which object, `security` and `acl` keep the lists, `account` knows who is meant. Never takes
//! ownership.

use std::io;
use std::path::PathBuf;

use super::account;
use super::acl::{Acl, Share};
use super::security::{Protection, protect, protection};
use super::sid::Sid;
use super::text::error_text;
use crate::host::{Access, Error};

/// Masks as Explorer and `icacls` set them: "Read & execute", "Modify", "Full control".
const READ_MASK: u32 = 0x0012_00a9;
const MODIFY_MASK: u32 = 0x0013_01bf;
const FULL_MASK: u32 = 0x001f_01ff;

/// What the rights are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    /// A file.
    File,
    /// A folder: what is made below inherits.
    Folder,
}

impl Object {
    fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Folder => "folder",
        }
    }

    /// `OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE`, as "this folder, subfolders and files", or nothing.
    fn spread(self) -> u8 {
        match self {
            Self::File => 0,
            Self::Folder => 3,
        }
    }
}

/// Gives one account exactly this access.
pub(super) fn grant(
    object: Object,
    operation: &'static str,
    path: &str,
    account: &str,
    access: Access,
) -> Result<(), Error> {
    let mask = mask(access).ok_or_else(|| {
        refused(operation, path, "special rights can be shown and taken away, but not given")
    })?;
    change(object, operation, path, account, |list, sid| list.grant(sid, mask, object.spread()))
}

/// Takes one account's explicit access away.
pub(super) fn revoke(
    object: Object,
    operation: &'static str,
    path: &str,
    account: &str,
) -> Result<(), Error> {
    change(object, operation, path, account, |list, sid| {
        list.revoke(sid);
        Some(())
    })
}

fn change(
    object: Object,
    operation: &'static str,
    path: &str,
    account: &str,
    work: impl FnOnce(&mut Acl, &Sid) -> Option<()>,
) -> Result<(), Error> {
    let file = absolute(operation, path)?;
    let failed = |error: io::Error| refused(operation, path, error_text(&error));
    let sid = account::find(account).map_err(failed)?.ok_or_else(|| {
        let message =
            format!("this server knows no account {account}; write DOMAIN\\name, or look for a typing error");
        refused(operation, path, message)
    })?;
    let mut protection = match protection(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::Absent { kind: object.word(), name: path.to_owned() });
        }
        protection => protection.map_err(failed)?,
    };
    // A list in the place of none would shut everybody else out.
    let list = protection.list.as_mut().ok_or_else(|| {
        refused(
            operation,
            path,
            "it has no access list, so that everybody may do everything; give it one first",
        )
    })?;
    work(list, &sid).ok_or_else(|| refused(operation, path, "the account's identifier is too long"))?;
    protect(&file, &protection).map_err(failed)
}

/// The explicit rights, account by account.
pub(super) fn rights(object: Object, protection: &Protection) -> io::Result<Vec<(String, Access)>> {
    let Some(list) = &protection.list else { return Ok(vec![("Everyone".to_owned(), Access::Full)]) };
    list.shares().iter().map(|share| Ok((account::name(&share.sid)?, access(object, share)))).collect()
}

/// What a share comes to; whatever is not exactly one of the three is special, so that a difference is never hidden.
fn access(object: Object, share: &Share) -> Access {
    if share.spread != Some(object.spread()) {
        return Access::Special;
    }
    match (share.allowed, share.denied) {
        (READ_MASK, 0) => Access::Read,
        (MODIFY_MASK, 0) => Access::Modify,
        (FULL_MASK, 0) => Access::Full,
        _ => Access::Special,
    }
}

fn mask(access: Access) -> Option<u32> {
    match access {
        Access::Read => Some(READ_MASK),
        Access::Modify => Some(MODIFY_MASK),
        Access::Full => Some(FULL_MASK),
        Access::Special => None,
    }
}

/// `C:\...` or `\\server\share\...`, and no stream of a file.
pub(super) fn absolute(operation: &'static str, path: &str) -> Result<PathBuf, Error> {
    let file = PathBuf::from(path);
    let after_drive = path.get(2..).unwrap_or_default();
    if !file.is_absolute() || after_drive.contains(':') {
        return Err(refused(operation, path, "error 123: the path is not an absolute Windows path"));
    }
    Ok(file)
}

pub(super) fn refused(operation: &'static str, path: &str, message: impl Into<String>) -> Error {
    Error::Refused { operation, name: path.to_owned(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_one_of_three_or_special() {
        let share =
            |allowed, denied| Share { sid: Sid::read("S-1-1-0").unwrap(), allowed, denied, spread: Some(0) };
        let access = |share: &Share| access(Object::File, share);
        for known in [Access::Read, Access::Modify, Access::Full] {
            assert_eq!(access(&share(mask(known).unwrap(), 0)), known);
        }
        assert_eq!(access(&share(READ_MASK | 2, 0)), Access::Special, "a little more than reading");
        assert_eq!(access(&share(FULL_MASK, 1)), Access::Special, "something is denied");
        let whole = share(READ_MASK, 0);
        assert_eq!(super::access(Object::Folder, &whole), Access::Special, "it ends at the folder");
    }
}
