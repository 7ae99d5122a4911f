//! What a self-test lays out on a Windows server, and takes away again.
//!
//! A service is this very program, told to play one. Neighbours: `selftest` asks, `stand_in` plays the service, `shell` steers
//! it, `registry` has the key, `wine` says where it is Wine's. Never removes what another program made, whatever its name is.

use std::io;

use muster_model::certificate::CertificateStore;
use muster_proto::secret::SecretValue;

use super::WindowsHost;
use super::account;
use super::answering::Responder;
use super::certificates;
use super::iis::{http_sys, pools};
use super::logon_account;
use super::mutex::{self, Mutex};
use super::registry::{Key, View};
use super::rights::refused;
use super::services;
use super::shell;
use super::text::error_text;
use super::wine;
use crate::host::clock::SystemClock;
use crate::host::{
    Answering, Capability, Clock as _, Error, Hold, Host as _, Inventory as _, KeyKind, Process, Props,
    ServiceFacts,
};
use crate::selftest::{stand_in, throwaway};

const MAKE: &str = "make service";
const REMOVE: &str = "remove service";
const REMOVE_KEY: &str = "remove registry key";

/// Seen by every session of this server.
const ALONE: &str = r"Global\Muster-selftest";
/// How long a service that was stopped may take to be gone.
const GONE_MS: u64 = 60_000;
const LOOK_AGAIN_MS: u64 = 50;

impl Props for WindowsHost {
    fn machine_words(&self) -> Result<String, Error> {
        let windows = format!("Windows {}", self.windows_version()?);
        Ok(match wine::version() {
            Some(wine) => format!("{windows}, played by Wine {wine}"),
            None => windows,
        })
    }

    fn lacks(&self, capability: Capability) -> Result<Option<String>, Error> {
        let has = |is_there: bool, otherwise: &str| (!is_there).then(|| otherwise.to_owned());
        Ok(match capability {
            Capability::Rights => has(wine::version().is_none(), "Wine folds access lists onto Unix modes"),
            Capability::View32 => {
                let key = Key::open(r"SOFTWARE\WOW6432Node", View::Bits64);
                let key = key.map_err(|error| refused("look at", "the registry", error_text(&error)))?;
                has(key.is_some(), "this Windows runs no programs of 32 bits")
            }
            Capability::Iis => match self.app_pools().get("muster-selftest") {
                Err(Error::Unreachable { message, .. }) if message.starts_with("it is not installed") => {
                    Some("IIS is not installed".to_owned())
                }
                told => told.map(|_| None)?,
            },
            Capability::KeyRights => has(
                wine::version().is_none(),
                "Wine loses the way from a certificate in its store to the key",
            ),
            Capability::LogOnRight => match wine::version() {
                Some(_) => Some("Wine takes the right to log on as a service and forgets it".to_owned()),
                None => logon_account::none_here()
                    .map_err(|error| refused("look at", "the registry", error_text(&error)))?,
            },
            Capability::LockedPfx => {
                has(wine::version().is_none(), "Wine does not say why a PFX does not open")
            }
            Capability::ProgramList => None,
            Capability::Recovery => {
                has(wine::version().is_none(), "Wine keeps nothing of what is done when a service fails")
            }
            Capability::DelayedStart => has(wine::version().is_none(), "Wine puts no start of a service off"),
            // Wine's own library says of everybody that he is an administrator, of nobody too.
            Capability::Groups => has(!wine::brings("netapi32.dll"), "Wine has no local groups"),
            Capability::Dependents => has(
                wine::version().is_none(),
                "Wine's service manager heeds nothing of what services depend on",
            ),
            // A library that is not there; whatever else it answers is for the promises to see.
            Capability::Features => {
                let told = self.features().get("IIS-WebServerRole").err().map(|error| error.to_string());
                let is_lacking = |told: &String| told.contains("error 126: ");
                told.filter(is_lacking).map(|_| "Windows' servicing library is not there".to_owned())
            }
        })
    }

    fn hold(&self) -> Result<Option<Hold>, Error> {
        let refused = |error| refused("make mutex", ALONE, mutex::words(ALONE, &error));
        let (held, is_another_s) = Mutex::open(ALONE).map_err(refused)?;
        // Windows lets it go with the process that has made it.
        Ok((!is_another_s).then(|| Box::new(held) as Hold))
    }

    fn guarded_folder(&self) -> Result<String, Error> {
        let folder = std::env::var("ProgramFiles");
        folder
            .map_err(|error| Error::CannotTell { what: "the folder of programs", message: error.to_string() })
    }

    fn answer(&self, status: u16) -> Result<Answering, Error> {
        let begun = Responder::begin(status);
        let begun = begun.map_err(|error| refused("listen on", "a free port", error_text(&error)))?;
        let port = begun.port();
        Ok(Answering { url: format!("http://127.0.0.1:{port}/"), port, end: Box::new(begun) })
    }

    fn make_service(&self, name: &str) -> Result<(), Error> {
        self.services().create(name, &stand_in_line(name)?)
    }

    fn make_dependent(&self, name: &str, on: &str) -> Result<(), Error> {
        services::create_dependent(MAKE, name, &stand_in_line(name)?, on)
    }

