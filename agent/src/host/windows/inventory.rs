//! What this computer is, and what goes on there (G1, G4, G6).
//!
//! The versions of IIS and of the .NET Framework and what waits for a restart are read from the registry, the rest is asked
//! of Windows. Neighbours: `sessions` and `listeners` answer two of the questions, `guard` knows the own token. What Windows
//! does not answer cannot be told here: it is never taken for a good answer.

use std::ffi::OsStr;
use std::io;
use std::ptr;

use windows_sys::Wdk::System::SystemServices::RtlGetVersion;
use windows_sys::Win32::Foundation::{ERROR_INVALID_NAME, ERROR_NOT_READY, ERROR_PATH_NOT_FOUND};
use windows_sys::Win32::NetworkManagement::NetManagement::{
    LG_INCLUDE_INDIRECT, LOCALGROUP_USERS_INFO_0, MAX_PREFERRED_LENGTH, NERR_UserNotFound, NetApiBufferFree,
    NetUserGetLocalGroups,
};
use windows_sys::Win32::Storage::FileSystem::GetDiskFreeSpaceExW;
use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX, OSVERSIONINFOW};

use super::process::size_of_u32;
use super::registry::{Key, View};
use super::text::{error_text, narrow_at, wide};
use super::{WindowsHost, account, guard, listeners, sessions};
use crate::host::{Error, Inventory, Listener, LogOn, delayed_renames, net_framework};

