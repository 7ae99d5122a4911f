//! The nodes of a product, read by the table of kinds and with their expressions in place.
//!
//! Neighbours: `product` collects them, `resolve` settles them for a site. What is written without an expression is
//! checked against its type here already.

use std::collections::BTreeMap;

use super::product::literal;
use super::script::{self, Fault};
use super::shape::{self, Fields, KeySpec, Shape};
use super::tree::{Entry, Yaml};
use super::{Place, Placed, Raw, raw, rule, table};
use crate::binding::BindingName;
use crate::certificate::{CertificateName, is_certificate_name};
use crate::diagnostic::Report;
use crate::expression::{Condition, Template};
use crate::name::{Guide, IisName, NodeName, Role, SqlDatabaseName};
use crate::near::did_you_mean;
use crate::node::{AttributeRole, AttributeSpec, AttributeType, KindSpec, NodeKind};
use crate::parameter::is_windows_path;
use crate::registry::RegistryName;

/// A node before its expressions are settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeTemplate {
    /// Its kind.
    pub kind: NodeKind,
    /// Its name, perhaps with expressions.
    pub name: Placed<String>,
    /// Where the node begins.
    pub place: Placed<()>,
    /// The role of its server.
    pub role: Role,
    /// The condition under which it is there.
    pub(crate) when: Option<Placed<Condition>>,
    /// What must be done before it: `kind/name`, a bare name, or `role:kind/name`.
    pub needs: Vec<Placed<String>>,
    /// A task: the changes after which it runs, written as `needs` is.
    pub on_change_of: Vec<Placed<String>>,
    /// A task: the changes before which it runs, written as `needs` is.
    pub before_change_of: Vec<Placed<String>>,
    /// The package that creates it.
    pub provided_by: Option<Placed<String>>,
    /// The guide's demand that it answers.
    pub guide: Option<Guide>,
    /// Whether its sets have no members but those that are listed.
    pub exact: bool,
    /// Whether it goes once no document names it.
    pub prune: bool,
    /// Its attributes, by name.
    pub attributes: BTreeMap<&'static str, Placed<Raw>>,
}

pub(super) fn read(yaml: &Yaml, roles: &[Placed<Role>], report: &mut Report<'_>) -> Option<NodeTemplate> {
    let entries = shape::entries(yaml, "a node", report)?;
    let spec = kind(yaml.place, entries, report)?;
    let what = format!("this {}", spec.kind);
    let keys = keys(spec);
    let fields = Fields::read(yaml, &what, &keys, report)?;
    let attributes = attributes(spec, entries, report);
    let needs = references(&fields, "needs", report);
    let on_change_of = triggers(spec, &fields, "on_change_of", report);
    let before_change_of = triggers(spec, &fields, "before_change_of", report);
    let when = rule::condition(&fields, "when", report);
    let guide = fields.name("guide", report).map(|guide| guide.value);
    let role = match fields.yaml("server") {
        Some(_) => role(&fields, roles, report),
        None => roles.first().map(|role| role.value.clone()),
    };
    first_of_all(spec, &fields, report);
    version_of_package(spec, yaml.place, &fields, report);
    let exact = exact(spec, &fields, report);
    let prune = prune(spec, &fields, report);
    let name = fields.text(spec.kind.as_str())?.map(str::to_owned);
    if Template::parse(&name.value).is_ok_and(|template| template.is_literal())
        && let Err((problem, advice)) = check_name(spec.kind, &name.value)
    {
        report.push(name.place, "invalid-name", problem, advice);
    }
    Some(NodeTemplate {
        kind: spec.kind,
        name,
        place: Placed::new((), yaml.place),
        role: role?,
        when,
        needs,
        on_change_of,
        before_change_of,
        provided_by: fields.text("provided_by").map(|text| text.map(str::to_owned)),
        guide,
        exact,
        prune,
        attributes,
    })
}