    fn remove_service(&self, name: &str) -> Result<(), Error> {
        let failed = |error: io::Error| refused(REMOVE, name, error_text(&error));
        let Some(ServiceFacts { command_line, .. }) = self.services().get(name)? else { return Ok(()) };
        if !command_line.ends_with(stand_in::VERB) {
            return Err(refused(REMOVE, name, format!("it is another's, and starts {command_line}")));
        }
        shell::stop(name).map_err(failed)?;
        shell::remove(name).map_err(failed)?;
        let mut left_ms = GONE_MS;
        while self.services().get(name)?.is_some() {
            if left_ms == 0 {
                return Err(refused(REMOVE, name, "it is marked to go, and somebody has it open"));
            }
            SystemClock.sleep_ms(LOOK_AGAIN_MS);
            left_ms = left_ms.saturating_sub(LOOK_AGAIN_MS);
        }
        Ok(())
    }

    fn process_of(&self, service: &str) -> Result<Option<Process>, Error> {
        services::lingering::watched(service)
    }

    fn pool_runs(&self, name: &str) -> Result<bool, Error> {
        pools::runs(name)
    }

    fn make_foreign_record(&self, endpoint: &str, thumbprint: &str) -> Result<(), Error> {
        http_sys::stand_in::make(endpoint, thumbprint)
    }

    fn remove_foreign_record(&self, endpoint: &str) -> Result<(), Error> {
        http_sys::stand_in::remove(endpoint)
    }

    fn make_account(&self, name: &str) -> Result<(String, SecretValue), Error> {
        let made = logon_account::make(name);
        made.map_err(|error| refused("make account", name, error_text(&error)))
    }

    fn may_log_on_as_service(&self, account: &str) -> Result<bool, Error> {
        let told = logon_account::may_log_on_as_service(account);
        told.map_err(|error| refused("look at the rights of account", account, error_text(&error)))
    }

    fn remove_account(&self, name: &str) -> Result<(), Error> {
        let removed = logon_account::remove(name);
        removed.map_err(|error| refused("remove account", name, error_text(&error)))
    }

    fn first_administrator(&self) -> Result<Option<String>, Error> {
        let untold = |error: io::Error| Error::CannotTell {
            what: "the administrator that Windows begins with",
            message: error_text(&error),
        };
        if logon_account::none_here().map_err(untold)?.is_some() {
            return Ok(None);
        }
        account::first_administrator().map(Some).map_err(untold)
    }

    fn make_certificate(&self, name: &str, key: KeyKind) -> Result<String, Error> {
        let made = certificates::stand_in::make(name, key);
        made.map_err(|error| refused("make certificate", name, error_text(&error)))
    }

    fn remove_certificates(&self, name: &str) -> Result<(), Error> {
        let removed = certificates::stand_in::remove(name);
        // Wine keeps no key of CNG, and cannot even be asked for one.
        let is_asked = wine::version().is_none();
        let removed =
            removed.and_then(|()| if is_asked { certificates::stand_in::remove_cng(name) } else { Ok(()) });
        removed.map_err(|error| refused("remove certificate", name, error_text(&error)))
    }

    fn pfx(&self) -> Result<Vec<u8>, Error> {
        Ok(throwaway::PFX.to_vec())
    }

    fn cer(&self) -> Result<Vec<u8>, Error> {
        Ok(throwaway::CER.to_vec())
    }

    fn remove_imported(&self) -> Result<(), Error> {
        let stores = [CertificateStore::My, CertificateStore::Ca];
        let removed = stores
            .into_iter()
            .try_for_each(|store| certificates::imported::remove(store, throwaway::THUMBPRINT));
        removed.map_err(|error| refused("remove certificate", throwaway::THUMBPRINT, error_text(&error)))
    }

    fn remove_key(&self, key: &str, is_32bit: bool) -> Result<(), Error> {
        let view = if is_32bit { View::Bits32 } else { View::Bits64 };
        Key::remove_empty(key, view).map_err(|error| refused(REMOVE_KEY, key, error_text(&error)))
    }
}

/// This very program, told to play a service.
fn stand_in_line(name: &str) -> Result<String, Error> {
    let program = std::env::current_exe().map_err(|error| refused(MAKE, name, error_text(&error)))?;
    Ok(format!(r#""{}" {}"#, program.display(), stand_in::VERB))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn one_self_test_at_a_time_holds_the_server() {
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        let first = host.hold().unwrap();
        assert!(first.is_some() && host.hold().unwrap().is_none());
        drop(first);
        assert!(host.hold().unwrap().is_some());
    }

    #[test]
    fn a_service_of_anothers_is_not_removed_whatever_its_name_is() {
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        let told = host.remove_service("RpcSs").unwrap_err().to_string();
        assert!(told.contains("it is another's, and starts "), "{told}");
        assert_eq!(host.remove_service("muster-selftest-nowhere"), Ok(()));
    }

    #[test]
    fn a_key_goes_when_nothing_is_in_it() {
        let (host, key) = (WindowsHost::new(Path::new(r"C:\logs")), r"SOFTWARE\Muster Story\Props");
        let value = format!(r"HKLM\{key}\Value").parse().unwrap();
        host.registry().set(&value, &crate::host::RegistryData::Dword(1)).unwrap();
        assert!(host.remove_key(key, false).unwrap_err().to_string().contains("it is not empty"));
        host.registry().remove(&value).unwrap();
        host.remove_key(key, false).unwrap();
        assert!(Key::open(key, View::Bits64).unwrap().is_none());
        host.remove_key(key, false).unwrap();
    }

    #[test]
    fn this_windows_says_what_it_is_and_that_wine_plays_it() {
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        assert!(host.machine_words().unwrap().starts_with("Windows 10."));
        for capability in [Capability::Rights, Capability::Groups] {
            let is_lacking = host.lacks(capability).unwrap().is_some();
            assert_eq!(is_lacking, wine::version().is_some(), "{capability:?}");
        }
    }
}
