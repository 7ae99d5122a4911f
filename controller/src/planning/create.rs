//! The making of a plan: manifests are stored before they are used, comparisons run side by side, the rest is one
//! transaction.
//!
//! Neighbours: `muster_core::compile` says whether a manifest is new, `muster_core::plan` puts what the agents found in
//! order. What an agent cannot say becomes a finding there; it never keeps the others from being seen.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use muster_core::compile::Wanted;
use muster_core::plan::{self, Assembled, Comparison, PlanInput, ServerInput};
use muster_core::record::Record;
use muster_model::diagnostic::Diagnostic;
use muster_model::event::EventBody;
use muster_model::limits;
use muster_model::manifest::{Manifest, Node};
use muster_model::name::{PlanId, ProductId, Revision, Slug};
use muster_model::report::Finding;
use muster_model::secret::SecretRef;

use super::{Error, Planning, manifest};
use crate::crash;
use crate::dispatch::{self, load};
use crate::intake::catalog;
use crate::secrets;
use crate::store::{NewPlan, PlanSteps, Snapshot, Tx};

/// What was compiled for a site.
struct Site {
    site: Slug,
    product: ProductId,
    revision: Revision,
    manifests: Vec<Record<Manifest>>,
    /// What the product recommends and the site does otherwise, in words.
    warnings: Vec<String>,
}

impl Planning {
    /// Makes a plan of a site as its servers are now, and stores it.
    ///
    /// # Errors
    /// Where the site is not known, a run of it is under way, or the documents change in between.
    pub async fn create(&self, site: &Slug, by: &str) -> Result<PlanId, Error> {
        refuse_active(&mut self.store.snapshot().await?, site).await?;
        let compiled = self.compile(site).await?;
        crash::point("planning.after_manifests");
        let servers = self.compare_all(&compiled.manifests).await?;
        let by = by.to_owned();
        let plan = self
            .store
            .transaction(move |tx| Box::pin(async move { store_plan(tx, compiled, servers, by).await }));
        plan.await
    }

    /// Compiles the site's manifests from the newest revision and stores those that are new.
    async fn compile(&self, site: &Slug) -> Result<Site, Error> {
        loop {
            let (revision, documents) = self.catalog.newest(&mut self.store.snapshot().await?).await?;
            let resolved = catalog::resolve(&documents, site)?;
            let (site, product) = (site.clone(), resolved.product);
            let warnings = resolved.warnings.iter().map(recommended).collect();
            let stored = self.store.transaction(move |tx| {
                Box::pin(async move { store_manifests(tx, revision, resolved.servers).await })
            });
            // A push in between: what was resolved is no longer the newest.
            let Some(manifests) = stored.await? else { continue };
            return Ok(Site { site, product, revision, manifests, warnings });
        }
    }

    /// Asks every server at the same time.
    pub(super) async fn compare_all(
        &self,
        manifests: &[Record<Manifest>],
    ) -> Result<Vec<ServerInput>, Error> {
        let asked = manifests.iter().map(|manifest| self.compare(manifest));
        join_all(asked).await.into_iter().collect()
    }

    async fn compare(&self, manifest: &Record<Manifest>) -> Result<ServerInput, Error> {
        let server = &manifest.value().server;
        let agent = self.sessions.facts(server);
        // An agent that a finding keeps out is asked all the same: it changes nothing, and the core says what is wrong.
        let mut snapshot = self.store.snapshot().await?;
        let log_ons = secrets::sealed(&mut snapshot, log_ons(manifest.value())).await?;
        drop(snapshot);
        let comparison = match agent {
            Some(_) => self.sessions.observe(server, manifest.bytes().to_vec(), log_ons).await,
            None => Comparison::NoAnswer,
        };
        let mut snapshot = self.store.snapshot().await?;
        let readable = secrets::readable(&mut snapshot, server).await?;
        let known = snapshot.server(server).await?;
        let enrolled = known.is_some_and(|known| known.enrolled_at.is_some() && known.revoked_at.is_none());
        Ok(ServerInput { manifest: manifest.clone(), agent, comparison, enrolled, readable })
    }
}

/// The secrets without which a SQL Server of the manifest's cannot be looked at.
fn log_ons(manifest: &Manifest) -> BTreeSet<&SecretRef> {
    manifest.nodes.iter().filter_map(Node::logs_on_with).filter(|secret| secret.is_set()).collect()
}

