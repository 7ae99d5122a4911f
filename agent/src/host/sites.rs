//! The port to IIS sites: root, applications, virtual directories, bindings, state.
//!
//! Neighbours: `resource::iis_site` and `resource::iis_binding` call it. The certificate of a binding is not here: it is a
//! record of HTTP.SYS. Facts are the settings as they take effect, defaults included.

use std::collections::BTreeMap;

use muster_model::binding::BindingKey;

use super::Error;

/// A site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteFacts {
    /// The folder of its root.
    pub physical_path: String,
    /// The pool of its root.
    pub app_pool: String,
    /// Whether it answers; one without a binding answers with its first where it starts by itself.
    pub started: bool,
    /// Whether it starts by itself, with IIS and with its first binding.
    pub starts: bool,
    /// Applications beside the root, by path.
    pub applications: BTreeMap<String, ApplicationFacts>,
    /// Virtual directories, by path from the root of the site.
    pub virtual_directories: BTreeMap<String, String>,
    /// Those of its bindings that documents can name, each with whether it asks for the host name first (SNI).
    pub bindings: BTreeMap<BindingKey, bool>,
}

impl SiteFacts {
    /// As a plan shows it. One of which the next start of IIS makes the other is neither `started` nor `stopped`.
    pub fn state(&self) -> &'static str {
        match (self.started, self.starts) {
            (true, true) => "started",
            (true, false) => "started until IIS starts again",
            (false, true) => "stopped until IIS starts again",
            (false, false) => "stopped",
        }
    }
}

/// An application below a site's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationFacts {
    /// Its folder.
    pub physical_path: String,
    /// Its pool.
    pub app_pool: String,
}

/// One change of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteChange {
    /// The folder of the root.
    PhysicalPath(String),
    /// The pool of the root.
    AppPool(String),
    /// An application at that path with that folder; made where it is not there.
    Application(String, String),
    /// The pool of the application at that path.
    ApplicationPool(String, String),
    /// No application at that path.
    NoApplication(String),
    /// A virtual directory at that path with that folder; made where it is not there.
    VirtualDirectory(String, String),
    /// No virtual directory at that path.
    NoVirtualDirectory(String),
    /// That binding, with or without SNI; made where it is not there.
    Binding(BindingKey, bool),
    /// No such binding.
    NoBinding(BindingKey),
    /// Whether it starts by itself, with IIS and with its first binding. One that runs or is stopped stays as it is.
    Starts(bool),
}

/// IIS sites.
pub trait Sites {
    /// What there is of that name, or none.
    fn get(&self, name: &str) -> Result<Option<SiteFacts>, Error>;
    /// Every HTTP binding of every site, also those that documents cannot name, as (site, binding, SNI).
    fn bindings(&self) -> Result<Vec<(String, BindingKey, bool)>, Error>;
    /// Makes a site without bindings, with these changes, in one commit; it starts by itself as IIS's defaults say, or a change.
    fn create(
        &self,
        name: &str,
        physical_path: &str,
        app_pool: &str,
        changes: &[SiteChange],
    ) -> Result<(), Error>;
    /// Makes these changes, in one commit, and no other.
    fn set(&self, name: &str, changes: &[SiteChange]) -> Result<(), Error>;
    /// Takes the site away, with all that is left in it.
    fn remove(&self, name: &str) -> Result<(), Error>;
    /// Starts or stops it, now and with IIS.
    fn set_started(&self, name: &str, started: bool) -> Result<(), Error>;
}
