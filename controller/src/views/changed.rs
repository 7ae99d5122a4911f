//! Whether a site's documents or secrets make other manifests today than those of its newest plan.
//!
//! Neighbours: `super` asks it for every site that it shows. Manifests are compiled only for a site of which a document was
//! pushed after its plan, and once: what came of it is kept in memory until another document of the site or another plan
//! is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_core::compile::{self, SecretVersions};
use muster_core::record::Record;
use muster_core::status::SiteStatus;
use muster_model::document::{DocumentKey, Documents};
use muster_model::manifest::Manifest;
use muster_model::name::{Generation, PlanId, Revision, Role, ServerId, Slug};

use super::Error;
use crate::intake::catalog;
use crate::store::Snapshot;

/// What was found out before. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub(super) struct Changed {
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    /// At which revision each document last changed, as of a revision.
    documents: Option<(Revision, Arc<BTreeMap<String, Revision>>)>,
    /// Of a plan, and of documents that last changed at a revision: whether they make other manifests.
    answers: BTreeMap<Slug, (PlanId, Revision, bool)>,
}

impl Changed {
    /// At which revision each document last changed.
    pub(super) async fn documents(
        &self,
        snapshot: &mut Snapshot,
        newest: Revision,
    ) -> Result<Arc<BTreeMap<String, Revision>>, Error> {
        if let Some((revision, documents)) = &self.lock().documents
            && *revision == newest
        {
            return Ok(Arc::clone(documents));
        }
        let documents = Arc::new(snapshot.documents_last_changed().await?);
        self.lock().documents = Some((newest, Arc::clone(&documents)));
        Ok(documents)
    }

    /// Whether the site is another one today than its plan has it.
    pub(super) async fn since(
        &self,
        snapshot: &mut Snapshot,
        status: &SiteStatus,
        documents: &Documents,
        last_changed: &BTreeMap<String, Revision>,
        versions: &SecretVersions,
    ) -> Result<bool, Error> {
        let planned = status.servers.values().flat_map(|server| &server.secrets);
        if planned.into_iter().any(|(secret, version)| versions.get(secret).map_or(0, |v| v.0) != version.0) {
            return Ok(true);
        }
        let Some(pushed) = pushed(documents, &status.site, last_changed) else { return Ok(true) };
        if pushed <= status.revision {
            return Ok(false);
        }
        if let Some((plan, revision, changed)) = self.lock().answers.get(&status.site)
            && (*plan, *revision) == (status.plan, pushed)
        {
            return Ok(*changed);
        }
        let changed = compiled(snapshot, status, documents, versions).await?;
        self.lock().answers.insert(status.site.clone(), (status.plan, pushed, changed));
        Ok(changed)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The newest revision that changed a document which the site is made from; none where the site has none.
fn pushed(documents: &Documents, site: &Slug, last_changed: &BTreeMap<String, Revision>) -> Option<Revision> {
    let (_, document) = documents.site(site)?;
    let keys = catalog::named(document).into_iter().chain([DocumentKey::Site(site.clone())]);
    keys.filter_map(|key| last_changed.get(&key.to_string()).copied()).max()
}

/// Compiles the site and compares with the manifests of its plan.
async fn compiled(
    snapshot: &mut Snapshot,
    status: &SiteStatus,
    documents: &Documents,
    versions: &SecretVersions,
) -> Result<bool, Error> {
    let wanted = catalog::resolve(documents, &status.site)?.servers;
    let planned: BTreeSet<&Role> = status.servers.keys().collect();
    if wanted.iter().map(|wanted| &wanted.server.role).collect::<BTreeSet<_>>() != planned {
        return Ok(true);
    }
    for wanted in wanted {
        let server = ServerId { site: status.site.clone(), role: wanted.server.role.clone() };
        let generation = status.servers.get(&server.role).map_or(Generation(0), |server| server.generation);
        let stored = snapshot.manifest(&server, generation).await?;
        let stored: Option<Record<Manifest>> =
            stored.map(|manifest| Record::read(manifest.bytes)).transpose()?;
        let stored = stored.as_ref().map(Record::value);
        if compile::manifest(wanted.with_secrets(versions), stored, Generation(0))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
