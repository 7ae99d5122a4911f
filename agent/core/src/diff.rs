//! The diff: wanted, last applied and observed, for every kind by the one table of attributes.
//!
//! Neighbours: `observation` is what was seen, `ledger` what Muster last set; the rows become a plan at the controller and
//! are met again by `agree`. Never proposes a change to what no document names.

mod unwanted;

use std::collections::BTreeSet;

use muster_model::certificate::CertificateName;
use muster_model::manifest::{Manifest, Node};
use muster_model::name::NodeId;
use muster_model::node::{AttributeRole, AttributeSpec, AttributeType, NodeClass, NodeKind};
use muster_model::plan::{AttributePath, New, Old, Reason, Row};
use muster_model::report::{Finding, NodeReport};
use muster_model::value::Value;

use crate::database;
use crate::ledger::Ledger;
use crate::observation::{Observation, Observations};

/// Compares a server with its manifest: a report for each resource that differs or cannot be compared, in the
/// manifest's order.
pub fn diff(manifest: &Manifest, observations: &Observations, ledger: &Ledger) -> Vec<NodeReport> {
    let changing = changing_packages(manifest, observations, ledger);
    let resources = manifest.nodes.iter().filter(|node| node.id.kind.class() == NodeClass::Resource);
    let compare = |node: &Node| {
        let observation = seen(observations, &node.id);
        let provider = manifest.reset_by(node).find(|provider| changing.contains(*provider) && !node.absent);
        let Comparison { rows, finding } = match provider {
            Some(provider) => after(node, &observation, ledger, provider),
            None => compare(node, &observation, ledger),
        };
        // What a certificate's step imports, the grant on its key finds.
        let finding = finding.filter(|_| !is_imported(node, manifest, observations));
        // Rows beside a finding would look like work that can be approved.
        let rows = if finding.is_some() { Vec::new() } else { rows };
        NodeReport { node: node.id.clone(), rows, finding }
    };
    resources.map(compare).filter(|report| !report.rows.is_empty() || report.finding.is_some()).collect()
}

/// Whether the certificate of a grant is absent and imported by this plan.
fn is_imported(node: &Node, manifest: &Manifest, observations: &Observations) -> bool {
    let absent = |id: &NodeId| observations.get(id) == Some(&Observation::Absent);
    let imports = |other: &Node| {
        other.id.kind == NodeKind::Certificate
            && other.attributes.contains_key("pfx")
            && other.id.name.as_str().eq_ignore_ascii_case(node.id.name.as_str())
            && absent(&other.id)
    };
    node.id.kind == NodeKind::PrivateKeyAccess && absent(&node.id) && manifest.nodes.iter().any(imports)
}

/// What Muster set and the manifest no longer names, where it is still there or cannot be looked at.
pub fn orphans(manifest: &Manifest, observations: &Observations, ledger: &Ledger) -> Vec<NodeId> {
    let gone = |node: &NodeId| observations.get(node) == Some(&Observation::Absent);
    ledger.nodes().filter(|node| manifest.node(node).is_none() && !gone(node)).cloned().collect()
}

/// One resource compared with what it should be, as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What differs; each old value is exact or absent.
    pub rows: Vec<Row>,
    /// Why it cannot be brought to its state as things are.
    pub finding: Option<Finding>,
}

