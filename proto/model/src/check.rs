//! Documents checked together: every reference, every site, every order.
//!
//! Neighbours: `muster validate` calls it on a folder, the controller on a push laid over what it has stored. A mistake
//! that many sites share is said once.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims;
use crate::diagnostic::{Diagnostic, listed};
use crate::document::{Body, Document, Documents, Placed, SECRET_IN_DOCUMENT, Site, Values, same_host};
use crate::name::{HostName, ParameterName, ProductId, Slug};
use crate::near::did_you_mean;
use crate::resolve::{self, ResolvedSite};

/// Every mistake that the documents have together, in order of path and line; none says that every site can be compiled.
pub fn check(documents: &Documents) -> Vec<Diagnostic> {
    look(documents).mistakes
}

/// What a look at documents found.
#[derive(Debug)]
pub struct Looked {
    /// Every mistake, as [`check`] lists them.
    pub mistakes: Vec<Diagnostic>,
    /// The sites that could be settled.
    sites: Vec<ResolvedSite>,
}

impl Looked {
    /// What products recommend and sites of this choice do otherwise, in order of path and line. A warning that many share is
    /// said once.
    pub fn warnings(&self, documents: &Documents, is_chosen: impl Fn(&Slug) -> bool) -> Vec<Diagnostic> {
        let mut found: BTreeMap<&Diagnostic, Vec<&Slug>> = BTreeMap::new();
        for site in self.sites.iter().filter(|site| is_chosen(&site.site)) {
            site.warnings.iter().for_each(|warning| found.entry(warning).or_default().push(&site.site));
        }
        let named = found.into_iter();
        named.map(|(warning, sites)| resolve::of_site(warning.clone(), documents, &sites)).collect()
    }
}

/// Looks at all documents together, as [`check`] does, and keeps what is allowed and yet worth a look.
pub fn look(documents: &Documents) -> Looked {
    let (mut found, sites) = sites(documents);
    found.extend(shared_layers(documents));
    found.extend(unused_products(documents));
    found.extend(hosts(documents));
    found.sort();
    found.dedup();
    Looked { mistakes: listed(found), sites }
}

/// Every site settled, and what they claim together; a mistake in a product is said once, with the sites that show it.
fn sites(documents: &Documents) -> (Vec<Diagnostic>, Vec<ResolvedSite>) {
    let mut mistakes: BTreeMap<Diagnostic, Vec<&Slug>> = BTreeMap::new();
    let mut settled = Vec::new();
    for site in documents.sites() {
        match resolve::settled(documents, site) {
            Ok(site) => settled.push(site),
            Err(found) => {
                found.into_iter().for_each(|mistake| mistakes.entry(mistake).or_default().push(site))
            }
        }
    }
    let mistakes = mistakes.into_iter();
    let mut found: Vec<_> =
        mistakes.map(|(mistake, sites)| resolve::of_site(mistake, documents, &sites)).collect();
    found.extend(claims::databases(documents, &settled));
    (found, settled)
}

/// The sites of a ring or client may have several products; a value that none of them has a parameter for is a mistake.
fn shared_layers(documents: &Documents) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for document in documents.iter() {
        match document.body() {
            Body::Ring(ring) => {
                let of_ring = |site: &Site| site.ring.as_ref().is_some_and(|name| name.value == ring.name);
                found.extend(unknown_parameters(documents, document, &ring.parameters, of_ring));
            }
            Body::Client(client) => {
                let of_client = |site: &Site| site.client.value == client.name;
                found.extend(unknown_parameters(documents, document, &client.parameters, of_client));
            }
            Body::Product(_) | Body::Site(_) => {}
        }
    }
    found
}

fn unknown_parameters(
    documents: &Documents,
    document: &Document,
    values: &Values,
    is_under: impl Fn(&Site) -> bool,
) -> Vec<Diagnostic> {
    let products: Option<Vec<_>> = all_sites(documents)
        .filter(|(_, site)| is_under(site))
        .map(|(_, site)| documents.product(&site.product.value).map(|(_, product)| product))
        .collect();
    // Without sites, or with a product that is not there, nobody can say which parameters are meant.
    let Some(products) = products.filter(|products| !products.is_empty()) else {
        return values_of_secrets(documents, document, values);
    };
    let known: BTreeSet<&str> =
        products.iter().flat_map(|product| product.parameters.keys()).map(|name| name.as_str()).collect();
    let list: Vec<&str> = known.iter().copied().collect();
    let of_whom = document.key().kind().to_lowercase();
    let unknown = values.iter().filter(|(name, _)| !known.contains(name.as_str()));
    unknown
        .map(|(name, given)| {
            let problem = format!("no product of this {of_whom}'s sites has a parameter `{name}`");
            document.diagnostic(
                given.key.place,
                "unknown-parameter",
                problem,
                did_you_mean(name.as_str(), &list),
            )
        })
        .collect()
}

/// A layer without sites may already give a value to what some product calls a secret; it is not stored on trust.
fn values_of_secrets(documents: &Documents, document: &Document, values: &Values) -> Vec<Diagnostic> {
    let is_secret = |name: &ParameterName| {
        documents.iter().any(|document| match document.body() {
            Body::Product(product) => {
                product.parameters.get(name).is_some_and(|parameter| parameter.ty.secret_form().is_some())
            }
            Body::Ring(_) | Body::Client(_) | Body::Site(_) => false,
        })
    };
    let secret = values.iter().filter(|(name, _)| is_secret(name));
    secret
        .map(|(name, given)| {
            let problem =
                format!("the parameter `{name}` is a secret, and {} gives it a value", document.key());
            let advice = format!("remove the line, and set it: muster secret set SITE {name}");
            document.diagnostic(given.value.place, SECRET_IN_DOCUMENT, problem, advice)
        })
        .collect()
}

/// A product that no site has yet is checked as far as it goes by itself.
fn unused_products(documents: &Documents) -> Vec<Diagnostic> {
    let used: BTreeSet<&ProductId> = all_sites(documents).map(|(_, site)| &site.product.value).collect();
    let mut found = Vec::new();
    for document in documents.iter() {
        if let Body::Product(product) = document.body()
            && !used.contains(&product.id)
        {
            found.extend(resolve::by_itself(document, product));
        }
    }
    found
}

/// One computer belongs to one site.
fn hosts(documents: &Documents) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut seen: BTreeMap<String, (&Document, &Placed<HostName>)> = BTreeMap::new();
    for (document, site) in all_sites(documents) {
        for server in site.servers.values() {
            let first =
                seen.entry(server.host.value.as_str().to_lowercase()).or_insert((document, &server.host));
            if first.0.key() != document.key() && same_host(&first.1.value, &server.host.value) {
                found.push(document.diagnostic(
                    server.host.place,
                    "duplicate-host",
                    format!("{} belongs to {} already", server.host.value, first.0.key()),
                    "name another computer; one computer belongs to one site",
                ));
            }
        }
    }
    found
}

fn all_sites(documents: &Documents) -> impl Iterator<Item = (&Document, &Site)> {
    documents.sites().filter_map(|name| documents.site(name))
}
