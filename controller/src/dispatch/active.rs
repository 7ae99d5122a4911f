//! Which run of each site is under way, and which plan of them expires next.
//!
//! Neighbours: `change` notes every run that it moved, the driver's service sleeps until the next one expires. In memory
//! only: what is under way is in the store, and a start reads it from there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use muster_model::name::{PlanId, Slug};

/// The runs under way.
#[derive(Debug, Default)]
pub(super) struct Active {
    of_site: BTreeMap<Slug, (PlanId, Timestamp)>,
    /// Those that were not asked what to do since their plan expired, the next to expire first.
    expiring: BTreeSet<(Timestamp, PlanId)>,
}

impl Active {
    /// The site's run.
    pub(super) fn plan(&self, site: &Slug) -> Option<PlanId> {
        self.of_site.get(site).map(|(plan, _)| *plan)
    }

    /// A run is under way; true where it expires before all others.
    pub(super) fn insert(&mut self, site: &Slug, plan: PlanId, valid_until: Timestamp) -> bool {
        if self.plan(site) == Some(plan) {
            return false;
        }
        self.of_site.insert(site.clone(), (plan, valid_until));
        self.expiring.insert((valid_until, plan));
        self.expiring.first() == Some(&(valid_until, plan))
    }

    /// A run is over; that of another plan stays.
    pub(super) fn remove(&mut self, site: &Slug, plan: PlanId) {
        if self.plan(site) == Some(plan)
            && let Some((plan, valid_until)) = self.of_site.remove(site)
        {
            self.expiring.remove(&(valid_until, plan));
        }
    }

    /// When the next one expires.
    pub(super) fn next_expiry(&self) -> Option<Timestamp> {
        self.expiring.first().map(|(valid_until, _)| *valid_until)
    }

    /// Those that have expired and were not taken before.
    pub(super) fn take_expired(&mut self, now: Timestamp) -> Vec<PlanId> {
        let mut expired = Vec::new();
        while let Some((valid_until, plan)) =
            self.expiring.first().copied().filter(|(until, _)| *until <= now)
        {
            self.expiring.remove(&(valid_until, plan));
            expired.push(plan);
        }
        expired
    }
}