/// Compares one resource as it is now, whatever the rest of the plan does.
pub fn compare(node: &Node, observation: &Observation, ledger: &Ledger) -> Comparison {
    if node.absent {
        return unwanted::compare(node, observation, ledger);
    }
    if node.is_taken_off() {
        return unwanted::package(node, observation);
    }
    let mut comparison = Comparison { rows: Vec::new(), finding: finding(node, observation) };
    if matches!(observation, Observation::Unreadable(_)) {
        return comparison;
    }
    if comparison.finding.is_none() && *observation == Observation::Absent && is_made_bare(node) {
        let row = existence(node, ledger);
        // Who will trust what comes, so that nobody approves it unawares.
        let trust =
            node.trust().map(|(attribute, whom)| Row { attribute, new: New::Exact(whom), ..row.clone() });
        comparison.rows.push(row);
        comparison.rows.extend(trust);
    }
    for spec in state_attributes(node.id.kind) {
        for (attribute, wanted) in targets(node, spec, observation, ledger) {
            let observed = observed(node, spec, observation, ledger, &attribute);
            if wanted == observed {
                continue;
            }
            let last = ledger.last(&node.id, &attribute).map(|owned| &owned.value);
            comparison.rows.push(Row {
                node: node.id.clone(),
                reason: reason(wanted.as_ref(), last, observed.as_ref()),
                attribute,
                old: observed.map_or(Old::Absent, Old::Exact),
                new: wanted.map_or(New::Absent, New::Exact),
            });
        }
    }
    if !comparison.rows.is_empty() {
        comparison.rows.extend(handed(node));
    }
    if comparison.finding.is_none() && node.id.kind == NodeKind::SqlDatabase {
        comparison.finding = database::forbidden(node, &comparison.rows);
    }
    comparison
}

/// The secrets that a package's installer is handed, and the one that opens a file, each by a row of its own: they come with
/// a change of the thing, and with nothing else.
fn handed(node: &Node) -> impl Iterator<Item = Row> {
    node.handed().into_iter().map(|(attribute, secret)| {
        let reason = match attribute.name.as_str() {
            "secret_arguments" => Reason::CommandLine,
            "response_file" => Reason::Handed,
            _ => Reason::Opens,
        };
        Row {
            node: node.id.clone(),
            attribute,
            old: Old::Absent,
            new: New::Exact(Value::Secret(secret)),
            reason,
        }
    })
}

/// Whether nothing beside its members is wanted of the thing, so that only its being there can be shown.
fn is_made_bare(node: &Node) -> bool {
    !state_attributes(node.id.kind).any(|spec| !spec.ty.is_set() && node.attributes.contains_key(spec.name))
}

fn existence(node: &Node, ledger: &Ledger) -> Row {
    let attribute = AttributePath::exists();
    let made = ledger.last(&node.id, &attribute).is_some();
    Row {
        node: node.id.clone(),
        attribute,
        old: Old::Absent,
        new: New::Exact(Value::Boolean(true)),
        reason: if made { Reason::Drift } else { Reason::Missing },
    }
}

/// What is there. A secret cannot be read back: it counts as the version that Muster last set, as long as what it is set
/// together with is as it should be, and as unknown otherwise.
fn observed(
    node: &Node,
    spec: &AttributeSpec,
    observation: &Observation,
    ledger: &Ledger,
    attribute: &AttributePath,
) -> Option<Value> {
    let AttributeType::Secret(with) = spec.ty else { return observation.value(attribute) };
    let beside = AttributePath { name: with.to_owned(), member: None };
    let stands = observation.value(&beside).is_some_and(|is| node.attributes.get(with) == Some(&is));
    ledger.last(&node.id, attribute).filter(|_| stands).map(|owned| owned.value.clone())
}

/// Lists every wanted attribute of a resource whose package is installed or replaced in this plan: a reinstallation resets
/// them, even where the present value looks right.
fn after(node: &Node, observation: &Observation, ledger: &Ledger, provider: &NodeId) -> Comparison {
    if let Observation::Unreadable(problem) = observation {
        return Comparison { rows: Vec::new(), finding: Some(unreadable(node, problem)) };
    }
    let mut rows = Vec::new();
    if node.provided_by.is_none() && is_made_bare(node) {
        let there = matches!(observation, Observation::Present(_));
        let row = existence(node, ledger);
        let reason = if there { Reason::Reset } else { row.reason };
        rows.push(Row { old: Old::KnownAfter(provider.clone()), reason, ..row });
    }
    for spec in state_attributes(node.id.kind) {
        for (attribute, wanted) in targets(node, spec, observation, ledger) {
            let reason = match (&wanted, observation) {
                (None, _) if observation.value(&attribute).is_none() => continue,
                (None, _) => Reason::Removed,
                (Some(_), Observation::Absent) => Reason::Missing,
                (Some(_), _) => Reason::Reset,
            };
            rows.push(Row {
                node: node.id.clone(),
                attribute,
                old: Old::KnownAfter(provider.clone()),
                new: wanted.map_or(New::Absent, New::Exact),
                reason,
            });
        }
    }
    if !rows.is_empty() {
        rows.extend(handed(node));
    }
    Comparison { rows, finding: None }
}

