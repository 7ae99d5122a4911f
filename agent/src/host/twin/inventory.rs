//! What the modelled computer says of itself (G1, G4, G6).
//!
//! Neighbours: `state::inventory` holds it. IIS comes with its feature, HTTP.SYS listens for started sites, a service
//! listens while it runs; the rest is as declared.

use std::collections::BTreeSet;

use super::Twin;
use super::fault::Operation;
use super::state::{State, find};
use super::store::Section;
use crate::host::clock::SystemClock;
use crate::host::{Clock, Error, FeatureState, Inventory, Listener, LogOn, Owner, ServiceState};

/// The feature that brings IIS.
const IIS: &str = "IIS-WebServerRole";

impl Twin {
    fn look<T>(&self, what: &str, read: impl FnOnce(&State) -> T) -> Result<T, Error> {
        self.operate(Operation::InventoryGet, what, |section: &mut Section<'_>, _| Ok(read(section.state())))
    }
}

impl Inventory for Twin {
    fn windows_version(&self) -> Result<String, Error> {
        self.look("windows", |state| state.computer.windows.clone())
    }

    fn windows_64bit(&self) -> Result<bool, Error> {
        self.look("windows", |state| state.computer.bits_64)
    }

    fn iis_version(&self) -> Result<Option<String>, Error> {
        self.look("iis", |state| {
            let brought = find(&state.features, IIS).filter(|feature| feature.is_installed());
            state.computer.iis.clone().or_else(|| brought.map(|_| "10.0".to_owned()))
        })
    }

    fn net_framework_version(&self) -> Result<Option<String>, Error> {
        self.look("net_framework", |state| state.computer.net_framework.clone())
    }

    fn memory_bytes(&self) -> Result<u64, Error> {
        self.look("memory", |state| gib(state.computer.memory_gib))
    }

    fn free_bytes(&self, folder: &str) -> Result<Option<u64>, Error> {
        let drive = folder.split(':').next().unwrap_or_default().to_owned();
        self.look("disk", |state| find(&state.computer.free_gib, &drive).copied().map(gib))
    }

    fn pending_reboot(&self) -> Result<Vec<String>, Error> {
        self.look("pending_reboot", |state| {
            let features = state.features.iter().filter(|(_, feature)| {
                matches!(feature.state, FeatureState::InstallPending | FeatureState::RemovePending)
            });
            let features = features.map(|(name, _)| format!("feature {name}"));
            state.computer.pending_reboot.iter().cloned().chain(features).collect()
        })
    }

    fn elevated(&self) -> Result<bool, Error> {
        self.look("elevated", |state| state.computer.elevated)
    }

    fn is_local_administrator(&self, account: &str) -> Result<bool, Error> {
        self.look("administrators", |state| {
            // `.\name` is an account of this computer.
            let own = |name: &str| match name.strip_prefix(r".\") {
                Some(name) => format!(r"{}\{name}", state.host_name),
                None => name.to_owned(),
            };
            let wanted = own(account);
            state.computer.administrators.iter().any(|member| own(member).eq_ignore_ascii_case(&wanted))
        })
    }

    fn sessions(&self) -> Result<Vec<LogOn>, Error> {
        self.look("sessions", |state| {
            let open = state.computer.sessions.iter();
            open.map(|(account, programs)| LogOn {
                account: account.clone(),
                programs: programs.iter().cloned().collect(),
            })
            .collect()
        })
    }

    fn listeners(&self) -> Result<Vec<Listener>, Error> {
        let now = SystemClock.now();
        self.look("listeners", |state| {
            let programs = state.computer.listeners.iter();
            let programs = programs.map(|(port, program)| (*port, Owner::Program(program.clone())));
            let services =
                state.services.iter().filter(|(_, service)| service.at(now) == ServiceState::Running);
            let services = services.flat_map(|(name, service)| {
                service.listens.iter().map(|port| (*port, Owner::Service(name.clone())))
            });
            let started = state.sites.values().filter(|site| site.facts(&state.site_defaults).started);
            let sites = started.flat_map(|site| site.all_bindings().collect::<Vec<_>>());
            let sites = sites.map(|(key, _)| (key.port, Owner::HttpSys));
            let all: BTreeSet<(u16, Owner)> = programs.chain(services).chain(sites).collect();
            all.into_iter().map(|(port, by)| Listener { port, by }).collect()
        })
    }
}

fn gib(number: u64) -> u64 {
    number.saturating_mul(1024 * 1024 * 1024)
}
