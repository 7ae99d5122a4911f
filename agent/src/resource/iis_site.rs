//! IIS sites: root, applications, virtual directories, state; only what the rows name (G12).
//!
//! Neighbours: `host::Sites`. Bindings are nodes of their own. A site that is absent is made only where agreement let its rows
//! through, which it does not for one that a package provides.

use std::collections::BTreeMap;

use muster_agent_core::observation::Observation;
use muster_model::manifest::Node;
use muster_model::node::NodeKind;
use muster_model::plan::{New, Row};
use muster_model::value::Value;

use super::{Error, cannot, new_text};
use crate::host::{self, Host, SiteChange, SiteFacts};

pub(super) fn observe(node: &Node, host: &dyn Host) -> Result<Observation, host::Error> {
    let Some(facts) = host.sites().get(node.id.name.as_str())? else { return Ok(Observation::Absent) };
    let state = facts.state();
    let SiteFacts { physical_path, app_pool, applications, virtual_directories, .. } = facts;
    let spelt = |attribute: &str, path: String| {
        let wanted = node.attributes.get(attribute);
        let keys = if let Some(Value::Members(wanted)) = wanted { Some(wanted.keys()) } else { None };
        let same = keys.into_iter().flatten().find(|own| own.eq_ignore_ascii_case(&path));
        same.cloned().unwrap_or(path)
    };
    let (mut paths, mut pools) = (BTreeMap::new(), BTreeMap::new());
    for (path, application) in applications {
        paths.insert(spelt("applications", path.clone()), application.physical_path);
        let spelt = spelt("application_pools", path);
        // The pool of an application that the document does not speak of is inherited as often as not: nothing to take away.
        if is_given(node, &spelt) {
            pools.insert(spelt, application.app_pool);
        }
    }
    let directories =
        virtual_directories.into_iter().map(|(path, folder)| (spelt("virtual_directories", path), folder));
    Ok(Observation::Present(BTreeMap::from([
        ("physical_path".to_owned(), Value::Text(physical_path)),
        ("app_pool".to_owned(), Value::Text(app_pool)),
        ("applications".to_owned(), Value::Members(paths)),
        ("application_pools".to_owned(), Value::Members(pools)),
        ("virtual_directories".to_owned(), Value::Members(directories.collect())),
        ("state".to_owned(), Value::from(state)),
    ])))
}

fn is_given(node: &Node, path: &str) -> bool {
    matches!(node.attributes.get("application_pools"), Some(Value::Members(pools)) if pools.contains_key(path))
}

pub(super) fn apply(name: &str, before: &Observation, rows: &[Row], host: &dyn Host) -> Result<(), Error> {
    let is_state = |row: &&Row| row.attribute.name == "state";
    let mut changes = rows.iter().filter(|row| !is_state(row)).map(change).collect::<Result<Vec<_>, _>>()?;
    let is_more = !changes.is_empty();
    // Part of the same commit: one that is made, and should be stopped, must not start on the way.
    for row in rows.iter().filter(is_state) {
        changes.push(SiteChange::Starts(starts(row)?));
    }
    if *before == Observation::Absent {
        let given = |attribute: &str| {
            let row = rows.iter().find(|row| row.attribute.name == attribute);
            row.and_then(new_text).ok_or_else(|| Error::Unmet(format!("site {name} has no {attribute}")))
        };
        return Ok(host.sites().create(name, given("physical_path")?, given("app_pool")?, &changes)?);
    }
    if is_more {
        host.sites().set(name, &changes)?;
    }
    for row in rows.iter().filter(is_state) {
        host.sites().set_started(name, starts(row)?)?;
    }
    Ok(())
}

/// Whether a row of `state` wants it started.
fn starts(row: &Row) -> Result<bool, Error> {
    match new_text(row) {
        Some("started") => Ok(true),
        Some("stopped") => Ok(false),
        Some(_) | None => Err(cannot(NodeKind::IisSite, row)),
    }
}

/// Takes the site away after Muster's own applications and virtual directories. What is left in it then, bindings included, is
/// somebody else's: the site stays, and a person decides.
pub(super) fn remove(name: &str, given: &[Row], host: &dyn Host) -> Result<(), Error> {
    let changes = given.iter().map(change).collect::<Result<Vec<_>, _>>()?;
    if !changes.is_empty() {
        host.sites().set(name, &changes)?;
    }
    let Some(facts) = host.sites().get(name)? else { return Ok(()) };
    let bindings = facts.bindings.keys().map(|key| format!("binding {key}"));
    let applications = facts.applications.keys().map(|path| format!("application {path}"));
    let directories = facts.virtual_directories.keys().map(|path| format!("virtual directory {path}"));
    let left: Vec<String> = bindings.chain(applications).chain(directories).collect();
    if left.is_empty() {
        return Ok(host.sites().remove(name)?);
    }
    let left = left.join(", ");
    Err(Error::Unmet(format!(
        "site {name} still has {left}, which Muster did not make; take them away by hand"
    )))
}

fn change(row: &Row) -> Result<SiteChange, Error> {
    let text = || new_text(row).map(str::to_owned).unwrap_or_default();
    match (row.attribute.name.as_str(), row.attribute.member.clone(), &row.new) {
        ("physical_path", None, New::Exact(_)) => Ok(SiteChange::PhysicalPath(text())),
        ("app_pool", None, New::Exact(_)) => Ok(SiteChange::AppPool(text())),
        ("applications", Some(path), New::Exact(_)) => Ok(SiteChange::Application(path, text())),
        ("applications", Some(path), New::Absent) => Ok(SiteChange::NoApplication(path)),
        ("application_pools", Some(path), New::Exact(_)) => Ok(SiteChange::ApplicationPool(path, text())),
        ("virtual_directories", Some(path), New::Exact(_)) => Ok(SiteChange::VirtualDirectory(path, text())),
        ("virtual_directories", Some(path), New::Absent) => Ok(SiteChange::NoVirtualDirectory(path)),
        _ => Err(cannot(NodeKind::IisSite, row)),
    }
}
