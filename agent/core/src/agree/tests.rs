//! Promise 2: nothing outside of the approved rows can be applied.

use muster_model::plan::{New, Reason};
use muster_model::report::Finding;
use proptest::prelude::*;

use super::*;
use crate::sample::{POOL, id, row, steps};

fn nothing_done(_: &NodeId) -> bool {
    false
}

fn actual(rows: Vec<Row>) -> Comparison {
    Comparison { rows, finding: None }
}

fn version(old: Old, new: &str) -> Row {
    row("package/advanced", "version", old, New::Exact(new.into()), Reason::Missing)
}

fn is_agreed(agreement: &Agreement) -> bool {
    matches!(agreement, Agreement::Agreed(_))
}

#[test]
fn the_approved_row_is_agreed_and_a_vanished_one_is_in_state() {
    let step = &steps().steps[0];
    let agreement = agree(step, &actual(vec![version(Old::Absent, "2.0")]), &nothing_done, Before::Nothing);
    assert!(is_agreed(&agreement));
    assert_eq!(agree(step, &actual(Vec::new()), &nothing_done, Before::Nothing), Agreement::InState);
}

#[test]
fn a_value_that_changed_since_the_approval_blocks_with_what_is_there() {
    let now = version(Old::Exact("1.5".into()), "2.0");
    let agreement = agree(&steps().steps[0], &actual(vec![now.clone()]), &nothing_done, Before::Nothing);
    let Agreement::Blocked { rows, problem } = agreement else { panic!("{agreement:?}") };
    assert_eq!(rows, [now]);
    assert_eq!(problem, "not approved as it is now: version 1.5 -> 2.0");
}

#[test]
fn known_after_is_any_value_once_the_package_is_done_and_none_before() {
    let step = &steps().steps[1];
    let now = row(
        "service/SCPSServer",
        "state",
        Old::Exact("stopped".into()),
        New::Exact("running".into()),
        Reason::Differs,
    );
    let done = |node: &NodeId| *node == id("package/advanced");
    assert!(is_agreed(&agree(step, &actual(vec![now.clone()]), &done, Before::Nothing)));
    assert!(!is_agreed(&agree(step, &actual(vec![now]), &nothing_done, Before::Nothing)));
}

#[test]
fn an_old_version_may_be_gone_only_where_this_plan_took_it_off() {
    let mut step = steps().steps.remove(0);
    step.rows = vec![version(Old::Exact("1.0".into()), "2.0")];
    let now = version(Old::Absent, "2.0");
    assert!(is_agreed(&agree(&step, &actual(vec![now.clone()]), &nothing_done, Before::TakenOff)));
    for before in [Before::Nothing, Before::CutOff] {
        assert!(!is_agreed(&agree(&step, &actual(vec![now.clone()]), &nothing_done, before)), "{before:?}");
    }
    let other = version(Old::Exact("1.5".into()), "2.0");
    assert!(!is_agreed(&agree(&step, &actual(vec![other]), &nothing_done, Before::TakenOff)));
}

#[test]
fn only_an_interrupted_effect_may_find_a_thing_that_was_approved_as_absent() {
    let now = row(
        "file/C:\\m.ini",
        "content",
        Old::Exact("half".into()),
        New::Exact("a=1\n".into()),
        Reason::Differs,
    );
    let step = &steps().steps[2];
    assert!(!is_agreed(&agree(step, &actual(vec![now.clone()]), &nothing_done, Before::Nothing)));
    assert!(is_agreed(&agree(step, &actual(vec![now]), &nothing_done, Before::CutOff)));
}

#[test]
fn a_finding_blocks_whatever_the_rows_say() {
    let finding = Finding { problem: "absent".to_owned(), advice: "repair it".to_owned() };
    let comparison = Comparison { rows: vec![version(Old::Absent, "2.0")], finding: Some(finding) };
    assert!(!is_agreed(&agree(&steps().steps[0], &comparison, &nothing_done, Before::Nothing)));
}

fn some_row() -> impl Strategy<Value = Row> {
    let value = || any::<bool>().prop_map(muster_model::value::Value::from);
    let old = prop_oneof![
        Just(Old::Absent),
        value().prop_map(Old::Exact),
        prop_oneof![Just("package/a"), Just("package/b")].prop_map(|node| Old::KnownAfter(id(node))),
    ];
    let new = prop_oneof![Just(New::Absent), value().prop_map(New::Exact)];
    let node = prop_oneof![9 => Just("P"), 1 => Just("Q")];
    let attribute = prop_oneof![Just("enable_32bit"), Just("load_user_profile")];
    (node, attribute, old, new).prop_map(|(name, attribute, old, new)| {
        row(&format!("{POOL}/{name}"), attribute, old, new, Reason::Differs)
    })
}

proptest! {
    #[test]
    fn nothing_but_approved_rows_is_ever_agreed(
        approved in proptest::collection::vec(some_row(), 0..4),
        now in proptest::collection::vec(some_row(), 0..4),
        a_is_done in any::<bool>(),
        before in prop_oneof![Just(Before::Nothing), Just(Before::CutOff), Just(Before::TakenOff)],
    ) {
        let mut step = steps().steps.remove(0);
        step.rows.clone_from(&approved);
        let done = |node: &NodeId| a_is_done && *node == id("package/a");
        match agree(&step, &actual(now.clone()), &done, before) {
            Agreement::InState => prop_assert!(now.is_empty()),
            Agreement::Blocked { rows, .. } => prop_assert_eq!(rows, now),
            Agreement::Agreed(agreed) => {
                prop_assert_eq!(agreed.rows(), now.as_slice());
                for row in agreed.rows() {
                    let twin = approved.iter().find(|approved| {
                        approved.node == row.node
                            && approved.attribute == row.attribute
                            && approved.new == row.new
                            && match &approved.old {
                                Old::KnownAfter(provider) => done(provider),
                                Old::Absent => row.old == Old::Absent || before == Before::CutOff,
                                Old::Exact(_) => {
                                    approved.old == row.old
                                        || (row.old == Old::Absent && before == Before::TakenOff)
                                }
                            }
                    });
                    prop_assert!(twin.is_some(), "{row:?} was not approved");
                }
            }
        }
    }
}
