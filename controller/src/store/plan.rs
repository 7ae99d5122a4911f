//! Plans: the bytes that were approved, what forbids or accompanies them, and where their run stands.
//!
//! Neighbours: planning stores them, the operator's door approves and starts them by events, dispatch reads them. The
//! header's and steps' bytes are never serialised anew.

use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use muster_model::digest::Digest;
use muster_model::event::{Event, EventBody, RunEnd};
use muster_model::name::{PlanId, Revision, Role, Slug};
use muster_model::outcome::End;
use muster_model::report::Finding;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::row::{from_json, int, moment, moment_if, nat, parse, to_json_text};
use super::{Error, Snapshot, Tx};

/// One server's steps of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanSteps {
    /// The server's role.
    pub role: Role,
    /// JSON, a [`muster_model::plan::ServerSteps`]; the header names its digest.
    pub bytes: Vec<u8>,
}

/// A plan to be stored; its number comes from [`Snapshot::next_plan`] in the same transaction.
#[derive(Debug, Clone)]
pub struct NewPlan {
    /// Its number, which the header also names.
    pub plan: PlanId,
    /// The site.
    pub site: Slug,
    /// The revision that it was compiled from.
    pub revision: Revision,
    /// The operator.
    pub by: String,
    /// JSON, a [`muster_model::plan::PlanHeader`].
    pub header: Vec<u8>,
    /// The servers' steps, in the header's order of roles.
    pub steps: Vec<PlanSteps>,
    /// What forbids approval.
    pub findings: Vec<Finding>,
    /// What deserves a look.
    pub warnings: Vec<String>,
    /// Whether a server of the plan stands on a twin.
    pub simulated: bool,
}

/// A plan as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its number.
    pub plan: PlanId,
    /// The site.
    pub site: Slug,
    /// The revision that it was compiled from.
    pub revision: Revision,
    /// The operator who made it.
    pub by: String,
    /// When it was made.
    pub at: Timestamp,
    /// The digest of the header's bytes.
    pub digest: Digest,
    /// JSON, a [`muster_model::plan::PlanHeader`].
    pub header: Vec<u8>,
    /// What forbids approval.
    pub findings: Vec<Finding>,
    /// What deserves a look.
    pub warnings: Vec<String>,
    /// Whether a server of the plan stands on a twin.
    pub simulated: bool,
    /// Who approved it, and when.
    pub approved: Option<(String, Timestamp)>,
    /// The approval's ticket.
    pub ticket: Option<String>,
    /// When its run began.
    pub started_at: Option<Timestamp>,
    /// Whether its run is under way, waiting included.
    pub running: bool,
    /// How its run last ended.
    pub run_end: Option<RunEnd>,
}

/// The newest proof that a site was installed: a step of a run that ended done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The plan of the run.
    pub plan: PlanId,
    /// The revision that it was compiled from.
    pub revision: Revision,
    /// Who approved it.
    pub by: String,
    /// When the step ended.
    pub at: Timestamp,
}

fn read(row: &SqliteRow) -> Result<Plan, Error> {
    let approved_by: Option<String> = row.try_get("approved_by")?;
    let approved_at = moment_if(row.try_get("approved_ms")?)?;
    let run_end: Option<String> = row.try_get("run_end")?;
    Ok(Plan {
        plan: PlanId(nat("plan", row.try_get("plan")?)?),
        site: parse("site", row.try_get("site")?)?,
        revision: Revision(nat("revision", row.try_get("revision")?)?),
        by: row.try_get("created_by")?,
        at: moment(row.try_get("created_ms")?)?,
        digest: parse("digest", row.try_get("digest")?)?,
        header: row.try_get("header")?,
        findings: from_json("list of findings", row.try_get::<&str, _>("findings")?.as_bytes())?,
        warnings: from_json("list of warnings", row.try_get::<&str, _>("warnings")?.as_bytes())?,
        simulated: row.try_get::<i64, _>("simulated")? != 0,
        approved: approved_by.zip(approved_at),
        ticket: row.try_get("ticket")?,
        started_at: moment_if(row.try_get("started_ms")?)?,
        running: row.try_get::<i64, _>("running")? != 0,
        run_end: run_end.map(|text| from_json("end of a run", text.as_bytes())).transpose()?,
    })
}

