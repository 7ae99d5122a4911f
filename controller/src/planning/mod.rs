//! Plans and consent: compile, ask the agents, assemble, store; then approve, start, resume, cancel, confirm.
//!
//! `preflight` looks ahead, `create` makes a plan, `consent` is everything that an operator says of one afterwards.
//! Neighbours: the model resolves documents, `muster_core` compiles and assembles, `session` reaches the agents, `dispatch`
//! moves the run. No server is changed here: a plan is a comparison.

mod consent;
mod create;
pub(crate) mod manifest;
mod preflight;

use jiff::civil::Date;
use muster_core::{plan, record};
use muster_model::digest::Digest;
use muster_model::name::{NodeId, PlanId, ServerId, Slug};
use thiserror::Error;

use crate::dispatch;
use crate::dispatch::load;
use crate::intake::catalog::{self, Catalog};
use crate::session;
use crate::store::{self, Store};

/// Why a plan was not made, or what an operator said of one was refused.
#[derive(Debug, Error)]
pub enum Error {
    /// The store does not answer, or refuses.
    #[error("the plan could not be stored")]
    Store(#[source] store::Error),
    /// The stored documents do not say what the site should be.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// A run is under way.
    #[error("run {running} of {site} is under way; wait for its end, or stop it: `muster cancel {running}`")]
    Active {
        /// The site.
        site: Slug,
        /// The run.
        running: PlanId,
    },
    /// Its agent looks at it, whatever is said.
    #[error(
        "{node} is done by nobody's word, for its agent can look: do what `muster steps {plan}/{step}` says, then \
         `muster resume {plan} --restart {step}`"
    )]
    Seen {
        /// The plan.
        plan: PlanId,
        /// The step's number.
        step: u32,
        /// The node.
        node: NodeId,
    },
    /// The gate asks for an end date (G23).
    #[error("step {plan}/{step} asks until when {of} last: `muster done {plan}/{step} --ends YYYY-MM-DD`")]
    EndDateMissing {
        /// The plan.
        plan: PlanId,
        /// The step's number.
        step: u32,
        /// What ends, in the product's words.
        of: String,
    },
    /// The end date is before today.
    #[error("{ends} has passed; give the last day to come: `muster done {plan}/{step} --ends YYYY-MM-DD`")]
    EndDatePassed {
        /// The plan.
        plan: PlanId,
        /// The step's number.
        step: u32,
        /// What was given.
        ends: Date,
    },
    /// The step asks for none.
    #[error("step {plan}/{step} asks for no end date; leave `--ends` out: `muster done {plan}/{step}`")]
    NoEndDate {
        /// The plan.
        plan: PlanId,
        /// The step's number.
        step: u32,
    },
    /// A manifest cannot be compiled, or a stored one is damaged.
    #[error("a manifest of the site cannot be had")]
    Manifest(#[from] manifest::Error),
    /// The gate that was confirmed has no fingerprint.
    #[error("the confirmation has no bytes")]
    Record(#[from] record::Error),
    /// The agents' answers do not make a plan.
    #[error("no plan can be made of what the agents found")]
    Assemble(#[source] Box<plan::Error>),
    /// The documents changed while the agents compared.
    #[error("the documents of {0} changed while its servers were compared; plan again: `muster plan {0}`")]
    Overtaken(Slug),
    /// A newer plan of the site was consented to.
    #[error(
        "{plan} is void: {newer} of {site} was {what} after it; go on with that, or plan again: `muster plan {site}`"
    )]
    Void {
        /// The plan.
        plan: PlanId,
        /// The newer plan.
        newer: PlanId,
        /// The site.
        site: Slug,
        /// What was done with the newer one.
        what: &'static str,
    },
    /// The controller was restored since.
    #[error(
        "{plan} was made before this controller was restored and is void; plan again: `muster plan {site}`"
    )]
    Restored {
        /// The plan.
        plan: PlanId,
        /// The site.
        site: Slug,
    },
    /// A newer manifest was compiled.
    #[error(
        "{plan} was made for generation {planned} of {server}, the newest is {newest}; plan again: `muster plan {site}`",
        site = server.site
    )]
    Outdated {
        /// The plan.
        plan: PlanId,
        /// The server.
        server: ServerId,
        /// The plan's generation.
        planned: u64,
        /// The newest one.
        newest: u64,
    },
    /// A gate of the plan is not in its manifest.
    #[error("step {plan}/{step} is not in the manifest that it was planned from")]
    NoGate {
        /// The plan.
        plan: PlanId,
        /// The step's number.
        step: u32,
    },
    /// The run does not make this move.
    #[error(transparent)]
    Dispatch(#[from] dispatch::Error),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<load::Error> for Error {
    fn from(error: load::Error) -> Self {
        Self::Dispatch(dispatch::Error::Load(error))
    }
}

impl From<plan::Error> for Error {
    fn from(error: plan::Error) -> Self {
        Self::Assemble(Box::new(error))
    }
}

/// A consent, as an operator gives it.
#[derive(Debug, Clone)]
pub struct Consent {
    /// The operator.
    pub by: String,
    /// The digest of the header's bytes, as the operator's own program computed it.
    pub digest: Digest,
    /// The change ticket, if one was given.
    pub ticket: Option<String>,
    /// Why, in the operator's words, if they were given.
    pub reason: Option<String>,
}

/// The room. Cheap to clone.
#[derive(Clone)]
pub struct Planning {
    store: Store,
    catalog: Catalog,
    sessions: session::Handle,
    dispatch: dispatch::Handle,
}

impl Planning {
    /// A room between these.
    pub fn new(
        store: Store,
        catalog: Catalog,
        sessions: session::Handle,
        dispatch: dispatch::Handle,
    ) -> Self {
        Self { store, catalog, sessions, dispatch }
    }
}
