//! What a twin holds: `state.json`, pretty and meant to be edited by hand.
//!
//! Neighbours: `store` reads and writes it, the ports answer from it, `catalogue` says how it starts. Unknown keys are
//! errors, so that a slip of a hand is seen. Never consults a clock: the time is passed in.

mod certificate;
mod dependencies;
mod iis;
mod inventory;
mod pool;
mod system;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use muster_model::digest::Digest;
use muster_model::name::{HostName, Version};
use serde::{Deserialize, Serialize};

pub use self::certificate::{Certificate, Pfx, pfx_digest};
pub use self::iis::{Application, Binding, Site, SiteDefaults, SslEntry};
pub use self::inventory::Computer;
pub use self::pool::{Pool, PoolDefaults};
pub use self::system::{Feature, Folder, RegistryValue};
use crate::host::recovery::Recovery;
use crate::host::{Access, ServiceState, StartMode};

/// A modelled server. Names are compared as Windows does, without regard to case: see [`find`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The computer's name.
    pub host_name: HostName,
    /// How often it has started.
    pub boots: u32,
    /// How far its clock is ahead of the real one; negative is behind.
    pub clock_offset_ms: i64,
    /// What it is beside its software, and what goes on there.
    #[serde(default)]
    pub computer: Computer,
    /// Installed packages and their versions.
    pub packages: BTreeMap<String, Version>,
    /// Services.
    pub services: BTreeMap<String, Service>,
    /// What pools inherit.
    #[serde(default)]
    pub app_pool_defaults: PoolDefaults,
    /// Accounts that were given the right to log on as a service.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub service_logons: BTreeSet<String>,
    /// IIS application pools.
    pub app_pools: BTreeMap<String, Pool>,
    /// What sites inherit.
    #[serde(default)]
    pub site_defaults: SiteDefaults,
    /// IIS sites.
    #[serde(default)]
    pub sites: BTreeMap<String, Site>,
    /// Records of HTTP.SYS, by `address:port` or `host:port`.
    #[serde(default)]
    pub http_sys: BTreeMap<String, SslEntry>,
    /// The computer's certificates, by thumbprint, with the store before it where it is another than its own.
    #[serde(default)]
    pub certificates: BTreeMap<String, Certificate>,
    /// Folders by path; those above a file or a folder are there without being listed.
    #[serde(default)]
    pub folders: BTreeMap<String, Folder>,
    /// Files by path.
    pub files: BTreeMap<String, File>,
    /// Registry values, by `HKLM\...` or, in the view of 32-bit programs, `HKLM32\...`.
    #[serde(default)]
    pub registry: BTreeMap<String, RegistryValue>,
    /// Roles and features of Windows; another name is unknown to it.
    #[serde(default)]
    pub features: BTreeMap<String, Feature>,
    /// What answers HTTP, by address.
    pub http: BTreeMap<String, Answer>,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its state as it was last written: read it with [`Service::at`].
    pub state: ServiceState,
    /// How it is started.
    pub start: StartMode,
    /// What Windows starts.
    #[serde(default)]
    pub command_line: String,
    /// The account that it logs on as.
    #[serde(default = "local_system")]
    pub account: String,
    /// The digest of the password that was set with it, see [`logon_digest`]; never the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Digest>,
    /// What Windows would do when it fails; here it is kept and not done.
    #[serde(default, skip_serializing_if = "is_default")]
    pub recovery: Recovery,
    /// How long it takes to start.
    #[serde(default)]
    pub start_delay_ms: u64,
    /// Services that run before it does, and that do not stop before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// TCP ports on which it listens while it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listens: Vec<u16>,
    /// When `start_pending` becomes `running`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_at: Option<Timestamp>,
    /// When it dies by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dies_at: Option<Timestamp>,
    /// The package that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

impl Service {
    /// One that nobody has set up: stopped, started by hand, made by no package.
    pub fn bare() -> Self {
        Self {
            state: ServiceState::Stopped,
            start: StartMode::Manual,
            command_line: String::new(),
            account: local_system(),
            password: None,
            recovery: Recovery::default(),
            start_delay_ms: 0,
            depends_on: Vec::new(),
            listens: Vec::new(),
            running_at: None,
            dies_at: None,
            made_by: None,
        }
    }
}