impl Snapshot {
    /// The number that the next plan gets.
    pub async fn next_plan(&mut self) -> Result<PlanId, Error> {
        Ok(PlanId(self.highest_plan().await?.0 + 1))
    }

    /// A plan by its number.
    pub async fn plan(&mut self, plan: PlanId) -> Result<Option<Plan>, Error> {
        sqlx::query("SELECT * FROM plans WHERE plan = $1")
            .bind(int(plan.0)?)
            .fetch_optional(self.connection().await?)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// The newest plan of a site.
    pub async fn newest_plan(&mut self, site: &Slug) -> Result<Option<Plan>, Error> {
        sqlx::query("SELECT * FROM plans WHERE site = $1 ORDER BY plan DESC LIMIT 1")
            .bind(site.as_str())
            .fetch_optional(self.connection().await?)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// The newest approved plan of a site that was made after this one.
    pub async fn newer_approved_plan(&mut self, site: &Slug, plan: PlanId) -> Result<Option<Plan>, Error> {
        sqlx::query(
            "SELECT * FROM plans WHERE site = $1 AND plan > $2 AND approved_by IS NOT NULL ORDER BY plan DESC LIMIT 1",
        )
        .bind(site.as_str())
        .bind(int(plan.0)?)
        .fetch_optional(self.connection().await?)
        .await?
        .as_ref()
        .map(read)
        .transpose()
    }

    /// Every plan whose run is under way, by number: what a started controller takes up again.
    pub async fn running_plans(&mut self) -> Result<Vec<Plan>, Error> {
        sqlx::query("SELECT * FROM plans WHERE running = 1 ORDER BY plan")
            .fetch_all(self.connection().await?)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// The plan of the site's run that is under way.
    pub async fn running_plan(&mut self, site: &Slug) -> Result<Option<Plan>, Error> {
        sqlx::query("SELECT * FROM plans WHERE running = 1 AND site = $1")
            .bind(site.as_str())
            .fetch_optional(self.connection().await?)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// The newest plan of a site of which a step was done on a server; none for a site that was never installed.
    pub async fn installed(&mut self, site: &Slug) -> Result<Option<Installed>, Error> {
        let mut rows = sqlx::query(
            "SELECT plans.plan, plans.revision, plans.approved_by, events.at_ms, events.body
             FROM plans JOIN step_keys ON step_keys.plan = plans.plan
                        JOIN events ON events.sequence = step_keys.ended_sequence
             WHERE plans.site = $1 ORDER BY plans.plan DESC, events.sequence",
        )
        .bind(site.as_str())
        .fetch(self.settled().await?);
        while let Some(row) = rows.try_next().await? {
            let event: Event = from_json("event", row.try_get("body")?)?;
            if let EventBody::StepEnded { outcome, .. } = event.body
                && outcome.end == End::Done
            {
                return Ok(Some(Installed {
                    plan: PlanId(nat("plan", row.try_get("plan")?)?),
                    revision: Revision(nat("revision", row.try_get("revision")?)?),
                    by: row.try_get::<Option<String>, _>("approved_by")?.unwrap_or_default(),
                    at: moment(row.try_get("at_ms")?)?,
                }));
            }
        }
        Ok(None)
    }

    /// A plan's steps, by role.
    pub async fn plan_steps(&mut self, plan: PlanId) -> Result<Vec<PlanSteps>, Error> {
        sqlx::query("SELECT role, body FROM plan_steps WHERE plan = $1 ORDER BY role")
            .bind(int(plan.0)?)
            .fetch_all(self.connection().await?)
            .await?
            .iter()
            .map(|row| {
                Ok(PlanSteps { role: parse("role", row.try_get("role")?)?, bytes: row.try_get("body")? })
            })
            .collect()
    }
}

impl Tx {
    /// Stores a plan. The caller appends its `PlanCreated` in the same transaction.
    pub async fn add_plan(&mut self, new: &NewPlan) -> Result<Digest, Error> {
        let digest = Digest::of(&new.header);
        let at = self.at().as_millisecond();
        sqlx::query(
            "INSERT INTO plans (plan, site, revision, created_by, created_ms, digest, header, findings, warnings, simulated)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(int(new.plan.0)?)
        .bind(new.site.as_str())
        .bind(int(new.revision.0)?)
        .bind(&new.by)
        .bind(at)
        .bind(digest.to_string())
        .bind(&new.header)
        .bind(to_json_text(&new.findings)?)
        .bind(to_json_text(&new.warnings)?)
        .bind(i64::from(new.simulated))
        .execute(self.connection().await?)
        .await?;
        for steps in &new.steps {
            sqlx::query("INSERT INTO plan_steps (plan, role, digest, body) VALUES ($1, $2, $3, $4)")
                .bind(int(new.plan.0)?)
                .bind(steps.role.as_str())
                .bind(Digest::of(&steps.bytes).to_string())
                .bind(&steps.bytes)
                .execute(self.connection().await?)
                .await?;
        }
        Ok(digest)
    }

    /// `PlanApproved`: once, and only the digest that is stored.
    pub(super) async fn plan_approved(
        &mut self,
        plan: PlanId,
        digest: Digest,
        by: &str,
        ticket: Option<&str>,
    ) -> Result<(), Error> {
        let at = self.at().as_millisecond();
        let changed = sqlx::query(
            "UPDATE plans SET approved_by = $1, approved_ms = $2, ticket = $3
             WHERE plan = $4 AND digest = $5 AND approved_by IS NULL",
        )
        .bind(by)
        .bind(at)
        .bind(ticket)
        .bind(int(plan.0)?)
        .bind(digest.to_string())
        .execute(self.connection().await?)
        .await?;
        if changed.rows_affected() == 1 { Ok(()) } else { Err(Error::IllegalForPlan(plan)) }
    }

    /// `RunStarted`, `RunResumed`: an approved plan, on a site where no other run is under way. A run that only waits for a
    /// person while steps did not end well is under way and can be resumed.
    pub(super) async fn run_began(&mut self, plan: PlanId, resumed: bool) -> Result<(), Error> {
        let at = self.at().as_millisecond();
        let changed = sqlx::query(
            "UPDATE plans SET running = 1, run_end = NULL, started_ms = COALESCE(started_ms, $1)
             WHERE plan = $2 AND approved_by IS NOT NULL AND (running = 0 OR $3) AND (started_ms IS NOT NULL) = $3
               AND NOT EXISTS (SELECT 1 FROM plans AS other
                               WHERE other.running = 1 AND other.site = plans.site AND other.plan <> plans.plan)",
        )
        .bind(at)
        .bind(int(plan.0)?)
        .bind(resumed)
        .execute(self.connection().await?)
        .await?;
        if changed.rows_affected() == 1 {
            return Ok(());
        }
        let site = self.plan(plan).await?.ok_or(Error::IllegalForPlan(plan))?.site;
        let other = self.running_plan(&site).await?.filter(|other| other.plan != plan);
        Err(if other.is_some() { Error::RunActive(site) } else { Error::IllegalForPlan(plan) })
    }

    /// `RunEnded`: of a run that is under way.
    pub(super) async fn run_ended(&mut self, plan: PlanId, end: RunEnd) -> Result<(), Error> {
        let changed =
            sqlx::query("UPDATE plans SET running = 0, run_end = $1 WHERE plan = $2 AND running = 1")
                .bind(to_json_text(&end)?)
                .bind(int(plan.0)?)
                .execute(self.connection().await?)
                .await?;
        if changed.rows_affected() == 1 { Ok(()) } else { Err(Error::IllegalForPlan(plan)) }
    }
}
