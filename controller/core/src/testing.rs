//! Sites for tests: written in a few words, compared by an agent that finds what it is told.
//!
//! Neighbours: the tests of `plan`, `run` and `view`. Not in any build but a test's.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use muster_model::FORMAT;
use muster_model::event::EventBody;
use muster_model::manifest::{Manifest, Moment, Need, Node, Trigger};
use muster_model::name::{Generation, NodeId, PlanId, Revision, Role, SecretVersion};
use muster_model::node::{AttributeRole, AttributeType, NodeClass, NodeKind};
use muster_model::plan::{AttributePath, New, Old, Reason, Row, ServerSteps};
use muster_model::report::{Finding, NodeReport, ServerReport};
use muster_model::secret::SecretRef;
use muster_model::value::Value;
use proptest::prelude::*;

use crate::compile::Wanted;
use crate::plan::{self, AgentFacts, Assembled, Comparison, PlanInput, ServerInput};
use crate::record::Record;
use crate::run::Run;

/// What documents say of one server, from its nodes as JSON.
pub(crate) fn wanted(nodes: &str) -> Wanted {
    Wanted {
        server: "dupont-prod/web".parse().unwrap(),
        host: "DUP-WEB01".parse().unwrap(),
        product: "sxa 2022-r2".parse().unwrap(),
        nodes: serde_json::from_str(nodes).unwrap(),
    }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

/// The end of every test plan's validity.
pub(crate) const VALID_SECONDS: i64 = 10_000;

pub(crate) fn role(text: &str) -> Role {
    text.parse().unwrap()
}

pub(crate) fn id(text: &str) -> NodeId {
    text.parse().unwrap()
}

/// A node as a test writes it.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) role: Role,
    pub(crate) node: Node,
    /// Whether the agent finds that it differs.
    pub(crate) differs: bool,
    pub(crate) finding: Option<Finding>,
}

/// A node that differs, on a server.
pub(crate) fn draft(on: &str, node: &str) -> Draft {
    let id = id(node);
    let attributes: BTreeMap<String, Value> = id
        .kind
        .spec()
        .attributes
        .iter()
        .filter(|spec| spec.role == AttributeRole::State || spec.required)
        .map(|spec| (spec.name.to_owned(), value(spec.ty)))
        .collect();
    let node = Node { attributes, ..Node::bare(id) };
    Draft { role: role(on), node, differs: true, finding: None }
}

/// A secret of the test site, at its third version.
pub(crate) fn secret(name: &str) -> SecretRef {
    let version = SecretVersion(3);
    SecretRef { site: "dupont-prod".parse().unwrap(), secret: name.parse().unwrap(), version }
}

fn value(ty: AttributeType) -> Value {
    match ty {
        AttributeType::Line | AttributeType::Text => Value::from("text"),
        AttributeType::Version => Value::from("6.0.0"),
        AttributeType::Boolean => Value::Boolean(true),
        AttributeType::Integer(least, _) | AttributeType::IntegerOr(least, ..) => Value::Integer(least),
        AttributeType::OneOf(words) => Value::from(words[0]),
        AttributeType::Secret(_) => Value::Secret(secret("batch_password")),
        AttributeType::Filled => {
            Value::List(vec![Value::from("text"), Value::Secret(secret("batch_password"))])
        }
        AttributeType::Secrets => {
            let pair = vec![Value::from("NAME"), Value::Secret(secret("batch_password"))];
            Value::List(vec![Value::List(pair)])
        }
        AttributeType::LineList => Value::List(vec![Value::from("text")]),
        AttributeType::Scripts => Value::List(vec![Value::Members(BTreeMap::from([
            ("file".to_owned(), r"C:\a.sql".to_owned()),
            ("sha256".to_owned(), "0".repeat(64)),
        ]))]),
        AttributeType::IntegerList(least, _) => Value::List(vec![Value::Integer(least)]),
        AttributeType::Members(words) => {
            Value::Members(BTreeMap::from([("BUILTIN\\Users".to_owned(), words[0].to_owned())]))
        }
        AttributeType::Sizes => Value::Members(BTreeMap::from([("C".to_owned(), "20".to_owned())])),
        AttributeType::Entries => Value::Members(BTreeMap::from([("/path".to_owned(), "text".to_owned())])),
    }
}

impl Draft {
    pub(crate) fn needs(mut self, on: &str, node: &str) -> Self {
        self.node.needs.push(Need { role: role(on), node: id(node) });
        self
    }

    pub(crate) fn provided_by(mut self, node: &str) -> Self {
        self.node.provided_by = Some(id(node));
        self
    }

    pub(crate) fn after_change_of(mut self, node: &str) -> Self {
        self.node.triggers = Some(vec![Trigger { moment: Moment::After, cause: id(node) }]);
        let on = self.role.to_string();
        self.needs(&on, node)
    }

    pub(crate) fn in_state(mut self) -> Self {
        self.differs = false;
        self
    }

