//! The ports on which one server listens: no two of its parameters may have the same (G6).
//!
//! Neighbours: `mod` calls it for each server, `layers` settled the parameters. A port of the type `port` is one that the
//! server itself listens on; the port of something elsewhere is an `integer`.

use std::collections::BTreeMap;

use super::found::Found;
use super::layers::{self, Layer};
use super::settle::Parameters;
use crate::document::{Document, Place, Product};
use crate::name::Role;
use crate::parameter::{Parameter, ParameterType};
use crate::value::Value;

/// Reports each port that two parameters of this server share, where the later of the two values is written.
pub(super) fn check(
    product: (&Document, &Product),
    role: &Role,
    layers: &[Layer<'_>],
    parameters: &Parameters,
    found: &mut Found,
) {
    let mut taken: BTreeMap<i64, &Parameter> = BTreeMap::new();
    let ports = product.1.parameters.values().filter(|parameter| listens(parameter, role));
    for parameter in ports {
        let Some(port) = parameters.values.get(&parameter.name.value).and_then(Value::as_integer) else {
            continue;
        };
        let Some(first) = taken.get(&port) else {
            taken.insert(port, parameter);
            continue;
        };
        let (document, place) = later(product.0, first, parameter, layers);
        found.push(
            document,
            place,
            "port-taken",
            format!(
                "the parameters `{}` and `{}` are both {port} on the server `{role}`",
                first.name.value, parameter.name.value
            ),
            "give one of them another port; one that is computed from another moves with it (G6)",
        );
    }
}

fn listens(parameter: &Parameter, role: &Role) -> bool {
    parameter.ty == ParameterType::Port && parameter.role.as_ref().is_none_or(|listener| listener == role)
}

/// Where the value of the higher layer is written: it is the one that somebody chose.
fn later<'a>(
    product: &'a Document,
    one: &'a Parameter,
    other: &'a Parameter,
    layers: &[Layer<'a>],
) -> (&'a Document, Place) {
    let winner = |parameter| layers::candidates(product, parameter, layers).pop();
    let chosen = match (winner(one), winner(other)) {
        (Some(one), Some(other)) if one.layer > other.layer => Some(one),
        (one, other) => other.or(one),
    };
    chosen.map_or((product, other.name.place), |chosen| (chosen.document, chosen.raw.place))
}
