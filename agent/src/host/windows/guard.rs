//! Who may reach into a folder: its owner and its access list, judged.
//!
//! Neighbours: `identity` refuses a folder in which others may read the agent's key or change its journal. The system,
//! administrators and the account of this process are no others. Never changes anything.

use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::path::Path;
use std::ptr;

use windows_sys::Win32::Security::{
    GetTokenInformation, TOKEN_ACCESS_MASK, TOKEN_ELEVATION, TOKEN_INFORMATION_CLASS, TOKEN_QUERY,
    TOKEN_USER, TokenElevation, TokenUser,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::account;
use super::security::{Protection, owner, protection};
use super::sid::Sid;

/// The system, administrators, and whoever owns a thing: the owner is judged by himself.
const TRUSTED: [&str; 3] = ["S-1-5-18", "S-1-5-32-544", "S-1-3-4"];
/// All that reads, lists, writes, deletes or changes rights, also in the words for everything.
const REACH: u32 = 0x0001 | 0x0002 | 0x0004 | 0x0040 | 0x0001_0000 | 0x0004_0000 | 0x0008_0000 | 0xf000_0000;

/// Who else than the owner of this process and the system may read or change what lies in this folder, in words.
///
/// # Errors
/// Where it cannot be told.
pub fn who_else(folder: &Path) -> io::Result<Vec<String>> {
    others(&protection(folder)?, &owner(folder)?, &own_account()?)
}

fn others(protection: &Protection, owner: &Sid, me: &Sid) -> io::Result<Vec<String>> {
    let is_other = |sid: &Sid| sid != me && !TRUSTED.contains(&sid.to_string().as_str());
    let Some(list) = &protection.list else { return Ok(vec!["Everyone".to_owned()]) };
    let mut found: Vec<Sid> = list.allowed_here(REACH);
    found.insert(0, owner.clone());
    found.retain(is_other);
    let mut names = found.iter().map(account::name).collect::<io::Result<Vec<String>>>()?;
    names.dedup();
    Ok(names)
}

/// The account of this process.
fn own_account() -> io::Result<Sid> {
    let mut told = [TOKEN_USER::default(); 16];
    read_own_token(TokenUser, &mut told)?;
    // SAFETY: Windows wrote an identifier into the buffer, which is alive, and points to it.
    unsafe { Sid::read_at(told[0].User.Sid.cast()) }.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Whether this process has the rights of an administrator, and not only a member's filtered token.
pub(super) fn is_elevated() -> io::Result<bool> {
    let mut told = [TOKEN_ELEVATION::default()];
    read_own_token(TokenElevation, &mut told)?;
    Ok(told[0].TokenIsElevated != 0)
}

/// What Windows tells of this process's token, in the caller's buffer, with what the structure points to behind it: it must
/// not be moved.
fn read_own_token<T>(what: TOKEN_INFORMATION_CLASS, told: &mut [T]) -> io::Result<()> {
    let token = own_token(TOKEN_QUERY)?;
    let (size, mut needed) = (u32::try_from(size_of_val(told)).unwrap_or(u32::MAX), 0);
    let buffer = told.as_mut_ptr().cast();
    // SAFETY: the token is open for this; the buffer has the size that is passed and is aligned for the structure.
    let known = unsafe { GetTokenInformation(token.as_raw_handle(), what, buffer, size, &mut needed) };
    if known == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The token of this process, open for this.
pub(super) fn own_token(rights: TOKEN_ACCESS_MASK) -> io::Result<OwnedHandle> {
    let mut token = ptr::null_mut();
    // SAFETY: it asks for nothing; what it gives stands for this process and needs no closing.
    let me = unsafe { GetCurrentProcess() };
    // SAFETY: the token is written to this function's own variable.
    if unsafe { OpenProcessToken(me, rights, &mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is open and nobody else's.
    Ok(unsafe { OwnedHandle::from_raw_handle(token) })
}

#[cfg(test)]
mod tests {
    use super::super::acl::Acl;
    use super::*;

    fn sid(text: &str) -> Sid {
        Sid::read(text).unwrap()
    }

    #[test]
    fn only_the_system_administrators_and_this_account_are_no_others() {
        let me = sid("S-1-5-21-1-2-3-1000");
        let mut list = Acl::empty();
        for trusted in ["S-1-5-18", "S-1-5-32-544", "S-1-3-4", "S-1-5-21-1-2-3-1000"] {
            list.grant(&sid(trusted), 0x001f_01ff, 3).unwrap();
        }
        let mut protection = Protection { list: Some(list), apart: true };
        assert_eq!(others(&protection, &sid("S-1-5-32-544"), &me).unwrap(), Vec::<String>::new());
        assert_eq!(
            others(&protection, &sid("S-1-5-11"), &me).unwrap(),
            [r"NT AUTHORITY\Authenticated Users"]
        );
        protection.list.as_mut().unwrap().grant(&sid("S-1-5-32-545"), 0x0002, 0).unwrap();
        assert_eq!(others(&protection, &me, &me).unwrap(), [r"BUILTIN\Users"]);
        protection.list = None;
        assert_eq!(others(&protection, &me, &me).unwrap(), ["Everyone"]);
    }

    #[test]
    fn this_process_has_an_account_and_its_folders_an_owner() {
        let folder = tempfile::tempdir().unwrap();
        assert!(own_account().unwrap().to_string().starts_with("S-1-5-"));
        assert!(owner(folder.path()).unwrap().to_string().starts_with("S-1-"));
    }

    #[test]
    fn a_private_folder_has_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("private");
        super::super::disk::make_private_folder(&path).unwrap();
        assert_eq!(who_else(&path).unwrap(), Vec::<String>::new());
    }
}
