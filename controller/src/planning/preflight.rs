//! A preflight: the comparison of a plan, days ahead and without one. Nothing is stored and no server is changed (G1).
//!
//! Neighbours: `create` compares for plans, `muster_core::preflight` joins what came back.

use muster_core::preflight::{self, Input};
use muster_model::name::Slug;
use muster_model::preflight::PreflightView;

use super::{Error, Planning, manifest};
use crate::intake::catalog;

impl Planning {
    /// Looks at a site's servers as the newest documents want them. A run that is under way is no hindrance: its server
    /// says so.
    ///
    /// # Errors
    /// Where the site is not known, or an agent answers what its manifest does not ask.
    pub async fn preflight(&self, site: &Slug) -> Result<PreflightView, Error> {
        let mut snapshot = self.store.snapshot().await?;
        let (revision, documents) = self.catalog.newest(&mut snapshot).await?;
        let resolved = catalog::resolve(&documents, site)?;
        let mut manifests = Vec::new();
        for wanted in resolved.servers {
            manifests.push(manifest::current(&mut snapshot, wanted).await?.into_record());
        }
        // The agents may take their time; nobody's view of the store is held meanwhile.
        drop(snapshot);
        let servers = self.compare_all(&manifests).await?;
        let now = self.store.clock().now();
        let input = Input { site: site.clone(), product: resolved.product, revision, now, servers };
        Ok(preflight::view(&input)?)
    }
}
