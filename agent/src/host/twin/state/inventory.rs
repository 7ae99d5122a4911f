//! What a twin holds of the computer itself: versions, space, rights, sessions, listeners.
//!
//! Neighbours: `state` holds it, `inventory` answers from it. What is not said is that of a plain Windows Server 2019.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::host::Unfinished;

/// The computer itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Computer {
    /// The version of Windows.
    pub windows: String,
    /// Whether it is a 64-bit one.
    pub bits_64: bool,
    /// The version of IIS whatever the features say; without it, IIS 10.0 comes with its feature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iis: Option<String>,
    /// The version of the .NET Framework 4.
    pub net_framework: Option<String>,
    /// Its memory.
    pub memory_gib: u64,
    /// Free space in GiB by drive, as in `D`; another drive is not there.
    pub free_gib: BTreeMap<String, u64>,
    /// What waits for a restart beside features, in words.
    pub pending_reboot: BTreeSet<String>,
    /// What Windows Installer has begun and not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfinished_installation: Option<Unfinished>,
    /// Whether the agent has an administrator's rights.
    pub elevated: bool,
    /// Members of the local group of administrators.
    pub administrators: BTreeSet<String>,
    /// Who is logged on, with the programs that each has open.
    pub sessions: BTreeMap<String, BTreeSet<String>>,
    /// Programs that listen beside services and sites, by port.
    pub listeners: BTreeMap<u16, String>,
}

impl Default for Computer {
    fn default() -> Self {
        Self {
            windows: "10.0.17763".to_owned(),
            bits_64: true,
            iis: None,
            net_framework: Some("4.7.2".to_owned()),
            memory_gib: 16,
            free_gib: ["C", "D", "E"].into_iter().map(|drive| (drive.to_owned(), 100)).collect(),
            pending_reboot: BTreeSet::new(),
            unfinished_installation: None,
            elevated: true,
            administrators: BTreeSet::from([r"BUILTIN\Administrator".to_owned()]),
            sessions: BTreeMap::new(),
            listeners: BTreeMap::new(),
        }
    }
}
