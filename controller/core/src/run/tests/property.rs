//! What holds for every run, whatever the plan, the agents and the person do.

use std::collections::{BTreeMap, BTreeSet};

use muster_model::event::{EventBody, RunEnd};
use muster_model::node::{Effect, NodeClass, NodeKind};
use muster_model::outcome::{End, Outcome};
use muster_model::view::StepState;
use proptest::prelude::*;

use super::world::World;
use crate::run::{IllegalMove, Phase, StepRun};
use crate::testing::{Draft, VALID_SECONDS, assemble, draft, drafts, id};

const BAD: [End; 4] = [End::Failed, End::Blocked, End::Unknown, End::Superseded];

/// Random sites with something to do.
fn plans() -> impl Strategy<Value = Vec<Draft>> {
    drafts().prop_map(|mut drafts| {
        drafts.push(draft("web", "package/last"));
        drafts
    })
}

/// For each step of a plan, perhaps a bad end of its first attempt.
fn bad_ends() -> impl Strategy<Value = Vec<Option<End>>> {
    proptest::collection::vec(proptest::option::weighted(0.3, proptest::sample::select(BAD.to_vec())), 20)
}

fn world(drafts: &[Draft], bad: &[Option<End>]) -> World {
    let mut world = World::new(&assemble(drafts));
    let gates: BTreeSet<u32> = world
        .run
        .steps()
        .filter(|step| step.step.class == NodeClass::Gate)
        .map(|step| step.step.number)
        .collect();
    world.script = (1..)
        .zip(bad)
        .filter(|(number, _)| !gates.contains(number))
        .filter_map(|(number, end)| Some((number, vec![(*end)?])))
        .collect();
    world
}

/// A random move of anyone.
fn random_move(world: &mut World, pick: u16) {
    let roles = world.roles();
    let role = &roles[usize::from(pick / 16) % roles.len()];
    world.second += 1;
    match pick % 16 {
        0..=3 => world.tick(),
        4 | 5 => world.receive(role),
        6..=8 => world.work(role),
        9..=11 => world.hear(role),
        12 => world.hear_again(role, usize::from(pick / 64)),
        13 if pick.is_multiple_of(3) => confirm_unknown(world),
        13 => world.confirm(),
        14 if world.run.phase() == Phase::Running && pick.is_multiple_of(5) => world.cancel(),
        15 if world.run.may_resume() => world.resume(&parked(world)),
        _ => world.refusals = u32::from(pick.is_multiple_of(7)),
    }
}

/// A person looked, and says that the work of an unknown step is there.
fn confirm_unknown(world: &mut World) {
    let unknown = world.run.steps().find(|step| step.state == StepState::Ended(End::Unknown));
    if let Some(step) = unknown.map(|step| step.step.number) {
        let note = Some("seen".to_owned());
        world.say(|plan| EventBody::StepConfirmed { plan, step, by: "anne".to_owned(), note, ends: None });
    }
}

fn parked(world: &World) -> Vec<u32> {
    world.run.steps().filter(|step| step.is_parked()).map(|step| step.step.number).collect()
}

