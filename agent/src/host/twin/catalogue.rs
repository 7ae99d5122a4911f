//! What a twin is made from: the declaration, and the catalogue of what each package's installer does.
//!
//! Neighbours: `yaml` reads a declaration, `init` in `cli` makes a twin from it, `installer` carries out the catalogue.
//! Never holds what is installed: that is [`State`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use muster_model::name::{HostName, Version};
use serde::{Deserialize, Serialize};

use super::sql::state::SqlDeclared;
use super::state::{
    Answer, Certificate, Computer, Content, Feature, File, Folder, Pfx, Pool, PoolDefaults, RegistryValue,
    Service, Site, SiteDefaults, SslEntry, State, is_default, local_system, pfx_digest,
};
use crate::host::recovery::Recovery;
use crate::host::{Access, RegistryData, ServiceState, StartMode};

/// A twin's declaration, as a person writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// Always `Twin`.
    pub kind: DeclarationKind,
    /// The computer's name.
    pub host_name: HostName,
    /// What it is beside its software, and what goes on there.
    #[serde(default)]
    pub computer: Computer,
    /// What pools inherit.
    #[serde(default)]
    pub app_pool_defaults: PoolDefaults,
    /// Services that are there before any package.
    #[serde(default)]
    pub services: BTreeMap<String, ServiceMade>,
    /// What sites inherit.
    #[serde(default)]
    pub site_defaults: SiteDefaults,
    /// Sites that are there before any package.
    #[serde(default)]
    pub sites: BTreeMap<String, Site>,
    /// Records of HTTP.SYS that are there before any package.
    #[serde(default)]
    pub http_sys: BTreeMap<String, SslEntry>,
    /// Certificates that are there before any package, by thumbprint, as in [`State`].
    #[serde(default)]
    pub certificates: BTreeMap<String, Certificate>,
    /// PFX files that can be imported, by path.
    #[serde(default)]
    pub pfx: BTreeMap<String, PfxMade>,
    /// Files of public certificates, by path.
    #[serde(default)]
    pub cer: BTreeMap<String, Pfx>,
    /// Folders that are there before any package.
    #[serde(default)]
    pub folders: BTreeMap<String, FolderMade>,
    /// Registry values that are there before any package.
    #[serde(default)]
    pub registry: BTreeMap<String, RegistryData>,
    /// The roles and features that this Windows knows.
    #[serde(default)]
    pub features: BTreeMap<String, Feature>,
    /// What answers HTTP before any package.
    #[serde(default)]
    pub http: BTreeMap<String, Answer>,
    /// Modelled SQL Servers that the computer reaches, by address.
    #[serde(default)]
    pub sql_servers: BTreeMap<String, SqlDeclared>,
    /// What each package's installer does, by version.
    pub packages: BTreeMap<String, BTreeMap<Version, Effects>>,
}

/// The `kind:` of a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum DeclarationKind {
    /// A twin.
    Twin,
}

/// `catalogue.json`: the declaration's lasting part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// The folders of modelled SQL Servers, by address, beside the twin's own.
    #[serde(default)]
    pub sql_servers: BTreeMap<String, PathBuf>,
    /// PFX files that can be imported, by path.
    #[serde(default)]
    pub pfx: BTreeMap<String, Pfx>,
    /// Files of public certificates, by path.
    #[serde(default)]
    pub cer: BTreeMap<String, Pfx>,
    /// What each package's installer does, by version.
    pub packages: BTreeMap<String, BTreeMap<Version, Effects>>,
}

/// What one version's installer does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effects {
    /// How long it takes.
    pub install_ms: u64,
    /// How long it takes to take it off.
    pub uninstall_ms: u64,
    /// Whether it works piece by piece, so that an interrupted one leaves half. Otherwise it is all or nothing.
    #[serde(default)]
    pub staged: bool,
    /// What it exits with when it did its work; 3010 is a success that wants a restart.
    #[serde(default)]
    pub exit_code: i32,
    /// Services that it makes.
    #[serde(default)]
    pub services: BTreeMap<String, ServiceMade>,
    /// Pools that it makes.
    #[serde(default)]
    pub app_pools: BTreeMap<String, Pool>,
    /// Files that it makes.
    #[serde(default)]
    pub files: BTreeMap<String, FileMade>,
    /// Sites that it makes.
    #[serde(default)]
    pub sites: BTreeMap<String, Site>,
    /// Certificates that it brings, by thumbprint.
    #[serde(default)]
    pub certificates: BTreeMap<String, Certificate>,
    /// Folders that it makes.
    #[serde(default)]
    pub folders: BTreeMap<String, FolderMade>,
    /// Registry values that it sets.
    #[serde(default)]
    pub registry: BTreeMap<String, RegistryData>,
    /// What answers HTTP once it is there.
    #[serde(default)]
    pub http: BTreeMap<String, Answer>,
}

/// A PFX file, as whoever handed it over made it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PfxMade {
    /// The thumbprint of the certificate in it.
    pub thumbprint: String,
    /// Its subject.
    pub subject: String,
    /// When it begins to be valid; always was where it is not said.
    #[serde(default)]
    pub not_before: Option<Timestamp>,
    /// When it ends.
    pub not_after: Timestamp,
    /// The password that opens it, of which the twin keeps a digest; none where it has none.
    #[serde(default)]
    pub password: Option<String>,
}

impl PfxMade {
    fn kept(self) -> Pfx {
        let Self { thumbprint, subject, not_before, not_after, password } = self;
        let password = password.map(|password| pfx_digest(&thumbprint, &password));
        Pfx { thumbprint, subject, not_before, not_after, password }
    }
}

