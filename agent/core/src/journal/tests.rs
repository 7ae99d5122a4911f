//! Promise 3 and 4: what a restarted agent knows is what was stored, and a journal that was touched is found.

use muster_model::digest::Digest;
use muster_model::name::ServerId;
use muster_model::outcome::{CommandId, End, StepKey};
use proptest::prelude::*;

use super::*;
use crate::sample::{command, epoch, id, key, now, outcome, steps};
use crate::work::Work;

fn id_of() -> CommandId {
    command().id
}

fn accepted() -> Record {
    Record::Accepted { command: Box::new(Work::from_command(command()).unwrap().stored) }
}

fn intent(number: u32) -> Record {
    let rows = steps().steps.iter().find(|step| step.number == number).unwrap().rows.clone();
    Record::Intent { command: id_of(), step: number, key: key(number), rows, at: now(), boot: None }
}

fn ended(number: u32, end: End) -> Record {
    Record::Outcome {
        command: id_of(),
        step: number,
        key: key(number),
        outcome: outcome(end),
        fires: Vec::new(),
        restart: None,
    }
}

fn fold(records: Vec<Record>) -> State {
    let mut state = State::default();
    for (record, position) in records.into_iter().zip(1..) {
        state.apply(position, record).unwrap();
    }
    state
}

fn number(next: &Next) -> u32 {
    match next {
        Next::Start(step) | Next::Settle(step) | Next::Skip(step, _) | Next::Cancel(step) => {
            step.ticket.number
        }
        Next::Idle => 0,
    }
}

#[test]
fn an_empty_journal_waits() {
    assert_eq!(State::default().next(), Next::Idle);
}

#[test]
fn after_an_intent_without_an_outcome_the_step_is_settled_and_not_started() {
    assert!(matches!(fold(vec![accepted()]).next(), Next::Start(step) if step.ticket.number == 1));
    let half = fold(vec![accepted(), intent(1)]);
    assert!(matches!(half.next(), Next::Settle(step) if step.ticket.number == 1));
    let cancelled = fold(vec![accepted(), intent(1), Record::Cancelled { command: id_of() }]);
    assert!(matches!(cancelled.next(), Next::Settle(_)), "a begun step is settled even when cancelled");
}

#[test]
fn a_failed_step_skips_only_what_depends_on_it() {
    let mut records = vec![accepted(), intent(1), ended(1, End::Failed)];
    assert!(matches!(fold(records.clone()).next(), Next::Skip(step, 1) if step.ticket.number == 2));
    let mut skipped = outcome(End::Skipped);
    skipped.because = Some(1);
    records.push(Record::Outcome {
        command: id_of(),
        step: 2,
        key: key(2),
        outcome: skipped,
        fires: Vec::new(),
        restart: None,
    });
    assert!(matches!(fold(records.clone()).next(), Next::Start(step) if step.ticket.number == 3));
    records.extend([intent(3), ended(3, End::Done)]);
    assert!(
        matches!(fold(records).next(), Next::Skip(step, 1) if step.ticket.number == 4),
        "the root is named"
    );
}

#[test]
fn a_cancelled_command_ends_step_by_step_and_is_closed() {
    let mut records = vec![accepted(), Record::Cancelled { command: id_of() }];
    for step in 1..=4 {
        assert!(matches!(fold(records.clone()).next(), Next::Cancel(open) if open.ticket.number == step));
        records.push(ended(step, End::Cancelled));
    }
    let state = fold(records);
    assert_eq!(state.next(), Next::Idle);
    assert!(state.open().is_none() && state.knows(&id_of()));
}

#[test]
fn an_outcome_stays_in_the_outbox_until_the_controller_has_stored_it() {
    let records = vec![accepted(), intent(1), ended(1, End::Done)];
    let state = fold(records.clone());
    assert_eq!(
        state.outbox().map(|(position, waiting)| (position, waiting.key)).collect::<Vec<_>>(),
        [(3, key(1))]
    );
    let stored = fold([records, vec![Record::Acknowledged { key: key(1) }]].concat());
    assert_eq!(stored.outbox().count(), 0);
    assert!(stored.is_done(command().digest, &id("package/advanced")));
}

/// Promise 5: a restored controller may give a number a second time; what was done under the first plan is not done under
/// the second.
#[test]
fn what_was_done_under_a_number_is_not_done_under_another_plan_of_that_number() {
    let state = fold(vec![accepted(), intent(1), ended(1, End::Done)]);
    let another = Digest::of(b"another plan with the number P-204");
    assert!(!state.is_done(another, &id("package/advanced")));
    assert_eq!(state.begun(another, &id("package/advanced")).count(), 0);
    assert_eq!(state.begun(command().digest, &id("package/advanced")).count(), 1);
}

#[test]
fn the_memory_says_what_was_promised_done_and_not_acknowledged() {
    let server: ServerId = "dupont-prod/web".parse().unwrap();
    let nothing = State::default().memory(server.clone(), 0);
    assert_eq!((nothing.newest_plan, nothing.epoch, nothing.open), (None, None, None));
    let state = fold(vec![accepted(), intent(1), ended(1, End::Done), Record::Acknowledged { key: key(1) }]);
    let memory = state.memory(server.clone(), 4);
    assert_eq!((memory.server, memory.journal), (server, 4));
    assert_eq!(memory.epoch, Some(command().epoch));
    assert_eq!(memory.newest_plan, Some("P-204".parse().unwrap()));
    assert_eq!(memory.generation, Some("3".parse().unwrap()));
    assert_eq!(memory.open, Some(id_of()));
    assert_eq!(memory.unacknowledged, []);
    let [plan] = memory.plans.as_slice() else { panic!("{:?}", memory.plans) };
    assert_eq!((plan.digest, plan.commands.as_slice()), (command().digest, [id_of()].as_slice()));
    assert_eq!(plan.steps, [(1, End::Done)]);

    let waiting = fold(vec![accepted(), intent(1), ended(1, End::Failed)]);
    let memory = waiting.memory("dupont-prod/web".parse().unwrap(), 3);
    assert_eq!(memory.unacknowledged.iter().map(|outcome| outcome.key).collect::<Vec<_>>(), [key(1)]);
}

