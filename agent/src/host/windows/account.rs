//! Accounts: which identifier a name means, and what to call an identifier.
//!
//! Names differ by language ("AUTORITE NT\Système"), so that identifiers are compared and never names. The well-known
//! ones are read and shown in English, as documents write them; those of pools and services are computed, so that they
//! need neither IIS nor the service to be there. All else is asked of Windows. Neighbours: `files` grants to what is
//! found here. Never makes an account.

use std::borrow::Cow;
use std::io;
use std::ptr;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_NONE_MAPPED};
use windows_sys::Win32::Security::{LookupAccountNameW, LookupAccountSidW};

use super::sid::Sid;
use super::text::{narrow, wide};

/// The authority of all that Windows itself makes (`SECURITY_NT_AUTHORITY`).
const NT: u8 = 5;
/// First part of the identifiers of application pools and of services; Microsoft, "Well-known SIDs".
const POOLS: u32 = 82;
const SERVICES: u32 = 80;

/// Last part of its identifier, whatever it is called (`DOMAIN_USER_RID_ADMIN`).
const FIRST_ADMINISTRATOR: u32 = 500;

/// Accounts that every Windows has, each with its identifier and its English name.
const WELL_KNOWN: &[(&str, &str, &str)] = &[
    ("S-1-1-0", "", "Everyone"),
    ("S-1-3-0", "", "CREATOR OWNER"),
    ("S-1-3-4", "", "OWNER RIGHTS"),
    ("S-1-5-11", "NT AUTHORITY", "Authenticated Users"),
    ("S-1-5-18", "NT AUTHORITY", "SYSTEM"),
    ("S-1-5-19", "NT AUTHORITY", "LOCAL SERVICE"),
    ("S-1-5-20", "NT AUTHORITY", "NETWORK SERVICE"),
    ("S-1-5-32-544", "BUILTIN", "Administrators"),
    ("S-1-5-32-545", "BUILTIN", "Users"),
    ("S-1-5-32-568", "BUILTIN", "IIS_IUSRS"),
];

/// What the service manager calls the accounts of its own. It takes no other name for them, and none in Windows' own language
/// (Microsoft, "LocalService Account").
const OF_SERVICES: [(&str, &str, &str); 3] = [
    (SYSTEM, "", "LocalSystem"),
    ("S-1-5-19", "NT AUTHORITY", "LocalService"),
    ("S-1-5-20", "NT AUTHORITY", "NetworkService"),
];
const SYSTEM: &str = "S-1-5-18";

/// The service manager's name for one of its own accounts; none for every other.
pub(super) fn name_for_services(sid: &Sid) -> Option<String> {
    let text = sid.to_string();
    OF_SERVICES.iter().find(|(known, ..)| *known == text).map(|(_, authority, name)| whole(authority, name))
}

/// The identifier that a name means; none where Windows knows no such account.
pub(super) fn find(name: &str) -> io::Result<Option<Sid>> {
    if let Some(sid) = without_asking(name) {
        return Ok(Some(sid));
    }
    look_up(&with_computer(name)?)
}

/// A name without the dot that people write for "this computer", which Windows does not know: accounts have its short name.
pub(super) fn with_computer(name: &str) -> io::Result<Cow<'_, str>> {
    match name.strip_prefix(r".\") {
        Some(bare) => Ok(format!("{}\\{bare}", super::facts::short_computer_name()?).into()),
        None => Ok(name.into()),
    }
}

/// The identifier of a name that means the same on every Windows, whatever its language.
fn without_asking(name: &str) -> Option<Sid> {
    let (domain, bare) = name.split_once('\\').unwrap_or(("", name));
    if domain.eq_ignore_ascii_case("IIS APPPOOL") {
        return computed(POOLS, &bare.to_lowercase());
    }
    if domain.eq_ignore_ascii_case("NT SERVICE") {
        return computed(SERVICES, &bare.to_uppercase());
    }
    // The service manager's own word for SYSTEM, which no other part of Windows knows.
    if name.eq_ignore_ascii_case(r".\LocalSystem") {
        return Sid::read(SYSTEM);
    }
    let known = WELL_KNOWN.iter().chain(&OF_SERVICES).find(|(_, authority, known)| {
        bare.eq_ignore_ascii_case(known) && (domain.is_empty() || domain.eq_ignore_ascii_case(authority))
    });
    known.map_or_else(|| Sid::read(name), |(sid, ..)| Sid::read(sid))
}

