//! A site's state in a word, in a sentence, and why it is so.
//!
//! Neighbours: `super::steps` shows the plan, `super::server` the servers. The sentence says what is waited for; the
//! commands beside it say how to go on.

use jiff::Timestamp;
use muster_model::event::RunEnd;
use muster_model::name::{ProductId, Revision, Role, Slug};
use muster_model::outcome::End;
use muster_model::view::{
    RunView, ServerState, SiteState, SiteView, StatusView, StepState, StepView, WhyView,
};

use super::steps::{self, Servers};
use super::{ServerFacts, end_phrase, end_word, server};
use crate::run::{Phase, Run, StepRun};

/// What the controller knows of a site.
#[derive(Debug, Clone)]
pub struct SiteFacts<'a> {
    /// Its name.
    pub site: Slug,
    /// The product that its document names.
    pub product: ProductId,
    /// Its servers.
    pub servers: Vec<ServerFacts>,
    /// Its newest plan, once there is one.
    pub plan: Option<PlanFacts<'a>>,
    /// Whether its documents have changed since that plan.
    pub changed: bool,
}

/// What the controller knows of a plan.
#[derive(Debug, Clone)]
pub struct PlanFacts<'a> {
    /// The fold of its events.
    pub run: &'a Run,
    /// Its servers.
    pub servers: Servers<'a>,
    /// What forbids its approval, in words, each with what to do.
    pub findings: Vec<String>,
}

/// The sites that were asked for.
pub fn status(revision: Option<Revision>, sites: &[SiteFacts<'_>], now: Timestamp) -> StatusView {
    StatusView { revision, sites: sites.iter().map(|facts| site(facts, now)).collect() }
}

/// One site, as it stands.
pub fn site(facts: &SiteFacts<'_>, now: Timestamp) -> SiteView {
    let (state, detail) = match &facts.plan {
        Some(plan) => standing(plan, facts, now),
        None => (SiteState::New, "it was pushed and never planned".to_owned()),
    };
    let run = facts.plan.as_ref().map(|plan| plan.run);
    let progress = run.map(|run| (count(run, StepRun::is_done), count(run, |_| true)));
    SiteView {
        site: facts.site.clone(),
        product: facts.product.clone(),
        state,
        detail,
        plan: run.map(Run::plan),
        progress: progress.filter(|(_, all)| *all > 0),
        since: run.and_then(Run::moved_at),
        servers: facts.servers.iter().map(server).collect(),
        next: next(facts, state, now),
    }
}

/// Why a site stands where it does.
pub fn why(facts: &SiteFacts<'_>, now: Timestamp) -> WhyView {
    let (mut steps, mut refusals) = (Vec::new(), Vec::new());
    if let Some(PlanFacts { run, servers, .. }) = &facts.plan {
        steps =
            run.steps().filter(|step| explains(step)).map(|step| steps::step(run, step, servers)).collect();
        let said = run.refusals().map(|(role, refusal)| format!("{}: {refusal}", servers.name(role)));
        refusals = said.collect();
    }
    // What ended badly by itself comes first; what was skipped for it follows.
    steps.sort_by_key(|step: &StepView| (step.state == StepState::Ended(End::Skipped), step.number));
    let findings = facts.plan.as_ref().map(|plan| plan.findings.clone()).unwrap_or_default();
    WhyView { site: site(facts, now), steps, refusals, findings }
}

fn explains(step: &StepRun) -> bool {
    step.has_failed() || step.state == StepState::Waiting
}

/// The state and the sentence of a site with a plan.
fn standing(facts: &PlanFacts<'_>, site: &SiteFacts<'_>, now: Timestamp) -> (SiteState, String) {
    let PlanFacts { run, servers, findings } = facts;
    let plan = run.plan();
    let until = run.header().valid_until;
    let since = if site.changed { "; its documents have changed since" } else { "" };
    match (run.phase(), steps::run(run, servers)) {
        (Phase::Planned, _) if !findings.is_empty() => {
            let count = number(findings.len(), "finding forbids", "findings forbid");
            (SiteState::Planned, format!("{plan}: {count} its approval{since}"))
        }
        (Phase::Planned, _) if run.rows() == 0 => {
            (SiteState::InSync, format!("{plan} found nothing to change{since}"))
        }
        (Phase::Planned | Phase::Approved, _) if run.is_expired(now) => {
            (SiteState::Planned, format!("{plan} was valid until {until} and was not started{since}"))
        }
        (Phase::Planned, _) => {
            let rows = number(run.rows(), "row waits", "rows wait");
            (SiteState::Planned, format!("{plan}: {rows} for approval{since}"))
        }
        (Phase::Approved, _) => approved(run, servers, since),
        (_, Some(RunView::Running)) => (SiteState::Running, running(run, since)),
        (_, Some(RunView::Waiting)) => (SiteState::Waiting, waiting(run, servers)),
        (_, Some(RunView::Offline)) => (SiteState::Offline, offline(run, servers)),
        (Phase::Ended(RunEnd::Done), _) => {
            let steps = number(count(run, |_| true), "step", "steps");
            (SiteState::InSync, format!("{plan} is done: {steps}{since}"))
        }
        (Phase::Ended(end), _) => (SiteState::Stopped(end), format!("{}{since}", stopped(run, end))),
        (Phase::Running | Phase::Stopping, _) => (SiteState::Running, running(run, since)),
    }
}

fn approved(run: &Run, servers: &Servers<'_>, since: &str) -> (SiteState, String) {
    let plan = run.plan();
    let by = run.approval().map(|approval| format!(" by {}", approval.by)).unwrap_or_default();
    let away: Vec<&Role> = run
        .header()
        .servers
        .keys()
        .filter(|role| run.steps().any(|step| step.role == **role) && !servers.is_connected(role))
        .collect();
    if away.is_empty() {
        return (SiteState::Approved, format!("{plan} is approved{by} and was not started{since}"));
    }
    let detail = format!("{plan} is approved{by}; {}{since}", not_connected(&away, servers));
    (SiteState::Offline, detail)
}

fn running(run: &Run, since: &str) -> String {
    let plan = run.plan();
    let stopping = if run.phase() == Phase::Stopping { "; it stops before its next step" } else { "" };
    let moving = |state| run.steps().find(move |step| step.state == state);
    let progress =
        format!("{} of {} done", count(run, StepRun::is_done), number(count(run, |_| true), "step", "steps"));
    match moving(StepState::Running).or_else(|| moving(StepState::Issued)) {
        Some(step) => {
            format!("{plan}: {progress}, now step {} {}{stopping}{since}", step.step.number, step.step.node)
        }
        None => format!("{plan}: {progress}{stopping}{since}"),
    }
}

fn waiting(run: &Run, servers: &Servers<'_>) -> String {
    let plan = run.plan();
    let gates: Vec<String> = run
        .steps()
        .filter(|step| step.state == StepState::Waiting)
        .map(|step| {
            let done_by = servers.manifests.get(&step.role).and_then(|m| m.node(&step.step.node));
            let done_by = done_by.and_then(|node| node.attributes.get("done_by")?.as_text());
            let who = match done_by {
                Some("client") => "the client",
                Some("dba") => "the DBA",
                Some(_) | None => "a person",
            };
            format!("step {plan}/{} {} waits for {who}", step.step.number, step.step.node)
        })
        .collect();
    let mut detail = gates.join("; ");
    let failed = count(run, |step| step.has_failed() && run.culprit(step.step.number) == step.step.number);
    if failed > 0 {
        detail.push_str(&format!("; {} not end well", number(failed, "step did", "steps did")));
    }
    let away = steps::missing(run, servers);
    if !away.is_empty() {
        detail.push_str(&format!("; {}", not_connected(&away, servers)));
    }
    detail
}

fn offline(run: &Run, servers: &Servers<'_>) -> String {
    let away = not_connected(&steps::missing(run, servers), servers);
    let until = run.header().valid_until;
    let rest = if run.phase() == Phase::Stopping { "the run stops" } else { "the work is done" };
    format!("{}: {away}; {rest} when it is back before {until}", run.plan())
}

fn not_connected(roles: &[&Role], servers: &Servers<'_>) -> String {
    let names: Vec<String> = roles.iter().map(|role| servers.name(role)).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb} not connected", names.join(", "))
}

