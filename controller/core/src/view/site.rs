//! A site's state in a word, in a sentence, and why it is so.
//!
//! Neighbours: `super::steps` shows the plan, `super::server` the servers. The sentence says what is waited for; the
//! commands beside it say how to go on.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use muster_model::event::RunEnd;
use muster_model::name::{HostName, ProductId, Role, Slug};
use muster_model::outcome::End;
use muster_model::view::{EndDate, RunView, ServerState, SiteState, SiteView, StepState, StepView, WhyView};

use super::steps::{self, Servers};
use super::{ServerFacts, server};
use crate::run::{Phase, Run, StepRun};
use crate::status::{ServerStatus, SiteStatus};

/// What the controller knows of a site.
#[derive(Debug, Clone)]
pub struct SiteFacts<'a> {
    /// Its name.
    pub site: Slug,
    /// The product that its document names.
    pub product: ProductId,
    /// Its servers.
    pub servers: Vec<ServerFacts>,
    /// What the events of its newest plan come to, once there is one.
    pub status: Option<&'a SiteStatus>,
    /// Whether its documents have changed since that plan.
    pub changed: bool,
    /// What persons said to end some day: the day, what, and the server's role.
    pub ends: Vec<(Date, String, Role)>,
}

/// What the controller knows of a site's newest plan.
#[derive(Debug, Clone)]
pub struct PlanFacts<'a> {
    /// The fold of its events.
    pub run: &'a Run,
    /// Its servers.
    pub servers: Servers<'a>,
    /// What forbids its approval, in words, each with what to do.
    pub findings: Vec<String>,
}

/// One site, as it stands.
pub fn site(facts: &SiteFacts<'_>, now: Timestamp) -> SiteView {
    let (state, detail) = match facts.status {
        Some(status) => standing(status, facts, now),
        None => (SiteState::New, "it was pushed and never planned".to_owned()),
    };
    let progress = facts.status.map(|status| (status.done, status.steps));
    SiteView {
        site: facts.site.clone(),
        product: facts.product.clone(),
        state,
        detail,
        plan: facts.status.map(|status| status.plan),
        progress: progress.filter(|(_, all)| *all > 0),
        since: facts.status.and_then(|status| status.moved_at),
        servers: facts.servers.iter().map(server).collect(),
        ends: ends(&facts.ends, now),
        next: next(facts, state, now),
    }
}

/// The days as they are seen now, the nearest first. A day is one of UTC.
fn ends(all: &[(Date, String, Role)], now: Timestamp) -> Vec<EndDate> {
    let today = TimeZone::UTC.to_datetime(now).date();
    let mut ends: Vec<EndDate> = all
        .iter()
        .map(|(ends, what, role)| {
            let days = ends.duration_since(today).as_hours() / 24;
            EndDate { ends: *ends, what: what.clone(), role: role.clone(), days }
        })
        .collect();
    ends.sort();
    ends
}

/// Why a site stands where it does.
pub fn why(facts: &SiteFacts<'_>, plan: Option<&PlanFacts<'_>>, now: Timestamp) -> WhyView {
    let (mut steps, mut refusals) = (Vec::new(), Vec::new());
    if let Some(PlanFacts { run, servers, .. }) = plan {
        steps =
            run.steps().filter(|step| explains(step)).map(|step| steps::step(run, step, servers)).collect();
        let said = run.refusals().map(|(role, refusal)| format!("{}: {refusal}", servers.name(role)));
        refusals = said.collect();
    }
    // What ended badly by itself comes first; what was skipped for it follows.
    steps.sort_by_key(|step: &StepView| (step.state == StepState::Ended(End::Skipped), step.number));
    let findings = plan.map(|plan| plan.findings.clone()).unwrap_or_default();
    WhyView { site: site(facts, now), steps, refusals, findings }
}

fn explains(step: &StepRun) -> bool {
    step.has_failed() || step.state == StepState::Waiting
}

