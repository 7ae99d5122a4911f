//! The kinds of node, their classes, and the table that says which attributes each has.
//!
//! Neighbours: `schema` holds the table; `document` reads YAML by it, the agent diffs by it. A kind is in the table or it
//! does not exist: nothing else in the house lists attributes.

mod schema;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use schema::{AttributeRole, AttributeSpec, AttributeType, KindSpec};

use crate::name::InvalidName;

/// The kinds from one list: the enum, its words and its rows of the table cannot come apart.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $word:literal in $spec:ident;)+) => {
        /// What a node is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum NodeKind {
            $($(#[doc = $doc])+ #[serde(rename = $word)] $kind,)+
        }

        impl NodeKind {
            /// Every kind, in the order of the documents.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// The kind's row of the table.
            pub fn spec(self) -> &'static KindSpec {
                match self { $(Self::$kind => &schema::$spec),+ }
            }

            /// The word for it in documents, tables and on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $word),+ }
            }
        }

        /// What a kind's word must be.
        const KIND_RULE: &str = concat!("one of" $(, " ", $word)+);
    };
}

kinds! {
    /// Something that an installer puts on the server and takes off again.
    Package = "package" in PACKAGE;
    /// A Windows service: its state and start mode.
    Service = "service" in SERVICE;
    /// An IIS application pool.
    IisAppPool = "iis_app_pool" in IIS_APP_POOL;
    /// An IIS site with its applications and virtual directories.
    IisSite = "iis_site" in IIS_SITE;
    /// A certificate in one of the computer's stores.
    Certificate = "certificate" in CERTIFICATE;
    /// A binding of an IIS site, with its certificate.
    IisBinding = "iis_binding" in IIS_BINDING;
    /// Who may use a certificate's private key.
    PrivateKeyAccess = "private_key_access" in PRIVATE_KEY_ACCESS;
    /// A folder and the rights on it.
    Folder = "folder" in FOLDER;
    /// A text file and the rights on it.
    File = "file" in FILE;
    /// A value of the registry, in one of its two views.
    RegistryValue = "registry_value" in REGISTRY_VALUE;
    /// A role or feature of Windows itself.
    WindowsFeature = "windows_feature" in WINDOWS_FEATURE;
    /// A read-only HTTP request made on the server.
    HttpProbe = "http_probe" in HTTP_PROBE;
    /// A person's confirmation.
    ManualStep = "manual_step" in MANUAL_STEP;
    /// Stops and starts services, in order.
    ServiceRestart = "service_restart" in SERVICE_RESTART;
    /// Gives pools new worker processes.
    PoolRecycle = "pool_recycle" in POOL_RECYCLE;
    /// Stops the pools and services of an application.
    ApplicationStop = "application_stop" in APPLICATION_STOP;
    /// Starts the services and pools of an application.
    ApplicationStart = "application_start" in APPLICATION_START;
    /// Starts the computer again.
    Reboot = "reboot" in REBOOT;
    /// A database of a SQL Server.
    SqlDatabase = "sql_database" in SQL_DATABASE;
    /// Scripts that are run against a database.
    SqlScripts = "sql_scripts" in SQL_SCRIPTS;
    /// A backup of a database, read back and found whole.
    SqlBackup = "sql_backup" in SQL_BACKUP;
    /// A read-only question to a database.
    SqlQuery = "sql_query" in SQL_QUERY;
    /// What must be so before anything runs on the server.
    Preflight = "preflight" in PREFLIGHT;
}

impl NodeKind {
    /// Whether Muster may take away what it made of this kind once it is no longer wanted. Databases, keys and certificates
    /// never are; packages go by another hand, and features of Windows may serve others.
    pub fn is_pruned(self) -> bool {
        matches!(
            self,
            Self::Service
                | Self::IisAppPool
                | Self::IisSite
                | Self::IisBinding
                | Self::PrivateKeyAccess
                | Self::Folder
                | Self::File
                | Self::RegistryValue
        )
    }

    /// Which of the four classes it belongs to.
    pub fn class(self) -> NodeClass {
        self.spec().class
    }

    /// Whether a node of it may say `on_change_of` or `before_change_of`.
    pub fn takes_triggers(self) -> bool {
        self.class() == NodeClass::Task && self != Self::SqlScripts
    }

    /// Whether a change of such a node can make a task run.
    pub fn is_cause(self) -> bool {
        matches!(self.class(), NodeClass::Resource | NodeClass::Task)
    }
}

impl fmt::Display for NodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for NodeKind {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let kind = Self::ALL.iter().find(|kind| kind.as_str() == text);
        kind.copied().ok_or_else(|| InvalidName {
            what: "kind of node",
            rule: KIND_RULE,
            text: text.to_owned(),
        })
    }
}

/// How a node is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeClass {
    /// Observed, diffed, changed, observed again.
    Resource,
    /// One-shot, with a completion marker of its own key.
    Task,
    /// Read-only: gives evidence, never a change.
    Check,
    /// A person's confirmation, held by the controller.
    Gate,
}

/// What may be done with an effect of which the outcome was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Observe, and repeat what is missing.
    Convergent,
    /// Started at most once: probed when its outcome was lost, parked as unknown when that does not settle it.
    OneShot,
    /// A person's: Muster looks before and after, and does nothing itself (G4, G14).
    Guided,
}