/// The attributes and members to compare, each with what is wanted: none for a member that Muster set and the document no
/// longer names. Other members are foreign and are not here, unless the document is exact about a set that it gives.
fn targets(
    node: &Node,
    spec: &AttributeSpec,
    observation: &Observation,
    ledger: &Ledger,
) -> Vec<(AttributePath, Option<Value>)> {
    let wanted = node.attributes.get(spec.name);
    let name = spec.name.to_owned();
    if !spec.ty.is_set() {
        let path = AttributePath { name, member: None };
        return wanted.map(|value| (path, Some(value.clone()))).into_iter().collect();
    }
    let members = match wanted {
        Some(Value::Members(members)) => members.clone(),
        Some(Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::List(_) | Value::Secret(_))
        | None => std::collections::BTreeMap::new(),
    };
    let owned = ledger.members(&node.id, spec.name).map(str::to_owned);
    let foreign = observation.members(spec.name).filter(|_| node.exact && wanted.is_some());
    let dropped: BTreeSet<String> = owned.chain(foreign.map(str::to_owned)).collect();
    let dropped: Vec<String> = dropped.into_iter().filter(|member| !members.contains_key(member)).collect();
    let path = |member: String| AttributePath { name: name.clone(), member: Some(member) };
    let kept = members.into_iter().map(|(member, value)| (path(member), Some(Value::Text(value))));
    kept.chain(dropped.into_iter().map(|member| (path(member), None))).collect()
}

fn state_attributes(kind: NodeKind) -> impl Iterator<Item = &'static AttributeSpec> {
    kind.spec().attributes.iter().filter(|spec| spec.role == AttributeRole::State)
}

/// Why the row is there. Where both the documents and the server changed, the server's change is the surprise to show.
fn reason(wanted: Option<&Value>, last: Option<&Value>, observed: Option<&Value>) -> Reason {
    match (wanted, last, observed) {
        (None, Some(_), _) => Reason::Removed,
        (None, None, _) => Reason::Foreign,
        (Some(_), None, None) => Reason::Missing,
        (Some(_), None, Some(_)) => Reason::Differs,
        (Some(_), Some(last), Some(observed)) if last == observed => Reason::Changed,
        (Some(_), Some(_), _) => Reason::Drift,
    }
}

/// The packages that this plan installs or replaces. One that its own package brings along changes with it; one that only
/// has a finding does not change, so nothing is known after it.
fn changing_packages(manifest: &Manifest, observations: &Observations, ledger: &Ledger) -> BTreeSet<NodeId> {
    let mut changing = BTreeSet::new();
    let packages = manifest.nodes.iter().filter(|node| node.id.kind == NodeKind::Package);
    for node in packages.filter(|node| !node.is_taken_off()) {
        let brought = node.provided_by.as_ref().is_some_and(|provider| changing.contains(provider));
        let Comparison { rows, finding } = compare(node, &seen(observations, &node.id), ledger);
        if brought || (finding.is_none() && !rows.is_empty()) {
            changing.insert(node.id.clone());
        }
    }
    changing
}

