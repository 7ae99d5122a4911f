//! The right to log on as a service, which the service manager does not give along with an account.
//!
//! The window of services gives it silently when a person types an account there; without it the service does not start
//! (`error 1069`). What was given stays: others may rest on it. Neighbours: `services` asks for it before it sets an account.
//! Never takes a right away, but for those of the account that a self-test has made (`logon_account`).

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::{NTSTATUS, STATUS_OBJECT_NAME_NOT_FOUND};
use windows_sys::Win32::Security::Authentication::Identity::{
    LSA_HANDLE, LSA_OBJECT_ATTRIBUTES, LSA_UNICODE_STRING, LsaAddAccountRights, LsaClose,
    LsaEnumerateAccountRights, LsaFreeMemory, LsaNtStatusToWinError, LsaOpenPolicy, LsaRemoveAccountRights,
    POLICY_CREATE_ACCOUNT, POLICY_LOOKUP_NAMES,
};

use super::sid::Sid;

/// `SE_SERVICE_LOGON_NAME`.
const RIGHT: &str = "SeServiceLogonRight";
/// Accounts that have it without anybody's doing: LocalSystem, the two built-in ones, and those that a service is itself.
const HAVE_IT: [&str; 4] = ["S-1-5-18", "S-1-5-19", "S-1-5-20", "S-1-5-80-"];

/// Sees to it that an account may log on as a service; true where the right was given now.
///
/// # Errors
/// Where Windows refuses.
pub(super) fn give(account: &Sid) -> io::Result<bool> {
    if has_it_anyway(account) {
        return Ok(false);
    }
    let policy = Policy::open()?;
    if policy.has(account, RIGHT)? {
        return Ok(false);
    }
    policy.add(account, RIGHT)?;
    Ok(true)
}

/// Whether the right was given to that very account.
pub(super) fn is_given(account: &Sid) -> io::Result<bool> {
    Policy::open()?.has(account, RIGHT)
}

/// Takes every right of an account away, which a self-test has made.
pub(super) fn take_all(account: &Sid) -> io::Result<()> {
    Policy::open()?.take_all(account)
}

fn has_it_anyway(account: &Sid) -> bool {
    let text = account.to_string();
    HAVE_IT.iter().any(|known| if known.ends_with('-') { text.starts_with(known) } else { text == *known })
}

/// The security policy of this computer.
struct Policy(LSA_HANDLE);

impl Drop for Policy {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and this value alone closes it.
        let closed = unsafe { LsaClose(self.0) };
        debug_assert!(closed >= 0, "the policy was not closed: {closed:#x}");
    }
}

impl Policy {
    fn open() -> io::Result<Self> {
        let nothing = LSA_OBJECT_ATTRIBUTES::default();
        let mut handle = 0;
        let rights = POLICY_CREATE_ACCOUNT | POLICY_LOOKUP_NAMES;
        // SAFETY: null is this computer, the attributes are not used, and the handle is this function's own.
        done(unsafe { LsaOpenPolicy(ptr::null(), &nothing, rights.cast_unsigned(), &mut handle) })?;
        Ok(Self(handle))
    }

    fn rights(&self, account: &Sid) -> io::Result<Vec<String>> {
        let mut sid = account.bytes().to_vec();
        let (mut first, mut count) = (ptr::null_mut(), 0);
        // SAFETY: the policy is open, the identifier is whole, and list and count are this function's own.
        let status =
            unsafe { LsaEnumerateAccountRights(self.0, sid.as_mut_ptr().cast(), &mut first, &mut count) };
        // An account to which nobody ever gave a right.
        if status == STATUS_OBJECT_NAME_NOT_FOUND {
            return Ok(Vec::new());
        }
        done(status)?;
        let list = List(first);
        if count == 0 {
            return Ok(Vec::new());
        }
        // SAFETY: the list has that many elements, and lives until this function ends.
        let texts = unsafe { std::slice::from_raw_parts(list.0, count as usize) };
        Ok(texts.iter().map(read).collect())
    }

    fn has(&self, account: &Sid, right: &str) -> io::Result<bool> {
        Ok(self.rights(account)?.iter().any(|own| own.eq_ignore_ascii_case(right)))
    }

    fn take_all(&self, account: &Sid) -> io::Result<()> {
        let mut sid = account.bytes().to_vec();
        // SAFETY: the policy is open and the identifier is whole; with all of them none is named.
        let status = unsafe { LsaRemoveAccountRights(self.0, sid.as_mut_ptr().cast(), true, ptr::null(), 0) };
        // One to which nobody ever gave a right.
        if status == STATUS_OBJECT_NAME_NOT_FOUND { Ok(()) } else { done(status) }
    }

    fn add(&self, account: &Sid, right: &str) -> io::Result<()> {
        let mut sid = account.bytes().to_vec();
        let mut units: Vec<u16> = right.encode_utf16().collect();
        let bytes = u16::try_from(units.len() * 2).map_err(io::Error::other)?;
        let text = LSA_UNICODE_STRING { Length: bytes, MaximumLength: bytes, Buffer: units.as_mut_ptr() };
        // SAFETY: the policy is open, the identifier is whole, and the one text lives until the call is done.
        done(unsafe { LsaAddAccountRights(self.0, sid.as_mut_ptr().cast(), &text, 1) })
    }
}

fn read(text: &LSA_UNICODE_STRING) -> String {
    // SAFETY: the text is as long as it says, in bytes, and lives as long as the list that it is of.
    let units = unsafe { std::slice::from_raw_parts(text.Buffer, usize::from(text.Length) / 2) };
    String::from_utf16_lossy(units)
}

/// What Windows lists, given back with this value.
struct List(*mut LSA_UNICODE_STRING);

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: Windows gave the memory, and this value alone gives it back.
        let freed = unsafe { LsaFreeMemory(self.0.cast()) };
        debug_assert!(freed >= 0, "a list was not given back: {freed:#x}");
    }
}

fn done(status: NTSTATUS) -> io::Result<()> {
    if status >= 0 {
        return Ok(());
    }
    // SAFETY: a number is made of a number.
    let code = unsafe { LsaNtStatusToWinError(status) };
    Err(io::Error::from_raw_os_error(code.cast_signed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sid(text: &str) -> Sid {
        Sid::read(text).unwrap()
    }

    #[test]
    fn an_account_that_may_anyway_is_left_alone_and_one_like_it_is_not() {
        for own in ["S-1-5-18", "S-1-5-19", "S-1-5-20", "S-1-5-80-1-2-3-4-5"] {
            assert!(has_it_anyway(&sid(own)), "{own}");
            assert!(!give(&sid(own)).unwrap());
        }
        for other in ["S-1-5-21-1-2-3-1001", "S-1-5-180", "S-1-5-32-544", "S-1-5-81-1"] {
            assert!(!has_it_anyway(&sid(other)), "{other}");
        }
    }

    /// Wine takes the right and forgets it: that it is given is seen, that it then holds is not.
    #[test]
    fn an_account_without_it_is_given_it() {
        assert!(give(&sid("S-1-5-21-1-2-3-1001")).unwrap());
    }
}