/// The one key that says what the node is.
fn kind(place: Place, entries: &[Entry], report: &mut Report<'_>) -> Option<&'static KindSpec> {
    let kinds: Vec<(&Entry, NodeKind)> =
        entries.iter().filter_map(|entry| Some((entry, entry.key.parse().ok()?))).collect();
    // The word of one kind may be an attribute of another: a binding has a `certificate`.
    let is_owner = |kind: &NodeKind| {
        let others = || kinds.iter().filter(|(_, other)| other != kind);
        kinds.len() > 1 && others().all(|(entry, _)| kind.spec().attribute(&entry.key).is_some())
    };
    if let Some((_, owner)) = kinds.iter().find(|(_, kind)| is_owner(kind)) {
        return Some(owner.spec());
    }
    match kinds.as_slice() {
        [(_, kind)] => Some(kind.spec()),
        [] => {
            let known: Vec<&str> = NodeKind::ALL.iter().map(|kind| kind.as_str()).collect();
            let first = entries.first();
            let near =
                first.map_or_else(|| did_you_mean("", &known), |entry| did_you_mean(&entry.key, &known));
            let place = first.map_or(place, |entry| entry.place);
            let problem = match first {
                Some(entry) => format!("`{}` is no kind of node, and the node has no other", entry.key),
                None => "the node is empty".to_owned(),
            };
            report.push(place, "unknown-kind", problem, near);
            None
        }
        [(_, first), (entry, second), ..] => {
            report.push(
                entry.place,
                "two-kinds",
                format!("the node is a {first} already and cannot be a {second} too"),
                "begin a node of its own with `- `",
            );
            None
        }
    }
}

/// What a node of that kind may have beside the attributes, which are read by their own types.
fn keys(spec: &'static KindSpec) -> Vec<KeySpec> {
    let name = KeySpec { name: spec.kind.as_str(), shape: Shape::Text, required: true, doc: spec.name_is };
    let attributes = spec.attributes.iter().map(|attribute| KeySpec {
        name: attribute.name,
        shape: Shape::Any,
        required: attribute.required,
        doc: attribute.doc,
    });
    [name].into_iter().chain(attributes).chain(table::NODE).collect()
}

/// What is looked at before anything runs waits for nothing, and no package brings it.
fn first_of_all(spec: &KindSpec, fields: &Fields<'_>, report: &mut Report<'_>) {
    for key in ["needs", "provided_by"] {
        if spec.kind == NodeKind::Preflight && fields.yaml(key).is_some() {
            let problem =
                format!("a preflight has no `{key}`: it is made before anything else on its server");
            let advice = "remove it; a question that comes later is a sql_query or an http_probe";
            report.push(fields.place_of(key), "before-anything", problem, advice);
        }
    }
}

/// A package has a version, unless it may be absent: what its `state` comes to is known once it is settled.
fn version_of_package(spec: &KindSpec, place: Place, fields: &Fields<'_>, report: &mut Report<'_>) {
    let says = |key: &str| fields.yaml(key).is_some();
    if spec.kind == NodeKind::Package && !says("version") && !says("state") {
        let advice = "add `version: ...` (the version that is installed), or `state: absent`";
        report.push(place, "missing-key", "this package has no `version`", advice);
    }
}

/// `members: exact`, for a kind that has sets and is not a package's: what that brings, no plan can foretell.
fn exact(spec: &'static KindSpec, fields: &Fields<'_>, report: &mut Report<'_>) -> bool {
    let Some(word) = fields.text("members") else { return false };
    let (problem, advice) = if word.value != "exact" {
        (format!("`members` is `{}`", word.value), "write `members: exact`, or leave it out")
    } else if !spec.attributes.iter().any(is_compared_set) {
        (format!("a {} has no set of members", spec.kind), "remove `members`")
    } else if fields.text("provided_by").is_some() {
        let problem = "`members: exact` and `provided_by` contradict each other: what a package brings, no plan can foretell";
        (problem.to_owned(), "remove one of the two")
    } else {
        return true;
    };
    report.push(word.place, "members-exact", problem, advice);
    false
}

fn is_compared_set(attribute: &AttributeSpec) -> bool {
    attribute.role == AttributeRole::State && attribute.ty.is_set()
}

fn prune(spec: &'static KindSpec, fields: &Fields<'_>, report: &mut Report<'_>) -> bool {
    let prune = fields.boolean("prune").unwrap_or(false);
    if prune && !spec.kind.is_pruned() {
        let problem = format!("Muster never takes a {} away", spec.kind);
        report.push(fields.place_of("prune"), "never-pruned", problem, "remove `prune`");
    }
    prune
}

fn attributes(
    spec: &'static KindSpec,
    entries: &[Entry],
    report: &mut Report<'_>,
) -> BTreeMap<&'static str, Placed<Raw>> {
    let mut attributes = BTreeMap::new();
    for entry in entries {
        let Some(attribute) = spec.attribute(&entry.key) else {
            continue;
        };
        let what = format!("`{}`", attribute.name);
        let Some(raw) = raw::attribute(&entry.value, attribute.ty, &what, report) else {
            continue;
        };
        if !matches!(attribute.ty, AttributeType::Secret(_))
            && let Some(value) = literal(&raw.value)
        {
            if let Err(wanted) = attribute.ty.check(&value) {
                let problem = format!("{what} is `{value}`, which does not fit");
                report.push(raw.place, "wrong-value", problem, format!("wanted: {wanted}"));
            }
            if attribute.ty == AttributeType::Scripts {
                for Fault { place, rule, problem, advice } in script::faults(&raw, &value) {
                    report.push(place, rule, problem, advice);
                }
            }
        }
        if let AttributeType::Secret(with) = attribute.ty
            && !entries.iter().any(|entry| entry.key == with)
        {
            let problem = format!("{what} is set together with `{with}`, which this node does not have");
            report.push(entry.place, "missing-key", problem, format!("add `{with}: ...`"));
        }
        attributes.insert(attribute.name, raw);
    }
    attributes
}

