//! From documents to what each server of one site should be, with nothing left to choose.
//!
//! Neighbours: `layers` settles parameters, `nodes` settles a server's nodes, `edges` their order; `muster-core` makes
//! manifests of the result. What is wrong is said with the place in the document that can be corrected.

mod bindings;
mod edges;
mod endpoint;
mod explain;
mod fixed;
mod found;
mod implied;
mod layers;
mod nodes;
mod ports;
mod rules;
mod settle;
#[cfg(test)]
mod tests;
mod together;

use std::collections::{BTreeMap, BTreeSet};

pub use explain::{Error as ExplainError, explain};
pub use fixed::changed_fixed;
use found::Found;
use layers::{Layer, Missing};
use settle::Parameters;
pub(crate) use settle::secret_in_text;

use crate::diagnostic::Diagnostic;
use crate::document::{Client, Document, DocumentKey, Documents, Placed, Product, Ring, Site};
use crate::manifest::Node;
use crate::name::{HostName, ParameterName, ProductId, Role, ServerId, Slug};
use crate::near::did_you_mean;
use crate::value::Value;
use crate::view::LayerName;

/// A site with nothing left to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedSite {
    /// The site.
    pub site: Slug,
    /// Its product.
    pub product: ProductId,
    /// Its IANA time zone.
    pub time_zone: String,
    /// The settled parameters of the site; a server may have others of its own.
    pub parameters: BTreeMap<ParameterName, Value>,
    /// Its servers, in the order of the product's roles.
    pub servers: Vec<ResolvedServer>,
    /// What the product recommends and the site does otherwise.
    pub warnings: Vec<Diagnostic>,
}

/// A server with nothing left to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedServer {
    /// Its role.
    pub role: Role,
    /// Its computer name.
    pub host: HostName,
    /// Its nodes, in the order of the product's file.
    pub nodes: Vec<Node>,
}

/// Settles a site: parameters layer by layer, conditions, expressions, edges.
///
/// # Errors
/// Every mistake that keeps this site from being settled.
pub fn resolve(documents: &Documents, site: &Slug) -> Result<ResolvedSite, Vec<Diagnostic>> {
    let found = settled(documents, site);
    found.map_err(|mistakes| {
        mistakes.into_iter().map(|mistake| of_site(mistake, documents, &[site])).collect()
    })
}

/// Names the sites in a mistake that shows in another document than theirs.
pub(crate) fn of_site(mut mistake: Diagnostic, documents: &Documents, sites: &[&Slug]) -> Diagnostic {
    if let Some(site) = sites.first().filter(|site| {
        documents.site(site).is_some_and(|(document, _)| document.source().path != mistake.path)
    }) {
        mistake.problem += &match sites.len() {
            1 => format!(" (for the site {site})"),
            number => format!(" (for the site {site} and {} more)", number - 1),
        };
    }
    mistake
}

/// As [`resolve`], with the mistakes not yet bound to the site: several sites may share one.
pub(crate) fn settled(documents: &Documents, name: &Slug) -> Result<ResolvedSite, Vec<Diagnostic>> {
    let mut resolver = open(documents, name)?;
    let site = resolver.site.1;
    let parts = resolver.roles().and_then(|()| resolver.servers());
    match parts {
        Some((parameters, servers)) if resolver.found.is_empty() => Ok(ResolvedSite {
            site: site.name.clone(),
            product: site.product.value.clone(),
            time_zone: site.time_zone.clone(),
            parameters,
            servers,
            warnings: resolver.found.warnings(),
        }),
        Some(_) | None => Err(resolver.found.finish()),
    }
}

/// The documents that a site names, found. What is not there is a mistake already in the resolver, or, for the product, the
/// end.
fn open<'a>(documents: &'a Documents, name: &Slug) -> Result<Resolver<'a>, Vec<Diagnostic>> {
    let Some((document, site)) = documents.site(name) else {
        let problem = format!("there is no Site {name}");
        return Err(vec![Diagnostic::of_file(
            "",
            "unknown-site",
            problem,
            "push its document, or correct the name",
        )]);
    };
    let mut found = Found::default();
    let ring = site.ring.as_ref().and_then(|ring| documents.ring(&ring.value));
    if ring.is_none() {
        site.ring.iter().for_each(|ring| unknown_ring(documents, document, ring, &mut found));
    }
    let client = documents.client(&site.client.value);
    if client.is_none() {
        unknown_client(documents, document, site, &mut found);
    }
    let Some(product) = documents.product(&site.product.value) else {
        unknown_product(documents, document, site, &mut found);
        return Err(found.finish());
    };
    Ok(Resolver { site: (document, site), ring, client, product, found })
}

/// A product by itself: its defaults, and edges between nodes whose names need no site.
pub(crate) fn by_itself(document: &Document, product: &Product) -> Vec<Diagnostic> {
    let mut found = Found::default();
    layers::settle((document, product), &[], None, &mut found);
    edges::settle(document, &nodes::as_written(product), &BTreeSet::new(), &mut found);
    found.finish()
}

struct Resolver<'a> {
    site: (&'a Document, &'a Site),
    ring: Option<(&'a Document, &'a Ring)>,
    client: Option<(&'a Document, &'a Client)>,
    product: (&'a Document, &'a Product),
    found: Found,
}