/// Refuses where a run of the site is under way.
pub(super) async fn refuse_active(snapshot: &mut Snapshot, site: &Slug) -> Result<(), Error> {
    match snapshot.running_plan(site).await? {
        Some(running) => Err(Error::Active { site: site.clone(), running: running.plan }),
        None => Ok(()),
    }
}

/// Stores the manifests that are new and gives all; none where that revision is no longer the newest.
async fn store_manifests(
    tx: &mut Tx,
    revision: Revision,
    servers: Vec<Wanted>,
) -> Result<Option<Vec<Record<Manifest>>>, Error> {
    if tx.newest_revision().await?.map(|newest| newest.revision) != Some(revision) {
        return Ok(None);
    }
    let mut manifests = Vec::new();
    for wanted in servers {
        let current = manifest::current(tx, wanted).await?;
        let is_new = current.is_new();
        let record = current.into_record();
        if is_new {
            let manifest = record.value();
            tx.add_manifest(&manifest.server, manifest.generation, record.bytes()).await?;
        }
        manifests.push(record);
    }
    Ok(Some(manifests))
}

async fn store_plan(tx: &mut Tx, site: Site, servers: Vec<ServerInput>, by: String) -> Result<PlanId, Error> {
    let Site { site, product, revision, manifests, warnings } = site;
    refuse_active(tx, &site).await?;
    for manifest in &manifests {
        let newest = tx.newest_manifest(&manifest.value().server).await?;
        if newest.map(|newest| newest.digest) != Some(manifest.digest()) {
            return Err(Error::Overtaken(site));
        }
    }
    let confirmations = tx.confirmations(&site).await?;
    let today = TimeZone::UTC.to_datetime(tx.at()).date();
    let plan = tx.next_plan().await?;
    let input = PlanInput {
        plan,
        site: site.clone(),
        product,
        revision,
        valid_until: valid_until(tx.at()),
        servers,
        confirmed: confirmations
            .into_iter()
            .filter(|confirmation| confirmation.holds_on(today))
            .map(|confirmation| confirmation.fingerprint)
            .collect(),
    };
    let mut assembled = plan::assemble(&input)?;
    assembled.warnings.splice(0..0, warnings);
    let generations = assembled.header.value().servers.iter();
    let body = EventBody::PlanCreated {
        plan,
        by: by.clone(),
        digest: assembled.header.digest(),
        revision,
        generations: generations.map(|(role, server)| (role.clone(), server.generation)).collect(),
        rows: assembled.rows,
        steps: assembled.step_count,
        findings: u32::try_from(assembled.findings.len()).unwrap_or(u32::MAX),
    };
    tx.add_plan(&new_plan(plan, &site, revision, by, assembled)).await?;
    tx.append(Some(&site), body).await?;
    let loaded = load::load(tx, plan).await.map_err(dispatch::Error::from)?;
    tx.set_site_status(&loaded.status())?;
    Ok(plan)
}

/// A warning of a document, as a plan shows it.
fn recommended(warning: &Diagnostic) -> String {
    format!("{}: {} ({})", warning.path, warning.problem, warning.advice)
}

fn new_plan(plan: PlanId, site: &Slug, revision: Revision, by: String, assembled: Assembled) -> NewPlan {
    let Assembled { header, steps, findings, warnings, rows: _, step_count: _, simulated } = assembled;
    let findings = findings.into_iter().map(|finding| {
        let place = match &finding.node {
            Some(node) => format!("{} {node}", finding.server),
            None => finding.server.to_string(),
        };
        let Finding { problem, advice } = finding.finding;
        Finding { problem: format!("{place}: {problem}"), advice }
    });
    NewPlan {
        plan,
        site: site.clone(),
        revision,
        by,
        header: header.bytes().to_vec(),
        steps: steps
            .into_iter()
            .map(|(role, steps)| PlanSteps { role, bytes: steps.bytes().to_vec() })
            .collect(),
        findings: findings.collect(),
        warnings,
        simulated,
    }
}

fn valid_until(now: Timestamp) -> Timestamp {
    let validity = i64::try_from(limits::PLAN_VALIDITY_MS).unwrap_or(i64::MAX);
    now.checked_add(SignedDuration::from_millis(validity)).unwrap_or(Timestamp::MAX)
}