/// The account of a service for which nothing else was said.
pub fn local_system() -> String {
    "LocalSystem".to_owned()
}

/// Whether nobody has set any of it.
pub(super) fn is_default(recovery: &Recovery) -> bool {
    *recovery == Recovery::default()
}

/// What a twin keeps of a service's password.
pub fn logon_digest(service: &str, password: &str) -> Digest {
    Digest::of(format!("log-on of the twin's service {service}\n{password}").as_bytes())
}

impl Service {
    /// Its state at this time: a start that has had its delay is running, one that was to die is stopped.
    pub fn at(&self, now: Timestamp) -> ServiceState {
        let started = match (self.state, self.running_at) {
            (ServiceState::StartPending, Some(at)) if at <= now => ServiceState::Running,
            (state, _) => state,
        };
        match self.dies_at {
            Some(at) if at <= now && started == ServiceState::Running => ServiceState::Stopped,
            _ => started,
        }
    }

    /// Begins to start, or runs at once where there is no delay and what it depends on is ready.
    pub fn begin(&mut self, now: Timestamp, ready: Timestamp) {
        self.dies_at = None;
        self.running_at = Some(after(now.max(ready), self.start_delay_ms)).filter(|at| *at > now);
        self.state =
            if self.running_at.is_some() { ServiceState::StartPending } else { ServiceState::Running };
    }

    /// Stops at once.
    pub fn halt(&mut self) {
        (self.state, self.running_at, self.dies_at) = (ServiceState::Stopped, None, None);
    }
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// What is in it.
    pub content: Content,
    /// Accounts with an explicit right.
    #[serde(default)]
    pub rights: BTreeMap<String, Access>,
    /// The package that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

/// A file's bytes: text where they are text, so that a person can read and edit them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// UTF-8 text.
    Text(String),
    /// Anything else.
    Binary {
        /// The bytes in base64.
        #[serde(with = "base64_bytes")]
        base64: Vec<u8>,
    },
}

impl Content {
    /// These bytes.
    pub fn new(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Binary { base64: bytes.to_vec() },
        }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary { base64 } => base64,
        }
    }
}

mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&BASE64.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        BASE64.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// What answers at one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The status that it answers.
    pub status: u16,
    /// Services that must run; while one does not, the connection is refused.
    #[serde(default)]
    pub while_running: Vec<String>,
    /// The package that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

