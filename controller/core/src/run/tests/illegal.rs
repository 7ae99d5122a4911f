//! Moves that are refused, and that leave everything as it was.

use muster_model::digest::Digest;

use super::super::Run;
use super::*;
use crate::plan::lint::Violation;
use crate::testing::{approved, created, planned};

#[test]
fn exactly_what_was_planned_is_approved_and_only_what_can_be() {
    let plan = assemble(&guide());
    let mut run = planned(&plan);
    let start = EventBody::RunStarted { plan: PLAN, by: by() };
    assert_eq!(run.apply(at(2), &start), Err(IllegalMove::NotApproved(PLAN)));
    let digest = Digest::of(b"another");
    let other = EventBody::PlanApproved { plan: PLAN, digest, by: by(), ticket: None, reason: None };
    assert!(matches!(run.apply(at(2), &other), Err(IllegalMove::Digest { .. })));
    assert!(matches!(run.apply(at(VALID_SECONDS), &approved(&plan)), Err(IllegalMove::Expired { .. })));
    run.apply(at(2), &approved(&plan)).unwrap();
    assert!(matches!(run.apply(at(2), &approved(&plan)), Err(IllegalMove::Approved { .. })));
    assert!(matches!(run.apply(at(VALID_SECONDS), &start), Err(IllegalMove::Expired { .. })));
    run.apply(at(3), &start).unwrap();
    assert_eq!(run.apply(at(3), &start), Err(IllegalMove::Started(PLAN)));

    let empty = assemble(&[draft("web", "package/a").in_state()]);
    assert_eq!(planned(&empty).apply(at(2), &approved(&empty)), Err(IllegalMove::Empty(PLAN)));
    let mut found = created(&plan);
    if let EventBody::PlanCreated { findings, .. } = &mut found {
        *findings = 2;
    }
    let steps = plan.steps.values().map(|record| record.value().clone());
    let mut run = Run::new(&plan.header, steps).unwrap();
    assert_eq!(run.apply(at(1), &approved(&plan)), Err(IllegalMove::NotStored(PLAN)));
    run.apply(at(1), &found).unwrap();
    let error = run.apply(at(2), &approved(&plan)).unwrap_err();
    assert_eq!(error, IllegalMove::Findings { plan: PLAN, findings: 2 });
}

#[test]
fn a_refused_event_leaves_the_run_as_it_was() {
    let (id, key) = (|n: u128| CommandId(Uuid::from_u128(n)), |n: u128| StepKey(Uuid::from_u128(n)));
    let mut world = World::new(&assemble(&[
        draft("web", "package/a"),
        draft("web", "manual_step/look"),
        draft("web", "package/b").needs("web", "package/a"),
        draft("sql", "package/c"),
    ]));
    world.tick();
    let issued = |segment: u32, on: &str, steps: &[(u32, u128)], start_by: i64| EventBody::CommandIssued {
        plan: PLAN,
        command: id(90),
        segment,
        role: role(on),
        steps: steps.iter().map(|(number, n)| StepTicket { number: *number, key: key(*n) }).collect(),
        start_by: at(start_by),
    };
    let first = world.key(1);
    let ended = |step: u32, key: Option<StepKey>, end: End| EventBody::StepEnded {
        plan: PLAN,
        step,
        key,
        outcome: outcome(end),
    };
    let illegal = [
        issued(1, "web", &[(1, 91)], 5_000),
        issued(3, "web", &[(3, 91)], 5_000),
        issued(3, "sql", &[(3, 91)], 5_000),
        issued(2, "web", &[(2, 91)], 5_000),
        ended(1, None, End::Done),
        ended(1, None, End::Cancelled),
        ended(3, None, End::Skipped),
        ended(3, Some(first), End::Done),
        ended(1, Some(key(999)), End::Done),
        ended(77, None, End::Skipped),
        EventBody::StepStarted { plan: PLAN, step: 3, key: first },
        EventBody::GateOpened { plan: PLAN, step: 2 },
        EventBody::GateOpened { plan: PLAN, step: 1 },
        EventBody::StepConfirmed { plan: PLAN, step: 2, by: by(), note: None, ends: None },
        EventBody::StepConfirmed { plan: PLAN, step: 77, by: by(), note: None, ends: None },
        EventBody::CommandAccepted { plan: PLAN, command: id(999) },
        EventBody::RunResumed { plan: PLAN, by: by(), restart: Vec::new(), reason: None },
        EventBody::RunEnded { plan: PLAN, end: RunEnd::Done },
        EventBody::RunStarted { plan: PlanId(205), by: by() },
        EventBody::ControllerStarted { epoch: 1, instance: Uuid::nil() },
    ];
    for event in illegal {
        let before = world.run.clone();
        let error = world.run.apply(world.now(), &event).expect_err(&format!("{event:?}"));
        assert!(!error.is_repeated(), "{event:?}");
        assert_eq!(world.run, before, "{event:?}");
    }
}

#[test]
fn a_plan_that_might_never_end_is_not_run() {
    let plan = assemble(&guide());
    let mut steps: Vec<_> = plan.steps.values().map(|record| record.value().clone()).collect();
    steps[0].steps.pop();
    assert_eq!(Run::new(&plan.header, steps).unwrap_err(), [Violation::Edge(7, 9), Violation::Segmented(9)]);
}

#[test]
fn nothing_is_due_before_a_run_was_started() {
    let plan = assemble(&guide());
    assert_eq!(planned(&plan).decide(at(5)), []);
    assert!(started(&plan).is_active());
}
