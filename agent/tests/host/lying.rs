//! A twin one of whose ports says that it has done what it did not do, or does more than it was asked.
//!
//! Neighbours: `selftest` finds each of them out. All else is the twin's own.

use std::net::SocketAddr;

use muster_agent::host::twin::Twin;
use muster_agent::host::{
    Answering, AppPools, Capability, Certificates, Clock, Error, Features, Files, Folders, Hold, Host, Http,
    HttpSys, Inventory, KeyKind, KeyOf, Machine, Packages, PoolFacts, PoolSetting, Process, Props, Registry,
    Services, SiteChange, SiteFacts, Sites, SqlServer, SslRecord,
};
use muster_model::binding::BindingKey;
use muster_model::name::HostName;
use muster_model::node::NodeKind;
use muster_proto::secret::SecretValue;

/// What is not as it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// A stop of a pool does nothing.
    StopsNoPool,
    /// A pool that is stopped runs after a recycle.
    RecyclesWhatIsStopped,
    /// A stop of a pool stops all of the self-test's.
    StopsEveryPool,
    /// With a pool another one goes.
    RemovesMorePools,
    /// With a site another one goes.
    RemovesMoreSites,
    /// A record goes, whosever it is.
    RemovesForeignRecords,
    /// A service says that it has stopped, and its process stays.
    KeepsProcesses,
}

/// The twin with that lie.
pub(crate) struct Lying(pub(crate) Twin, pub(crate) Lie);

const POOLS: [&str; 2] = ["muster-selftest-pool", "muster-selftest-other"];
const SITES: [&str; 2] = ["muster-selftest-site", "muster-selftest-beside"];

/// Methods that are the twin's own.
macro_rules! twins {
    ($of:ident: $($name:ident($($argument:ident: $type:ty),*) -> $told:ty;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> $told { $of::$name(&self.0, $($argument),*) })*
    };
}

impl Host for Lying {
    twins! { Host:
        simulated() -> bool;
        kinds() -> &'static [NodeKind];
        host_name() -> Result<HostName, Error>;
        packages() -> &dyn Packages;
        services() -> &dyn Services;
        machine() -> &dyn Machine;
        inventory() -> &dyn Inventory;
        files() -> &dyn Files;
        certificates() -> &dyn Certificates;
        folders() -> &dyn Folders;
        registry() -> &dyn Registry;
        features() -> &dyn Features;
        sql() -> &dyn SqlServer;
        http() -> &dyn Http;
        clock() -> &dyn Clock;
    }
    fn app_pools(&self) -> &dyn AppPools {
        self
    }
    fn sites(&self) -> &dyn Sites {
        self
    }
    fn http_sys(&self) -> &dyn HttpSys {
        self
    }
}

impl AppPools for Lying {
    twins! { AppPools:
        get(name: &str) -> Result<Option<PoolFacts>, Error>;
        create(name: &str, settings: &[PoolSetting]) -> Result<(), Error>;
        set(name: &str, settings: &[PoolSetting]) -> Result<(), Error>;
        start_pool(name: &str) -> Result<(), Error>;
    }
    fn remove_pool(&self, name: &str) -> Result<(), Error> {
        let more = if self.1 == Lie::RemovesMorePools { &POOLS[..] } else { &[] };
        more.iter().chain([&name]).try_for_each(|pool| self.0.remove_pool(pool))
    }
    fn recycle(&self, name: &str) -> Result<(), Error> {
        let is_lie = self.1 == Lie::RecyclesWhatIsStopped && AppPools::get(&self.0, name)?.is_some();
        if is_lie { self.0.start_pool(name) } else { self.0.recycle(name) }
    }
    fn stop_pool(&self, name: &str) -> Result<(), Error> {
        if self.1 == Lie::StopsNoPool {
            return Ok(());
        }
        let more = if self.1 == Lie::StopsEveryPool { &POOLS[..] } else { &[] };
        more.iter().chain([&name]).try_for_each(|pool| self.0.stop_pool(pool))
    }
}

impl Sites for Lying {
    twins! { Sites:
        get(name: &str) -> Result<Option<SiteFacts>, Error>;
        bindings() -> Result<Vec<(String, BindingKey, bool)>, Error>;
        create(name: &str, folder: &str, pool: &str, changes: &[SiteChange]) -> Result<(), Error>;
        set(name: &str, changes: &[SiteChange]) -> Result<(), Error>;
        set_started(name: &str, started: bool) -> Result<(), Error>;
    }
    fn remove(&self, name: &str) -> Result<(), Error> {
        let more = if self.1 == Lie::RemovesMoreSites { &SITES[..] } else { &[] };
        more.iter().chain([&name]).try_for_each(|site| Sites::remove(&self.0, site))
    }
}

impl HttpSys for Lying {
    twins! { HttpSys:
        record(endpoint: &str) -> Result<Option<SslRecord>, Error>;
        records_at(port: u16) -> Result<Vec<(SocketAddr, SslRecord)>, Error>;
        set_record(endpoint: &str, certificate: KeyOf<'_>) -> Result<(), Error>;
    }
    fn remove_record(&self, endpoint: &str) -> Result<(), Error> {
        if self.1 == Lie::RemovesForeignRecords {
            self.0.remove_foreign_record(endpoint)?;
        }
        self.0.remove_record(endpoint)
    }
}

impl Props for Lying {
    twins! { Props:
        machine_words() -> Result<String, Error>;
        lacks(capability: Capability) -> Result<Option<String>, Error>;
        hold() -> Result<Option<Hold>, Error>;
        guarded_folder() -> Result<String, Error>;
        answer(status: u16) -> Result<Answering, Error>;
        make_service(name: &str) -> Result<(), Error>;
        make_dependent(name: &str, on: &str) -> Result<(), Error>;
        remove_service(name: &str) -> Result<(), Error>;
        pool_runs(name: &str) -> Result<bool, Error>;
        make_foreign_record(endpoint: &str, thumbprint: &str) -> Result<(), Error>;
        remove_foreign_record(endpoint: &str) -> Result<(), Error>;
        first_administrator() -> Result<Option<String>, Error>;
        make_account(name: &str) -> Result<(String, SecretValue), Error>;
        may_log_on_as_service(account: &str) -> Result<bool, Error>;
        remove_account(name: &str) -> Result<(), Error>;
        make_certificate(name: &str, key: KeyKind) -> Result<String, Error>;
        remove_certificates(name: &str) -> Result<(), Error>;
        pfx() -> Result<Vec<u8>, Error>;
        cer() -> Result<Vec<u8>, Error>;
        remove_imported() -> Result<(), Error>;
        remove_key(key: &str, is_32bit: bool) -> Result<(), Error>;
    }
    fn process_of(&self, service: &str) -> Result<Option<Process>, Error> {
        let process = self.0.process_of(service)?;
        let stays = || Box::new(|| Ok(true)) as Process;
        Ok(process.map(|process| if self.1 == Lie::KeepsProcesses { stays() } else { process }))
    }
}
