//! Parameters settled layer by layer: product default, ring, client, site, server; over all of them what the
//! product forces.
//!
//! Neighbours: `mod` lists the layers, `settle` works out one value. A layer replaces a value whole. Values are settled in
//! the order in which they name each other; a circle is shown.

use std::collections::{BTreeMap, BTreeSet};

use super::found::Found;
use super::settle::{Parameters, Unsettled};
use crate::document::{Document, Place, Placed, Product, Raw, SECRET_IN_DOCUMENT, Values, collect};
use crate::expression::Template;
use crate::graph;
use crate::name::ParameterName;
use crate::near::did_you_mean;
use crate::parameter::{Force, Parameter};
use crate::value::Value;
use crate::view::LayerName;

/// Values of one document; of two layers the later one wins.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) name: LayerName,
    pub(super) document: &'a Document,
    pub(super) values: &'a Values,
}

/// A value that a layer has for a parameter, and where that is written.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) layer: LayerName,
    pub(super) document: &'a Document,
    pub(super) raw: &'a Placed<Raw>,
}

/// A parameter with the value that won; none where only `force` can give one.
struct Chosen<'a> {
    parameter: &'a Parameter,
    winner: Option<Candidate<'a>>,
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
    let chosen: Vec<Chosen<'_>> = product
        .1
        .parameters
        .values()
        .map(|parameter| {
            let winner = candidates(product.0, parameter, layers).pop();
            Chosen { parameter, winner }
        })
        .collect();
    for choice in chosen.iter().filter(|choice| choice.parameter.ty.secret_form().is_some()) {
        no_value(choice.parameter, &candidates(product.0, choice.parameter, layers), found);
        parameters.secrets.insert(choice.parameter.name.value.to_string());
    }
    for index in ordered(product.0, &chosen, &mut parameters.failed, found) {
        let choice = &chosen[index];
        if choice.parameter.ty.secret_form().is_some() {
            continue;
        }
        let name = &choice.parameter.name.value;
        match one(product, choice, &parameters, missing, found) {
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

/// No layer gives a secret its value; the line is not shown.
fn no_value(parameter: &Parameter, given: &[Candidate<'_>], found: &mut Found) {
    for candidate in given {
        let name = &parameter.name.value;
        found.push(
            candidate.document,
            candidate.raw.place,
            SECRET_IN_DOCUMENT,
            format!("the parameter `{name}` is a secret, and {} gives it a value", candidate.document.key()),
            format!("remove the line, and set it: muster secret set SITE {name}"),
        );
    }
}

/// What the product and the layers have for a parameter, lowest first: the last one wins.
pub(super) fn candidates<'a>(
    product: &'a Document,
    parameter: &'a Parameter,
    layers: &[Layer<'a>],
) -> Vec<Candidate<'a>> {
    let default =
        parameter.default.as_ref().map(|raw| Candidate { layer: LayerName::Default, document: product, raw });
    let given = layers.iter().filter_map(|layer| {
        let raw = &layer.values.get(&parameter.name.value)?.value;
        Some(Candidate { layer: layer.name, document: layer.document, raw })
    });
    default.into_iter().chain(given).collect()
}

/// The value that the product forces on a parameter, whatever the layers say.
pub(super) fn forced<'p>(
    parameter: &'p Parameter,
    parameters: &Parameters,
) -> Result<Option<&'p Force>, Unsettled> {
    for force in &parameter.force {
        if parameters.holds(&force.when)? {
            return Ok(Some(force));
        }
    }
    Ok(None)
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

/// The order in which values name each other; those of a circle are reported and left out, as far as they depend on it.
fn ordered(
    product: &Document,
    chosen: &[Chosen<'_>],
    failed: &mut BTreeSet<String>,
    found: &mut Found,
) -> Vec<usize> {
    let index_of: BTreeMap<&str, usize> = chosen
        .iter()
        .enumerate()
        .map(|(index, choice)| (choice.parameter.name.value.as_str(), index))
        .collect();
    let mut edges = Vec::new();
    for (index, choice) in chosen.iter().enumerate() {
        for name in names_of(choice) {
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
                    report_cycle(product, &cycle, chosen, failed, found);
                    edges.retain(|(_, to)| !cycle.contains(to));
                }
            }
        }
    }
}