/// How accounts begin that may log on as a service without anybody's doing.
const MAY_ANYWAY: [&str; 2] = [r"nt authority\", r"nt service\"];

impl State {
    /// Gives an account the right to log on as a service, where it does not have it: along with a service, as Windows' own window
    /// of services does.
    pub fn let_log_on(&mut self, account: &str) {
        let lower = account.to_lowercase();
        let may = lower == "localsystem"
            || MAY_ANYWAY.iter().any(|start| lower.starts_with(start))
            || self.service_logons.iter().any(|given| given.eq_ignore_ascii_case(account));
        if !may {
            self.service_logons.insert(account.to_owned());
        }
    }

    /// Takes off all that a package made, settings and grants included (G12, G16, G18).
    pub fn remove_made_by(&mut self, package: &str) {
        let stays =
            |maker: &Option<String>| !maker.as_deref().is_some_and(|m| m.eq_ignore_ascii_case(package));
        self.services.retain(|_, service| stays(&service.made_by));
        self.app_pools.retain(|_, pool| stays(&pool.made_by));
        self.sites.retain(|_, site| stays(&site.made_by));
        self.certificates.retain(|_, found| stays(&found.made_by));
        self.folders.retain(|_, folder| stays(&folder.made_by));
        self.files.retain(|_, file| stays(&file.made_by));
        self.registry.retain(|_, value| stays(&value.made_by));
        self.http.retain(|_, answer| stays(&answer.made_by));
        self.packages.retain(|name, _| !name.eq_ignore_ascii_case(package));
    }

    /// Starts the computer again: automatic services begin to start, the others are stopped.
    pub fn reboot(&mut self, now: Timestamp) {
        self.boots += 1;
        self.computer.pending_reboot.clear();
        self.computer.sessions.clear();
        self.features.values_mut().for_each(Feature::restarted);
        self.sites.values_mut().for_each(|site| (site.stopped, site.started) = (false, false));
        self.services.values_mut().for_each(Service::halt);
        // A twin starts those that Windows would put off together with the others.
        let modes = [StartMode::Automatic, StartMode::AutomaticDelayed];
        let is_automatic = |(_, service): &(&String, &Service)| modes.contains(&service.start);
        let automatic: Vec<String> =
            self.services.iter().filter(is_automatic).map(|(name, _)| name.clone()).collect();
        for name in automatic {
            // One whose dependency cannot start stays stopped, as on Windows.
            for name in self.to_start(&name, now).unwrap_or_default() {
                self.begin(&name, now);
            }
        }
    }

    /// The state in which each service is at this time, written down.
    pub fn settle(&mut self, now: Timestamp) {
        for service in self.services.values_mut() {
            let state = service.at(now);
            if state != service.state {
                service.state = state;
                service.running_at = None;
                if state == ServiceState::Stopped {
                    service.dies_at = None;
                }
            }
        }
    }
}

/// The entry of that name, whatever its case.
pub fn find<'map, T>(map: &'map BTreeMap<String, T>, name: &str) -> Option<&'map T> {
    map.get(name)
        .or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// How the entry of that name is spelled.
pub fn find_key<T>(map: &BTreeMap<String, T>, name: &str) -> Option<String> {
    map.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned()
}

/// The entry of that name, whatever its case, to be changed.
pub fn find_mut<'map, T>(map: &'map mut BTreeMap<String, T>, name: &str) -> Option<&'map mut T> {
    map.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A time that much later; the last representable one where that is too far.
pub(super) fn after(now: Timestamp, delay_ms: u64) -> Timestamp {
    let delay = i64::try_from(delay_ms).map(SignedDuration::from_millis).unwrap_or(SignedDuration::MAX);
    now.checked_add(delay).unwrap_or(Timestamp::MAX)
}

/// A time moved by an offset, for the twin's own clock.
pub(super) fn offset(now: Timestamp, offset_ms: i64) -> Timestamp {
    now.checked_add(SignedDuration::from_millis(offset_ms)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(start: StartMode, start_delay_ms: u64) -> Service {
        Service { start, start_delay_ms, ..Service::bare() }
    }

    #[test]
    fn a_service_runs_only_after_its_start_up_delay() {
        let mut service = service(StartMode::Manual, 400);
        let now = Timestamp::UNIX_EPOCH;
        service.begin(now, now);
        assert_eq!(service.at(now), ServiceState::StartPending);
        assert_eq!(service.at(after(now, 399)), ServiceState::StartPending);
        assert_eq!(service.at(after(now, 400)), ServiceState::Running);
    }

    #[test]
    fn a_service_that_is_to_die_runs_first_and_is_then_stopped() {
        let mut service = service(StartMode::Manual, 10);
        let now = Timestamp::UNIX_EPOCH;
        service.begin(now, now);
        service.dies_at = Some(after(now, 30));
        assert_eq!(service.at(after(now, 20)), ServiceState::Running);
        assert_eq!(service.at(after(now, 30)), ServiceState::Stopped);
    }

    #[test]
    fn a_file_s_bytes_come_back_whether_they_are_text_or_not() {
        for bytes in ["ligne é\r\n".as_bytes(), &[0xff, 0xfe, 0x00]] {
            let json = serde_json::to_string(&Content::new(bytes)).unwrap();
            assert_eq!(serde_json::from_str::<Content>(&json).unwrap().bytes(), bytes);
        }
    }

    #[test]
    fn no_delay_is_too_long_for_the_calendar() {
        assert_eq!(after(Timestamp::UNIX_EPOCH, u64::MAX), Timestamp::MAX);
    }
}
