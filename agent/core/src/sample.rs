//! A small plan for the tests of this crate: a package, the service and the pool that it makes, a file, a probe.
//!
//! Neighbours: every `tests` module here. Never used outside of tests.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan as _};
use muster_model::command::{Command, Epoch};
use muster_model::digest::Digest;
use muster_model::manifest::{Manifest, Node};
use muster_model::name::{NodeId, PlanId};
use muster_model::node::NodeKind;
use muster_model::outcome::{CommandId, End, Outcome, StepKey, StepTicket};
use muster_model::plan::{
    AttributePath, New, Old, PlanHeader, PlannedServer, Reason, Row, Segment, ServerSteps, Step,
};
use muster_model::value::Value;

use crate::inbox::Standing;
use crate::observation::Observation;

pub(crate) fn id(text: &str) -> NodeId {
    text.parse().unwrap()
}

pub(crate) fn members(list: &[(&str, &str)]) -> Value {
    Value::Members(list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
}

pub(crate) fn attributes(list: &[(&str, Value)]) -> BTreeMap<String, Value> {
    list.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

pub(crate) fn present(list: &[(&str, Value)]) -> Observation {
    Observation::Present(attributes(list))
}

pub(crate) fn node(name: &str, list: &[(&str, Value)], provided_by: Option<&str>) -> Node {
    Node { attributes: attributes(list), provided_by: provided_by.map(id), ..Node::bare(id(name)) }
}

pub(crate) fn path(name: &str, member: Option<&str>) -> AttributePath {
    AttributePath { name: name.to_owned(), member: member.map(str::to_owned) }
}

pub(crate) fn row(node: &str, attribute: &str, old: Old, new: New, reason: Reason) -> Row {
    Row { node: id(node), attribute: path(attribute, None), old, new, reason }
}

pub(crate) fn manifest() -> Manifest {
    Manifest {
        format: muster_model::FORMAT,
        server: "dupont-prod/web".parse().unwrap(),
        host: "DUP-WEB01".parse().unwrap(),
        product: "sxa 2022-r2".parse().unwrap(),
        generation: "3".parse().unwrap(),
        nodes: vec![
            node("package/advanced", &[("version", "2.0".into())], None),
            node(
                "service/SCPSServer",
                &[("start", "automatic".into()), ("state", "running".into()), ("settle_seconds", 1.into())],
                Some("package/advanced"),
            ),
            node(
                "iis_app_pool/Sage",
                &[("enable_32bit", false.into()), ("load_user_profile", true.into())],
                Some("package/advanced"),
            ),
            node(
                "file/C:\\m.ini",
                &[("content", "a=1\n".into()), ("rights", members(&[("svc", "read")]))],
                None,
            ),
            node("http_probe/scps", &[("url", "http://localhost/SCPS".into())], None),
        ],
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_764_000_000).unwrap()
}

fn step(number: u32, node: &str, rows: Vec<Row>) -> Step {
    let id = id(node);
    Step { number, class: id.kind.class(), effect: id.kind.spec().effect, node: id, rows, guide: None }
}

pub(crate) fn steps() -> ServerSteps {
    let known = || Old::KnownAfter(id("package/advanced"));
    let exact = |value: Value| New::Exact(value);
    ServerSteps {
        role: "web".parse().unwrap(),
        steps: vec![
            step(
                1,
                "package/advanced",
                vec![row("package/advanced", "version", Old::Absent, exact("2.0".into()), Reason::Missing)],
            ),
            step(
                2,
                "service/SCPSServer",
                vec![row("service/SCPSServer", "state", known(), exact("running".into()), Reason::Missing)],
            ),
            step(
                3,
                "file/C:\\m.ini",
                vec![row("file/C:\\m.ini", "content", Old::Absent, exact("a=1\n".into()), Reason::Missing)],
            ),
            step(4, "http_probe/scps", Vec::new()),
        ],
    }
}

/// Steps 1 to 4 in one segment; 2 after 1, 4 after 2.
pub(crate) fn header(manifest: &str, steps: &str) -> PlanHeader {
    let planned = PlannedServer {
        generation: "3".parse().unwrap(),
        manifest: Digest::of(manifest.as_bytes()),
        steps: Digest::of(steps.as_bytes()),
        secrets: BTreeMap::new(),
    };
    PlanHeader {
        format: muster_model::FORMAT,
        plan: PlanId(204),
        site: "dupont-prod".parse().unwrap(),
        product: "sxa 2022-r2".parse().unwrap(),
        revision: "118".parse().unwrap(),
        servers: BTreeMap::from([("web".parse().unwrap(), planned)]),
        segments: vec![Segment {
            number: 1,
            role: "web".parse().unwrap(),
            steps: vec![1, 2, 3, 4],
            after: vec![],
        }],
        edges: vec![(1, 2), (2, 4)],
        valid_until: now() + 24.hours(),
    }
}

pub(crate) fn key(number: u32) -> StepKey {
    StepKey(uuid::Uuid::from_u128(u128::from(number) + 100))
}

pub(crate) fn ticket(number: u32) -> StepTicket {
    StepTicket { number, key: key(number) }
}

pub(crate) fn epoch(number: u64, instance: u128) -> Epoch {
    Epoch { number, instance: uuid::Uuid::from_u128(instance) }
}

pub(crate) fn command() -> Command {
    command_with(|_| ())
}

/// The sample's command, with a header changed before it is hashed.
pub(crate) fn command_with(change: impl FnOnce(&mut PlanHeader)) -> Command {
    let manifest_json = serde_json::to_string(&manifest()).unwrap();
    let steps_json = serde_json::to_string(&steps()).unwrap();
    let mut header = header(&manifest_json, &steps_json);
    change(&mut header);
    let header_json = serde_json::to_vec(&header).unwrap();
    Command {
        id: CommandId(uuid::Uuid::from_u128(1)),
        epoch: epoch(5, 1),
        digest: Digest::of(&header_json),
        header_json,
        steps_json: steps_json.into_bytes(),
        manifest_json: manifest_json.into_bytes(),
        steps: (1..=4).map(ticket).collect(),
        start_by: now() + 1.hour(),
        restart: Vec::new(),
        secrets: Vec::new(),
    }
}

pub(crate) fn standing() -> Standing {
    Standing {
        server: "dupont-prod/web".parse().unwrap(),
        host: "dup-web01".parse().unwrap(),
        clock_offset_ms: Some(400),
        now: now(),
    }
}

pub(crate) fn outcome(end: End) -> Outcome {
    Outcome { end, evidence: "seen".to_owned(), rows: Vec::new(), because: None, ended_at: now() }
}

/// A kind of which every attribute is compared the same way, for generated tests.
pub(crate) const POOL: NodeKind = NodeKind::IisAppPool;
