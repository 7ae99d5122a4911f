//! What a twin holds of IIS beside pools: sites, their defaults, and the records of HTTP.SYS.
//!
//! Neighbours: `state` holds them all, `sites` and `http_sys` answer from them. What a site does not say itself it inherits
//! from `site_defaults`, as in applicationHost.config.

use std::collections::BTreeMap;

use muster_model::binding::BindingKey;
use muster_model::certificate::CertificateStore;
use serde::{Deserialize, Serialize};

use crate::host::{ApplicationFacts, SiteFacts};

/// `siteDefaults`: what a site inherits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SiteDefaults {
    /// The pool of applications that name none (`applicationDefaults`).
    pub app_pool: String,
    /// Whether sites start with IIS (`serverAutoStart`).
    pub auto_start: bool,
}

impl Default for SiteDefaults {
    fn default() -> Self {
        Self { app_pool: "DefaultAppPool".to_owned(), auto_start: true }
    }
}

/// A site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// The folder of its root.
    pub physical_path: String,
    /// The pool of its root; inherited where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_pool: Option<String>,
    /// Whether it starts with IIS; inherited where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_start: Option<bool>,
    /// Whether a person stopped it since IIS started.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// Applications beside the root, by path.
    #[serde(default)]
    pub applications: BTreeMap<String, Application>,
    /// Virtual directories, by path from the root of the site.
    #[serde(default)]
    pub virtual_directories: BTreeMap<String, String>,
    /// Bindings, as in `https/*:1025:sxa.example`.
    #[serde(default)]
    pub bindings: BTreeMap<String, Binding>,
    /// The package that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

/// An application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// Its folder.
    pub physical_path: String,
    /// Its pool; inherited where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_pool: Option<String>,
}

/// What a binding says beside its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// Whether the client names the host first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sni: bool,
}

/// A record of HTTP.SYS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SslEntry {
    /// The certificate's thumbprint.
    pub certificate: String,
    /// The store that it is looked for in.
    #[serde(default, skip_serializing_if = "is_own")]
    pub store: CertificateStore,
    /// Whose record it is; IIS's own where it is not said.
    #[serde(default = "iis", skip_serializing_if = "is_iis")]
    pub app_id: String,
}

impl SslEntry {
    /// IIS's own.
    pub fn new(thumbprint: &str, store: CertificateStore) -> Self {
        Self { certificate: thumbprint.to_owned(), store, app_id: iis() }
    }
}

fn is_own(store: &CertificateStore) -> bool {
    *store == CertificateStore::My
}

fn iis() -> String {
    crate::host::IIS_APP_ID.to_owned()
}

fn is_iis(app_id: &String) -> bool {
    app_id == crate::host::IIS_APP_ID
}

impl Site {
    /// A site with nothing but a root.
    pub fn new(physical_path: &str, app_pool: Option<&str>) -> Self {
        Self {
            physical_path: physical_path.to_owned(),
            app_pool: app_pool.map(str::to_owned),
            auto_start: None,
            stopped: false,
            applications: BTreeMap::new(),
            virtual_directories: BTreeMap::new(),
            bindings: BTreeMap::new(),
            made_by: None,
        }
    }

    /// Its settings as they take effect.
    pub fn facts(&self, defaults: &SiteDefaults) -> SiteFacts {
        let pool = |own: &Option<String>| own.clone().unwrap_or_else(|| defaults.app_pool.clone());
        let applications = self.applications.iter().map(|(path, application)| {
            let Application { physical_path, app_pool } = application;
            let facts = ApplicationFacts { physical_path: physical_path.clone(), app_pool: pool(app_pool) };
            (path.clone(), facts)
        });
        SiteFacts {
            physical_path: self.physical_path.clone(),
            app_pool: pool(&self.app_pool),
            started: !self.stopped && self.auto_start.unwrap_or(defaults.auto_start),
            applications: applications.collect(),
            virtual_directories: self.virtual_directories.clone(),
            bindings: self.bindings().collect(),
        }
    }

    /// Its bindings, each with whether it has SNI. A hand may have written one that IIS could not have; it is none.
    pub fn bindings(&self) -> impl Iterator<Item = (BindingKey, bool)> {
        self.bindings.iter().filter_map(|(key, binding)| Some((key.parse().ok()?, binding.sni)))
    }
}
