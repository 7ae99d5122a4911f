//! What an administrator reads in each state, and what to type then.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use muster_model::event::{EventBody, RunEnd};
use muster_model::manifest::Manifest;
use muster_model::name::{Generation, PlanId, Role};
use muster_model::outcome::{End, Outcome, Refusal, StepTicket};
use muster_model::plan::{AttributePath, New, Old, Reason, Row};
use muster_model::value::Value;
use muster_model::view::{RunView, ServerState, SiteState, SiteView, WhyView};
use uuid::Uuid;

use super::{PlanFacts, ServerFacts, Servers, SiteFacts, server, site, steps, why};
use crate::plan::{Assembled, PlanInput, assemble};
use crate::run::{Decision, Run};
use crate::status::SiteStatus;
use crate::testing::{VALID_SECONDS, approved, at, draft, id, input, planned, role, started};

const PLAN: PlanId = PlanId(204);

/// A package, a gate for the client, and a pool on another server.
struct Story {
    input: PlanInput,
    plan: Assembled,
    run: Run,
    connected: Vec<Role>,
    findings: Vec<String>,
    changed: bool,
    ends: Vec<(Date, String, Role)>,
    second: i64,
    fresh: u128,
}

impl Story {
    fn new() -> Self {
        let typed = Value::List(vec!["tenant=DUPONT".into(), "port=1025".into()]);
        let gate = draft("web", "manual_step/data-encryption")
            .with("instructions", "Administration > Sécurité")
            .with("done_by", "client")
            .with("type_these", typed)
            .needs("web", "package/advanced")
            .guide("G17");
        let input =
            input(&[draft("web", "package/advanced").guide("G4"), gate, draft("sql", "package/engine")]);
        let plan = assemble(&input).unwrap();
        let run = planned(&plan);
        let connected = vec![role("web"), role("sql")];
        Self {
            input,
            plan,
            run,
            connected,
            findings: Vec::new(),
            changed: false,
            ends: Vec::new(),
            second: 60,
            fresh: 0,
        }
    }

    fn started() -> Self {
        let mut story = Self::new();
        story.run = started(&story.plan);
        story
    }

    fn servers(&self) -> Servers<'_> {
        let manifests: BTreeMap<Role, &Manifest> = self
            .input
            .servers
            .iter()
            .map(|server| (server.manifest.value().server.role.clone(), server.manifest.value()))
            .collect();
        Servers { manifests, connected: self.connected.clone(), simulated: true }
    }

    /// The record as it is read back from where it was stored.
    fn status(&self) -> SiteStatus {
        let status = SiteStatus::of(&self.run, &self.servers().manifests);
        let stored = serde_json::to_vec(&status).unwrap();
        assert_eq!(serde_json::from_slice::<SiteStatus>(&stored).unwrap(), status);
        status
    }

    fn facts<'a>(&self, status: &'a SiteStatus) -> SiteFacts<'a> {
        let servers = self.input.servers.iter().map(|server| {
            let manifest = server.manifest.value();
            ServerFacts {
                server: manifest.server.clone(),
                host: manifest.host.clone(),
                serial: Some("4f".to_owned()),
                revoked: false,
                invited: false,
                connected: self.connected.contains(&manifest.server.role),
                simulated: Some(true),
                agent_version: Some("0.1.0".to_owned()),
                clock_offset_ms: Some(400),
                generation: Some(Generation(3)),
                since: Some(at(0)),
            }
        });
        SiteFacts {
            site: "dupont-prod".parse().unwrap(),
            product: "sxa 2022-r2".parse().unwrap(),
            servers: servers.collect(),
            status: Some(status),
            changed: self.changed,
            ends: self.ends.clone(),
        }
    }

    fn view(&self) -> SiteView {
        site(&self.facts(&self.status()), at(self.second))
    }

    fn why(&self) -> WhyView {
        let plan = PlanFacts { run: &self.run, servers: self.servers(), findings: self.findings.clone() };
        why(&self.facts(&self.status()), Some(&plan), at(self.second))
    }

    /// The state, the sentence and the commands.
    fn says(&self) -> String {
        let view = self.view();
        format!("{:?}: {}\n> {}", view.state, view.detail, view.next.join(" | "))
    }

    fn say(&mut self, event: &EventBody) {
        self.second += 1;
        self.run.apply(at(self.second), event).unwrap();
    }

    /// Carries out what is due.
    fn tick(&mut self) {
        for decision in self.run.decide(at(self.second)) {
            let mut fresh = self.fresh;
            let event = self.run.event(&decision, at(self.second), &mut || {
                fresh += 1;
                Uuid::from_u128(fresh)
            });
            self.fresh = fresh;
            event.iter().for_each(|event| self.say(event));
        }
    }

    fn end(&mut self, on: &str, end: End, evidence: &str, rows: Vec<Row>) {
        let command = self.run.outstanding(&role(on)).remove(0);
        for StepTicket { number: step, key } in command.steps {
            let evidence = evidence.to_owned();
            let outcome = Outcome { end, evidence, rows: rows.clone(), because: None, ended_at: at(0) };
            self.say(&EventBody::StepEnded { plan: PLAN, step, key: Some(key), outcome });
        }
    }
}

