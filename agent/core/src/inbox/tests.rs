//! Promise 5 and the rest of acceptance: each reason not to take a command, alone and in its order.

use jiff::ToSpan as _;

use super::*;
use crate::journal::Record;
use crate::sample::{command, command_with, epoch, key, manifest, now, outcome, standing, ticket};

fn refusal(verdict: Verdict) -> Refusal {
    let Verdict::Refuse(refusal) = verdict else { panic!("{verdict:?}") };
    refusal
}

fn fresh(change: impl FnOnce(&mut Command, &mut Standing)) -> Verdict {
    let (mut command, mut standing) = (command(), standing());
    change(&mut command, &mut standing);
    judge(command, &standing, &State::default())
}

/// The state after the sample command was accepted.
fn accepted() -> State {
    let Verdict::Accept(work) = fresh(|_, _| ()) else { panic!("the sample is not accepted") };
    let mut state = State::default();
    state.apply(1, Record::Accepted { command: Box::new(work.stored) }).unwrap();
    state
}

#[test]
fn a_command_as_approved_is_accepted_and_host_names_have_no_case() {
    assert!(matches!(fresh(|_, _| ()), Verdict::Accept(_)));
}

#[test]
fn a_command_in_the_journal_is_known_whatever_its_epoch_and_expiry() {
    let mut state = accepted();
    state.apply(2, Record::Epoch { epoch: epoch(9, 9) }).unwrap();
    let late = Standing { now: now() + 1.hour() * 1000, ..standing() };
    assert_eq!(judge(command(), &late, &state), Verdict::Known);
}

#[test]
fn a_command_for_another_server_or_computer_is_not_mine() {
    let other = fresh(|_, standing| standing.server = "martin-prod/web".parse().unwrap());
    assert!(matches!(refusal(other), Refusal::NotMine { .. }));
    let moved = fresh(|_, standing| standing.host = "DUP-WEB02".parse().unwrap());
    assert_eq!(
        refusal(moved).to_string(),
        "the command is for computer DUP-WEB01, this is computer DUP-WEB02"
    );
}

#[test]
fn an_old_epoch_and_a_twin_of_the_newest_are_refused_and_a_newer_one_is_obeyed() {
    let mut state = State::default();
    state.apply(1, Record::Epoch { epoch: epoch(6, 1) }).unwrap();
    let judge = |sent: Epoch| judge(Command { epoch: sent, ..command() }, &standing(), &state);
    assert_eq!(refusal(judge(epoch(5, 1))), Refusal::OldEpoch { got: 5, have: 6 });
    assert_eq!(refusal(judge(epoch(6, 2))), Refusal::TwinEpoch { epoch: 6 });
    assert!(matches!(judge(epoch(6, 1)), Verdict::Accept(_)));
    assert!(matches!(judge(epoch(7, 3)), Verdict::Accept(_)));
}

#[test]
fn a_clock_that_is_off_either_way_or_was_never_compared_starts_nothing() {
    for offset in [Some(120_001), Some(-120_001), None] {
        let verdict = fresh(|_, standing| standing.clock_offset_ms = offset);
        assert!(matches!(refusal(verdict), Refusal::ClockOff { .. }), "{offset:?}");
    }
    assert!(matches!(fresh(|_, standing| standing.clock_offset_ms = Some(-120_000)), Verdict::Accept(_)));
}

#[test]
fn a_journal_that_went_back_takes_nothing_until_the_server_was_compared() {
    let mut state = State::default();
    state.apply(101, Record::Regressed { known: 100, have: 50 }).unwrap();
    let verdict = judge(command(), &standing(), &state);
    assert_eq!(refusal(verdict), Refusal::Regressed { known: 100, have: 50 });
    state.apply(102, Record::Reobserved).unwrap();
    assert!(matches!(judge(command(), &standing(), &state), Verdict::Accept(_)));
}

