//! Sealed secrets: `v1::SealedSecret` to [`SealedSecret`] and back.
//!
//! Neighbours: commands carry them to agents, operators' calls to and from the controller. What is inside is nobody's
//! business here.

use muster_model::name::SecretVersion;
use muster_model::secret::{Sealed, SealedSecret, SecretRef};

use super::Invalid;
use crate::v1;

impl TryFrom<v1::SealedSecret> for SealedSecret {
    type Error = Invalid;
    fn try_from(wire: v1::SealedSecret) -> Result<Self, Invalid> {
        let v1::SealedSecret { site, secret, version, sealed } = wire;
        let site = site.parse().map_err(|source| Invalid::Name { field: "SealedSecret.site", source })?;
        let secret =
            secret.parse().map_err(|source| Invalid::Name { field: "SealedSecret.secret", source })?;
        let secret = SecretRef { site, secret, version: SecretVersion(version) };
        if !secret.is_set() {
            return Err(Invalid::Missing("SealedSecret.version"));
        }
        Ok(Self { secret, sealed: Sealed::new(sealed) })
    }
}

impl From<SealedSecret> for v1::SealedSecret {
    fn from(sealed: SealedSecret) -> Self {
        let SealedSecret { secret: SecretRef { site, secret, version }, sealed } = sealed;
        Self { site: site.into(), secret: secret.into(), version: version.0, sealed: sealed.bytes().to_vec() }
    }
}
