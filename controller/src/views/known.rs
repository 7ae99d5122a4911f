//! What the store knows of sites, read in a few statements however many sites there are.
//!
//! Neighbours: `super` joins it with the documents and the time. Nothing here loads a plan or an event: where a site stands
//! is in its row.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use muster_core::compile::SecretVersions;
use muster_core::status::SiteStatus;
use muster_core::view::ServerFacts;
use muster_model::name::{HostName, NodeId, Role, ServerId, Slug};

use crate::intake::catalog::Outline;
use crate::store::{self, Server, Snapshot};

/// What the store knows of one site, or of all.
pub(super) struct Known {
    servers: BTreeMap<ServerId, Server>,
    statuses: BTreeMap<Slug, SiteStatus>,
    invited: BTreeSet<ServerId>,
    secrets: BTreeMap<Slug, SecretVersions>,
    none: SecretVersions,
    ends: BTreeMap<Slug, BTreeMap<Gate, (Date, String)>>,
}

/// A gate of a site.
type Gate = (Role, NodeId);

impl Known {
    /// Reads it, as of now.
    pub(super) async fn read(
        snapshot: &mut Snapshot,
        site: Option<&Slug>,
        now: Timestamp,
    ) -> Result<Self, store::Error> {
        let invited = snapshot.open_invitations(now).await?;
        let (servers, statuses, secrets) = match site {
            Some(site) => {
                let status = snapshot.site_status(site).await?;
                let secrets = (site.clone(), snapshot.secret_versions(site).await?);
                (snapshot.servers_of(site).await?, status.into_iter().collect(), BTreeMap::from([secrets]))
            }
            None => {
                let statuses = snapshot.site_statuses().await?;
                (snapshot.servers().await?, statuses, snapshot.all_secret_versions().await?)
            }
        };
        let mut ends: BTreeMap<Slug, BTreeMap<Gate, _>> = BTreeMap::new();
        for confirmation in snapshot.end_dates(site).await? {
            // Oldest first: what was said last of a gate stands.
            let Some(end) = confirmation.ends else { continue };
            ends.entry(confirmation.site).or_default().insert((confirmation.role, confirmation.node), end);
        }
        Ok(Self {
            ends,
            servers: servers.into_iter().map(|server| (server.server.clone(), server)).collect(),
            statuses: statuses.into_iter().map(|status| (status.site.clone(), status)).collect(),
            invited,
            secrets,
            none: SecretVersions::new(),
        })
    }

    /// Where a site stands by its newest plan.
    pub(super) fn status(&self, site: &Slug) -> Option<&SiteStatus> {
        self.statuses.get(site)
    }

    /// What ends some day, as persons said when they confirmed gates of a site.
    pub(super) fn ends(&self, site: &Slug) -> Vec<(Date, String, Role)> {
        let ends = self.ends.get(site).into_iter().flatten();
        ends.map(|((role, _), (day, what))| (*day, what.clone(), role.clone())).collect()
    }

    /// The newest version of each secret of a site.
    pub(super) fn secrets(&self, site: &Slug) -> &SecretVersions {
        self.secrets.get(site).unwrap_or(&self.none)
    }

    /// What is known of the servers that a site's document names.
    pub(super) fn servers(&self, outline: &Outline) -> Vec<ServerFacts> {
        let status = self.status(&outline.site);
        outline.servers.iter().map(|(role, host)| self.server(&outline.site, role, host, status)).collect()
    }

    fn server(&self, site: &Slug, role: &Role, host: &HostName, status: Option<&SiteStatus>) -> ServerFacts {
        let server = ServerId { site: site.clone(), role: role.clone() };
        let row = self.servers.get(&server);
        ServerFacts {
            host: host.clone(),
            serial: row.and_then(|row| row.serial.clone()),
            revoked: row.is_some_and(|row| row.revoked_at.is_some()),
            invited: self.invited.contains(&server),
            connected: row.is_some_and(|row| row.connected),
            simulated: row.and_then(|row| row.simulated),
            agent_version: row.and_then(|row| row.agent_version.clone()),
            clock_offset_ms: row.and_then(|row| row.clock_offset_ms),
            generation: status.and_then(|status| status.servers.get(role)).map(|planned| planned.generation),
            since: row.and_then(|row| row.moved_at),
            server,
        }
    }
}