/// A service, as an installer leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceMade {
    /// How it is started.
    pub start: StartMode,
    /// What Windows starts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command_line: String,
    /// The account that it logs on as; LocalSystem unless said.
    #[serde(default = "local_system")]
    pub account: String,
    /// Its state; stopped unless said.
    #[serde(default = "stopped")]
    pub state: ServiceState,
    /// What Windows would do when it fails; nothing unless said.
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
}

fn stopped() -> ServiceState {
    ServiceState::Stopped
}

/// A file, as an installer leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileMade {
    /// Its text.
    pub content: String,
    /// Accounts with an explicit right.
    #[serde(default)]
    pub rights: BTreeMap<String, Access>,
}

/// A folder, as an installer leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderMade {
    /// Accounts with an explicit right.
    #[serde(default)]
    pub rights: BTreeMap<String, Access>,
}

impl FolderMade {
    fn by(&self, made_by: Option<String>) -> Folder {
        Folder { rights: self.rights.clone(), made_by }
    }
}

/// One piece of an installation: what a staged installer does between two moments.
pub type Piece = Box<dyn FnOnce(&mut State)>;

impl Effects {
    /// The pieces in order, each with its name. The package is entered last, so that half an installation is no version.
    pub fn pieces(&self, package: &str, version: &Version) -> Vec<(String, Piece)> {
        let mut pieces: Vec<(String, Piece)> = Vec::new();
        let maker = || Some(package.to_owned());
        for (name, made) in &self.services {
            let (key, service) = (name.clone(), service(made, maker()));
            pieces
                .push((format!("service {name}"), Box::new(move |s| drop(s.services.insert(key, service)))));
        }
        for (name, made) in &self.app_pools {
            let (key, pool) = (name.clone(), Pool { made_by: maker(), ..made.clone() });
            pieces.push((format!("pool {name}"), Box::new(move |s| drop(s.app_pools.insert(key, pool)))));
        }
        for (path, made) in &self.files {
            let content = Content::Text(made.content.clone());
            let (key, file) = (path.clone(), File { content, rights: made.rights.clone(), made_by: maker() });
            pieces.push((format!("file {path}"), Box::new(move |s| drop(s.files.insert(key, file)))));
        }
        for (name, made) in &self.sites {
            let (key, site) = (name.clone(), Site { made_by: maker(), ..made.clone() });
            pieces.push((format!("site {name}"), Box::new(move |s| drop(s.sites.insert(key, site)))));
        }
        for (thumbprint, brought) in &self.certificates {
            let (key, found) = (thumbprint.clone(), Certificate { made_by: maker(), ..brought.clone() });
            let name = format!("certificate {thumbprint}");
            pieces.push((name, Box::new(move |s| drop(s.certificates.insert(key, found)))));
        }
        for (path, made) in &self.folders {
            let (key, folder) = (path.clone(), made.by(maker()));
            pieces.push((format!("folder {path}"), Box::new(move |s| drop(s.folders.insert(key, folder)))));
        }
        for (name, data) in &self.registry {
            let (key, value) = (name.clone(), RegistryValue { data: data.clone(), made_by: maker() });
            pieces.push((format!("registry {name}"), Box::new(move |s| drop(s.registry.insert(key, value)))));
        }
        for (url, answer) in &self.http {
            let (key, answer) = (url.clone(), Answer { made_by: maker(), ..answer.clone() });
            pieces.push((format!("address {url}"), Box::new(move |s| drop(s.http.insert(key, answer)))));
        }
        let (key, version) = (package.to_owned(), version.clone());
        pieces.push((
            format!("package {package} {version}"),
            Box::new(move |s| drop(s.packages.insert(key, version))),
        ));
        pieces
    }
}

fn service(made: &ServiceMade, made_by: Option<String>) -> Service {
    Service {
        state: made.state,
        start: made.start,
        command_line: made.command_line.clone(),
        account: made.account.clone(),
        recovery: made.recovery.clone(),
        start_delay_ms: made.start_delay_ms,
        depends_on: made.depends_on.clone(),
        listens: made.listens.clone(),
        made_by,
        ..Service::bare()
    }
}

impl Declaration {
    /// The server before any package, and the catalogue.
    pub fn split(self) -> (State, Catalogue) {
        let state = State {
            host_name: self.host_name,
            boots: 1,
            clock_offset_ms: 0,
            computer: self.computer,
            packages: BTreeMap::new(),
            services: self.services.iter().map(|(name, made)| (name.clone(), service(made, None))).collect(),
            app_pool_defaults: self.app_pool_defaults,
            service_logons: BTreeSet::new(),
            app_pools: BTreeMap::new(),
            site_defaults: self.site_defaults,
            sites: self.sites,
            http_sys: self.http_sys,
            certificates: self.certificates,
            folders: self.folders.iter().map(|(path, made)| (path.clone(), made.by(None))).collect(),
            files: BTreeMap::new(),
            registry: self
                .registry
                .into_iter()
                .map(|(name, data)| (name, RegistryValue { data, made_by: None }))
                .collect(),
            features: self.features,
            http: self.http,
        };
        let sql_servers = self.sql_servers.into_iter().enumerate().map(|(index, (address, declared))| {
            let own = || format!("sql/{index}");
            (address, PathBuf::from(declared.dir.unwrap_or_else(own)))
        });
        let sql_servers = sql_servers.collect();
        let pfx = self.pfx.into_iter().map(|(path, made)| (path, made.kept())).collect();
        (state, Catalogue { sql_servers, pfx, cer: self.cer, packages: self.packages })
    }
}