fn report_cycle(
    product: &Document,
    cycle: &[usize],
    chosen: &[Chosen<'_>],
    failed: &mut BTreeSet<String>,
    found: &mut Found,
) {
    // Edges point from what is named to what names it; people read it the other way.
    let path: Vec<&str> =
        cycle.iter().rev().map(|index| chosen[*index].parameter.name.value.as_str()).collect();
    failed.extend(path.iter().map(|name| (*name).to_owned()));
    if let Some(first) = cycle.first().map(|index| &chosen[*index]) {
        let (document, place) = first
            .winner
            .map_or((product, first.parameter.name.place), |winner| (winner.document, winner.raw.place));
        found.push(
            document,
            place,
            "parameter-cycle",
            format!("parameters name each other in a circle: {}", path.join(" -> ")),
            "give one of them a value without the others",
        );
    }
}

/// The parameters that must be settled before this one.
fn names_of(choice: &Chosen<'_>) -> BTreeSet<String> {
    let mut all: BTreeSet<String> =
        choice.winner.map(|winner| names(winner.raw)).into_iter().flatten().collect();
    for force in &choice.parameter.force {
        all.extend(force.when.value.names());
        all.extend(names(&force.value));
    }
    all
}

/// The parameters that the expressions of a value name.
pub(super) fn names(raw: &Placed<Raw>) -> BTreeSet<String> {
    let mut texts = Vec::new();
    collect(raw, &mut texts);
    texts
        .iter()
        .filter_map(|text| Template::parse(text.value).ok())
        .flat_map(|template| template.names())
        .collect()
}

/// One value, of the parameter's type, or nothing where it was reported.
fn one(
    product: (&Document, &Product),
    choice: &Chosen<'_>,
    parameters: &Parameters,
    missing: Option<Missing<'_>>,
    found: &mut Found,
) -> Option<Value> {
    let parameter = choice.parameter;
    let force = taken(product.0, forced(parameter, parameters), found)?;
    let given = match choice.winner {
        Some(winner) => Some(typed(parameter, winner, parameters, found)?),
        None => None,
    };
    let Some(force) = force else {
        if given.is_none() {
            missing.iter().for_each(|missing| missing.report(parameter, product.1, found));
        }
        return given;
    };
    let candidate = Candidate { layer: LayerName::Force, document: product.0, raw: &force.value };
    let value = typed(parameter, candidate, parameters, found)?;
    match (choice.winner, given) {
        (Some(winner), Some(given)) if winner.layer != LayerName::Default && given != value => {
            let name = &parameter.name.value;
            found.push(
                winner.document,
                winner.raw.place,
                "forced-value",
                format!(
                    "the parameter `{name}` is `{given}`, and {} forces `{value}`: {}",
                    product.1.id, force.reason
                ),
                format!(
                    "remove it, or write `{name}: {value}`; it is forced when `{}`",
                    force.when.value.source()
                ),
            );
            None
        }
        (Some(_) | None, _) => Some(value),
    }
}

/// A written value, settled and of the parameter's type, or nothing where it was reported.
fn typed(
    parameter: &Parameter,
    written: Candidate<'_>,
    parameters: &Parameters,
    found: &mut Found,
) -> Option<Value> {
    let value = taken(written.document, parameters.value(written.raw), found)?;
    match parameter.ty.check(&value) {
        Ok(()) => Some(value),
        Err(unfit) => {
            found.push(
                written.document,
                written.raw.place,
                "wrong-value",
                format!("the parameter `{}` is `{value}`, which does not fit its type", parameter.name.value),
                format!("wanted: {}", unfit.wanted),
            );
            None
        }
    }
}

/// The value, or nothing after its mistakes were reported.
pub(super) fn taken<T>(document: &Document, settled: Result<T, Unsettled>, found: &mut Found) -> Option<T> {
    match settled {
        Ok(value) => Some(value),
        Err(Unsettled::Reported) => None,
        Err(Unsettled::Mistakes(mistakes)) => {
            found.problems(document, mistakes);
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
