//! Stories of plans, and what holds for every one.

mod lint;
mod preflight;
mod report;

use muster_model::name::{NodeId, Role};
use muster_model::node::{Effect, NodeClass, NodeKind};
use muster_model::plan::{New, Old, Reason, Segment, Step};
use muster_model::report::Finding;
use muster_model::value::Value;
use proptest::prelude::*;

use super::{Assembled, Comparison, Error, PlanInput, assemble as try_assemble};
use crate::fingerprint;
use crate::record::Record;
use crate::testing::{Draft, assemble, draft, drafts, guide, id, input, listing};

fn segments(assembled: &Assembled) -> Vec<(String, Vec<u32>, Vec<u32>)> {
    let segments = assembled.header.value().segments.iter();
    segments
        .map(|Segment { role, steps, after, .. }| (role.to_string(), steps.clone(), after.clone()))
        .collect()
}

fn segment(role: &str, steps: &[u32], after: &[u32]) -> (String, Vec<u32>, Vec<u32>) {
    (role.to_owned(), steps.to_vec(), after.to_vec())
}

fn step(assembled: &Assembled, node: &str) -> Step {
    let mut steps = assembled.steps.values().flat_map(|record| &record.value().steps);
    steps.find(|step| step.node == id(node)).unwrap().clone()
}

