//! An operator's profile: which controller, and with what to prove oneself.
//!
//! Neighbours: `muster-controller init` writes the first one, the CLI reads it. It holds a private key: it is written
//! readable by its owner alone, and has no `Debug`.

use std::path::Path;

use muster_model::name::Slug;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::dial::Credentials;

/// The content of a profile file, as JSON.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// 1.
    pub format: u32,
    /// Where the controller listens, `host:port`.
    pub controller: String,
    /// The operator's name, as in the certificate.
    pub operator: Slug,
    /// The authority's certificate, PEM.
    pub ca_pem: String,
    /// The operator's certificate, PEM.
    pub certificate_pem: String,
    /// The operator's private key, PEM.
    pub key_pem: String,
}

/// A profile that cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("the profile {0} cannot be read")]
    Read(String, #[source] std::io::Error),
    /// The file is not a profile.
    #[error("{0} is not a profile")]
    Shape(String, #[source] serde_json::Error),
    /// The file was written by a newer version.
    #[error("{0} has format {1}; this version reads 1")]
    Format(String, u32),
}

impl Profile {
    /// Reads a profile file.
    ///
    /// # Errors
    /// Where it cannot be read or is not a profile.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| Error::Read(shown.clone(), error))?;
        let profile: Self =
            serde_json::from_str(&text).map_err(|error| Error::Shape(shown.clone(), error))?;
        if profile.format == 1 { Ok(profile) } else { Err(Error::Format(shown, profile.format)) }
    }

    /// What to dial with.
    pub fn credentials(&self) -> Credentials {
        Credentials {
            ca_pem: self.ca_pem.clone(),
            certificate_pem: self.certificate_pem.clone(),
            key_pem: self.key_pem.clone(),
        }
    }
}