const IIS: &str = r"SOFTWARE\Microsoft\InetStp";
const NET_FRAMEWORK: &str = r"SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full";
const SESSION_MANAGER: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager";
/// What the next start of Windows does with files.
const RENAMES: &str = "PendingFileRenameOperations";
/// Keys that are there as long as Windows waits for a restart, and what each is about.
const WAITING: [(&str, &str); 2] = [
    (
        r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending",
        "features of Windows",
    ),
    (r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired", "Windows Update"),
];
/// The group of administrators, whatever it is called in this server's language.
const ADMINISTRATORS: &str = "S-1-5-32-544";

fn untold(what: &'static str) -> impl Fn(io::Error) -> Error {
    move |error| Error::CannotTell { what, message: error_text(&error) }
}

impl Inventory for WindowsHost {
    fn windows_version(&self) -> Result<String, Error> {
        let size = size_of_u32::<OSVERSIONINFOW>();
        let mut version = OSVERSIONINFOW { dwOSVersionInfoSize: size, ..Default::default() };
        // SAFETY: the structure says its own size. It tells the truth to every program, unlike its relatives.
        let status = unsafe { RtlGetVersion(&mut version) };
        if status != 0 {
            let message = format!("status {status:#010x}");
            return Err(Error::CannotTell { what: "the version of Windows", message });
        }
        let OSVERSIONINFOW { dwMajorVersion, dwMinorVersion, dwBuildNumber, .. } = version;
        Ok(format!("{dwMajorVersion}.{dwMinorVersion}.{dwBuildNumber}"))
    }

    /// This program is a 64-bit one, and runs on no other Windows.
    fn windows_64bit(&self) -> Result<bool, Error> {
        Ok(cfg!(target_pointer_width = "64"))
    }

    fn iis_version(&self) -> Result<Option<String>, Error> {
        let untold = untold("the version of IIS");
        let Some(key) = Key::open(IIS, View::Bits64).map_err(&untold)? else { return Ok(None) };
        let major = key.number("", "MajorVersion").map_err(&untold)?;
        let minor = key.number("", "MinorVersion").map_err(&untold)?;
        Ok(major.zip(minor).map(|(major, minor)| format!("{major}.{minor}")))
    }

    fn net_framework_version(&self) -> Result<Option<String>, Error> {
        let untold = untold("the version of the .NET Framework");
        let key = Key::open(NET_FRAMEWORK, View::Bits64).map_err(&untold)?;
        let release = key.map(|key| key.number("", "Release")).transpose().map_err(&untold)?;
        Ok(release.flatten().and_then(net_framework::version).map(str::to_owned))
    }

    fn memory_bytes(&self) -> Result<u64, Error> {
        let mut status = MEMORYSTATUSEX { dwLength: size_of_u32::<MEMORYSTATUSEX>(), ..Default::default() };
        // SAFETY: the structure says its own size.
        let told = unsafe { GlobalMemoryStatusEx(&mut status) };
        let error = io::Error::last_os_error();
        if told == 0 { Err(untold("the memory")(error)) } else { Ok(status.ullTotalPhys) }
    }

    /// Of the nearest folder above that is there: a disk may hang in a folder of another.
    fn free_bytes(&self, folder: &str) -> Result<Option<u64>, Error> {
        let mut place = folder.trim_end_matches('\\');
        loop {
            let free = free_at(format!(r"{place}\")).map_err(untold("the free space"))?;
            match (free, place.rsplit_once('\\')) {
                (None, Some((above, _))) if !above.trim_start_matches('\\').is_empty() => place = above,
                (free, _) => return Ok(free),
            }
        }
    }

    fn pending_reboot(&self) -> Result<Vec<String>, Error> {
        let untold = untold("whether Windows waits for a restart");
        let mut reasons = Vec::new();
        for (path, about) in WAITING {
            if Key::open(path, View::Bits64).map_err(&untold)?.is_some() {
                reasons.push(about.to_owned());
            }
        }
        let manager = Key::open(SESSION_MANAGER, View::Bits64).map_err(&untold)?;
        let renames = manager.map(|key| key.raw(RENAMES)).transpose().map_err(&untold)?;
        let list = renames.flatten().map(|raw| String::from_utf16_lossy(&raw.units()));
        reasons.extend(list.and_then(|list| delayed_renames::reason(&list)));
        Ok(reasons)
    }

    fn elevated(&self) -> Result<bool, Error> {
        guard::is_elevated().map_err(untold("the agent's rights"))
    }

    fn is_local_administrator(&self, account: &str) -> Result<bool, Error> {
        local_administrator(account).map_err(untold("the local administrators"))
    }

    fn sessions(&self) -> Result<Vec<LogOn>, Error> {
        sessions::all().map_err(untold("who is logged on"))
    }

    fn listeners(&self) -> Result<Vec<Listener>, Error> {
        listeners::all().map_err(untold("who listens"))
    }
}

/// The free space there; none where there is no such folder or drive.
pub(super) fn free_at(folder: impl AsRef<OsStr>) -> io::Result<Option<u64>> {
    let (folder, mut free) = (wide(folder), 0);
    // SAFETY: the name ends with a zero, and the number is written to this function's own variable.
    let told = unsafe { GetDiskFreeSpaceExW(folder.as_ptr(), &mut free, ptr::null_mut(), ptr::null_mut()) };
    if told != 0 {
        return Ok(Some(free));
    }
    let error = io::Error::last_os_error();
    let absent = [ERROR_PATH_NOT_FOUND, ERROR_INVALID_NAME, ERROR_NOT_READY];
    let is_absent = error.raw_os_error().is_some_and(|code| absent.contains(&code.cast_unsigned()));
    if is_absent || error.kind() == io::ErrorKind::NotFound { Ok(None) } else { Err(error) }
}

/// Whether that account is in the group, itself or by a group of its domain. An account that nobody knows is not.
fn local_administrator(name: &str) -> io::Result<bool> {
    let group = account::local_name(ADMINISTRATORS)?.ok_or(io::ErrorKind::NotFound)?;
    let group = group.rsplit('\\').next().unwrap_or(&group);
    let full = account::with_computer(name)?;
    let (full, mut list, mut count, mut all) = (wide(&*full), ptr::null_mut(), 0, 0);
    // SAFETY: the name ends with a zero; list and counts are written to this function's own variables.
    let told = unsafe {
        NetUserGetLocalGroups(
            ptr::null(),
            full.as_ptr(),
            0,
            LG_INCLUDE_INDIRECT,
            &mut list,
            MAX_PREFERRED_LENGTH,
            &mut count,
            &mut all,
        )
    };
    match told {
        0 => {}
        code if code == NERR_UserNotFound => return Ok(false),
        code => return Err(io::Error::from_raw_os_error(code.cast_signed())),
    }
    let mut found = false;
    if !list.is_null() {
        // SAFETY: the list has as many entries as were counted, aligned by whoever allocated it.
        let entries =
            unsafe { std::slice::from_raw_parts(list.cast::<LOCALGROUP_USERS_INFO_0>(), count as usize) };
        found = entries.iter().any(|entry| {
            // SAFETY: the name ends with a zero and lives as long as the list.
            let name = unsafe { narrow_at(entry.lgrui0_name) };
            name.eq_ignore_ascii_case(group)
        });
        // SAFETY: the list is not used again.
        let freed = unsafe { NetApiBufferFree(list.cast()) };
        debug_assert!(freed == 0, "a list of groups was not freed");
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::host::{Host as _, RegistryData};

    fn host() -> WindowsHost {
        WindowsHost::new(Path::new(r"C:\logs"))
    }

    #[test]
    fn g1_what_every_windows_knows_of_itself_is_told() {
        let host = host();
        let version = host.windows_version().unwrap();
        assert!(
            version.split('.').count() == 3 && version.split('.').all(|part| part.parse::<u32>().is_ok()),
            "{version}"
        );
        assert!(host.windows_64bit().unwrap());
        assert!(host.memory_bytes().unwrap() > 64 * 1024 * 1024);
        host.pending_reboot().unwrap();
        host.elevated().unwrap();
    }

    const INET_STP: &str = r"SOFTWARE\Microsoft\InetStp";
    const SERVICING: &str =
        r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending";
    const UPDATE: &str =
        r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired";

    /// Keys of the registry that are taken away again, also where a test fails.
    struct Laid(&'static [&'static str]);

    impl Drop for Laid {
        fn drop(&mut self) {
            for key in self.0 {
                // One in which something else lies was there before.
                let _kept = Key::remove_empty(key, View::Bits64);
            }
        }
    }

    fn set(name: &str, data: &RegistryData) {
        host().registry().set(&name.parse().unwrap(), data).unwrap();
    }

    fn unset(name: &str) {
        host().registry().remove(&name.parse().unwrap()).unwrap();
    }

    #[test]
    fn g1_each_reason_to_wait_for_a_restart_is_told_as_long_as_it_is_there() {
        let host = host();
        assert_eq!(host.pending_reboot().unwrap(), [""; 0]);
        let laid = Laid(&[
            SERVICING,
            r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing",
            UPDATE,
            r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update",
            r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate",
        ]);
        let features = "features of Windows";
        Key::make(SERVICING, View::Bits64).unwrap();
        assert_eq!(host.pending_reboot().unwrap(), [features]);
        Key::make(UPDATE, View::Bits64).unwrap();
        assert_eq!(host.pending_reboot().unwrap(), [features, "Windows Update"]);
        let renames = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\PendingFileRenameOperations";
        let from = RegistryData::MultiString(vec![r"\??\C:\Muster\old.dll".to_owned()]);
        set(renames, &from);
        let told = host.pending_reboot();
        set(renames, &RegistryData::MultiString(Vec::new()));
        let emptied = host.pending_reboot();
        unset(renames);
        let files = r"files that change at the next start (C:\Muster\old.dll is removed)";
        assert_eq!(told.unwrap(), [features, "Windows Update", files]);
        assert_eq!(emptied.unwrap(), [features, "Windows Update"], "a list of nothing is no reason");
        drop(laid);
        assert_eq!(host.pending_reboot().unwrap(), [""; 0]);
    }

    #[test]
    fn g1_the_version_of_iis_is_told_as_long_as_iis_is_there() {
        let host = host();
        assert_eq!(host.iis_version().unwrap(), None);
        let laid = Laid(&[INET_STP]);
        let part = |name: &str| format!(r"HKLM\{INET_STP}\{name}");
        set(&part("MajorVersion"), &RegistryData::Dword(10));
        let half = host.iis_version();
        set(&part("MinorVersion"), &RegistryData::Dword(3));
        let told = host.iis_version();
        unset(&part("MajorVersion"));
        unset(&part("MinorVersion"));
        drop(laid);
        assert_eq!((half.unwrap(), told.unwrap().as_deref()), (None, Some("10.3")));
        assert_eq!(host.iis_version().unwrap(), None);
    }

    #[test]
    fn g1_free_space_is_that_of_the_nearest_folder_and_a_drive_that_is_not_there_has_none() {
        let here = host().free_bytes(r"C:\").unwrap().unwrap();
        let below = host().free_bytes(r"C:\Muster\not\there\yet").unwrap().unwrap();
        assert!(here > 0 && below > 0);
        assert_eq!(host().free_bytes(r"Q:\Data").unwrap(), None);
    }
}
