//! What holds for any manifest: after a run the next report is empty, and a node that fails skips exactly what depends on it.
//!
//! Manifests are generated, everything after that is real: the twin, the journal, the engine. Neighbours: `muster_core`'s own
//! properties have the same of whole plans over several servers, with agents that are played.

use std::collections::{BTreeMap, BTreeSet};

use muster_model::manifest::{Endpoint, Manifest, Need, Node};
use muster_model::outcome::End;
use muster_model::value::Value;
use proptest::prelude::*;

use crate::manifest::{manifest, members, node};
use crate::stage::{Agent, Plan, Stage};

/// A node that is asked for: which kind, which of its name, with which values, after which of the nodes before it, and
/// whether its effect fails at first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    kind: u8,
    name: u8,
    values: u8,
    needs: u16,
    fails: bool,
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = (0..8_u8, 0..3_u8, any::<u8>(), any::<u16>(), proptest::bool::weighted(0.2));
    let piece =
        piece.prop_map(|(kind, name, values, needs, fails)| Piece { kind, name, values, needs, fails });
    proptest::collection::vec(piece, 1..10).prop_map(|pieces| {
        let mut seen = BTreeSet::new();
        pieces.into_iter().filter(|piece| seen.insert(target(piece))).collect()
    })
}

/// The node's identity, and the operation on the twin whose fault is its failure.
fn target(Piece { kind, name, .. }: &Piece) -> (String, &'static str) {
    match kind {
        0 => (format!(r"folder/D:\F{name}"), "folder.create"),
        1 => (format!(r"file/D:\file{name}.ini"), "file.write"),
        2 => (format!(r"registry_value/HKLM\SOFTWARE\T\V{name}"), "registry.set"),
        3 => (format!("iis_app_pool/P{name}"), "app_pool.create"),
        4 => (format!("iis_site/S{name}"), "site.create"),
        5 => (format!("sql_database/main/D{name}"), "sql.create"),
        6 => ("package/other".to_owned(), "package.install"),
        _ => ("service/W3SVC".to_owned(), "service.set_start"),
    }
}

fn wanted(piece: &Piece) -> Node {
    let Piece { kind, values, .. } = piece;
    let is = |bit: u8| values & (1 << bit) != 0;
    let word = |yes: &str, no: &str, bit: u8| Value::from(if is(bit) { yes } else { no });
    let rights = || match values % 3 {
        0 => members(&[]),
        1 => members(&[(r"DUP\svc", "read")]),
        _ => members(&[(r"DUP\svc", "modify"), (r"DUP\web", "read")]),
    };
    let attributes: Vec<(&str, Value)> = match kind {
        0 => vec![("rights", rights())],
        1 => vec![("content", word("a=1", "a=2\n", 3)), ("rights", rights())],
        2 if is(0) => vec![("dword", Value::Integer((*values).into()))],
        2 => vec![("string", word("one", "two", 1))],
        3 => vec![
            ("enable_32bit", is(0).into()),
            ("idle_timeout_minutes", Value::Integer(i64::from(values % 5))),
        ],
        4 => vec![
            ("physical_path", word(r"C:\a", r"C:\b", 0)),
            ("app_pool", "DefaultAppPool".into()),
            ("state", word("started", "stopped", 1)),
        ],
        5 => vec![
            ("managed_by", "muster".into()),
            ("recovery", word("full", "simple", 0)),
            ("data_size_mb", Value::Integer(8 + i64::from(values % 7))),
        ],
        6 => vec![("version", "1.0".into())],
        _ => vec![
            ("start", word("manual", "disabled", 0)),
            ("state", "running".into()),
            ("settle_seconds", 0.into()),
        ],
    };
    let mut node = node(&target(piece).0, &attributes, None);
    if *kind == 5 {
        let address = r"DUP-SQL01\TRESO".parse().unwrap();
        node.endpoint = Some(Endpoint::new("main".parse().unwrap(), address));
    }
    node
}

/// The manifest: each node needs some of those before it.
fn assembled(generation: u64, pieces: &[Piece]) -> Manifest {
    let mut nodes: Vec<Node> = Vec::new();
    for piece in pieces {
        let mut node = wanted(piece);
        let before = nodes.iter().zip(0..16_u32).filter(|(_, bit)| piece.needs & (1 << bit) != 0);
        node.needs = before
            .map(|(before, _)| Need { role: "web".parse().unwrap(), node: before.id.clone() })
            .collect();
        nodes.push(node);
    }
    manifest(generation, nodes)
}

fn run(agent: &Agent, id: u64, manifest: &Manifest) -> BTreeMap<String, End> {
    let plan = Plan::new(id, manifest, &agent.report(manifest).unwrap());
    if plan.steps.is_empty() {
        return BTreeMap::new();
    }
    let outcomes = agent.run(&plan.command());
    plan.steps.iter().map(|step| (step.node.to_string(), outcomes[&step.number].end)).collect()
}

/// How each node ends whose effect fails or not, and those that need it.
fn expected(pieces: &[Piece], manifest: &Manifest) -> BTreeMap<String, End> {
    let mut ends: BTreeMap<String, End> = BTreeMap::new();
    for (piece, node) in pieces.iter().zip(&manifest.nodes) {
        let skipped = node.needs.iter().any(|need| ends[&need.node.to_string()] != End::Done);
        let own = if piece.fails { End::Failed } else { End::Done };
        ends.insert(node.id.to_string(), if skipped { End::Skipped } else { own });
    }
    ends
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_a_run_of_any_manifest_the_next_report_is_empty(first in pieces(), second in pieces()) {
        let stage = Stage::new();
        let agent = stage.agent();
        agent.connect();
        for (generation, pieces) in [(1, &first), (2, &second)] {
            let manifest = assembled(generation, pieces);
            let ends = run(&agent, generation, &manifest);
            prop_assert!(ends.values().all(|end| *end == End::Done), "{ends:?}");
            let report = agent.report(&manifest).unwrap();
            prop_assert!(report.nodes.is_empty(), "{:?}", report.nodes);
        }
    }

    #[test]
    fn whatever_fails_skips_exactly_what_needs_it_and_a_second_run_makes_up_for_it(pieces in pieces()) {
        let stage = Stage::new();
        let agent = stage.agent();
        agent.connect();
        let manifest = assembled(1, &pieces);
        for piece in pieces.iter().filter(|piece| piece.fails) {
            let (node, operation) = target(piece);
            let name = node.split_once('/').unwrap().1;
            let name = name.strip_prefix("main/").unwrap_or(name);
            stage.fault(&[operation, name, "fail", "--always"]);
        }
        prop_assert_eq!(run(&agent, 1, &manifest), expected(&pieces, &manifest));
        stage.clear_faults();
        let ends = run(&agent, 2, &manifest);
        prop_assert!(ends.values().all(|end| *end == End::Done), "{ends:?}");
        prop_assert!(agent.in_sync(&manifest));
    }
}