impl<'a> Resolver<'a> {
    /// Every role of the product has a server, and no other role has one. Nothing where no server can be settled.
    fn roles(&mut self) -> Option<()> {
        let (document, site) = self.site;
        let roles: Vec<&Role> = self.product.1.roles.iter().map(|role| &role.value).collect();
        let known: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        for (role, server) in &site.servers {
            if !roles.contains(&role) {
                let problem = format!("{} has no role `{role}`", site.product.value);
                let advice = did_you_mean(role.as_str(), &known);
                self.found.push(document, server.role.place, "unknown-role", problem, advice);
            }
        }
        let optional = &self.product.1.optional_roles;
        let missing =
            roles.iter().filter(|role| !site.servers.contains_key(**role) && !optional.contains(**role));
        for role in missing {
            let problem = format!("{} wants a server `{role}`, and the site names none", site.product.value);
            let advice = format!("add `{role}: {{name: COMPUTER}}` under `servers:`");
            self.found.push(document, site.servers_key.place, "missing-role", problem, advice);
        }
        roles.iter().any(|role| site.servers.contains_key(*role)).then_some(())
    }

    fn servers(&mut self) -> Option<(BTreeMap<ParameterName, Value>, Vec<ResolvedServer>)> {
        let (document, site) = self.site;
        let own = Layer { name: LayerName::Site, document, values: &site.parameters };
        layers::no_unknown(own, self.product.1, &mut self.found);
        let mut nodes = Vec::new();
        let mut whole = true;
        for role in &self.product.1.roles {
            if let Some(server) = site.servers.get(&role.value) {
                let values = Layer { name: LayerName::Server, document, values: &server.parameters };
                layers::no_unknown(values, self.product.1, &mut self.found);
                let parameters = self.parameters([own, values]);
                self.rules(&[own, values], &parameters);
                let layers = self.layers([own, values]);
                ports::check(self.product, &role.value, &layers, &parameters, &mut self.found);
                let (document, product) = self.product;
                let server = ServerId { site: site.name.clone(), role: role.value.clone() };
                match nodes::settle(document, product, &server, &parameters, &mut self.found) {
                    Some(settled) => nodes.extend(settled),
                    None => whole = false,
                }
            }
        }
        if !whole {
            return None;
        }
        let optional = self.product.1.optional_roles.iter();
        let left_out = optional.filter(|role| !site.servers.contains_key(*role)).cloned().collect();
        let mut linked = edges::settle(self.product.0, &nodes, &left_out, &mut self.found);
        endpoint::settle(self.site, self.product.1, &mut linked, &mut self.found);
        let servers = self.product.1.roles.iter().filter_map(|role| {
            let host = site.servers.get(&role.value)?.host.value.clone();
            let nodes =
                linked.iter().filter(|(of, _)| *of == role.value).map(|(_, node)| node.clone()).collect();
            Some(ResolvedServer { role: role.value.clone(), host, nodes })
        });
        let servers = servers.collect();
        Some((self.of_site(), servers))
    }

    /// The product's rules, for one server.
    fn rules(&mut self, own: &[Layer<'a>], parameters: &Parameters) {
        let (document, site) = self.site;
        rules::check(self.product, (document, site.name_key.place), own, parameters, &mut self.found);
    }

    /// The parameters as the site alone has them. One that only servers give is not among them, and no mistake: what is
    /// wrong with the others was found with the servers.
    fn of_site(&self) -> BTreeMap<ParameterName, Value> {
        let (document, site) = self.site;
        let layers = self.layers([Layer { name: LayerName::Site, document, values: &site.parameters }]);
        layers::settle(self.product, &layers, None, &mut Found::default()).values
    }

    fn parameters(&mut self, own: [Layer<'a>; 2]) -> Parameters {
        let (document, site) = self.site;
        let layers = self.layers(own);
        let missing = Missing { document, place: site.parameters_key.place };
        layers::settle(self.product, &layers, Some(missing), &mut self.found)
    }

    /// The layers over the product's defaults, lowest first.
    fn layers<const N: usize>(&self, own: [Layer<'a>; N]) -> Vec<Layer<'a>> {
        let ring = self.ring.map(|(document, ring)| Layer {
            name: LayerName::Ring,
            document,
            values: &ring.parameters,
        });
        let client = self.client.map(|(document, client)| Layer {
            name: LayerName::Client,
            document,
            values: &client.parameters,
        });
        ring.into_iter().chain(client).chain(own).collect()
    }
}

/// Advice for a document that is not there. Where none of its kind is, it was most likely left out.
fn known_or_all(wanted: &str, kind: &str, known: impl Iterator<Item = String>) -> String {
    let mut known = known.peekable();
    if known.peek().is_none() {
        return format!(
            "no file here holds a {kind}; name the folder that holds all documents, or push it before"
        );
    }
    did_you_mean(wanted, known)
}

fn unknown_ring(documents: &Documents, document: &Document, ring: &Placed<Slug>, found: &mut Found) {
    let known = documents.iter().map(Document::key).filter(|key| matches!(key, DocumentKey::Ring(_)));
    let wanted = &ring.value;
    let advice = known_or_all(wanted.as_str(), "Ring", known.map(DocumentKey::name));
    found.push(document, ring.place, "unknown-ring", format!("there is no Ring {wanted}"), advice);
}

fn unknown_client(documents: &Documents, document: &Document, site: &Site, found: &mut Found) {
    let known = documents.iter().map(Document::key).filter(|key| matches!(key, DocumentKey::Client(_)));
    let wanted = &site.client.value;
    let advice = known_or_all(wanted.as_str(), "Client", known.map(DocumentKey::name));
    found.push(document, site.client.place, "unknown-client", format!("there is no Client {wanted}"), advice);
}

fn unknown_product(documents: &Documents, document: &Document, site: &Site, found: &mut Found) {
    let known = documents.iter().map(Document::key).filter(|key| matches!(key, DocumentKey::Product(_)));
    let wanted = site.product.value.to_string();
    let advice = known_or_all(&wanted, "Product", known.map(DocumentKey::name));
    found.push(
        document,
        site.product.place,
        "unknown-product",
        format!("there is no Product {wanted}"),
        advice,
    );
}
