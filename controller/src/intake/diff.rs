//! The difference between two sets of documents, site by site.
//!
//! Neighbours: `super` lays a push over what is held, `muster_core::change` compares one server. Pure but for its place.

use muster_core::change;
use muster_core::compile::Wanted;
use muster_model::document::Documents;
use muster_model::name::{Revision, Role, Slug};
use muster_model::view::{DiffView, SiteDiff};

use super::catalog;

/// Every site of `all` that differs from what is held.
pub(super) fn view(
    revision: Revision,
    held: &Documents,
    all: &Documents,
) -> Result<DiffView, catalog::Error> {
    let mut sites = Vec::new();
    let mut count = 0;
    for name in all.sites() {
        count += 1;
        sites.extend(site(held, all, name)?);
    }
    Ok(DiffView { revision, all_sites: count, sites })
}

fn site(held: &Documents, all: &Documents, name: &Slug) -> Result<Option<SiteDiff>, catalog::Error> {
    let before = match held.site(name) {
        Some(_) => catalog::resolve(held, name)?.servers,
        None => Vec::new(),
    };
    let after = catalog::resolve(all, name)?.servers;
    let find =
        |servers: &[Wanted], role: &Role| servers.iter().position(|wanted| wanted.server.role == *role);
    let servers = after
        .iter()
        .filter_map(|wanted| {
            let old = find(&before, &wanted.server.role).map(|index| &before[index]);
            change::server(old, wanted)
        })
        .collect::<Vec<_>>();
    let gone: Vec<Role> = before
        .iter()
        .map(|wanted| &wanted.server.role)
        .filter(|role| find(&after, role).is_none())
        .cloned()
        .collect();
    let differs = !servers.is_empty() || !gone.is_empty();
    Ok(differs.then(|| SiteDiff { site: name.clone(), servers, gone }))
}
