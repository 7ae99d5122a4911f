//! Parameters that may be set only once, compared between what was installed and what is wanted now.
//!
//! Neighbours: the controller knows which documents a site was installed from, `layers` settles both. Compares resolved
//! values, so that a change of any layer counts.

use std::collections::BTreeMap;

use super::layers::{self, Layer};
use super::{Resolver, open};
use crate::diagnostic::Diagnostic;
use crate::document::{Document, Documents, Place, SiteServer};
use crate::name::{ParameterName, Role, Slug};
use crate::value::Value;
use crate::view::LayerName;

/// A parameter of one server.
struct Settled<'a> {
    value: Value,
    fixed: bool,
    document: &'a Document,
    place: Place,
}

type All<'a> = BTreeMap<(Role, ParameterName), Settled<'a>>;

/// Every `fixed` parameter of a site that `wanted` gives another value than it was `installed` with, at the value that won.
/// One that `held`, the documents before the push, changed already is not said again. `when` says who installed and when,
/// to follow "was installed".
pub fn changed_fixed(
    installed: &Documents,
    held: &Documents,
    wanted: &Documents,
    site: &Slug,
    when: &str,
) -> Vec<Diagnostic> {
    let (installed, held, wanted) = (all(installed, site), all(held, site), all(wanted, site));
    let mut found = Vec::new();
    for (key, now) in &wanted {
        let Some(before) = installed.get(key) else {
            continue;
        };
        let is_news = held.get(key).is_none_or(|held| held.value != now.value);
        if (before.fixed || now.fixed) && before.value != now.value && is_news {
            let (_, name) = key;
            found.push(now.document.diagnostic(
                now.place,
                "fixed-parameter",
                format!(
                    "the parameter `{name}` of the site {site} is fixed: it was installed as `{}` {when}, and cannot become `{}`",
                    before.value, now.value
                ),
                format!("give it `{}` again; another value needs a new installation, as a new site", before.value),
            ));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The parameters of every server; none where the site is not there.
fn all<'a>(documents: &'a Documents, site: &Slug) -> All<'a> {
    let Ok(mut resolver) = open(documents, site) else {
        return All::new();
    };
    let (document, site) = resolver.site;
    let mut all = All::new();
    for (role, server) in &site.servers {
        of_server(&mut resolver, document, role, server, &mut all);
    }
    all
}

fn of_server<'a>(
    resolver: &mut Resolver<'a>,
    document: &'a Document,
    role: &Role,
    server: &'a SiteServer,
    all: &mut All<'a>,
) {
    let (product_document, product) = resolver.product;
    let own = [
        Layer { name: LayerName::Site, document, values: &resolver.site.1.parameters },
        Layer { name: LayerName::Server, document, values: &server.parameters },
    ];
    let parameters = resolver.parameters(own);
    let layers = resolver.layers(own);
    for (name, value) in parameters.values {
        let Some(parameter) = product.parameters.get(&name) else {
            continue;
        };
        let winner = layers::candidates(product_document, parameter, &layers).pop();
        let (document, place) = winner
            .map_or((product_document, parameter.name.place), |winner| (winner.document, winner.raw.place));
        let settled = Settled { value, fixed: parameter.fixed, document, place };
        all.insert((role.clone(), name), settled);
    }
}