fn references(fields: &Fields<'_>, key: &'static str, report: &mut Report<'_>) -> Vec<Placed<String>> {
    let items = fields.list(key).unwrap_or_default();
    let what = format!("an item of `{key}`");
    items.iter().filter_map(|item| raw::text(item, &what, report)).collect()
}

/// The changes that make a task run; other kinds have none.
fn triggers(
    spec: &KindSpec,
    fields: &Fields<'_>,
    key: &'static str,
    report: &mut Report<'_>,
) -> Vec<Placed<String>> {
    let Some(items) = fields.list(key) else { return Vec::new() };
    if !spec.kind.takes_triggers() {
        let problem = format!("a {} has no `{key}`: a change does not make it run", spec.kind);
        let kinds = NodeKind::ALL.iter().filter(|kind| kind.takes_triggers());
        let kinds: Vec<&str> = kinds.map(|kind| kind.as_str()).collect();
        let advice = format!("write it at a node of one of these kinds: {}", kinds.join(", "));
        report.push(fields.place_of(key), "no-trigger", problem, advice);
    } else if items.is_empty() {
        let advice = "name at least one node; leave the key out for a task that runs once";
        report.push(fields.place_of(key), "no-value", format!("`{key}` names no node"), advice);
    }
    references(fields, key, report)
}

/// The role that `server` names, or none where it does not say.
pub(super) fn role(fields: &Fields<'_>, roles: &[Placed<Role>], report: &mut Report<'_>) -> Option<Role> {
    let role = fields.name::<Role>("server", report)?;
    if !roles.is_empty() && !roles.contains(&role) {
        let known: Vec<&str> = roles.iter().map(|role| role.value.as_str()).collect();
        let problem = format!("the product has no role `{}`", role.value);
        report.push(role.place, "unknown-role", problem, did_you_mean(role.value.as_str(), &known));
    }
    Some(role.value)
}