/// The sentence of a run that ended otherwise than done: the first step to blame, with what was seen there.
fn stopped(run: &Run, end: RunEnd) -> String {
    let plan = run.plan();
    let blamed = match end {
        RunEnd::Unknown => Some(End::Unknown),
        RunEnd::Failed => Some(End::Failed),
        RunEnd::Blocked => Some(End::Blocked),
        RunEnd::Done | RunEnd::Refused | RunEnd::Cancelled | RunEnd::Expired => None,
    };
    let first =
        |end: End| run.steps().find(|step| step.state == StepState::Ended(end)).map(|step| (step, end));
    if let Some((step, end)) = blamed.and_then(first) {
        let evidence =
            step.outcome.as_ref().map(|outcome| format!(": {}", outcome.evidence)).unwrap_or_default();
        let StepRun { step, .. } = step;
        return format!("step {plan}/{} {} {}{evidence}", step.number, step.node, end_phrase(end));
    }
    let left = count(run, |step| !step.is_done());
    if let Some((role, refusal)) = run.refusals().next().filter(|_| end == RunEnd::Refused) {
        return format!("{plan}: the agent of {role} did not take its command: {refusal}");
    }
    format!("{plan} {}: {} not done", end_word(end), number(left, "step was", "steps were"))
}

/// Commands that make sense for a site now, most useful first.
fn next(facts: &SiteFacts<'_>, state: SiteState, now: Timestamp) -> Vec<String> {
    let site = &facts.site;
    let plan = format!("muster plan {site}");
    let unseen = facts.servers.iter().find(|facts| server(facts).state == ServerState::Unknown);
    let Some(PlanFacts { run, .. }) = &facts.plan else {
        // What was never invited cannot be planned.
        let invite = unseen
            .map(|facts| format!("muster server invite {} --out {}.token", facts.server, facts.server.role));
        return invite.into_iter().chain([plan]).collect();
    };
    let mut next = steps::next(run, now);
    if matches!(state, SiteState::Stopped(_)) {
        next.insert(0, format!("muster why {site}"));
    }
    if facts.changed && !run.is_active() {
        next.insert(0, plan.clone());
    }
    // A plan may be advised for two reasons; it is typed once.
    let mut unique = Vec::new();
    for command in next {
        if !unique.contains(&command) {
            unique.push(command);
        }
    }
    unique
}

fn count(run: &Run, which: impl Fn(&StepRun) -> bool) -> u32 {
    run.steps().filter(|step| which(step)).fold(0_u32, |count, _| count.saturating_add(1))
}

/// `1 row waits`, `2 rows wait`.
fn number<N: TryInto<u64>>(count: N, one: &str, many: &str) -> String {
    match count.try_into() {
        Ok(1) => format!("1 {one}"),
        Ok(count) => format!("{count} {many}"),
        Err(_) => many.to_owned(),
    }
}
