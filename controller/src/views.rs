//! What an operator sees: gathered from one state of the store, put into words by the core.
//!
//! Neighbours: `intake::catalog` knows what the documents name, `dispatch::load` folds a plan's events, `muster_core::view`
//! makes the views. Reads only, and decides nothing.

use std::collections::BTreeSet;

use muster_core::compile::{self, SecretVersions};
use muster_core::record;
use muster_core::view::{self, PlanFacts, ServerFacts, Servers, SiteFacts};
use muster_model::document::Documents;
use muster_model::name::{Generation, ParameterName, PlanId, Revision, Role, ServerId, Slug};
use muster_model::resolve::{self, ExplainError};
use muster_model::secret::SecretRef;
use muster_model::view::{ExplainView, RenderView, ServersView, StatusView, StepsView, WhyView};
use thiserror::Error;

use crate::dispatch::load::{self, Loaded};
use crate::intake::catalog::{self, Catalog, Outline};
use crate::planning::manifest;
use crate::store::{self, Server, Snapshot, Store};

/// Why something cannot be shown.
#[derive(Debug, Error)]
pub enum Error {
    /// The store does not answer.
    #[error("the state cannot be read")]
    Store(#[from] store::Error),
    /// A plan cannot be loaded.
    #[error(transparent)]
    Load(#[from] load::Error),
    /// The documents do not name it, or cannot be read.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// A parameter's value cannot be explained.
    #[error(transparent)]
    Explain(#[from] ExplainError),
    /// A manifest cannot be compiled, or a stored one is damaged.
    #[error("a manifest cannot be shown")]
    Manifest(#[from] manifest::Error),
    /// A manifest has no bytes.
    #[error("a manifest cannot be compared with the plan's")]
    Record(#[from] record::Error),
}

/// The room. Cheap to clone.
#[derive(Clone)]
pub struct Views {
    store: Store,
    catalog: Catalog,
}

/// A site with everything that its view needs.
struct Gathered {
    outline: Outline,
    servers: Vec<ServerFacts>,
    plan: Option<Loaded>,
    changed: bool,
}

impl Views {
    /// A room over this store.
    pub fn new(store: Store, catalog: Catalog) -> Self {
        Self { store, catalog }
    }

    /// `muster.status/1` of one site, or of all.
    ///
    /// # Errors
    /// Where the site is not known or the state cannot be read.
    pub async fn status(&self, site: Option<&Slug>) -> Result<StatusView, Error> {
        let mut snapshot = self.store.snapshot().await?;
        let now = self.store.clock().now();
        let revision = snapshot.newest_revision().await?.map(|newest| newest.revision);
        if revision.is_none() && site.is_none() {
            return Ok(view::status(None, &[], now));
        }
        let gathered = self.gather(&mut snapshot, site).await?;
        let facts: Vec<SiteFacts<'_>> = gathered.iter().map(Gathered::facts).collect();
        Ok(view::status(revision, &facts, now))
    }

    /// `muster.why/1` of a site.
    ///
    /// # Errors
    /// Where the site is not known or the state cannot be read.
    pub async fn why(&self, site: &Slug) -> Result<Option<WhyView>, Error> {
        let mut snapshot = self.store.snapshot().await?;
        let gathered = self.gather(&mut snapshot, Some(site)).await?;
        let now = self.store.clock().now();
        Ok(gathered.first().map(|gathered| view::why(&gathered.facts(), now)))
    }

    /// `muster.servers/1`: every server of every site.
    ///
    /// # Errors
    /// Where the state cannot be read.
    pub async fn servers(&self) -> Result<ServersView, Error> {
        let mut snapshot = self.store.snapshot().await?;
        if snapshot.newest_revision().await?.is_none() {
            return Ok(ServersView { servers: Vec::new() });
        }
        let (_, documents) = self.catalog.newest(&mut snapshot).await?;
        let invited = snapshot.open_invitations(self.store.clock().now()).await?;
        let mut servers = Vec::new();
        for outline in catalog::outlines(&documents) {
            let facts = servers_of(&mut snapshot, &outline, &invited).await?;
            servers.extend(facts.iter().map(view::server));
        }
        servers.sort_by(|one, other| one.server.cmp(&other.server));
        Ok(ServersView { servers })
    }

    /// `muster.steps/1` of a plan.
    ///
    /// # Errors
    /// Where there is no such plan or the state cannot be read.
    pub async fn steps(&self, plan: PlanId) -> Result<StepsView, Error> {
        let mut snapshot = self.store.snapshot().await?;
        let loaded = load::load(&mut snapshot, plan).await?;
        let connected = connected(&snapshot.servers_of(&loaded.parts.site).await?);
        Ok(view::steps(&loaded.run, &servers(&loaded, connected), self.store.clock().now()))
    }

    /// `muster.render/1` of a site: its manifests as the newest revision makes them. Nothing is stored.
    ///
    /// # Errors
    /// Where the site is not known or the state cannot be read.
    pub async fn render(&self, site: &Slug) -> Result<RenderView, Error> {
        let mut snapshot = self.store.snapshot().await?;
        let (revision, documents) = self.catalog.newest(&mut snapshot).await?;
        let mut manifests = Vec::new();
        for wanted in catalog::resolve(&documents, site)?.servers {
            let current = manifest::current(&mut snapshot, wanted).await?;
            manifests.push(current.into_record().into_parts().0);
        }
        Ok(RenderView { site: site.clone(), revision, manifests })
    }

    /// `muster.explain/1` of a parameter of a site, at the newest revision.
    ///
    /// # Errors
    /// Where the site or the parameter is not known or the state cannot be read.
    pub async fn explain(&self, site: &Slug, parameter: &ParameterName) -> Result<ExplainView, Error> {
        let mut snapshot = self.store.snapshot().await?;
        let (revision, documents) = self.catalog.newest(&mut snapshot).await?;
        catalog::outline(&documents, site)?;
        Ok(resolve::explain(&documents, revision, site, parameter)?)
    }

    async fn gather(&self, snapshot: &mut Snapshot, site: Option<&Slug>) -> Result<Vec<Gathered>, Error> {
        let (revision, documents) = self.catalog.newest(snapshot).await?;
        let outlines = match site {
            Some(site) => vec![catalog::outline(&documents, site)?],
            None => catalog::outlines(&documents),
        };
        let invited = snapshot.open_invitations(self.store.clock().now()).await?;
        let mut gathered = Vec::new();
        for outline in outlines {
            let servers = servers_of(snapshot, &outline, &invited).await?;
            let plan = match snapshot.newest_plan(&outline.site).await? {
                Some(newest) => Some(load::load(snapshot, newest.plan).await?),
                None => None,
            };
            let versions = snapshot.secret_versions(&outline.site).await?;
            let changed = match &plan {
                Some(plan) => has_changed(plan, revision, &documents, &versions)?,
                None => false,
            };
            gathered.push(Gathered { outline, servers, plan, changed });
        }
        Ok(gathered)
    }
}

impl Gathered {
    fn facts(&self) -> SiteFacts<'_> {
        let connected =
            self.servers.iter().filter(|facts| facts.connected).map(|facts| facts.server.role.clone());
        let plan = self.plan.as_ref().map(|loaded| PlanFacts {
            run: &loaded.run,
            servers: servers(loaded, connected.collect()),
            findings: loaded.parts.findings(),
        });
        SiteFacts {
            site: self.outline.site.clone(),
            product: self.outline.product.clone(),
            servers: self.servers.clone(),
            plan,
            changed: self.changed,
        }
    }
}

fn servers(loaded: &Loaded, connected: Vec<Role>) -> Servers<'_> {
    let parts = loaded.parts.servers.iter();
    Servers {
        manifests: parts.map(|(role, part)| (role.clone(), part.manifest.value())).collect(),
        connected,
        simulated: loaded.parts.plan.simulated,
    }
}

fn connected(rows: &[Server]) -> Vec<Role> {
    rows.iter().filter(|row| row.connected).map(|row| row.server.role.clone()).collect()
}

/// What is known of a site's servers.
async fn servers_of(
    snapshot: &mut Snapshot,
    outline: &Outline,
    invited: &BTreeSet<ServerId>,
) -> Result<Vec<ServerFacts>, Error> {
    let rows = snapshot.servers_of(&outline.site).await?;
    let mut facts = Vec::new();
    for (role, host) in &outline.servers {
        let server = ServerId { site: outline.site.clone(), role: role.clone() };
        let row = rows.iter().find(|row| row.server == server);
        let generation = snapshot.newest_manifest(&server).await?.map(|newest| newest.generation);
        facts.push(ServerFacts {
            host: host.clone(),
            serial: row.and_then(|row| row.serial.clone()),
            revoked: row.is_some_and(|row| row.revoked_at.is_some()),
            invited: invited.contains(&server),
            connected: row.is_some_and(|row| row.connected),
            simulated: row.and_then(|row| row.simulated),
            agent_version: row.and_then(|row| row.agent_version.clone()),
            clock_offset_ms: row.and_then(|row| row.clock_offset_ms),
            generation,
            since: row.and_then(|row| row.moved_at),
            server,
        });
    }
    Ok(facts)
}

/// Whether the newest revision and the newest secrets make other manifests than the plan was made from.
fn has_changed(
    plan: &Loaded,
    revision: Revision,
    documents: &Documents,
    versions: &SecretVersions,
) -> Result<bool, Error> {
    let mut secrets = plan.parts.servers.values().flat_map(|part| part.manifest.value().secrets());
    let newest = |secret: &SecretRef| versions.get(&secret.secret).map_or(0, |version| version.0);
    if secrets.any(|(_, secret)| secret.version.0 != newest(secret)) {
        return Ok(true);
    }
    if plan.parts.plan.revision == revision {
        return Ok(false);
    }
    let wanted = catalog::resolve(documents, &plan.parts.site)?.servers;
    let planned: BTreeSet<&Role> = plan.parts.servers.keys().collect();
    if wanted.iter().map(|wanted| &wanted.server.role).collect::<BTreeSet<_>>() != planned {
        return Ok(true);
    }
    for wanted in wanted {
        let part = plan.parts.servers.get(&wanted.server.role);
        if compile::manifest(
            wanted.with_secrets(versions),
            part.map(|part| part.manifest.value()),
            Generation(0),
        )?
        .is_some()
        {
            return Ok(true);
        }
    }
    Ok(false)
}
