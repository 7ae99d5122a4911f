//! What an operator sees: gathered from one state of the store, put into words by the core.
//!
//! `known` reads what the store has of sites, `changed` says whether their documents moved on. Neighbours: `intake::catalog`
//! knows what the documents name, `dispatch::load` folds a plan's events where all of it is shown, `muster_core::view` makes
//! the views. Reads only, and decides nothing.

mod changed;
mod known;

use muster_core::record;
use muster_core::view::{self, PlanFacts, Servers, SiteFacts};
use muster_model::document::Documents;
use muster_model::name::{ParameterName, PlanId, Revision, Role, Slug};
use muster_model::resolve::{self, ExplainError};
use muster_model::view::{ExplainView, RenderView, ServerView, ServersView, StatusView, StepsView, WhyView};
use thiserror::Error;

use crate::dispatch::load::{self, Loaded};
use crate::intake::catalog::{self, Catalog, Outline};
use crate::planning::manifest;
use crate::store::{self, Server, Snapshot, Store};
use changed::Changed;
use known::{Kept, Known};

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
    changed: Changed,
    kept: Kept,
}

impl Views {
    /// A room over this store.
    pub fn new(store: Store, catalog: Catalog) -> Self {
        Self { store, catalog, changed: Changed::default(), kept: Kept::default() }
    }

    /// `muster.status/1` of one site, or of all.
    ///
    /// # Errors
    /// Where the site is not known or the state cannot be read.
    pub async fn status(&self, site: Option<&Slug>) -> Result<StatusView, Error> {
        let mut snapshot = self.store.snapshot().await?;
        if site.is_none() && snapshot.newest_revision().await?.is_none() {
            return Ok(StatusView { revision: None, sites: Vec::new() });
        }
        let now = self.store.clock().now();
        let (revision, documents) = self.catalog.newest(&mut snapshot).await?;
        let outlines = match site {
            Some(site) => vec![catalog::outline(&documents, site)?],
            None => catalog::outlines(&documents),
        };
        let known = match site {
            Some(site) => Known::one(&mut snapshot, site, now).await?,
            None => self.kept.all(&mut snapshot, now).await?,
        };
        let mut sites = Vec::with_capacity(outlines.len());
        for outline in outlines {
            let facts = self.facts(&mut snapshot, &known, outline, revision, &documents).await?;
            sites.push(view::site(&facts, now));
        }
        Ok(StatusView { revision: Some(revision), sites })
    }

    /// `muster.why/1` of a site.
    ///
    /// # Errors
    /// Where the site is not known or the state cannot be read.
    pub async fn why(&self, site: &Slug) -> Result<WhyView, Error> {
        let mut snapshot = self.store.snapshot().await?;
        let now = self.store.clock().now();
        let (revision, documents) = self.catalog.newest(&mut snapshot).await?;
        let outline = catalog::outline(&documents, site)?;
        let known = Known::one(&mut snapshot, site, now).await?;
        let loaded = match known.status(site) {
            Some(status) => Some(load::load(&mut snapshot, status.plan).await?),
            None => None,
        };
        let facts = self.facts(&mut snapshot, &known, outline, revision, &documents).await?;
        let connected = facts.servers.iter().filter(|facts| facts.connected);
        let connected: Vec<Role> = connected.map(|facts| facts.server.role.clone()).collect();
        let plan = loaded.as_ref().map(|loaded| PlanFacts {
            run: &loaded.run,
            servers: servers(loaded, connected),
            findings: loaded.parts.findings(),
        });
        Ok(view::why(&facts, plan.as_ref(), now))
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
        let known = self.kept.all(&mut snapshot, self.store.clock().now()).await?;
        let outlines = catalog::outlines(&documents);
        let facts = outlines.iter().flat_map(|outline| known.servers(outline));
        let mut servers: Vec<ServerView> = facts.map(|facts| view::server(&facts)).collect();
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

    async fn facts<'k>(
        &self,
        snapshot: &mut Snapshot,
        known: &'k Known,
        outline: Outline,
        revision: Revision,
        documents: &Documents,
    ) -> Result<SiteFacts<'k>, Error> {
        let status = known.status(&outline.site);
        let changed = match status {
            Some(status) => {
                let last_changed = self.changed.documents(snapshot, revision).await?;
                let versions = known.secrets(&outline.site);
                self.changed.since(snapshot, status, documents, &last_changed, versions).await?
            }
            None => false,
        };
        let servers = known.servers(&outline);
        let ends = known.ends(&outline.site);
        Ok(SiteFacts { site: outline.site, product: outline.product, servers, status, changed, ends })
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
