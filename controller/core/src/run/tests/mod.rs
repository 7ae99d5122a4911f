//! Stories of runs; what holds for every one is in `property`, packages that a person installs in `guided`, what is refused in
//! `illegal`; the agents and the person are in `world`.

mod guided;
mod illegal;
mod property;
mod world;

use muster_model::event::{EventBody, RunEnd};
use muster_model::name::PlanId;
use muster_model::outcome::{CommandId, End, Refusal, StepKey, StepTicket};
use muster_model::view::StepState;
use uuid::Uuid;

use super::{Decision, IllegalMove, Phase};
use crate::testing::{VALID_SECONDS, assemble, at, draft, guide, role, started};
use world::{World, outcome};

const PLAN: PlanId = PlanId(204);

fn by() -> String {
    "anne".to_owned()
}

#[test]
fn g13_services_are_issued_in_order_in_one_command_and_the_gate_waits_for_a_person() {
    let mut world = World::new(&assemble(&guide()));
    assert_eq!(
        world.run.decide(world.now()),
        [Decision::Issue { segment: 1, role: role("web"), steps: vec![1, 2, 3, 4, 5, 6, 7, 8] }]
    );
    world.tick();
    assert_eq!(world.run.decide(world.now()), [], "one command at a time");
    while world.run.step(8).is_some_and(|step| !step.is_done()) {
        world.receive(&role("web"));
        world.work(&role("web"));
        world.hear(&role("web"));
    }
    assert_eq!(world.run.decide(world.now()), [Decision::OpenGate { step: 9 }]);
    world.tick();
    assert_eq!(world.run.decide(world.now()), [], "nothing moves until a person says so");
    world.confirm();
    assert_eq!(world.run.decide(world.now()), [Decision::End(RunEnd::Done)]);
    assert_eq!(world.run.step(9).unwrap().outcome.as_ref().unwrap().evidence, "confirmed by anne");
}

#[test]
fn a_gate_is_a_barrier_on_its_server_and_on_no_other() {
    let mut world = World::new(&assemble(&[
        draft("web", "manual_step/look"),
        draft("web", "package/a"),
        draft("sql", "package/b"),
    ]));
    assert_eq!(
        world.run.decide(world.now()),
        [Decision::OpenGate { step: 1 }, Decision::Issue { segment: 3, role: role("sql"), steps: vec![3] },]
    );
    world.tick();
    world.confirm();
    assert_eq!(
        world.run.decide(world.now()),
        [Decision::Issue { segment: 2, role: role("web"), steps: vec![2] }]
    );
}

#[test]
fn a_failed_step_skips_what_depends_on_it_and_nothing_else() {
    let mut world = World::new(&assemble(&guide()));
    world.script.insert(7, vec![End::Failed]);
    assert_eq!(world.settle(), RunEnd::Failed);
    let words: Vec<&str> = world.states().into_iter().map(|(_, word)| word).collect();
    let done = "done";
    assert_eq!(words, [done, done, done, done, done, done, "failed", "skipped", "skipped"]);
    let gate = world.run.step(9).unwrap().outcome.clone().unwrap();
    assert_eq!(gate.because, Some(7));
    assert_eq!(gate.evidence, "step 7 (package/advanced on web) failed");
    world.resume(&[]);
    assert_eq!(world.settle(), RunEnd::Done);
    assert_eq!(world.issued(), [vec![1, 2, 3, 4, 5, 6, 7, 8], vec![7, 8]]);
}

#[test]
fn a_server_goes_on_while_another_failed() {
    let mut world = World::new(&assemble(&[
        draft("sql", "package/engine"),
        draft("web", "package/app").needs("sql", "package/engine"),
        draft("web", "package/tools"),
    ]));
    world.script.insert(1, vec![End::Failed]);
    assert_eq!(world.settle(), RunEnd::Failed);
    assert_eq!(world.states(), [(1, "failed"), (2, "skipped"), (3, "done")]);
}