#[test]
fn an_unknown_one_shot_is_remembered() {
    let state = fold(vec![accepted(), intent(1), ended(1, End::Unknown)]);
    assert_eq!(state.unsettled(&id("package/advanced")).count(), 1);
    assert!(!state.is_done(command().digest, &id("package/advanced")));
}

#[test]
fn moves_that_cannot_follow_are_errors() {
    let mut state = fold(vec![accepted(), intent(1)]);
    assert!(matches!(state.apply(3, intent(2)), Err(IllegalRecord::Step { .. })), "two begun");
    assert!(
        matches!(state.apply(3, ended(2, End::Done)), Err(IllegalRecord::Step { .. })),
        "not the begun one"
    );
    assert!(matches!(state.apply(3, accepted()), Err(IllegalRecord::Command(_))), "two open");
    assert!(matches!(state.apply(3, Record::Epoch { epoch: epoch(4, 1) }), Err(IllegalRecord::Epoch(4))));
    let wrong = Record::Outcome {
        command: id_of(),
        step: 1,
        key: StepKey(uuid::Uuid::nil()),
        outcome: outcome(End::Done),
        fires: Vec::new(),
        restart: None,
    };
    assert!(matches!(state.apply(3, wrong), Err(IllegalRecord::Step { .. })), "another key");
}

#[test]
fn a_journal_that_went_back_stops_what_was_open_and_jumps_above_what_is_known() {
    let mut chain = Chain::default();
    let sealed = chain.seal(Record::Regressed { known: 100, have: 0 }).unwrap();
    assert_eq!(sealed.position, 101);
    chain.follow(&sealed).unwrap();
    assert_eq!(chain.seal(Record::Reobserved).unwrap().position, 102);
    let state = fold(vec![accepted(), Record::Regressed { known: 100, have: 1 }]);
    assert!(matches!(state.next(), Next::Cancel(_)));
}

fn sealed(records: Vec<Record>) -> Vec<Sealed> {
    let mut chain = Chain::default();
    let seal = |record| {
        let sealed = chain.seal(record).unwrap();
        chain.follow(&sealed).unwrap();
        sealed
    };
    records.into_iter().map(seal).collect()
}

fn read(journal: &[Sealed]) -> Result<Vec<Record>, Broken> {
    let mut chain = Chain::default();
    journal.iter().map(|sealed| chain.follow(sealed)).collect()
}

/// A journal as a run writes it, up to a crash: at each step it does what `next` says, with these ends.
fn run(ends: &[End], crash_after: usize) -> Vec<Record> {
    let mut records = vec![Record::Epoch { epoch: epoch(5, 1) }, accepted()];
    let mut ends = ends.iter().copied().cycle();
    while records.len() < crash_after {
        let state = fold(records.clone());
        let next = state.next();
        let step = number(&next);
        match next {
            Next::Idle => break,
            Next::Start(_) => records.push(intent(step)),
            Next::Settle(_) => records.push(ended(step, ends.next().unwrap())),
            Next::Cancel(_) => records.push(ended(step, End::Cancelled)),
            Next::Skip(_, because) => {
                let outcome =
                    muster_model::outcome::Outcome { because: Some(because), ..outcome(End::Skipped) };
                records.push(Record::Outcome {
                    command: id_of(),
                    step,
                    key: key(step),
                    outcome,
                    fires: Vec::new(),
                    restart: None,
                });
            }
        }
    }
    records
}

fn some_end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Done), Just(End::Failed), Just(End::Blocked), Just(End::Unknown)]
}

proptest! {
    /// Wherever it is cut off, the journal is read back whole, and no step is started twice or after its outcome.
    #[test]
    fn after_a_crash_anywhere_no_step_starts_twice(
        ends in proptest::collection::vec(some_end(), 1..5),
        crash in 2usize..12,
    ) {
        let records = run(&ends, crash);
        prop_assert_eq!(read(&sealed(records.clone())).unwrap(), records.clone());
        let begun: Vec<u32> = records
            .iter()
            .filter_map(|record| if let Record::Intent { step, .. } = record { Some(*step) } else { None })
            .collect();
        let next = fold(records).next();
        let starts = matches!(next, Next::Start(_));
        prop_assert!(!(starts && begun.contains(&number(&next))), "{begun:?}");
        let mut sorted = begun.clone();
        sorted.dedup();
        prop_assert_eq!(sorted, begun);
    }

    /// Any flipped bit and any missing record but the last is found.
    #[test]
    fn a_journal_that_was_touched_is_refused(
        at in 0usize..8,
        bit in 0usize..8,
        place in any::<prop::sample::Index>(),
        drop in any::<bool>(),
    ) {
        let mut journal = sealed(run(&[End::Done], 12));
        let at = at % (journal.len() - 1);
        if drop {
            journal.remove(at);
        } else {
            let byte = place.index(journal[at].bytes.len());
            journal[at].bytes[byte] ^= 1 << bit;
        }
        prop_assert!(read(&journal).is_err());
    }
}