#[test]
fn g2_g13_packages_and_services_are_numbered_in_the_order_of_the_file() {
    let plan = assemble(&guide());
    insta::assert_snapshot!(listing(&plan).join("\n"), @r"
    1 web package/bank-format-library
    2 web package/common-services
    3 web http_probe/scps
    4 web service/SCPSServer
    5 web service/SCASServer
    6 web service/SCDTSServer
    7 web package/advanced
    8 web iis_app_pool/sxa
    9 web manual_step/data-encryption
    ");
    let edges = [(1, 2), (2, 3), (2, 4), (2, 5), (2, 6), (2, 7), (4, 5), (5, 6), (7, 8), (7, 9)];
    assert_eq!(plan.header.value().edges, edges);
    assert_eq!(segments(&plan), [segment("web", &[1, 2, 3, 4, 5, 6, 7, 8], &[]), segment("web", &[9], &[1])]);
    assert_eq!(plan.step_count, 9);
    assert!(plan.simulated);
}

/// G4: the row stays the package's; the step is a person's, alone in its stretch.
#[test]
fn g4_a_guided_package_is_a_segment_of_its_own_and_its_row_is_the_packages() {
    let plan = assemble(&[
        draft("web", "package/common-services"),
        draft("web", "package/advanced").with("install", "guided"),
        draft("web", "iis_app_pool/sxa").provided_by("package/advanced"),
    ]);
    assert_eq!(
        segments(&plan),
        [segment("web", &[1], &[]), segment("web", &[2], &[1]), segment("web", &[3], &[2])]
    );
    let step = step(&plan, "package/advanced");
    assert_eq!((step.class, step.effect), (NodeClass::Resource, Effect::Guided));
    assert_eq!(step.rows[0].attribute.name, "version");
    assert!(step.is_by_person());
}

#[test]
fn g12_the_pool_is_known_after_the_package_that_makes_it() {
    let pool = step(&assemble(&guide()), "iis_app_pool/sxa");
    assert_eq!(pool.rows.len(), 4);
    assert_eq!(pool.rows[0].attribute.name, "enable_32bit", "rows come in the order of the kind's table");
    assert!(pool.rows.iter().all(|row| row.old == Old::KnownAfter(id("package/advanced"))));
    assert!(pool.rows.iter().all(|row| row.reason == Reason::Reset));
}

#[test]
fn nothing_differs_and_nothing_is_to_confirm_is_in_sync() {
    let drafts: Vec<Draft> = guide().into_iter().map(Draft::in_state).collect();
    let mut input = input(&drafts);
    let manifest = input.servers[0].manifest.value();
    let gate = manifest.node(&id("manual_step/data-encryption")).unwrap();
    input.confirmed.insert(fingerprint::gate(&manifest.server, gate).unwrap());
    let plan = try_assemble(&input).unwrap();
    assert!(plan.is_in_sync());
    assert_eq!((plan.rows, plan.step_count), (0, 0), "a check alone is no plan");
    assert!(plan.header.value().segments.is_empty());
}

#[test]
fn g17_a_gate_without_confirmation_is_a_row_of_its_own() {
    let plan = assemble(&guide().into_iter().map(Draft::in_state).collect::<Vec<_>>());
    assert_eq!(listing(&plan), ["1 web manual_step/data-encryption"]);
    let rows = step(&plan, "manual_step/data-encryption").rows;
    assert_eq!(plan.rows, 1);
    assert_eq!(
        (&rows[0].old, &rows[0].new, rows[0].reason),
        (&Old::Absent, &New::Confirmed, Reason::Confirm)
    );
    assert!(!plan.is_in_sync());
}

#[test]
fn a_check_runs_only_behind_something_that_changes() {
    let mut drafts: Vec<Draft> = guide().into_iter().map(Draft::in_state).collect();
    drafts[0].differs = true;
    let plan = assemble(&drafts);
    let expected =
        ["1 web package/bank-format-library", "2 web http_probe/scps", "3 web manual_step/data-encryption"];
    assert_eq!(listing(&plan), expected, "the probe depends on the library through common services");
    assert_eq!(plan.header.value().edges, [(1, 2), (1, 3)], "edges are kept across nodes without steps");
}

#[test]
fn a_gate_is_alone_and_bars_its_server_and_no_other() {
    let plan = assemble(&[
        draft("web", "package/a"),
        draft("web", "manual_step/look"),
        draft("web", "package/b"),
        draft("sql", "package/c"),
    ]);
    assert_eq!(
        segments(&plan),
        [
            segment("web", &[1], &[]),
            segment("web", &[2], &[1]),
            segment("web", &[3], &[2]),
            segment("sql", &[4], &[]),
        ]
    );
}

#[test]
fn an_edge_between_servers_cuts_on_both_of_its_ends() {
    let plan = assemble(&[
        draft("sql", "package/engine"),
        draft("sql", "package/tools"),
        draft("web", "package/client"),
        draft("web", "package/app").needs("sql", "package/engine"),
        draft("web", "package/extra"),
    ]);
    assert_eq!(
        segments(&plan),
        [
            segment("sql", &[1], &[]),
            segment("sql", &[2], &[1]),
            segment("web", &[3], &[]),
            segment("web", &[4, 5], &[1, 3]),
        ],
        "the application waits for the engine and not for the tools"
    );
}

#[test]
fn servers_take_turns_only_where_one_waits_for_the_other() {
    let plan = assemble(&[
        draft("web", "package/a"),
        draft("sql", "package/b").needs("web", "package/a"),
        draft("web", "package/c").needs("sql", "package/b"),
        draft("sql", "package/d").needs("web", "package/c"),
    ]);
    assert_eq!(listing(&plan), ["1 web package/a", "2 sql package/b", "3 web package/c", "4 sql package/d"]);
    assert_eq!(
        segments(&plan),
        [
            segment("web", &[1], &[]),
            segment("sql", &[2], &[1]),
            segment("web", &[3], &[1, 2]),
            segment("sql", &[4], &[2, 3]),
        ]
    );
}

#[test]
fn a_written_edge_goes_before_the_order_of_the_file() {
    let plan = assemble(&[draft("web", "package/a").needs("web", "package/b"), draft("web", "package/b")]);
    assert_eq!(listing(&plan), ["1 web package/b", "2 web package/a"]);
}

#[test]
fn nodes_that_wait_for_each_other_are_named() {
    let cycle = [
        draft("web", "package/a").needs("sql", "package/b"),
        draft("sql", "package/b").needs("web", "package/a"),
        draft("sql", "package/c"),
    ];
    let error = try_assemble(&input(&cycle)).unwrap_err();
    assert_eq!(error.to_string(), "these wait for each other: web package/a, sql package/b");
    let gate = [
        draft("web", "package/a").needs("web", "package/b"),
        draft("web", "manual_step/look"),
        draft("web", "package/b"),
    ];
    assert!(matches!(try_assemble(&input(&gate)), Err(Error::Cycle(_))), "a gate is a barrier");
}

#[test]
fn g1_g14_g22_what_a_gate_a_task_or_an_installer_relies_on_is_looked_at_before_it() {
    let check = draft("web", "http_probe/before");
    let gate = draft("web", "manual_step/create").needs("web", "http_probe/before");
    let task = draft("web", "service_restart/scps").needs("web", "http_probe/before");
    let file = draft("web", "file/C:\\sxa.config").needs("web", "http_probe/before");
    assert_eq!(
        listing(&assemble(&[check.clone(), gate])),
        ["1 web http_probe/before", "2 web manual_step/create"]
    );
    let plan = assemble(&[check.clone(), task.clone()]);
    assert_eq!(listing(&plan), ["1 web http_probe/before", "2 web service_restart/scps"]);
    assert_eq!(plan.header.value().edges, [(1, 2)]);
    let package = draft("web", "package/common-services").needs("web", "http_probe/before");
    assert_eq!(
        listing(&assemble(&[check.clone(), package])),
        ["1 web http_probe/before", "2 web package/common-services"]
    );
    assert_eq!(listing(&assemble(&[check.clone(), task.in_state()])), Vec::<String>::new());
    assert_eq!(
        listing(&assemble(&[check, file])),
        ["1 web file/C:\\sxa.config"],
        "a drift is mended as ever"
    );
}

#[test]
fn a_need_that_no_server_has_is_named() {
    let error = try_assemble(&input(&[draft("web", "package/a").needs("sql", "package/b")])).unwrap_err();
    assert_eq!(error.to_string(), "package/a on web needs package/b on sql, which the site does not have");
}

#[test]
fn the_same_facts_make_the_same_digest_and_any_other_fact_another() {
    let plan = assemble(&guide());
    assert_eq!(assemble(&guide()).header.digest(), plan.header.digest());
    let mut drafts = guide();
    drafts[7].node.attributes.insert("load_user_profile".to_owned(), Value::Boolean(false));
    assert_ne!(assemble(&drafts).header.digest(), plan.header.digest());
    let mut other = input(&guide());
    other.valid_until += jiff::SignedDuration::from_secs(1);
    assert_ne!(try_assemble(&other).unwrap().header.digest(), plan.header.digest());
}

#[test]
fn what_keeps_a_server_out_is_a_finding_with_advice() {
    let plan = |change: fn(&mut PlanInput)| {
        let mut input = input(&guide());
        change(&mut input);
        let plan = try_assemble(&input).unwrap();
        assert_eq!(plan.step_count, 0, "nothing is planned for a server that was not compared");
        assert!(!plan.is_in_sync());
        plan.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let lines = [
        plan(|input| input.servers[0].agent = None),
        plan(|input| input.servers[0].agent.as_mut().unwrap().host = "DUP-WEB02".parse().unwrap()),
        plan(|input| {
            input.servers[0].agent.as_mut().unwrap().kinds.remove(&NodeKind::IisAppPool);
        }),
        plan(|input| input.servers[0].comparison = Comparison::NoAnswer),
        plan(|input| input.servers[0].comparison = Comparison::Problem("IIS cannot be reached".to_owned())),
        plan(|input| match &mut input.servers[0].comparison {
            Comparison::Report(report) => report.manifest = muster_model::digest::Digest::of(b"older"),
            Comparison::Problem(_) | Comparison::NoAnswer => unreachable!(),
        }),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    dupont-prod/web: DUP-WEB01 is not connected -> start its agent, see `muster server show dupont-prod/web`, then plan again
    dupont-prod/web: its agent stands on DUP-WEB02, the site's document says DUP-WEB01 -> correct the name in the site's document, or invite the right computer
    dupont-prod/web: its agent does not know iis_app_pool -> install the newest agent there, then plan again
    dupont-prod/web: its agent did not answer in time -> look at the agent's log on DUP-WEB01, then plan again
    dupont-prod/web: it could not be compared: IIS cannot be reached -> solve this on the server, then plan again
    dupont-prod/web: its agent compared with an older manifest -> plan again
    ");
}

#[test]
fn a_finding_of_the_agent_is_kept_with_its_node() {
    let finding = Finding { problem: "no package makes it".to_owned(), advice: "name one".to_owned() };
    let mut service = draft("web", "service/SCASServer").in_state();
    service.finding = Some(finding);
    let plan = assemble(&[draft("web", "package/a"), service]);
    assert_eq!(
        plan.findings[0].to_string(),
        "dupont-prod/web service/SCASServer: no package makes it -> name one"
    );
    assert_eq!(listing(&plan), ["1 web package/a"], "the rest is planned, so that all is seen at once");
}

#[test]
fn an_orphan_is_a_warning_and_stays() {
    let mut input = input(&[draft("web", "package/a")]);
    report::of(&mut input).orphans.push(id("iis_app_pool/old"));
    let plan = try_assemble(&input).unwrap();
    assert!(plan.findings.is_empty());
    let warning = "dupont-prod/web iis_app_pool/old: Muster made it and the documents no longer name it; it stays as it is.";
    assert!(plan.warnings.len() == 1 && plan.warnings[0].starts_with(warning), "{:?}", plan.warnings);
}

#[test]
fn a_task_that_may_go_on_after_errors_says_so_where_its_plan_is_read() {
    let warned = |may: Value| {
        let task = draft("web", "sql_scripts/new").with("may_ignore_errors", may);
        let mut input = input(&[draft("web", "package/a"), task]);
        let before = try_assemble(&input).unwrap().warnings;
        let due = report::of(&mut input).nodes.iter().any(|entry| entry.node == id("sql_scripts/new"));
        report::of(&mut input).nodes.retain(|entry| entry.node != id("sql_scripts/new"));
        (due, before, try_assemble(&input).unwrap().warnings)
    };
    let (due, warnings, through) = warned(Value::Boolean(true));
    assert!(due && warnings.len() == 1, "{warnings:?}");
    let told = "dupont-prod/web sql_scripts/new: its scripts may go on after errors (`:on error ignore`)";
    assert!(warnings[0].starts_with(told), "{}", warnings[0]);
    assert_eq!(through, Vec::<String>::new(), "it ran");
    assert_eq!(warned(Value::Boolean(false)).1, Vec::<String>::new());
}

/// Whether `node` depends on `on` through any number of needs; everything on a server depends on its preflights.
fn depends(drafts: &[Draft], node: &Draft, on: &Draft) -> bool {
    let direct = |id: &NodeId, role: &Role| {
        drafts.iter().find(|draft| draft.node.id == *id && draft.role == *role).unwrap()
    };
    let needs = node.node.needs.iter().map(|need| direct(&need.node, &need.role));
    let provider = node.node.provided_by.iter().map(|id| direct(id, &node.role));
    let guarded = on.node.id.kind == NodeKind::Preflight
        && node.node.id.kind != NodeKind::Preflight
        && on.role == node.role;
    guarded || needs.chain(provider).any(|need| need.node.id == on.node.id || depends(drafts, need, on))
}

proptest! {
    #[test]
    fn every_plan_satisfies_the_lint_and_keeps_every_dependency(drafts in drafts()) {
        let input = input(&drafts);
        let plan = try_assemble(&input).unwrap();
        let steps: Vec<_> = plan.steps.values().map(Record::value).collect();
        let manifests: Vec<_> = input.servers.iter().map(|server| server.manifest.value()).collect();
        prop_assert_eq!(super::lint::plan(plan.header.value(), steps.iter().copied(), manifests), []);
        let number = |draft: &Draft| {
            let of_role = steps.iter().filter(|server| server.role == draft.role);
            of_role.flat_map(|server| &server.steps).find(|step| step.node == draft.node.id).map(|step| step.number)
        };
        let edges = &plan.header.value().edges;
        let reachable = |from: u32, to: u32| {
            let mut seen = vec![from];
            let mut index = 0;
            while let Some(at) = seen.get(index).copied() {
                seen.extend(edges.iter().filter(|edge| edge.0 == at).map(|edge| edge.1));
                index += 1;
            }
            seen.contains(&to)
        };
        for node in &drafts {
            for on in &drafts {
                if let (Some(before), Some(after)) = (number(on), number(node)) {
                    prop_assert_eq!(before != after && reachable(before, after), depends(&drafts, node, on));
                }
            }
        }
    }

    #[test]
    fn on_one_server_the_order_is_the_files(drafts in drafts()) {
        let plan = assemble(&drafts);
        for (on, record) in &plan.steps {
            let ids = drafts.iter().filter(|d| d.role == *on).map(|d| &d.node.id);
            // Preflights first, wherever they stand.
            let (first, rest): (Vec<&NodeId>, Vec<&NodeId>) = ids.partition(|id| id.kind == NodeKind::Preflight);
            let mine = [first, rest].concat();
            let places: Vec<_> =
                record.value().steps.iter().map(|step| mine.iter().position(|id| **id == step.node)).collect();
            prop_assert!(places.is_sorted(), "{places:?}");
        }
    }
}