proptest! {
    #[test]
    fn bad_steps_skip_exactly_what_depends_on_them(drafts in plans(), bad in bad_ends()) {
        let mut world = world(&drafts, &bad);
        let script = world.script.clone();
        let end = world.settle();
        let mut expected: BTreeMap<u32, End> = BTreeMap::new();
        for step in world.run.steps() {
            let number = step.step.number;
            let skipped = world.run.needs(number).iter().any(|need| expected[need] != End::Done);
            let own = script.get(&number).map_or(End::Done, |ends| ends[0]);
            expected.insert(number, if skipped { End::Skipped } else { own });
        }
        let outcomes: BTreeMap<u32, End> =
            world.run.steps().map(|step| (step.step.number, step.outcome.as_ref().unwrap().end)).collect();
        prop_assert_eq!(&outcomes, &expected);
        for step in world.run.steps().filter(|step| outcomes[&step.step.number] == End::Skipped) {
            prop_assert!(BAD.contains(&outcomes[&world.run.culprit(step.step.number)]), "the cause is named, not another that was skipped");
        }
        prop_assert_eq!(end == RunEnd::Done, world.run.steps().all(StepRun::is_done));
    }

    #[test]
    fn after_a_resumption_without_failures_all_is_done_and_nothing_twice(drafts in plans(), bad in bad_ends()) {
        let mut world = world(&drafts, &bad);
        // Each resumption gets past at least one bad end; that no done step is issued again is checked at each event.
        let mut end = world.settle();
        for _ in 0..=drafts.len() {
            if end == RunEnd::Done {
                break;
            }
            world.resume(&parked(&world));
            end = world.settle();
        }
        prop_assert_eq!(end, RunEnd::Done);
        let done = world.log.iter().filter_map(|(_, body)| {
            if let EventBody::StepEnded { step, outcome: Outcome { end: End::Done, .. }, .. }
            | EventBody::StepConfirmed { step, .. } = body
            {
                // Of a guided step a person says so first, and its agent ends it.
                let said = matches!(body, EventBody::StepConfirmed { .. });
                let guided = world.run.step(*step).is_some_and(StepRun::is_guided);
                Some(*step).filter(|_| !(said && guided))
            } else {
                None
            }
        });
        let done: Vec<u32> = done.collect();
        prop_assert_eq!(done.len(), done.iter().collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn a_run_ends_whatever_happens_and_can_be_brought_to_its_end(
        drafts in plans(),
        bad in bad_ends(),
        moves in proptest::collection::vec(any::<u16>(), 0..200),
    ) {
        let mut world = world(&drafts, &bad);
        for pick in moves {
            random_move(&mut world, pick);
        }
        world.refusals = 0;
        let mut end = match world.run.phase() {
            Phase::Ended(end) => end,
            Phase::Planned | Phase::Approved | Phase::Running | Phase::Stopping => world.settle(),
        };
        for _ in 0..=drafts.len() {
            if end != RunEnd::Done {
                world.resume(&parked(&world));
                end = world.settle();
            }
        }
        prop_assert_eq!(end, RunEnd::Done);
    }

    #[test]
    fn after_its_validity_a_run_issues_nothing_and_ends(
        drafts in plans(),
        bad in bad_ends(),
        moves in proptest::collection::vec(any::<u16>(), 0..60),
    ) {
        let mut world = world(&drafts, &bad);
        for pick in moves {
            random_move(&mut world, pick);
        }
        world.second = VALID_SECONDS;
        let issued = world.issued().len();
        if !matches!(world.run.phase(), Phase::Ended(_)) {
            world.settle();
        }
        prop_assert_eq!(world.issued().len(), issued);
        let resume = EventBody::RunResumed { plan: world.run.plan(), by: "anne".to_owned(), restart: Vec::new(), reason: None };
        let now = world.now();
        let refused = world.run.apply(now, &resume);
        prop_assert!(matches!(refused, Err(IllegalMove::Expired { .. } | IllegalMove::NotStopped(_))), "{:?}", refused);
        // What an agent did out of reach is believed when it comes back.
        for role in world.roles() {
            for _ in 0..60 {
                world.work(&role);
                world.hear(&role);
            }
        }
        let open = world.run.steps().filter(|step| !step.has_ended()).count();
        let refused = world.run.refusals().count();
        prop_assert!(open == 0 || refused > 0, "only what was refused is left as it was");
    }

    #[test]
    fn a_one_shot_step_of_unknown_outcome_is_never_started_anew_without_an_order(drafts in plans(), bad in bad_ends()) {
        let mut world = world(&drafts, &bad);
        let last = world.run.steps().find(|step| step.step.node == id("package/last")).unwrap().step.number;
        world.script.insert(last, vec![End::Unknown]);
        // One that fails skips the last step, too.
        for preflight in world.run.steps().filter(|step| step.step.node.kind == NodeKind::Preflight) {
            world.script.remove(&preflight.step.number);
        }
        world.settle();
        let parked = parked(&world);
        prop_assert!(parked.contains(&last));
        let keys: Vec<_> = parked.iter().map(|step| world.key(*step)).collect();
        for step in &parked {
            prop_assert_eq!(world.run.step(*step).unwrap().step.effect, Effect::OneShot);
        }
        world.resume(&[]);
        prop_assert_eq!(world.settle(), RunEnd::Unknown);
        let after: Vec<_> = parked.iter().map(|step| world.key(*step)).collect();
        prop_assert_eq!(keys, after);
    }
}