#[test]
fn before_a_run_the_next_command_is_said() {
    let mut lines = Vec::new();
    let mut story = Story::new();
    let status = story.status();
    let mut facts = story.facts(&status);
    facts.status = None;
    let view = site(&facts, at(60));
    lines.push(format!("{:?}: {}\n> {}", view.state, view.detail, view.next.join(" | ")));
    facts.servers[1].serial = None;
    lines.push(site(&facts, at(60)).next.join(" | "));
    lines.push(story.says());
    story.second = VALID_SECONDS;
    lines.push(story.says());
    story.second = 60;
    story.say(&approved(&story.plan.clone()));
    lines.push(story.says());
    story.changed = true;
    lines.push(story.says());
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_plan_with_findings_is_to_be_looked_at_and_made_again() {
    let mut story = Story::new();
    story.input.servers[1].agent = None;
    story.plan = assemble(&story.input).unwrap();
    story.run = planned(&story.plan);
    story.findings = story.plan.findings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(story.says());
    assert_eq!(story.why().findings, story.findings);
}

#[test]
fn a_run_tells_where_it_is_and_whom_it_waits_for() {
    let mut lines = Vec::new();
    let mut story = Story::started();
    lines.push(story.says());
    story.tick();
    lines.push(story.says());
    story.connected.retain(|on| *on == role("web"));
    story.end("web", End::Done, "version 2022-r2 found", Vec::new());
    lines.push(story.says());
    story.tick();
    lines.push(story.says());
    story.say(&EventBody::StepConfirmed {
        plan: PLAN,
        step: 2,
        by: "anne".to_owned(),
        note: None,
        ends: None,
    });
    lines.push(story.says());
    story.say(&EventBody::CancelRequested { plan: PLAN, by: "anne".to_owned(), reason: None });
    lines.push(story.says());
    story.connected.push(role("sql"));
    story.end("sql", End::Done, "version 6.0.0 found", Vec::new());
    story.tick();
    lines.push(story.says());
    story.changed = true;
    lines.push(story.says());
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_server_that_is_away_makes_its_site_offline_and_fails_nothing() {
    let mut story = Story::new();
    story.connected.clear();
    story.say(&approved(&story.plan.clone()));
    assert_eq!(story.view().state, SiteState::Offline, "approved, and a server of it is away");
    story.say(&EventBody::RunStarted { plan: PLAN, by: "anne".to_owned() });
    story.tick();
    let view = story.view();
    assert_eq!((view.state, view.progress), (SiteState::Offline, Some((0, 3))));
    assert_eq!(steps(&story.run, &story.servers(), at(60)).run, Some(RunView::Offline));
    assert!(view.servers.iter().all(|server| server.state == ServerState::Offline));
    story.connected = vec![role("web"), role("sql")];
    assert_eq!(story.view().state, SiteState::Running);
}

#[test]
fn each_way_to_stop_says_where_and_what_to_type() {
    let mut lines = Vec::new();
    for (end, evidence) in [
        (End::Failed, "the installer ended with 1603: fatal error during installation"),
        (End::Unknown, "the installer's supervisor is gone and version 2022-r2 is not there"),
        (End::Blocked, "the server no longer agrees with the approved rows"),
    ] {
        let mut story = Story::started();
        story.tick();
        story.end("sql", End::Done, "version 6.0.0 found", Vec::new());
        story.end("web", end, evidence, Vec::new());
        (0..3).for_each(|_| story.tick());
        lines.push(story.says());
    }
    let mut story = Story::started();
    story.tick();
    let command = story.run.outstanding(&role("web"))[0].command;
    let refusal = Refusal::ClockOff { offset_ms: 130_000, limit_ms: 120_000 };
    story.say(&EventBody::CommandRefused { plan: PLAN, command, refusal });
    story.end("sql", End::Done, "version 6.0.0 found", Vec::new());
    story.tick();
    lines.push(story.says());
    lines.extend(story.why().refusals);
    let mut story = Story::started();
    story.say(&EventBody::CancelRequested { plan: PLAN, by: "anne".to_owned(), reason: None });
    (0..2).for_each(|_| story.tick());
    lines.push(story.says());
    let mut story = Story::started();
    story.second = VALID_SECONDS;
    (0..2).for_each(|_| story.tick());
    lines.push(story.says());
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn why_shows_the_cause_before_what_was_skipped_for_it_and_the_rows_of_now() {
    let mut story = Story::started();
    story.tick();
    let now = Row {
        node: id("package/advanced"),
        attribute: AttributePath { name: "version".to_owned(), member: None },
        old: Old::Exact("5.1".into()),
        new: New::Exact("6.0.0".into()),
        reason: Reason::Drift,
    };
    story.end("web", End::Blocked, "version is 5.1, the plan was made for none", vec![now.clone()]);
    story.end("sql", End::Done, "version 6.0.0 found", Vec::new());
    (0..3).for_each(|_| story.tick());
    let why = story.why();
    assert_eq!(why.steps.iter().map(|step| step.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(why.steps[0].actual_rows, [now]);
    assert_eq!(why.steps[1].because, Some(1));
    assert_eq!(why.site.state, SiteState::Stopped(RunEnd::Blocked));
    assert_eq!(why.site.next[0], "muster why dupont-prod");
}

#[test]
fn g17_a_gate_shows_its_instructions_and_the_values_to_type() {
    let mut story = Story::started();
    story.tick();
    story.end("web", End::Done, "version 2022-r2 found", Vec::new());
    story.tick();
    let view = steps(&story.run, &story.servers(), at(70));
    assert_eq!(view.approved, Some(("anne".to_owned(), at(2))));
    let gate = &view.steps[1];
    assert_eq!(gate.instructions.as_deref(), Some("Administration > Sécurité"));
    let typed = [("tenant".to_owned(), "DUPONT".to_owned()), ("port".to_owned(), "1025".to_owned())];
    assert_eq!(gate.type_these, typed);
    assert_eq!(view.next[0], "muster done P-204/2");
    assert_eq!(view.steps[0].evidence.as_deref(), Some("version 2022-r2 found"));
}

#[test]
fn a_step_that_has_its_turn_again_shows_no_old_evidence() {
    let mut story = Story::started();
    story.tick();
    story.end("web", End::Failed, "1603", Vec::new());
    story.end("sql", End::Done, "version 6.0.0 found", Vec::new());
    (0..3).for_each(|_| story.tick());
    assert!(matches!(story.run.decide(at(70)).as_slice(), []));
    story.say(&EventBody::RunResumed {
        plan: PLAN,
        by: "anne".to_owned(),
        restart: Vec::new(),
        reason: None,
    });
    let view = steps(&story.run, &story.servers(), at(70));
    assert_eq!(view.steps[0].evidence, None);
    assert!(matches!(story.run.decide(at(70)).as_slice(), [Decision::Issue { .. }]));

    // Nor does the gate that was skipped for it say still that it failed.
    story.tick();
    story.end("web", End::Done, "version 2022-r2 found", Vec::new());
    story.tick();
    let gate = &steps(&story.run, &story.servers(), at(70)).steps[1];
    assert_eq!((gate.state, &gate.evidence), (muster_model::view::StepState::Waiting, &None));
}

#[test]
fn a_server_is_what_its_certificate_token_and_stream_say() {
    let story = Story::new();
    let facts = story.facts(&story.status()).servers[0].clone();
    let state = |change: fn(&mut ServerFacts)| {
        let mut facts = facts.clone();
        change(&mut facts);
        server(&facts).state
    };
    assert_eq!(state(|_| {}), ServerState::Connected);
    assert_eq!(state(|facts| facts.connected = false), ServerState::Offline);
    assert_eq!(state(|facts| facts.revoked = true), ServerState::Revoked, "whatever its stream says");
    assert_eq!(state(|facts| facts.serial = None), ServerState::Unknown);
    assert_eq!(state(|facts| (facts.serial, facts.invited) = (None, true)), ServerState::Invited);
    assert_eq!(state(|facts| (facts.revoked, facts.invited) = (true, true)), ServerState::Invited);
}

#[test]
fn g23_what_ends_is_counted_in_days_from_today_and_the_nearest_comes_first() {
    let mut story = Story::new();
    let today = TimeZone::UTC.to_datetime(at(story.second)).date();
    let end = |days: i64, what: &str| (today.saturating_add(days.days()), what.to_owned(), role("web"));
    story.ends = vec![end(60, "licences"), end(-1, "support"), end(0, "trial")];
    let days: Vec<(String, i64)> = story.view().ends.into_iter().map(|end| (end.what, end.days)).collect();
    assert_eq!(days, [("support".to_owned(), -1), ("trial".to_owned(), 0), ("licences".to_owned(), 60)]);
}
