//! Plans and runs: wire to planning and back, each answer with what to type next.
//!
//! Neighbours: `crate::planning` decides, `crate::dispatch::load` reads a plan's bytes.

use jiff::civil::Date;
use muster_core::run::{Phase, Run};
use muster_model::name::{PlanId, Slug};
use muster_model::node::NodeClass;
use muster_model::view::StepState;
use muster_proto::v1;
use tonic::Status;

use super::{Service, optional, parse};
use crate::dispatch::load;
use crate::planning::Consent;

impl Service {
    pub(super) async fn plan_reply(&self, plan: PlanId) -> Result<v1::PlanReply, Status> {
        let loaded = load::load(&mut self.store.snapshot().await?, plan).await?;
        let parts = &loaded.parts;
        Ok(v1::PlanReply {
            plan: plan.0,
            header_json: parts.plan.header.clone(),
            steps_json: parts.servers.values().map(|part| part.steps_json.clone()).collect(),
            findings: parts.findings(),
            warnings: parts.plan.warnings.clone(),
            simulated: parts.plan.simulated,
            approved_by: loaded.run.approval().map(|approval| approval.by.clone()).unwrap_or_default(),
        })
    }

    pub(super) async fn approve(&self, by: Slug, request: v1::ApproveRequest) -> Result<String, Status> {
        let v1::ApproveRequest { plan, digest, ticket, reason } = request;
        let (plan, digest) = (PlanId(plan), parse(&digest)?);
        let (ticket, reason) = (optional(ticket), optional(reason));
        self.planning.approve(plan, Consent { by: by.into(), digest, ticket, reason }).await?;
        Ok(format!("{plan} is approved; start it: `muster run {plan} --watch`"))
    }

    pub(super) async fn start(&self, by: Slug, request: v1::PlanRequest) -> Result<String, Status> {
        let v1::PlanRequest { plan } = request;
        let plan = PlanId(plan);
        let run = self.planning.start(plan, by.as_str()).await?;
        Ok(format!("the run of {plan} began{}", self.standing(&run)))
    }

    pub(super) async fn resume(&self, by: Slug, request: v1::ResumeRequest) -> Result<String, Status> {
        let v1::ResumeRequest { plan, restart, reason } = request;
        let plan = PlanId(plan);
        let run = self.planning.resume(plan, by.as_str(), restart, optional(reason)).await?;
        Ok(format!("the run of {plan} goes on{}", self.standing(&run)))
    }

    pub(super) async fn cancel(&self, by: Slug, request: v1::CancelRequest) -> Result<String, Status> {
        let v1::CancelRequest { plan, reason } = request;
        let plan = PlanId(plan);
        let run = self.planning.cancel(plan, by.as_str(), optional(reason)).await?;
        Ok(match run.phase() {
            Phase::Ended(_) => {
                format!("{plan} is stopped; what was not begun is cancelled: `muster steps {plan}`")
            }
            Phase::Planned | Phase::Approved | Phase::Running | Phase::Stopping => {
                format!("{plan} stops before its next step; see `muster steps {plan}`")
            }
        })
    }

    pub(super) async fn confirm(&self, by: Slug, request: v1::ConfirmRequest) -> Result<String, Status> {
        let v1::ConfirmRequest { plan, step, note, ends } = request;
        let plan = PlanId(plan);
        let ends = optional(ends).map(|ends| ends.parse::<Date>()).transpose();
        let ends =
            ends.map_err(|error| Status::invalid_argument(format!("the end date cannot be read: {error}")))?;
        let run = self.planning.confirm(plan, step, by.as_str(), optional(note), ends).await?;
        let what = match run.step(step).map(|step| (step.step.class, step.is_guided())) {
            Some((_, true)) => "is said to be done, and its agent looks whether it is",
            Some((NodeClass::Gate, false)) => "is confirmed",
            Some((NodeClass::Resource | NodeClass::Task | NodeClass::Check, false)) | None => {
                "counts as done"
            }
        };
        Ok(match run.phase() {
            Phase::Ended(muster_model::event::RunEnd::Done) => {
                format!("step {plan}/{step} {what}; the run is done")
            }
            Phase::Ended(_) => {
                format!("step {plan}/{step} {what}; let the run go on: `muster resume {plan}`")
            }
            Phase::Planned | Phase::Approved | Phase::Running | Phase::Stopping => {
                format!("step {plan}/{step} {what}{}", self.standing(&run))
            }
        })
    }

    /// What the run waits for, and what to type for it.
    fn standing(&self, run: &Run) -> String {
        let plan = run.plan();
        let away = run.header().servers.keys().find(|role| {
            let server =
                muster_model::name::ServerId { site: run.header().site.clone(), role: (*role).clone() };
            !run.outstanding(role).is_empty() && !self.sessions.is_connected(&server)
        });
        if let Some(role) = away {
            let until = run.header().valid_until;
            return format!("; {role} is not connected, its work waits until {until}: `muster steps {plan}`");
        }
        match run.steps().find(|step| step.state == StepState::Waiting) {
            Some(gate) => {
                let number = gate.step.number;
                format!(
                    "; step {plan}/{number} waits for a person: `muster steps {plan}`, then `muster done {plan}/{number}`"
                )
            }
            None => format!("; see `muster steps {plan}`"),
        }
    }
}