fn seen(observations: &Observations, id: &NodeId) -> Observation {
    let unseen = || Observation::Unreadable("it was not looked at".to_owned());
    observations.get(id).cloned().unwrap_or_else(unseen)
}

fn finding(node: &Node, observation: &Observation) -> Option<Finding> {
    match observation {
        Observation::Unreadable(problem) => Some(unreadable(node, problem)),
        Observation::Present(_) => None,
        Observation::Absent => absent(node),
    }
}

pub(crate) fn unreadable(node: &Node, problem: &str) -> Finding {
    Finding {
        problem: format!("{} cannot be compared: {problem}", node.id),
        advice: "solve this on the server, then plan again".to_owned(),
    }
}

/// Absent is a state that Muster mends, unless only a package could make the thing and none will.
fn absent(node: &Node) -> Option<Finding> {
    let NodeId { kind, name } = &node.id;
    if let Some(provider) = &node.provided_by {
        return Some(Finding {
            problem: format!(
                "{kind} {name} is absent although package {} is installed: its installation failed (G12)",
                provider.name
            ),
            advice: format!("repair package {} on the server, then plan again", provider.name),
        });
    }
    let settings = state_attributes(*kind).any(|spec| node.attributes.contains_key(spec.name));
    match kind {
        NodeKind::Service if !node.attributes.contains_key("command_line") => Some(Finding {
            problem: format!("service {name} is absent and no package of this plan makes it"),
            advice: "name its package with `provided_by`, or give its `command_line`: Muster makes it then"
                .to_owned(),
        }),
        NodeKind::IisAppPool if !settings => Some(Finding {
            problem: format!("iis_app_pool {name} is absent and its document gives no setting to make it by"),
            advice: format!("give iis_app_pool {name} at least one setting, or name its package"),
        }),
        NodeKind::WindowsFeature => Some(Finding {
            problem: format!("this Windows has no feature {name}"),
            advice: "correct the name; `dism /online /get-features` on the server lists them all".to_owned(),
        }),
        NodeKind::SqlDatabase => database::absent(node, settings),
        NodeKind::IisSite
            if !["physical_path", "app_pool"].iter().all(|name| node.attributes.contains_key(*name)) =>
        {
            Some(Finding {
                problem: format!("iis_site {name} is absent, and its document does not say how to make it"),
                advice: format!("give iis_site {name} a physical_path and an app_pool, or name its package"),
            })
        }
        NodeKind::Certificate | NodeKind::PrivateKeyAccess => absent_certificate(node),
        NodeKind::Package
        | NodeKind::Service
        | NodeKind::IisAppPool
        | NodeKind::IisSite
        | NodeKind::IisBinding
        | NodeKind::Folder
        | NodeKind::File
        | NodeKind::RegistryValue
        | NodeKind::HttpProbe
        | NodeKind::ManualStep
        | NodeKind::ServiceRestart
        | NodeKind::PoolRecycle
        | NodeKind::ApplicationStop
        | NodeKind::ApplicationStart
        | NodeKind::Reboot
        | NodeKind::SqlScripts
        | NodeKind::SqlBackup
        | NodeKind::SqlQuery
        | NodeKind::Preflight => None,
    }
}

/// One that no file of its node brings; a grant on its key brings none.
fn absent_certificate(node: &Node) -> Option<Finding> {
    let Ok(certificate) = node.id.name.as_str().parse::<CertificateName>();
    let advice = if node.id.kind == NodeKind::PrivateKeyAccess {
        "import it on the server, or name the package that brings it with `provided_by`".to_owned()
    } else if ["pfx", "cer"].iter().any(|file| node.attributes.contains_key(*file)) {
        return None;
    } else {
        let file = if certificate.store.keeps_keys() { "PFX file with `pfx`" } else { "file with `cer`" };
        format!("import it on the server (certlm.msc, {}), or name its {file}", certificate.store.title())
    };
    Some(Finding { problem: certificate.missing(), advice })
}

#[cfg(test)]
mod tests;