/// What to call an account: the English name of a well-known one, `DOMAIN\name`, or its identifier where nobody knows it.
pub(super) fn name(sid: &Sid) -> io::Result<String> {
    let text = sid.to_string();
    match WELL_KNOWN.iter().find(|(known, ..)| *known == text) {
        Some((_, authority, name)) => Ok(whole(authority, name)),
        None => Ok(look_up_name(sid)?.unwrap_or(text)),
    }
}

fn whole(authority: &str, name: &str) -> String {
    if authority.is_empty() { name.to_owned() } else { format!("{authority}\\{name}") }
}

/// What this server itself calls the account of that identifier, in its own language.
pub(super) fn local_name(sid: &str) -> io::Result<Option<String>> {
    Sid::read(sid).map_or(Ok(None), |sid| look_up_name(&sid))
}

/// The account that every Windows begins with, as this server calls it. It may be renamed and disabled; it cannot be deleted or
/// taken out of the group of administrators (Microsoft, "Local accounts").
pub(super) fn first_administrator() -> io::Result<String> {
    let computer = look_up(&super::facts::short_computer_name()?)?.ok_or(io::ErrorKind::NotFound)?;
    let name = local_name(&format!("{computer}-{FIRST_ADMINISTRATOR}"))?;
    name.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// The identifier of a pool or a service: SHA-1 of its name in UTF-16, as five numbers.
fn computed(family: u32, name: &str) -> Option<Sid> {
    let utf16: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &utf16);
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
    let parts: Vec<u32> = std::iter::once(family).chain(hash.as_ref().chunks_exact(4).map(number)).collect();
    Sid::new(NT, &parts)
}

fn look_up(name: &str) -> io::Result<Option<Sid>> {
    let name = wide(name);
    let mut sid = vec![0_u8; 68];
    let mut domain = vec![0_u16; 256];
    loop {
        let (mut sid_bytes, mut domain_units, mut kind) = (length(&sid), length(&domain), 0);
        // SAFETY: the name ends with a zero, and both buffers have the sizes that are passed.
        let found = unsafe {
            LookupAccountNameW(
                ptr::null(),
                name.as_ptr(),
                sid.as_mut_ptr().cast(),
                &mut sid_bytes,
                domain.as_mut_ptr(),
                &mut domain_units,
                &mut kind,
            )
        };
        if found != 0 {
            return Ok(Sid::parse(&sid));
        }
        match known(io::Error::last_os_error())? {
            Lookup::Nobody => return Ok(None),
            Lookup::MoreRoom => {
                sid.resize((sid_bytes as usize).max(sid.len() + 1), 0);
                domain.resize((domain_units as usize).max(domain.len() + 1), 0);
            }
        }
    }
}

fn look_up_name(sid: &Sid) -> io::Result<Option<String>> {
    let mut bytes = sid.bytes().to_vec();
    let (mut name, mut domain) = (vec![0_u16; 256], vec![0_u16; 256]);
    loop {
        let (mut name_units, mut domain_units, mut kind) = (length(&name), length(&domain), 0);
        // SAFETY: the identifier is whole, and both buffers have the sizes that are passed.
        let found = unsafe {
            LookupAccountSidW(
                ptr::null(),
                bytes.as_mut_ptr().cast(),
                name.as_mut_ptr(),
                &mut name_units,
                domain.as_mut_ptr(),
                &mut domain_units,
                &mut kind,
            )
        };
        if found != 0 {
            let (name, domain) = (narrow(&name), narrow(&domain));
            return Ok(Some(if domain.is_empty() { name } else { format!("{domain}\\{name}") }));
        }
        match known(io::Error::last_os_error())? {
            Lookup::Nobody => return Ok(None),
            Lookup::MoreRoom => {
                name.resize((name_units as usize).max(name.len() + 1), 0);
                domain.resize((domain_units as usize).max(domain.len() + 1), 0);
            }
        }
    }
}

/// What a look-up that failed means.
enum Lookup {
    Nobody,
    MoreRoom,
}

fn known(error: io::Error) -> io::Result<Lookup> {
    match error.raw_os_error().map(i32::cast_unsigned) {
        Some(ERROR_NONE_MAPPED) => Ok(Lookup::Nobody),
        Some(ERROR_INSUFFICIENT_BUFFER) => Ok(Lookup::MoreRoom),
        _ => Err(error),
    }
}