    pub(crate) fn with(mut self, attribute: &str, value: impl Into<Value>) -> Self {
        self.node.attributes.insert(attribute.to_owned(), value.into());
        self
    }

    pub(crate) fn guide(mut self, guide: &str) -> Self {
        self.node.guide = Some(guide.parse().unwrap());
        self
    }
}

/// What an agent finds: every wanted value of a node that differs is absent, or known after the package that is changed.
pub(crate) fn report(manifest: &Record<Manifest>, drafts: &[Draft]) -> ServerReport {
    let mine = drafts.iter().filter(|draft| draft.role == manifest.value().server.role);
    let changed: BTreeSet<&NodeId> =
        mine.clone().filter(|draft| draft.differs).map(|draft| &draft.node.id).collect();
    let nodes = mine.filter_map(|draft| {
        let rows = match draft.node.id.kind.class() {
            NodeClass::Resource if draft.differs => rows(&draft.node, &changed),
            NodeClass::Task if draft.differs => vec![run(&draft.node)],
            NodeClass::Resource | NodeClass::Task | NodeClass::Check | NodeClass::Gate => Vec::new(),
        };
        let entry = NodeReport { node: draft.node.id.clone(), rows, finding: draft.finding.clone() };
        (!entry.rows.is_empty() || entry.finding.is_some()).then_some(entry)
    });
    ServerReport {
        format: FORMAT,
        server: manifest.value().server.clone(),
        generation: manifest.value().generation,
        manifest: manifest.digest(),
        observed_at: at(0),
        simulated: true,
        nodes: nodes.collect(),
        orphans: Vec::new(),
        preflight: Vec::new(),
    }
}

/// That a task runs: with the change that fires it, or once.
pub(crate) fn run(node: &Node) -> Row {
    let cause = node.triggers.iter().flatten().next().map(|trigger| trigger.cause.to_string());
    Row {
        node: node.id.clone(),
        reason: if cause.is_some() { Reason::Triggered } else { Reason::Due },
        attribute: AttributePath { name: "run".to_owned(), member: cause },
        old: Old::Absent,
        new: New::Ran(node.task_key()),
    }
}

