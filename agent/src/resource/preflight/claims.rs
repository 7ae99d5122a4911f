//! Claims: who holds on the server what the manifest would take, and is not Muster's (G5, G6, G14).
//!
//! A site, pool, binding or database that is there already, that Muster did not make and no package of the manifest brings,
//! is somebody else's. A thing of the same name that needs no change is left alone and claims nothing. Neighbours: the
//! ownership ledger says what is Muster's; claims between sites are intake's.

use std::cell::LazyCell;

use muster_model::binding::BindingName;
use muster_model::handout;
use muster_model::manifest::Node;
use muster_model::name::SqlDatabaseName;
use muster_model::node::NodeKind;
use muster_model::preflight::{CLAIM, PreflightItem};

use super::ports::Listening;
use super::sql::cannot;
use super::{Ask, Scope};
use crate::host::{Error, Host};

/// The marks that Muster's scripts leave in a database.
const MARKS: &str = "SELECT COUNT(*) FROM sys.extended_properties WHERE class = 0 AND name LIKE 'Muster:%'";

/// Looks at every node that would take something.
pub(super) fn look(scope: &Scope<'_>, host: &dyn Host) -> Vec<PreflightItem> {
    let mut items = Vec::new();
    // Without IIS there is nothing of it to hold.
    let has_iis = LazyCell::new(|| host.inventory().iis_version().map(|version| version.is_some()));
    let listening = LazyCell::new(|| Listening::read(host));
    for node in scope.manifest.nodes.iter().filter(|node| !node.absent && !scope.is_ours(&node.id)) {
        let (kind, name) = (node.id.kind, node.id.name.as_str());
        let changes = (scope.changes)(&node.id);
        let ask = |guide| Ask { node: &node.id, check: CLAIM, guide };
        if kind == NodeKind::IisSite && changes {
            let there = has_iis.clone().and_then(|iis| Ok(iis && host.sites().get(name)?.is_some()));
            items.push(taken(&ask("G5"), node, ("a site", "no site"), there));
        } else if kind == NodeKind::IisAppPool && changes {
            let there = has_iis.clone().and_then(|iis| Ok(iis && host.app_pools().get(name)?.is_some()));
            items.push(taken(&ask("G5"), node, ("an application pool", "no application pool"), there));
        } else if kind == NodeKind::IisBinding && changes {
            let bound = |name| binding(&ask("G6"), &name, scope, listening.as_ref().map_err(Clone::clone));
            items.extend(name.parse().ok().map(bound));
        } else if kind == NodeKind::SqlDatabase && !handout::is_dbas(node) {
            items.extend(database(&ask("G14"), node, host));
        }
    }
    items
}

/// A site or pool by its name.
fn taken(ask: &Ask<'_>, node: &Node, (a, no): (&str, &str), there: Result<bool, Error>) -> PreflightItem {
    let name = &node.id.name;
    let advice = format!(
        "remove it or choose another name; where it is the one that is meant, list {} under `take_over` of the preflight",
        node.id
    );
    ask.judge(there, "a name that is free, or a thing of Muster's", &advice, |there| {
        let found = if there {
            format!("IIS has {a} {name} already, and Muster did not make it")
        } else {
            format!("{no} of others has the name {name}")
        };
        (!there, found)
    })
}

fn binding(
    ask: &Ask<'_>,
    name: &BindingName,
    scope: &Scope<'_>,
    listening: Result<&Listening, Error>,
) -> PreflightItem {
    let (site, key) = (name.site.as_str(), &name.key);
    let advice = "take that binding away, stop that program, or give this product another port";
    ask.judge(listening, "free, or HTTP.SYS's for other host names", advice, |listening| {
        let sites =
            listening.same_binding(site, key).map(|other| format!("site {other} of IIS has this binding"));
        let programs = listening.beside_http_sys(key.port, scope);
        let programs = programs.iter().map(|holder| format!("{holder} listens on port {}", key.port));
        let holders: Vec<String> = sites.chain(programs).collect();
        match holders.as_slice() {
            [] => (true, format!("nobody else holds {key}")),
            holders => (false, format!("{key} cannot be bound: {}", holders.join("; "))),
        }
    })
}

/// A database that is there is Muster's where its ledger says so or where scripts of Muster's left their marks in it: the
/// ledger of a server that was set up anew is empty.
fn database(ask: &Ask<'_>, node: &Node, host: &dyn Host) -> Option<PreflightItem> {
    let endpoint = node.endpoint.as_ref()?;
    let name: SqlDatabaseName = node.id.name.as_str().parse().ok()?;
    let name = name.parts().1.to_owned();
    let foreign = host.sql().database(endpoint, &name).and_then(|facts| {
        if facts.is_none() {
            return Ok(false);
        }
        let marks = host.sql().connect(endpoint, &name, true)?.scalar(MARKS);
        Ok(marks.map_err(cannot)?.is_none_or(|marks| marks == "0"))
    });
    let address = &endpoint.address;
    let advice = format!(
        "choose another name, or have it removed by whoever made it; where it is the one that is meant, list {} under \
         `take_over` of the preflight",
        node.id
    );
    Some(ask.judge(foreign, "none of that name, or Muster's own", &advice, |foreign| {
        let found = if foreign {
            format!("database {name} is there already on {address}, and Muster did not make it")
        } else {
            format!("no database of others is called {name} on {address}")
        };
        (!foreign, found)
    }))
}
