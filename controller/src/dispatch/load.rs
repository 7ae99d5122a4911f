//! A plan as it is stored: its bytes, and the run that its events fold to.
//!
//! Neighbours: `super` keeps active runs of it in memory, `views` loads others to show them. Reads only.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_core::plan::lint::Violation;
use muster_core::record::{self, Record};
use muster_core::run::{IllegalMove, Run};
use muster_core::status::SiteStatus;
use muster_model::manifest::Manifest;
use muster_model::name::{PlanId, Role, Sequence, ServerId, Slug};
use muster_model::plan::{PlanHeader, ServerSteps};
use thiserror::Error;

use crate::store::{self, Plan, Snapshot};

/// Why a stored plan cannot be worked with.
#[derive(Debug, Error)]
pub enum Error {
    /// The store does not answer.
    #[error("the plan cannot be loaded")]
    Store(#[from] store::Error),
    /// There is no plan of that number.
    #[error("there is no plan {0}; `muster status` lists the newest of each site")]
    NoPlan(PlanId),
    /// A stored part is not in its shape.
    #[error("a stored part of {0} is damaged")]
    Record(PlanId, #[source] record::Error),
    /// A part that the plan's header names is not stored.
    #[error("the {part} of {server} that {plan} names is not stored")]
    Missing {
        /// The plan.
        plan: PlanId,
        /// The server.
        server: ServerId,
        /// What is missing.
        part: &'static str,
    },
    /// The stored plan breaks a rule of structure.
    #[error("{plan} breaks a rule that every plan keeps: {first}")]
    Structure {
        /// The plan.
        plan: PlanId,
        /// The first rule that it breaks.
        first: String,
    },
    /// A stored event does not follow from those before it.
    #[error("event {sequence} of {plan} does not follow from those before it")]
    Fold {
        /// The plan.
        plan: PlanId,
        /// The event's place.
        sequence: Sequence,
        /// Why not.
        #[source]
        source: IllegalMove,
    },
}

/// A plan with the fold of its events.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) run: Run,
    pub(crate) parts: Arc<Parts>,
}

/// What of a plan never changes.
pub(crate) struct Parts {
    pub(crate) site: Slug,
    pub(crate) plan: Plan,
    pub(crate) servers: BTreeMap<Role, ServerPart>,
}

/// One server's part of a plan.
pub(crate) struct ServerPart {
    pub(crate) steps_json: Vec<u8>,
    pub(crate) manifest: Record<Manifest>,
}

impl Loaded {
    /// Where the site stands by this plan.
    pub(crate) fn status(&self) -> SiteStatus {
        self.parts.status(&self.run)
    }
}

impl Parts {
    /// Where the site stands by this plan, as the run has it.
    pub(crate) fn status(&self, run: &Run) -> SiteStatus {
        let manifests = self.servers.iter().map(|(role, part)| (role.clone(), part.manifest.value()));
        SiteStatus::of(run, &manifests.collect())
    }

    /// What forbids the plan's approval, each with what to do.
    pub(crate) fn findings(&self) -> Vec<String> {
        self.plan
            .findings
            .iter()
            .map(|finding| format!("{} -> {}", finding.problem, finding.advice))
            .collect()
    }

    /// The server that plays a role in the plan.
    pub(crate) fn server(&self, role: &Role) -> ServerId {
        ServerId { site: self.site.clone(), role: role.clone() }
    }
}

/// Loads a plan and folds its events.
pub(crate) async fn load(snapshot: &mut Snapshot, plan: PlanId) -> Result<Loaded, Error> {
    let stored = snapshot.plan(plan).await?.ok_or(Error::NoPlan(plan))?;
    let damaged = |source| Error::Record(plan, source);
    let header: Record<PlanHeader> = Record::read(stored.header.clone()).map_err(damaged)?;
    let (mut servers, mut steps) = (BTreeMap::new(), Vec::new());
    for part in snapshot.plan_steps(plan).await? {
        let server = ServerId { site: stored.site.clone(), role: part.role.clone() };
        let record: Record<ServerSteps> = Record::read(part.bytes).map_err(damaged)?;
        let missing = |part| Error::Missing { plan, server: server.clone(), part };
        let planned = header.value().servers.get(&part.role).ok_or_else(|| missing("planned server"))?;
        let manifest = snapshot.manifest(&server, planned.generation).await?;
        let manifest = manifest.filter(|manifest| manifest.digest == planned.manifest);
        let manifest = Record::read(manifest.ok_or_else(|| missing("manifest"))?.bytes).map_err(damaged)?;
        let (value, steps_json) = record.into_parts();
        servers.insert(part.role, ServerPart { steps_json, manifest });
        steps.push(value);
    }
    let mut run = Run::new(&header, steps).map_err(|violations| Error::Structure {
        plan,
        first: violations.first().map(Violation::to_string).unwrap_or_default(),
    })?;
    for event in snapshot.plan_events(plan).await? {
        let sequence = event.sequence;
        run.apply(event.at, &event.body).map_err(|source| Error::Fold { plan, sequence, source })?;
    }
    Ok(Loaded { run, parts: Arc::new(Parts { site: stored.site.clone(), plan: stored, servers }) })
}