fn rows(node: &Node, changed: &BTreeSet<&NodeId>) -> Vec<Row> {
    let provider = node.provided_by.clone().filter(|provider| changed.contains(provider));
    let (old, reason) = match provider {
        Some(provider) => (Old::KnownAfter(provider), Reason::Reset),
        None => (Old::Absent, Reason::Missing),
    };
    let state = node.attributes.iter().filter(|(name, _)| {
        node.id.kind.spec().attribute(name).is_some_and(|spec| spec.role == AttributeRole::State)
    });
    let row = |name: &String, member: Option<String>, new: Value| Row {
        node: node.id.clone(),
        attribute: AttributePath { name: name.clone(), member },
        old: old.clone(),
        new: New::Exact(new),
        reason,
    };
    let rows = state.flat_map(|(name, wanted)| match wanted {
        Value::Members(members) => members
            .iter()
            .map(|(member, value)| row(name, Some(member.clone()), Value::Text(value.clone())))
            .collect(),
        value @ (Value::Boolean(_)
        | Value::Integer(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Secret(_)) => {
            vec![row(name, None, value.clone())]
        }
    });
    rows.collect()
}

/// What a plan of these nodes is made of: every server connected, every gate due.
pub(crate) fn input(drafts: &[Draft]) -> PlanInput {
    let mut roles: Vec<&Role> = Vec::new();
    for draft in drafts {
        if !roles.contains(&&draft.role) {
            roles.push(&draft.role);
        }
    }
    let servers = roles.into_iter().map(|role| {
        let nodes = drafts.iter().filter(|draft| draft.role == *role).map(|draft| draft.node.clone());
        let manifest = Record::new(Manifest {
            format: FORMAT,
            server: format!("dupont-prod/{role}").parse().unwrap(),
            host: format!("DUP-{}01", role.as_str().to_ascii_uppercase()).parse().unwrap(),
            product: "sxa 2022-r2".parse().unwrap(),
            generation: Generation(3),
            nodes: nodes.collect(),
        })
        .unwrap();
        let kinds = NodeKind::ALL.iter().copied().collect();
        ServerInput {
            agent: Some(AgentFacts { host: manifest.value().host.clone(), kinds }),
            comparison: Comparison::Report(report(&manifest, drafts)),
            enrolled: true,
            readable: manifest.value().secrets().map(|(_, secret)| secret.clone()).collect(),
            manifest,
        }
    });
    PlanInput {
        plan: PlanId(204),
        site: "dupont-prod".parse().unwrap(),
        product: "sxa 2022-r2".parse().unwrap(),
        revision: Revision(118),
        valid_until: at(VALID_SECONDS),
        servers: servers.collect(),
        confirmed: BTreeSet::new(),
    }
}

pub(crate) fn assemble(drafts: &[Draft]) -> Assembled {
    plan::assemble(&input(drafts)).unwrap()
}

/// `number role node`, in the order of the numbers.
pub(crate) fn listing(assembled: &Assembled) -> Vec<String> {
    let mut steps: Vec<(u32, String)> = Vec::new();
    for (role, record) in &assembled.steps {
        for step in &record.value().steps {
            steps.push((step.number, format!("{} {role} {}", step.number, step.node)));
        }
    }
    steps.sort();
    steps.into_iter().map(|(_, line)| line).collect()
}

/// The run of a plan that was stored a second ago.
pub(crate) fn planned(assembled: &Assembled) -> Run {
    let steps: Vec<ServerSteps> = assembled.steps.values().map(|record| record.value().clone()).collect();
    let mut run = Run::new(&assembled.header, steps).unwrap();
    run.apply(at(1), &created(assembled)).unwrap();
    run
}

pub(crate) fn created(assembled: &Assembled) -> EventBody {
    EventBody::PlanCreated {
        plan: assembled.header.value().plan,
        by: "anne".to_owned(),
        digest: assembled.header.digest(),
        revision: assembled.header.value().revision,
        generations: Vec::new(),
        rows: assembled.rows,
        steps: assembled.step_count,
        findings: u32::try_from(assembled.findings.len()).unwrap(),
    }
}

pub(crate) fn approved(assembled: &Assembled) -> EventBody {
    let (plan, digest) = (assembled.header.value().plan, assembled.header.digest());
    let ticket = Some("CHG0041877".to_owned());
    EventBody::PlanApproved { plan, digest, by: "anne".to_owned(), ticket, reason: None }
}

/// The run of a plan that was approved and started.
pub(crate) fn started(assembled: &Assembled) -> Run {
    let mut run = planned(assembled);
    run.apply(at(2), &approved(assembled)).unwrap();
    run.apply(at(3), &EventBody::RunStarted { plan: run.plan(), by: "anne".to_owned() }).unwrap();
    run
}

/// Which of the random kinds is a person's.
const GUIDED: usize = 8;

/// Random sites: up to three servers, nodes of every kind, needs that point up the file.
pub(crate) fn drafts() -> impl Strategy<Value = Vec<Draft>> {
    let node = (0..3_usize, 0..9_usize, any::<bool>(), any::<[u8; 3]>());
    proptest::collection::vec(node, 1..14).prop_map(|nodes| {
        let kinds = [
            "package",
            "service",
            "iis_app_pool",
            "file",
            "http_probe",
            "manual_step",
            "service_restart",
            "preflight",
            "package",
        ];
        let mut drafts: Vec<Draft> = Vec::new();
        for (number, (server, kind, differs, picks)) in nodes.into_iter().enumerate() {
            let name = format!("{}/{number}", kinds[kind]);
            let mut next = draft(["web", "sql", "batch"][server], &name);
            if kind == GUIDED {
                next = next.with("install", "guided");
            }
            next.differs = differs;
            // A preflight needs nothing, and what needs it is everything.
            for pick in picks.into_iter().filter(|pick| *pick < 170 && kinds[kind] != "preflight") {
                let Some(need) = drafts.get(usize::from(pick) % (number + 1)) else { continue };
                if need.node.id.kind == NodeKind::Preflight {
                    continue;
                }
                let (on, need) = (need.role.to_string(), need.node.id.to_string());
                next = next.needs(&on, &need);
            }
            let provider =
                drafts.iter().find(|d| d.role == next.role && d.node.id.to_string().starts_with("package"));
            if let Some(provider) = provider.filter(|_| (1..3).contains(&kind)) {
                // What a package resets is listed whenever the package is.
                next.differs |= provider.differs;
                next = next.provided_by(&provider.node.id.to_string());
            }
            drafts.push(next);
        }
        drafts
    })
}

/// The part of the guide that this slice carries: packages in order, the probe, services in order, the pool, the gate.
pub(crate) fn guide() -> Vec<Draft> {
    vec![
        draft("web", "package/bank-format-library").guide("G2"),
        draft("web", "package/common-services").needs("web", "package/bank-format-library").guide("G3"),
        draft("web", "http_probe/scps").needs("web", "package/common-services").guide("G3"),
        draft("web", "service/SCPSServer").provided_by("package/common-services").guide("G13"),
        draft("web", "service/SCASServer")
            .provided_by("package/common-services")
            .needs("web", "service/SCPSServer"),
        draft("web", "service/SCDTSServer")
            .provided_by("package/common-services")
            .needs("web", "service/SCASServer"),
        draft("web", "package/advanced").needs("web", "package/common-services").guide("G4"),
        draft("web", "iis_app_pool/sxa").provided_by("package/advanced").guide("G12"),
        draft("web", "manual_step/data-encryption").needs("web", "package/advanced").guide("G17"),
    ]
}
