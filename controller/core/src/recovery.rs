//! What an agent remembers and its controller does not, in sentences.
//!
//! Neighbours: the controller gathers what its database knows of what the memory names; an operator reads what comes out
//! before anything may start. Nothing is decided here.

use std::collections::{BTreeMap, BTreeSet};

use muster_model::digest::Digest;
use muster_model::memory::{AgentMemory, OutcomeMemory, PlanMemory};
use muster_model::name::{Generation, PlanId};
use muster_model::outcome::{CommandId, End, StepKey};

/// What the database knows of one server, as it was restored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Whether the server is enrolled in it.
    pub enrolled: bool,
    /// The number of the epoch with which the restored copy ended.
    pub epoch: u64,
    /// The newest generation of the server's manifests.
    pub generation: Option<Generation>,
    /// The plans that the memory names and the database has, with their digests.
    pub plans: BTreeMap<PlanId, Digest>,
    /// The commands that the memory names and the database has.
    pub commands: BTreeSet<CommandId>,
    /// The step keys of unacknowledged outcomes that the database has.
    pub keys: BTreeSet<StepKey>,
}

/// What the agent knows and the database does not.
pub fn findings(memory: &AgentMemory, known: &Known) -> Vec<String> {
    let mut found = Vec::new();
    if !known.enrolled {
        found.push("it is enrolled, and the backup does not know it: push its documents again".to_owned());
    }
    if let Some(epoch) = memory.epoch.filter(|epoch| epoch.number > known.epoch) {
        found.push(format!("it obeyed epoch {}; the backup ends with epoch {}", epoch.number, known.epoch));
    }
    if let Some(generation) = memory.generation.filter(|generation| Some(*generation) > known.generation) {
        let newest = known.generation.map_or_else(|| "none".to_owned(), |newest| newest.to_string());
        found.push(format!("it accepted generation {generation}; the newest in the backup is {newest}"));
    }
    found.extend(memory.plans.iter().filter_map(|plan| of_plan(plan, known)));
    if let Some(open) = memory.open {
        found.push(format!("it is still carrying out command {open}; what it ends will be stored as found"));
    }
    let lost = memory.unacknowledged.iter().filter(|outcome| !known.keys.contains(&outcome.key));
    found.extend(lost.map(|OutcomeMemory { step, outcome, .. }| {
        format!("it keeps an outcome that no controller has stored: step {step} {}", outcome.end)
    }));
    found
}

fn of_plan(memory: &PlanMemory, known: &Known) -> Option<String> {
    let PlanMemory { plan, digest, commands, steps } = memory;
    let done = steps.iter().filter(|(_, end)| *end == End::Done).count();
    let others = steps.len() - done;
    let did = format!("{done} steps done, {others} otherwise");
    match known.plans.get(plan) {
        None => Some(format!("it worked on {plan}, which the backup does not know: {did}")),
        Some(have) if have != digest => {
            Some(format!("it worked on another {plan} than the backup's (digest {}): {did}", digest.short()))
        }
        Some(_) => {
            let lost = commands.iter().filter(|command| !known.commands.contains(command)).count();
            (lost > 0)
                .then(|| format!("it took {lost} commands of {plan} that the backup does not know: {did}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use muster_model::command::Epoch;
    use muster_model::name::Revision;
    use uuid::Uuid;

    use super::*;

    fn command(number: u128) -> CommandId {
        CommandId(Uuid::from_u128(number))
    }

    fn memory() -> AgentMemory {
        let plan = |number, digest: &[u8], commands: &[u128]| PlanMemory {
            plan: PlanId(number),
            digest: Digest::of(digest),
            commands: commands.iter().map(|number| command(*number)).collect(),
            steps: vec![(1, End::Done), (2, End::Failed)],
        };
        AgentMemory {
            format: 1,
            server: "dupont-prod/web".parse().unwrap(),
            journal: 40,
            epoch: Some(Epoch { number: 7, instance: Uuid::nil() }),
            generation: Some(Generation(5)),
            newest_plan: Some(PlanId(3)),
            newest_revision: Some(Revision(9)),
            plans: vec![plan(1, b"one", &[1]), plan(2, b"two", &[2, 3]), plan(3, b"three", &[4])],
            open: None,
            unacknowledged: Vec::new(),
        }
    }

    fn all_known() -> Known {
        Known {
            enrolled: true,
            epoch: 7,
            generation: Some(Generation(5)),
            plans: [(1, b"one".as_slice()), (2, b"two"), (3, b"three")]
                .into_iter()
                .map(|(number, digest)| (PlanId(number), Digest::of(digest)))
                .collect(),
            commands: (1..=4).map(command).collect(),
            keys: BTreeSet::new(),
        }
    }

    #[test]
    fn a_controller_that_knows_everything_finds_nothing() {
        assert_eq!(findings(&memory(), &all_known()), Vec::<String>::new());
    }

    #[test]
    fn each_thing_that_was_lost_is_one_sentence() {
        type Lose = fn(&mut Known);
        let lost: [(&str, Lose); 6] = [
            ("push its documents again", |known| known.enrolled = false),
            ("obeyed epoch 7; the backup ends with epoch 6", |known| known.epoch = 6),
            ("accepted generation 5; the newest in the backup is 4", |known| {
                known.generation = Some(Generation(4));
            }),
            ("worked on P-3, which the backup does not know: 1 steps done, 1 otherwise", |known| {
                known.plans.remove(&PlanId(3));
            }),
            ("another P-1 than the backup's", |known| {
                known.plans.insert(PlanId(1), Digest::of(b"another"));
            }),
            ("took 1 commands of P-2", |known| {
                known.commands.remove(&command(3));
            }),
        ];
        for (words, lose) in lost {
            let mut known = all_known();
            lose(&mut known);
            let found = findings(&memory(), &known);
            assert!(matches!(found.as_slice(), [one] if one.contains(words)), "{words}: {found:?}");
        }
    }
}
