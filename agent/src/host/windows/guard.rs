//! Who may reach into a folder, and who may put another program in the place of one: owners and access lists, judged.
//!
//! Neighbours: `identity` refuses a folder in which others may read the agent's key or change its journal; there the system,
//! administrators and the account of this process are no others. `service` refuses a program that others may replace: there
//! only those are none who have this Windows in their hands anyway. Never changes anything.

use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::path::{Path, PathBuf};
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

/// All by which a program or a library beside it becomes another: what makes, writes or deletes, below too, changes rights or
/// takes ownership, also in the words for everything and for writing.
const CHANGE: u32 = 0x0002 | TAKE_AWAY | 0x0004 | 0x4000_0000;
/// All by which a folder is put in the place of another: what deletes it or one below it, changes rights or takes ownership.
const TAKE_AWAY: u32 = 0x0040 | 0x0001_0000 | 0x0004_0000 | 0x0008_0000 | 0x1000_0000;
/// Windows' own account for its programs; nobody logs on as it.
const INSTALLER: &str = r"NT SERVICE\TrustedInstaller";

/// Who else than the owner of this process and the system may read or change what lies in this folder, in words.
///
/// # Errors
/// Where it cannot be told.
pub fn who_else(folder: &Path) -> io::Result<Vec<String>> {
    others(&protection(folder)?, &owner(folder)?, &[own_account()?], REACH)
}

/// Where somebody else than administrators and the system may put another program in the place of this one, and who that is,
/// in words: the program itself, its folder, from which its libraries would be loaded, or one above that.
///
/// # Errors
/// Where it cannot be told.
pub fn who_may_replace(program: &Path) -> io::Result<Option<(PathBuf, Vec<String>)>> {
    open_to_others(program, &keepers()?, |path| Ok((protection(path)?, owner(path)?)))
}

fn open_to_others(
    program: &Path,
    trusted: &[Sid],
    look: impl Fn(&Path) -> io::Result<(Protection, Sid)>,
) -> io::Result<Option<(PathBuf, Vec<String>)>> {
    for (at, path) in program.ancestors().enumerate() {
        let reach = if at < 2 { CHANGE } else { TAKE_AWAY };
        let (protection, owner) = look(path)?;
        let found = others(&protection, &owner, trusted, reach)?;
        if !found.is_empty() {
            return Ok(Some((path.to_owned(), found)));
        }
    }
    Ok(None)
}

/// Who could put another program in the place of the service manager itself, which starts all services.
fn keepers() -> io::Result<Vec<Sid>> {
    Ok(account::find(INSTALLER)?.into_iter().chain([owner(&service_manager()?)?]).collect())
}

fn service_manager() -> io::Result<PathBuf> {
    let windows = std::env::var_os("SystemRoot").ok_or(io::ErrorKind::NotFound)?;
    Ok(Path::new(&windows).join(r"System32\services.exe"))
}

