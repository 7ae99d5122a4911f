//! The current row of each site's status: what the events of its newest plan come to, written in their transaction.
//!
//! Neighbours: `dispatch` and `planning` write, `muster status` reads. What is in a row is [`SiteStatus`]'s, which is made
//! of the fold of the plan's events and of nothing else: a row that is missing can always be made again.

use muster_core::status::{FORMAT, SiteStatus};
use muster_model::name::{PlanId, Slug};

use super::behind::StatusRow;
use super::row::{from_json, int, nat, to_json_text};
use super::{Error, Snapshot, Tx};

impl Snapshot {
    /// Where a site stands; none where it was never planned.
    pub async fn site_status(&mut self, site: &Slug) -> Result<Option<SiteStatus>, Error> {
        let body: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT body FROM site_status WHERE site = $1 AND format = $2")
                .bind(site.as_str())
                .bind(i64::from(FORMAT))
                .fetch_optional(self.settled().await?)
                .await?;
        body.map(|body| from_json("status of a site", &body)).transpose()
    }

    /// Where every site stands that was ever planned, by name.
    pub async fn site_statuses(&mut self) -> Result<Vec<SiteStatus>, Error> {
        let bodies: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT body FROM site_status WHERE format = $1 ORDER BY site")
                .bind(i64::from(FORMAT))
                .fetch_all(self.settled().await?)
                .await?;
        bodies.iter().map(|body| from_json("status of a site", body)).collect()
    }

    /// The newest plans of the sites that have no row of this version's format.
    pub async fn plans_without_status(&mut self) -> Result<Vec<PlanId>, Error> {
        let plans: Vec<i64> = sqlx::query_scalar(
            "SELECT newest.plan FROM (SELECT site, MAX(plan) AS plan FROM plans GROUP BY site) AS newest
             LEFT JOIN site_status ON site_status.site = newest.site
             WHERE site_status.plan IS NULL OR site_status.plan <> newest.plan OR site_status.format <> $1
             ORDER BY newest.plan",
        )
        .bind(i64::from(FORMAT))
        .fetch_all(self.settled().await?)
        .await?;
        plans.into_iter().map(|plan| Ok(PlanId(nat("plan", plan)?))).collect()
    }
}

impl Tx {
    /// Writes where a site stands, to be called with the event that moved its plan. What moves a plan that is not its
    /// site's newest leaves the row as it is.
    pub fn set_site_status(&mut self, status: &SiteStatus) -> Result<(), Error> {
        let row = StatusRow(status.site.clone(), int(status.plan.0)?, FORMAT, to_json_text(status)?);
        self.snapshot.behind.statuses.push(row);
        Ok(())
    }
}
