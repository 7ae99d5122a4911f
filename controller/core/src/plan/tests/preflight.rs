//! What a preflight means for a plan: first on its server, before everything, and what it misses forbids the approval.

use muster_model::manifest::Node;
use muster_model::name::SecretVersion;
use muster_model::preflight::{PreflightItem, Verdict};
use muster_model::secret::SecretRef;
use muster_model::value::Value;

use super::super::{Comparison, Error, PlanInput, ReportError, assemble as try_assemble};
use crate::preflight::{self, view};
use crate::record::Record;
use crate::testing::{Draft, assemble, at, draft, id, input, listing, secret};

fn site() -> Vec<Draft> {
    vec![
        draft("web", "iis_app_pool/old"),
        draft("web", "package/advanced"),
        draft("web", "preflight/web"),
        draft("web", "manual_step/tenant").needs("web", "package/advanced"),
        draft("sql", "preflight/sql"),
        draft("sql", "file/D:\\sql.ini"),
    ]
}

fn unset_secret() -> Value {
    Value::Secret(SecretRef { version: SecretVersion(0), ..secret("batch_password") })
}

fn item(node: &str, check: &str, verdict: Verdict) -> PreflightItem {
    PreflightItem {
        node: Some(id(node)),
        check: check.to_owned(),
        verdict,
        found: format!("{check} is not so"),
        wanted: "so".to_owned(),
        advice: "make it so".to_owned(),
        guide: Some("G1".parse().unwrap()),
    }
}

/// The input in which the first server's agent found these.
fn with(drafts: &[Draft], items: Vec<PreflightItem>) -> PlanInput {
    let mut input = input(drafts);
    super::report::of(&mut input).preflight = items;
    input
}

#[test]
fn g1_a_preflight_comes_first_on_its_server_and_everything_there_depends_on_it() {
    let plan = assemble(&site());
    assert_eq!(
        listing(&plan),
        [
            "1 web preflight/web",
            "2 web iis_app_pool/old",
            "3 web package/advanced",
            "4 web manual_step/tenant",
            "5 sql preflight/sql",
            r"6 sql file/D:\sql.ini"
        ]
    );
    for edge in [(1, 2), (1, 3), (1, 4), (5, 6)] {
        assert!(plan.header.value().edges.contains(&edge), "{edge:?}");
    }
}

/// What the documents name no longer is taken away only after the preflight, too, although it stands above it.
#[test]
fn g1_what_is_taken_away_waits_for_the_preflight() {
    let mut input = input(&site());
    let (mut manifest, _) = input.servers[0].manifest.clone().into_parts();
    let gone = Node::gone(id("file/C:\\old.ini"));
    manifest.nodes.insert(0, gone.clone());
    input.servers[0].manifest = Record::new(manifest).unwrap();
    let row = r#"{"node": "file/C:\\old.ini", "attribute": {"name": "exists"}, "old": {"exact": true}, "new": "absent", "reason": "removed"}"#;
    let digest = input.servers[0].manifest.digest();
    let report = super::report::of(&mut input);
    report.manifest = digest;
    let entry = format!(r#"{{"node": "file/C:\\old.ini", "rows": [{row}]}}"#);
    report.nodes.insert(0, serde_json::from_str(&entry).unwrap());
    let plan = try_assemble(&input).unwrap();
    assert_eq!(listing(&plan)[..2], ["1 web preflight/web", r"2 web file/C:\old.ini"]);
    assert!(plan.header.value().edges.contains(&(1, 2)));
}

#[test]
fn g1_a_server_on_which_nothing_is_done_is_not_looked_at_again() {
    let mut drafts = site();
    drafts[5].differs = false;
    assert!(listing(&assemble(&drafts)).iter().all(|line| !line.contains("preflight/sql")));
    let idle: Vec<Draft> =
        drafts.into_iter().filter(|draft| !draft.node.id.to_string().contains("manual")).collect();
    let idle: Vec<Draft> = idle.into_iter().map(|draft| Draft { differs: false, ..draft }).collect();
    assert_eq!(assemble(&idle).step_count, 0, "an empty plan has no step at all");
}

#[test]
fn g1_what_is_missing_forbids_the_approval_and_what_holds_for_an_hour_only_warns() {
    let found = vec![
        item("preflight/web", "windows_at_least", Verdict::Missing),
        item("preflight/web", "elevated", Verdict::Unknown),
        item("preflight/web", "closed_programs", Verdict::Missing),
        item("preflight/web", "memory_gib", Verdict::Passed),
    ];
    let plan = try_assemble(&with(&site(), found.clone())).unwrap();
    let findings: Vec<String> = plan.findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        findings,
        [
            "dupont-prod/web preflight/web: windows_at_least is not so; wanted: so (G1) -> make it so",
            "dupont-prod/web preflight/web: elevated is not so; wanted: so (G1) -> make it so",
        ]
    );
    assert_eq!(
        plan.warnings,
        ["dupont-prod/web preflight/web: closed_programs is not so; wanted: so (G1) -> make it so"]
    );
    // Where the plan does nothing on that server, there is nothing to forbid.
    let idle: Vec<Draft> =
        site().into_iter().filter(|draft| !draft.node.id.to_string().contains("manual")).collect();
    let idle: Vec<Draft> = idle.into_iter().map(|draft| Draft { differs: false, ..draft }).collect();
    let plan = try_assemble(&with(&idle, found)).unwrap();
    assert_eq!((plan.findings.len(), plan.warnings.len()), (0, 3));
}

