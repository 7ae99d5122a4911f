//! Parameters settled layer by layer: product default, ring, client, site, server.
//!
//! Neighbours: `mod` lists the layers, `settle` works out one value. A layer replaces a value whole. Values are settled in
//! the order in which they name each other; a circle is shown.

use std::collections::{BTreeMap, BTreeSet};

use super::found::Found;
use super::settle::{Parameters, Unsettled};
use crate::document::{Document, Place, Placed, Product, Raw, Values, collect};
use crate::expression::Template;
use crate::graph;
use crate::name::ParameterName;
use crate::near::did_you_mean;
use crate::parameter::Parameter;
use crate::value::Value;

/// Values of one document; of two layers the later one wins.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) document: &'a Document,
    pub(super) values: &'a Values,
}

/// A parameter with the value that won, and where that is written.
struct Chosen<'a> {
    parameter: &'a Parameter,
    document: &'a Document,
    raw: &'a Placed<Raw>,
}

/// Where a missing value should have been written.
#[derive(Clone, Copy)]
pub(super) struct Missing<'a> {
    pub(super) document: &'a Document,
    pub(super) place: Place,
}

/// Settles every parameter of the product. Without a place for missing values, these are no mistake.
pub(super) fn settle(
    product: (&Document, &Product),
    layers: &[Layer<'_>],
    missing: Option<Missing<'_>>,
    found: &mut Found,
) -> Parameters {
    let mut parameters = Parameters::default();
    let mut chosen = Vec::new();
    for parameter in product.1.parameters.values() {
        match choose(product.0, parameter, layers) {
            Some(choice) => chosen.push(choice),
            None => {
                parameters.failed.insert(parameter.name.value.to_string());
                missing.iter().for_each(|missing| missing.report(parameter, product.1, found));
            }
        }
    }
    for index in ordered(&chosen, &mut parameters.failed, found) {
        let choice = &chosen[index];
        let name = &choice.parameter.name.value;
        match one(choice, &parameters, found) {
            Some(value) => {
                parameters.values.insert(name.clone(), value);
            }
            None => {
                parameters.failed.insert(name.to_string());
            }
        }
    }
    parameters
}

impl Missing<'_> {
    fn report(&self, parameter: &Parameter, product: &Product, found: &mut Found) {
        let name = &parameter.name.value;
        let problem =
            format!("the parameter `{name}` has no value, and {} has no default for it", product.id);
        let advice = format!("add `{name}: ...` under `parameters:` of {}", self.document.key());
        found.push(self.document, self.place, "missing-parameter", problem, advice);
    }
}

fn choose<'a>(product: &'a Document, parameter: &'a Parameter, layers: &[Layer<'a>]) -> Option<Chosen<'a>> {
    let given = layers.iter().rev().find_map(|layer| {
        let given = layer.values.get(&parameter.name.value)?;
        Some((layer.document, &given.value))
    });
    let (document, raw) = given.or_else(|| Some((product, parameter.default.as_ref()?)))?;
    Some(Chosen { parameter, document, raw })
}

/// The order in which values name each other; those of a circle are reported and left out, as far as they depend on it.
fn ordered(chosen: &[Chosen<'_>], failed: &mut BTreeSet<String>, found: &mut Found) -> Vec<usize> {
    let index_of: BTreeMap<&str, usize> = chosen
        .iter()
        .enumerate()
        .map(|(index, choice)| (choice.parameter.name.value.as_str(), index))
        .collect();
    let mut edges = Vec::new();
    for (index, choice) in chosen.iter().enumerate() {
        for name in names(choice.raw) {
            edges.extend(index_of.get(name.as_str()).map(|before| (*before, index)));
        }
    }
    loop {
        match graph::order(chosen.len(), &edges) {
            Ok(order) => {
                return order
                    .into_iter()
                    .filter(|index| !failed.contains(chosen[*index].parameter.name.value.as_str()))
                    .collect();
            }
            Err(cycles) => {
                for cycle in cycles {
                    report_cycle(&cycle, chosen, failed, found);
                    edges.retain(|(_, to)| !cycle.contains(to));
                }
            }
        }
    }
}

fn report_cycle(cycle: &[usize], chosen: &[Chosen<'_>], failed: &mut BTreeSet<String>, found: &mut Found) {
    // Edges point from what is named to what names it; people read it the other way.
    let path: Vec<&str> =
        cycle.iter().rev().map(|index| chosen[*index].parameter.name.value.as_str()).collect();
    failed.extend(path.iter().map(|name| (*name).to_owned()));
    if let Some(first) = cycle.first().map(|index| &chosen[*index]) {
        found.push(
            first.document,
            first.raw.place,
            "parameter-cycle",
            format!("parameters name each other in a circle: {}", path.join(" -> ")),
            "give one of them a value without the others",
        );
    }
}

fn names(raw: &Placed<Raw>) -> BTreeSet<String> {
    let mut texts = Vec::new();
    collect(raw, &mut texts);
    texts
        .iter()
        .filter_map(|text| Template::parse(text.value).ok())
        .flat_map(|template| template.names())
        .collect()
}

/// One value, of the parameter's type, or nothing where it was reported.
fn one(choice: &Chosen<'_>, parameters: &Parameters, found: &mut Found) -> Option<Value> {
    let value = match parameters.value(choice.raw) {
        Ok(value) => value,
        Err(Unsettled::Reported) => return None,
        Err(Unsettled::Mistakes(mistakes)) => {
            found.problems(choice.document, mistakes);
            return None;
        }
    };
    let name = &choice.parameter.name.value;
    match choice.parameter.ty.check(&value) {
        Ok(()) => Some(value),
        Err(unfit) => {
            found.push(
                choice.document,
                choice.raw.place,
                "wrong-value",
                format!("the parameter `{name}` is `{value}`, which does not fit its type"),
                format!("wanted: {}", unfit.wanted),
            );
            None
        }
    }
}

/// Reports values for parameters that the product does not have.
pub(super) fn no_unknown(layer: Layer<'_>, product: &Product, found: &mut Found) {
    let known: Vec<&str> = product.parameters.keys().map(ParameterName::as_str).collect();
    for (name, given) in layer.values {
        if !product.parameters.contains_key(name) {
            found.push(
                layer.document,
                given.key.place,
                "unknown-parameter",
                format!("{} has no parameter `{name}`", product.id),
                did_you_mean(name.as_str(), &known),
            );
        }
    }
}
