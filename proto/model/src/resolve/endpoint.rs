//! The SQL Server of each node that is about one: the product says its name, the site where it is.
//!
//! Neighbours: `edges` has the nodes in order. Databases are known by endpoint and name, whichever server's agent looks.

use super::found::Found;
use crate::document::{Document, Product, Site, SiteEndpoint};
use crate::manifest::{Endpoint, Node, SqlLogin};
use crate::name::{Role, SecretVersion, Slug, SqlDatabaseName};
use crate::near::did_you_mean;
use crate::node::NodeKind;
use crate::secret::SecretRef;
use crate::value::Value;

/// The database that a node is about: its own name, or the attribute that names it.
pub(super) fn database(node: &Node) -> Option<&str> {
    if node.id.kind == NodeKind::SqlDatabase {
        return Some(node.id.name.as_str());
    }
    let names_one = matches!(node.id.kind, NodeKind::SqlScripts | NodeKind::SqlBackup | NodeKind::SqlQuery);
    node.attributes.get("database").filter(|_| names_one).and_then(Value::as_text)
}

/// The endpoint that a node is about, or what is wrong with the name that it gives.
fn endpoint(node: &Node) -> Option<Result<&str, (String, &'static str)>> {
    if node.id.kind == NodeKind::Preflight {
        return node.attributes.get("sql_server").and_then(Value::as_text).map(Ok);
    }
    let database = database(node)?;
    Some(match database.split_once('/') {
        Some((endpoint, _)) if database.parse::<SqlDatabaseName>().is_ok() => Ok(endpoint),
        Some(_) | None => {
            let problem = format!("{} names the database {database:?}", node.id);
            Err((problem, "write endpoint/database, as in main/SXA"))
        }
    })
}

/// Puts its endpoint into each node; one that the site does not name is a mistake there.
pub(super) fn settle(
    site: (&Document, &Site),
    product: &Product,
    nodes: &mut [(Role, Node)],
    found: &mut Found,
) {
    passwords(site, product, found);
    let (document, site) = site;
    for (_, node) in nodes {
        let name = match endpoint(node) {
            None => continue,
            Some(Ok(name)) => name,
            Some(Err((problem, advice))) => {
                found.push(document, site.endpoints_key.place, "invalid-name", problem, advice);
                continue;
            }
        };
        let entry = name.parse::<Slug>().ok().and_then(|name| site.endpoints.get_key_value(&name));
        if let Some((name, endpoint)) = entry {
            node.endpoint = Some(settled(&site.name, name, endpoint));
            continue;
        }
        let problem =
            format!("{} wants the endpoint `{name}`, and the site names none of that name", node.id);
        let advice = if site.endpoints.is_empty() {
            format!(r"add under `endpoints:` a line {name}: {{address: 'HOST\INSTANCE'}}")
        } else {
            did_you_mean(name, site.endpoints.keys().map(Slug::as_str))
        };
        found.push(document, site.endpoints_key.place, "unknown-endpoint", problem, advice);
    }
}

/// What a node is told of its endpoint; at which version its secret is, is not the documents' to say.
fn settled(site: &Slug, name: &Slug, endpoint: &SiteEndpoint) -> Endpoint {
    let SiteEndpoint { address, login, trust_certificate, authority } = endpoint;
    let login = login.as_ref().map(|(login, secret)| SqlLogin {
        name: login.clone(),
        password: SecretRef { site: site.clone(), secret: secret.value.clone(), version: SecretVersion(0) },
    });
    Endpoint {
        name: name.clone(),
        address: address.value.clone(),
        login,
        trust_certificate: *trust_certificate,
        authority: authority.clone(),
    }
}

/// Every password is a secret of the product: that is where its form and its text for people are.
fn passwords((document, site): (&Document, &Site), product: &Product, found: &mut Found) {
    let secrets = || {
        let parameters = product.parameters.values();
        parameters
            .filter(|parameter| parameter.ty.secret_form().is_some())
            .map(|known| known.name.value.as_str())
    };
    for (_, secret) in site.endpoints.values().filter_map(|endpoint| endpoint.login.as_ref()) {
        if !secrets().any(|known| known == secret.value.as_str()) {
            let problem = format!("`{}` is no secret parameter of {}", secret.value, site.product.value);
            let advice = did_you_mean(secret.value.as_str(), secrets());
            found.push(document, secret.place, "not-a-secret", problem, advice);
        }
    }
}
