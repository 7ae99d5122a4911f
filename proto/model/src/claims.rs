//! What two sites may not both have: a database of one SQL Server.
//!
//! Neighbours: `check` calls it over all sites that could be settled. What belongs to one server alone is checked there
//! (`resolve`): a computer belongs to one site. Holders that no document names are preflight's to find.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::document::{Documents, SiteEndpoint};
use crate::name::{NodeId, Slug, SqlDatabaseName};
use crate::node::NodeKind;
use crate::resolve::ResolvedSite;

/// A database as its SQL Server knows it: the same whatever each site calls the endpoint.
type Database = (String, String);

/// The first that claims it.
struct Holder<'a> {
    site: &'a Slug,
    node: &'a NodeId,
}

/// Every database that two nodes claim, at the endpoint of the later site. Sites in order of their names.
pub(crate) fn databases(documents: &Documents, sites: &[ResolvedSite]) -> Vec<Diagnostic> {
    let mut held: BTreeMap<Database, Holder<'_>> = BTreeMap::new();
    let mut found = Vec::new();
    for site in sites {
        let nodes = site.servers.iter().flat_map(|server| &server.nodes);
        for node in nodes.filter(|node| node.id.kind == NodeKind::SqlDatabase) {
            let (Some(endpoint), Ok(name)) =
                (&node.endpoint, node.id.name.as_str().parse::<SqlDatabaseName>())
            else {
                continue;
            };
            let claim = (endpoint.address.instance(), name.parts().1.to_lowercase());
            let Some(first) = held.get(&claim) else {
                held.insert(claim, Holder { site: &site.site, node: &node.id });
                continue;
            };
            let place = documents.site(&site.site).and_then(|(document, own)| {
                own.endpoints
                    .get(&endpoint.name)
                    .map(|endpoint: &SiteEndpoint| (document, endpoint.address.place))
            });
            found.extend(place.map(|(document, place)| {
                let problem = format!(
                    "{} of {} on {} is {} of {} already",
                    node.id, site.site, endpoint.address, first.node, first.site
                );
                let advice =
                    "name another database or another SQL Server; two sites in one database destroy each other's data";
                document.diagnostic(place, "database-taken", problem, advice)
            }));
        }
    }
    found
}
