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
    /// Whether it runs though it does not start with IIS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub started: bool,
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
            started: false,
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
        let starts = self.auto_start.unwrap_or(defaults.auto_start);
        SiteFacts {
            physical_path: self.physical_path.clone(),
            app_pool: pool(&self.app_pool),
            started: !self.stopped && (self.started || starts),
            starts,
            applications: applications.collect(),
            virtual_directories: self.virtual_directories.clone(),
            bindings: self.bindings().collect(),
        }
    }

    /// Says whether it starts by itself, on the site itself. One that runs or is stopped stays so; one without a binding is
    /// neither.
    pub fn set_starts(&mut self, starts: bool, defaults: &SiteDefaults) {
        let (runs, is_either) = (self.facts(defaults).started, !self.bindings.is_empty());
        self.auto_start = Some(starts);
        self.stopped = is_either && starts && !runs;
        self.started = is_either && !starts && runs;
    }

    /// Starts or stops it, now and with IIS.
    pub fn set_started(&mut self, started: bool) {
        (self.auto_start, self.stopped, self.started) = (Some(started), false, false);
    }

    /// Its bindings that documents can name, each with whether it has SNI. A hand may have written one that is none.
    pub fn bindings(&self) -> impl Iterator<Item = (BindingKey, bool)> {
        self.bindings.iter().filter_map(|(key, binding)| Some((key.parse().ok()?, binding.sni)))
    }

    /// The same, with those that IIS has and documents cannot name.
    pub fn all_bindings(&self) -> impl Iterator<Item = (BindingKey, bool)> {
        self.bindings.iter().filter_map(|(key, binding)| Some((BindingKey::seen(key)?, binding.sni)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whether_a_site_starts_with_iis_is_about_the_next_start() {
        let defaults = SiteDefaults::default();
        let mut site = Site::new(r"C:\Sage", None);
        let state = |site: &Site| site.facts(&defaults).state();
        site.set_starts(false, &defaults);
        assert_eq!(state(&site), "stopped", "without a binding it is as it starts");
        site.bindings.insert("http/*:80:".to_owned(), Binding::default());
        site.set_starts(true, &defaults);
        assert_eq!(state(&site), "stopped until IIS starts again");
        for (started, other, wanted) in
            [(true, false, "started until IIS starts again"), (false, true, "stopped until IIS starts again")]
        {
            site.set_started(started);
            assert_eq!(state(&site), if started { "started" } else { "stopped" });
            site.set_starts(other, &defaults);
            assert_eq!(state(&site), wanted);
            site.set_starts(started, &defaults);
            assert_eq!(state(&site), if started { "started" } else { "stopped" });
        }
    }
}