/// Two nodes of one kind, name and server are a mistake, unless each has a condition: then a site may see one of them.
pub(super) fn no_duplicates(nodes: &[NodeTemplate], report: &mut Report<'_>) {
    let mut firsts: BTreeMap<(NodeKind, &Role, String), &NodeTemplate> = BTreeMap::new();
    for node in nodes {
        let first = firsts.entry((node.kind, &node.role, node.name.value.to_lowercase())).or_insert(node);
        if !std::ptr::eq(*first, node) && (first.when.is_none() || node.when.is_none()) {
            report.push(
                node.place.place,
                "duplicate-node",
                format!(
                    "{}/{} is here a second time; the first is on line {} of its document",
                    node.kind, node.name.value, first.place.place.line
                ),
                "keep one of the two; Windows takes capital and small letters for the same name",
            );
        }
    }
}

/// Whether a settled name may name a node of this kind; else what is wrong and what to do.
pub(crate) fn check_name(kind: NodeKind, name: &str) -> Result<NodeName, (String, String)> {
    let wrong = |advice: &str| (format!("{name:?} cannot name this {kind}"), advice.to_owned());
    let node_name: NodeName = name.parse().map_err(|_| wrong("write 1 to 260 characters on one line"))?;
    let (fits, rule) = match kind {
        NodeKind::IisAppPool | NodeKind::IisSite => (
            name.parse::<IisName>().is_ok(),
            "write it with letters without accents, digits and . _ -, at most 64; no space (G5)",
        ),
        NodeKind::IisBinding => (
            name.parse::<BindingName>().is_ok(),
            "write SITE/https/*:PORT:HOST, as in 'Sage/https/*:1025:sxa.dupont.example'; without a host name end with the colon",
        ),
        NodeKind::Certificate => (
            is_certificate_name(name),
            "write a thumbprint of 40 digits, a whole subject as in 'CN=sxa.dupont.example', or a common name alone; before it, for another store than the computer's own, root/, ca/, trusted_people/ or web_hosting/",
        ),
        NodeKind::PrivateKeyAccess => (
            is_certificate_name(name) && has_key(name),
            "write a thumbprint of 40 digits, a whole subject as in 'CN=sxa.dupont.example', or a common name alone; before it web_hosting/ for that store. The others keep no keys",
        ),
        NodeKind::File => {
            (is_windows_path(name), r"write an absolute path, as in 'C:\ProgramData\App\app.config'")
        }
        NodeKind::Folder => (is_windows_path(name), r"write an absolute path, as in 'C:\ProgramData\App'"),
        NodeKind::RegistryValue => (
            name.parse::<RegistryName>().is_ok(),
            r"write 'HKLM\SOFTWARE\Key\Value'; for the view of 32-bit programs 'HKLM32\SOFTWARE\Key\Value', without WOW6432Node",
        ),
        NodeKind::SqlDatabase => (
            name.parse::<SqlDatabaseName>().is_ok(),
            "write endpoint/database, as in main/SXA, with letters without accents, digits and . _ -",
        ),
        NodeKind::Service => (
            !name.contains(['/', '\\']) && name.trim() == name,
            "write the service's key name, which has no slash and no space at its ends",
        ),
        NodeKind::Package
        | NodeKind::WindowsFeature
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
        | NodeKind::Preflight => (
            name.parse::<crate::name::Version>().is_ok(),
            "write it with letters without accents, digits and . _ + -, at most 64; no space (G5)",
        ),
    };
    if fits { Ok(node_name) } else { Err(wrong(rule)) }
}

/// Whether a certificate of that name lies where it has its key.
fn has_key(name: &str) -> bool {
    let Ok(name) = name.parse::<CertificateName>();
    name.store.keeps_keys()
}

impl AttributeType {
    /// Whether a settled value fits, or what would.
    pub(crate) fn check(self, value: &crate::value::Value) -> Result<(), String> {
        super::fit::check(self, value)
    }
}
