//! Which tasks a plan shows, and when a step's task may run.

use muster_model::digest::Digest;
use muster_model::manifest::Trigger;
use muster_model::plan::{New, Step};

use super::*;
use crate::agree::{Agreement, agree_task};
use crate::sample::{attributes, id, manifest, node, path, row};

fn task(name: &str, triggers: Option<&[(Moment, &str)]>) -> Node {
    let list = Value::List(vec!["SCPSServer".into()]);
    let triggers = triggers.map(|list| {
        list.iter().map(|(moment, cause)| Trigger { moment: *moment, cause: id(cause) }).collect()
    });
    Node { triggers, ..node(name, &[("services", list)], None) }
}

fn with(tasks: Vec<Node>) -> Manifest {
    let mut manifest = manifest();
    manifest.nodes.extend(tasks);
    manifest
}

fn changed(names: &[&str]) -> Vec<NodeReport> {
    let report = |name: &&str| NodeReport {
        node: id(name),
        rows: vec![row(name, "x", Old::Absent, New::Exact("y".into()), Reason::Missing)],
        finding: None,
    };
    names.iter().map(report).collect()
}

/// The rows of tasks, each as `node attribute reason`.
fn shown(manifest: &Manifest, names: &[&str], state: &State) -> Vec<String> {
    let reports = add(manifest, changed(names), &Observations::new(), state);
    let rows = reports.iter().flat_map(|report| &report.rows).filter(|row| row.attribute.name == RUN);
    rows.map(|row| format!("{} {} {:?}", row.node, row.attribute, row.reason)).collect()
}

const FILE: &str = r"file/C:\m.ini";

#[test]
fn a_task_runs_with_the_change_that_fires_it_and_is_not_shown_without_one() {
    let manifest = with(vec![task("service_restart/scps", Some(&[(Moment::After, FILE)]))]);
    let state = State::default();
    assert_eq!(shown(&manifest, &["iis_app_pool/Sage"], &state), Vec::<String>::new());
    assert_eq!(shown(&manifest, &[FILE], &state), [format!("service_restart/scps run[{FILE}] Triggered")]);
}

#[test]
fn a_task_may_fire_another_one_whatever_their_order() {
    let stop = task("application_stop/app", Some(&[(Moment::Before, "package/advanced")]));
    let start = task("application_start/app", Some(&[(Moment::After, "application_stop/app")]));
    let manifest = with(vec![start, stop]);
    assert_eq!(
        shown(&manifest, &["package/advanced"], &State::default()),
        [
            "application_start/app run[application_stop/app] Triggered",
            "application_stop/app run[package/advanced] Triggered"
        ]
    );
}

/// G18: a backup before an upgrade of the application and of its database.
#[test]
fn a_task_before_a_resource_and_another_task_is_planned_for_both_and_runs() {
    let causes = [(Moment::Before, "package/advanced"), (Moment::Before, "sql_scripts/upgrade")];
    let (stop, scripts) = (task("application_stop/app", Some(&causes)), task("sql_scripts/upgrade", None));
    let state = State::default();
    for tasks in [vec![stop.clone(), scripts.clone()], vec![scripts.clone(), stop.clone()]] {
        let manifest = with(tasks);
        let reports = add(&manifest, changed(&["package/advanced"]), &Observations::new(), &state);
        let steps: Vec<Step> = reports
            .into_iter()
            .map(|report| manifest.node(&report.node).unwrap().step(7, report.rows))
            .collect();
        let planned = steps.iter().find(|step| step.node == stop.id).unwrap();
        let causes: Vec<_> = planned.rows.iter().map(|row| row.attribute.to_string()).collect();
        assert_eq!(causes, ["run[package/advanced]", "run[sql_scripts/upgrade]"]);
        let steps = ServerSteps { role: "web".parse().unwrap(), steps: steps.clone() };
        let due = now(&stop, None, &steps, &state).unwrap();
        assert!(matches!(agree_task(planned, &due, false), Agreement::Agreed(_)));
    }
}