#[test]
fn an_expired_command_and_an_expired_plan_are_refused() {
    let late = fresh(|command, standing| standing.now = command.start_by + 1.second());
    assert!(matches!(refusal(late), Refusal::Expired { .. }));
    let plan = command_with(|header| header.valid_until = now() - 1.second());
    assert!(matches!(refusal(judge(plan, &standing(), &State::default())), Refusal::Expired { .. }));
}

#[test]
fn bytes_that_were_not_approved_are_refused_part_by_part() {
    let check = |change: fn(&mut Command), expected: &str| {
        let verdict = fresh(|command, _| change(command));
        assert_eq!(refusal(verdict), Refusal::Altered { part: expected.to_owned() });
    };
    check(|command| command.header_json.push(b' '), "plan's header");
    check(|command| command.header_json.truncate(9), "plan's header");
    check(|command| command.steps_json.push(b' '), "steps");
    check(|command| command.manifest_json.push(b' '), "manifest");
}

#[test]
fn an_older_generation_is_stale() {
    let mut state = accepted();
    for number in 1..=4 {
        let (command, key) = (command().id, key(number));
        let record = Record::Outcome {
            command,
            step: number,
            key,
            outcome: outcome(muster_model::outcome::End::Skipped),
            fires: Vec::new(),
            restart: None,
        };
        state.apply(u64::from(number) + 1, record).unwrap();
    }
    let older = muster_model::manifest::Manifest { generation: "2".parse().unwrap(), ..manifest() };
    let json = serde_json::to_vec(&older).unwrap();
    let role = older.server.role.clone();
    let mut sent = command_with(|header| {
        let planned = header.servers.get_mut(&role).unwrap();
        planned.generation = older.generation;
        planned.manifest = Digest::of(&json);
    });
    sent.manifest_json = json;
    sent.id = muster_model::outcome::CommandId(uuid::Uuid::from_u128(2));
    let refused = refusal(judge(sent, &standing(), &state));
    assert_eq!(refused, Refusal::StaleGeneration { got: 2, have: 3 });
}

#[test]
fn a_second_command_waits_and_a_key_is_never_used_again() {
    let mut second = command();
    second.id = muster_model::outcome::CommandId(uuid::Uuid::from_u128(2));
    assert!(matches!(refusal(judge(second.clone(), &standing(), &accepted())), Refusal::Unreadable { .. }));
    for (ticket, number) in second.steps.iter_mut().zip(1..) {
        ticket.key = key(number + 50);
    }
    assert_eq!(refusal(judge(second, &standing(), &accepted())), Refusal::Busy { running: command().id });
}

#[test]
fn steps_that_are_not_of_one_segment_in_order_cannot_be_read() {
    let check = |steps: Vec<muster_model::outcome::StepTicket>| {
        let verdict = fresh(|command, _| command.steps = steps);
        assert!(matches!(refusal(verdict), Refusal::Unreadable { .. }));
    };
    check(Vec::new());
    check(vec![ticket(2), ticket(1)]);
    check(vec![ticket(1), ticket(1)]);
    check(vec![ticket(9)]);
}

#[test]
fn a_step_that_is_no_agent_s_or_contradicts_its_kind_cannot_be_read() {
    let check = |change: fn(&mut muster_model::plan::Step)| {
        let mut steps = crate::sample::steps();
        change(&mut steps.steps[3]);
        let json = serde_json::to_vec(&steps).unwrap();
        let role = steps.role.clone();
        let mut sent = command_with(|header| {
            header.servers.get_mut(&role).unwrap().steps = Digest::of(&json);
        });
        sent.steps_json = json;
        let refused = refusal(judge(sent, &standing(), &State::default()));
        assert!(matches!(refused, Refusal::Unreadable { .. }), "{refused}");
    };
    check(|step| {
        step.node = crate::sample::id("manual_step/tenant");
        step.class = muster_model::node::NodeClass::Gate;
    });
    check(|step| step.effect = muster_model::node::Effect::OneShot);
    check(|step| step.class = muster_model::node::NodeClass::Resource);
    check(|step| step.rows = crate::sample::steps().steps[0].rows.clone());
}
