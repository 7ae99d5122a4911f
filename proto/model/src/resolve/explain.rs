//! Why a parameter of a site has its value: which layer won, where it is written, and what it shadows.
//!
//! Neighbours: `layers` settles, this repeats its choice for one parameter and keeps what lost. `muster explain` shows it.

use std::collections::BTreeSet;

use thiserror::Error;

use super::Resolver;
use super::found::Found;
use super::layers::{self, Candidate, Layer, taken};
use crate::diagnostic::Diagnostic;
use crate::document::{Documents, Raw, SiteServer};
use crate::name::{ParameterName, ProductId, Revision, Slug};
use crate::near::did_you_mean;
use crate::parameter::Parameter;
use crate::view::{ExplainView, ExplainedValue, LayerName, LayerValue, NamedValue};

/// Why there is nothing to explain.
#[derive(Debug, Error)]
pub enum Error {
    /// The site cannot be settled.
    #[error("the site cannot be settled: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Unsettled(Vec<Diagnostic>),
    /// The product has no such parameter.
    #[error("{product} has no parameter {parameter}; {advice}")]
    UnknownParameter {
        /// The site's product.
        product: ProductId,
        /// What was asked for.
        parameter: ParameterName,
        /// Parameters with names that are near, or all.
        advice: String,
    },
    /// No document gives a secret its value.
    #[error("{parameter} is a secret: no document gives it a value; see `muster secret list {site}`")]
    Secret {
        /// The site.
        site: Slug,
        /// The parameter.
        parameter: ParameterName,
    },
}

/// Explains a parameter; servers for which all of it is the same are named together.
///
/// # Errors
/// Where the site is not there or cannot be settled, or its product has no such parameter.
pub fn explain(
    documents: &Documents,
    revision: Revision,
    site: &Slug,
    name: &ParameterName,
) -> Result<ExplainView, Error> {
    let mut resolver = super::open(documents, site).map_err(Error::Unsettled)?;
    let (_, product) = resolver.product;
    let Some(parameter) = product.parameters.get(name) else {
        return Err(Error::UnknownParameter {
            product: product.id.clone(),
            parameter: name.clone(),
            advice: did_you_mean(name.as_str(), product.parameters.keys().map(ParameterName::as_str)),
        });
    };
    if parameter.ty.secret_form().is_some() {
        return Err(Error::Secret { site: site.clone(), parameter: name.clone() });
    }
    let mut values: Vec<ExplainedValue> = Vec::new();
    for role in &product.roles {
        let Some(server) = resolver.site.1.servers.get(&role.value) else {
            continue;
        };
        let Some(mut value) = one(&mut resolver, parameter, server) else {
            continue;
        };
        value.servers.push(role.value.clone());
        match values.iter_mut().find(|other| is_same(other, &value)) {
            Some(same) => same.servers.push(role.value.clone()),
            None => values.push(value),
        }
    }
    let mistakes = std::mem::take(&mut resolver.found).finish();
    if !mistakes.is_empty() {
        return Err(Error::Unsettled(mistakes));
    }
    Ok(ExplainView {
        site: site.clone(),
        revision,
        product: product.id.clone(),
        parameter: name.clone(),
        ty: parameter.ty.describe(),
        fixed: parameter.fixed,
        values,
    })
}

fn is_same(one: &ExplainedValue, other: &ExplainedValue) -> bool {
    let ExplainedValue { servers: _, value, from, reason, computed_from, shadows } = one;
    (value, from, reason, computed_from, shadows)
        == (&other.value, &other.from, &other.reason, &other.computed_from, &other.shadows)
}

/// The value for one server, or nothing after its mistakes were reported.
fn one<'a>(
    resolver: &mut Resolver<'a>,
    parameter: &'a Parameter,
    server: &'a SiteServer,
) -> Option<ExplainedValue> {
    let (product_document, _) = resolver.product;
    let (document, site) = resolver.site;
    let own = [
        Layer { name: LayerName::Site, document, values: &site.parameters },
        Layer { name: LayerName::Server, document, values: &server.parameters },
    ];
    let parameters = resolver.parameters(own);
    let force = taken(product_document, layers::forced(parameter, &parameters), &mut Found::default())?;
    let value = parameters.values.get(&parameter.name.value)?.clone();
    let mut candidates = layers::candidates(product_document, parameter, &resolver.layers(own));
    candidates.extend(force.map(|force| Candidate {
        layer: LayerName::Force,
        document: product_document,
        raw: &force.value,
    }));
    let winner = candidates.pop()?;
    let mut names: BTreeSet<String> = layers::names(winner.raw);
    names.extend(force.into_iter().flat_map(|force| force.when.value.names()));
    let computed_from = names.iter().filter_map(|name| {
        let parameter: ParameterName = name.parse().ok()?;
        let value = parameters.values.get(&parameter)?.clone();
        Some(NamedValue { parameter, value })
    });
    Some(ExplainedValue {
        servers: Vec::new(),
        value,
        from: origin(winner),
        reason: force.map(|force| force.reason.clone()),
        computed_from: computed_from.collect(),
        shadows: candidates.into_iter().rev().map(origin).collect(),
    })
}

fn origin(candidate: Candidate<'_>) -> LayerValue {
    LayerValue {
        layer: candidate.layer,
        document: candidate.document.key().to_string(),
        path: candidate.document.source().path.clone(),
        line: candidate.document.line(candidate.raw.place),
        written: written(&candidate.raw.value),
    }
}

/// The value as it is written, on one line where it can be.
fn written(raw: &Raw) -> String {
    match raw {
        Raw::Boolean(truth) => truth.to_string(),
        Raw::Integer(number) => number.to_string(),
        Raw::Text(text) => text.clone(),
        Raw::List(items) => {
            let items: Vec<String> = items.iter().map(|item| written(&item.value)).collect();
            format!("[{}]", items.join(", "))
        }
        Raw::Members(members) => {
            let members: Vec<String> =
                members.iter().map(|(key, value)| format!("{}: {}", key.value, value.value)).collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}