fn length<T>(buffer: &[T]) -> u32 {
    u32::try_from(buffer.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::WindowsHost;
    use super::*;
    use crate::host::{Host as _, RegistryData};

    fn found(name: &str) -> String {
        find(name).unwrap().unwrap().to_string()
    }

    #[test]
    fn a_pool_s_identifier_is_computed_as_iis_computes_it_and_has_no_case() {
        // Published by Microsoft for the pool that every IIS has.
        let default = "S-1-5-82-3006700770-424185619-1745488364-794895919-4004696415";
        assert_eq!(found(r"IIS APPPOOL\DefaultAppPool"), default);
        assert_eq!(found(r"iis apppool\DEFAULTAPPPOOL"), default);
    }

    #[test]
    fn a_service_s_identifier_is_computed_as_windows_computes_it() {
        // Published by Microsoft, "Well-known SIDs": NT SERVICE\TrustedInstaller.
        let installer = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
        assert_eq!(found(r"NT SERVICE\TrustedInstaller"), installer);
    }

    #[test]
    fn a_well_known_account_is_found_by_its_english_name_and_shown_with_it() {
        for (sid, authority, bare) in WELL_KNOWN {
            assert_eq!(found(&bare.to_uppercase()), *sid);
            let name = name(&Sid::read(sid).unwrap()).unwrap();
            assert!(name.starts_with(authority) && name.ends_with(bare), "{name}");
            assert_eq!(found(&name), *sid);
        }
    }

    #[test]
    fn g4_an_account_of_services_has_the_service_manager_s_name_however_it_is_written() {
        for (wanted, spellings) in [
            ("LocalSystem", [r"NT AUTHORITY\SYSTEM", r".\localsystem", "S-1-5-18"]),
            (r"NT AUTHORITY\LocalService", ["LOCAL SERVICE", r"nt authority\localservice", "S-1-5-19"]),
            (r"NT AUTHORITY\NetworkService", [r"NT AUTHORITY\Network Service", "NetworkService", "S-1-5-20"]),
        ] {
            for spelling in spellings.into_iter().chain([wanted]) {
                let sid = without_asking(spelling).unwrap();
                assert_eq!(name_for_services(&sid).as_deref(), Some(wanted), "{spelling}");
            }
        }
        assert_eq!(name_for_services(&Sid::read("S-1-5-32-544").unwrap()), None);
        // One of the computer's own is no other for its name.
        assert_ne!(find(r".\NetworkService").unwrap(), Sid::read("S-1-5-20"));
    }

    #[test]
    fn the_administrator_that_windows_begins_with_is_one_of_this_computer() {
        let computer = super::super::facts::short_computer_name().unwrap();
        // Wine knows one language.
        assert_eq!(first_administrator().unwrap(), format!("{computer}\\Administrator"));
    }

    /// Windows' own place for the name in the network, which may be longer than the 15 characters of the other. Wine reads it anew.
    struct LongName(String);

    const NETWORK: &str = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";

    impl LongName {
        fn begin() -> Self {
            let before = super::super::facts::computer_name().unwrap();
            Self::set("muster-story-0123456789");
            Self(before)
        }

        fn set(name: &str) {
            let value = format!(r"HKLM\{NETWORK}\Hostname").parse().unwrap();
            let host = WindowsHost::new(Path::new(r"C:\logs"));
            host.registry().set(&value, &RegistryData::String(name.to_owned())).unwrap();
        }
    }

    impl Drop for LongName {
        fn drop(&mut self) {
            Self::set(&self.0);
        }
    }

    #[test]
    #[ignore = "gives the computer another name: ./tests/windows/run services"]
    fn g4_an_account_of_a_computer_with_a_long_name_is_found_behind_the_dot() {
        let long = LongName::begin();
        assert_ne!(super::super::facts::computer_name().unwrap(), long.0);
        let (full, found) =
            (with_computer(r".\Administrator").map(Cow::into_owned), find(r".\Administrator"));
        drop(long);
        assert_eq!(full.unwrap(), first_administrator().unwrap());
        assert_eq!(found.unwrap(), find(&first_administrator().unwrap()).unwrap());
        assert_eq!(with_computer(r"DUPONT\batch").unwrap(), r"DUPONT\batch");
    }

    #[test]
    fn a_name_of_nobody_is_none_and_an_identifier_of_nobody_is_its_own_name() {
        assert_eq!(find("muster-nobody-has-this-name").unwrap(), None);
        let sid = "S-1-5-82-1-2-3-4-5";
        assert_eq!(name(&Sid::read(sid).unwrap()).unwrap(), sid);
    }
}
