//! Each rule of the lint, broken once.

use muster_model::plan::{Old, PlanHeader, ServerSteps};

use crate::plan::lint::{self, Violation};
use crate::testing::{assemble, draft, guide, id, input, role};

#[test]
fn g1_the_lint_finds_a_step_that_no_preflight_guards() {
    let drafts = [vec![draft("web", "preflight/web")], guide()].concat();
    let (plan, input) = (assemble(&drafts), input(&drafts));
    let steps: Vec<_> = plan.steps.values().map(|record| record.value().clone()).collect();
    let manifests = || input.servers.iter().map(|server| server.manifest.value());
    let mut header = plan.header.value().clone();
    assert_eq!(lint::plan(&header, &steps, manifests()), []);
    header.edges.retain(|edge| *edge != (1, 4));
    assert_eq!(lint::plan(&header, &steps, manifests()), [Violation::Unguarded(1, 4)]);
}

#[test]
fn the_lint_finds_each_rule_that_is_broken() {
    let plan =
        assemble(&[guide(), vec![draft("sql", "package/z").needs("web", "package/advanced")]].concat());
    let input = input(&[guide(), vec![draft("sql", "package/z").needs("web", "package/advanced")]].concat());
    let broken = |change: fn(&mut PlanHeader, &mut Vec<ServerSteps>)| {
        let mut header = plan.header.value().clone();
        let mut steps: Vec<_> = plan.steps.values().map(|record| record.value().clone()).collect();
        change(&mut header, &mut steps);
        lint::plan(&header, &steps, input.servers.iter().map(|server| server.manifest.value()))
    };
    assert_eq!(broken(|_, _| {}), []);
    assert!(broken(|_, s| drop(s.pop())).contains(&Violation::Servers));
    assert!(broken(|_, s| s[1].steps[0].number = 2).contains(&Violation::Number(2)));
    assert!(broken(|h, _| h.edges.push((9, 1))).contains(&Violation::Edge(9, 1)));
    assert!(broken(|h, _| h.edges.push((1, 77))).contains(&Violation::Edge(1, 77)));
    assert!(broken(|h, _| h.segments[0].steps.retain(|step| *step != 1)).contains(&Violation::Segmented(1)));
    assert!(broken(|h, _| h.segments[1].steps.insert(0, 1)).contains(&Violation::Segmented(1)));
    assert!(broken(|h, _| h.segments[0].role = role("sql")).contains(&Violation::Segmented(1)));
    assert!(broken(|h, _| h.segments[1].after.push(7)).contains(&Violation::Segment(2)));
    assert!(broken(|h, _| h.segments[0].steps.clear()).contains(&Violation::Segment(1)));
    assert!(broken(|h, _| h.segments[1].after.clear()).contains(&Violation::Chain(2)));
    assert!(broken(|h, _| h.segments[3].after.clear()).contains(&Violation::Unkept(7, 10)));
    assert!(
        broken(|h, _| {
            let gate = h.segments.remove(2).steps;
            h.segments[1].steps.extend(gate);
            h.segments[2].number = 3;
        })
        .contains(&Violation::Gate(2))
    );
    assert!(broken(|_, s| s[1].steps[0].rows.clear()).contains(&Violation::Misfit(1)));
    let elsewhere = Violation::Row(1, id("package/x"));
    assert!(broken(|_, s| s[1].steps[0].rows[0].node = id("package/x")).contains(&elsewhere));
    let known = Violation::KnownAfter(1, id("package/advanced"));
    assert!(
        broken(|_, s| s[1].steps[0].rows[0].old = Old::KnownAfter(id("package/advanced"))).contains(&known)
    );
}