#[test]
fn a_task_whose_causes_are_all_left_out_never_runs() {
    let manifest = with(vec![task("service_restart/scps", Some(&[]))]);
    assert_eq!(shown(&manifest, &[FILE, "package/advanced"], &State::default()), Vec::<String>::new());
}

#[test]
fn a_task_without_triggers_is_due_until_it_ran_under_its_key() {
    let once = task("service_restart/scps", None);
    let manifest = with(vec![once.clone()]);
    assert_eq!(shown(&manifest, &[], &State::default()), ["service_restart/scps run Due"]);
    let observed = |observation| {
        let observations = Observations::from([(once.id.clone(), observation)]);
        let mut reports = add(&manifest, Vec::new(), &observations, &State::default());
        reports.pop()
    };
    assert_eq!(observed(marker(&once)), None, "the marker in the target is its end");
    let half = observed(marked("batch 4 of 12")).unwrap();
    assert_eq!(half.rows[0].old, Old::Exact("batch 4 of 12".into()));
    let other = observed(marked(&Digest::of(b"others").to_string())).unwrap();
    assert_eq!(other.rows[0].reason, Reason::Changed);
    let blind = observed(Observation::Unreadable("no answer".to_owned())).unwrap();
    assert!(blind.rows.is_empty() && blind.finding.is_some());
}

#[test]
fn a_key_moves_with_what_the_task_does_and_with_nothing_else() {
    let one = task("service_restart/scps", None);
    let key = one.task_key();
    let mut slower = one.clone();
    slower.attributes.extend(attributes(&[("time_limit_seconds", Value::Integer(9))]));
    assert_eq!(slower.task_key(), key);
    let mut other = one.clone();
    other.attributes.extend(attributes(&[("services", Value::List(vec!["a".into(), "b".into()]))]));
    let mut joined = one;
    joined.attributes.extend(attributes(&[("services", Value::List(vec!["a, b".into()]))]));
    assert_ne!(other.task_key(), key);
    assert_ne!(joined.task_key(), other.task_key());
}

fn step(node: &Node, rows: Vec<Row>) -> Step {
    node.step(7, rows)
}

#[test]
fn a_task_that_is_no_longer_due_is_refused_and_not_taken_for_done() {
    let node = task("service_restart/scps", None);
    let due = once(&node, None, &State::default()).unwrap().unwrap();
    let approved = step(&node, vec![due.clone()]);
    assert!(matches!(agree_task(&approved, std::slice::from_ref(&due), false), Agreement::Agreed(_)));
    assert!(matches!(agree_task(&approved, &[], false), Agreement::Blocked { .. }), "missing");
    assert_eq!(agree_task(&approved, &[], true), Agreement::InState, "this plan's own marker");
}

#[test]
fn a_marker_that_moved_blocks_unless_this_plan_moved_it() {
    let node = task("service_restart/scps", None);
    let due = |old| Row { old, ..once(&node, None, &State::default()).unwrap().unwrap() };
    let approved = step(&node, vec![due(Old::Absent)]);
    let half = due(Old::Exact("batch 4 of 12".into()));
    assert!(matches!(agree_task(&approved, std::slice::from_ref(&half), false), Agreement::Blocked { .. }));
    assert!(matches!(agree_task(&approved, &[half], true), Agreement::Agreed(_)));
    let other = Row { new: New::Ran(Digest::of(b"another task")), ..due(Old::Absent) };
    assert!(matches!(agree_task(&approved, &[other], true), Agreement::Blocked { .. }));
}

#[test]
fn a_second_cause_that_nobody_approved_blocks_the_task() {
    let causes = [(Moment::After, FILE), (Moment::After, "package/advanced")];
    let node = task("service_restart/scps", Some(&causes));
    let one = fired(&node, &id(FILE), Reason::Triggered);
    let two = fired(&node, &id("package/advanced"), Reason::Owed);
    let approved = step(&node, vec![one.clone()]);
    assert!(matches!(agree_task(&approved, &[one.clone(), two], false), Agreement::Blocked { .. }));
    assert_eq!(one.attribute, path(RUN, Some(FILE)));
}
