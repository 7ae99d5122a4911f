//! Confirmations of gates: who said that a person's work is done, keyed by a fingerprint of what was asked.
//!
//! Neighbours: the operator's door adds them, planning leaves out gates that have one. Never removed: a changed gate has
//! another fingerprint, and one that ended is replaced when it is given anew.

use jiff::Timestamp;
use jiff::civil::Date;
use muster_model::digest::Digest;
use muster_model::name::{NodeId, PlanId, Role, Slug};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::row::{int, moment, nat, nat32, parse};
use super::{Error, Snapshot, Tx};

/// One confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// What was asked: a digest of site, role, node and attributes.
    pub fingerprint: Digest,
    /// The site.
    pub site: Slug,
    /// The server's role.
    pub role: Role,
    /// The gate.
    pub node: NodeId,
    /// The plan in which it was asked.
    pub plan: PlanId,
    /// The step's number there.
    pub step: u32,
    /// The operator.
    pub by: String,
    /// When; the writing transaction's moment is stored.
    pub at: Timestamp,
    /// What the person wrote.
    pub note: Option<String>,
    /// Its last day and what ends then, where the gate asks for that.
    pub ends: Option<(Date, String)>,
}

impl Confirmation {
    /// Whether it holds on that day.
    pub fn holds_on(&self, today: Date) -> bool {
        self.ends.as_ref().is_none_or(|(ends, _)| *ends >= today)
    }
}

fn read(row: &SqliteRow) -> Result<Confirmation, Error> {
    let ends: Option<&str> = row.try_get("ends")?;
    let of: Option<String> = row.try_get("end_date_of")?;
    let ends = ends.map(|ends| parse("end date", ends)).transpose()?;
    Ok(Confirmation {
        fingerprint: parse("fingerprint", row.try_get("fingerprint")?)?,
        site: parse("site", row.try_get("site")?)?,
        role: parse("role", row.try_get("role")?)?,
        node: parse("node", row.try_get("node")?)?,
        plan: PlanId(nat("plan", row.try_get("plan")?)?),
        step: nat32("step", row.try_get("step")?)?,
        by: row.try_get("confirmed_by")?,
        at: moment(row.try_get("confirmed_ms")?)?,
        note: row.try_get("note")?,
        ends: ends.zip(of),
    })
}

impl Snapshot {
    /// The confirmation of that fingerprint.
    pub async fn confirmation(&mut self, fingerprint: Digest) -> Result<Option<Confirmation>, Error> {
        sqlx::query("SELECT * FROM confirmations WHERE fingerprint = $1")
            .bind(fingerprint.to_string())
            .fetch_optional(self.connection().await?)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// The confirmations that end some day, of one site or of all; oldest first.
    pub async fn end_dates(&mut self, site: Option<&Slug>) -> Result<Vec<Confirmation>, Error> {
        sqlx::query(
            "SELECT * FROM confirmations WHERE ends IS NOT NULL AND ($1 IS NULL OR site = $1)
             ORDER BY confirmed_ms",
        )
        .bind(site.map(Slug::as_str))
        .fetch_all(self.connection().await?)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// All confirmations of a site, oldest first.
    pub async fn confirmations(&mut self, site: &Slug) -> Result<Vec<Confirmation>, Error> {
        sqlx::query("SELECT * FROM confirmations WHERE site = $1 ORDER BY confirmed_ms, fingerprint")
            .bind(site.as_str())
            .fetch_all(self.connection().await?)
            .await?
            .iter()
            .map(read)
            .collect()
    }
}

impl Tx {
    /// Stores a confirmation, in place of an earlier one of its fingerprint: a gate that is not due is not confirmed.
    pub async fn add_confirmation(&mut self, new: &Confirmation) -> Result<(), Error> {
        let at = self.at().as_millisecond();
        sqlx::query(
            "INSERT INTO confirmations
                 (fingerprint, site, role, node, plan, step, confirmed_by, confirmed_ms, note, ends, end_date_of)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (fingerprint) DO UPDATE SET plan = excluded.plan, step = excluded.step,
                 confirmed_by = excluded.confirmed_by, confirmed_ms = excluded.confirmed_ms, note = excluded.note,
                 ends = excluded.ends, end_date_of = excluded.end_date_of",
        )
        .bind(new.fingerprint.to_string())
        .bind(new.site.as_str())
        .bind(new.role.as_str())
        .bind(new.node.to_string())
        .bind(int(new.plan.0)?)
        .bind(i64::from(new.step))
        .bind(&new.by)
        .bind(at)
        .bind(&new.note)
        .bind(new.ends.as_ref().map(|(ends, _)| ends.to_string()))
        .bind(new.ends.as_ref().map(|(_, of)| of))
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }
}