fn others(protection: &Protection, owner: &Sid, trusted: &[Sid], reach: u32) -> io::Result<Vec<String>> {
    let is_other = |sid: &Sid| !trusted.contains(sid) && !TRUSTED.contains(&sid.to_string().as_str());
    let Some(list) = &protection.list else { return Ok(vec!["Everyone".to_owned()]) };
    let mut found: Vec<Sid> = list.allowed_here(reach);
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
    use super::super::security::protect;
    use super::*;

    fn sid(text: &str) -> Sid {
        Sid::read(text).unwrap()
    }

    const FULL: u32 = 0x001f_01ff;
    /// As Explorer's "Read & execute".
    const READ: u32 = 0x0012_00a9;
    const ME: &str = "S-1-5-21-1-2-3-1000";
    const USERS: &str = "S-1-5-32-545";

    /// All that an entry gives is given by files and folders below, too.
    fn list(entries: &[(&str, u32)]) -> Protection {
        let mut list = Acl::empty();
        for (whose, mask) in entries {
            list.grant(&sid(whose), *mask, 3).unwrap();
        }
        Protection { list: Some(list), apart: true }
    }

    #[test]
    fn only_the_system_administrators_and_this_account_are_no_others() {
        let me = sid(ME);
        let whose = |protection: &_, owner: &Sid| {
            others(protection, owner, std::slice::from_ref(&me), REACH).unwrap()
        };
        let trusted = ["S-1-5-18", "S-1-5-32-544", "S-1-3-4", ME].map(|whose| (whose, FULL));
        let mut protection = list(&trusted);
        assert_eq!(whose(&protection, &sid("S-1-5-32-544")), Vec::<String>::new());
        assert_eq!(whose(&protection, &sid("S-1-5-11")), [r"NT AUTHORITY\Authenticated Users"]);
        protection.list.as_mut().unwrap().grant(&sid(USERS), 0x0002, 0).unwrap();
        assert_eq!(whose(&protection, &me), [r"BUILTIN\Users"]);
        protection.list = None;
        assert_eq!(whose(&protection, &me), ["Everyone"]);
    }

    /// As below `C:\Program Files`, where everybody reads.
    #[test]
    fn a_program_that_others_only_read_and_start_is_nobody_s_to_replace() {
        let installer = account::find(INSTALLER).unwrap().unwrap();
        let published = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
        assert_eq!(installer, sid(published));
        let given = [("S-1-5-18", FULL), ("S-1-5-32-544", FULL), (published, FULL), (USERS, READ)];
        for reach in [CHANGE, TAKE_AWAY] {
            assert_eq!(
                others(&list(&given), &installer, std::slice::from_ref(&installer), reach).unwrap(),
                [""; 0]
            );
        }
    }

    /// One by one: file made or written, folder made, something below deleted, deleted, rights changed, owner changed, all,
    /// written. The account that installs it is another like any: its programs without an administrator's rights have it, too.
    #[test]
    fn whoever_may_change_a_program_in_any_way_or_owns_it_is_named() {
        let system = ("S-1-5-18", FULL);
        let named = |protection: &_, owner, reach| others(protection, &sid(owner), &[], reach).unwrap();
        let takes = [0x0040, 0x0001_0000, 0x0004_0000, 0x0008_0000, 0x1000_0000];
        for mask in [0x0002, 0x0004, 0x4000_0000].into_iter().chain(takes) {
            let given = list(&[system, (USERS, READ | mask)]);
            assert_eq!(named(&given, "S-1-5-18", CHANGE), [r"BUILTIN\Users"], "{mask:#x}");
            let above = if takes.contains(&mask) { vec![r"BUILTIN\Users"] } else { vec![] };
            assert_eq!(named(&given, "S-1-5-18", TAKE_AWAY), above, "{mask:#x} above it");
        }
        assert_eq!(named(&list(&[system]), ME, CHANGE), [ME]);
        assert_eq!(named(&list(&[system, (ME, FULL)]), "S-1-5-32-544", CHANGE), [ME]);
        assert_eq!(named(&Protection { list: None, apart: true }, "S-1-5-18", TAKE_AWAY), ["Everyone"]);
    }

    /// Who makes a file in a folder above it can put none in its place; who makes one beside it puts a library there. Wine
    /// tells no such rights apart, so that they are played.
    #[test]
    fn what_others_make_beside_a_program_counts_and_what_they_make_above_its_folder_does_not() {
        let program = Path::new(r"C:\above\below\muster-agent.exe");
        let found = |at: usize, mask| {
            let look = |path: &Path| {
                let given = if program.ancestors().nth(at) == Some(path) { mask } else { 0 };
                Ok((list(&[("S-1-5-18", FULL), (USERS, READ | given)]), sid("S-1-5-18")))
            };
            open_to_others(program, &[], look).unwrap().map(|(path, others)| {
                assert_eq!(others, [r"BUILTIN\Users"]);
                path
            })
        };
        for (at, path) in program.ancestors().enumerate() {
            for makes in [0x0002, 0x0004] {
                let counts = at < 2;
                assert_eq!(
                    found(at, makes),
                    counts.then(|| path.to_owned()),
                    "{makes:#x} {}",
                    path.display()
                );
            }
            assert_eq!(found(at, 0x0040), Some(path.to_owned()), "{}", path.display());
        }
    }

    #[test]
    fn nobody_is_trusted_with_a_program_but_windows_own_installer_and_who_owns_the_service_manager() {
        let installer = account::find(INSTALLER).unwrap().unwrap();
        assert_eq!(keepers().unwrap(), [installer, owner(&service_manager().unwrap()).unwrap()]);
    }

    /// Wine shows the right of everybody to write, and owners: those of this machine, to whom its Windows belongs.
    #[test]
    fn a_program_is_looked_at_with_its_folder_and_those_above() {
        let folder = tempfile::tempdir().unwrap();
        let above = folder.path().join("above");
        let program = above.join(r"below\muster-agent.exe");
        std::fs::create_dir_all(program.parent().unwrap()).unwrap();
        std::fs::write(&program, "").unwrap();
        assert_eq!(who_may_replace(&program).unwrap(), None);
        for path in program.ancestors().take(3) {
            let before = protection(path).unwrap();
            let mut loose = before.clone();
            loose.list.as_mut().unwrap().grant(&sid("S-1-1-0"), FULL, 0).unwrap();
            protect(path, &loose).unwrap();
            let found = who_may_replace(&program).unwrap();
            assert_eq!(found, Some((path.to_owned(), vec!["Everyone".to_owned()])));
            protect(path, &before).unwrap();
            assert_eq!(who_may_replace(&program).unwrap(), None, "{}", path.display());
        }
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
