//! What the store knows of sites. Of one, it is read when it is asked; of all, what was read before is kept, and only the
//! sites are read again of which an event was stored since: no row of a site changes without one.
//!
//! Neighbours: `super` joins it with the documents and the time. Nothing here loads a plan or folds an event: where a site
//! stands is in its row.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use muster_core::compile::SecretVersions;
use muster_core::status::SiteStatus;
use muster_core::view::ServerFacts;
use muster_model::name::{HostName, NodeId, Role, Sequence, ServerId, Slug};

use crate::intake::catalog::Outline;
use crate::store::{self, Server, Snapshot};

/// Above this many events everything is read anew: that is a few statements, a site is four.
const READ_ALL: u64 = 500;

/// What the store knows of one site, or of all.
pub(super) struct Known {
    sites: Arc<Sites>,
    invited: BTreeSet<ServerId>,
}

/// What was read of all sites, as of an event. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub(super) struct Kept {
    held: Arc<Mutex<Option<Held>>>,
}

/// What was read, and the newest event then.
type Held = (Sequence, Arc<Sites>);

type Sites = BTreeMap<Slug, Arc<Site>>;

/// What the store knows of a site.
#[derive(Default)]
struct Site {
    servers: BTreeMap<Role, Server>,
    status: Option<SiteStatus>,
    secrets: SecretVersions,
    ends: BTreeMap<Gate, (Date, String)>,
}

/// A gate of a site.
type Gate = (Role, NodeId);

static UNKNOWN: Site =
    Site { servers: BTreeMap::new(), status: None, secrets: SecretVersions::new(), ends: BTreeMap::new() };

impl Kept {
    /// All sites, as of now.
    pub(super) async fn all(&self, snapshot: &mut Snapshot, now: Timestamp) -> Result<Known, store::Error> {
        let newest = snapshot.newest_sequence().await?;
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sites = match held.filter(|(at, _)| (at.0..=at.0 + READ_ALL).contains(&newest.0)) {
            Some((at, sites)) => caught_up(snapshot, sites, at, newest).await?,
            None => Arc::new(read_all(snapshot).await?),
        };
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some((newest, Arc::clone(&sites)));
        Ok(Known { sites, invited: snapshot.open_invitations(now).await? })
    }
}

impl Known {
    /// One site, as of now.
    pub(super) async fn one(
        snapshot: &mut Snapshot,
        site: &Slug,
        now: Timestamp,
    ) -> Result<Self, store::Error> {
        let read = Arc::new(Site::read(snapshot, site).await?);
        let sites = Arc::new(BTreeMap::from([(site.clone(), read)]));
        Ok(Self { sites, invited: snapshot.open_invitations(now).await? })
    }

    fn site(&self, site: &Slug) -> &Site {
        self.sites.get(site).map_or(&UNKNOWN, Arc::as_ref)
    }

    /// Where a site stands by its newest plan.
    pub(super) fn status(&self, site: &Slug) -> Option<&SiteStatus> {
        self.site(site).status.as_ref()
    }

    /// What ends some day, as persons said when they confirmed gates of a site.
    pub(super) fn ends(&self, site: &Slug) -> Vec<(Date, String, Role)> {
        let ends = self.site(site).ends.iter();
        ends.map(|((role, _), (day, what))| (*day, what.clone(), role.clone())).collect()
    }

    /// The newest version of each secret of a site.
    pub(super) fn secrets(&self, site: &Slug) -> &SecretVersions {
        &self.site(site).secrets
    }

    /// What is known of the servers that a site's document names.
    pub(super) fn servers(&self, outline: &Outline) -> Vec<ServerFacts> {
        let known = self.site(&outline.site);
        let server = |(role, host)| self.server(known, &outline.site, role, host);
        outline.servers.iter().map(|(role, host)| (role, host)).map(server).collect()
    }

    fn server(&self, known: &Site, site: &Slug, role: &Role, host: &HostName) -> ServerFacts {
        let server = ServerId { site: site.clone(), role: role.clone() };
        let row = known.servers.get(role);
        let planned = known.status.as_ref().and_then(|status| status.servers.get(role));
        ServerFacts {
            host: host.clone(),
            serial: row.and_then(|row| row.serial.clone()),
            revoked: row.is_some_and(|row| row.revoked_at.is_some()),
            invited: self.invited.contains(&server),
            connected: row.is_some_and(|row| row.connected),
            simulated: row.and_then(|row| row.simulated),
            agent_version: row.and_then(|row| row.agent_version.clone()),
            clock_offset_ms: row.and_then(|row| row.clock_offset_ms),
            generation: planned.map(|planned| planned.generation),
            since: row.and_then(|row| row.moved_at),
            server,
        }
    }
}

impl Site {
    async fn read(snapshot: &mut Snapshot, site: &Slug) -> Result<Self, store::Error> {
        let servers = snapshot.servers_of(site).await?;
        // Oldest first: what was said last of a gate stands.
        let ends = snapshot.end_dates(Some(site)).await?.into_iter();
        Ok(Self {
            servers: servers.into_iter().map(|server| (server.server.role.clone(), server)).collect(),
            status: snapshot.site_status(site).await?,
            secrets: snapshot.secret_versions(site).await?,
            ends: ends.filter_map(|said| Some(((said.role, said.node), said.ends?))).collect(),
        })
    }
}

/// What was read as of one event, as of a newer one.
async fn caught_up(
    snapshot: &mut Snapshot,
    mut sites: Arc<Sites>,
    at: Sequence,
    newest: Sequence,
) -> Result<Arc<Sites>, store::Error> {
    if at == newest {
        return Ok(sites);
    }
    for name in snapshot.sites_moved_after(at).await? {
        let site = Arc::new(Site::read(snapshot, &name).await?);
        Arc::make_mut(&mut sites).insert(name, site);
    }
    Ok(sites)
}

/// Every site of which the store knows anything, in a few statements however many there are.
async fn read_all(snapshot: &mut Snapshot) -> Result<Sites, store::Error> {
    let mut sites: BTreeMap<Slug, Site> = BTreeMap::new();
    for server in snapshot.servers().await? {
        let site = sites.entry(server.server.site.clone()).or_default();
        site.servers.insert(server.server.role.clone(), server);
    }
    for status in snapshot.site_statuses().await? {
        let site = sites.entry(status.site.clone()).or_default();
        site.status = Some(status);
    }
    for (site, secrets) in snapshot.all_secret_versions().await? {
        sites.entry(site).or_default().secrets = secrets;
    }
    for said in snapshot.end_dates(None).await? {
        let Some(end) = said.ends else { continue };
        sites.entry(said.site).or_default().ends.insert((said.role, said.node), end);
    }
    Ok(sites.into_iter().map(|(name, site)| (name, Arc::new(site))).collect())
}