#[test]
fn an_agent_cannot_speak_of_a_node_that_the_manifest_does_not_have() {
    let mut nowhere = item("preflight/other", "elevated", Verdict::Missing);
    for node in [nowhere.node.clone(), None] {
        nowhere.node = node;
        let refused = try_assemble(&with(&site(), vec![nowhere.clone()]));
        assert!(
            matches!(&refused, Err(Error::Report { source, .. }) if matches!(**source, ReportError::Preflight(_))),
            "{refused:?}"
        );
    }
}

#[test]
fn g1_a_view_has_every_finding_of_every_server_and_those_without_an_agent() {
    let mut servers = with(
        &site(),
        vec![
            item("preflight/web", "elevated", Verdict::Passed),
            item("preflight/web", "memory_gib", Verdict::Missing),
        ],
    )
    .servers;
    let mut never = servers[1].clone();
    (never.agent, never.comparison, never.enrolled) = (None, Comparison::NoAnswer, false);
    let mut away = never.clone();
    away.enrolled = true;
    servers.extend([never, away]);
    let of = |servers| preflight::Input {
        site: "dupont-prod".parse().unwrap(),
        product: "sxa 2022-r2".parse().unwrap(),
        revision: muster_model::name::Revision(118),
        now: at(9),
        servers,
    };
    let view = view(&of(servers.clone())).unwrap();
    assert!(!view.passed && view.simulated);
    let lines: Vec<String> = view
        .items()
        .map(|(server, item)| format!("{} {} {:?} {}", server.host, item.check, item.verdict, item.found))
        .collect();
    assert_eq!(
        lines,
        [
            "DUP-WEB01 elevated Passed elevated is not so",
            "DUP-WEB01 memory_gib Missing memory_gib is not so",
            "DUP-SQL01 agent Missing DUP-SQL01 is not connected: no agent of it is enrolled",
            "DUP-SQL01 agent Missing DUP-SQL01 is not connected",
        ]
    );
    // A secret that nobody set would stop the installation, too.
    let mut unset = servers[1].clone();
    let (mut manifest, _) = unset.manifest.clone().into_parts();
    manifest.nodes.push(draft("sql", "service/Batch").with("password", unset_secret()).node);
    unset.manifest = Record::new(manifest).unwrap();
    (unset.agent, unset.comparison) = (None, Comparison::NoAnswer);
    let lacking = preflight::view(&of(vec![unset])).unwrap();
    let found: Vec<&str> = lacking.items().map(|(_, item)| item.found.as_str()).collect();
    assert_eq!(found, ["DUP-SQL01 is not connected", "the secret batch_password is not set"]);
    let mended = preflight::view(&of(servers[1..2].to_vec())).unwrap();
    assert!(mended.passed);
}
