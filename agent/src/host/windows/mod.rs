//! A Windows server: the only room of the house that calls Windows, and the only one that is `unsafe`.
//!
//! One leaf per port: `services`, `packages`, `files`, `folders`, `registry_values`, `features` with `dism`, `http`, `iis`,
//! `certificates`, `inventory` with `sessions` and `listeners`, `sql`; `props`, with `answering`, `logon_account` and `wine`, is
//! what a self-test lays out. Below them `rights`, `registry`, `account`, `sid`, `acl`, `security`, `facts`,
//! `system_library`, `text` and `memory`. `process`, `job`, `left_behind`, `medium`, `msi_service`, `disk`, `guard` and
//! `shell` are what `crate::os` offers the portable code. Each unsafe operation stands alone and says why it is sound;
//! handles and memory belong to types that give them back. Neighbours: everything above the ports is the same code as on
//! the twin. Nothing here parses text that is meant for people, and nothing starts a shell.

#![expect(unsafe_code, reason = "Windows is called by its own functions; this folder alone does so")]

pub mod disk;
pub mod guard;
pub mod medium;
pub mod msi_service;
pub mod process;
pub mod shell;

mod account;
mod acl;
mod answering;
mod certificates;
mod dism;
mod dism_fault;
mod facts;
mod features;
mod files;
mod folders;
mod http;
mod iis;
mod inventory;
mod job;
mod left_behind;
mod listeners;
mod logon_account;
mod logon_right;
mod machine;
mod memory;
mod mutex;
mod packages;
mod props;
mod registry;
mod registry_values;
mod rights;
mod security;
mod services;
mod sessions;
mod sid;
mod sql;
mod system_library;
mod text;
mod wine;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster_model::name::HostName;
use muster_model::node::NodeKind;

use self::text::error_text;
use super::clock::SystemClock;
use super::{
    AppPools, Certificates, Clock, Error, Features, Files, Folders, Host, Http, HttpSys, Inventory, Machine,
    Packages, Registry, Services, Sites, SqlServer,
};
use crate::vault::{self, Secrets};

/// The Windows server that this process runs on.
#[derive(Clone)]
pub struct WindowsHost {
    logs: PathBuf,
    secrets: Arc<dyn Secrets>,
}

impl fmt::Debug for WindowsHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindowsHost").field("logs", &self.logs).finish_non_exhaustive()
    }
}

impl WindowsHost {
    /// This server. Installers are told to write their logs into that folder, absolute.
    pub fn new(logs: &Path) -> Self {
        Self { logs: logs.to_owned(), secrets: Arc::new(vault::Nothing) }
    }

    /// The same, with what opens the passwords of SQL Servers' logins.
    #[must_use]
    pub fn with_secrets(self, secrets: Arc<dyn Secrets>) -> Self {
        Self { secrets, ..self }
    }
}

impl Host for WindowsHost {
    fn simulated(&self) -> bool {
        false
    }

    /// A plan with a kind that is not here has a finding, and no approval. A `manual_step` asks nothing of the server.
    fn kinds(&self) -> &'static [NodeKind] {
        use NodeKind::{
            ApplicationStart, ApplicationStop, Certificate, File, Folder, HttpProbe, IisAppPool, IisBinding,
            IisSite, ManualStep, Package, PoolRecycle, Preflight, PrivateKeyAccess, Reboot, RegistryValue,
            Service, ServiceRestart, SqlBackup, SqlDatabase, SqlQuery, SqlScripts, WindowsFeature,
        };
        &[
            Package,
            Service,
            IisAppPool,
            IisSite,
            Certificate,
            IisBinding,
            PrivateKeyAccess,
            Folder,
            File,
            RegistryValue,
            WindowsFeature,
            SqlDatabase,
            SqlScripts,
            SqlBackup,
            SqlQuery,
            HttpProbe,
            Preflight,
            ManualStep,
            ServiceRestart,
            PoolRecycle,
            ApplicationStop,
            ApplicationStart,
            Reboot,
        ]
    }

    fn host_name(&self) -> Result<HostName, Error> {
        let unreachable = |message| Error::Unreachable { what: "the computer's name", message };
        let name = facts::computer_name().map_err(|error| unreachable(error_text(&error)))?;
        name.parse().map_err(|error: muster_model::name::InvalidName| unreachable(error.to_string()))
    }

    fn packages(&self) -> &dyn Packages {
        self
    }

    fn services(&self) -> &dyn Services {
        self
    }

    fn app_pools(&self) -> &dyn AppPools {
        self
    }

    fn inventory(&self) -> &dyn Inventory {
        self
    }

    fn files(&self) -> &dyn Files {
        self
    }

    fn sites(&self) -> &dyn Sites {
        self
    }

    fn http_sys(&self) -> &dyn HttpSys {
        self
    }

    fn certificates(&self) -> &dyn Certificates {
        self
    }

    fn folders(&self) -> &dyn Folders {
        self
    }

    fn registry(&self) -> &dyn Registry {
        self
    }

    fn features(&self) -> &dyn Features {
        self
    }

    fn machine(&self) -> &dyn Machine {
        self
    }

    fn sql(&self) -> &dyn SqlServer {
        self
    }

    fn http(&self) -> &dyn Http {
        self
    }

    fn clock(&self) -> &dyn Clock {
        &SystemClock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_windows_server_is_real_and_has_a_name() {
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        assert!(!host.simulated());
        assert!(!host.host_name().unwrap().as_str().is_empty());
    }
}