/// The state and the sentence of a site with a plan.
fn standing(status: &SiteStatus, site: &SiteFacts<'_>, now: Timestamp) -> (SiteState, String) {
    let SiteStatus { plan, valid_until: until, .. } = status;
    let connected: Vec<Role> =
        site.servers.iter().filter(|facts| facts.connected).map(|facts| facts.server.role.clone()).collect();
    let since = if site.changed { "; its documents have changed since" } else { "" };
    match (status.phase, steps::run(status, &connected)) {
        (Phase::Planned, _) if status.findings > 0 => {
            let count = number(status.findings, "finding forbids", "findings forbid");
            (SiteState::Planned, format!("{plan}: {count} its approval{since}"))
        }
        (Phase::Planned, _) if status.rows == 0 => {
            (SiteState::InSync, format!("{plan} found nothing to change{since}"))
        }
        (Phase::Planned | Phase::Approved, _) if status.is_expired(now) => {
            (SiteState::Planned, format!("{plan} was valid until {until} and was not started{since}"))
        }
        (Phase::Planned, _) => {
            let rows = number(status.rows, "row waits", "rows wait");
            (SiteState::Planned, format!("{plan}: {rows} for approval{since}"))
        }
        (Phase::Approved, _) => approved(status, &connected, since),
        (_, Some(RunView::Running)) => (SiteState::Running, running(status, since)),
        (_, Some(RunView::Waiting)) => (SiteState::Waiting, waiting(status, &connected)),
        (_, Some(RunView::Offline)) => (SiteState::Offline, offline(status, &connected)),
        (Phase::Ended(RunEnd::Done), _) => {
            let steps = number(status.steps, "step", "steps");
            (SiteState::InSync, format!("{plan} is done: {steps}{since}"))
        }
        (Phase::Ended(end), _) => {
            let stopped = status.stopped.as_deref().unwrap_or_default();
            (SiteState::Stopped(end), format!("{stopped}{since}"))
        }
        (Phase::Running | Phase::Stopping, _) => (SiteState::Running, running(status, since)),
    }
}

fn approved(status: &SiteStatus, connected: &[Role], since: &str) -> (SiteState, String) {
    let plan = status.plan;
    let by = status.approved_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let away = away(status, connected, |server| server.works);
    if away.is_empty() {
        return (SiteState::Approved, format!("{plan} is approved{by} and was not started{since}"));
    }
    (SiteState::Offline, format!("{plan} is approved{by}; {}{since}", not_connected(&away)))
}

fn running(status: &SiteStatus, since: &str) -> String {
    let plan = status.plan;
    let stopping = if status.phase == Phase::Stopping { "; it stops before its next step" } else { "" };
    let progress = format!("{} of {} done", status.done, number(status.steps, "step", "steps"));
    match &status.moving {
        Some((step, node)) => format!("{plan}: {progress}, now step {step} {node}{stopping}{since}"),
        None => format!("{plan}: {progress}{stopping}{since}"),
    }
}

fn waiting(status: &SiteStatus, connected: &[Role]) -> String {
    let plan = status.plan;
    let gates = status.gates.iter().map(|gate| {
        let who = match gate.done_by.as_deref() {
            Some("client") => "the client",
            Some("dba") => "the DBA",
            Some(_) | None => "a person",
        };
        format!("step {plan}/{} {} waits for {who}", gate.step, gate.node)
    });
    let mut detail = gates.collect::<Vec<_>>().join("; ");
    if status.failed > 0 {
        detail.push_str(&format!("; {} not end well", number(status.failed, "step did", "steps did")));
    }
    let away = missing(status, connected);
    if !away.is_empty() {
        detail.push_str(&format!("; {}", not_connected(&away)));
    }
    detail
}

fn offline(status: &SiteStatus, connected: &[Role]) -> String {
    let away = not_connected(&missing(status, connected));
    let SiteStatus { plan, valid_until: until, .. } = status;
    let rest = if status.phase == Phase::Stopping { "the run stops" } else { "the work is done" };
    format!("{plan}: {away}; {rest} when it is back before {until}")
}

/// The servers that the run waits for and that are not connected.
fn missing(status: &SiteStatus, connected: &[Role]) -> Vec<String> {
    away(status, connected, |server| server.outstanding)
}

/// Those of these servers that are not connected, by their computers' names.
fn away(status: &SiteStatus, connected: &[Role], which: impl Fn(&ServerStatus) -> bool) -> Vec<String> {
    let servers = status.servers.iter().filter(|(role, server)| which(server) && !connected.contains(role));
    servers
        .map(|(role, server)| server.host.as_ref().map_or_else(|| role.to_string(), HostName::to_string))
        .collect()
}

fn not_connected(names: &[String]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb} not connected", names.join(", "))
}

/// Commands that make sense for a site now, most useful first.
fn next(facts: &SiteFacts<'_>, state: SiteState, now: Timestamp) -> Vec<String> {
    let site = &facts.site;
    let plan = format!("muster plan {site}");
    let unseen = facts.servers.iter().find(|facts| server(facts).state == ServerState::Unknown);
    let Some(status) = facts.status else {
        // What was never invited cannot be planned.
        let invite = unseen
            .map(|facts| format!("muster server invite {} --out {}.token", facts.server, facts.server.role));
        return invite.into_iter().chain([format!("muster preflight {site}"), plan]).collect();
    };
    let mut next = steps::next(status, now);
    if matches!(state, SiteState::Stopped(_)) {
        next.insert(0, format!("muster why {site}"));
    }
    if facts.changed && !status.is_active() {
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

/// `1 row waits`, `2 rows wait`.
fn number(count: u32, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}
