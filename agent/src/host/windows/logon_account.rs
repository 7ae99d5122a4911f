//! An account of the computer that a self-test makes, with a password that nobody knows, and takes away again with its rights.
//!
//! Neighbours: `props` asks, `logon_right` has the rights. It is known again by its comment: an account of that name without it is
//! another's, and is never removed. A domain controller has no accounts of its own: there it would be one of the domain.

use std::io;
use std::ptr;

use muster_proto::secret::SecretValue;
use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::NetworkManagement::NetManagement::{
    NERR_Success, NERR_UserNotFound, NetApiBufferFree, NetUserAdd, NetUserDel, NetUserGetInfo, UF_SCRIPT,
    USER_INFO_1, USER_PRIV_USER,
};
use zeroize::Zeroizing;

use super::account;
use super::logon_right;
use super::registry::{Key, View};
use super::text::{narrow_at, wide};

/// By it an account is known again.
const COMMENT: &str = "Made by muster-agent selftest, which takes it away";
const OPTIONS: &str = r"SYSTEM\CurrentControlSet\Control";

/// Why this computer has no accounts of its own; none where it has.
pub(super) fn none_here() -> io::Result<Option<String>> {
    let kind = Key::open(OPTIONS, View::Bits64)?.map(|key| key.text("ProductOptions", "ProductType"));
    let is_controller = kind.transpose()?.flatten().is_some_and(|kind| kind.eq_ignore_ascii_case("LanmanNT"));
    Ok(is_controller.then(|| "a domain controller has no accounts of its own".to_owned()))
}

/// Makes it, a user of no group, and gives its name as a service has it, and its password.
pub(super) fn make(name: &str) -> io::Result<(String, SecretValue)> {
    // Letters of both cases, digits and another sign, as a policy may want them.
    let text = Zeroizing::new(format!("Aa1!{}", uuid::Uuid::new_v4()));
    let (mut name_units, mut comment) = (wide(name), wide(COMMENT));
    let mut password = Zeroizing::new(wide(&text));
    let user = USER_INFO_1 {
        usri1_name: name_units.as_mut_ptr(),
        usri1_password: password.as_mut_ptr(),
        usri1_password_age: 0,
        usri1_priv: USER_PRIV_USER,
        usri1_home_dir: ptr::null_mut(),
        usri1_comment: comment.as_mut_ptr(),
        usri1_flags: UF_SCRIPT,
        usri1_script_path: ptr::null_mut(),
    };
    // SAFETY: null is this computer; the texts end with a zero and live until the call is done.
    done(unsafe { NetUserAdd(ptr::null(), 1, ptr::from_ref(&user).cast(), ptr::null_mut()) })?;
    Ok((format!(r".\{name}"), SecretValue::new(text)))
}

/// Whether that account was given the right by name.
pub(super) fn may_log_on_as_service(account: &str) -> io::Result<bool> {
    account::find(account)?.map_or(Ok(false), |sid| logon_right::is_given(&sid))
}

/// Takes its rights away, then itself. None is as good.
pub(super) fn remove(name: &str) -> io::Result<()> {
    let Some(comment) = comment(name)? else { return Ok(()) };
    if comment != COMMENT {
        return Err(io::Error::other("it is another's"));
    }
    // Rights are kept by identifier, and would stay behind an account that is gone.
    if let Some(sid) = account::find(&format!(r".\{name}"))? {
        logon_right::take_all(&sid)?;
    }
    let name = wide(name);
    // SAFETY: null is this computer, and the name ends with a zero.
    done(unsafe { NetUserDel(ptr::null(), name.as_ptr()) })
}

/// What is written beside the account; none where there is no such account.
fn comment(name: &str) -> io::Result<Option<String>> {
    let (name, mut user) = (wide(name), ptr::null_mut());
    // SAFETY: null is this computer, the name ends with a zero, and the place for the answer is this function's own.
    let code = unsafe { NetUserGetInfo(ptr::null(), name.as_ptr(), 1, &mut user) };
    if code == NERR_UserNotFound {
        return Ok(None);
    }
    done(code)?;
    // SAFETY: Windows gave a structure of this kind, aligned by whoever allocated it.
    let at = unsafe { (*user.cast::<USER_INFO_1>()).usri1_comment };
    let comment = if at.is_null() {
        String::new()
    } else {
        // SAFETY: the text ends with a zero and lives as long as the structure.
        unsafe { narrow_at(at) }
    };
    // SAFETY: the structure is not used again.
    let freed = unsafe { NetApiBufferFree(user.cast()) };
    debug_assert!(freed == ERROR_SUCCESS, "an account's description was not freed");
    Ok(Some(comment))
}

fn done(code: u32) -> io::Result<()> {
    if code == NERR_Success { Ok(()) } else { Err(io::Error::from_raw_os_error(code.cast_signed())) }
}
