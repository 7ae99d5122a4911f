//! The names of all that a self-test makes, and how leftovers of them are taken away.
//!
//! Neighbours: the rows name nothing else, `bench` refuses what is not here. A thing under these names is the self-test's;
//! whatever lies beside them, in its folder too, is left.

use muster_model::registry::RegistryName;

use super::bench::Broken;
use super::throwaway;
use crate::host::{Capability, Provable};

/// How the names of services, pools and sites begin.
pub(super) const PREFIX: &str = "muster-selftest-";
/// A service, and the one beside it that nobody speaks of, or that depends on it.
pub(super) const SERVICES: [&str; 2] = ["muster-selftest-service", "muster-selftest-neighbour"];
/// A pool, and another.
pub(super) const POOLS: [&str; 2] = ["muster-selftest-pool", "muster-selftest-other"];
/// A site, and another.
pub(super) const SITES: [&str; 2] = [SITE, "muster-selftest-beside"];
pub(super) const SITE: &str = "muster-selftest-site";
/// A binding of it, and another: a name that no client asks for, on a port that nobody is given.
pub(super) const HTTP: &str = "http/*:47801:muster-selftest.invalid";
pub(super) const FOREIGN: &str = "http/*:47801:foreign.muster-selftest.invalid";
/// The common name of its certificate, and a binding that asks for that name.
pub(super) const CERTIFICATE: &str = "muster-selftest.invalid";
pub(super) const HTTPS: &str = "https/*:47801:muster-selftest.invalid";
/// The HTTP.SYS record of that binding.
pub(super) const RECORD: &str = "muster-selftest.invalid:47801";
/// The PFX file in its folder, and the one with the certificate alone.
pub(super) const PFX: &str = "import.pfx";
pub(super) const CER: &str = "import.cer";
/// An account of the computer, as long as Windows allows.
pub(super) const ACCOUNT: &str = "muster-selftest-acct";
/// The name of its folder below the guarded one.
const FOLDER: &str = "MusterSelftest";
/// Files and folders in it, the deepest first.
const FILES: [&str; 5] = [r"new\deep\left.txt", "text.ini", "left.txt", PFX, CER];
const FOLDERS: [&str; 3] = [r"new\deep", "new", ""];
/// Its key in the registry, and the values in it.
pub(super) const KEY: &str = r"SOFTWARE\MusterSelftest";
const VALUES: [&str; 2] = ["Value", "Neighbour"];

/// A program, and what Windows' list of programs has of it.
pub(super) const PROGRAM: &str = "muster-selftest-program";
const LISTED: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\muster-selftest-program";

/// Its folder on this machine.
pub(super) fn folder(host: &dyn Provable) -> Result<String, Broken> {
    Ok(format!(r"{}\{FOLDER}", host.guarded_folder()?))
}

/// A path below its folder.
pub(super) fn path(host: &dyn Provable, name: &str) -> Result<String, Broken> {
    let folder = folder(host)?;
    Ok(if name.is_empty() { folder } else { format!(r"{folder}\{name}") })
}

/// A value of its key.
pub(super) fn value(view: &str, name: &str) -> String {
    format!(r"{view}\{KEY}\{name}")
}

/// A value of its program in Windows' list.
pub(super) fn listed(view: &str, name: &str) -> String {
    format!(r"{view}\{LISTED}\{name}")
}

/// Takes away all that is there under these names, and says what does not go.
pub(super) fn sweep(host: &dyn Provable) -> Vec<String> {
    let mut left = Vec::new();
    let mut note = |what: &str, swept: Result<(), Broken>| {
        if let Err(error) = swept {
            left.push(format!("{what}: {error}"));
        }
    };
    // Whatever depends on another goes before it.
    for name in SERVICES.into_iter().rev() {
        note(name, host.remove_service(name).map_err(Into::into));
    }
    note(ACCOUNT, sweep_account(host));
    note("IIS", sweep_iis(host));
    note(CERTIFICATE, host.remove_certificates(CERTIFICATE).map_err(Into::into));
    note(throwaway::NAME, host.remove_imported().map_err(Into::into));
    for name in FILES {
        note(name, remove_file(host, name));
    }
    for name in FOLDERS {
        note(if name.is_empty() { FOLDER } else { name }, remove_folder(host, name));
    }
    for view in ["HKLM", "HKLM32"] {
        let values = VALUES.map(|name| value(view, name));
        note(view, sweep_registry(host, view, KEY, &values));
        let values = ["DisplayName", "DisplayVersion"].map(|name| listed(view, name));
        note(PROGRAM, sweep_registry(host, view, LISTED, &values));
    }
    left
}

fn sweep_account(host: &dyn Provable) -> Result<(), Broken> {
    if host.lacks(Capability::LogOnRight)?.is_some() {
        return Ok(());
    }
    Ok(host.remove_account(ACCOUNT)?)
}

fn sweep_iis(host: &dyn Provable) -> Result<(), Broken> {
    if host.lacks(Capability::Iis)?.is_some() {
        return Ok(());
    }
    host.remove_foreign_record(RECORD)?;
    if host.http_sys().record(RECORD)?.is_some() {
        host.http_sys().remove_record(RECORD)?;
    }
    for name in SITES {
        if host.sites().get(name)?.is_some() {
            host.sites().remove(name)?;
        }
    }
    for name in POOLS {
        if host.app_pools().get(name)?.is_some() {
            host.app_pools().remove_pool(name)?;
        }
    }
    Ok(())
}

fn remove_file(host: &dyn Provable, name: &str) -> Result<(), Broken> {
    let path = path(host, name)?;
    if host.files().get(&path)?.is_some() {
        host.files().remove(&path)?;
    }
    Ok(())
}

fn remove_folder(host: &dyn Provable, name: &str) -> Result<(), Broken> {
    let path = path(host, name)?;
    if host.folders().get(&path)?.is_some() {
        host.folders().remove(&path)?;
    }
    Ok(())
}

fn sweep_registry(host: &dyn Provable, view: &str, key: &str, values: &[String]) -> Result<(), Broken> {
    let is_32bit = view == "HKLM32";
    if is_32bit && host.lacks(Capability::View32)?.is_some() {
        return Ok(());
    }
    for name in values {
        let name: RegistryName = name.parse()?;
        if host.registry().get(&name)?.is_some() {
            host.registry().remove(&name)?;
        }
    }
    Ok(host.remove_key(key, is_32bit)?)
}