#[test]
fn cancel_stops_before_the_next_step_and_resume_goes_on_there() {
    let mut world = World::new(&assemble(&guide()));
    world.tick();
    let web = role("web");
    for _ in 0..3 {
        world.receive(&web);
        world.work(&web);
        world.hear(&web);
    }
    world.cancel();
    assert!(
        world.run.outstanding(&web)[0].cancelled,
        "a command that is sent again is followed by its cancel"
    );
    assert_eq!(world.settle(), RunEnd::Cancelled);
    assert_eq!(world.states()[..3], [(1, "done"), (2, "done"), (3, "cancelled")], "step 2 had begun");
    world.resume(&[]);
    assert_eq!(world.settle(), RunEnd::Done);
    assert_eq!(world.issued()[1], [3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_cancel_that_comes_too_late_changes_nothing() {
    let mut world = World::new(&assemble(&[draft("web", "package/a")]));
    world.tick();
    let web = role("web");
    world.receive(&web);
    world.work(&web);
    world.work(&web);
    world.cancel();
    assert_eq!(world.settle(), RunEnd::Done, "every step was done before the agent heard of it");
}

#[test]
fn an_unknown_one_shot_step_waits_for_an_order_or_a_confirmation() {
    let unknown = |world: &mut World| {
        world.script.insert(1, vec![End::Unknown]);
        assert_eq!(world.settle(), RunEnd::Unknown);
    };
    let drafts = [draft("web", "package/a"), draft("web", "service/s").provided_by("package/a")];

    let mut ordered = World::new(&assemble(&drafts));
    unknown(&mut ordered);
    ordered.resume(&[1]);
    ordered.tick();
    assert_eq!(ordered.run.outstanding(&role("web"))[0].restart, [1], "the command names what is ordered");
    assert_eq!(ordered.settle(), RunEnd::Done);

    let mut confirmed = World::new(&assemble(&drafts));
    unknown(&mut confirmed);
    let note = Some("installed, seen in Programs and Features".to_owned());
    confirmed.say(|plan| EventBody::StepConfirmed { plan, step: 1, by: by(), note, ends: None });
    confirmed.resume(&[]);
    assert_eq!(confirmed.settle(), RunEnd::Done);
    assert_eq!(confirmed.issued(), [vec![1, 2], vec![2]], "what is confirmed is not started again");

    let mut wrong = World::new(&assemble(&drafts));
    unknown(&mut wrong);
    let resume = EventBody::RunResumed { plan: PLAN, by: by(), restart: vec![2], reason: None };
    let error = wrong.run.apply(wrong.now(), &resume).unwrap_err();
    assert_eq!(error, IllegalMove::NotUnknown { plan: PLAN, step: 2 });
}

#[test]
fn a_step_that_has_its_turn_again_waits_until_its_server_is_free() {
    let mut world = World::new(&assemble(&[
        draft("web", "package/a"),
        draft("web", "package/b").needs("web", "package/a"),
        draft("web", "package/c"),
    ]));
    world.script.insert(1, vec![End::Unknown]);
    world.tick();
    let web = role("web");
    for _ in 0..4 {
        world.receive(&web);
        world.work(&web);
        world.hear(&web);
    }
    assert_eq!(world.states(), [(1, "unknown"), (2, "skipped"), (3, "sent")]);
    world.say(|plan| EventBody::StepConfirmed { plan, step: 1, by: by(), note: None, ends: None });
    assert_eq!(world.states(), [(1, "done"), (2, "pending"), (3, "sent")]);
    assert_eq!(world.run.decide(world.now()), [], "one command at a time on a server");
    assert_eq!(world.settle(), RunEnd::Done, "without a resumption: the cause is gone");
    assert_eq!(world.issued(), [vec![1, 2, 3], vec![2]]);
}

#[test]
fn no_step_is_issued_without_those_that_it_depends_on() {
    let plan = assemble(&[draft("web", "package/a"), draft("web", "package/b").needs("web", "package/a")]);
    let mut world = World::new(&plan);
    let (command, key) = (CommandId(Uuid::from_u128(90)), StepKey(Uuid::from_u128(91)));
    let (steps, start_by) = (vec![StepTicket { number: 2, key }], at(VALID_SECONDS));
    let issued =
        EventBody::CommandIssued { plan: PLAN, command, segment: 1, role: role("web"), steps, start_by };
    let now = world.now();
    assert_eq!(world.run.apply(now, &issued), Err(IllegalMove::NotDue(command)));
}

#[test]
fn a_refused_command_ends_the_run_and_is_issued_again_with_fresh_keys() {
    let mut world = World::new(&assemble(&[draft("web", "package/a"), draft("sql", "package/b")]));
    world.refusals = 1;
    assert_eq!(world.settle(), RunEnd::Refused);
    assert_eq!(world.run.refusals().count(), 1);
    let left: Vec<u32> =
        world.run.steps().filter(|s| s.state == StepState::Pending).map(|s| s.step.number).collect();
    assert_eq!(left.len(), 1, "the other server went on");
    let before = world.issued();
    world.resume(&[]);
    assert_eq!(world.settle(), RunEnd::Done, "the keys of a refused command are never used again");
    assert_eq!(world.issued()[before.len()..], [left]);
}

#[test]
fn an_agent_that_forgets_a_command_it_had_taken_leaves_its_steps_unknown() {
    let mut world = World::new(&assemble(&[draft("web", "package/a")]));
    world.tick();
    let web = role("web");
    world.receive(&web);
    world.hear(&web);
    let command = world.run.outstanding(&web)[0].command;
    world.forget(&web);
    let refusal = Refusal::Regressed { known: 9, have: 4 };
    world.say(|plan| EventBody::CommandRefused { plan, command, refusal });
    assert_eq!(world.settle(), RunEnd::Unknown);
    assert!(world.run.must_plan_again());
}

#[test]
fn a_server_that_is_gone_for_good_is_given_up_and_its_site_is_free_again() {
    let mut world = World::new(&assemble(&[draft("web", "package/a"), draft("web", "package/b")]));
    world.tick();
    let web = role("web");
    for _ in 0..2 {
        world.receive(&web);
        world.work(&web);
        world.hear(&web);
    }
    assert_eq!(world.states(), [(1, "running"), (2, "sent")]);
    for event in world.run.give_up(&web, "web was revoked", world.now()) {
        world.apply(&event);
    }
    assert_eq!(world.run.outstanding(&web), []);
    world.tick();
    assert_eq!(world.run.phase(), Phase::Ended(RunEnd::Unknown));
}

#[test]
fn steps_that_an_agent_let_go_of_itself_are_cancelled_and_not_expired() {
    let mut world = World::new(&assemble(&[draft("web", "package/a")]));
    world.tick();
    let key = Some(world.key(1));
    world.say(|plan| EventBody::StepEnded { plan, step: 1, key, outcome: outcome(End::Cancelled) });
    assert_eq!(world.run.decide(world.now()), [Decision::End(RunEnd::Cancelled)]);
}

#[test]
fn work_that_no_agent_took_ends_with_the_plan_and_an_outcome_from_out_of_reach_is_believed() {
    let mut world = World::new(&assemble(&[draft("web", "package/a"), draft("web", "package/b")]));
    world.tick();
    let web = role("web");
    world.receive(&web);
    for _ in 0..4 {
        world.work(&web);
    }
    world.second = VALID_SECONDS;
    let due = world.run.decide(world.now());
    assert_eq!(due, [Decision::CancelStep { step: 1 }, Decision::CancelStep { step: 2 }]);
    world.tick();
    world.tick();
    assert_eq!(world.run.phase(), Phase::Ended(RunEnd::Expired));
    assert!(world.run.step(1).unwrap().outcome.as_ref().unwrap().evidence.starts_with("web did not take"));
    for _ in 0..5 {
        world.hear(&web);
    }
    assert_eq!(world.states(), [(1, "done"), (2, "done")]);
    assert_eq!(world.run.phase(), Phase::Ended(RunEnd::Expired), "history is not rewritten");
}

#[test]
fn a_command_that_an_agent_took_in_time_goes_on_after_the_plan_expired() {
    let mut world = World::new(&assemble(&[draft("web", "package/a")]));
    world.tick();
    let web = role("web");
    world.receive(&web);
    world.hear(&web);
    world.second = VALID_SECONDS;
    assert_eq!(world.run.decide(world.now()), [], "an installer is not broken off because a date has passed");
    assert_eq!(world.settle(), RunEnd::Done);
}

#[test]
fn while_a_gate_waits_a_failed_step_can_be_resumed_and_the_gate_is_asked_again_after_it() {
    let mut world = World::new(&assemble(&[draft("web", "package/a"), draft("web", "manual_step/look")]));
    world.script.insert(1, vec![End::Failed]);
    let web = role("web");
    while world.run.step(2).unwrap().state != StepState::Waiting {
        world.tick();
        world.receive(&web);
        world.work(&web);
        world.hear(&web);
    }
    world.resume(&[]);
    assert_eq!(world.states(), [(1, "pending"), (2, "pending")]);
    let confirm = EventBody::StepConfirmed { plan: PLAN, step: 2, by: by(), note: None, ends: None };
    let error = world.run.apply(world.now(), &confirm).unwrap_err();
    assert_eq!(
        error.to_string(),
        "step P-204/2 is pending and cannot be confirmed; see `muster steps P-204`"
    );
    assert_eq!(world.settle(), RunEnd::Done);
}
